"""What a plan asks of people: rights, and restarts until its changes are in force."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.model.plan import Change, TargetPlan
from reconciler.model.states import Effect, State


def of(targets: Sequence[TargetPlan], changes: Sequence[Change]) -> tuple[str, ...]:
    items = [item for target in targets for item in target.items]
    needs: list[str] = []
    layers = dict.fromkeys(str(item.address.target) for item in items if item.elevation)
    if layers:
        needs.append(f"root on {', '.join(layers)} (apply has sudo ask)")
    effects = {change.effect for change in changes} | {item.effect for item in items if item.state is State.PENDING}
    needs += [effect.value for effect in Effect if effect in effects and effect is not Effect.NOW]
    return (*needs, *dict.fromkeys(ask for change in changes for ask in change.asks))
