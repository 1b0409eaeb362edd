"""What is wrong in one document, by its grammar and the kinds it names."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, islice

from reconciler.documents import connections, grammar, plain_text, validate
from reconciler.documents.grammar import OTHER_WORDS, RESERVED_SECRETS, Hints, Kinds
from reconciler.documents.load import MOST_PROBLEMS
from reconciler.documents.sections import entries, layer_sections
from reconciler.model.address import Layer
from reconciler.model.errors import Problem
from reconciler.model.schema import Schema
from reconciler.model.spelling import nearest
from reconciler.model.tree import Mapping


def schema_of(root: Mapping, kinds: Kinds) -> Schema:
    """A document's schema, with the kinds that stand in this one."""
    used = {
        layer: frozenset(key.text for section in layer_sections(root, layer) for key, _ in section) for layer in Layer
    }
    return grammar.document(kinds, used)


def check(schema: Schema, root: Mapping, kinds: Kinds, known: set[str], templates: Iterable[Problem]) -> list[Problem]:
    """By line. `known` has the digests of documents found good, and gets this one's; `templates` is wrong in templates."""
    layers = {name: f"it belongs under  {layer.value}:" for layer in Layer for name in kinds.names(layer)}
    unknown = (problem for layer in Layer for problem in _unknown_kinds(root, layer, kinds))
    first = chain(unknown, templates, connections.problems(root), _reserved_secrets(root))
    return _by_place(first, schema, root, known, {**layers, **OTHER_WORDS})


def check_machine_file(root: Mapping, known: set[str]) -> list[Problem]:
    """The same of a `machine.yaml`."""
    return _by_place((), grammar.MACHINE_FILE, root, known, OTHER_WORDS)


def _by_place(first: Iterable[Problem], schema: Schema, root: Mapping, known: set[str], hints: Hints) -> list[Problem]:
    """Where two have something to say of one place, the schema keeps quiet."""
    found = list(islice(chain(first, plain_text.problems(schema, root)), MOST_PROBLEMS))
    places = {problem.origin for problem in found}
    others = (problem for problem in validate.problems(schema, root, known, hints) if problem.origin not in places)
    found += islice(others, MOST_PROBLEMS - len(found))
    return sorted(dict.fromkeys(found), key=_position)


def _position(problem: Problem) -> tuple[str, int, int]:
    return (problem.origin.file, problem.origin.line, problem.origin.column) if problem.origin else ("", 0, 0)


def _reserved_secrets(root: Mapping) -> Iterable[Problem]:
    for key, _ in entries(root.get("secrets")):
        if key.text.lower() in RESERVED_SECRETS:
            what = f"{key.text} is kept for reaching machines; no document may use it"
            yield Problem(what, key.origin, fix="give this secret another name")


def _unknown_kinds(root: Mapping, layer: Layer, kinds: Kinds) -> Iterable[Problem]:
    names = sorted(kinds.names(layer))
    for section in layer_sections(root, layer):
        for key, _ in section:
            if key.text not in names:
                yield Problem(
                    f'unknown kind "{key.text}" in {layer}', key.origin, fix=_kind_fix(key.text, layer, kinds, names)
                )


def _kind_fix(word: str, layer: Layer, kinds: Kinds, names: list[str]) -> str:
    elsewhere = next((other for other in Layer if word in set(kinds.names(other))), None)
    if elsewhere:
        return f"it belongs under  {elsewhere}:"
    if word.lower() in OTHER_WORDS:
        return OTHER_WORDS[word.lower()]
    guess = nearest(word, names)
    if guess:
        return f"did you mean  {guess}:"
    return "kinds here: " + ", ".join(names) if names else f"no kinds of {layer} exist yet"
