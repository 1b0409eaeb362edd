"""The way back: a plan is carried out, each machine in one exchange."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from reconciler import agents
from reconciler.execution.apply import AGENT, Outcome, apply, apply_input_shown
from reconciler.execution.blobs import Supplies
from reconciler.execution.doors import Doors
from reconciler.execution.downloads import Downloads
from reconciler.execution.fleet import at_once
from reconciler.execution.payload import Batch
from reconciler.execution.supply import supplied
from reconciler.execution.visit import Observed
from reconciler.model import effects, ledger
from reconciler.model.address import Target
from reconciler.model.ledger import RunStamp
from reconciler.model.outcome import ChangeOutcome
from reconciler.model.plan import Plan


def carry_out(
    plans: Sequence[Plan], observed: Observed, doors: Doors, downloads: Downloads, stamp: RunStamp
) -> list[CarriedOut]:
    """What became of each plan, in order; workstations at once, the machines of one in order.

    What changes want from elsewhere is fetched first, once for all machines.
    """
    with supplied((change for plan in plans for change in plan.changes), downloads) as supplies:
        work = {plan.workstation: partial(_carried_out, plan, observed, doors, supplies, stamp) for plan in plans}
        return list(at_once(work, doors.close).values())


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedOut:
    """What became of each change of a plan, and what the machines had to say beside it."""

    outcomes: tuple[ChangeOutcome, ...]
    notes: tuple[str, ...] = ()


def _carried_out(plan: Plan, observed: Observed, doors: Doors, supplies: Supplies, stamp: RunStamp) -> CarriedOut:
    found: dict[str, Outcome] = {}
    notes: list[str] = []
    for machine in dict.fromkeys(target.machine for target in plan.work):
        door, access = doors.way_in(machine), observed.access[machine]
        batches = _batches(plan, machine, observed, doors)
        applied = apply(
            door.transport,
            batches,
            root=door.root,
            rights=access.rights,
            password=access.password,
            supplies=supplies,
            stamp=stamp,
        )
        found |= applied.outcomes
        notes += (f"{machine}: {note}" for note in applied.notes)
    outcomes = tuple(
        ChangeOutcome(change=change, status=found[change.id].status, message=found[change.id].message)
        for change in plan.changes
    )
    return CarriedOut(outcomes=outcomes, notes=tuple(notes))


def forget(targets: Sequence[Target], observed: Observed, doors: Doors) -> tuple[str, ...]:
    """Removes what the tool keeps for itself on the machines of those targets; what there is to say of it."""
    notes: list[str] = []
    for machine in dict.fromkeys(target.machine for target in targets):
        door, access = doors.way_in(machine), observed.access[machine]
        has_root = access.is_root or door.root is not None
        batches = [
            Batch(target=target, user=target.user if has_root else None, forgets=True)
            for target in targets
            if target.machine == machine
        ]
        applied = apply(door.transport, batches, root=door.root, rights=access.rights, password=access.password)
        notes += (f"{machine}: {note}" for note in applied.notes)
    return tuple(notes)


def script(plans: Sequence[Plan], observed: Observed, doors: Doors, sizes: Mapping[str, int]) -> str:
    """What `carry_out` would send to each machine: the script itself and its data, secrets as named holes; of downloads
    their `sizes`, where they are here already."""
    machines = (
        (plan, machine) for plan in plans for machine in dict.fromkeys(change.target.machine for change in plan.changes)
    )
    data = [
        apply_input_shown(_batches(plan, machine, observed, doors), root=doors.way_in(machine).root, sizes=sizes)
        for plan, machine in machines
    ]
    return "\n".join([agents.script(AGENT), *data])


def _batches(plan: Plan, machine: Target, observed: Observed, doors: Doors) -> list[Batch]:
    """What there is to do for each target of a machine, with the effect records that are to stay."""
    targets = [target for target in plan.work if target.machine == machine]
    items = {item.address: item for item in plan.items}
    has_root = observed.access[machine].is_root or doors.way_in(machine).root is not None
    return [
        Batch(
            target=target,
            user=target.user if has_root else None,
            changes=tuple(change for change in plan.changes if change.target == target),
            records=effects.kept(effects.of_sheet(observed.sheets[target], target), observed.sheets[target].host),
            items=items,
            journal=ledger.of_sheet(observed.sheets[target], target),
            ledger_digest=ledger.large(observed.sheets[target], target),
        )
        for target in targets
    ]
