"""Extensions of VS Code servers: what is read, what is told to the server's program, and what its list says afterwards."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reconciler import agents
from reconciler.model.address import Layer, Target
from reconciler.model.errors import DocumentError
from reconciler.model.states import Effect, Risk, State
from reconciler.model.tasks import RunCommand, WriteBlob
from reconciler.model.values import ABSENT
from reconciler.resources.user.vscode_extensions import Extension, VscodeExtensions

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine
    from tests.resources.conftest import Reading

ALICE = Target("lt", "main", "alice")
SERVER = "/home/alice/.vscode-server"
GO = {"identifier": {"id": "golang.go", "uuid": "x"}, "version": "0.52.2", "metadata": {"pinned": True}}


def extensions(items: dict[str, object]) -> VscodeExtensions:
    return VscodeExtensions(items=items, options={}, layer=Layer.USER)


def has(machine: Machine, *rows: object, server: str = SERVER) -> None:
    machine.directory(f"{server}/bin")
    machine.file(f"{server}/extensions/extensions.json", json.dumps(rows))


def told(machine: Machine, items: dict[str, object]) -> list[tuple[str, ...]]:
    """What the programs of the servers are told: action, program, id, version, what."""
    plan = machine.plan({ALICE: [extensions(items)]})
    words = [task.words for change in plan.changes for task in change.tasks if isinstance(task, RunCommand)]
    return [(*word[4:6], *word[7:]) for word in words]


def test_a_pinned_version_is_installed_over_another(machine: Machine) -> None:
    has(machine, {**GO, "version": "0.41.0"})
    assert told(machine, {"golang.go": Extension(version="0.52.2")}) == [
        ("install", SERVER, "golang.go", "0.52.2", "golang.go@0.52.2")
    ]


def test_what_is_there_in_that_version_stays_whatever_its_case(machine: Machine) -> None:
    has(machine, GO)
    items: dict[str, object] = {"GoLang.Go": Extension(version="0.52.2"), "golang.go": Extension(), "no.such": ABSENT}
    plan = machine.plan({ALICE: [extensions(items)]})
    assert {item.state for item in plan.items} == {State.IN_SYNC}


def test_an_absent_one_is_uninstalled(machine: Machine) -> None:
    has(machine, GO)
    assert told(machine, {"golang.go": ABSENT}) == [("uninstall", SERVER, "golang.go", "", "golang.go")]


def test_only_the_servers_that_lack_it_are_told(machine: Machine) -> None:
    has(machine, GO)
    machine.directory("/home/alice/.cursor-server/cli")
    machine.directory("/home/alice/.local/share/code-server")
    machine.programs["code-server"] = "/usr/bin/code-server"
    plan = machine.plan({ALICE: [extensions({"golang.go": Extension()})]})
    assert [item.state for item in plan.items] == [State.CHANGE]
    assert {words[1] for words in told(machine, {"golang.go": Extension()})} == {
        "/home/alice/.cursor-server",
        "/usr/bin/code-server",
    }


def test_code_server_is_told_where_its_own_installer_puts_it(machine: Machine) -> None:
    machine.directory("/home/alice/.local/share/code-server")
    machine.file("/home/alice/.local/lib/code-server-4.139.1/bin/code-server", mode=0o755)
    machine.link("/home/alice/.local/bin/code-server", "../lib/code-server-4.139.1/bin/code-server")
    (words,) = told(machine, {"golang.go": Extension()})
    assert words[1] == "/home/alice/.local/bin/code-server"


def test_data_of_a_code_server_that_is_gone_are_left_alone_and_told_of(machine: Machine) -> None:
    data = "/home/alice/.local/share/code-server"
    has(machine, {**GO, "version": "0.41.0"})
    has(machine, GO, server=data)
    items: dict[str, object] = {"golang.go": Extension(version="0.52.2")}
    assert [words[1] for words in told(machine, items)] == [SERVER]
    (target,) = machine.plan({ALICE: [extensions(items)]}).targets
    assert [note.startswith("~/.local/share/code-server is left alone") for note in target.notes] == [True]


def test_a_vsix_is_sent_by_its_checksum_and_installed_from_there(machine: Machine) -> None:
    machine.directory(f"{SERVER}/bin")
    item = Extension(version="1.4.0", vsix="https://files.example.com/t.vsix", sha256="ab" * 32)
    plan = machine.plan({ALICE: [extensions({"corp.tools": item})]})
    blobs = [task for change in plan.changes for task in change.tasks if isinstance(task, WriteBlob)]
    assert [blob.path for blob in blobs] == ["/home/alice/.cache/reconcile/vsix/corp.tools.vsix"]
    assert blobs[0].content.digest == "ab" * 32
    assert told(machine, {"corp.tools": item})[0][-1] == blobs[0].path
    assert next(change for change in plan.changes if "corp.tools in" in change.thing).needs


def test_before_the_first_connection_nothing_applies(machine: Machine) -> None:
    machine.directory(f"{SERVER}/data")  # settings that wait for it
    (item,) = machine.plan({ALICE: [extensions({"golang.go": Extension()})]}).items
    assert item.state is State.NOT_APPLICABLE and "connect from the editor once" in str(item.why)


def test_an_extension_is_code_that_runs_after_a_reload(machine: Machine) -> None:
    want = extensions({}).want("golang.go", Extension())
    assert (want.risks, want.takes_effect) == ({Risk.RUNS_CODE_LATER}, Effect.EDITOR_RELOAD)


@pytest.mark.parametrize("text", ["", "nonsense", "{}", "[1]", '[{"identifier": {}}]'])
def test_a_list_that_is_none_names_nothing(machine: Machine, text: str) -> None:
    machine.directory(f"{SERVER}/bin")
    machine.file(f"{SERVER}/extensions/extensions.json", text)
    (item,) = machine.plan({ALICE: [extensions({"golang.go": Extension()})]}).items
    assert item.state is State.ADD


def test_at_rest_nothing_is_installed(machine: Machine) -> None:
    has(machine)
    machine.life = replace(machine.life, at_rest=True)
    (item,) = machine.plan({ALICE: [extensions({"golang.go": Extension()})]}).items
    assert item.state is State.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("go: {}", "publisher.name"),
        ("golang.go: {version: latest}", "a version such as 0.52.2"),
        ("corp.tools: {vsix: 'https://x/t.vsix', version: 1.0.0}", "has a VSIX file and no sha256"),
        ("corp.tools: {sha256: " + "ab" * 32 + "}", "has a checksum and no VSIX file"),
    ],
)
def test_what_cannot_be_meant_is_refused(reading: Reading, body: str, what: str) -> None:
    with pytest.raises(DocumentError) as error:
        reading(f"user: {{vscode_extensions: {{{body}}}}}\n")
    assert what in str(error.value.problems[0])


# ---- the script, in real shells, against a stand-in that behaves as VS Code's own program was measured to


SERVER_PROGRAM = """\
#!/usr/bin/env python3
import json, sys
options = dict(zip(sys.argv[1::2], sys.argv[2::2])) if "--force" not in sys.argv else dict(zip(sys.argv[1:-1:2], sys.argv[2:-1:2]))
file = options["--extensions-dir"] + "/extensions.json"
rows = json.load(open(file))
what = options.get("--install-extension") or options["--uninstall-extension"]
name, _, version = what.partition("@")
if name == "not.there":
    print("Extension 'not.there' not found."); sys.exit(1)
