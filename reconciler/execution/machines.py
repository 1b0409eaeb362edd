"""The way back: a plan is carried out, each machine in one exchange."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from reconciler import agents
from reconciler.execution import journal
from reconciler.execution.apply import AGENT, LONGEST_SECONDS, Outcome, apply, apply_input_shown
from reconciler.execution.blobs import Supplies
from reconciler.execution.confirm import confirmed
from reconciler.execution.doors import Doors
from reconciler.execution.downloads import Downloads
from reconciler.execution.fleet import at_once
from reconciler.execution.parts import Batch, WayBack, parts_of, program_seconds
from reconciler.execution.payload import UNNAMED
from reconciler.execution.payload_shown import payload_shown
from reconciler.execution.supply import supplied
from reconciler.execution.visit import Observed
from reconciler.model import effects, ledger
from reconciler.model.address import Target
from reconciler.model.ledger import RunRecord, RunStamp, retention
from reconciler.model.outcome import ChangeOutcome
from reconciler.model.plan import Plan
from reconciler.planning import way_back


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How plans are carried out: `confirm_seconds` see `way_back`, 0: nobody watches; `tell` hears what takes long."""

    stamp: RunStamp = UNNAMED
    confirm_seconds: int = 0
    tell: Callable[[str], None] = lambda text: None


def carry_out(
    plans: Sequence[Plan], observed: Observed, doors: Doors, downloads: Downloads, manner: Manner
) -> list[CarriedOut]:
    """What became of each plan, in order; workstations at once, the machines of one in order.

    What changes want from elsewhere is fetched first, once for all machines.
    """
    with supplied((change for plan in plans for change in plan.changes), downloads) as supplies:
        work = {plan.workstation: partial(_carried_out, plan, observed, doors, supplies, manner) for plan in plans}
        return list(at_once(work, doors.close).values())


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedOut:
    """What became of each change of a plan, and what the machines had to say beside it."""

    outcomes: tuple[ChangeOutcome, ...]
    notes: tuple[str, ...] = ()


def _carried_out(plan: Plan, observed: Observed, doors: Doors, supplies: Supplies, manner: Manner) -> CarriedOut:
    found: dict[str, Outcome] = {}
    notes: list[str] = []
    for machine in dict.fromkeys(target.machine for target in plan.work):
        door, access = doors.way_in(machine), observed.access[machine]
        batches = _batches(plan, machine, observed, doors)
        back = _way_back(plan, batches, observed, manner) if door.is_remote else None
        applied = apply(
            door.transport,
            batches,
            root=door.root,
            rights=access.rights,
            password=access.password,
            supplies=supplies,
            stamp=manner.stamp,
            way_back=back,
        )
        if back is not None and applied.watched:
            tell = partial(_tell, machine, manner)
            applied = confirmed(door.transport, access, applied, back, tell)
        found |= applied.outcomes
        notes += (f"{machine}: {note}" for note in applied.notes)
    outcomes = tuple(
        ChangeOutcome(change=change, status=found[change.id].status, message=found[change.id].message)
        for change in plan.changes
    )
    return CarriedOut(outcomes=outcomes, notes=tuple(notes))


def _tell(machine: Target, manner: Manner, text: str) -> None:
    manner.tell(f"{machine}: {text}")


def _way_back(plan: Plan, batches: Sequence[Batch], observed: Observed, manner: Manner) -> WayBack | None:
    """From what may cut us off, in a run of its own."""
    back = [_batch_back(plan, batch, observed, manner.stamp) for batch in batches]
    watched = frozenset(change.id for batch in back for change in batch.changes)
    longest = LONGEST_SECONDS + program_seconds(parts_of(batches))
    if not watched or not manner.confirm_seconds:
        return None
    return WayBack(
        parts=parts_of([batch for batch in back if batch.changes]),
        watched=watched,
        seconds=manner.confirm_seconds,
        longest_seconds=round(longest),
    )


def _batch_back(plan: Plan, batch: Batch, observed: Observed, stamp: RunStamp) -> Batch:
    """It is planned against what the run is going to leave, its place in the journal is behind that run's."""
    ways = way_back.of(batch.changes, observed.sheets[batch.target])
    numbered_changes = dict(enumerate(batch.changes, 1))
    run = RunRecord(
        generation=max((each.generation for each in batch.journal), default=0) + 1,
        stamp=stamp,
        changes=tuple(journal.records(numbered_changes, batch.items, {})),
    )
    return replace(
        batch,
        changes=ways,
        records=(),
        released=(),
        items=way_back.items(ways, plan.items),
        journal=(*batch.journal, run),
        ledger_digest=None,
    )


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


def script(plans: Sequence[Plan], observed: Observed, doors: Doors, sizes: Mapping[str, int], manner: Manner) -> str:
    """What `carry_out` would send to each machine: the script itself and its data, secrets as named holes; of downloads
    their `sizes`, where they are here already."""
    machines = (
        (plan, machine) for plan in plans for machine in dict.fromkeys(change.target.machine for change in plan.changes)
    )
    data = []
    for plan, machine in machines:
        door, batches = doors.way_in(machine), _batches(plan, machine, observed, doors)
        data.append(apply_input_shown(batches, root=door.root, sizes=sizes))
        back = _way_back(plan, batches, observed, manner) if door.is_remote else None
        if back is not None:
            head = (
                f"# unless a new connection can be made within {back.seconds} s after it, the machine does by itself:"
            )
            data.append(f"{head}\n{payload_shown(back.parts, None, sizes)}")
    return "\n".join([agents.script(AGENT), *data])


def _batches(plan: Plan, machine: Target, observed: Observed, doors: Doors) -> list[Batch]:
    """What there is to do for each target of a machine, with the effect records that are to stay."""
    targets = [target for target in plan.work if target.machine == machine]
    items = {item.address: item for item in plan.items}
    released = {entry.target: entry.released for entry in plan.targets}
    has_root = observed.access[machine].is_root or doors.way_in(machine).root is not None
    return [
        Batch(
            target=target,
            user=target.user if has_root else None,
            changes=tuple(change for change in plan.changes if change.target == target),
            records=effects.kept(effects.of_sheet(observed.sheets[target], target), observed.sheets[target].host),
            items=items,
            released=released.get(target, ()),
            journal=ledger.of_sheet(observed.sheets[target], target),
            ledger_digest=retention.large(observed.sheets[target], target),
        )
        for target in targets
    ]
