"""What a journal says is ours, and what did not come to its end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reconciler.model.address import Address
from reconciler.model.ledger.records import ItemRecord, RunRecord, RunStamp
from reconciler.model.ledger.values import is_same


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An address that is ours: some run gave it a value, and it is not back at the one from before us.

    `origin` is the item of the first of those runs, `last` that of the latest; generations are those runs'.
    """

    origin: ItemRecord
    origin_generation: int
    last: ItemRecord
    last_generation: int
    stamp: RunStamp


def held(runs: Iterable[RunRecord]) -> Mapping[Address, Held]:
    """What is ours, by address. Only what was done counts. What was ours once and is led back later is not ours again."""
    found: dict[Address, Held] = {}
    given_up: dict[Address, ItemRecord] = {}
    for run in runs:
        given_up |= {address: found.pop(address).origin for address in run.released if address in found}
        # An item may take several changes, and was given one value by all of them.
        items = {item.address: item for change in run.changes if change.is_done for item in change.items}
        for item in items.values():
            earlier = found.pop(item.address, None)
            origin = earlier.origin if earlier else item
            if not is_same(given_up.get(item.address, origin).before, item.after):
                found[item.address] = Held(
                    origin=origin,
                    origin_generation=earlier.origin_generation if earlier else run.generation,
                    last=item,
                    last_generation=run.generation,
                    stamp=run.stamp,
                )
    return found


def unfinished(runs: Iterable[RunRecord]) -> tuple[RunRecord, ...]:
    """The runs that are at work, or were cut short and have not been cleared up after."""
    return tuple(run for run in runs if not run.ended and not run.recovered)
