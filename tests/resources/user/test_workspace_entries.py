"""Configurations of launch.json and tasks of tasks.json."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reconciler.model.address import Layer, Target
from reconciler.model.errors import DocumentError
from reconciler.model.states import Risk, State
from reconciler.model.values import ABSENT
from reconciler.resources.user.vscode_launch import VscodeLaunch
from reconciler.resources.user.vscode_tasks import VscodeTasks

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine
    from tests.resources.conftest import Reading

ALICE = Target("lt", "main", "alice")
APP = "/home/alice/src/app"
LAUNCH = f"{APP}/.vscode/launch.json"
TASKS = f"{APP}/.vscode/tasks.json"
SERVER = {"type": "go", "request": "launch", "program": "${workspaceFolder}"}
THEIRS = """\
{
  // Use IntelliSense to learn about possible attributes.
  "version": "0.2.0",
  "configurations": [
    {"name": "Attach", "type": "go", "request": "attach"},
    {
      "name": "Launch server", // mine
      "type": "go",
      "program": "/old",
      "showLog": true,
    },
  ]
}
"""


def launch(items: dict[str, object]) -> VscodeLaunch:
    return VscodeLaunch(items=items, options={}, layer=Layer.USER)


@pytest.fixture
def machine(machine: Machine) -> Machine:
    machine.directory(APP)
    return machine


def apply(machine: Machine, kind: VscodeLaunch | VscodeTasks) -> list[State]:
    plan = machine.plan({ALICE: [kind]})
    assert machine.apply(plan) == {}
    assert machine.plan({ALICE: [kind]}).changes == ()
    return [item.state for item in plan.items]


def test_a_file_is_made_with_its_version(machine: Machine) -> None:
    assert apply(machine, launch({"~/src/app:Launch server": SERVER})) == [State.ADD]
    assert '"version": "0.2.0"' in machine.text(LAUNCH)
    assert '"name": "Launch server"' in machine.text(LAUNCH)
    assert apply(machine, VscodeTasks(items={"~/src/app:a: b": {"command": "x"}}, options={}, layer=Layer.USER)) == [
        State.ADD
    ]
    assert '"version": "2.0.0"' in machine.text(TASKS) and '"label": "a: b"' in machine.text(TASKS)


def test_only_declared_members_are_compared_and_written(machine: Machine) -> None:
    machine.file(LAUNCH, THEIRS)
    plan = machine.plan({ALICE: [launch({"~/src/app:Launch server": SERVER})]})
    (item,) = plan.items
    assert [diff.name for diff in item.diffs] == ["request", "program"]
    assert machine.apply(plan) == {}
    text = machine.text(LAUNCH)
    assert '"program": "${workspaceFolder}"' in text and '"showLog": true' in text and "// mine" in text
    assert '{"name": "Attach", "type": "go", "request": "attach"}' in text


def test_an_absent_one_goes_and_the_others_stay(machine: Machine) -> None:
    machine.file(LAUNCH, THEIRS)
    assert apply(machine, launch({"~/src/app:Launch server": ABSENT, "~/src/app:None": ABSENT})) == [
        State.REMOVE,
        State.IN_SYNC,
    ]
    assert "Launch server" not in machine.text(LAUNCH) and "Attach" in machine.text(LAUNCH)


def test_something_else_in_the_lists_place_blocks(machine: Machine) -> None:
    machine.file(LAUNCH, '{"configurations": {}}')
    (item,) = machine.plan({ALICE: [launch({"~/src/app:Launch server": SERVER})]}).items
    assert item.state is State.BLOCKED and "launch.json:1:" in str(item.why)


def test_they_are_a_risk(machine: Machine) -> None:
    assert launch({}).want("~/src/app:x", SERVER).risks == {Risk.RUNS_CODE_LATER}


def test_a_workspace_that_is_not_here_is_not_applicable(machine: Machine) -> None:
    (item,) = machine.plan({ALICE: [launch({"~/src/other:x": SERVER})]}).items
    assert item.state is State.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("entry", "what"),
    [
        ("{name: other}", "x has another name, other"),
        ("text", "x is no mapping of members"),
        ("{env: {A: '{{ secrets.t }}'}}", "x would hold a secret"),
    ],
)
def test_what_is_no_entry_is_refused(reading: Reading, entry: str, what: str) -> None:
    with pytest.raises(DocumentError) as error:
        reading(f"secrets: {{t: {{}}}}\nuser: {{vscode_launch: {{~/src/app: {{x: {entry}}}}}}}\n")
    assert what in error.value.problems[0].what
