"""Secrets are filled in last: what documents desire holds only their names until then."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from reconciler.model.address import Address
from reconciler.model.desired import DesiredItems, DesiredKind, Withheld
from reconciler.model.secrets import Secret, SecretText

Lookup = Callable[[str], str | None]


class _MissingError(Exception):
    """A secret that has no source on this controller."""


def filled(desired: DesiredItems, lookup: Lookup) -> DesiredItems:
    """The items with their secrets; those whose secret is missing here are withheld, blocked."""
    withheld = dict(desired.withheld)
    kinds: dict[str, DesiredKind] = {}
    for kind, entry in desired.kinds.items():
        items: dict[str, object] = {}
        for name, item in entry.items.items():
            try:
                items[name] = _filled(item, lookup)
            except _MissingError as missing:
                secret = missing.args[0]
                fix = f"set RECONCILE_SECRET_{secret.upper()}, or give it a source in machine.yaml under secrets:"
                why = f"the secret {secret} is not known here"
                withheld[Address(desired.target, kind, name)] = Withheld(why, blocked=True, fix=fix)
        kinds[kind] = replace(entry, items=items)
    return replace(desired, kinds=kinds, withheld=withheld)


def known_secrets(desired: Iterable[DesiredItems], lookup: Lookup) -> tuple[Secret, ...]:
    """Each secret that something desired names and that has a value here, by itself."""
    items = (item for each in desired for kind in each.kinds.values() for item in kind.items.values())
    values = {name: lookup(name) for name in sorted({name for item in items for name in _names(item)})}
    return tuple(Secret(value, frozenset({name})) for name, value in values.items() if value is not None)


def _names(value: object) -> Iterator[str]:
    match value:
        case SecretText():
            yield from value.names
        case dict():
            yield from (name for inner in value.values() for name in _names(inner))
        case list() | tuple():
            yield from (name for inner in value for name in _names(inner))


def _filled(value: object, lookup: Lookup) -> object:
    match value:
        case SecretText():
            return value.fill({name: _known(name, lookup) for name in value.names})
        case dict():
            return {key: _filled(inner, lookup) for key, inner in value.items()}
        case list():
            return [_filled(inner, lookup) for inner in value]
        case tuple():
            return tuple(_filled(inner, lookup) for inner in value)
        case _:
            return value


def _known(name: str, lookup: Lookup) -> str:
    found = lookup(name)
    if found is None:
        raise _MissingError(name)
    return found
