"""All machines of a run are asked at once; those that are locked are opened with as few questions as can be."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pytest

from fakes import SudoMachine, gathered_without_root
from reconciler.execution.doors import Door, Doors, NoDoor
from reconciler.execution.gather import Caller
from reconciler.execution.session import Password, Rights
from reconciler.execution.visit import Observed, Visit, observe
from reconciler.model.address import Target
from reconciler.model.facts import NEEDS_ROOT, Fact, PathInfo
from reconciler.model.states import TargetState
from reconciler.model.transport import Result

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root and setpriv: it answers with others' rights"
)

FACTS: frozenset[Fact] = frozenset({PathInfo("/etc")})
STRANGER = "daemon"
"""Somebody else than who logs in."""


@dataclass
class Person:
    """Types a password for each question; what was asked is kept."""

    types: list[str | None] = field(default_factory=list)
    asked: list[tuple[tuple[str, ...], bool]] = field(default_factory=list)

    def password(self, machines: Mapping[Target, str], *, again: bool) -> Password | None:
        self.asked.append((tuple(machines.values()), again))
        text = self.types.pop(0)
        return Password(text=text) if text is not None else None


@dataclass
class Office:
    """Machines by name; each is a workstation of one distro."""

    machines: dict[str, SudoMachine]
    caller: Caller = field(default_factory=lambda: Caller(user="nobody", uid=None))
    may_become_root: bool = True
    own_only: bool = False
    asked_for: list[str] = field(default_factory=list)

    @property
    def doors(self) -> Doors:
        local = Door(transport=SudoMachine("here"), caller=self.caller)
        return Doors(here=Target("elsewhere", "main"), local=local, remote=self._door, opened=self.opened)

    opened: dict[Target, Door | NoDoor] = field(default_factory=dict)

    def _door(self, machine: Target) -> Door | NoDoor:
        self.asked_for.append(machine.workstation)
        if machine.workstation not in self.machines:
            return NoDoor(why="no `ssh:` says how to reach it", fix="write it")
        transport = self.machines[machine.workstation]
        return Door(
            transport=transport,
            caller=self.caller,
            may_become_root=self.may_become_root,
            host_key=lambda: f"SHA256:{transport.name}",
        )

    def questions(self, *more: str) -> dict[Target, dict[Target, frozenset[Fact]]]:
        """Of each machine's distro, its own user and another one."""
        found = {}
        for name in (*self.machines, *more):
            one = Target(name, "main")
            targets = [Target(name, "main", "nobody")]
            if not self.own_only:
                targets += [one, Target(name, "main", STRANGER)]
            found[one] = dict.fromkeys(targets, FACTS)
        return found

    def visit(self, *more: str, may_unlock: bool = True) -> Visit:
        return Visit(self.questions(*more), self.doors, may_unlock=may_unlock)

    def unlock(self, person: Person, names: Iterable[str] = ()) -> Observed:
        with self.visit() as visit:
            self.news = visit.unlock([Target(name, "main") for name in names or self.machines], person)
            return visit.observed

    @property
    def left_open(self) -> list[str]:
        return [name for name, machine in self.machines.items() if machine.left_open]

    @property
    def sessions(self) -> dict[str, int]:
        return {name: len(machine.begun) for name, machine in self.machines.items()}


def office(**does: str) -> Office:
    return Office({name: SudoMachine(f"me@{name}", does=what) for name, what in does.items()})


def has_root(observed: Observed) -> dict[str, bool]:
    return {machine.workstation: access.is_root for machine, access in observed.access.items()}


# ── one look ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_each_machine_is_asked_in_one_session_and_told_in_order() -> None:
    machines = office(slow="slow", free="free", locked="", rootless="rootless")
    observed = observe(machines.questions(), machines.doors)
    assert list(has_root(observed).items()) == [("slow", False), ("free", True), ("locked", False), ("rootless", False)]
    assert machines.sessions == {"slow": 1, "free": 1, "locked": 1, "rootless": 1}
    assert machines.left_open == []


def test_what_only_root_can_ask_is_unseen_and_says_so() -> None:
    observed = observe(office(box="").questions(), office(box="").doors)
    assert set(observed.sheets) == {Target("box", "main"), Target("box", "main", "nobody")}
    unseen = observed.unseen[Target("box", "main", STRANGER)]
    assert (unseen.state, unseen.why, unseen.elevation) == (TargetState.REACHED, NEEDS_ROOT, True)


