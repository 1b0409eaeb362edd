"""Versions of tools for asdf and mise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reconciler.model.address import Layer, Target
from reconciler.model.errors import DocumentError
from reconciler.model.plan import ItemPlan, Plan
from reconciler.model.states import Effect, Risk, State
from reconciler.model.values import ABSENT, UNMANAGED
from reconciler.resources.user.tool_versions import ToolVersions

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine
    from tests.resources.conftest import Reading

ALICE = Target("lt", "main", "alice")
PATH = "/home/alice/.tool-versions"
CONFIG = "/home/alice/.config/mise/config.toml"
EXPORTS = "mise exports GOROOT and GOBIN where it activates golang, which hides what go_env says of it: "


def plan(machine: Machine, items: dict[str, object]) -> Plan:
    return machine.plan({ALICE: [ToolVersions(items=items, options={}, layer=Layer.USER)]})


def only(found: Plan) -> ItemPlan:
    (item,) = found.items
    return item


def notes(machine: Machine, items: dict[str, object]) -> tuple[str, ...]:
    return plan(machine, items).targets[0].notes


def test_tools_are_written_in_one_go_and_the_rest_stays(machine: Machine) -> None:
    machine.file(PATH, "# mine\ngolang 1.20 # old\nruby 3.2\nlua 5.4\n")
    items = {"golang": ("1.27.3",), "nodejs": ("22.1.0", "20.18.0"), "ruby": ABSENT, "lua": UNMANAGED}
    found = plan(machine, items)
    assert [item.state for item in found.items] == [State.CHANGE, State.ADD, State.REMOVE]
    assert len(found.changes) == 1
    assert machine.apply(found) == {}
    assert machine.text(PATH) == "# mine\ngolang 1.27.3 # old\nlua 5.4\nnodejs 22.1.0 20.18.0\n"
    again = plan(machine, items)
    assert (again.changes, {item.state for item in again.items}) == ((), {State.IN_SYNC})


def test_one_version_is_text_and_several_are_a_list(machine: Machine) -> None:
    machine.file(PATH, "golang 1.20\nnodejs 22 20\n")
    found = plan(machine, {"golang": ("1.21",), "nodejs": ("22",)})
    assert [(item.before, item.after) for item in found.items] == [
        ({"value": "1.20"}, {"value": "1.21"}),
        ({"value": ["22", "20"]}, {"value": "22"}),
    ]


@pytest.mark.parametrize(
    ("name", "versions", "is_risk"),
    [
        ("golang", "1.27.3", False),
        ("golang", ("1.27.3", "path:/tmp/x"), True),
        ("asdf:https://example.com/x", "1", True),
    ],
)
def test_a_tool_from_elsewhere_runs_code_later(name: str, versions: object, is_risk: bool) -> None:
    kind = ToolVersions(items={}, options={}, layer=Layer.USER)
    assert kind.want(name, versions).risks == ({Risk.RUNS_CODE_LATER} if is_risk else set())


def test_a_second_line_of_a_tool_is_a_difference(machine: Machine) -> None:
    """asdf takes the first line, mise the last."""
    machine.file(PATH, "golang 1.27.3\ngolang 1.20\n")
    assert only(plan(machine, {"golang": ("1.27.3",)})).state is State.CHANGE


def test_a_link_into_dotfiles_is_written_through(machine: Machine) -> None:
    machine.file("/home/alice/dotfiles/tools", "golang 1.20\n")
    machine.link(PATH, "/home/alice/dotfiles/tools")
    machine.apply(plan(machine, {"golang": ("1.27.3",)}))
    assert machine.text("/home/alice/dotfiles/tools") == "golang 1.27.3\n"
    assert machine.nodes[PATH].link == "/home/alice/dotfiles/tools"


@pytest.mark.parametrize(
    ("programs", "ask"),
    [
        ({}, "`mise install` or `asdf install`"),
        ({"asdf": "/usr/bin/asdf"}, "`asdf install`"),
        ({"mise": "/usr/bin/mise"}, "`mise install`"),
    ],
)
def test_the_plan_says_who_installs(machine: Machine, programs: dict[str, str], ask: str) -> None:
    machine.programs.update(programs)
    found = plan(machine, {"golang": ("1.27.3",), "nodejs": ("22",)})
    assert found.needs == (ask,)
    assert {change.effect for change in found.changes} == {Effect.NOW}
    machine.apply(found)
    assert plan(machine, {"golang": ABSENT}).needs == ()


def test_what_mise_exports_for_go_is_told_where_mise_is(machine: Machine) -> None:
    assert notes(machine, {"golang": ("1.27.3",)}) == ()
    machine.file("/home/alice/.local/bin/mise", "", mode=0o755)
    fixes = "`mise settings set go.set_goroot false` and `mise settings set go.set_gobin false` would keep it from that"
    assert notes(machine, {"golang": ("1.27.3",)}) == (EXPORTS + fixes,)
    assert notes(machine, {"nodejs": ("22",), "golang": ABSENT}) == ()
    machine.file(CONFIG, "[settings.go]\nset_goroot = false\nset_gobin = false\n")
    assert notes(machine, {"golang": ("1.27.3",)}) == ()


def test_what_mises_own_file_says_goes_first_and_is_told(machine: Machine) -> None:
    machine.programs["mise"] = "/usr/bin/mise"
    machine.file(CONFIG, '[tools]\nnode = "20"\n')
    assert notes(machine, {"nodejs": ("22",)}) == (
        "~/.config/mise/config.toml names a version of nodejs too: mise takes that one",
    )


@pytest.mark.parametrize("text", ["tools = [", "tools = 1\nsettings = 'x'\n", "\xff"])
def test_a_file_of_mises_that_says_nothing_is_no_trouble(machine: Machine, text: str) -> None:
    machine.programs["mise"] = "/usr/bin/mise"
    machine.file(CONFIG, text.encode("latin-1"))
    assert notes(machine, {"nodejs": ("22",)}) == ()


@pytest.mark.parametrize(
    ("entry", "what"),
    [
        ("golang: '1.2 1.3'", "expected a version, or a list of versions"),
        ("golang: []", "golang"),
        ("'go lang': 1", "go lang"),
        ("golang: '{{ secrets.proxy_password }}'", "a secret is any text"),
    ],
)
def test_what_the_file_cannot_say_is_refused(reading: Reading, entry: str, what: str) -> None:
    with pytest.raises(DocumentError) as error:
        reading(f"secrets: {{proxy_password: {{}}}}\nuser:\n  tool_versions:\n    {entry}\n")
    assert what in "; ".join(f"{problem.what} {problem.fix}" for problem in error.value.problems)


def test_versions_are_text_as_written(reading: Reading) -> None:
    desired = reading("user:\n  tool_versions: {golang: 1.20, nodejs: [22, 20.10]}\n")[ALICE]
    assert desired.kinds["tool_versions"].items == {"golang": ("1.20",), "nodejs": ("22", "20.10")}
