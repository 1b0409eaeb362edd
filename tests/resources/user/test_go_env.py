"""Variables of the go command: what its file says, and what is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.formats import go_env as go_env_file
from reconciler.model.address import Layer, Target
from reconciler.model.facts import Session
from reconciler.model.plan import ItemPlan, Plan
from reconciler.model.secrets import Secret
from reconciler.model.states import Effect, Risk, State
from reconciler.model.values import ABSENT, UNMANAGED
from reconciler.resources.user.go_env import GoEnv

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine

ALICE = Target("lt", "main", "alice")
PATH = "/home/alice/.config/go/env"


def go_env(items: dict[str, object]) -> GoEnv:
    return GoEnv(items=items, options={}, layer=Layer.USER)


def plan(machine: Machine, items: dict[str, object]) -> Plan:
    return machine.plan({ALICE: [go_env(items)]})


def only(found: Plan) -> ItemPlan:
    (item,) = found.items
    return item


def applied(machine: Machine, items: dict[str, object]) -> str:
    """The file afterwards; planning again finds nothing to do."""
    assert machine.apply(plan(machine, items)) == {}
    again = plan(machine, items)
    assert again.changes == ()
    assert {item.state for item in again.items} <= {State.IN_SYNC}
    return machine.text(PATH)


def notes(machine: Machine, items: dict[str, object]) -> tuple[str, ...]:
    return plan(machine, items).targets[0].notes


@pytest.mark.parametrize("items", [{"GOPROXY": "direct"}, {"GOPROXY": ABSENT}], ids=str)
def test_a_password_in_an_address_is_hidden_also_when_nobody_declares_it(
    machine: Machine, items: dict[str, object]
) -> None:
    machine.file(PATH, "GOPROXY=https://u:canary@proxy.example.com\nGOBIN=/x\n", mode=0o600)
    found = plan(machine, items)
    assert "canary" not in repr(found.items) and found.changes[0].text is None
    assert "GOPROXY=https" not in applied(machine, items)


def test_the_same_address_with_its_password_is_in_sync(machine: Machine) -> None:
    machine.file(PATH, "GOPROXY=https://u:pw@proxy.example.com\n")
    for item in ("https://u:pw@proxy.example.com", Secret("https://u:pw@proxy.example.com")):
        assert plan(machine, {"GOPROXY": item}).changes == ()


# ---- written


def test_the_file_and_its_folders_are_made(machine: Machine) -> None:
    found = plan(machine, {"GOPATH": "/home/alice/go"})
    assert [change.thing for change in found.changes] == ["/home/alice/.config", "/home/alice/.config/go", PATH]
    assert applied(machine, {"GOPATH": "/home/alice/go"}) == "GOPATH=/home/alice/go\n"
    assert (machine.nodes[PATH].mode, machine.nodes[PATH].owner) == (0o644, "alice")


def test_all_variables_are_one_write(machine: Machine) -> None:
    machine.file(PATH, "GOFLAGS=-mod=mod\nGOPROXY=off\nGOTOOLCHAIN=local\n")
    found = plan(machine, {"GOPROXY": "direct", "GOFLAGS": ABSENT, "GOTOOLCHAIN": "local"})
    assert [item.state for item in found.items] == [State.CHANGE, State.REMOVE, State.IN_SYNC]
    assert len(found.changes) == 1
    assert applied(machine, {"GOPROXY": "direct", "GOFLAGS": ABSENT}) == "GOPROXY=direct\nGOTOOLCHAIN=local\n"


def test_a_dirty_file_is_left_alone_where_every_value_holds(machine: Machine) -> None:
    machine.file(PATH, "GOPROXY=off\n# mine\nnonsense\nGOPROXY=direct\nGOBIN=/x\r\n")
    assert plan(machine, {"GOPROXY": "direct"}).changes == ()


def test_the_last_of_several_lines_counts(machine: Machine) -> None:
    machine.file(PATH, "GOPROXY=direct\nGOPROXY=off\n")
    assert only(plan(machine, {"GOPROXY": "direct"})).before == {"value": "off"}


def test_a_link_is_written_through(machine: Machine) -> None:
    """Dotfiles are often links."""
    machine.file("/home/alice/dotfiles/goenv", "GOPROXY=off\n")
    machine.link(PATH, "/home/alice/dotfiles/goenv")
    (change,) = plan(machine, {"GOPROXY": "direct"}).changes
    assert change.thing == "/home/alice/dotfiles/goenv"
    assert applied(machine, {"GOPROXY": "direct"}) == "GOPROXY=direct\n"
    assert machine.nodes[PATH].link == "/home/alice/dotfiles/goenv"


def test_it_is_in_force_at_once(machine: Machine) -> None:
    found = plan(machine, {"GOPROXY": "direct"})
    assert {change.effect for change in found.changes} == {Effect.NOW}


LINES = st.one_of(
    st.sampled_from(
        [
            "GOPROXY=off", "GOPROXY=direct\r", "GOBIN=/x", "GOFLAGS=-mod=mod", "GOPATH=~/go", "# GOPROXY=x", "lower=x", "=x", "",
            "GOPROXY", "A#B=c", "GOTOOLCHAIN=local", " GOBIN=/y", "GOPRIVATE=*.corp", "GOROOT=/r", "Z=1", "B=\u00e4",
        ]
    ),
    st.text(max_size=8),
)  # fmt: skip
ITEMS = st.dictionaries(
    st.sampled_from(["GOPROXY", "GOBIN", "GOFLAGS", "GOPATH", "GOTOOLCHAIN", "GOPRIVATE"]),
    st.one_of(
        st.just(ABSENT), st.just(UNMANAGED), st.sampled_from(["direct", "/x", "-mod=mod", "*.corp", "local", "a b"])
    ),
    max_size=5,
)


@settings(max_examples=500, deadline=None)
@given(lines=st.lists(LINES, max_size=9), end=st.sampled_from(["\n", "\r\n"]), finished=st.booleans(), items=ITEMS)
def test_whatever_is_in_the_file_what_is_written_is_in_sync(
    machines: type[Machine], lines: list[str], end: str, finished: bool, items: dict[str, object]
) -> None:
    machine = machines()
    machine.file(PATH, (end.join(lines) + (end if finished else "")).encode("utf-8", "surrogatepass"))
    before = go_env_file.members(machine.text(PATH))
    after = go_env_file.members(applied(machine, items))
    managed = {name: item for name, item in items.items() if item is not UNMANAGED}
    expected = {name: value for name, value in before.items() if name not in managed}
    expected |= {name: str(item) for name, item in managed.items() if item is not ABSENT}
    assert after == expected


# ---- secrets and risks


def test_a_secret_is_written_and_not_shown(machine: Machine) -> None:
    found = plan(machine, {"GOPROXY": Secret("https://me:pw-canary@x.example", frozenset({"password"}))})
    assert "canary" not in repr(found.targets)
    assert found.changes[-1].text is None
    assert machine.apply(found) == {}
    assert machine.nodes[PATH].mode == 0o600
    assert machine.text(PATH) == "GOPROXY=https://me:pw-canary@x.example\n"


@pytest.mark.parametrize("value", ["line\nend", "https://x/\0", "nul \ud800"])
def test_a_secret_that_go_would_not_take_is_blocked_and_not_told(machine: Machine, value: str) -> None:
    item = only(plan(machine, {"GOPROXY": Secret(f"{value}-canary", frozenset({"password"}))}))
    assert (item.state, item.why) == (State.BLOCKED, "the secret in GOPROXY is no value that go takes")
    assert "canary" not in repr(item)


def test_flags_that_run_a_program_are_a_risk() -> None:
    assert go_env({}).want("GOFLAGS", "-toolexec=/x").risks == {Risk.RUNS_CODE_LATER}
    assert go_env({}).want("GOFLAGS", Secret("-toolexec=/x")).risks == {Risk.RUNS_CODE_LATER}
    assert go_env({}).want("GOFLAGS", "-mod=mod").risks == frozenset()
    assert go_env({}).want("GOFLAGS", ABSENT).risks == frozenset()


# ---- remarks


@pytest.mark.parametrize(("session", "words"), [(Session.PROCESS, "this session"), (Session.LOGIN, "a login shell")])
def test_a_variable_that_hides_the_file_is_told_of(machine: Machine, session: Session, words: str) -> None:
    machine.environment[session, "GOPROXY"] = "off"
    assert notes(machine, {"GOPROXY": "direct"}) == (
        f"GOPROXY is set to off in the environment of {words}: that hides the file's value",
    )
    assert notes(machine, {"GOPROXY": "off"}) == ()


def test_a_password_in_what_hides_it_is_not_quoted(machine: Machine) -> None:
    machine.environment[Session.LOGIN, "GOPROXY"] = "https://me:canary@x.example,direct"
    (note,) = notes(machine, {"GOPROXY": "direct"})
    assert "canary" not in note and "x.example" in note


@pytest.mark.parametrize(
    ("path", "text", "where"),
    [
        ("~/.bashrc", "x=1\nexport GOPATH=$HOME/canary\n", "in terminals"),
        ("~/.zshrc", 'a\nexport A=1 GOPATH="/canary"\n', "in terminals"),
        ("~/.config/fish/config.fish", "# c\nset -gx GOPATH /canary\n", "in terminals"),
        ("~/.profile", "\nGOPATH=/canary; export GOPATH\n", "in login shells"),
        ("~/.bash_profile", "\nexport GOPATH=`canary`\n", "in login shells"),
        ("~/.zshenv", "\nexport GOPATH=/canary\n", "in every zsh"),
        ("/etc/profile", "\nexport GOPATH=/canary\n", "in login shells"),
        ("/etc/environment", "A=1\nGOPATH='/canary'\n", "in every session"),
        ("~/.config/reconcile/env.sh", "\nexport GOPATH='/canary'\n", "in every shell"),
    ],
)
def test_the_line_that_exports_it_is_named_without_its_value(
    machine: Machine, path: str, text: str, where: str
) -> None:
    machine.file(path.replace("~", "/home/alice"), text)
    machine.environment[Session.PROCESS, "GOPATH"] = "/canary"
    assert notes(machine, {"GOPATH": "/home/alice/go", "GOBIN": "/x"}) == (
        f"{path}:2 exports GOPATH: that hides the file's value {where}",
    )
    assert notes(machine, {"GOPATH": UNMANAGED}) == ()


@pytest.mark.parametrize("value", ["$HOME/go", '"${HOME}/go"', "~/go", "'/home/alice/go'", "/home/alice/go", '""', ""])
def test_a_line_that_says_the_same_or_nothing_hides_nothing(machine: Machine, value: str) -> None:
    machine.file("/home/alice/.bashrc", f"export GOPATH={value}\n")
    assert notes(machine, {"GOPATH": "/home/alice/go"}) == ()


@pytest.mark.parametrize("value", ["'$HOME/go'", "'~/go'", '"~/go"', "$GOROOT/go", "$HOMER/go"])
def test_a_line_that_only_looks_the_same_hides_it(machine: Machine, value: str) -> None:
    machine.file("/home/alice/.bashrc", f"export GOPATH={value}\n")
    assert len(notes(machine, {"GOPATH": "/home/alice/go"})) == 1


def test_every_line_is_named(machine: Machine) -> None:
    machine.file("/home/alice/.bashrc", "export GOPATH=/a\nexport GOPATH=/b\n")
    machine.file("/home/alice/.profile", "export GOPATH=/a\n")
    assert len(notes(machine, {"GOPATH": ABSENT})) == 3


def test_what_hides_a_secret_is_not_quoted(machine: Machine) -> None:
    machine.environment[Session.PROCESS, "GOPROXY"] = "https://me:canary@x.example"
    (note,) = notes(machine, {"GOPROXY": Secret("https://me:canary@x.example/v2")})
    assert "canary" not in note


def test_a_secret_in_the_environment_as_declared_hides_nothing(machine: Machine) -> None:
    machine.environment[Session.PROCESS, "GOPROXY"] = "https://me:canary@x.example"
    assert notes(machine, {"GOPROXY": Secret("https://me:canary@x.example")}) == ()


def test_an_unmanaged_variable_is_not_spoken_of(machine: Machine) -> None:
    machine.environment[Session.PROCESS, "GOPROXY"] = "off"
    assert notes(machine, {"GOPROXY": UNMANAGED, "GOBIN": "/x"}) == ()


@pytest.mark.parametrize(("name", "value"), [("GOENV", "/elsewhere"), ("XDG_CONFIG_HOME", "/elsewhere")])
def test_another_place_for_the_file_is_told_of(machine: Machine, name: str, value: str) -> None:
    machine.environment[Session.PROCESS, name] = value
    (note,) = notes(machine, {"GOPROXY": "direct"})
    assert note == f"{name} is set to {value} in this session: there go reads another file than ~/.config/go/env"


@pytest.mark.parametrize(("name", "value"), [("XDG_CONFIG_HOME", "/home/alice/.config/"), ("GOENV", PATH)])
def test_the_usual_place_written_out_is_not(machine: Machine, name: str, value: str) -> None:
    machine.environment[Session.PROCESS, name] = value
    assert notes(machine, {"GOPROXY": "direct"}) == ()


def test_a_goroot_by_hand_and_other_oddities_are_told_of(machine: Machine) -> None:
    machine.file(PATH, "GOROOT=/r\nGOBIN=/x\r\nnonsense\n")
    found = notes(machine, {"GOPROXY": "direct"})
    assert any("sets GOROOT by hand" in note for note in found)
    assert any(note.startswith("~/.config/go/env:2: GOBIN ends with a carriage return") for note in found)
    assert any(note == "~/.config/go/env:3: go ignores this line: nonsense" for note in found)


def test_a_file_that_cannot_be_read_makes_its_items_unknown(machine: Machine) -> None:
    machine.file(PATH, "GOPROXY=off\n")
    machine.secretive.add(PATH)
    assert only(plan(machine, {"GOPROXY": "direct"})).state is State.UNKNOWN
