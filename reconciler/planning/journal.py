"""What the journal adds to a plan: who moved an item, what is left of ours that nobody declares, what is still due.

No state is decided by it but one: a program that a run should have started once its files were written, and did not to the
end, is still to be run although the files are as desired.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from reconciler.model import ledger
from reconciler.model.address import Address, Target
from reconciler.model.desired import DesiredItems
from reconciler.model.ledger import ChangeRecord, Held, RunRecord
from reconciler.model.plan import Change, ItemPlan, Left
from reconciler.model.states import State
from reconciler.model.tasks import RunCommand
from reconciler.model.values import UNMANAGED
from reconciler.planning.inputs import TargetInput

_AS_DESIRED = (State.IN_SYNC, State.PENDING)


def labelled(item: ItemPlan, ours: Mapping[Address, Held]) -> ItemPlan:
    """The item; where it was ours and is to be written although nobody asked for another value, it says who moved it."""
    held = ours.get(item.address) if item.state.is_write else None
    if held is None or ledger.is_same(ledger.told(item.before), held.last.after):
        return item
    note = f"moved on the machine since our run of {held.stamp.at} ({held.stamp.by})"
    return replace(item, notes=(*item.notes, note))


def left(target: Target, ours: Mapping[Address, Held], declared: Collection[Address]) -> tuple[Left, ...]:
    """What some run of ours wrote and nobody declares any more, with its value before us."""
    return tuple(
        Left(address=address, before=held.origin.before, at=held.stamp.at, by=held.stamp.by)
        for address, held in ours.items()
        if address.target == target and address not in declared
    )


def released(desired: DesiredItems, ours: Iterable[Address]) -> tuple[Address, ...]:
    """What is ours and a document declares unmanaged: from the next apply on it is not."""
    return tuple(
        address
        for address in ours
        if address.target == desired.target
        and address.kind in desired.kinds
        and desired.kinds[address.kind].items.get(address.item) is UNMANAGED
    )


def due(entry: TargetInput, items: Mapping[Address, ItemPlan]) -> Iterator[Change]:
    """The programs of changes that were interrupted or failed, whose items are as desired now."""
    if entry.sheet is None or entry.sheet.host.at_rest:
        return
    for record in _unsettled(entry.journal):
        mine = [items.get(item.address) for item in record.items]
        if mine and all(item and item.state in _AS_DESIRED and _is_after(item, record) for item in mine):
            tasks = tuple(
                RunCommand(
                    argv=program.argv,
                    stdin=program.stdin.encode("utf-8", "surrogateescape"),
                    timeout_seconds=program.timeout_seconds,
                )
                for program in record.due
            )
            addresses = tuple(item.address for item in record.items)
            yield Change(id=record.id, target=record.target, thing=record.thing, addresses=addresses, tasks=tasks)


def still_due(item: ItemPlan, change: Change) -> ItemPlan:
    note = "as desired, but what has to run after it did not run to its end"
    return replace(item, state=State.CHANGE, change=change.id, notes=(*item.notes, note))


def _unsettled(journal: Sequence[RunRecord]) -> Iterator[ChangeRecord]:
    """By the id of the change, the last word counts. What runs programs only is done when its items are as desired."""
    last = {change.id: change for run in journal for change in run.changes}
    return (change for change in last.values() if change.due and change.paths and not change.is_done)


def _is_after(item: ItemPlan, record: ChangeRecord) -> bool:
    """Whether the desired value is the one that the program belongs to."""
    after = next(each.after for each in record.items if each.address == item.address)
    return ledger.told(item.after) == after
