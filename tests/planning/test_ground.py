"""What lies below something that the same plan moves waits for the next plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reconciler.model.address import Layer, Target
from reconciler.model.plan import ItemPlan, Plan
from reconciler.model.states import State
from reconciler.resources.any.directories import Directories, OwnedDirectory
from reconciler.resources.any.files import File, Files
from reconciler.resources.any.symlinks import Symlinks

if TYPE_CHECKING:
    from tests.planning.conftest import Toys
    from tests.planning.simulated_machine import Machine

DISTRO = Target("lt", "main")
ALICE = Target("lt", "main", "alice")


def states(plan: Plan) -> dict[str, State]:
    return {item.address.item: item.state for item in plan.items}


def item(plan: Plan, name: str) -> ItemPlan:
    return next(item for item in plan.items if item.address.item == name)


def things(plan: Plan) -> list[str]:
    return [change.thing for change in plan.changes]


def files(*paths: str, layer: Layer = Layer.DISTRO) -> Files:
    return Files(items={path: File(content="x\n") for path in paths}, options={}, layer=layer)


def links(items: dict[str, str], layer: Layer = Layer.DISTRO) -> Symlinks:
    return Symlinks(items=items, options={}, layer=layer)


def test_what_lies_behind_a_link_that_is_set_in_this_plan_waits_for_the_next(machine: Machine) -> None:
    """Nobody knows yet what is there; and through an old link the wrong file would be written."""
    machine.directory("/opt/go1.26")
    machine.directory("/opt/go1.27")
    machine.link("/opt/go", "/opt/go1.26")
    resources = [files("/opt/go/VERSION"), links({"/opt/go": "/opt/go1.27"})]
    plan = machine.plan({DISTRO: resources})
    assert states(plan) == {"/opt/go/VERSION": State.BLOCKED, "/opt/go": State.CHANGE}
    assert item(plan, "/opt/go/VERSION").why == "it lies below /opt/go, which lt/main:symlinks:/opt/go is about to link"
    assert machine.apply(plan) == {}
    assert machine.apply(machine.plan({DISTRO: resources})) == {}
    assert machine.text("/opt/go1.27/VERSION") == "x\n"
    assert "/opt/go1.26/VERSION" not in machine.nodes


def test_a_new_link_is_not_taken_for_a_directory_to_make(machine: Machine) -> None:
    machine.directory("/home/alice/dotfiles/nvim")
    own = [
        files("~/.config/nvim/init.lua", layer=Layer.USER),
        links({"~/.config/nvim": "/home/alice/dotfiles/nvim"}, Layer.USER),
    ]
    plan = machine.plan({ALICE: own})
    assert things(plan) == ["/home/alice/.config", "/home/alice/.config/nvim"]
    assert machine.apply(plan) == {}
    again = machine.plan({ALICE: own})
    assert things(again) == ["/home/alice/dotfiles/nvim/init.lua"]


def test_below_a_link_that_stands_nothing_waits(machine: Machine) -> None:
    machine.directory("/opt/go1.27")
    machine.link("/opt/go", "/opt/go1.27")
    plan = machine.plan({DISTRO: [files("/opt/go/VERSION"), links({"/opt/go": "/opt/go1.27"})]})
    assert states(plan) == {"/opt/go/VERSION": State.ADD, "/opt/go": State.IN_SYNC}


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize(
    "folder", [OwnedDirectory(owner="alice"), OwnedDirectory(mode="0775"), OwnedDirectory(mode="1777")]
)
def test_root_writes_nothing_below_a_folder_that_it_is_about_to_give_away(
    machine: Machine, there: bool, folder: OwnedDirectory
) -> None:
    """The apply would refuse it."""
    if there:
        machine.directory("/opt/a")
    plan = machine.plan(
        {DISTRO: [Directories(items={"/opt/a": folder}, options={}, layer=Layer.DISTRO), files("/opt/a/b/x")]}
    )
    assert things(plan) == ["/opt/a"]
    assert (
        item(plan, "/opt/a/b/x").why
        == "it lies below /opt/a, which lt/main:directories:/opt/a lets others than root write"
    )
    assert item(plan, "/opt/a/b/x").fix == "declare it under user:"


def test_whom_it_is_given_to_may_write_there(machine: Machine) -> None:
    folder = Directories(items={"/opt/a": OwnedDirectory(owner="alice")}, options={}, layer=Layer.DISTRO)
    plan = machine.plan({DISTRO: [folder], ALICE: [files("/opt/a/x", layer=Layer.USER)]})
    assert things(plan) == ["/opt/a", "/opt/a/x"]
    assert machine.apply(plan) == {}


def test_a_folder_that_stays_roots_is_written_below(machine: Machine) -> None:
    folder = Directories(items={"/opt/a": OwnedDirectory(owner="root", mode="0755")}, options={}, layer=Layer.DISTRO)
    assert things(machine.plan({DISTRO: [folder, files("/opt/a/x")]})) == ["/opt/a", "/opt/a/x"]


def test_a_member_of_a_file_waits_too(machine: Machine, toys: Toys) -> None:
    plan = machine.plan({DISTRO: [toys.lines({"a": "1"}, path="/opt/go/conf"), links({"/opt/go": "/etc"})]})
    assert states(plan) == {"a": State.BLOCKED, "/opt/go": State.ADD}


def test_what_is_left_as_it_is_may_lie_there(machine: Machine) -> None:
    machine.file("/opt/old/x", "x\n")
    machine.link("/opt/go", "/opt/old")
    plan = machine.plan({DISTRO: [files("/opt/go/x"), links({"/opt/go": "/opt/new"})]})
    assert states(plan) == {"/opt/go/x": State.IN_SYNC, "/opt/go": State.CHANGE}