if name == "it.lies":
    print("Extension 'it.lies' is already installed."); sys.exit(0)
rows = [row for row in rows if row["identifier"]["id"] != name.lower()]
if "--install-extension" in options:
    rows.append({"identifier": {"id": name.lower()}, "version": version or "1.0.0", "metadata": {"version": "8"}})
json.dump(rows, open(file, "w"))
"""


@pytest.fixture(params=["dash", "bash", "busybox", "mksh"])
def shell(request: pytest.FixtureRequest) -> list[str]:
    found = shutil.which(request.param)
    if not found:
        pytest.skip(f"{request.param} is not installed")
    return [found, "sh"] if request.param == "busybox" else [found]


@pytest.fixture(params=["cli/servers/Stable-abc/server", "bin/abc", "bin/linux-x64/abc"])
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """As VS Code lays it out, for a tunnel and without, and as Cursor does."""
    program = tmp_path / "its server" / request.param / "bin/code-server"
    program.parent.mkdir(parents=True)
    program.write_text(SERVER_PROGRAM)
    program.chmod(0o755)
    (tmp_path / "its server/extensions").mkdir()
    (tmp_path / "its server/extensions/extensions.json").write_text(
        '[{"identifier":{"id":"golang.gox"},"version":"0.52.2"},{"identifier":{"id":"golang.go"},"version":"0.41.0"}]'
    )
    return tmp_path / "its server"


def tried(shell: list[str], server: Path | str, extensions: Path, *words: str) -> tuple[int, str]:
    action, *rest = words
    script = agents.text("vscode_extension.sh")
    argv = [*shell, "-c", script, "vscode_extension", action, str(server), str(extensions), *rest]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120)
    assert done.stdout == ""
    return done.returncode, done.stderr


def versions(extensions: Path) -> dict[str, str]:
    rows = json.loads((extensions / "extensions.json").read_text())
    return {row["identifier"]["id"]: row["version"] for row in rows}


def test_the_script_installs_and_removes_and_believes_the_list(shell: list[str], server: Path) -> None:
    place = server / "extensions"
    assert tried(shell, server, place, "install", "golang.go", "0.52.2", "golang.go@0.52.2") == (0, "")
    assert versions(place)["golang.go"] == "0.52.2"
    assert tried(shell, server, place, "uninstall", "GoLang.Go", "", "GoLang.Go") == (0, "")
    assert versions(place) == {"golang.gox": "0.52.2"}
    code, said = tried(shell, server, place, "install", "it.lies", "2.0.0", "it.lies@2.0.0")
    assert code == 1 and "is already installed" in said and "does not show it" in said
    code, said = tried(shell, server, place, "install", "not.there", "", "not.there")
    assert code == 1 and said == "Extension 'not.there' not found.\n"


def test_a_version_that_only_begins_alike_is_another(shell: list[str], server: Path) -> None:
    (server / "extensions/extensions.json").write_text('[{"identifier":{"id":"it.lies"},"version":"0.5.20"}]')
    assert tried(shell, server, server / "extensions", "install", "it.lies", "0.5.2", "it.lies@0.5.2")[0] == 1


def test_without_a_program_the_script_says_what_to_do(shell: list[str], tmp_path: Path) -> None:
    code, said = tried(shell, tmp_path, tmp_path / "extensions", "install", "a.b", "", "a.b")
    assert code == 1 and "connect to this machine from the editor once" in said
