"""Variables that systemd gives to services and desktop programs."""

from __future__ import annotations

import dataclasses
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reconciler.model.address import Layer, Target
from reconciler.model.errors import DocumentError
from reconciler.model.plan import ItemPlan, Plan
from reconciler.model.secrets import Secret
from reconciler.model.states import Effect, Risk, State
from reconciler.model.values import ABSENT, UNMANAGED
from reconciler.planning.describe import describe
from reconciler.resources.user.environment_d import EnvironmentD

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine
    from tests.resources.conftest import Reading

ALICE = Target("lt", "main", "alice")
PATH = "/home/alice/.config/environment.d/60-reconcile.conf"
SECRET = Secret("me:pw$canary", frozenset({"password"}))
GENERATOR = Path("/usr/lib/systemd/user-environment-generators/30-systemd-environment-d-generator")


def kind(items: dict[str, object]) -> EnvironmentD:
    return EnvironmentD(items=items, options={}, layer=Layer.USER)


def plan(machine: Machine, items: dict[str, object]) -> Plan:
    return machine.plan({ALICE: [kind(items)]})


def only(found: Plan) -> ItemPlan:
    (item,) = found.items
    return item


def applied(machine: Machine, items: dict[str, object]) -> None:
    assert machine.apply(plan(machine, items)) == {}
    again = plan(machine, items)
    assert (again.changes, {item.state for item in again.items} - {State.IN_SYNC}) == ((), set())


def test_the_file_is_made_and_goes_with_its_last_variable(machine: Machine) -> None:
    found = plan(machine, {"GOROOT": "/usr/local/go", "A": "1"})
    assert {change.effect for change in found.changes if change.thing == PATH} == {Effect.NEW_SESSION}
    applied(machine, {"GOROOT": "/usr/local/go", "A": "1"})
    assert machine.text(PATH) == "GOROOT=/usr/local/go\nA=1\n"
    assert machine.nodes[PATH].mode == 0o644
    applied(machine, {"GOROOT": ABSENT, "A": UNMANAGED})
    assert machine.text(PATH) == "A=1\n"
    applied(machine, {"A": ABSENT})
    assert PATH not in machine.nodes


def test_a_value_that_systemd_would_expand_is_not_the_text(machine: Machine) -> None:
    machine.file(PATH, "A=$HOME/x\n")
    item = only(plan(machine, {"A": "$HOME/x"}))
    assert (item.state, item.before) == (State.CHANGE, {"value": {"expanded": "$HOME/x"}})
    applied(machine, {"A": "$HOME/x"})
    assert machine.text(PATH) == "A=$$HOME/x\n"
    (found,) = describe(
        ALICE,
        {"environment_d": (EnvironmentD, EnvironmentD.schema(Layer.USER))},
        machine.sheet(kind({}).wanted_facts(), "alice"),
    )
    assert [(entry.path, entry.value) for entry in found.items] == [(("A",), "$HOME/x")]


def test_an_open_quote_blocks_and_is_shown(machine: Machine) -> None:
    machine.file(PATH, 'A="x\nB=1\n')
    item = only(plan(machine, {"A": "y"}))
    assert item.state is State.BLOCKED
    assert item.why == "~/.config/environment.d/60-reconcile.conf: line 1: a quote in the value of A is never closed"


# ---- secrets and risks


def test_init_tells_of_no_secret(machine: Machine) -> None:
    applied(machine, {"LOGIN": SECRET})
    kinds = {"environment_d": (EnvironmentD, EnvironmentD.schema(Layer.USER))}
    (found,) = describe(ALICE, kinds, machine.sheet(kind({}).wanted_facts(), "alice"))
    assert [(entry.path, entry.reason) for entry in found.items] == [(("LOGIN",), "it is a secret")]
    assert "canary" not in repr(found)


def test_a_file_with_a_secret_is_its_owners_alone(machine: Machine) -> None:
    applied(machine, {"A": "1"})
    applied(machine, {"A": "1", "LOGIN": SECRET})
    assert machine.nodes[PATH].mode == 0o600
    assert machine.text(PATH) == "A=1\nLOGIN=me:pw$$canary\n"
    assert "canary" not in repr(plan(machine, {"A": "2", "LOGIN": SECRET}).targets)


