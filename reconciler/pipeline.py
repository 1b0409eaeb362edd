"""The straight way: documents, one question to each machine, a plan. The way back is `execution/machines.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from reconciler.documents.desire import Documents, Known
from reconciler.documents.fill import Lookup, filled, known_secrets
from reconciler.documents.template_check import AFTER_GATHERING
from reconciler.execution.doors import Doors
from reconciler.execution.visit import Observed, Passwords, Questions, Visit
from reconciler.model import derived_facts, effects, ledger
from reconciler.model.address import Address, Target
from reconciler.model.desired import DesiredItems
from reconciler.model.effects import EffectRecord
from reconciler.model.errors import BlockedError
from reconciler.model.facts import Fact, FileText
from reconciler.model.guard import PIN_FACTS, Guard
from reconciler.model.plan import Plan
from reconciler.planning import switches, undo_steps
from reconciler.planning.downloads import noted
from reconciler.planning.inputs import Inputs, Refusal, TargetInput
from reconciler.planning.plan import plan
from reconciler.planning.undo import Reversal
from reconciler.planning.undo_steps import Step
from reconciler.resources.assemble import assemble
from reconciler.resources.catalogue import find

Guards = Mapping[Target, Guard]
"""By machine, what it must be for anything to be written there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """How secrets are looked up, and the controller's key for their hashes."""

    lookup: Lookup
    key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a run goes by, beside what is desired. `passwords` None: no machine is asked again as root.

    `allow`: see `Inputs`; `cached`: the sizes of downloads that are here already, by digest; `confirm_seconds`: within what
    time another machine has to be reached anew after a change that may cut us off, 0 for never.
    """

    doors: Doors
    secrets: Secrets
    passwords: Passwords | None = None
    allow: tuple[str, ...] | None = None
    guards: Guards = field(default_factory=dict)
    cached: Mapping[str, int] = field(default_factory=dict)
    prune: bool = False
    confirm_seconds: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A plan for each workstation, and what they were made from; `desired` has holes where secrets go."""

    plans: tuple[Plan, ...]
    desired: Mapping[Target, DesiredItems]
    observed: Observed


def plan_documents(documents: Documents, targets: Iterable[Target], run: Run) -> Planned:
    """Asks every machine and plans; machines that need a password for what is left to do are asked once more. With
    `run.prune`, what is left of ours and nobody declares is led back in the same plan, once it is known.
    """
    early = documents.desired(targets)
    names = {
        target: frozenset(name.split(".")[1] for name in used if name.startswith("facts."))
        for target, used in documents.used.items()
    }
    # Only what waits for facts is built again.
    waiting = [target for target in early if any(name.startswith(AFTER_GATHERING) for name in documents.used[target])]

    def planned(observed: Observed) -> Planned:
        known = {
            target: Known(facts=derived_facts.values(sheet, names[target]), home=sheet.host.home)
            for target, sheet in observed.sheets.items()
        }
        return plan_desired({**early, **documents.desired(waiting, known)}, observed, run)

    more = {target: derived_facts.wanted(names[target]) for target in early}
    made = _visited(questions(early, more, run.guards), run, planned)
    return _pruned(made, run) if run.prune else made


def _pruned(planned: Planned, run: Run) -> Planned:
    """BlockedError where a target would be emptied."""
    left = [each.address for plan in planned.plans for target in plan.targets for each in target.left]
    if not left:
        return planned
    for target in dict.fromkeys(address.target for address in left):
        if not planned.desired[target].kinds:
            fix = (
                "`reconcile uninstall` leads back everything; `unmanaged: true` in place of a value leaves it as it is"
            )
            raise BlockedError(f"nothing is declared for {target}: --prune would empty it", fix=fix)
    journals = [ledger.of_sheet(sheet, target) for target, sheet in planned.observed.sheets.items()]
    steps = {address: step for address, step in undo_steps.origins(journals).items() if address in left}
    return plan_reversal(reversal_of(steps, planned.desired), run)


def reversal_of(steps: Mapping[Address, Step], beside: Mapping[Target, DesiredItems]) -> Reversal:
    kinds = {(address.target, address.kind): find(address.target.layer, address.kind) for address in steps}
    return Reversal(steps=steps, kinds={key: kind for key, kind in kinds.items() if kind is not None}, beside=beside)


def plan_saved(desired: Mapping[Target, DesiredItems], run: Run) -> Planned:
    """The same for what a saved plan desires."""
    return _visited(questions(desired, {}, run.guards), run, lambda observed: plan_desired(desired, observed, run))


def plan_reversal(reversal: Reversal, run: Run) -> Planned:
    """The same for the way back from what runs did: what has moved since is blocked, the rest gets its value before."""

    def planned(observed: Observed) -> Planned:
        desired = reversal.desired(observed.sheets)
        moved = {
            address: why
            for plan in plan_desired(desired, observed, run).plans
            for address, why in reversal.moved(plan, observed.sheets).items()
        }
        made = plan_desired(reversal.desired(observed.sheets, moved), observed, run)
        return replace(made, plans=tuple(reversal.exact(plan, observed.sheets) for plan in made.plans))

    return _visited(questions(reversal.desired({}), reversal.wanted_facts(), run.guards), run, planned)


