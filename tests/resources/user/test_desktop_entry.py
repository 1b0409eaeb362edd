"""Entries in the menus of a desktop."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reconciler.model.address import Layer, Target
from reconciler.model.errors import DocumentError
from reconciler.model.facts import PathType
from reconciler.model.plan import ItemPlan, Plan
from reconciler.model.states import Effect, Risk, State
from reconciler.model.values import ABSENT
from reconciler.resources.assemble import assemble
from reconciler.resources.user.desktop_entry import DesktopEntries, DesktopEntry

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine
    from tests.resources.conftest import Reading

ALICE = Target("lt", "main", "alice")
FOLDER = "/home/alice/.local/share/applications"
PATH = f"{FOLDER}/code-go.desktop"
CODE = DesktopEntry(name="Code (Go)", exec="/usr/bin/code %F", environment={"GOROOT": "/usr/local/go"})
TEXT = """\
[Desktop Entry]
Type=Application
Name=Code (Go)
Exec=env GOROOT=/usr/local/go /usr/bin/code %F
Terminal=false
"""


def plan(machine: Machine, item: object) -> Plan:
    return machine.plan({ALICE: [DesktopEntries(items={"code-go": item}, options={}, layer=Layer.USER)]})


def only(found: Plan) -> ItemPlan:
    (item,) = found.items
    return item


def test_the_file_is_written_and_then_in_sync(machine: Machine) -> None:
    assert machine.apply(plan(machine, CODE)) == {}
    assert machine.text(PATH) == TEXT
    assert machine.nodes[PATH].mode == 0o644
    found = plan(machine, CODE)
    assert (found.changes, only(found).state) == ((), State.IN_SYNC)


def test_a_line_more_in_the_file_is_a_difference(machine: Machine) -> None:
    machine.file(PATH, TEXT + "Hidden=true\n")
    assert only(plan(machine, CODE)).state is State.CHANGE
    machine.apply(plan(machine, CODE))
    assert machine.text(PATH) == TEXT


def test_an_absent_one_goes_and_nothing_else_does(machine: Machine) -> None:
    machine.file(PATH, TEXT)
    machine.file(f"{FOLDER}/other.desktop", TEXT)
    found = plan(machine, ABSENT)
    assert only(found).risks == {Risk.DELETES}
    machine.apply(found)
    assert PATH not in machine.nodes and f"{FOLDER}/other.desktop" in machine.nodes
    assert only(plan(machine, ABSENT)).state is State.IN_SYNC


@pytest.mark.parametrize("item", [CODE, ABSENT])
def test_a_link_is_not_written_through_nor_removed(machine: Machine, item: object) -> None:
    machine.file("/home/alice/dotfiles/code.desktop", "mine")
    machine.link(PATH, "/home/alice/dotfiles/code.desktop")
    assert only(plan(machine, item)).state is State.BLOCKED


def test_a_directory_in_its_place_blocks(machine: Machine) -> None:
    machine.odd(PATH, PathType.DIRECTORY)
    assert only(plan(machine, CODE)).state is State.BLOCKED


def test_it_starts_a_program_later_and_says_so(machine: Machine) -> None:
    item = only(plan(machine, CODE))
    assert (item.risks, item.effect) == ({Risk.RUNS_CODE_LATER}, Effect.NOW)


def test_the_cache_of_types_is_made_anew_where_there_is_one(machine: Machine) -> None:
    opener = DesktopEntry(name="Code", exec="code %F", mime_types=("text/x-go",))
    machine.apply(plan(machine, opener))
    assert machine.ran == []
    machine.programs["update-desktop-database"] = "/usr/bin/update-desktop-database"
    machine.file(PATH, TEXT)
    machine.apply(plan(machine, opener))
    machine.file(PATH, "")
    machine.apply(plan(machine, CODE))
    assert machine.ran == [("update-desktop-database", FOLDER)]


# ---- in documents


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ('{name: Code, exec: "code ~/x"}', "exec: no shell reads it, so ~ is no home"),
        ('{name: "a\\nb", exec: code}', "name holds a line end"),
        ('{name: Code, exec: code, environment: {A: "x\\ny"}}', "environment.A holds a line end"),
        ('{name: Code, exec: code, categories: ["a;b"]}', "a category such as Development"),
        ("{name: Code, exec: code, environment: {1A: x}}", "1A"),
        ("{name: Code}", "code-go lacks exec"),
        (
            '{name: Code, exec: code, environment: {TOKEN: "{{ secrets.proxy_password }}"}}',
            "environment.TOKEN would hold a secret",
        ),
        ('{name: Code, exec: "code {{ secrets.proxy_password }}"}', "exec would hold a secret"),
    ],
)
def test_what_cannot_be_said_is_refused_in_the_document(reading: Reading, fields: str, what: str) -> None:
    document = f"secrets: {{proxy_password: {{}}}}\nuser:\n  desktop_entry:\n    code-go: {fields}\n"
    with pytest.raises(DocumentError) as error:
        reading(document)
    assert what in "; ".join(problem.what for problem in error.value.problems)


def test_one_variable_may_be_withdrawn(reading: Reading) -> None:
    text = "user: {desktop_entry: {code-go: {name: Code, exec: code, environment: {A: '1', B: {unmanaged: true}}}}}\n"
    (kind,) = assemble(reading(text)[ALICE])
    item = kind.items["code-go"]
    assert isinstance(item, DesktopEntry)
    assert item.environment == {"A": "1"}


def test_freedesktops_validator_takes_the_example(tmp_path: Path, reading: Reading) -> None:
    validator = shutil.which("desktop-file-validate")
    if validator is None:
        pytest.skip("desktop-file-validate (desktop-file-utils) is not installed")
    example = Path(__file__).resolve().parents[3] / "examples/kinds/desktop_entry.yaml"
    (kind,) = assemble(reading(file=example)[ALICE])
    item = kind.items["code-go"]
    assert isinstance(item, DesktopEntry)
    path = tmp_path / "code-go.desktop"
    path.write_text(item.text(), encoding="utf-8")
    done = subprocess.run([validator, "--warn-kde", str(path)], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
