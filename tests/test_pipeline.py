"""The straight way, with real documents and real answers of this machine; the doors alone are played."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import pytest

from fakes import SudoMachine
from reconciler import pipeline
from reconciler.documents.desire import Documents, Source, open_documents
from reconciler.documents.inventory import Here
from reconciler.documents.reader import Caller as Reader
from reconciler.execution.doors import Door, Doors, NoDoor
from reconciler.execution.gather import Caller
from reconciler.execution.session import Password, Rights
from reconciler.model.address import Target
from reconciler.model.derived_facts import DERIVED_FACTS
from reconciler.model.facts import FileText
from reconciler.model.guard import ARCHITECTURES, Guard
from reconciler.model.plan import ItemPlan, Plan
from reconciler.model.states import State, TargetState
from reconciler.model.transport import Result
from reconciler.model.tree import Origin
from reconciler.pipeline import Planned, Run, Secrets
from reconciler.resources.catalogue import Catalogue

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root and setpriv: it answers with others' rights"
)

HIDDEN = "/root/reconcile-test-nobody-made"
"""Only root can tell that it is not there."""
OPEN = "/etc/reconcile-test-nobody-made"
SAME_MACHINE = Guard(arch=ARCHITECTURES[platform.machine()])
PLACE = Origin("reconcile.yaml", 4, 7)
OTHER_MACHINE = Guard(machine_id="f" * 32, origins={"machine_id": PLACE})
_USERS = "{users: [nobody, daemon]}"
WORKSTATIONS = f"workstations: {{a: {{distros: {{main: {_USERS}, musl: {_USERS}}}}}, b: {{}}, c: {{}}, free: {{}}, rootless: {{}}}}\n"
SECRETS = Secrets(lookup=lambda name: None, key=bytes(32))


@dataclass
class Person:
    types: list[str | None] = field(default_factory=list)
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def password(self, machines: Mapping[Target, str], *, again: bool) -> Password | None:
        self.asked.append(tuple(machines.values()))
        text = self.types.pop(0)
        return Password(text=text) if text is not None else None


@dataclass
class Office:
    folder: Path
    machines: dict[str, SudoMachine] = field(default_factory=dict)
    guards: dict[str, Guard] = field(default_factory=dict)
    person: Person | None = None

    def machine(self, name: str, does: str = "") -> SudoMachine:
        return self.machines.setdefault(name, SudoMachine(name, does=does))

    def doors(self) -> Doors:
        here = Door(transport=SudoMachine("here"), caller=Caller(user="nobody", uid=None))
        return Doors(here=Target("elsewhere", "main"), local=here, remote=self._door)

    def _door(self, machine: Target) -> Door | NoDoor:
        if str(machine) not in self.machines:
            return NoDoor(why="no way there", fix="write one")
        return Door(transport=self.machines[str(machine)], caller=Caller(user="nobody", uid=None))

    def documents(self, text: str) -> Documents:
        (self.folder / "reconcile.yaml").write_text(f"version: 1\n{WORKSTATIONS}{text}")
        reader = Reader(name="nobody", uid=0, gid=0, home=str(self.folder), config=self.folder / ".config")
        here = Here(hostname="elsewhere", user="nobody")
        source = Source(
            start=self.folder, file=None, extra={}, caller=reader, here=here, today=date(2026, 11, 21), version="0.4.0"
        )
        return open_documents(source, Catalogue(), frozenset(DERIVED_FACTS), set())

    def run(self) -> Run:
        guards = {Target.parse(name): guard for name, guard in self.guards.items()}
        return Run(doors=self.doors(), secrets=SECRETS, passwords=self.person, guards=guards)

    def plan(self, text: str, *targets: str) -> Planned:
        for target in targets:
            self.machine(str(Target.parse(target).machine))
        return pipeline.plan_documents(self.documents(text), [Target.parse(target) for target in targets], self.run())

    def tried(self) -> dict[str, list[str]]:
        return {name: machine.tried for name, machine in self.machines.items() if machine.tried}


@pytest.fixture
def office(tmp_path: Path) -> Office:
    (tmp_path / ".git").mkdir()
    return Office(tmp_path)


def document(*, distro: str = OPEN, user: str = "/etc/mine") -> str:
    return f"distro:\n  directories: [{distro}]\nuser:\n  directories: [{user}]\n"


def items(plan: Plan) -> dict[str, ItemPlan]:
    return {str(item.address): item for item in plan.items}


def states(plan: Plan) -> dict[str, str]:
    return {address: str(item.state) for address, item in items(plan).items()}


# ── what is asked ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_which_machine_it_is_is_asked_always_and_what_a_guard_wants_of_its_machine(office: Office) -> None:
    targets = [Target.parse(name) for name in ("a/main", "a/main/nobody", "b/main")]
    desired = office.documents(document()).desired(targets)
    asked = pipeline.questions(desired, {}, {Target("b", "main"): Guard(os="debian")})
    assert {machine: set(mine) for machine, mine in asked.items()} == {
        Target("a", "main"): set(targets[:2]),
        Target("b", "main"): {targets[2]},
    }
    facts = {target: mine for of_machine in asked.values() for target, mine in of_machine.items()}
    assert all(FileText("/etc/machine-id") in mine for mine in facts.values())
    release = FileText("/etc/os-release")
    assert [release in facts[target] for target in targets] == [False, False, True]


def test_a_target_for_which_nothing_is_declared_is_not_asked_about(office: Office) -> None:
    planned = office.plan(f"distro: {{directories: [{OPEN}]}}\n", "a/main", "b/main/nobody")
    assert set(planned.observed.sheets) == {Target("a", "main")}
    assert not office.machines["b/main"].begun


def test_a_layer_for_which_nothing_is_declared_is_asked_for_what_is_left_there_where_its_machine_is_asked_anyway(
    office: Office,
) -> None:
    main, mine, other = (Target.parse(name) for name in ("a/main", "a/main/nobody", "b/main/nobody"))
    desired = office.documents(f"distro: {{directories: [{OPEN}]}}\n").desired([main, mine, other])
    asked = pipeline.questions(desired, {}, {main: Guard(os="debian")})

    assert {machine: set(targets) for machine, targets in asked.items()} == {main: {main, mine}}
    state = "~/.local/state/reconcile"
    own = {FileText(f"{state}/ledger"), FileText(f"{state}/effects.json")}
    identity = {FileText("/etc/machine-id"), *Guard(os="debian").wanted_facts()}
    assert asked[main][mine] == own | identity


# ── guards ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_machine_that_is_the_one_meant_is_planned_for(office: Office) -> None:
    office.guards = {"a/main": SAME_MACHINE}
    (plan,) = office.plan(document(), "a/main").plans
    assert states(plan) == {f"a/main:directories:{OPEN}": "add"}


def test_one_machine_that_is_another_refuses_its_whole_workstation(office: Office) -> None:
    office.guards = {"a/main": SAME_MACHINE, "a/musl": OTHER_MACHINE}
    refused, other = office.plan(document(), "a/main", "a/main/nobody", "a/musl", "b/main").plans
    assert refused.workstation == "a" and not refused.changes
    assert set(states(refused).values()) == {"blocked"} and len(refused.items) == 3
    for item in refused.items:
        assert item.why is not None and item.why.startswith("guard: machine_id ") and "reconcile.yaml:4:7" in item.why
        assert item.fix
    assert {target.state for target in refused.targets} == {TargetState.REACHED}
    assert states(other) == {f"b/main:directories:{OPEN}": "add"} and other.changes


def test_targets_that_were_not_reached_stay_unreached_when_their_workstation_is_refused(office: Office) -> None:
    office.guards = {"a/main": OTHER_MACHINE}
    office.machine("a/musl", "refuses")
    (plan,) = office.plan(document(), "a/main", "a/musl").plans
    found = {str(target.target): target for target in plan.targets}
    assert found["a/main"].state is TargetState.REACHED
    assert found["a/musl"].state is TargetState.UNREACHABLE
    assert found["a/musl"].why == "a/musl refused the connection"
    assert not plan.changes


def test_a_machine_that_did_not_answer_refuses_nobody(office: Office) -> None:
    office.guards = {"a/musl": OTHER_MACHINE}
    office.machine("a/musl", "breaks")
    (plan,) = office.plan(document(), "a/main", "a/musl").plans
    assert states(plan)[f"a/main:directories:{OPEN}"] == "add"


def test_another_machine_in_its_place_gets_no_password(office: Office) -> None:
    office.guards = {"a/main": OTHER_MACHINE}
    office.person = Person(["secret"])
    (plan,) = office.plan(document(distro=HIDDEN), "a/main", "a/main/nobody", "a/main/daemon").plans
    assert set(states(plan).values()) == {"blocked"}
    assert office.person.asked == [] and office.tried() == {}
    assert not office.machines["a/main"].left_open


def test_a_guard_holds_for_what_root_answers_too(office: Office) -> None:
    """A machine may lie until it has the password; nothing is written to it all the same."""
    office.guards = {"a/main": SAME_MACHINE}
    office.person = Person(["secret"])
    honest = office.machine("a/main").as_root
    kernel = platform.machine().encode()

    def lie(given: bytes) -> Result:
        result = honest(given)
        return replace(result, stdout=result.stdout.replace(b" " + kernel + b"\n", b" sparc64\n"))

    office.machines["a/main"].as_root = lie
    (plan,) = office.plan(document(distro=HIDDEN), "a/main").plans
    assert office.person.asked and set(states(plan).values()) == {"blocked"} and not plan.changes


# ── with root's rights ──────────────────────────────────────────────────────────────────────────────────────────────


def test_what_only_root_can_read_is_unknown_where_nobody_may_be_asked(office: Office) -> None:
    (plan,) = office.plan(document(distro=HIDDEN), "a/main", "a/main/daemon").plans
    found = items(plan)
    assert set(states(plan).values()) == {"unknown"}
    assert all(item.elevation for item in found.values())
    assert [exchange.is_over for exchange in office.machines["a/main"].begun] == [True]


def test_a_machine_that_is_unlocked_is_planned_again_as_root_sees_it(office: Office) -> None:
    office.person = Person(["secret"])
    planned = office.plan(document(distro=HIDDEN), "a/main", "a/main/daemon")
    (plan,) = planned.plans
    assert states(plan) == {f"a/main:directories:{HIDDEN}": "add", "a/main/daemon:directories:/etc/mine": "add"}
    assert office.person.asked == [("a/main",)]
    assert len(office.machines["a/main"].begun) == 1
    assert planned.observed.access[Target("a", "main")].rights is Rights.PASSWORD


def test_derived_facts_are_those_that_root_found(office: Office) -> None:
    office.person = Person(["secret"])
    text = f'distro:\n  files:\n    {HIDDEN}: {{content: "{{{{ facts.kernel }}}}"}}\n'
    (plan,) = office.plan(text, "a/main").plans
    (item,) = plan.items
    assert item.state is State.ADD
    assert item.after is not None and platform.release() in str(item.after)


def test_nothing_is_unlocked_where_nothing_needs_root(office: Office) -> None:
    office.person = Person(["secret"])
    (plan,) = office.plan("distro: {directories: [/etc, /usr]}\n", "a/main").plans
    assert set(states(plan).values()) == {"in sync"}
    assert office.person.asked == [] and office.tried() == {}
    assert not office.machines["a/main"].left_open


def test_only_the_machines_in_need_are_asked_about(office: Office) -> None:
    office.person = Person(["secret"])
    office.machine("free/main", "free")
    office.machine("rootless/main", "rootless")
    text = f"""\
