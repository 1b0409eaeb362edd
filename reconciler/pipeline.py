"""The straight way: documents, one question to each machine, a plan. The way back is `execution/machines.py`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from reconciler.documents.desire import Documents, Known
from reconciler.documents.fill import Lookup, filled
from reconciler.documents.template_check import AFTER_GATHERING
from reconciler.execution.doors import Doors
from reconciler.execution.gather import gather
from reconciler.model import derived_facts, effects
from reconciler.model.address import Address, Target
from reconciler.model.desired import DesiredItems
from reconciler.model.effects import EffectRecord
from reconciler.model.facts import NEEDS_ROOT, Fact, FactSheet, FileText
from reconciler.model.plan import Plan
from reconciler.model.states import TargetState
from reconciler.planning.inputs import Inputs, TargetInput
from reconciler.planning.plan import plan
from reconciler.resources.assemble import assemble


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What was found of each target: its facts, or why there are none (and whether root would have them)."""

    sheets: Mapping[Target, FactSheet] = field(default_factory=dict)
    reasons: Mapping[Target, tuple[TargetState, str, bool]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """How secrets are looked up, and the controller's key for their hashes."""

    lookup: Lookup
    key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A plan for each workstation, and what they were made from; `desired` has holes where secrets go."""

    plans: tuple[Plan, ...]
    desired: Mapping[Target, DesiredItems]
    observed: Observed


def plan_documents(
    documents: Documents,
    targets: Iterable[Target],
    doors: Doors,
    secrets: Secrets,
    allow: tuple[str, ...] | None = None,
) -> Planned:
    """Asks every machine once and plans. `allow`: see `Inputs`."""
    early = documents.desired(targets)
    names = {
        target: frozenset(name.split(".")[1] for name in used if name.startswith("facts."))
        for target, used in documents.used.items()
    }
    observed = observe(early, doors, {target: derived_facts.wanted(names[target]) for target in early})
    known = {
        target: Known(facts=derived_facts.values(sheet, names[target]), home=sheet.host.home)
        for target, sheet in observed.sheets.items()
    }
    # Only what waits for facts is built again.
    waiting = [target for target in early if any(name.startswith(AFTER_GATHERING) for name in documents.used[target])]
    return plan_desired({**early, **documents.desired(waiting, known)}, observed, secrets, allow)


def observe(desired: Mapping[Target, DesiredItems], doors: Doors, more: Mapping[Target, frozenset[Fact]]) -> Observed:
    """Asks every machine once, for all that its targets' resources want to know."""
    sheets: dict[Target, FactSheet] = {}
    reasons: dict[Target, tuple[TargetState, str, bool]] = {}
    for machine in dict.fromkeys(target.machine for target in desired):
        mine = {target: items for target, items in desired.items() if target.machine == machine and items.kinds}
        door = doors.door(machine)
        if door.transport is None:
            reasons.update((target, (door.state, door.why, False)) for target in mine)
        elif mine:
            questions = {target: _questions(items) | more.get(target, frozenset()) for target, items in mine.items()}
            gathered = gather(door.transport, questions, caller=doors.caller, root=doors.root)
            sheets.update(gathered.sheets)
            reasons.update((target, _without_sheet(why)) for target, why in gathered.reasons.items())
    return Observed(sheets=sheets, reasons=reasons)


def _without_sheet(why: str) -> tuple[TargetState, str, bool]:
    """A user whom root could have asked is here; one whom nobody can ask is not."""
    elevation = why == NEEDS_ROOT
    return TargetState.REACHED if elevation else TargetState.NOT_HERE, why, elevation


def _questions(items: DesiredItems) -> frozenset[Fact]:
    wanted = {fact for resource in assemble(items) for fact in resource.wanted_facts()}
    return frozenset(wanted | {FileText(effects.path(items.target))})


def plan_desired(
    desired: Mapping[Target, DesiredItems], observed: Observed, secrets: Secrets, allow: tuple[str, ...] | None = None
) -> Planned:
    """Pure planning, workstation by workstation, once secrets are filled in."""
    found = []
    for workstation in dict.fromkeys(target.workstation for target in desired):
        mine = [items for target, items in desired.items() if target.workstation == workstation and items.kinds]
        inputs = tuple(_input(filled(items, secrets.lookup), observed) for items in mine)
        found.append(plan(Inputs(workstation=workstation, targets=inputs, allow=allow), secrets.key))
    return Planned(plans=tuple(found), desired=desired, observed=observed)


def _input(items: DesiredItems, observed: Observed) -> TargetInput:
    sheet = observed.sheets.get(items.target)
    if sheet is None:
        state, why, elevation = observed.reasons[items.target]
        return TargetInput(target=items.target, desired=items, state=state, why=why, elevation=elevation)
    records = {
        address: record for record in effects.of_sheet(sheet, items.target) if (address := _address(record)) is not None
    }
    return TargetInput(target=items.target, desired=items, resources=assemble(items), sheet=sheet, effects=records)


def _address(record: EffectRecord) -> Address | None:
    try:
        return Address.parse(record.address)
    except ValueError:
        return None
