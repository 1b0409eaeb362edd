"""What a run leaves on the machine: its lock, its journal, the bytes before; and what comes of a run that was cut short."""

from __future__ import annotations

import hashlib
import os
import signal
import stat
import struct
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from agents.apply_machine import (
    ALICE,
    DISTRO,
    Machine,
    Shell,
    as_root,
    change,
    in_namespace,
    started,
    statuses,
    with_setpriv,
    with_shim,
)
from reconciler.execution.parts import Batch
from reconciler.model import ledger
from reconciler.model.address import Address, Target
from reconciler.model.ledger import RunRecord
from reconciler.model.outcome import Status
from reconciler.model.tasks import MakeDirectory, MakeLink, Remove, RunCommand


def state_of(machine: Machine) -> Path:
    return machine.at("/var/lib/reconcile")


def journal(machine: Machine) -> tuple[RunRecord, ...]:
    return ledger.read((state_of(machine) / "ledger").read_bytes())


# ---- the journal


def test_the_journal_says_what_was_done_and_keeps_the_bytes_before(machine: Machine) -> None:
    machine.file("/etc/old", b"old\n", 0o644)
    machine.file("/etc/gone", b"gone\n", 0o640)
    machine.at("/etc/link").symlink_to("old")

    found = machine.apply(
        change("old", machine.write("/etc/old", b"new\n")),
        change("new", machine.write("/etc/new", b"new\n")),
        change("gone", Remove(path="/etc/gone", base=machine.base("/etc/gone"))),
        change("link", MakeLink(path="/etc/link", target="new", base=machine.base("/etc/link"))),
        change("folder", MakeDirectory(path="/srv/folder")),
        change("refused", machine.write("/etc/refused", b"x", base=machine.base("/etc/old"))),
    )

    assert {name for name, status in statuses(found).items() if status is not Status.DONE} == {"refused"}
    (run,) = journal(machine)
    assert {each.id: each.is_done for each in run.changes} == {**dict.fromkeys(found, True), "refused": False}
    kept = {place.name: place.read_bytes() for place in (state_of(machine) / "before/1").iterdir()}
    assert kept == {"1": b"old\n", "3": b"gone\n"}
    for place in (state_of(machine) / "ledger", *(state_of(machine) / "before/1").iterdir()):
        assert not stat.S_IMODE(place.stat().st_mode) & 0o077, place


def test_each_run_that_writes_has_the_next_number(one_machine: Machine) -> None:
    for content in (b"1", b"2", b"2"):
        one_machine.apply(change("a", one_machine.write("/etc/a", content)))

    assert [run.generation for run in journal(one_machine)] == [1, 2], "the third had nothing to do"
    assert (state_of(one_machine) / "before/2/1").read_bytes() == b"1"


def test_bytes_that_hold_a_secret_of_ours_are_not_kept(one_machine: Machine) -> None:
    one_machine.apply(change("a", one_machine.write("/etc/a", b"hunter1", secrets=frozenset({"password"}))))
    again = change("a", one_machine.write("/etc/a", b"hunter2", secrets=frozenset({"password"})))

    found = one_machine.apply_batches(Batch(target=DISTRO, changes=(again,), journal=journal(one_machine)))

    assert statuses(found) == {"a": Status.DONE}
    assert not any(b"hunter1" in place.read_bytes() for place in one_machine.root.rglob("*") if place.is_file())


def test_of_bytes_that_hold_a_secret_the_ledger_says_the_hash_and_that_they_were_not_kept(one_machine: Machine) -> None:
    one_machine.file("/etc/a", b"hunter1")
    found = one_machine.apply(
        replace(change("a", one_machine.write("/etc/a", b"b")), unkept={"/etc/a": frozenset({"password"})})
    )

    assert statuses(found) == {"a": Status.DONE}
    ((record,),) = [each.paths for each in journal(one_machine)[0].changes]
    assert (record.kept, record.before.digest) == (False, hashlib.sha256(b"hunter1").hexdigest())
    assert not list((state_of(one_machine) / "before/1").iterdir())


