"""The tracer itself, on small shell scripts: what it counts, and that a fault falls where it says."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from faults.sweep_fixtures import why_untraced
from faults.tracer import FailAt, Fault, HoldUp, KillAt, Trace, run

pytestmark = pytest.mark.skipif(why_untraced() is not None, reason=f"processes cannot be traced: {why_untraced()}")

STEPS = "echo one >a; (cat a | cat >>b); mv a c; mkdir d; ln -s c l; sync c; echo said"


def traced(folder: Path, script: str, fault: Fault | None = None, **how: float) -> Trace:
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
    return run(["/bin/sh", "-c", script], b"given\n", environment, folder, [folder], fault, **how)


def is_alive(note: Path) -> bool:
    return Path(f"/proc/{note.read_text().strip()}").exists()


def names(folder: Path) -> str:
    return " ".join(sorted(place.name for place in folder.iterdir()))


def test_changes_of_all_processes_are_counted_in_order_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    found = traced(tmp_path / "in", f"{STEPS} >&2; cat; echo more; cat c; echo outside >../out; exit 3")
    assert [
        f"{call.name.removesuffix('2').removesuffix('at')} {Path(call.paths[-1]).name}" for call in found.calls
    ] == [
        *("open a", "write a", "open b", "write b", "rename c", "mkdir d", "symlink l", "fsync c"),
    ]
    assert (found.code, found.stdout, found.stderr) == (3, b"given\nmore\none\n", b"said\n")


def test_a_kill_falls_before_the_call_and_takes_every_process(tmp_path: Path) -> None:
    left = []
    for number in range(1, 10):
        folder = tmp_path / str(number)
        folder.mkdir()
        found = traced(folder, f"sleep 600 & echo $! >../pid; {STEPS}; kill -9 $!; wait", KillAt(number))
        left.append(names(folder))
        assert not is_alive(tmp_path / "pid")
        assert (found.code, found.count) == ((-9, number) if number < 9 else (0, 8))
        if number == 4:
            assert (folder / "b").read_bytes() == b""
    assert left == ["", "a", "a", "a b", "a b", "b c", "b c d", "b c d l", "b c d l"]


@pytest.mark.parametrize(("forever", "left"), [(False, "b c l"), (True, "b c")], ids=["once", "from there on"])
def test_a_failure_comes_to_the_program_as_if_from_the_kernel(forever: bool, left: str, tmp_path: Path) -> None:
    found = traced(tmp_path, STEPS, FailAt(6, errno.EDQUOT, forever))
    assert names(tmp_path) == left
    assert f"mkdir: cannot create directory 'd': {os.strerror(errno.EDQUOT)}".encode() in found.stderr
    assert (b"symbolic link" in found.stderr) is forever
    assert found.code == 0


def test_a_program_that_does_not_end_is_ended(tmp_path: Path) -> None:
    found = traced(tmp_path, "echo $$ >pid; exec sleep 600", seconds=0.3)
    assert (found.hung, found.code) == (True, -9)
    assert not is_alive(tmp_path / "pid")


def test_calls_on_one_path_are_held_up_and_the_first_is_told_of_before_it_is_made(tmp_path: Path) -> None:
    read, tell = os.pipe()
    found = traced(tmp_path, STEPS, HoldUp(str(tmp_path / "c"), 0.0, tell))
    os.close(tell)
    with os.fdopen(read, "rb") as pipe:
        assert pipe.read() == b"."
    assert (found.code, names(tmp_path)) == (0, "b c d l")