@pytest.mark.parametrize("later", [ABSENT, "plain", Secret("other", frozenset({"password"}))])
def test_a_secret_that_was_written_once_is_never_shown_again(machine: Machine, later: object) -> None:
    applied(machine, {"LOGIN": SECRET})
    found = plan(machine, {"LOGIN": later})
    assert "canary" not in repr(found.targets)
    assert only(found).state in (State.REMOVE, State.CHANGE)
    applied(machine, {"LOGIN": later})


def test_a_closed_file_says_what_is_declared_in_plain(machine: Machine) -> None:
    machine.file(PATH, "A=1\n", mode=0o600)
    assert only(plan(machine, {"A": "1"})).state is State.IN_SYNC


@pytest.mark.parametrize("value", ["a\ncanary", "", "\ud800canary"])
def test_a_secret_that_systemd_would_not_take_is_blocked_and_not_told(machine: Machine, value: str) -> None:
    item = only(plan(machine, {"LOGIN": Secret(value, frozenset({"password"}))}))
    assert item.state is State.BLOCKED
    assert "canary" not in repr(item)


def test_what_runs_code_later_is_marked() -> None:
    assert kind({}).want("LD_PRELOAD", "/x.so").risks == {Risk.RUNS_CODE_LATER}
    assert kind({}).want("GOFLAGS", Secret("-toolexec=/x")).risks == {Risk.RUNS_CODE_LATER}
    assert kind({}).want("GOFLAGS", "-mod=mod").risks == frozenset()


@pytest.mark.parametrize(
    ("value", "runs"),
    [("/usr/bin:~/bin", False), ("/usr/bin:$HOME/bin", False), ("/usr/bin:/tmp/x", True), ("/usr/bin:", True),
     ("bin:/usr/bin", True), ("/usr/bin:/var/tmp", True), ("/tmpfs/bin", False)],
)  # fmt: skip
def test_a_path_with_places_of_others_runs_code_later(value: str, runs: bool) -> None:
    assert (Risk.RUNS_CODE_LATER in kind({}).want("PATH", value).risks) is runs


# ---- remarks and documents


def test_where_systemd_does_not_run_nobody_reads_it(machine: Machine) -> None:
    (note,) = plan(machine, {"A": "1"}).targets[0].notes
    assert note.startswith("systemd does not run here") and "boot.systemd" in note
    assert plan(machine, {"A": ABSENT}).targets[0].notes == ()
    machine.life = dataclasses.replace(machine.life, systemd=True)
    assert plan(machine, {"A": "1", "GOROOT": "/x"}).targets[0].notes == ()
    (note,) = plan(machine, {"GOPROXY": "direct", "GOPATH": ABSENT}).targets[0].notes
    assert note.startswith("environment_d GOPROXY: put GOPROXY under go_env")


@pytest.mark.parametrize(
    ("entry", "what"),
    [
        ("A: ''", "A is empty"),
        ('A: "x\\ny"', "A holds a line end"),
        ("1A: x", "1A"),
        ('A: "x\\x1by"', "A holds a control character"),
    ],
)
def test_what_the_file_cannot_say_is_refused(reading: Reading, entry: str, what: str) -> None:
    with pytest.raises(DocumentError) as error:
        reading(f"user:\n  environment_d:\n    {entry}\n")
    assert what in "; ".join(f"{problem.what} {problem.fix}" for problem in error.value.problems)


def test_systemd_gives_what_was_declared(machine: Machine, tmp_path: Path) -> None:
    if not GENERATOR.exists():
        pytest.skip("systemd is not installed")
    values: dict[str, object] = {"GOROOT": "/usr/local/go", "ODD": "a $HOME ${X:-y} 'q' \\ # $", "LOGIN": SECRET}
    applied(machine, values)
    file = tmp_path / "environment.d" / "60-reconcile.conf"
    file.parent.mkdir()
    file.write_text(machine.text(PATH), encoding="utf-8")
    environment = {"HOME": "/nowhere", "XDG_CONFIG_HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
    done = subprocess.run([GENERATOR], env=environment, capture_output=True, text=True, check=True, timeout=30)
    given = dict(line.split("=", 1) for line in done.stdout.splitlines())
    plain = {name: re.sub(r"\\(.)", r"\1", value.strip('"')) for name, value in given.items()}
    assert {name: plain.get(name) for name in values} == {**values, "LOGIN": SECRET.reveal()}
