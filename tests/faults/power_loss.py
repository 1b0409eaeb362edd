"""Two file systems whose disks are files, and what is on them when the power goes.

A write that has not reached the disk is lost with the power: the disks are copied at that moment, and the copies mounted.
ext4 writes a new file's name with its journal, its bytes later: that order is the trap. `noauto_da_alloc` takes away
what ext4 does for programs that forget to sync before they rename; `commit=300` keeps its clock out of it, and an unrelated
file that is synced brings the journal to the disk. What was planned and kept and what was changed lie on two file
systems: on one, any later sync would hide one that is missing. Disks are taken to keep the order of what they were told.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from faults.apart import apart, with_private_mounts
from faults.apply_scenario import build
from faults.sweep import Ground, Ran
from faults.tracer import KillAt
from faults.witness import STATE_FOLDERS, Findings

_OPTIONS: Final = "loop,noauto_da_alloc,commit=300"
_BYTES: Final = 24 * 1024 * 1024
_DISKS: Final = ("changed", "kept")


class Journal(Enum):
    """Of which disks the journal was written when the power went."""

    BOTH = _DISKS
    CHANGED = ("changed",)
    KEPT = ("kept",)
    NEITHER = ()


@dataclass(frozen=True)
class PoweredGround(Ground):
    """Only for a process with private mounts."""

    def fresh(self) -> Path:
        if not self._disk("changed", "before").exists():
            self._furnish()
        self._insert("before")
        return self.root

    def _furnish(self) -> None:
        for disk in _DISKS:
            with self._disk(disk, "before").open("wb") as file:
                file.truncate(_BYTES)
            _run("mkfs.ext4", "-q", "-F", "-m", "0", "-E", "root_owner=0:0", str(self._disk(disk, "before")))
        self._mount("changed", "before")
        (self.root / "lost+found").rmdir()
        build(self.root, self.owner)
        self._mount("kept", "before")
        for number, path in enumerate(STATE_FOLDERS):
            place = self.root / path.lstrip("/")
            place.mkdir(parents=True)
            inside = self.folder / "kept" / str(number)
            inside.mkdir()
            inside.chmod(0o711 if number == 0 else 0o700)
            if number == 1:
                for mine in (inside, place, place.parent, place.parent.parent):
                    shutil.chown(mine, *(self._hers(),) * 2)
        self._remove()

    def _hers(self) -> int:
        return (self.root / "home/alice").stat().st_uid

    def _insert(self, state: str) -> None:
        """Copies of the disks as they were in that state, mounted."""
        self._remove()
        for disk in _DISKS:
            _copy(self._disk(disk, state), self._disk(disk, "now"))
            self._mount(disk, "now")
        for number, path in enumerate(STATE_FOLDERS):
            _run("mount", "--bind", str(self.folder / "kept" / str(number)), str(self.root / path.lstrip("/")))

    def _mount(self, disk: str, state: str) -> None:
        place = self.root if disk == "changed" else self.folder / disk
        place.mkdir(exist_ok=True)
        _run("mount", "-t", "ext4", "-o", _OPTIONS, str(self._disk(disk, state)), str(place))

    def _remove(self) -> None:
        for place in (*(self.root / path.lstrip("/") for path in STATE_FOLDERS), self.folder / "kept", self.root):
            if place.is_mount():
                _run("umount", str(place))

    def _disk(self, disk: str, state: str) -> Path:
        return self.folder / f"{disk}.{state}"

    def lose_power(self, journal: Journal) -> None:
        """What was on the disks then is what is there now."""
        for disk, place in zip(_DISKS, (self.root, self.folder / "kept"), strict=True):
            if disk in journal.value:
                unrelated = place / "unrelated"
                unrelated.write_bytes(b"unrelated\n")
                _run("sync", str(unrelated))
            _copy(self._disk(disk, "now"), self._disk(disk, "lost"))
        self._insert("lost")


def _copy(disk: Path, copy: Path) -> None:
    _run("cp", "--sparse=always", "--", str(disk), str(copy))


def _run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr.strip()}"


def power_lost(ground: PoweredGround, number: int, journal: Journal) -> Findings:
    """The power goes where the call of this number begins; one behind the last is after the end."""
    found = Findings()
    ground.fresh()
    ran: Ran = ground.run(KillAt(number))
    ground.lose_power(journal)
    ground.judged(found)
    ground.true(ran, found)
    ground.mended(found)
    if not ground.reference.ledger:
        found.left.clear()  # only what is written ahead can be found again
    return found


def why_not(folder: Path) -> str | None:
    """What is missing here to mount files as disks."""

    def tried() -> None:
        with_private_mounts()
        disk, place = folder / "try", folder / "tried"
        place.mkdir()
        with disk.open("wb") as file:
            file.truncate(_BYTES)
        _run("mkfs.ext4", "-q", "-F", str(disk))
        _run("mount", "-t", "ext4", "-o", _OPTIONS, str(disk), str(place))

    try:
        apart(tried)
    except AssertionError as error:
        return str(error).strip().rpartition("\n")[2]
    return None
