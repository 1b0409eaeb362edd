"""Checks a document against the JSON Schema of its grammar and kinds, and says what is wrong in the writer's words.

The jsonschema library finds what is wrong; our schema nodes know what was expected there. A document that was found
good before is not checked again: the digests of good ones are handed in and out (start-up stays lean).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from reconciler.documents import reading
from reconciler.documents.grammar import Hints
from reconciler.model import tree
from reconciler.model.address import Layer
from reconciler.model.errors import Problem
from reconciler.model.json_schema import JsonSchema, published
from reconciler.model.schema import Boolean, KindBody, MapOf, Record, Schema, Text, child
from reconciler.model.spelling import nearest
from reconciler.model.tree import Node, Scalar, Sequence
from reconciler.model.values import RESERVED, Json

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

Path = tuple[str | int, ...]

_OTHER_BOOLEANS = {"yes": "true", "on": "true", "1": "true", "no": "false", "off": "false", "0": "false"}


def problems(schema: Schema, node: Node, known: set[str], hints: Hints) -> Iterator[Problem]:
    """Everything wrong with the document; `known` has the digests of what was found good, and gets this one if it is.

    Found one by one: whoever has seen enough stops asking.
    """
    contents = reading.data(schema, node)
    json_schema = published(schema)
    digest = hashlib.sha256(json.dumps([json_schema, contents], sort_keys=True).encode()).hexdigest()
    if digest in known:
        return
    is_good = True
    for error in _errors(json_schema, contents):
        is_good = False
        yield from _explained(schema, node, error, hints)
    if is_good:
        known.add(digest)


def _errors(json_schema: JsonSchema, contents: Json) -> Iterator[ValidationError]:
    from jsonschema import Draft202012Validator
    from referencing import Registry

    # The empty registry: nothing is ever fetched.
    for error in Draft202012Validator(json_schema, registry=Registry()).iter_errors(contents):
        yield from _innermost(error)


def _innermost(error: ValidationError) -> Iterator[ValidationError]:
    """Of alternatives that all fail, the errors of the one that was meant: the first that has the instance's type."""
    if not error.context or _is_reserved(error.instance):
        yield error
        return
    branches: dict[int, list[ValidationError]] = {}
    for inner in error.context:
        branches.setdefault(int(inner.schema_path[0]), []).append(inner)
    assert isinstance(error.schema, dict)
    alternatives = error.schema["anyOf"]
    meant = [
        number
        for number, inner in branches.items()
        if "$ref" not in alternatives[number] and not any(e.validator == "type" and not e.relative_path for e in inner)
    ]
    for inner in branches[meant[0] if meant else 0]:
        yield from _innermost(inner)


def _is_reserved(instance: object) -> bool:
    return isinstance(instance, dict) and len(instance) == 1 and next(iter(instance)) in RESERVED


def _explained(schema: Schema, node: Node, error: ValidationError, hints: Hints) -> Iterator[Problem]:
    path: Path = tuple(error.absolute_path)
    place, value = _schema_at(schema, path), _node_at(node, path)
    if error.validator == "additionalProperties" and isinstance(value, tree.Mapping):
        yield from _unknown_keys(place, path, value, hints)
    elif error.validator == "required":
        assert isinstance(error.validator_value, list) and isinstance(error.instance, dict)
        where = dotted(path) or "the document"
        for key in (key for key in error.validator_value if key not in error.instance):
            yield Problem(f"{where} lacks {key}", value.origin, fix=_example(child(place, key) if place else None, key))
    elif error.validator == "pattern" and "propertyNames" in error.absolute_schema_path:
        yield _bad_key(place, path, value, str(error.instance))
    else:
        yield _bad_value(place, path, value)


def _example(schema: Schema | None, key: str) -> str:
    return f"add  {key}: {'1' if key == 'version' else '…'}" + (f"  ({schema.expected})" if schema else "")


