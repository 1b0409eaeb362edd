"""The plan of one workstation, from all its inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from reconciler.model import ledger
from reconciler.model.address import Address
from reconciler.model.ledger import Held
from reconciler.model.plan import Change, ItemPlan, Plan, TargetPlan
from reconciler.model.states import State, TargetState
from reconciler.model.values import UNMANAGED
from reconciler.planning import fold, journal, needs, owners, switches, way_back
from reconciler.planning.changes import changes_of
from reconciler.planning.compare import consented, drafts
from reconciler.planning.ground import settled_ground
from reconciler.planning.inputs import Inputs, TargetInput
from reconciler.planning.secret_bytes import SecretBytes, veiled
from reconciler.planning.settle import settle


def plan(inputs: Inputs, key: bytes) -> Plan:
    """`key` keys the hashes of secrets in fingerprints. DocumentError: the documents contradict themselves."""
    seen = [(entry, entry.sheet) for entry in inputs.targets if entry.sheet is not None]
    owners.check(
        writer
        for entry, sheet in seen
        for writer in owners.writers(entry.desired, entry.resources, sheet.host.home, sheet)
    )
    found = [
        fold.obstructed(consented(draft, inputs.allow))
        for entry, _ in seen
        for draft in veiled([*drafts(entry)], entry)
    ]
    settled = settle(settled_ground(found))
    if not any(draft.item.state.is_write for draft in settled.drafts):
        settled = replace(settled, drafts=tuple(replace(draft, parts=()) for draft in settled.drafts))
    made = changes_of(settled, SecretBytes.of(inputs.targets, inputs.secrets), key)
    written = {address: change.id for change in made for address in change.addresses}
    items = {
        draft.item.address: replace(draft.item, change=written.get(draft.item.address)) for draft in settled.drafts
    }
    ours = {entry.target: ledger.held(entry.journal) for entry in inputs.targets}
    for entry in inputs.targets:
        items |= {
            address: journal.labelled(item, ours[entry.target])
            for address, item in items.items()
            if address.target == entry.target
        }
        for change in journal.due(entry, items):
            made = (*made, change)
            items |= {address: journal.still_due(items[address], change) for address in change.addresses}
    targets = tuple(_target_plan(entry, items, made, ours[entry.target]) for entry in inputs.targets)
    return Plan(
        workstation=inputs.workstation,
        targets=targets,
        changes=made,
        needs=needs.of(targets, made),
        notes=inputs.notes,
    )


def _target_plan(
    entry: TargetInput, items: Mapping[Address, ItemPlan], made: Sequence[Change], ours: Mapping[Address, Held]
) -> TargetPlan:
    mine = tuple(item for address, item in items.items() if address.target == entry.target)
    withheld = tuple(_withheld(entry))
    known = {*items, *entry.desired.withheld, *_declared(entry)}
    notes = list(entry.desired.notes)
    if entry.sheet is not None:
        for resource in entry.resources:
            notes += resource.remarks(entry.sheet)
        mine_made = [change for change in made if change.target == entry.target]
        notes += switches.notes(mine_made, entry.sheet)
        if entry.confirm_seconds is not None:
            notes += way_back.notes(mine_made, entry.sheet, entry.confirm_seconds)
    cut_short = ledger.unfinished(entry.journal)
    notes += (
        f"a run of {run.stamp.holder} is at work there, or was cut short: then the next apply clears up after it"
        for run in cut_short
    )
    released = journal.released(entry.desired, ours)
    notes += (
        f"{address.kind}:{address.item} is unmanaged: ours no more from the next apply on" for address in released
    )
    unseen = () if entry.sheet is not None else tuple(_unseen(entry))
    why, fix = entry.why, entry.fix
    if entry.refusal is not None and entry.state is TargetState.REACHED:
        why, fix = entry.refusal.why, entry.refusal.fix
    return TargetPlan(
        target=entry.target,
        state=entry.state,
        why=why,
        fix=fix,
        items=mine + withheld + unseen,
        notes=tuple(notes),
        left=journal.left(entry.target, ours, known),
        unfinished=bool(cut_short),
        released=released,
    )


def _declared(entry: TargetInput) -> Iterator[Address]:
    for kind, desired in entry.desired.kinds.items():
        yield from (Address(entry.target, kind, name) for name in desired.items)


def _withheld(entry: TargetInput) -> Iterator[ItemPlan]:
    for address, reason in entry.desired.withheld.items():
        state = State.BLOCKED if reason.blocked else State.UNKNOWN
        yield ItemPlan(
            address=address, state=state, why=reason.why, fix=reason.fix, origin=entry.desired.origins.get(address)
        )


def _unseen(entry: TargetInput) -> Iterator[ItemPlan]:
    """The items of a target that is reached but may not be read, or not be written."""
    for kind, desired in entry.desired.kinds.items():
        for name, item in desired.items.items():
            address = Address(entry.target, kind, name)
            origin = entry.desired.origins.get(address)
            if item is UNMANAGED:
                continue
            if entry.refusal is not None:
                why, fix = entry.refusal.why, entry.refusal.fix
                yield ItemPlan(address=address, state=State.BLOCKED, why=why, fix=fix, origin=origin)
            elif entry.why is not None and entry.elevation:
                yield ItemPlan(address=address, state=State.UNKNOWN, why=entry.why, origin=origin, elevation=True)
