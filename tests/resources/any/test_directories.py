"""Directories: made, kept with mode and owner, and removed when empty."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reconciler.model.address import Layer, Target
from reconciler.model.facts import PathType
from reconciler.model.plan import ItemPlan
from reconciler.model.states import Risk, State
from reconciler.model.tasks import MakeDirectory, Remove, SetMode, Task
from reconciler.model.values import ABSENT
from reconciler.resources.any.directories import Directories, Directory, OwnedDirectory

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine

DISTRO = Target("lt", "main")
ALICE = Target("lt", "main", "alice")
PATH = "/opt/a"


def directories(items: dict[str, object], layer: Layer = Layer.DISTRO) -> Directories:
    return Directories(items=items, options={}, layer=layer)


def item(machine: Machine, wanted: object, path: str = PATH, *, elevated: bool = True) -> ItemPlan:
    (found,) = machine.plan({DISTRO: [directories({path: wanted})]}, elevated=elevated).items
    return found


def task(machine: Machine, wanted: object) -> Task:
    plan = machine.plan({DISTRO: [directories({PATH: wanted})]})
    (change,) = plan.changes
    (found,) = change.tasks
    assert machine.apply(plan) == {}
    assert machine.plan({DISTRO: [directories({PATH: wanted})]}).changes == ()
    return found


def test_a_new_directory_gets_0755(machine: Machine) -> None:
    assert task(machine, OwnedDirectory()) == MakeDirectory(path=PATH, mode=0o755)


def test_a_new_directory_gets_what_is_declared(machine: Machine) -> None:
    wanted = OwnedDirectory(mode="700", owner="alice", group="alice")
    assert task(machine, wanted) == MakeDirectory(path=PATH, mode=0o700, owner="alice", group="alice")


def test_only_what_is_declared_is_changed(machine: Machine) -> None:
    machine.directory(PATH, mode=0o700, owner="alice")
    found = task(machine, OwnedDirectory(mode="0755"))
    assert isinstance(found, SetMode)
    assert (found.mode, found.owner, found.group) == (0o755, None, None)
    assert machine.nodes[PATH].owner == "alice"


def test_without_wishes_any_directory_will_do(machine: Machine) -> None:
    machine.directory(PATH, mode=0o700, owner="alice")
    assert item(machine, OwnedDirectory()).state is State.IN_SYNC


@pytest.mark.parametrize("kind", [PathType.FILE, PathType.FIFO, PathType.SOCKET, PathType.DEVICE])
@pytest.mark.parametrize("wanted", [OwnedDirectory(), ABSENT])
def test_something_else_in_its_place_blocks(machine: Machine, kind: PathType, wanted: object) -> None:
    machine.odd(PATH, kind)
    found = item(machine, wanted)
    assert (found.state, found.why) == (State.BLOCKED, f"/opt/a is a {kind}, not a directory")
    assert found.fix == "move it away, or declare it under the kind it is"


def test_a_link_in_its_place_blocks_also_where_it_leads_to_a_directory(machine: Machine) -> None:
    machine.link(PATH, "/etc")
    assert item(machine, OwnedDirectory()).why == "/opt/a is a link to /etc, not a directory"


def test_root_is_led_nowhere_by_a_link_in_a_home_and_says_so(machine: Machine) -> None:
    machine.link("/home/alice/app", "/opt")
    found = item(machine, OwnedDirectory(), "/home/alice/app/x")
    assert found.why == "/home/alice can be written by others, so root keeps out: declare it under user:"


def test_a_place_that_only_root_may_look_into_is_unknown(machine: Machine) -> None:
    machine.directory("/opt/closed")
    machine.secretive.add("/opt/closed")
    found = item(machine, OwnedDirectory(), "/opt/closed/x", elevated=False)
    assert (found.state, found.why, found.elevation) == (State.UNKNOWN, "needs root", True)


def test_root_makes_none_where_others_can_write(machine: Machine) -> None:
    found = item(machine, OwnedDirectory(), "/home/alice/src")
    assert found.why == "/home/alice can be written by others, so root keeps out: declare it under user:"


def test_one_that_is_there_is_in_sync_also_where_root_keeps_out(machine: Machine) -> None:
    machine.directory("/home/alice/src")
    assert item(machine, OwnedDirectory(), "/home/alice/src").state is State.IN_SYNC


def test_an_owner_must_exist(machine: Machine) -> None:
    assert (
        item(machine, OwnedDirectory(owner="bob")).why == "needs the user bob, which is not there and nobody declares"
    )


def test_an_empty_one_is_removed(machine: Machine) -> None:
    machine.directory(PATH)
    assert isinstance(task(machine, ABSENT), Remove)


def test_a_home_is_written_with_a_tilde(machine: Machine) -> None:
    plan = machine.plan({ALICE: [directories({"~/go/bin": Directory()}, Layer.USER)]})
    assert [change.thing for change in plan.changes] == ["/home/alice/go", "/home/alice/go/bin"]
    assert machine.apply(plan) == {}
    assert machine.nodes["/home/alice/go"].owner == "alice"


@pytest.mark.parametrize(
    ("path", "wanted", "expected"),
    [
        ("/opt/a", OwnedDirectory(mode="0777", owner="alice"), set()),
        ("/etc/profile.d", OwnedDirectory(owner="root", mode="0755"), set()),
        ("/etc/profile.d", OwnedDirectory(owner="alice"), {Risk.RUNS_CODE_LATER}),
        ("/etc/profile.d", OwnedDirectory(mode="0775"), {Risk.RUNS_CODE_LATER}),
        ("/etc/sudoers.d", OwnedDirectory(mode="0777"), {Risk.GRANTS_RIGHTS, Risk.CUTS_ACCESS}),
        ("/etc", OwnedDirectory(mode="0777"), {Risk.GRANTS_RIGHTS, Risk.RUNS_CODE_LATER, Risk.CUTS_ACCESS}),
        ("/etc/apt", OwnedDirectory(owner="alice"), {Risk.RUNS_CODE_LATER}),
        ("/home/alice", OwnedDirectory(owner="alice"), set()),
        ("/home/alice", OwnedDirectory(mode="0777"), {Risk.RUNS_CODE_LATER}),
        ("~/.ssh", Directory(mode="0777"), {Risk.GRANTS_RIGHTS, Risk.RUNS_CODE_LATER, Risk.CUTS_ACCESS}),
        ("~/.ssh", Directory(mode="0700"), set()),
        ("~/bin", Directory(), set()),
        ("~/.local/bin", Directory(mode="0777"), {Risk.RUNS_CODE_LATER}),
        ("/etc/sudoers.d", ABSENT, {Risk.DELETES}),
    ],
)
def test_who_may_write_into_places_that_do_more_is_a_risk(path: str, wanted: object, expected: set[Risk]) -> None:
    assert directories({}).want(path, wanted).risks == expected
