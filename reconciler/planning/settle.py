"""Claims: who needs what of whom, and what that means for an item whose need is not met."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from reconciler.model.address import Layer, Target
from reconciler.model.claims import Claim, Need, Path, Program
from reconciler.model.facts import FactSheet, PathType
from reconciler.model.plan import ItemPlan
from reconciler.model.resource import Part
from reconciler.model.states import Effect, State
from reconciler.planning.compare import Draft
from reconciler.planning.places import place

Providers = Mapping[tuple[Target, Claim], Sequence[Draft]]
_LAYERS: Final = list(Layer)
_PASSED_ON: Final = {
    State.WAITING: State.WAITING,
    State.UNKNOWN: State.UNKNOWN,
    State.BLOCKED: State.BLOCKED,
    State.NOT_APPLICABLE: State.BLOCKED,
    State.WAIVED: State.BLOCKED,
}
"""What the state of an item that should provide something makes of the item that needs it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """The drafts with their needs judged: who must come first by claim, and the tasks for what nobody provides."""

    drafts: tuple[Draft, ...]
    providers: Providers


def settle(drafts: Sequence[Draft]) -> Settled:
    """Judges until nothing changes: what is blocked takes along what needs it."""
    current = list(drafts)
    while True:
        providers = _providers(current)
        judged = [_judge(draft, providers) for draft in current]
        if [draft.item.state for draft in judged] == [draft.item.state for draft in current]:
            return Settled(drafts=tuple(judged), providers=providers)
        current = judged


def offers(draft: Draft, claim: Claim, providers: Providers) -> list[Draft]:
    """The items that provide a claim and are of the same layer, or of one that is changed earlier."""
    return [offer for offer in _all_offers(draft, claim, providers) if _rank(offer) <= _rank(draft)]


def _all_offers(draft: Draft, claim: Claim, providers: Providers) -> Sequence[Draft]:
    """An item that provides what it needs itself, such as a mount on its mount point, does not wait for itself."""
    found = providers.get((draft.item.address.target.machine, _placed(claim, draft.sheet)), ())
    return [offer for offer in found if offer.item.address != draft.item.address]


def _placed(claim: Claim, sheet: FactSheet) -> Claim:
    """A path is meant by its place on the machine, whatever it is called."""
    match claim:
        case Path(path=path):
            return Path(place(path, sheet))
        case Program(name=name) if "/" in name:
            return Program(place(name, sheet))
        case _:
            return claim


def _rank(draft: Draft) -> int:
    return _LAYERS.index(draft.item.address.target.layer)


def _providers(drafts: Sequence[Draft]) -> Providers:
    found: dict[tuple[Target, Claim], list[Draft]] = {}
    for draft in drafts:
        for claim in draft.want.provides if draft.item.state is not State.REMOVE else ():
            found.setdefault((draft.item.address.target.machine, _placed(claim, draft.sheet)), []).append(draft)
    return found


def _judge(draft: Draft, providers: Providers) -> Draft:
    if not draft.parts:
        return draft
    parts: list[Part] = []
    for part in draft.parts:
        needs: list[Need] = []
        for need in part.needs:
            verdict = _verdict(draft, need, providers)
            if isinstance(verdict, ItemPlan):
                return replace(draft, item=verdict, parts=())
            needs.append(verdict)
        parts.append(replace(part, needs=tuple(needs)))
    return replace(draft, parts=tuple(parts))


def _verdict(draft: Draft, need: Need, providers: Providers) -> ItemPlan | Need:
    """The item as it stands when the need is not met; else the need, with tasks only where they are due."""
    claim = need.claim
    offered = offers(draft, claim, providers)
    written = [offer for offer in offered if offer.item.state.is_write]
    there = [offer for offer in offered if offer.item.state in (State.IN_SYNC, State.PENDING)]
    holds = _holds(claim, draft.sheet)
    if holds:
        return replace(need, otherwise=())
    if claim.in_force and (written or there):
        good = (written or there)[0].item
        effect = Effect.latest(offer.item.effect for offer in written or there)
        return replace(
            draft.item, state=State.WAITING, why=f"waits for {claim}: {good.address} takes effect at {effect}"
        )
    if written or (there and holds is None):
        return replace(need, otherwise=())
    return _unmet(draft, need, providers, holds)


def _holds(claim: Claim, sheet: FactSheet) -> bool | None:
    """None where it could not be read, or nobody asked."""
    return claim.holds(sheet) if claim.facts() <= sheet.answers.keys() else None


def _unmet(draft: Draft, need: Need, providers: Providers, holds: bool | None) -> ItemPlan | Need:
    claim, item = need.claim, draft.item
    every = _all_offers(draft, claim, providers)
    for state, becomes in _PASSED_ON.items():
        for offer in every:
            if offer.item.state is state:
                why = f"needs {claim}, and {offer.item.address} is {state}: {offer.item.why}"
                return replace(item, state=becomes, why=why, elevation=item.elevation or offer.item.elevation)
    if holds is None:
        return replace(item, state=State.UNKNOWN, why=f"{claim} could not be read")
    if need.otherwise and not every:
        return need
    if need.where_it_holds and not every:
        why = f"{claim} is not there and nobody declares it"
        return replace(item, state=State.NOT_APPLICABLE, why=why, elevation=False)
    later = [offer for offer in every if _rank(offer) > _rank(draft)]
    what = f"which {later[0].item.address} provides only later" if later else _instead(claim, draft.sheet)
    return replace(item, state=State.BLOCKED, why=f"needs {claim}, {what}")


def _instead(claim: Claim, sheet: FactSheet) -> str:
    """What is there in place of what a claim names."""
    state = sheet.path(claim.path) if isinstance(claim, Path) else None
    if state is None or state.type is PathType.MISSING:
        return "which is not there and nobody declares"
    return f"which is a link to {state.link}" if state.type is PathType.LINK else f"which is a {state.type}"
