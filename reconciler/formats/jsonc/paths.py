"""Sets and removes what stands at a path: the names of members, and the indexes of elements, from the root down."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.formats.jsonc.insertion import NewItem, appended, replaced
from reconciler.formats.jsonc.layout import style_of
from reconciler.formats.jsonc.parts import BYTE_ORDER_MARK, Document, Json, JsoncError, Node, equal
from reconciler.formats.jsonc.removal import without
from reconciler.formats.jsonc.scanner import scan

Path = tuple[str | int, ...]


def put(document: Document, path: Path, value: Json) -> Document:
    """The document with `value` at `path`, of which all but the last member must exist.

    In an object that becomes another object only the members that differ change.
    """
    containers = _nodes(document, path[:-1])
    index = _index(containers[-1], path[-1])
    if index is None:
        return scan(appended(document, containers, [(str(path[-1]), value)]))
    item = containers[-1].items[index]
    if equal(item.value, value):
        return document
    if isinstance(value, dict) and isinstance(item.value, dict):
        return _with_members(document, path, item.value, value)
    return scan(replaced(document, containers, item, value))


def add(document: Document, path: Path, items: Sequence[NewItem]) -> Document:
    """The document with these items too at the end of the object or list at `path`."""
    return scan(appended(document, _nodes(document, path), items)) if items else document


def drop(document: Document, path: Path, *, but_last: bool = False) -> Document:
    """The document without the member at `path`, however often it is written there; the last of them may stay."""
    while True:
        container = node_at(document, path[:-1])
        indexes = [index for index, item in enumerate(container.items) if item.key == path[-1]]
        if len(indexes) <= but_last:
            return document
        document = scan(without(document.text, container, indexes[0]))


def with_root(document: Document) -> Document:
    """The document with an object in it: an empty one where there was nothing but blanks and comments.

    Raises JsoncError where something else stands there.
    """
    text, root = document
    if root is None:
        line_end = style_of(document).line_end
        unfinished = text.removeprefix(BYTE_ORDER_MARK) and not text.endswith(("\r", "\n"))
        return scan(text + (line_end if unfinished else "") + "{}" + line_end)
    if not isinstance(root.value, dict):
        raise JsoncError(text, root.start, "the document must be an object in { }")
    return document


def node_at(document: Document, path: Path) -> Node:
    """The value at `path`, which must exist."""
    return _nodes(document, path)[-1]


def _with_members(document: Document, path: Path, before: dict[str, Json], after: dict[str, Json]) -> Document:
    # Additions first: the members that go still show the style.
    for key, value in after.items():
        if key not in before or not equal(before[key], value):
            document = put(document, (*path, key), value)
    for key in before:
        if key not in after:
            document = drop(document, (*path, key))
    return document


def _nodes(document: Document, path: Path) -> list[Node]:
    """The root and what stands at each part of `path`."""
    assert document.root is not None
    nodes = [document.root]
    for part in path:
        index = _index(nodes[-1], part)
        assert index is not None
        nodes.append(nodes[-1].items[index])
    return nodes


def _index(container: Node, part: str | int) -> int | None:
    """Of several members with one name the last: it is the one that counts."""
    if isinstance(part, int):
        return part
    return next((index for index in reversed(range(len(container.items))) if container.items[index].key == part), None)
