"""Groups: made, renumbered and removed, by shadow or busybox."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from reconciler.model.address import Layer, Target
from reconciler.model.claims import Group as GroupClaim
from reconciler.model.errors import DocumentError
from reconciler.model.plan import ItemPlan, Plan
from reconciler.model.states import Phase, Risk, State
from reconciler.model.tasks import RunCommand
from reconciler.model.values import ABSENT
from reconciler.resources.distro.groups import Group, Groups

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine
    from tests.resources.conftest import Reading

DISTRO = Target("lt", "main")
PASSWD = "root:x:0:0:root:/root:/bin/bash\nalice:x:1000:1000::/home/alice:/bin/bash\n"
GROUP = "root:x:0:\nalice:x:1000:\ndocker:x:998:alice\nteam:x:4000:\n"


@pytest.fixture(params=["useradd", "adduser"])
def any_suite(request: pytest.FixtureRequest, machine: Machine) -> Machine:
    return equipped(machine, request.param)


@pytest.fixture
def shadow(machine: Machine) -> Machine:
    return equipped(machine, "useradd")


@pytest.fixture
def busybox(machine: Machine) -> Machine:
    return equipped(machine, "adduser")


def equipped(machine: Machine, program: str) -> Machine:
    machine.programs = {program: f"/usr/sbin/{program}"}
    machine.file("/etc/passwd", PASSWD)
    machine.file("/etc/group", GROUP)
    return machine


def plan(machine: Machine, items: dict[str, object]) -> Plan:
    return machine.plan({DISTRO: [Groups(items=items, options={}, layer=Layer.DISTRO)]})


def only(found: Plan) -> ItemPlan:
    (item,) = found.items
    return item


def applied(machine: Machine, items: dict[str, object]) -> list[tuple[str, ...]]:
    """The programs that ran, without scripts; planning again finds nothing to do."""
    found = plan(machine, items)
    assert machine.apply(found) == {}
    assert plan(machine, items).changes == ()
    every = [task.words for change in found.changes for task in change.tasks if isinstance(task, RunCommand)]
    return [words[3:] if words[:2] == ("sh", "-c") else words for words in every]


def test_a_missing_group_is_made(any_suite: Machine) -> None:
    applied(any_suite, {"builders": Group()})
    assert "builders:x:1001:\n" in any_suite.text("/etc/group")


def test_a_number_and_the_systems_range_count_when_it_is_made(any_suite: Machine) -> None:
    applied(any_suite, {"builders": Group(gid=4711), "daemons": Group(system=True)})
    assert "builders:x:4711:\ndaemons:x:100:\n" in any_suite.text("/etc/group")


def test_the_words_are_those_of_the_suite(shadow: Machine) -> None:
    assert applied(shadow, {"b": Group(gid=7, system=True)}) == [("groupadd", "b", "-r", "-g", "7")]
    assert applied(equipped(shadow, "adduser"), {"b": Group(gid=7, system=True)}) == [
        ("addgroup", "b", "-S", "-g", "7")
    ]


@pytest.mark.parametrize("item", [Group(), Group(gid=4000), Group(system=True)])
def test_a_group_that_is_there_stays_as_it_is(any_suite: Machine, item: Group) -> None:
    found = plan(any_suite, {"team": item})
    assert (only(found).state, found.changes) == (State.IN_SYNC, ())


def test_another_number_is_written(shadow: Machine) -> None:
    assert applied(shadow, {"team": Group(gid=4001)}) == [("groupmod", "-g", "4001", "team")]


def test_busybox_cannot_renumber(busybox: Machine) -> None:
    item = only(plan(busybox, {"team": Group(gid=4001)}))
    assert (item.state, item.why) == (State.BLOCKED, "busybox cannot change the number of a group")


def test_roots_group_keeps_its_number(shadow: Machine) -> None:
    assert only(plan(shadow, {"root": Group(gid=1)})).why == "root is root's group: its number stays 0"


def test_absent_is_removed_and_marked(any_suite: Machine) -> None:
    item = only(plan(any_suite, {"docker": ABSENT}))
    assert (item.state, item.risks) == (State.REMOVE, {Risk.DELETES})
    applied(any_suite, {"docker": ABSENT})
    assert "docker" not in any_suite.text("/etc/group")


def test_somebodys_first_group_is_not_removed(shadow: Machine) -> None:
    item = only(plan(shadow, {"alice": ABSENT}))
    assert (item.state, item.why) == (State.BLOCKED, "alice is the first group of alice")


def test_it_is_there_for_others_and_before_files() -> None:
    groups = Groups(items={}, options={}, layer=Layer.DISTRO)
    assert groups.want("docker", Group()).provides == {GroupClaim("docker")}


def test_it_runs_among_the_accounts(shadow: Machine) -> None:
    (change,) = plan(shadow, {"b": Group()}).changes
    assert (change.phase, change.thing) == (Phase.ACCOUNTS, "group b")


def test_without_programs_for_it_nothing_can_be_done(shadow: Machine) -> None:
    shadow.programs.clear()
    assert only(plan(shadow, {"b": Group()})).why == "nothing here makes accounts"


def test_at_rest_no_group_is_made(shadow: Machine) -> None:
    shadow.life = replace(shadow.life, at_rest=True)
    found = plan(shadow, {"b": Group(), "team": Group(), "docker": ABSENT})
    assert [item.state for item in found.items] == [State.NOT_APPLICABLE, State.IN_SYNC, State.NOT_APPLICABLE]


def test_a_file_that_cannot_be_read_makes_groups_unknown(shadow: Machine) -> None:
    shadow.secretive.add("/etc/group")
    found = shadow.plan({DISTRO: [Groups(items={"b": Group()}, options={}, layer=Layer.DISTRO)]}, elevated=False)
    assert only(found).state is State.UNKNOWN


def test_without_items_it_tells_the_groups_that_somebody_made(shadow: Machine) -> None:
    empty = Groups(items={}, options={}, layer=Layer.DISTRO)
    assert list(empty.observe(shadow.sheet(empty.wanted_facts()))) == ["team"]


@pytest.mark.parametrize("text", ["{docker: {gid: 0}}", "['-r']", "['a b']", "['a:b']", "[docker, '']"])
def test_what_is_no_group_is_refused(reading: Reading, text: str) -> None:
    with pytest.raises(DocumentError):
        reading(f"distro:\n  groups: {text}\n")
