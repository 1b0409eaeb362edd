"""Why an address has the value it has: every place that speaks of it, from low to high rank."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.model.address import Address
from reconciler.model.tree import Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """One place. `rank` names it to people: `wsl-go-baseline@1`, `team/base.yaml`, `overlay: bob's Alpine`.

    `value` is what it says, as written (templates not rendered), `ABSENT` or `UNMANAGED`. `ignored` says why it does
    not count here: its `where` means others, its `until` is over.
    """

    rank: str
    origin: Origin
    value: object
    ignored: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """`value` is what counts in the end: the item, `ABSENT`, `UNMANAGED`, or None where no document speaks of it."""

    address: Address
    value: object
    chain: tuple[Declaration, ...] = ()
    notes: tuple[str, ...] = ()