@pytest.mark.skipif(not hasattr(os, "setxattr"), reason="needs access lists")
def test_the_journal_is_its_owner_s_alone_whatever_the_folder_above_says(machine: Machine) -> None:
    """A default access list counts in place of the umask, and a copy of a program is not to be run."""
    above = state_of(machine).parent
    try:
        os.setxattr(above, "system.posix_acl_default", readable_by_all())
    except OSError:
        pytest.skip("the file system has no access lists")
    machine.file("/etc/a", b"old\n", 0o4755)

    for content in (b"new\n", b"newer\n"):
        machine.apply(change("a", machine.write("/etc/a", content)))

    places = (state_of(machine) / "ledger", *(state_of(machine) / "before").glob("*/*"))
    assert [(place.name, oct(stat.S_IMODE(place.stat().st_mode))) for place in places] == [
        ("ledger", "0o600"), ("1", "0o600"), ("1", "0o600")
    ]  # fmt: skip


def readable_by_all() -> bytes:
    """An access list by which everybody may read everything."""
    nobody, entries = 0xFFFFFFFF, ((0x01, 7), (0x04, 5), (0x20, 5))
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", tag, rights, nobody) for tag, rights in entries)


def test_without_a_journal_nothing_is_written(one_machine: Machine) -> None:
    ledger_path = state_of(one_machine) / "ledger"
    ledger_path.mkdir(parents=True)
    state_of(one_machine).chmod(0o711)

    found = one_machine.apply(change("a", one_machine.write("/etc/a", b"x")), change("d", MakeDirectory(path="/srv/d")))

    assert {outcome.status for outcome in found.values()} == {Status.FAILED}
    assert all("the journal cannot be written" in outcome.message for outcome in found.values()), found
    assert not one_machine.at("/etc/a").exists() and not one_machine.at("/srv/d").exists()


def test_without_a_journal_what_was_to_be_forgotten_only_is_told_of(one_machine: Machine) -> None:
    (state_of(one_machine) / "ledger").mkdir(parents=True)
    state_of(one_machine).chmod(0o711)

    told = one_machine.applied(Batch(target=DISTRO, released=(Address(DISTRO, "files", "/etc/a"),)))

    assert told.notes == ("the journal cannot be written: its ledger is no file",)


# ---- the lock


def slow(machine: Machine, folder: Path) -> None:
    """The machine's `sync` waits until the gate opens, for at most half a minute."""
    wait = (
        f"echo >{folder}/held; n=0; while [ ! -e {folder}/open ] && [ $n -lt 600 ]; do sleep 0.05; n=$((n + 1)); done"
    )
    with_shim(machine, folder / "shims", "sync", f'{wait}; real "$@"')


def open_gate(folder: Path) -> None:
    (folder / "open").touch()


@dataclass
class Held:
    machine: Machine
    process: subprocess.Popen[bytes]
    folder: Path

    def wait(self) -> None:
        deadline = time.monotonic() + 20
        while not (self.folder / "held").exists():
            assert time.monotonic() < deadline, "it never got so far"
            time.sleep(0.01)


@pytest.fixture(params=["flock", "no flock"])
def held(request: pytest.FixtureRequest, one_machine: Machine, tmp_path: Path, applets: Path) -> Iterator[Held]:
    """A machine at which a run is at work that does not get on."""
    if request.param == "no flock":
        one_machine.shell = Shell(one_machine.shell.argv, str(applets))
        assert not (applets / "flock").exists()
    slow(one_machine, tmp_path)
    process, _ = started(one_machine, Batch(target=DISTRO, changes=(change("a", one_machine.write("/etc/a", b"A")),)))
    held = Held(one_machine, process, tmp_path)
    held.wait()
    yield held
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(20)


