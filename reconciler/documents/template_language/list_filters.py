"""The filters on lists and mappings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from reconciler.documents.template_language.values import (
    Entries,
    LanguageError,
    Missing,
    as_text,
    described,
    fitting,
    flag,
    is_number,
    text,
)


def entries(value: object, user: str) -> Entries:
    """The entries of a list, the keys of a mapping."""
    if isinstance(value, Mapping):
        return list(value)
    return _listed(value, user)


def _listed(value: object, user: str) -> Entries:
    if isinstance(value, list | tuple):
        return value
    fix = "write  … | list  for the keys of a mapping" if isinstance(value, Mapping) else "write  [first, second]"
    raise LanguageError(f"{user} needs a list, and this is {described(value)}", fix)


def _join(value: object, separator: object = "") -> str:
    between = text(separator, "join")
    pieces = [as_text(entry) for entry in entries(value, "join")]
    fitting(sum(map(len, pieces)) + len(between) * len(pieces))
    return between.join(pieces)


def _length(value: object) -> int:
    return len(value) if isinstance(value, str) else len(entries(value, "length"))


def _list(value: object) -> list[object]:
    return list(entries(value, "list"))


def _reverse(value: object) -> list[object]:
    return list(reversed(_listed(value, "reverse")))


def _first(value: object) -> object:
    found = _listed(value, "first")
    return found[0] if found else Missing("the first entry of an empty list")


def _last(value: object) -> object:
    found = _listed(value, "last")
    return found[-1] if found else Missing("the last entry of an empty list")


def _comparable(value: object, user: str) -> list[Any]:
    """A new list of the entries, when they can be put in order."""
    found = _listed(value, user)
    if not (all(isinstance(entry, str) for entry in found) or all(map(is_number, found))):
        raise LanguageError(
            f"{user} needs a list of texts only, or of numbers only", "write  … | map(attribute='…')  before it"
        )
    return list(found)


def _sort(value: object, reverse: object = False) -> list[object]:
    return sorted(_comparable(value, "sort"), reverse=flag(reverse, "sort"))


def _min(value: object) -> object:
    found = _comparable(value, "min")
    return min(found) if found else Missing("the least entry of an empty list")


def _max(value: object) -> object:
    found = _comparable(value, "max")
    return max(found) if found else Missing("the greatest entry of an empty list")


def _unique(value: object) -> list[object]:
    found = _listed(value, "unique")
    if not all(isinstance(entry, str | int | float) for entry in found):
        raise LanguageError("unique needs a list of texts and numbers", "write  … | map(attribute='…')  before it")
    return list({(type(entry), entry): entry for entry in found}.values())


def _map(value: object, *, attribute: object) -> list[object]:
    key = text(attribute, "map")
    found: list[object] = []
    for entry in _listed(value, "map"):
        if not isinstance(entry, Mapping) or key not in entry:
            raise LanguageError(f"an entry of this list has no {key}", "add it to that entry, or leave the entry out")
        found.append(entry[key])
    return found


def _pairs(value: object, user: str) -> list[tuple[str, object]]:
    if not isinstance(value, Mapping):
        raise LanguageError(f"{user} needs a mapping, and this is {described(value)}", "write  {'name': value}")
    return [(str(key), entry) for key, entry in value.items()]


def _items(value: object) -> list[tuple[str, object]]:
    return _pairs(value, "items")


def _dictsort(value: object) -> list[tuple[str, object]]:
    pairs = _pairs(value, "dictsort")
    _comparable([key for key, _ in pairs], "dictsort")
    return sorted(pairs, key=lambda pair: pair[0])


FILTERS: Final[Mapping[str, Callable[..., object]]] = {
    "count": _length,
    "dictsort": _dictsort,
    "first": _first,
    "items": _items,
    "join": _join,
    "last": _last,
    "length": _length,
    "list": _list,
    "map": _map,
    "max": _max,
    "min": _min,
    "reverse": _reverse,
    "sort": _sort,
    "unique": _unique,
}