def test_machines_that_cannot_be_asked_are_reasons_and_cost_the_others_nothing() -> None:
    machines = office(good="free", shut="refuses", lost="breaks", odd="garbage")
    with machines.visit("nowhere") as visit:
        observed = visit.observed
    reasons = {target.workstation: unseen for target, unseen in observed.unseen.items() if target.user is None}
    assert {name: (unseen.state, unseen.why, unseen.fix) for name, unseen in reasons.items() if name != "odd"} == {
        "shut": (TargetState.UNREACHABLE, "me@shut refused the connection", "see whether sshd runs there"),
        "lost": (TargetState.UNREACHABLE, "the connection to me@lost broke", "try again"),
        "nowhere": (TargetState.UNREACHABLE, "no `ssh:` says how to reach it", "write it"),
    }
    assert reasons["odd"].why.startswith("odd/main answered what is not an answer")
    assert {target.workstation for target in observed.sheets} == {"good"}
    assert has_root(observed) == {"good": True}
    assert machines.left_open == []


def test_a_locked_machine_whose_answer_is_none_is_not_left_open() -> None:
    machines = office(odd="garbage")
    with machines.visit() as visit:
        assert list(visit.locked) == []
        assert machines.left_open == []


def test_each_door_is_asked_for_once() -> None:
    machines = office(box="", other="")
    machines.unlock(Person(["secret"]))
    assert sorted(machines.asked_for) == ["box", "other"]


def test_with_nothing_that_needs_root_no_other_rights_are_tried() -> None:
    machines = office(box="free", locked="")
    machines.own_only = True
    with machines.visit() as visit:
        assert list(visit.locked) == []
        observed = visit.observed
    assert has_root(observed) == {"box": False, "locked": False}
    assert {access.rights for access in observed.access.values()} == {Rights.OWN}


def test_where_root_is_not_wanted_none_is_become() -> None:
    machines = office(box="free", locked="")
    machines.may_become_root = False
    with machines.visit() as visit:
        assert list(visit.locked) == []
        assert has_root(visit.observed) == {"box": False, "locked": False}


# ── with what rights it is written later ────────────────────────────────────────────────────────────────────────────


def test_access_tells_how_each_machine_was_entered() -> None:
    machines = office(free="free", locked="", other="", rootless="rootless")
    machines.machines["other"].password = "another"
    found = machines.unlock(Person(["secret", None]), ["locked", "other"])
    access = {machine.workstation: entered for machine, entered in found.access.items()}
    assert {name: entered.rights for name, entered in access.items()} == {
        "free": Rights.FREE,
        "locked": Rights.PASSWORD,
        "other": Rights.OWN,
        "rootless": Rights.OWN,
    }
    assert {name: entered.password for name, entered in access.items() if entered.password} == {
        "locked": Password(text="secret")
    }
    assert {name: entered.no_root for name, entered in access.items()} == {
        "free": None,
        "locked": None,
        "other": "sudo did not take the password",
        "rootless": "sudo: a password is required",
    }
    assert {name: entered.host_key for name, entered in access.items()} == {
        name: f"SHA256:me@{name}" for name in machines.machines
    }


def test_root_at_the_door_needs_no_sudo() -> None:
    machines = office(box="free")
    machines.caller = Caller(user="root", uid=0)
    machines.machines["box"].as_user = machines.machines["box"].as_root
    (access,) = observe(machines.questions(), machines.doors).access.values()
    assert (access.is_root, access.rights) == (True, Rights.OWN)


# ── passwords ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_one_password_opens_all_locked_machines_at_once() -> None:
    machines = office(a="", b="", c="free")
    person = Person(["secret"])
    observed = machines.unlock(person, ["a", "b"])
    assert person.asked == [(("me@a", "me@b"), False)]
    assert machines.news
    assert has_root(observed) == {"a": True, "b": True, "c": True}
    assert Target("a", "main", STRANGER) in observed.sheets and not observed.unseen
    assert machines.sessions == {"a": 1, "b": 1, "c": 1}
    assert machines.left_open == []


def test_the_locked_machines_stand_in_the_order_of_the_run() -> None:
    machines = office(b="slow", c="", a="")
    with machines.visit() as visit:
        assert [machine.workstation for machine in visit.locked] == ["b", "c", "a"]


def test_only_those_that_refused_are_asked_about_again() -> None:
    machines = office(a="", b="", c="")
    machines.machines["b"].password = "other"
    person = Person(["secret", "other"])
    observed = machines.unlock(person)
    assert person.asked == [(("me@a", "me@b", "me@c"), False), (("me@b",), True)]
    assert machines.machines["a"].tried == ["secret"] and machines.machines["b"].tried == ["secret", "other"]
    assert has_root(observed) == {"a": True, "b": True, "c": True}
    passwords = [access.password for access in observed.access.values()]
    assert passwords == [Password(text="secret"), Password(text="other"), Password(text="secret")]