def test_a_second_run_is_told_who_is_at_work(held: Held) -> None:
    found = held.machine.apply(change("b", held.machine.write("/etc/b", b"B")))

    assert found["b"].status is Status.REFUSED
    assert found["b"].message.startswith("another run is at work here: process ")
    assert "somebody since an unknown time" in found["b"].message
    assert not held.machine.at("/etc/b").exists()


def test_the_lock_is_free_when_its_holder_is_dead(held: Held) -> None:
    held.process.kill()
    held.process.wait(20)
    open_gate(held.folder)  # what it had started and still writes holds it too
    time.sleep(0.5)
    held.machine.shell = Shell(held.machine.shell.argv, held.machine.shell.path.partition(":")[2])

    found = held.machine.apply(change("b", held.machine.write("/etc/b", b"B")))

    assert statuses(found) == {"b": Status.DONE}, found
    assert not list(state_of(held.machine).glob("lock.*"))


@pytest.mark.parametrize(
    ("holder", "is_busy"),
    [
        ("{boot} {space} 999999999 5", False),
        ("{boot} {space} 1 1", False),
        ("another-boot {space} 1 1", False),
        ("{boot} pid:[1] 1 1", True),
        ("", False),
    ],
)
def test_a_lock_folder_is_taken_over_only_from_the_dead(
    holder: str, is_busy: bool, one_machine: Machine, applets: Path
) -> None:
    one_machine.shell = Shell(one_machine.shell.argv, str(applets))
    lock = state_of(one_machine) / "lock.d"
    lock.mkdir(parents=True)
    state_of(one_machine).chmod(0o711)
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    space = str(Path("/proc/self/ns/pid").readlink())
    (lock / "holder").write_text(f"process 7, zoe\n{holder.format(boot=boot, space=space)}\n")

    found = one_machine.apply(change("b", one_machine.write("/etc/b", b"B")))

    if is_busy:
        assert found["b"].status is Status.REFUSED
        assert "process 7, zoe, in another container; if it is gone:  rm -r " in found["b"].message
    else:
        assert statuses(found) == {"b": Status.DONE}, found
    assert lock.exists() == is_busy


def test_a_lock_folder_of_a_zombie_is_taken_over(one_machine: Machine, applets: Path) -> None:
    """Nobody collects the dead where the parent hangs."""
    one_machine.shell = Shell(one_machine.shell.argv, str(applets))
    dead = subprocess.Popen(["/bin/sleep", "60"])
    dead.kill()
    os.waitid(os.P_PID, dead.pid, os.WEXITED | os.WNOWAIT)
    fields = Path(f"/proc/{dead.pid}/stat").read_text().rpartition(")")[2].split()
    assert fields[0] == "Z"
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    space = str(Path("/proc/self/ns/pid").readlink())
    lock = state_of(one_machine) / "lock.d"
    lock.mkdir(parents=True)
    state_of(one_machine).chmod(0o711)
    (lock / "holder").write_text(f"process 7, zoe\n{boot} {space} {dead.pid} {fields[19]}\n")

    found = one_machine.apply(change("b", one_machine.write("/etc/b", b"B")))

    dead.wait()
    assert statuses(found) == {"b": Status.DONE}, found


def test_programs_do_not_hold_the_lock(one_live_machine: Machine) -> None:
    daemon = RunCommand(argv=("sh", "-c", "sleep 60 >/dev/null 2>&1 & echo $! >/home/pid"))
    assert statuses(one_live_machine.apply(change("daemon", daemon))) == {"daemon": Status.DONE}

    found = one_live_machine.apply(change("b", one_live_machine.write("/home/b", b"B")))

    os.kill(int(one_live_machine.at("/home/pid").read_text()), signal.SIGKILL)
    assert statuses(found) == {"b": Status.DONE}, found


# ---- the switch


