"""Go programs at pinned versions: seen by what they were built from, built by go itself."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from reconciler.model.address import Layer, Target
from reconciler.model.errors import DocumentError
from reconciler.model.facts import GoBuild
from reconciler.model.states import Risk, State
from reconciler.model.values import ABSENT
from reconciler.resources.any.go_tools import GoTools, Tool

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine
    from tests.resources.conftest import Reading

DISTRO = Target("lt", "main")
ALICE = Target("lt", "main", "alice")
GOPLS = Tool(package="golang.org/x/tools/gopls", version="v0.20.0")
HERE = "/home/alice/go/bin/gopls"


def tools(items: dict[str, object], layer: Layer = Layer.USER, **options: object) -> GoTools:
    return GoTools(items=items, options=options, layer=layer)


@pytest.fixture
def machine(machine: Machine) -> Machine:
    machine.programs["go"] = "/usr/local/bin/go"
    return machine


def test_a_tool_is_built_into_its_folder_which_is_made(machine: Machine) -> None:
    plan = machine.plan({ALICE: [tools({"gopls": GOPLS})]})
    assert machine.apply(plan) == {}
    assert machine.ran == [
        ("env", "GOBIN=/home/alice/go/bin", "/usr/local/bin/go", "install", "golang.org/x/tools/gopls@v0.20.0")
    ]
    assert machine.plan({ALICE: [tools({"gopls": GOPLS})]}).changes == ()


def test_another_version_is_built_over_it(machine: Machine) -> None:
    machine.file(HERE, "old", mode=0o755)
    machine.builds[HERE] = GoBuild(package=GOPLS.package, module=GOPLS.package, version="v0.19.1")
    plan = machine.plan({ALICE: [tools({"gopls": GOPLS})]})
    (item,) = plan.items
    assert item.state is State.CHANGE
    assert [(diff.name, diff.before, diff.after) for diff in item.diffs] == [("version", "v0.19.1", "v0.20.0")]
    assert machine.apply(plan) == {}


def test_something_else_of_that_name_is_never_replaced(machine: Machine) -> None:
    machine.file(HERE, "#!/bin/sh\n", mode=0o755)
    (item,) = machine.plan({ALICE: [tools({"gopls": GOPLS})]}).items
    assert (item.state, item.why) == (State.BLOCKED, f"{HERE} is a file, not a program built by go")


def test_an_absent_tool_is_removed_whatever_its_version(machine: Machine) -> None:
    machine.file(HERE, "old", mode=0o755)
    machine.builds[HERE] = GoBuild(package="x.y/z", module="x.y/z", version="v1.0.0")
    plan = machine.plan({ALICE: [tools({"gopls": ABSENT})]})
    assert [(item.state, item.risks) for item in plan.items] == [(State.REMOVE, {Risk.DELETES})]
    assert machine.apply(plan) == {} and HERE not in machine.nodes


def test_without_any_go_it_is_blocked_and_says_which(machine: Machine) -> None:
    machine.programs.clear()
    (item,) = machine.plan({ALICE: [tools({"gopls": GOPLS})]}).items
    assert item.state is State.BLOCKED
    assert item.why == "needs the program /usr/local/go/bin/go, which is not there and nobody declares"


def test_a_declared_go_builds_it(machine: Machine) -> None:
    machine.file("/home/alice/sdk/go/bin/go", mode=0o755)
    machine.apply(machine.plan({ALICE: [tools({"gopls": GOPLS}, go="~/sdk/go/bin/go", bin="~/bin")]}))
    assert machine.ran[0][1:3] == ("GOBIN=/home/alice/bin", "/home/alice/sdk/go/bin/go")


def test_one_program_may_stand_in_several_folders(machine: Machine) -> None:
    paths = ("/opt/gobin/stable/gopls", "/opt/gobin/canary/gopls")
    items: dict[str, object] = {path: replace(GOPLS, version=f"v0.{20 + at}.0") for at, path in enumerate(paths)}
    assert machine.apply(machine.plan({DISTRO: [tools(items, Layer.DISTRO)]})) == {}
    assert [machine.builds[path].version for path in paths] == ["v0.20.0", "v0.21.0"]


def test_root_builds_nothing_where_others_write(machine: Machine) -> None:
    machine.directory("/opt/open", mode=0o777)
    (item,) = machine.plan({DISTRO: [tools({"/opt/open/gopls": GOPLS}, Layer.DISTRO)]}).items
    assert item.state is State.BLOCKED and "root keeps out" in str(item.why)


def test_a_tool_is_code_that_runs_later() -> None:
    assert tools({}).want("gopls", GOPLS).risks == {Risk.RUNS_CODE_LATER}


def test_at_rest_nothing_is_built(machine: Machine) -> None:
    machine.life = replace(machine.life, at_rest=True)
    (item,) = machine.plan({ALICE: [tools({"gopls": GOPLS})]}).items
    assert item.state is State.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("gopls: {package: golang.org/x/tools/gopls, version: latest}", "`latest` is another every day"),
        ("gopls: {package: golang.org/x/tools/gopls}", "lacks version"),
        (
            "lsp: {package: golang.org/x/tools/gopls, version: v0.20.0}",
            "calls the program of golang.org/x/tools/gopls gopls",
        ),
        ("gopls: {package: -toolexec=x/y, version: v0.20.0}", "the import path of a main package"),
        ("gopls: {package: golang.org/x/tools/gopls@v1.0.0, version: v0.20.0}", "the import path of a main package"),
    ],
)
def test_what_go_install_would_not_do_is_refused(reading: Reading, line: str, what: str) -> None:
    with pytest.raises(DocumentError) as error:
        reading(f"user:\n  go_tools:\n    {line}\n")
    assert what in str(error.value.problems[0])


def test_a_major_version_is_no_name(reading: Reading) -> None:
    found = reading("user:\n  go_tools:\n    task: {package: github.com/go-task/task/v3, version: v3.44.0}\n")
    assert found[ALICE].kinds["go_tools"].items
    assert reading("user:\n  go_tools: {go: /opt/go/bin/go, bin: ~/bin}\n")[ALICE].kinds["go_tools"].options == {
        "go": "/opt/go/bin/go",
        "bin": "~/bin",
    }
