"""Where secrets of documents stand on a machine, as far as its journal tells. Of the secrets it holds the names only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reconciler.model.address import Address
from reconciler.model.facts import PathType
from reconciler.model.ledger import ChangeRecord, ItemRecord, PathRecord, RunRecord, secret_names


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """The names of secrets in the bytes at a path, and the generation that left them there."""

    names: frozenset[str]
    generation: int


Brought_by = Mapping[Address | None, Brought]
"""By the address whose value they are part of; None: nobody knows whose."""


def secrets_at(runs: Iterable[RunRecord]) -> Mapping[str, Brought_by]:
    """The secrets that runs left in the bytes at each path.

    One is gone when other bytes are there and its address has got a value without it, or the file has gone. What was set
    out to be done, and may not have been done, takes nothing away.
    """
    found: dict[str, Brought_by] = {}
    for run in runs:
        for change in run.changes:
            for record in change.paths:
                found[record.path] = _after(found.get(record.path, {}), run.generation, change, record)
    return {path: brought for path, brought in found.items() if brought}


def _after(known: Brought_by, generation: int, change: ChangeRecord, record: PathRecord) -> Brought_by:
    if change.is_done and record.after.type is not PathType.FILE:
        return {}
    names = {item.address: _names(item) for item in change.items}
    is_new = change.is_done and (record.after.digest is None or record.after.digest != record.before.digest)
    every = {
        address: brought
        for address, brought in known.items()
        if not is_new or address is None or names.get(address, brought.names)
    }
    left = frozenset(record.secrets)
    for address, found in names.items():
        if found & left:
            every[address] = Brought(names=found & left, generation=generation)
    if rest := left.difference(*(brought.names for brought in every.values())):
        every[None] = Brought(names=rest, generation=generation)
    return every


def secret_fields(runs: Iterable[RunRecord]) -> Mapping[Address, Mapping[str, frozenset[str]]]:
    """By address, the fields whose value on the machine a run made of secrets, with their names."""
    found: dict[Address, Mapping[str, frozenset[str]]] = {}
    for run in runs:
        for change in run.changes:
            for item in change.items:
                known = found.get(item.address, {})
                told = {name: secret_names(value) for name, value in (item.after or {}).items()}
                stays = _others(known, item) if change.is_done else dict(known)
                found[item.address] = stays | {name: names for name, names in told.items() if names}
    return {address: fields for address, fields in found.items() if fields}


def _others(fields: Mapping[str, frozenset[str]], item: ItemRecord) -> dict[str, frozenset[str]]:
    """Those that the item left as they were."""
    after = item.after
    return {name: names for name, names in fields.items() if after is not None and name not in after}


def _names(item: ItemRecord) -> frozenset[str]:
    return frozenset().union(*map(secret_names, (item.after or {}).values()))