@pytest.mark.parametrize("exchanger", ["perl", "none"])
def test_an_edit_in_the_moment_of_the_switch_stays_and_the_change_is_refused(
    exchanger: str, one_machine: Machine, tmp_path: Path
) -> None:
    """The editor comes when all has been judged: right before the switch."""
    machine = one_machine
    machine.file("/etc/a", b"old\n")
    edit = 'case $last in */etc/a) printf "theirs\\n" >"$last.tmp"; mv "$last.tmp" "$last" ;; esac'
    if exchanger == "perl":
        with_shim(machine, tmp_path / "shims", "perl", f'{edit}; real "$@"')
    else:
        with_shim(machine, tmp_path / "shims", "perl", "exit 1")  # and coreutils 9.1 has none
        place = machine.at("/etc/a")  # the edit comes before the second name: after it, one by rename is not seen
        edit = f"case $last in *.old) echo theirs >{place}.tmp; mv {place}.tmp {place} ;; esac"
        with_shim(machine, tmp_path / "shims", "ln", f'{edit}; real "$@"')

    found = machine.apply(change("a", machine.write("/etc/a", b"ours\n")))

    assert found["a"].status is Status.REFUSED
    assert found["a"].message == "moved since the plan: /etc/a (it was changed at the same moment)"
    assert machine.at("/etc/a").read_bytes() == b"theirs\n"
    assert machine.leftovers() == []


def test_an_edit_of_a_file_that_is_removed_at_the_same_moment_comes_back(one_machine: Machine, tmp_path: Path) -> None:
    machine = one_machine
    machine.file("/etc/a", b"old\n")
    edit = f"case $last in *.old) echo theirs >{machine.at('/etc/a')} ;; esac"
    with_shim(machine, tmp_path / "shims", "mv", f'{edit}; real "$@"')

    found = machine.apply(change("a", Remove(path="/etc/a", base=machine.base("/etc/a"))))

    assert found["a"].status is Status.REFUSED
    assert machine.at("/etc/a").read_bytes() == b"theirs\n"
    assert machine.leftovers() == []


def test_a_file_that_came_in_the_moment_of_the_switch_stays(one_machine: Machine, tmp_path: Path) -> None:
    machine = one_machine
    with_shim(machine, tmp_path / "shims", "ln", 'case $last in */etc/a) echo theirs >"$last" ;; esac; real "$@"')

    found = machine.apply(change("a", machine.write("/etc/a", b"ours\n")))

    assert found["a"].status is Status.REFUSED
    assert machine.at("/etc/a").read_bytes() == b"theirs\n"
    assert machine.leftovers() == []


def test_what_is_written_to_the_old_file_while_it_comes_out_is_kept(one_machine: Machine, tmp_path: Path) -> None:
    """By somebody who had it open: the bytes end up in a file that has no name but ours."""
    machine = one_machine
    machine.file("/etc/a", b"old\n")
    machine.file("/etc/b", b"old\n")
    late = f'case $last in */etc/b) for old in {machine.at("/etc")}/.reconcile.*.1; do echo late >>"$old"; done ;; esac'
    with_shim(machine, tmp_path / "shims", "perl", f'{late}; real "$@"')

    planned = (change("a", machine.write("/etc/a", b"ours\n")), change("b", machine.write("/etc/b", b"ours\n")))
    told = machine.applied(Batch(target=DISTRO, changes=planned))

    assert statuses(told.outcomes) == {"a": Status.DONE, "b": Status.DONE}
    assert told.notes == ("an edit of /etc/a is kept in /var/lib/reconcile/conflict/1.1",)
    assert (state_of(machine) / "conflict/1.1").read_bytes() == b"old\nlate\n"


# ---- what was cut short


def kill_of(machine: Machine) -> str:
    """What a shim says to kill the run, whose process its stage is named after."""
    return f'for run in {state_of(machine)}/stage.*; do run=${{run##*/stage.}}; kill -9 "${{run%%.*}}"; done; exit 1'


def killed_at(machine: Machine, folder: Path, tool: str, pattern: str, *changes: object) -> None:
    """A run whose shell is killed by the first call of a tool whose words fit."""
    shell = machine.shell
    with_shim(machine, folder, tool, f'case "$*" in {pattern}) {kill_of(machine)} ;; esac; real "$@"')
    machine.apply(*changes)  # type: ignore[arg-type]
    machine.shell = shell


