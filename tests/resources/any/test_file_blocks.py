"""Blocks of `files` in files of others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reconciler.model.address import Layer, Target
from reconciler.model.errors import DocumentError
from reconciler.model.states import Risk, State
from reconciler.model.values import ABSENT
from reconciler.resources.any.files import File, Files, OwnedFile
from reconciler.resources.assemble import assemble

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine
    from tests.resources.conftest import Reading

ALICE = Target("lt", "main", "alice")
BASHRC = "/home/alice/.bashrc"
ALIAS = File(block="alias ll='ls -l'")
WRITTEN = "# >>> reconcile files >>>\nalias ll='ls -l'\n# <<< reconcile files <<<\n"


def files(item: File) -> Files:
    return Files(items={"~/.bashrc": item}, options={}, layer=Layer.USER)


def states(machine: Machine, item: File) -> list[State]:
    plan = machine.plan({ALICE: [files(item)]})
    assert machine.apply(plan) == {}
    assert machine.plan({ALICE: [files(item)]}).changes == ()
    return [item.state for item in plan.items]


def test_a_block_is_put_into_a_file_that_keeps_everything_else(machine: Machine) -> None:
    machine.file(BASHRC, "x=1\n# no end", mode=0o600)
    assert states(machine, ALIAS) == [State.ADD]
    assert machine.text(BASHRC) == f"x=1\n# no end\n{WRITTEN}"
    assert machine.nodes[BASHRC].mode == 0o600
    assert states(machine, File(block="alias l=ls\n\n")) == [State.CHANGE]
    assert machine.text(BASHRC) == f"x=1\n# no end\n{WRITTEN}".replace("alias ll='ls -l'", "alias l=ls")


@pytest.mark.parametrize("before", ["", "theirs\n", "no end", "dos\r\nlines\r\n", "\udcff\n", "a\n\n\n"])
def test_every_other_byte_stays_also_when_the_block_goes_again(machine: Machine, before: str) -> None:
    end = "\r\n" if "\r\n" in before else "\n"
    kept = before if not before or before.endswith("\n") else before + end
    machine.file(BASHRC, before)
    states(machine, ALIAS)
    assert machine.text(BASHRC) == kept + WRITTEN.replace("\n", end)
    states(machine, File(block=ABSENT))
    assert machine.text(BASHRC) == kept


@pytest.mark.parametrize("block", ["", "\n", "dos\r\nlines\r\n", "$HOME `id` \\ ' \"\n", "grüße", "#\n\n#\n\n"])
@pytest.mark.parametrize("before", ["", "dos\r\n"])
def test_any_text_is_a_block(machine: Machine, block: str, before: str) -> None:
    machine.file(BASHRC, before)
    assert states(machine, File(block=block)) == [State.ADD]


def test_other_languages_have_other_comments(machine: Machine) -> None:
    states(machine, File(block="set number", comment='"'))
    assert machine.text(BASHRC) == '" >>> reconcile files >>>\nset number\n" <<< reconcile files <<<\n'


def test_a_file_that_cannot_be_read_is_unknown(machine: Machine) -> None:
    machine.file("/etc/motd", "x", mode=0o600)
    machine.secretive.add("/etc/motd")
    kind = Files(items={"/etc/motd": OwnedFile(block="x")}, options={}, layer=Layer.DISTRO)
    (found,) = machine.plan({Target("lt", "main"): [kind]}, elevated=False).items
    assert (found.state, found.why) == (State.UNKNOWN, "needs root")


def test_a_file_that_is_not_there_is_made(machine: Machine) -> None:
    assert states(machine, ALIAS) == [State.ADD]
    assert machine.text(BASHRC) == WRITTEN


def test_an_absent_block_goes_and_the_file_stays(machine: Machine) -> None:
    machine.file(BASHRC, f"x=1\n{WRITTEN}")
    assert states(machine, File(block=ABSENT)) == [State.CHANGE]
    assert machine.text(BASHRC) == "x=1\n"
    assert states(machine, File(block=ABSENT)) == [State.IN_SYNC]


def test_without_the_file_an_absent_block_is_in_sync(machine: Machine) -> None:
    assert states(machine, File(block=ABSENT)) == [State.IN_SYNC]
    assert BASHRC not in machine.nodes


def test_a_block_goes_above_the_guard_of_a_bashrc(machine: Machine) -> None:
    machine.file(BASHRC, "case $- in *i*) ;; *) return ;; esac\n" + WRITTEN)
    (item,) = machine.plan({ALICE: [files(File(block="alias ll='ls -l'", position="above_guard"))]}).items
    assert item.state is State.CHANGE and "not interactive" in item.notes[0]
    states(machine, File(block="alias ll='ls -l'", position="above_guard"))
    assert machine.text(BASHRC).startswith(WRITTEN)


def test_changed_markers_block_it_with_their_line(machine: Machine) -> None:
    machine.file(BASHRC, "x\n# >>> reconcile files >>>\n")
    (item,) = machine.plan({ALICE: [files(ALIAS)]}).items
    assert (item.state, item.why) == (State.BLOCKED, "~/.bashrc:2: the block files begins here and does not end")


def test_a_link_is_not_written_through_unless_told(machine: Machine) -> None:
    machine.file("/home/alice/dotfiles/bashrc", "x\n")
    machine.link(BASHRC, "dotfiles/bashrc")
    (item,) = machine.plan({ALICE: [files(ALIAS)]}).items
    assert item.state is State.BLOCKED
    states(machine, File(block="alias ll='ls -l'", follow=True))
    assert machine.text("/home/alice/dotfiles/bashrc") == f"x\n{WRITTEN}"


def test_a_block_shares_its_file_with_the_hooks_of_other_kinds(machine: Machine, reading: Reading) -> None:
    machine.file(BASHRC, "x=1\n")
    desired = reading(
        "user:\n  files: {~/.bashrc: {block: \"alias ll='ls -l'\"}}\n  shell_env: {variables: {EDITOR: vim}}\n"
    )
    plan = machine.plan({ALICE: assemble(desired[ALICE])})
    assert machine.apply(plan) == {}
    text = machine.text(BASHRC)
    assert "reconcile files >>>" in text and "reconcile shell_env >>>" in text
    assert len([change for change in plan.changes if change.thing == BASHRC]) == 1


def test_a_block_in_a_start_up_file_is_a_risk() -> None:
    assert files(ALIAS).want("~/.bashrc", ALIAS).risks == {Risk.RUNS_CODE_LATER}


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("{block: x, content: y}", "has content and block; one file has one content"),
        ("{block: x, mode: '0600'}", "has mode with block"),
        ("{content: x, position: start}", "has position without block"),
        ("{block: '# >>> reconcile a >>>'}", "holds a marker of blocks"),
        ("{block: '{{ secrets.t }}'}", "would hold a secret"),
        ("{block: x, position: top}", "end, start or above_guard"),
    ],
)
def test_what_does_not_go_together_is_refused(reading: Reading, body: str, what: str) -> None:
    with pytest.raises(DocumentError) as error:
        reading(f"secrets: {{t: {{}}}}\nuser: {{files: {{~/.bashrc: {body}}}}}\n")
    assert what in str(error.value.problems[0])
