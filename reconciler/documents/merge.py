"""What all documents together say of one target: item by item, field by field, the higher rank wins.

Works on nodes, so that every leaf keeps the origin of the document that won.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from reconciler.documents import reading, where
from reconciler.documents.grammar import Kinds
from reconciler.documents.repository import Document, Repository
from reconciler.documents.sections import entries, overlays
from reconciler.documents.where import Place
from reconciler.model import tree
from reconciler.model.schema import FreeJson, KindSchema, MapOf, Record, Schema, child
from reconciler.model.tree import Node, Origin, Scalar, Sequence

OTHERS: Final = "its where: means others"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One item as one rank writes it."""

    kind: str
    name: str
    key: Scalar
    node: Node
    schema: Schema


@dataclass(slots=True, kw_only=True)
class MergedKind:
    """The merged items of one kind, in the order in which they were first written, and its reserved keys."""

    schema: KindSchema
    items: dict[str, tuple[Scalar, Node, Schema]] = field(default_factory=dict)
    options: dict[str, Node] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rank:
    """A section of a document: its plain one, or an overlay's. `ignored` says why it does not count at a place."""

    label: str
    document: Document
    holder: tree.Mapping
    ignored: str | None = None
    ended: str | None = None
    """The last day of an overlay that would count, if that day were not over."""


def ranks(repository: Repository, place: Place, today: date) -> Iterator[Rank]:
    """Every section there is, lowest first. A playbook counts once, at its lowest rank."""
    used: set[str] = set()
    for document in repository.documents:
        why = None if where.matches(document.where, place) else OTHERS
        if why is None and document.is_playbook and document.name in used:
            why = "it counts already, at its first use"
        if why is None:
            used.add(document.name)
        yield Rank(label=document.name, document=document, holder=document.root, ignored=why)
        for number, overlay in enumerate(overlays(document.root), start=1):
            yield _overlay(document, overlay, number, why, place, today)


def _overlay(
    document: Document, overlay: tree.Mapping, number: int, why: str | None, place: Place, today: date
) -> Rank:
    name, until = overlay.get("name"), overlay.get("until")
    label = name.text if isinstance(name, Scalar) else f"number {number}"
    if why is None and not where.matches(overlay.get("where"), place):
        why = OTHERS
    ended = None
    if why is None and isinstance(until, Scalar) and date.fromisoformat(until.text) < today:
        why, ended = "its until: is over", until.text
    return Rank(label=f"{document.name}, overlay {label}", document=document, holder=overlay, ignored=why, ended=ended)


def counting(repository: Repository, place: Place, today: date) -> Iterator[Rank]:
    """The ranks that count at the place, lowest first."""
    return (rank for rank in ranks(repository, place, today) if rank.ignored is None)


def written(rank: Rank, place: Place, kinds: Kinds) -> Iterator[Written]:
    """The items that a rank writes for the place."""
    for key, node in entries(rank.holder.get(place.target.layer.value)):
        schema = kinds.schema(place.target.layer, key.text)
        if schema is not None:
            for path, name, item in items(schema, node):
                item_schema = schema.item_schema(path)
                assert item_schema is not None
                yield Written(kind=key.text, name=schema.name_of(path), key=name, node=item, schema=item_schema)


def items(schema: KindSchema, node: Node) -> Iterator[tuple[tuple[str, ...], Scalar, Node]]:
    """The items under a kind's name, each with its path of keys, its key and its node."""
    if isinstance(node, Sequence):
        for name in node.items:
            assert isinstance(name, Scalar)
            yield (name.text,), name, tree.Mapping((), name.origin)
        return
    for key, value in node if isinstance(node, tree.Mapping) else ():
        if key.text in schema.options:
            continue
        yield from _below((key.text,), key, value, schema.depth_below(key.text))


def _below(
    path: tuple[str, ...], key: Scalar, node: Node, depth: int
) -> Iterator[tuple[tuple[str, ...], Scalar, Node]]:
    """The items at or below a node whose path so far is `path`."""
    if len(path) == depth:
        yield path, key, node
    elif isinstance(node, tree.Mapping):
        for inner, value in node:
            yield from _below((*path, inner.text), inner, value, depth)


def merged(repository: Repository, place: Place, kinds: Kinds, today: date) -> tuple[dict[str, MergedKind], list[str]]:
    """The merged kinds of a target by name, and notes on overlays that ran out."""
    found: dict[str, MergedKind] = {}
    notes: list[str] = []
    for rank in ranks(repository, place, today):
        if rank.ended and (rank.holder.get(place.target.layer.value) or rank.holder.get("vars")):
            notes.append(f"{rank.label} ended on {rank.ended} and no longer counts")
        if rank.ignored is None:
            _add(found, rank, place, kinds)
    return found, notes


def _add(found: dict[str, MergedKind], rank: Rank, place: Place, kinds: Kinds) -> None:
    """Puts a rank over those below it."""
    for key, node in entries(rank.holder.get(place.target.layer.value)):
        schema = kinds.schema(place.target.layer, key.text)
        if schema is not None:
            kind = found.setdefault(key.text, MergedKind(schema=schema))
            kind.options |= {name.text: value for name, value in entries(node) if name.text in schema.options}
    for entry in written(rank, place, kinds):
        kind = found[entry.kind]
        low = kind.items.get(entry.name)
        kind.items[entry.name] = (entry.key, over(entry.schema, low[1] if low else None, entry.node), entry.schema)


def over(schema: Schema | None, low: Node | None, high: Node) -> Node:
    """`high` over `low`: mappings of the schema merge by key, everything else replaces; reserved values replace too."""
    if (
        low is None
        or reading.reserved(high)
        or reading.reserved(low)
        or not isinstance(schema, Record | MapOf | FreeJson)
    ):
        return high
    if not isinstance(low, tree.Mapping) or not isinstance(high, tree.Mapping):
        return high
    entries: dict[str, tuple[Scalar, Node]] = {key.text: (key, value) for key, value in low}
    for key, value in high:
        below = entries.get(key.text)
        entries[key.text] = (key, over(child(schema, key.text), below[1] if below else None, value))
    return tree.Mapping(tuple(entries.values()), high.origin if high.entries else low.origin)


def places(node: Node, path: str = "") -> Mapping[str, Origin]:
    """The origin of each leaf of an item, by the leaf's dotted path; the item's own under the empty path."""
    found = {path: node.origin}
    if isinstance(node, tree.Mapping):
        for key, value in node:
            found.update(places(value, f"{path}.{key.text}" if path else key.text))
    return found
