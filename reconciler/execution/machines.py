"""The way back: a plan is carried out, each machine in one exchange."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reconciler import agents
from reconciler.execution.apply import AGENT, Outcome, apply, apply_input_shown
from reconciler.execution.doors import Doors
from reconciler.execution.payload import Batch
from reconciler.model import effects
from reconciler.model.address import Target
from reconciler.model.facts import FactSheet
from reconciler.model.outcome import ChangeOutcome
from reconciler.model.plan import Plan

Sheets = Mapping[Target, FactSheet]


def carry_out(plan: Plan, sheets: Sheets, doors: Doors) -> tuple[ChangeOutcome, ...]:
    """What became of each change of a workstation, in order."""
    found: dict[str, Outcome] = {}
    for machine in dict.fromkeys(change.target.machine for change in plan.changes):
        door = doors.door(machine)
        assert door.transport is not None, machine
        found |= apply(door.transport, _batches(plan, machine, sheets, doors), root=doors.root)
    return tuple(
        ChangeOutcome(change=change, status=found[change.id].status, message=found[change.id].message)
        for change in plan.changes
    )


def script(plans: Iterable[Plan], sheets: Sheets, doors: Doors) -> str:
    """What `carry_out` would send to each machine: the script itself and its data, secrets as named holes."""
    machines = (
        (plan, machine) for plan in plans for machine in dict.fromkeys(change.target.machine for change in plan.changes)
    )
    data = [apply_input_shown(_batches(plan, machine, sheets, doors), root=doors.root) for plan, machine in machines]
    return "\n".join([agents.script(AGENT), *data])


def _batches(plan: Plan, machine: Target, sheets: Sheets, doors: Doors) -> list[Batch]:
    """The changes of each target of a machine, with the effect records that are to stay."""
    targets = dict.fromkeys(change.target for change in plan.changes if change.target.machine == machine)
    return [
        Batch(
            target=target,
            user=doors.acting_user(target),
            changes=tuple(change for change in plan.changes if change.target == target),
            records=effects.kept(effects.of_sheet(sheets[target], target), sheets[target].host),
        )
        for target in targets
    ]