def _visited(asked: Questions, run: Run, planned: Callable[[Observed], Planned]) -> Planned:
    with Visit(asked, run.doors, may_unlock=run.passwords is not None) as visit:
        first = planned(visit.observed)
        if run.passwords is None or not visit.unlock(_locked_out(first, visit), run.passwords):
            return replace(first, observed=visit.observed)
        return planned(visit.observed)


def _locked_out(planned: Planned, visit: Visit) -> list[Target]:
    """The machines where something is left to read or write that only root can, and a password may help."""
    needy = {item.address.target.machine for plan in planned.plans for item in plan.items if item.elevation}
    return [machine for machine in visit.locked if machine in needy]


def questions(
    desired: Mapping[Target, DesiredItems], more: Mapping[Target, frozenset[Fact]], guards: Guards
) -> Questions:
    """All that the resources of all targets want to know, and what tells the machine from another; by machine.

    A machine that nothing is declared for is not asked. On the others, targets that nothing is declared for any more are
    asked too: for what is left there.
    """
    asked: dict[Target, dict[Target, frozenset[Fact]]] = {
        target.machine: {} for target, items in desired.items() if _is_declared(items)
    }
    for target, items in desired.items():
        if target.machine in asked:
            wanted = _questions(items) | more.get(target, frozenset()) if _is_declared(items) else _own_files(target)
            identity = guards.get(target.machine, Guard()).wanted_facts() | PIN_FACTS
            asked[target.machine][target] = wanted | identity
    return asked


def _is_declared(items: DesiredItems) -> bool:
    return bool(items.kinds or items.withheld)


def _questions(items: DesiredItems) -> frozenset[Fact]:
    wanted = {fact for resource in assemble(items) for fact in resource.wanted_facts()}
    return frozenset(wanted | _own_files(items.target) | switches.wanted_facts())


def _own_files(target: Target) -> frozenset[Fact]:
    return frozenset({FileText(effects.path(target)), FileText(ledger.path(target))})


def plan_desired(desired: Mapping[Target, DesiredItems], observed: Observed, run: Run) -> Planned:
    """Pure planning, workstation by workstation, once secrets are filled in."""
    found = []
    for workstation in dict.fromkeys(target.workstation for target in desired):
        mine = [
            items
            for target, items in desired.items()
            if target.workstation == workstation and (_is_declared(items) or _has_left(target, observed))
        ]
        refusal = _refusal([items.target for items in mine], observed, run.guards)
        targets = tuple(_input(filled(items, run.secrets.lookup), observed, refusal, run) for items in mine)
        inputs = Inputs(
            workstation=workstation, targets=targets, allow=run.allow, secrets=known_secrets(mine, run.secrets.lookup)
        )
        found.append(noted(plan(inputs, run.secrets.key), run.cached))
    return Planned(plans=tuple(found), desired=desired, observed=observed)


def _has_left(target: Target, observed: Observed) -> bool:
    sheet = observed.sheets.get(target)
    return sheet is not None and any(each.target == target for each in ledger.held(ledger.of_sheet(sheet, target)))


def _refusal(targets: Iterable[Target], observed: Observed, guards: Guards) -> Refusal | None:
    """Why a workstation is not the one that is meant; one machine of it that is another blocks it whole."""
    for target in targets:
        sheet, guard = observed.sheets.get(target), guards.get(target.machine)
        found = guard.mismatch(sheet, observed.access[target.machine].host_key) if sheet and guard else None
        if found is not None:
            return Refusal(why=found.what, fix=found.fix)
    return None


def _input(items: DesiredItems, observed: Observed, refusal: Refusal | None, run: Run) -> TargetInput:
    sheet = observed.sheets.get(items.target)
    if sheet is None:
        unseen = observed.unseen[items.target]
        return TargetInput(
            target=items.target,
            desired=items,
            state=unseen.state,
            why=unseen.why,
            fix=unseen.fix,
            elevation=unseen.elevation,
            refusal=refusal,
        )
    if refusal is not None:
        return TargetInput(target=items.target, desired=items, refusal=refusal)
    records = {
        address: record for record in effects.of_sheet(sheet, items.target) if (address := _address(record)) is not None
    }
    return TargetInput(
        target=items.target,
        desired=items,
        resources=assemble(items),
        sheet=sheet,
        effects=records,
        journal=ledger.of_sheet(sheet, items.target),
        confirm_seconds=run.confirm_seconds if run.doors.way_in(items.target.machine).is_remote else None,
    )


def _address(record: EffectRecord) -> Address | None:
    try:
        return Address.parse(record.address)
    except ValueError:
        return None