def _unknown_keys(place: Schema | None, path: Path, value: tree.Mapping, hints: Hints) -> Iterator[Problem]:
    known = known_keys(place)
    where = f" in {dotted(path)}" if path else ""
    for key, _ in value:
        if key.text in known:
            continue
        guess = nearest(key.text, known)
        fix = hints.get(key.text.lower()) or (f"did you mean  {guess}:" if guess else None)
        listed = ", ".join(known) if known else "nothing"
        yield Problem(f'unknown key "{key.text}"{where}', key.origin, fix=fix or f"known here: {listed}")


def known_keys(place: Schema | None) -> list[str]:
    match place:
        case Record(fields=fields):
            return list(fields)
        case KindBody(kind=kind):
            return [*known_keys(kind.items), *kind.options]
        case _:
            return []


def _bad_key(place: Schema | None, path: Path, value: Node, key: str) -> Problem:
    items = place.kind.items if isinstance(place, KindBody) else place
    expected = items.keys.expected if isinstance(items, MapOf) else "a name"
    name = value.key(key) if isinstance(value, tree.Mapping) else None
    return Problem(f'"{key}" in {dotted(path)} is not {expected}', name.origin if name else value.origin)


def _bad_value(place: Schema | None, path: Path, value: Node) -> Problem:
    where, expected = dotted(path) or "the document", place.expected if place else "something else"
    last = str(path[-1]) if path else ""
    if isinstance(value, Scalar):
        if value.is_null:
            return Problem(f"{where} has no value; expected {expected}", value.origin, fix=_null_fix(place, path))
        return Problem(
            f'{where} is "{value.text}"; expected {expected}', value.origin, fix=_scalar_fix(place, last, value.text)
        )
    if isinstance(value, tree.Mapping) and len(value.entries) == 1 and value.entries[0][0].text in RESERVED:
        return _bad_reserved(where, expected, value)
    is_empty = isinstance(value, Sequence) and not value.items
    shape = "an empty list" if is_empty else "a list" if isinstance(value, Sequence) else "a mapping"
    return Problem(f"{where} is {shape}; expected {expected}", value.origin)


def _bad_reserved(where: str, expected: str, value: tree.Mapping) -> Problem:
    ((key, said),) = value.entries
    if not (isinstance(said, Scalar) and said.text == "true"):
        return Problem(f"{key.text} is always true", said.origin, fix=f"write  {{{key.text}: true}}, or leave it out")
    other = "" if key.text == "unmanaged" else "; to leave it alone write {unmanaged: true}"
    return Problem(f"{where} cannot be {key.text}", value.origin, fix=f"expected {expected}{other}")


def _null_fix(place: Schema | None, path: Path) -> str | None:
    ways = ["write  {}  where nothing else is to be said"] if isinstance(place, Record | MapOf | KindBody) else []
    if len(_below_layer(path)) > 1:
        ways.append("to remove it write {absent: true}, to leave it alone {unmanaged: true}")
    return "; ".join(ways) or None


def _below_layer(path: Path) -> Path:
    """The part of a place that is inside a layer's section: kind, item, field."""
    inside = path[2:] if path[:1] == ("overlays",) else path
    return inside[1:] if inside and inside[0] in list(Layer) else ()


def _scalar_fix(place: Schema | None, key: str, text: str) -> str | None:
    if isinstance(place, Boolean):
        meant = _OTHER_BOOLEANS.get(text.lower(), text.lower())
        return f"write  {key}: {meant}" if meant in ("true", "false") else "write  true  or  false"
    if text in RESERVED:
        return f"write  {{{text}: true}}"
    choices = place.choices if isinstance(place, Text) else ()
    guess = nearest(text, choices) if choices else None
    return f"write  {key}: {guess}" if guess else None


def dotted(path: Path) -> str:
    """A place in a document in words: `distro.wsl_conf.boot.systemd`, `overlays[1].where`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _schema_at(schema: Schema, path: Path) -> Schema | None:
    place: Schema | None = schema
    for part in path:
        place = child(place, part) if place is not None else None
    return place


def _node_at(node: Node, path: Path) -> Node:
    for part in path:
        if isinstance(node, tree.Mapping) and isinstance(part, str):
            node = node.get(part) or node
        elif isinstance(node, Sequence) and isinstance(part, int):
            node = node.items[part]
    return node