def test_three_wrong_passwords_are_enough() -> None:
    machines = office(box="")
    person = Person(["1", "2", "3", "4"])
    observed = machines.unlock(person)
    assert len(person.asked) == 3 and machines.machines["box"].tried == ["1", "2", "3"]
    assert not machines.news
    assert has_root(observed) == {"box": False}
    (access,) = observed.access.values()
    assert access.no_root == "sudo did not take the password"
    assert Target("box", "main", "nobody") in observed.sheets
    assert machines.left_open == []


def test_a_wrong_password_with_nobody_to_ask_leaves_what_is_ones_own() -> None:
    machines = office(box="")
    observed = machines.unlock(Person(["known and wrong", None]))
    (access,) = observed.access.values()
    assert (access.is_root, access.rights, access.password) == (False, Rights.OWN, None)
    assert access.no_root == "sudo did not take the password"
    assert set(observed.sheets) == {Target("box", "main"), Target("box", "main", "nobody")}


def test_who_types_nothing_goes_on_without_root() -> None:
    machines = office(box="")
    observed = machines.unlock(Person([None]))
    assert not machines.news and machines.machines["box"].tried == []
    (access,) = observed.access.values()
    assert access.no_root == "sudo: a password is required"
    assert machines.left_open == []


def test_no_machine_in_need_asks_nobody() -> None:
    machines = office(box="")
    person = Person()
    with machines.visit() as visit:
        assert not visit.unlock([], person)
    assert person.asked == [] and machines.machines["box"].tried == []
    assert machines.left_open == []


@pytest.mark.parametrize("does", ["cut", "ends"])
def test_a_machine_that_breaks_off_while_unlocking_is_unreachable_and_the_others_go_on(does: str) -> None:
    machines = office(good="", bad=does)
    observed = machines.unlock(Person(["secret"]))
    assert has_root(observed) == {"good": True}
    reasons = {str(target): unseen for target, unseen in observed.unseen.items()}
    assert {unseen.state for unseen in reasons.values()} == {TargetState.UNREACHABLE}
    assert set(reasons) == {"bad/main", "bad/main/nobody", f"bad/main/{STRANGER}"}
    assert all("broke" in unseen.why for unseen in reasons.values())
    assert machines.left_open == []


@pytest.mark.parametrize(
    ("does", "why"),
    [
        ("expired", "sudo: Account or password is expired, reset your password and try again"),
        ("hangs", "sudo was not done within 60 seconds"),
    ],
)
def test_sudo_in_trouble_leaves_what_is_ones_own_and_is_not_asked_again(does: str, why: str) -> None:
    machines = office(bad=does)
    person = Person(["secret", "secret"])
    observed = machines.unlock(person)
    assert len(person.asked) == 1
    (access,) = observed.access.values()
    assert (access.is_root, access.rights, access.no_root) == (False, Rights.OWN, why)
    assert Target("bad", "main", "nobody") in observed.sheets
    assert machines.left_open == []


# ── whatever happens ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_an_exception_while_machines_are_asked_ends_all_and_leaves_none_open(error: type[BaseException]) -> None:
    machines = office(locked="", slow="slow")
    is_locked = threading.Event()

    def answer(given: bytes) -> Result:
        is_locked.set()
        return gathered_without_root(given)

    def fail(given: bytes) -> Result:
        assert is_locked.wait(20)
        raise error

    machines.machines["locked"].as_user = answer
    machines.machines["slow"].as_user = fail
    with pytest.raises(error), machines.visit():
        raise AssertionError("it began")
    assert machines.machines["locked"].is_closed and machines.machines["slow"].is_closed
    assert machines.left_open == ["slow"]  # which raised by itself


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_an_exception_while_a_password_is_typed_leaves_no_machine_open(error: type[BaseException]) -> None:
    class Nervous:
        def password(self, machines: Mapping[Target, str], *, again: bool) -> Password | None:
            raise error

    machines = office(a="", b="")
    with pytest.raises(error), machines.visit() as visit:
        visit.unlock(visit.locked, Nervous())
    assert machines.left_open == []


def test_doors_close_each_transport() -> None:
    machines = office(a="", b="refuses")
    doors = machines.doors
    observe(machines.questions("nowhere"), doors)
    doors.close()
    assert machines.machines["a"].is_closed and machines.machines["b"].is_closed
