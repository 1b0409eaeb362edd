"""VS Code's settings on the machine: which files, which bytes, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from reconciler.model.address import Layer, Target
from reconciler.model.errors import DocumentError
from reconciler.model.states import Risk, State
from reconciler.model.values import ABSENT, UNMANAGED
from reconciler.resources.assemble import assemble
from reconciler.resources.user.vscode_settings import VscodeSettings

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine
    from tests.resources.conftest import Reading

ALICE = Target("lt", "main", "alice")
HOME = "/home/alice"
SERVER = f"{HOME}/.vscode-server/data/Machine/settings.json"
CURSOR = f"{HOME}/.cursor-server/data/Machine/settings.json"
DIRTY = '{\n  // ours\n  "editor.tabSize": 3, /* three */\n  "go.goroot": "/old", // why\n}\n'


def settings(items: dict[str, object]) -> VscodeSettings:
    return VscodeSettings(items=items, options={}, layer=Layer.USER)


def apply(machine: Machine, items: dict[str, object]) -> list[State]:
    plan = machine.plan({ALICE: [settings(items)]})
    assert machine.apply(plan) == {}
    assert machine.plan({ALICE: [settings(items)]}).changes == ()
    return [item.state for item in plan.items]


def test_without_any_server_the_first_ones_file_is_made(machine: Machine) -> None:
    assert apply(machine, {"machine:go.toolsManagement.autoUpdate": False}) == [State.ADD]
    assert machine.text(SERVER) == '{\n    "go.toolsManagement.autoUpdate": false\n}\n'


def test_every_server_that_is_here_gets_it(machine: Machine) -> None:
    machine.directory(f"{HOME}/.vscode-server")
    machine.directory(f"{HOME}/.cursor-server")
    machine.directory(f"{HOME}/.local/share/code-server")
    apply(machine, {"machine:a": 1})
    files = (SERVER, CURSOR, f"{HOME}/.local/share/code-server/Machine/settings.json")
    assert [machine.text(file).count('"a": 1') for file in files] == [1, 1, 1]
    assert f"{HOME}/.vscode-server-insiders" not in machine.nodes


def test_comments_and_other_settings_stay_as_they_are(machine: Machine) -> None:
    machine.file(SERVER, DIRTY)
    assert apply(machine, {"machine:go.goroot": "/new"}) == [State.CHANGE]
    assert machine.text(SERVER) == DIRTY.replace("/old", "/new")


def test_what_already_says_so_is_not_touched(machine: Machine) -> None:
    machine.file(SERVER, '{"go": {"goroot": "/x"}, "n": 1.0, "o": {"b": 2, "a": [true]}}')
    items = {"machine:go.goroot": "/x", "machine:n": 1, "machine:o": {"a": [True], "b": 2.0}, "machine:gone": ABSENT}
    plan = machine.plan({ALICE: [settings(items)]})
    assert {item.state for item in plan.items} == {State.IN_SYNC} and plan.changes == ()


def test_true_is_not_one_and_null_is_a_value(machine: Machine) -> None:
    machine.file(SERVER, '{"a": 1, "b": null}')
    plan = machine.plan({ALICE: [settings({"machine:a": True, "machine:b": None})]})
    assert [item.state for item in plan.items] == [State.CHANGE, State.IN_SYNC]


def test_servers_that_disagree_are_brought_together(machine: Machine) -> None:
    machine.file(SERVER, '{"a": 1}')
    machine.file(CURSOR, '{"a": 2}')
    plan = machine.plan({ALICE: [settings({"machine:a": 1})]})
    (item,) = plan.items
    assert (item.state, item.notes) == (State.CHANGE, ("the servers disagree",))
    assert item.before == {"value": {"~/.vscode-server": 1, "~/.cursor-server": 2}}
    assert [change.thing for change in plan.changes] == [CURSOR]
    assert machine.apply(plan) == {} and machine.text(CURSOR) == '{"a": 1}'


def test_an_absent_setting_goes_in_every_form(machine: Machine) -> None:
    machine.file(SERVER, '{"go.goroot": "/a", "go": {"goroot": "/b"}}')
    assert apply(machine, {"machine:go.goroot": ABSENT}) == [State.REMOVE]
    assert "goroot" not in machine.text(SERVER)


def test_a_file_that_vs_code_flags_is_not_written(machine: Machine) -> None:
    machine.file(SERVER, '{\n  "a": 1\n  "b": 2\n}\n')
    (item,) = machine.plan({ALICE: [settings({"machine:a": 2})]}).items
    assert item.state is State.BLOCKED
    assert str(item.why).startswith("~/.vscode-server/data/Machine/settings.json:3:3: ")


def test_a_setting_that_something_else_hides_is_not_forced(machine: Machine) -> None:
    machine.file(SERVER, '{"go": "x"}')
    (item,) = machine.plan({ALICE: [settings({"machine:go.goroot": "/x"})]}).items
    assert item.state is State.BLOCKED and "go" in str(item.why)


def test_a_setting_and_a_part_of_it_contradict_each_other(machine: Machine) -> None:
    with pytest.raises(DocumentError) as error:
        machine.plan({ALICE: [settings({"machine:gopls": {"a": 1}, "machine:gopls.b": 2})]})
    assert "cannot hold what" in error.value.problems[0].what


def test_a_link_into_a_dotfiles_repo_is_followed(machine: Machine) -> None:
    machine.file(f"{HOME}/dotfiles/settings.json", "{}\n")
    machine.directory(f"{HOME}/.vscode-server/data/Machine")
    machine.link(SERVER, f"{HOME}/dotfiles/settings.json")
    apply(machine, {"machine:a": 1})
    assert '"a": 1' in machine.text(f"{HOME}/dotfiles/settings.json")


def test_a_workspace_that_is_not_here_is_not_applicable(machine: Machine) -> None:
    (item,) = machine.plan({ALICE: [settings({"workspaces:~/src/my.app:go.buildTags": "x"})]}).items
    assert item.state is State.NOT_APPLICABLE
    assert item.why == "the directory ~/src/my.app is not there and nobody declares it"
    machine.directory(f"{HOME}/src/my.app")
    assert apply(machine, {"workspaces:~/src/my.app:go.buildTags": "x"}) == [State.ADD]
    assert machine.text(f"{HOME}/src/my.app/.vscode/settings.json") == '{\n    "go.buildTags": "x"\n}\n'


def test_a_workspace_that_the_same_plan_makes_is_there(machine: Machine, reading: Reading) -> None:
    desired = reading(
        "user:\n  directories: [~/src/app]\n  vscode_settings:\n    workspaces: {~/src/app: {go.buildTags: x}}\n"
    )
    assert machine.apply(machine.plan({ALICE: assemble(desired[ALICE])})) == {}
    assert f"{HOME}/src/app/.vscode/settings.json" in machine.nodes


def test_settings_of_several_ranks_merge_as_objects(machine: Machine, reading: Reading) -> None:
    desired = reading(
        "user: {vscode_settings: {machine: {gopls: {a: 1, b: 2}, x: true}}}\n"
        "overlays:\n  - where: {user: alice}\n    user: {vscode_settings: {machine: {gopls: {b: 3}, x: {unmanaged: true}}}}\n"
    )
    items = desired[ALICE].kinds["vscode_settings"].items
    assert items["machine:gopls"] == {"a": 1, "b": 3}
    apply(machine, dict(items))
    assert '"x"' not in machine.text(SERVER)


def test_settings_that_name_a_program_are_a_risk(machine: Machine) -> None:
    kind = settings({})
    named = ("go.alternateTools", "terminal.integrated.profiles.linux", "python.defaultInterpreterPath", "go.goroot")
    unasked = (
        "chat.tools.terminal.autoApprove",
        "chat.hookFilesLocations",
        "typescript.tsdk",
        "launch",
        "mcp",
        "eslint.runtime",
    )
    for name in (*named, *unasked):
        assert kind.want(f"machine:{name}", "x").risks == {Risk.RUNS_CODE_LATER}
    in_a_language = {"editor.tabSize": 4, "go.alternateTools": {"go": "/x"}}
    assert kind.want("machine:[go]", in_a_language).risks == {Risk.RUNS_CODE_LATER}
    assert kind.want("machine:[go]", {"editor.tabSize": 4}).risks == frozenset()
    assert kind.want("machine:http.proxyStrictSSL", False).risks == {Risk.GRANTS_RIGHTS}
    assert kind.want("machine:http.proxyStrictSSL", True).risks == frozenset()
    harmless = ("editor.tabSize", "files.eol", "go.toolsManagement.autoUpdate")
    assert all(not kind.want(f"machine:{name}", "x").risks for name in harmless)


def remarks(machine: Machine, items: dict[str, object]) -> list[str]:
    kind = settings(items)
    return list(kind.remarks(machine.sheet(kind.wanted_facts(), "alice")))


def test_a_setting_that_vs_code_passes_over_where_it_stands_is_told_of(machine: Machine) -> None:
    app = "workspaces:~/app:"
    assert remarks(
        machine, {"machine:telemetry.telemetryLevel": "off", f"{app}git.path": "/g", f"{app}update.mode": 1}
    ) == [
        "telemetry.telemetryLevel has no effect in the settings of the machine: "
        "VS Code takes it from the user's own settings only",
        "git.path has no effect in ~/app: VS Code takes it from the machine's settings only",
        "update.mode has no effect in ~/app: VS Code takes it from the user's own settings only",
    ]
    taken = {"machine:git.path": "/g", "machine:a": 1, f"{app}a": 1, "machine:telemetry.feedback.enabled": False}
    assert remarks(machine, {**taken, "machine:update.mode": ABSENT, f"{app}update.mode": UNMANAGED}) == []


def test_on_wsl_the_proxy_of_the_machine_counts_only_where_windows_does_not(machine: Machine) -> None:
    proxy: dict[str, object] = {"machine:http.proxy": "http://proxy:3128"}
    machine.life = replace(machine.life, wsl=False)
    assert remarks(machine, proxy) == []
    assert "machine's settings only" in remarks(machine, {"workspaces:~/app:http.proxy": "x"})[0]
    machine.life = replace(machine.life, wsl=True)
    own = "machine:http.useLocalProxyConfiguration"
    for items in (proxy, {**proxy, own: ABSENT}, {**proxy, own: True}):
        assert "unless http.useLocalProxyConfiguration is false on the machine" in remarks(machine, items)[0]
    assert remarks(machine, {**proxy, own: False}) == []
    machine.file(SERVER, '{"http": {"useLocalProxyConfiguration": false}}')
    assert remarks(machine, proxy) == []
    assert remarks(machine, {**proxy, own: ABSENT}) != []


def test_a_secret_is_refused_however_deep_it_stands(reading: Reading) -> None:
    with pytest.raises(DocumentError) as error:
        reading('secrets: {t: {}}\nuser: {vscode_settings: {machine: {a: {b: ["{{ secrets.t }}"]}}}}\n')
    assert "a would hold a secret" in error.value.problems[0].what


def test_without_items_it_sees_what_the_first_server_has(machine: Machine) -> None:
    machine.file(SERVER, DIRTY)
    empty = settings({})
    seen = empty.observe(machine.sheet(empty.wanted_facts(), "alice"))
    assert {name: dict(item.fields) for name, item in seen.items()} == {  # type: ignore[union-attr]
        "machine:editor.tabSize": {"value": 3},
        "machine:go.goroot": {"value": "/old"},
    }
