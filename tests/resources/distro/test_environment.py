"""Variables of every session: what is written, what is refused, and what pam_env makes of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from private_machine import PrivateMachine, private_machine
from reconciler.model.address import Layer, Target
from reconciler.model.plan import ItemPlan, Plan
from reconciler.model.secrets import SecretHole, SecretText
from reconciler.model.states import Effect, Risk, State
from reconciler.model.values import ABSENT, UNMANAGED
from reconciler.planning.describe import describe
from reconciler.resources.distro.environment import Environment

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine

DISTRO = Target("lt", "main")
PATH = "/etc/environment"
UBUNTU = 'PATH="/usr/local/bin:/usr/bin:/bin"\n# by hand\nexport EDITOR=nano\n'


def kind(items: dict[str, object]) -> Environment:
    return Environment(items=items, options={}, layer=Layer.DISTRO)


def plan(machine: Machine, **items: object) -> Plan:
    return machine.plan({DISTRO: [kind(items)]})


def only(found: Plan) -> ItemPlan:
    (item,) = found.items
    return item


def applied(machine: Machine, **items: object) -> str:
    assert machine.apply(plan(machine, **items)) == {}
    assert {each.state for each in plan(machine, **items).items} == {State.IN_SYNC}
    return machine.text(PATH)


def test_single_variables_are_written_and_every_other_line_stays(machine: Machine) -> None:
    machine.file(PATH, UBUNTU)
    assert applied(machine, EDITOR="vim", HTTP_PROXY="http://p:3128") == (
        UBUNTU.replace("nano", "vim") + "HTTP_PROXY=http://p:3128\n"
    )


def test_a_missing_file_is_made_for_everyone_to_read(machine: Machine) -> None:
    assert applied(machine, EDITOR="vim") == "EDITOR=vim\n"
    assert machine.nodes[PATH].mode == 0o644


def test_what_pam_env_reads_the_same_is_in_sync(machine: Machine) -> None:
    machine.file(PATH, "EDITOR=nano\nexport EDITOR='vim'\n")
    assert only(plan(machine, EDITOR="vim")).state is State.IN_SYNC


def test_absent_removes_it_and_unmanaged_leaves_it(machine: Machine) -> None:
    machine.file(PATH, UBUNTU)
    assert applied(machine, EDITOR=ABSENT) == UBUNTU.replace("export EDITOR=nano\n", "")
    assert plan(machine, PATH=UNMANAGED).items == ()


def test_it_takes_effect_in_a_new_session(machine: Machine) -> None:
    assert only(plan(machine, EDITOR="vim")).effect is Effect.NEW_SESSION
    machine.file(PATH, UBUNTU)
    assert only(plan(machine, EDITOR=ABSENT)).effect is Effect.NEW_SESSION


@pytest.mark.parametrize(
    ("name", "value", "runs"),
    [("EDITOR", "vim", False), ("LD_PRELOAD", "/x.so", True), ("BASH_ENV", "/x", True), ("PATH", "/bin", True),
     ("PATH", ABSENT, True), ("GOFLAGS", "-mod=mod", False), ("GOFLAGS", "-toolexec=/x", True), ("CC", "/x", True),
     ("LD_PRELOAD", ABSENT, False), ("EDITOR", "code --wait", False), ("EDITOR", "/usr/bin/nano", False),
     ("EDITOR", "/tmp/x", True), ("PAGER", "less; id", True), ("VISUAL", "sh -c 'id'", True), ("EDITOR", "", False),
     ("GOWORK", "off", False), ("GOWORK", "/x/go.work", True), ("GOSUMDB", "off", True), ("GOROOT", "/x", True),
     ("PIP_INDEX_URL", "x", True), ("UV_DEFAULT_INDEX", "x", True), ("NPM_CONFIG_REGISTRY", "x", True),
     ("npm_config_loglevel", "warn", False), ("GIT_CONFIG_VALUE_0", "x", True),
     ("MAKEFLAGS", "-j8", False), ("MAKEFLAGS", "--eval=$(shell id)", True)],
)  # fmt: skip
def test_what_makes_programs_load_or_start_others_runs_code_later(name: str, value: object, runs: bool) -> None:
    assert (Risk.RUNS_CODE_LATER in kind({}).want(name, value).risks) is runs


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "GIT_SSL_NO_VERIFY", "NODE_TLS_REJECT_UNAUTHORIZED"])
def test_whose_certificates_are_believed_is_a_matter_of_rights(name: str) -> None:
    assert kind({}).want(name, "x").risks == {Risk.GRANTS_RIGHTS}


def test_where_it_does_not_reach_is_told(machine: Machine) -> None:
    assert "wsl.exe" in plan(machine, EDITOR="vim").targets[0].notes[0]
    machine.life = replace(machine.life, wsl=False)
    assert plan(machine, EDITOR="vim").targets[0].notes == ()
    assert "replaces" in plan(machine, PATH="/bin").targets[0].notes[0]
    assert plan(machine, PATH=UNMANAGED, EDITOR=ABSENT).targets[0].notes == ()


def test_init_describes_all_that_a_document_may_say(machine: Machine) -> None:
    machine.file(PATH, UBUNTU + "BRACES={{ x }}\n")
    sheet = machine.sheet(kind({}).wanted_facts())
    (found,) = describe(DISTRO, {"environment": (Environment, Environment.schema(Layer.DISTRO))}, sheet)
    told = {item.path[0]: item.value for item in found.items if item.reason is None}
    assert told == {"PATH": "/usr/local/bin:/usr/bin:/bin", "EDITOR": "nano"}


def complaints(name: str, value: object) -> list[str]:
    check = Environment.schema(Layer.DISTRO).check
    assert check is not None
    return [found.what for found in check(name, {"value": value})]


def test_what_the_file_cannot_hold_is_refused() -> None:
    assert "where a comment begins" in complaints("X", "a#b")[0]
    assert "line end" in complaints("X", "a\nb")[0]
    assert complaints("X", "a b") == []


def test_a_secret_is_refused() -> None:
    assert "would hold a secret" in complaints("TOKEN", SecretText((SecretHole("token"),)))[0]


# ---- pam_env


@pytest.fixture
def etc() -> Iterator[PrivateMachine]:
    if not shutil.which("su"):
        pytest.skip("su is not installed")
    with private_machine() as made:
        made.at("/etc/pam.d/su").write_text(
            "auth sufficient pam_rootok.so\naccount required pam_permit.so\nsession required pam_env.so readenv=1\n"
        )
        made.at(PATH).write_text(UBUNTU)
        yield made


def session(etc: PrivateMachine) -> dict[str, str]:
    """The variables of a session that begins now."""
    done = etc.run("env", "-i", "PATH=/usr/bin:/bin", "su", "root", "-c", "env -0")
    return dict(entry.split("=", 1) for entry in done.stdout.split("\0") if entry)


def test_a_session_has_every_value_as_it_was_declared(etc: PrivateMachine) -> None:
    awkward = {
        "A_DOLLAR": "$HOME ${PATH} `id` $(id)",
        "A_QUOTE": "it's \"so\"",
        "A_QUOTED": "\"so\"",
        "BLANKS": "  two  ",
        "BACKSLASH": "C:\\temp\\",
        "NON_ASCII": "Köln ☃",
        "EQUALS": "a=b=c",
        "EDITOR": "vim",
    }  # fmt: skip
    etc.applies(f"distro: {{environment: {json.dumps(awkward)}}}\n")
    found = session(etc)
    assert {name: found.get(name) for name in awkward} == awkward

    etc.applies("distro: {environment: {EDITOR: {absent: true}, EQUALS: ''}}\n")
    assert "EDITOR" not in session(etc)
