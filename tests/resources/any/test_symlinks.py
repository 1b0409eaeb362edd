"""Symbolic links: where they point, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reconciler.model.address import Layer, Target
from reconciler.model.facts import PathType
from reconciler.model.plan import ItemPlan
from reconciler.model.schema import Complaint
from reconciler.model.secrets import SecretHole, SecretText
from reconciler.model.states import Risk, State
from reconciler.model.tasks import MakeLink, Remove
from reconciler.model.values import ABSENT
from reconciler.resources.any.symlinks import Symlinks

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine

DISTRO = Target("lt", "main")
ALICE = Target("lt", "main", "alice")
PATH = "/opt/link"


def links(items: dict[str, object], layer: Layer = Layer.DISTRO) -> Symlinks:
    return Symlinks(items=items, options={}, layer=layer)


def item(machine: Machine, wanted: object, path: str = PATH, *, elevated: bool = True) -> ItemPlan:
    (found,) = machine.plan({DISTRO: [links({path: wanted})]}, elevated=elevated).items
    return found


@pytest.mark.parametrize("target", ["/etc/hosts", "../etc/hosts", "/nowhere", "a b"])
def test_a_link_is_made_wherever_it_points(machine: Machine, target: str) -> None:
    plan = machine.plan({DISTRO: [links({PATH: target})]})
    (change,) = plan.changes
    (task,) = change.tasks
    assert isinstance(task, MakeLink)
    assert (task.path, task.target, task.base.type) == (PATH, target, PathType.MISSING)
    assert machine.apply(plan) == {}
    assert item(machine, target).state is State.IN_SYNC


def test_a_link_that_points_elsewhere_is_changed(machine: Machine) -> None:
    machine.link(PATH, "/old")
    plan = machine.plan({DISTRO: [links({PATH: "/new"})]})
    assert [(diff.before, diff.after) for diff in plan.items[0].diffs] == [("/old", "/new")]
    assert plan.changes[0].tasks[0].base.link == "/old"
    assert machine.apply(plan) == {}
    assert machine.nodes[PATH].link == "/new"


def test_the_text_is_compared_not_where_it_leads(machine: Machine) -> None:
    machine.link(PATH, "../etc")
    assert item(machine, "/etc").state is State.CHANGE


@pytest.mark.parametrize("kind", [PathType.FILE, PathType.DIRECTORY, PathType.FIFO])
@pytest.mark.parametrize("wanted", ["/etc", ABSENT])
def test_what_is_no_link_is_never_replaced(machine: Machine, kind: PathType, wanted: object) -> None:
    machine.odd(PATH, kind)
    found = item(machine, wanted)
    assert (found.state, found.why) == (State.BLOCKED, f"/opt/link is a {kind}, not a link")


def test_an_absent_link_is_removed_also_when_it_leads_nowhere(machine: Machine) -> None:
    machine.link(PATH, "/nowhere")
    plan = machine.plan({DISTRO: [links({PATH: ABSENT})]})
    assert isinstance(plan.changes[0].tasks[0], Remove)
    assert machine.apply(plan) == {}
    assert PATH not in machine.nodes


def test_root_is_led_nowhere_by_a_link_in_a_home_and_says_so(machine: Machine) -> None:
    machine.link("/home/alice/app", "/opt")
    found = item(machine, "/etc", "/home/alice/app/x")
    assert found.why == "/home/alice can be written by others, so root keeps out: declare it under user:"


def test_a_place_that_only_root_may_look_into_is_unknown(machine: Machine) -> None:
    machine.directory("/opt/closed")
    machine.secretive.add("/opt/closed")
    found = item(machine, "/etc", "/opt/closed/x", elevated=False)
    assert (found.state, found.why, found.elevation) == (State.UNKNOWN, "needs root", True)


@pytest.mark.parametrize("wanted", ["/etc", ABSENT])
def test_root_makes_and_removes_none_where_others_can_write(machine: Machine, wanted: object) -> None:
    machine.link("/home/alice/link", "/old")
    found = item(machine, wanted, "/home/alice/link")
    assert found.why == "/home/alice can be written by others, so root keeps out: declare it under user:"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/opt/link", set()),
        ("/etc/profile.d/x.sh", {Risk.RUNS_CODE_LATER}),
        ("~/.local/bin/go", {Risk.RUNS_CODE_LATER}),
        ("/etc/sudoers.d/me", {Risk.GRANTS_RIGHTS, Risk.CUTS_ACCESS}),
    ],
)
def test_a_link_in_a_place_that_does_more_is_a_risk(path: str, expected: set[Risk]) -> None:
    """It plants what it points to."""
    assert links({}).want(path, "/x").risks == expected


@pytest.mark.parametrize(
    ("path", "target", "expected"),
    [
        ("/srv/x", "/etc/sudoers.d", {Risk.GRANTS_RIGHTS}),
        ("/srv/x", "/etc/systemd/system", {Risk.RUNS_CODE_LATER}),
        ("/srv/x", "/etc/sudoers", {Risk.GRANTS_RIGHTS}),
        ("/srv/x", "/", {Risk.GRANTS_RIGHTS, Risk.RUNS_CODE_LATER}),
        ("~/x", ".ssh", {Risk.GRANTS_RIGHTS, Risk.RUNS_CODE_LATER}),
        ("~/src/x", "./../src/app/.git", {Risk.RUNS_CODE_LATER}),
        ("~/src/x", "app/docs", set()),
        ("/opt/x/go", "/usr/local/go/bin/go", set()),
        ("/opt/x", "/usr/local/go/bin", {Risk.RUNS_CODE_LATER}),
    ],
)
def test_another_name_for_a_place_that_does_more_is_a_risk(path: str, target: str, expected: set[Risk]) -> None:
    """What is written below that name later does not show where it ends up."""
    assert links({}).want(path, target).risks == expected


def test_a_removal_deletes_and_may_cut_access() -> None:
    assert links({}).want("/opt/link", ABSENT).risks == {Risk.DELETES}
    assert links({}).want("~/.ssh/authorized_keys", ABSENT).risks == {Risk.DELETES, Risk.CUTS_ACCESS}


def test_a_tilde_and_a_secret_are_refused_as_targets() -> None:
    check = Symlinks.schema(Layer.USER).check
    assert check is not None
    assert check("~/x", {"value": "/y"}) == ()
    assert check("~/x", {"value": "~/dotfiles/x"}) == (
        Complaint("~/x points to ~/dotfiles/x; the kernel does not know ~", fix='write  "{{ user.home }}/dotfiles/x"'),
    )
    (complaint,) = check("~/x", {"value": SecretText((SecretHole("password"),))})
    assert complaint.what == "~/x would point to a secret, and everyone may read where a link points"
