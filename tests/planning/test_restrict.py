"""A plan made smaller: what is taken out takes along what needs it, and says why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.model.address import Layer, Target
from reconciler.model.claims import Account, Need
from reconciler.model.states import Effect, Exit, State
from reconciler.planning.restrict import without
from reconciler.resources.any.directories import Directories, OwnedDirectory
from reconciler.resources.any.files import File, Files

if TYPE_CHECKING:
    from tests.planning.conftest import Toys
    from tests.planning.simulated_machine import Machine

DISTRO = Target("lt", "main")
MOVED = ("it has moved since the plan", "plan again")


def three(machine: Machine) -> dict[Target, list[Directories | Files]]:
    machine.directory("/opt/other")
    folders = Directories(items={"/opt/a": OwnedDirectory()}, options={}, layer=Layer.DISTRO)
    return {
        DISTRO: [
            folders,
            Files(
                items={"/opt/a/b/x": File(content="x"), "/opt/other/y": File(content="y")},
                options={},
                layer=Layer.DISTRO,
            ),
        ]
    }


def test_dependents_go_too_and_say_of_whom(machine: Machine) -> None:
    plan = without(machine.plan(three(machine)), {"lt/main:/opt/a": MOVED})
    assert [change.thing for change in plan.changes] == ["/opt/other/y"]
    assert {item.address.item: (item.state, item.why, item.fix, item.change) for item in plan.items} == {
        "/opt/a": (State.BLOCKED, *MOVED, None),
        "/opt/a/b/x": (State.BLOCKED, "needs lt/main:/opt/a, which is left out", None, None),
        "/opt/other/y": (State.ADD, None, None, "lt/main:/opt/other/y"),
    }
    assert plan.verdict() is Exit.BLOCKED


def test_the_dependents_of_dependents_go_too(machine: Machine, toys: Toys) -> None:
    items = {
        "1": toys.Item(provides=(Account("one"),)),
        "2": toys.Item(provides=(Account("two"),), needs=(Need(Account("one")),)),
        "3": toys.Item(needs=(Need(Account("two")),)),
    }
    plan = machine.plan({DISTRO: [toys.Scripted(items)]})
    assert without(plan, {"lt/main:toy 1": MOVED}).changes == ()


def test_all_items_of_a_shared_file_are_left_out_with_it(machine: Machine, toys: Toys) -> None:
    plan = machine.plan({DISTRO: [toys.lines({"a": "1"}), toys.lines({"b": "1"}, kind="toy_others")]})
    assert {item.state for item in without(plan, {f"lt/main:{toys.SHARED}": MOVED}).items} == {State.BLOCKED}


def test_an_item_whose_first_part_is_left_out_does_not_go_live(machine: Machine, toys: Toys) -> None:
    machine.directory("/opt/m")
    plan = without(machine.plan({DISTRO: [toys.mounts({"/opt/m": "/x"})]}), {f"lt/main:{toys.FSTAB}": MOVED})
    assert plan.changes == ()
    assert [(item.state, item.why) for item in plan.items] == [(State.BLOCKED, MOVED[0])]


def test_for_an_item_whose_last_part_is_left_out_nothing_is_written(machine: Machine, toys: Toys) -> None:
    machine.directory("/opt/m")
    plan = without(machine.plan({DISTRO: [toys.mounts({"/opt/m": "/x"})]}), {"lt/main:/opt/m (live)": MOVED})
    assert plan.changes == ()
    assert [(item.state, item.why) for item in plan.items] == [(State.BLOCKED, MOVED[0])]


def test_what_others_share_with_it_is_written(machine: Machine, toys: Toys) -> None:
    machine.directory("/opt/m")
    machine.directory("/opt/n")
    plan = without(
        machine.plan({DISTRO: [toys.mounts({"/opt/m": "/x", "/opt/n": "/y"})]}), {"lt/main:/opt/m (live)": MOVED}
    )
    assert [change.thing for change in plan.changes] == [toys.FSTAB, "/opt/n"]
    assert [item.state for item in plan.items] == [State.BLOCKED, State.ADD]


def test_no_directory_is_made_for_what_is_left_out(machine: Machine) -> None:
    plan = machine.plan({DISTRO: [Files(items={"/opt/a/x": File(content="x")}, options={}, layer=Layer.DISTRO)]})
    assert [change.thing for change in plan.changes] == ["/opt/a", "/opt/a/x"]
    assert without(plan, {"lt/main:/opt/a/x": MOVED}).changes == ()


def test_nothing_left_out_is_the_same_plan(machine: Machine) -> None:
    plan = machine.plan(three(machine))
    assert without(plan, {}) == plan
    assert without(plan, {"no such change": MOVED}) == plan


def test_a_restart_is_asked_for_only_while_a_change_needs_it(machine: Machine, toys: Toys) -> None:
    plan = machine.plan({DISTRO: [toys.lines({"a": "1"}, effect=Effect.TERMINATE)]})
    assert plan.needs == ("wsl --terminate",)
    assert without(plan, {f"lt/main:{toys.SHARED}": MOVED}).needs == ()