distro: {{directories: [/etc]}}
overlays:
  - {{name: needy, where: {{workstation: [b, c, free, rootless]}}, distro: {{directories: [{HIDDEN}]}}}}
"""
    planned = office.plan(text, "a/main", "c/main", "free/main", "b/main", "rootless/main")
    assert office.person.asked == [("c/main", "b/main")]
    assert office.tried() == {"c/main": ["secret"], "b/main": ["secret"]}
    needy = {
        plan.workstation: states(plan)[f"{plan.workstation}/main:directories:{HIDDEN}"] for plan in planned.plans[1:]
    }
    assert needy == {"c": "add", "free": "add", "b": "add", "rootless": "unknown"}
    assert [plan.workstation for plan in planned.plans] == ["a", "c", "free", "b", "rootless"]


@pytest.mark.parametrize("types", [[None], ["wrong", None], ["1", "2", "3"]])
def test_without_the_password_the_first_plan_stands_and_says_why(office: Office, types: list[str | None]) -> None:
    office.person = Person(list(types))
    planned = office.plan(document(distro=HIDDEN), "a/main", "a/main/nobody")
    (plan,) = planned.plans
    assert states(plan)[f"a/main:directories:{HIDDEN}"] == "unknown"
    why = planned.observed.access[Target("a", "main")].no_root
    assert why == ("sudo: a password is required" if types == [None] else "sudo did not take the password")
    assert not office.machines["a/main"].left_open


def test_planning_that_fails_leaves_no_machine_open(office: Office) -> None:
    office.person = Person(["secret"])
    office.machine("a/main")
    text = f'secrets: {{word: {{}}}}\ndistro: {{files: {{{OPEN}: {{content: "{{{{ secrets.word }}}}"}}}}}}\n'
    nothing: dict[str, str] = {}
    run = replace(office.run(), secrets=Secrets(lookup=nothing.__getitem__, key=bytes(32)))
    with pytest.raises(KeyError):
        pipeline.plan_documents(office.documents(text), [Target("a", "main")], run)
    assert office.machines["a/main"].begun and not office.machines["a/main"].left_open


# ── saved plans ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_saved_plan_is_planned_with_the_same_guards_rights_and_fingerprints(office: Office) -> None:
    office.person = Person(["secret", "secret"])
    office.guards = {"a/main": SAME_MACHINE}
    first = office.plan(document(distro=HIDDEN), "a/main", "a/main/daemon")
    again = pipeline.plan_saved(first.desired, office.run())
    assert [plan.changes for plan in again.plans] == [plan.changes for plan in first.plans]
    office.guards = {"a/main": OTHER_MACHINE}
    (refused,) = pipeline.plan_saved(first.desired, office.run()).plans
    assert set(states(refused).values()) == {"blocked"}
    assert len(office.person.asked) == 2
