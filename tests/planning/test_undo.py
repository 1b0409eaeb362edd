"""What the plan of a way back says where a kind cannot say what was before."""

from __future__ import annotations

import pytest

from reconciler.model.address import Address, Target
from reconciler.model.ledger import ChangeRecord, ItemRecord, RunRecord, RunStamp
from reconciler.model.plan import ItemPlan, Plan, TargetPlan
from reconciler.model.secrets import Secret
from reconciler.model.states import State
from reconciler.model.values import Json
from reconciler.planning.undo import Reversal
from reconciler.planning.undo_steps import steps_of_run

MAIN = Target("lt", "main")
ITEM = Address(MAIN, "toys", "bear")


def reversal(before: dict[str, Json] | None, after: dict[str, Json] | None) -> Reversal:
    item = ItemRecord(address=ITEM, before=before, after=after)
    change = ChangeRecord(number=1, id="c", thing="toys", target=MAIN, items=(item,), is_done=True)
    run = RunRecord(generation=1, stamp=RunStamp(id="r"), changes=(change,))
    return Reversal(steps=steps_of_run("r", [(run,)]))


def notes(back: Reversal, **planned: object) -> tuple[str, ...]:
    item = ItemPlan(address=ITEM, **planned)  # type: ignore[arg-type]
    plan = Plan(workstation="lt", targets=(TargetPlan(target=MAIN, items=(item,)),))
    (found,) = back.exact(plan, {}).items
    return found.notes


LEFT = {"eyes": 2, "held": True, "name": "Bo"}


@pytest.mark.parametrize("state", [State.IN_SYNC, State.CHANGE])
def test_a_field_that_is_not_led_back_is_named(state: State) -> None:
    back = reversal({"eyes": 1, "held": False, "name": None}, {"eyes": 2, "held": True, "name": "Bo"})
    assert notes(back, state=state, before=LEFT, after={"eyes": 1}) == (
        "held stays true, and was false before: nothing leads that back",
        'name stays "Bo", and was absent before: nothing leads that back',
    )


def test_what_a_plan_leads_back_or_the_run_did_not_change_is_not_named() -> None:
    back = reversal({"eyes": 1, "name": "Al"}, {"eyes": 2, "held": True})
    assert notes(back, state=State.CHANGE, before=LEFT, after={"eyes": 1}) == ()


def test_what_is_to_go_or_was_refused_needs_no_such_words() -> None:
    assert notes(reversal(None, {"held": True}), state=State.REMOVE, before=LEFT, after=None) == ()
    back = reversal({"held": False}, {"held": True})
    assert notes(back, state=State.BLOCKED, before=LEFT, after={"eyes": 1}) == ()


def test_a_secret_is_not_told() -> None:
    back = reversal({"name": {"$sha256": "0" * 64}}, {"name": "Bo"})
    assert notes(back, state=State.CHANGE, before=LEFT, after={"name": Secret("hunter2", frozenset({"s"}))}) == ()
    (said,) = notes(back, state=State.IN_SYNC, before=LEFT, after={})
    assert said == 'name stays "Bo", and was another before: nothing leads that back'
    back = reversal({"name": "Al"}, {"name": {"$secret": ["s"]}})
    (said,) = notes(back, state=State.IN_SYNC, before=LEFT, after={})
    assert said == 'name stays as it is, and was "Al" before: nothing leads that back'
