"""What a plan says of how files are replaced on a machine."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.model.address import Target
from reconciler.model.facts import FactSheet, FileState, FileText, Host, PathState, PathType, ProgramPath
from reconciler.model.plan import Change
from reconciler.model.tasks import Base, WriteFile
from reconciler.planning.switches import notes

MAIN = Target("lt", "main")
MOUNTS = """\
22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
23 22 8:1 /etc/real /etc/resolv.conf rw,relatime - ext4 /dev/sda1 rw
24 22 0:40 / /mnt/c rw,noatime - 9p C:\\134 rw
"""


def sheet(exch: str | None = None, perl: str | None = "/usr/bin/perl") -> FactSheet:
    file = FileState(
        state=PathState(path="/proc/self/mountinfo", type=PathType.FILE, mode=0o444, owner="root", group="root"),
        data=MOUNTS.encode(),
    )
    answers = {FileText("/proc/self/mountinfo"): file, ProgramPath("exch"): exch, ProgramPath("perl"): perl}
    return FactSheet(host=Host(user="zoe", uid=0, home="/root"), answers=answers)


def change(path: str, type_: PathType = PathType.FILE) -> Change:
    task = WriteFile(path=path, content=b"x", base=Base(type=type_))
    return Change(id=path, target=MAIN, thing=path, addresses=(), tasks=(task,))


def test_an_ordinary_file_needs_no_word() -> None:
    assert list(notes([change("/etc/hosts")], sheet())) == []


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/etc/resolv.conf", "/etc/resolv.conf is mounted on, so it is written in place: not atomic"),
        ("/mnt/c/Users/zoe/x", "/mnt/c/Users/zoe/x lies on a Windows drive or the like"),
    ],
)
def test_what_is_not_atomic_is_said(path: str, said: str) -> None:
    (note,) = notes([change(path)], sheet())
    assert note.startswith(said) and "not atomic" in note


def test_a_machine_that_cannot_exchange_files_is_told_of_once() -> None:
    (note,) = notes([change("/etc/a"), change("/etc/b")], sheet(perl=None))
    assert "an edit by rename in the very moment of a switch could be lost" in note
    assert list(notes([change("/etc/a")], sheet(exch="/usr/bin/exch", perl=None))) == []


def test_what_is_new_replaces_nothing() -> None:
    assert list(notes([change("/mnt/c/x", PathType.MISSING)], sheet(perl=None))) == []


def test_at_rest_nothing_is_known_of_it() -> None:
    resting = replace(sheet(perl=None), host=Host(user="zoe", uid=0, home="/root", at_rest=True))
    assert list(notes([change("/etc/a")], resting)) == []
