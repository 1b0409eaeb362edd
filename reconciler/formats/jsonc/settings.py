"""Reads and changes the settings of settings.json. How VS Code reads them stands in `tree.py`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from reconciler.formats.jsonc.insertion import NewItem
from reconciler.formats.jsonc.parts import ABSENT, Absent, Document, Json, JsoncError, Node, equal
from reconciler.formats.jsonc.paths import add, drop, node_at, put, with_root
from reconciler.formats.jsonc.removal import without
from reconciler.formats.jsonc.scanner import scan
from reconciler.formats.jsonc.tree import found, parts_of, tree_of
from reconciler.formats.jsonc.writing import require_json


def setting(text: str, name: str) -> Json | Absent:
    """What VS Code reads as the setting `name`, whole; it may be an object that several members make up."""
    return settings(text, [name])[name]


def settings(text: str, names: Iterable[str]) -> dict[str, Json | Absent]:
    """The same for many names at once."""
    return _settings(scan(text), names)


def members(text: str) -> dict[str, Json]:
    """The members of the document as they are written, each name with its last value."""
    return _members(scan(text))


def edit_settings(text: str, changes: Mapping[str, Json | Absent]) -> str:
    """`text` in which VS Code reads each setting as `changes` wants it, and all others as before.

    What already reads so is not touched. Else a setting is changed where its effective value stands; a new one, and one
    written only where it is hidden, becomes a last member. ABSENT removes it wherever it stands, hidden or not.

    Raises JsoncError when the document is malformed or hides what is wanted, ValueError for changes that contradict
    each other and for what is no JSON.
    """
    _require_compatible(changes)
    document = scan(text)
    before = _settings(document, changes)
    different = {name: wanted for name, wanted in changes.items() if not _same(before[name], wanted)}
    # Additions first: the members that go still show the style.
    document = _with_settings(document, {name: value for name, value in different.items() if value is not ABSENT})
    for name, wanted in different.items():
        if wanted is ABSENT:
            document = _without_setting(document, name)
    after = _settings(document, changes)
    assert all(_same(after[name], wanted) for name, wanted in changes.items())
    return document.text


def _members(document: Document) -> dict[str, Json]:
    value = document.root.value if document.root else None
    return value if isinstance(value, dict) else {}


def _settings(document: Document, names: Iterable[str]) -> dict[str, Json | Absent]:
    tree = tree_of(document)
    return {name: found(tree, name) for name in names}


def _same(one: Json | Absent, other: Json | Absent) -> bool:
    if one is ABSENT or other is ABSENT:
        return one is other
    return equal(one, other)


def _require_compatible(changes: Mapping[str, Json | Absent]) -> None:
    for name, wanted in changes.items():
        if wanted is not ABSENT:
            require_json(wanted)
        parts = parts_of(name)
        for length in range(1, len(parts)):
            if (other := ".".join(parts[:length])) in changes:
                raise ValueError(f"{name} is a part of {other}: one of them can be set, not both")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Standing:
    """How a setting stands in a document: the path of its effective value or of what hides it, if any, and the members
    of the root that add to it or would, were it an object."""

    path: tuple[str, ...] | None = None
    hidden_by: tuple[str, ...] | None = None
    added_to_by: tuple[str, ...] = ()


def _with_settings(document: Document, changes: Mapping[str, Json]) -> Document:
    document = with_root(document) if changes else document
    new: list[NewItem] = []
    for name, value in changes.items():
        standing = _standing(document, name)
        if standing.hidden_by is not None:
            raise _hidden(document, name, standing.hidden_by)
        if standing.path is not None:
            document = put(document, standing.path, value)
        elif standing.added_to_by or name in _members(document):
            # Those before it go then, for what counts is where a name first stands.
            document = drop(add(document, (), [(name, value)]), (name,), but_last=True)
        else:
            new.append((name, value))
        for key in standing.added_to_by:
            document = drop(document, (key,))
    return add(document, (), new)


def _hidden(document: Document, name: str, path: tuple[str, ...]) -> JsoncError:
    node = node_at(document, path)
    above = ".".join(path)
    what = f'"{above}" is no object and hides {name}: remove "{above}", or make it an object'
    return JsoncError(document.text, node.value_start, what)


def _standing(document: Document, name: str) -> _Standing:
    standing = _Standing()
    parts = parts_of(name)
    for key in _members(document):
        written = parts_of(key)
        if standing.hidden_by is not None and len(parts_of(".".join(standing.hidden_by))) < len(written):
            continue  # hidden by the same
        if parts[: len(written)] == written:
            standing = _descended(document, key, parts[len(written) :])
        elif written[: len(parts)] == parts:
            standing = _Standing(path=standing.path, added_to_by=(*standing.added_to_by, key))
    return standing


def _descended(document: Document, key: str, parts: tuple[str, ...]) -> _Standing:
    path: tuple[str, ...] = (key,)
    for part in parts:
        value = node_at(document, path).value
        if not isinstance(value, dict):
            return _Standing(hidden_by=path)
        if part not in value:
            return _Standing()
        path = (*path, part)
    return _Standing(path=path)


def _without_setting(document: Document, name: str) -> Document:
    while document.root and (place := next(_places(document.root, parts_of(name)), None)):
        document = scan(without(document.text, *place))
    return document


def _places(root: Node, parts: tuple[str, ...]) -> Iterator[tuple[Node, int]]:
    """All members that set the setting or something in it, hidden or not."""
    for index, item in enumerate(root.items):
        written = parts_of(item.key or "")
        if written[: len(parts)] == parts:
            yield root, index
        elif parts[: len(written)] == written:
            yield from _places_inside(item, parts[len(written) :])


def _places_inside(node: Node, parts: tuple[str, ...]) -> Iterator[tuple[Node, int]]:
    for index, item in enumerate(node.items):
        if item.key == parts[0]:
            if len(parts) == 1:
                yield node, index
            else:
                yield from _places_inside(item, parts[1:])
