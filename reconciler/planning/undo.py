"""The way back: what runs did, by their journal, is desired as it was before; whoever has moved since stays as it is.

Planned like everything else, kind by kind, so that what has to run, wait or be asked for is found here too. A file that
still is as the run left it then gets its very bytes back, from the copy on the machine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from reconciler.model import ledger
from reconciler.model.address import Address, Target
from reconciler.model.desired import DesiredItems, DesiredKind, Withheld
from reconciler.model.facts import Fact, FactSheet
from reconciler.model.plan import ItemPlan, Plan, TargetPlan
from reconciler.model.resource import Resource
from reconciler.model.secrets import Secret
from reconciler.model.states import State
from reconciler.model.values import ABSENT, Json
from reconciler.planning import needs, undo_paths
from reconciler.planning.undo_steps import Step

Kinds = Mapping[tuple[Target, str], type[Resource]]
_BY_HAND: Final = "look at what has changed there, and change it by hand"
_CONTENT: Final = "content"
"""The one field whose text is that of its whole file."""
_SECRET: Final = Withheld(
    "what stood there before held a secret: only its hash was kept, so it cannot be brought back",
    blocked=True,
    fix="give the secret the value that it had then, and apply",
)
_UNTOLD: Final = Withheld("its value before may be a secret, which the journal does not tell", blocked=True)
_NOT_KEPT: Final = Withheld("what stood there before was not kept", blocked=True)
_NO_KIND: Final = Withheld("its kind is not installed here", blocked=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reversal:
    """Steps to be led back, by address, each to the value before its step."""

    steps: Mapping[Address, Step]
    kinds: Kinds = field(default_factory=dict)
    beside: Mapping[Target, DesiredItems] = field(default_factory=dict)
    """What is desired beside: it stays, and comes first where both speak of an address."""

    @property
    def targets(self) -> tuple[Target, ...]:
        return tuple(dict.fromkeys(address.target for address in self.steps))

    def wanted_facts(self) -> Mapping[Target, frozenset[Fact]]:
        return {
            target: frozenset(
                fact for step in self.steps.values() if step.target == target for fact in undo_paths.facts(step)
            )
            for target in self.targets
        }

    def desired(
        self, sheets: Mapping[Target, FactSheet], held_back: Mapping[Address, Withheld] | None = None
    ) -> dict[Target, DesiredItems]:
        """Every address as it was before, but for those that are held back."""
        kinds: dict[Target, dict[str, dict[str, object]]] = {target: {} for target in self.targets}
        withheld: dict[Address, Withheld] = {}
        for address, step in self.steps.items():
            value = (held_back or {}).get(address) or self._before(step, sheets.get(address.target))
            if isinstance(value, Withheld):
                withheld[address] = value
            else:
                kinds[address.target].setdefault(address.kind, {})[address.item] = value
        back = {
            target: DesiredItems(
                target=target,
                kinds={
                    kind: DesiredKind(items=items, options=self._options(target, kind)) for kind, items in found.items()
                },
                withheld={address: why for address, why in withheld.items() if address.target == target},
            )
            for target, found in kinds.items()
        }
        return {**back, **{target: _joined(beside, back.get(target)) for target, beside in self.beside.items()}}

    def _options(self, target: Target, kind: str) -> Mapping[str, Json]:
        """What the kind was told by the run, but for what is an item too."""
        told = [step.item for address, step in self.steps.items() if (address.target, address.kind) == (target, kind)]
        items = {item.address.item for item in told}
        return {name: value for item in told for name, value in item.options.items() if name not in items}

    def _before(self, step: Step, sheet: FactSheet | None) -> object:
        """What is desired of an address, or why that cannot be said. Without a sheet: something of the same shape."""
        before, address = step.item.before, step.item.address
        resource = self.kinds.get((address.target, address.kind))
        if resource is None:
            return _NO_KIND
        if before is None:
            return ABSENT
        data = undo_paths.bytes_before(step, sheet) if sheet else b""
        untold = {name for name, value in before.items() if ledger.is_untold(value)}
        if untold and (untold != {_CONTENT} or data is None):
            return _not_told(step)
        text = None if data is None else data.decode("utf-8", "surrogateescape")
        seen = {name: text if name in untold else value for name, value in before.items()}
        try:
            value = resource.as_declared(address.target.layer, address.item, seen, data, step.item.after)
        except KeyError:
            value = None
        return _not_told(step) if value is None else value

    def moved(self, plan: Plan, sheets: Mapping[Target, FactSheet]) -> Mapping[Address, Withheld]:
        """The addresses that are not as their step left them, and how that is said."""
        found = {}
        for item in plan.items:
            step = self.steps.get(item.address)
            if step is None or not item.state.is_write or self._is_as_left(item, step):
                continue
            if not undo_paths.are_as_left(
                step, sheets[item.address.target]
            ):  # it may be seen otherwise than it was said
                why = f"it has moved since the run of {step.run.stamp.at} ({step.run.stamp.by})"
                found[item.address] = Withheld(why, blocked=True, fix=_BY_HAND)
        return found

    def _is_as_left(self, item: ItemPlan, step: Step) -> bool:
        kind = self.kinds[item.address.target, item.address.kind]
        return kind.is_as_left(ledger.told(item.before), _without_secrets(step.item.after))

    def exact(self, plan: Plan, sheets: Mapping[Target, FactSheet]) -> Plan:
        """The plan, in which files that are as they were left get their very bytes back."""
        left = undo_paths.stuck(plan.items, self.steps, sheets)
        items, more = undo_paths.by_path(left, plan.changes, sheets)
        anew = {item.address: item for item in items}
        targets = tuple(self._with(target, anew) for target in plan.targets)
        changes = undo_paths.exact((*plan.changes, *more), self.steps, sheets)
        return replace(plan, changes=changes, targets=targets, needs=needs.of(targets, changes))

    def _with(self, target: TargetPlan, anew: Mapping[Address, ItemPlan]) -> TargetPlan:
        items = (anew.get(item.address, item) for item in target.items)
        return replace(target, items=tuple(map(self._with_what_stays, items)), left=())

    def _with_what_stays(self, item: ItemPlan) -> ItemPlan:
        """With a note for every field that its step changed and this plan does not change back: its kind cannot say it."""
        step = self.steps.get(item.address)
        if step is None or item.after is None or not (item.state.is_write or item.state is State.IN_SYNC):
            return item
        left = {**(item.before or {}), **item.after}
        before, after = step.item.before or {}, step.item.after or {}
        notes = []
        for name in sorted(after.keys() & before.keys()):
            stays, was = left.get(name), {name: before[name]}
            if (
                isinstance(stays, Secret)
                or ledger.is_same({name: after[name]}, was)
                or ledger.is_same({name: stays}, was)
            ):
                continue
            how = "as it is" if ledger.is_untold(after[name]) else _said(stays)
            notes.append(f"{name} stays {how}, and was {_said(before[name])} before: nothing leads that back")
        return replace(item, notes=(*item.notes, *notes))


def _said(value: Json) -> str:
    if value is None or ledger.is_untold(value):
        return "absent" if value is None else "another"
    return json.dumps(value, ensure_ascii=False)


def _not_told(step: Step) -> Withheld:
    """Why nobody can say what an address was."""
    if not all(first.kept for first, _ in step.spans().values()):
        return _SECRET
    return _UNTOLD if step.item.holds_secret else _NOT_KEPT


def _joined(beside: DesiredItems, back: DesiredItems | None) -> DesiredItems:
    if back is None:
        return beside
    kinds = dict(beside.kinds)
    for kind, found in back.kinds.items():
        known = kinds.get(kind, DesiredKind(items={}))
        kinds[kind] = DesiredKind(items={**found.items, **known.items}, options={**found.options, **known.options})
    return replace(beside, kinds=kinds, withheld={**back.withheld, **beside.withheld})


def _without_secrets(after: Mapping[str, Json] | None) -> Mapping[str, Json] | None:
    """A secret that was written is not looked at."""
    return None if after is None else {name: value for name, value in after.items() if not ledger.is_secret(value)}
