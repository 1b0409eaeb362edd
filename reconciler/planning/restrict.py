"""A plan made smaller: changes taken out by name, with the reason shown, and all that needs them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from reconciler.model.address import Address
from reconciler.model.plan import Change, ItemPlan, Plan
from reconciler.model.states import State
from reconciler.planning import needs

Reason = tuple[str, str | None]
"""Why a change is taken out, and what the reader may do."""


def without(plan: Plan, refused: Mapping[str, Reason]) -> Plan:
    """The plan without the changes whose ids are in `refused`, and what needs them.

    Their items are blocked, and for an item that is blocked nothing is written, unless others share the change.
    """
    reasons = {change.id: refused[change.id] for change in plan.changes if change.id in refused}
    while True:
        items: dict[Address, Reason] = {}
        for change in plan.changes:
            items = {**dict.fromkeys(change.addresses, reasons[change.id]), **items} if change.id in reasons else items
        left = [change for change in plan.changes if change.id not in reasons]
        following = {change.id: reason for change in left if (reason := _follows(change, reasons, items)) is not None}
        if not following:
            break
        reasons |= following
    targets = tuple(
        replace(target, items=tuple(_judged(item, items) for item in target.items)) for target in plan.targets
    )
    return replace(plan, changes=tuple(left), targets=targets, needs=needs.of(targets, left))


def _follows(change: Change, reasons: Mapping[str, Reason], items: Mapping[Address, Reason]) -> Reason | None:
    """Why a change goes with others that are left out."""
    missing = next((need for need in change.needs if need in reasons), None)
    if missing is not None:
        return f"needs {missing}, which is left out", None
    return (
        items[change.addresses[0]]
        if change.addresses and all(address in items for address in change.addresses)
        else None
    )


def _judged(item: ItemPlan, reasons: Mapping[Address, Reason]) -> ItemPlan:
    if item.address not in reasons:
        return item
    why, fix = reasons[item.address]
    return replace(item, state=State.BLOCKED, why=why, fix=fix, change=None)