@pytest.mark.parametrize(
    ("tool", "pattern"),
    [("cp", "*before*"), ("sync", "*switch*"), ("perl", "*etc/a"), ("rm", "*.reconcile.*"), ("sync", "*/etc/*")],
)
def test_the_next_run_clears_up_after_one_that_was_killed(
    tool: str, pattern: str, one_machine: Machine, tmp_path: Path
) -> None:
    machine = one_machine
    machine.file("/etc/a", b"old\n")
    killed_at(machine, tmp_path / "shims", tool, pattern, change("a", machine.write("/etc/a", b"new\n")))
    assert machine.leftovers(), "the kill came too early or too late"

    told = machine.applied(Batch(target=DISTRO, changes=(change("a", machine.write("/etc/a", b"new\n")),)))

    assert statuses(told.outcomes) == {"a": Status.DONE}
    assert machine.at("/etc/a").read_bytes() == b"new\n"
    assert machine.leftovers() == []
    (note,) = told.notes
    assert note.startswith("the run with the number 1 was interrupted")
    assert journal(machine)[0].recovered


def test_an_edit_that_came_out_before_the_kill_is_kept(one_machine: Machine, tmp_path: Path) -> None:
    machine = one_machine
    machine.file("/etc/a", b"old\n")
    kill = kill_of(machine)
    script = f'case $last in */etc/a) echo theirs >"$last"; real "$@"; {kill} ;; esac; real "$@"'
    shell = machine.shell
    with_shim(machine, tmp_path / "shims", "perl", script)
    machine.apply(change("a", machine.write("/etc/a", b"new\n")))
    machine.shell = shell

    told = machine.applied(Batch(target=DISTRO, changes=(change("b", machine.write("/etc/b", b"new\n")),)))

    assert (state_of(machine) / "conflict/1.1").read_bytes() == b"theirs\n"
    assert "an edit of /etc/a is kept in /var/lib/reconcile/conflict/1.1" in told.notes[0]
    assert machine.leftovers() == []


@as_root
def test_a_file_that_was_written_in_place_is_finished(one_machine: Machine, tmp_path: Path) -> None:
    machine = one_machine
    machine.file("/etc/a", b"old old old\n")
    machine.wrap = in_namespace('mount --bind "$1" "$1"', machine.at("/etc/a"))
    script = f'case $1:$2 in --:*.reconcile.*) printf new; {kill_of(machine)} ;; esac; real "$@"'
    shell = machine.shell
    with_shim(machine, tmp_path / "shims", "cat", script)
    machine.apply(change("a", machine.write("/etc/a", b"new new new\n")))
    machine.shell = shell
    assert machine.at("/etc/a").read_bytes() == b"new"

    machine.apply(change("b", machine.write("/etc/b", b"new\n")))

    assert machine.at("/etc/a").read_bytes() == b"new new new\n"
    assert machine.leftovers() == []


@as_root
def test_a_user_s_part_has_a_journal_of_its_own(machine: Machine, tmp_path: Path) -> None:
    machine.shell = with_setpriv(machine.shell, tmp_path)
    machine.file("/home/alice/.profile", b"old", 0o640, owner=ALICE)
    hers = change("profile", machine.write("/home/alice/.profile", b"new"))
    machine.apply_batches(
        Batch(target=DISTRO, changes=(change("a", machine.write("/etc/a", b"x")),)),
        Batch(target=Target("lt", "main", "alice"), user="alice", changes=(hers,)),
    )

    state = machine.at("/home/alice/.local/state/reconcile")
    assert (state / "before/1/1").read_bytes() == b"old"
    assert [each.id for run in ledger.read((state / "ledger").read_bytes()) for each in run.changes] == ["profile"]
    assert (state / "ledger").stat().st_uid == ALICE
    assert [each.id for run in journal(machine) for each in run.changes] == ["a"]
