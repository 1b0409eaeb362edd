"""Lists of named objects: `configurations` of launch.json, which have a `name`; `tasks` of tasks.json, a `label`.

Of several with one name the first counts: it is the one that VS Code starts.
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.formats.jsonc.parts import ABSENT, Absent, Document, Json, JsoncError, Node, equal
from reconciler.formats.jsonc.paths import add, drop, node_at, put, with_root
from reconciler.formats.jsonc.removal import without
from reconciler.formats.jsonc.scanner import scan
from reconciler.formats.jsonc.writing import require_json


def entries(text: str, array: str, key: str) -> dict[str, dict[str, Json]]:
    """The objects of the list `array` by their `key`. What is no object, or has no such text, is left out."""
    return _entries(scan(text), array, key)


def _entries(document: Document, array: str, key: str) -> dict[str, dict[str, Json]]:
    root = document.root
    listed = root.value.get(array) if root and isinstance(root.value, dict) else None
    found: dict[str, dict[str, Json]] = {}
    for element in listed if isinstance(listed, list) else ():
        if isinstance(element, dict) and isinstance(name := element.get(key), str):
            found.setdefault(name, element)
    return found


def edit_entries(
    text: str,
    array: str,
    key: str,
    changes: Mapping[str, Mapping[str, Json | Absent] | Absent],
    *,
    skeleton: Mapping[str, Json],
) -> str:
    """`text` in which each entry has the wanted members, whatever others it has; ABSENT removes a member or an entry.

    A new entry stands last. Where there is no list, it is made, with what is missing of `skeleton`: VS Code reads a
    tasks.json without a version as another language.

    Raises JsoncError when the document is malformed or has something else in the list's place, ValueError for an entry
    whose own `key` differs and for what is no JSON.
    """
    for name, wanted in changes.items():
        _require_sound(name, wanted, key)
    document = scan(text)
    # Additions first: the entries that go still show the style.
    for name, wanted in sorted(changes.items(), key=lambda change: change[1] is ABSENT):
        if wanted is ABSENT:
            document = _without_entry(document, array, key, name)
        else:
            document = _with_entry(document, array, {key: name, **wanted}, key, skeleton)
    after = _entries(document, array, key)
    assert all(_holds(after.get(name), wanted) for name, wanted in changes.items())
    return document.text


def _require_sound(name: str, wanted: Mapping[str, Json | Absent] | Absent, key: str) -> None:
    if wanted is ABSENT:
        return
    if wanted.get(key, name) != name:
        raise ValueError(f"the {key} of the entry {name!r} is {wanted[key]!r}")
    require_json({member: value for member, value in wanted.items() if value is not ABSENT})


def _holds(entry: Mapping[str, Json] | None, wanted: Mapping[str, Json | Absent] | Absent) -> bool:
    if wanted is ABSENT or entry is None:
        return wanted is ABSENT and entry is None
    return all(
        member not in entry if value is ABSENT else member in entry and equal(entry[member], value)
        for member, value in wanted.items()
    )


def _with_entry(
    document: Document, array: str, wanted: Mapping[str, Json | Absent], key: str, skeleton: Mapping[str, Json]
) -> Document:
    document = _with_list(document, array, skeleton)
    index = _index(_list(document, array), key, wanted[key])
    if index is None:
        new: Json = {member: value for member, value in wanted.items() if value is not ABSENT}
        return add(document, (array,), [(None, new)])
    for member, value in wanted.items():
        path = (array, index, member)
        document = drop(document, path) if value is ABSENT else put(document, path, value)
    return document


def _without_entry(document: Document, array: str, key: str, name: str) -> Document:
    while (listed := _list(document, array)) and (index := _index(listed, key, name)) is not None:
        document = scan(without(document.text, listed, index))
    return document


def _with_list(document: Document, array: str, skeleton: Mapping[str, Json]) -> Document:
    document = with_root(document)
    if _list(document, array) is None:
        written = {item.key for item in node_at(document, ()).items}
        for member, value in {**skeleton, array: []}.items():
            if member not in written:
                document = put(document, (member,), value)
    return document


def _list(document: Document, array: str) -> Node | None:
    root = document.root
    if root is None or not isinstance(root.value, dict) or array not in root.value:
        return None
    node = node_at(document, (array,))
    if not isinstance(node.value, list):
        raise JsoncError(document.text, node.value_start, f'"{array}" must be a list in [ ]')
    return node


def _index(listed: Node | None, key: str, name: Json | Absent) -> int | None:
    for index, item in enumerate(listed.items if listed else ()):
        if isinstance(item.value, dict) and item.value.get(key) == name:
            return index
    return None
