"""File systems whose disks are files, and what is on them when the power goes.

A write that has not reached the disk is lost with the power: the disks are copied at that moment, and the copies mounted.
ext4 writes a new file's name with its journal, its bytes later: that order is the trap. `noauto_da_alloc` takes away
what ext4 does for programs that forget to sync before they rename; `commit=300` keeps its clock out of it, and an unrelated
file that is synced brings the journal to the disk. What is kept of a run lies on another file system than what it
changes: on one, any later sync would hide one that is missing. So do trees, whose whole file system is synced. Disks are
taken to keep the order of what they were told.
"""

from __future__ import annotations

import random
import shutil
import subprocess
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from agents.apply_machine import ALICE
from faults.apart import apart, with_private_mounts
from faults.apply_scenario import build
from faults.sweep import Ground
from faults.tracer import KillAt
from faults.witness import STATE_FOLDERS, Findings

_OPTIONS: Final = "loop,noauto_da_alloc,commit=300"
_BYTES: Final = 24 * 1024 * 1024
_DISKS: Final = {"changed": "root", "trees": "root/opt", "kept": "kept"}
"""Where each is mounted in the ground's folder, in this order."""


class Journal(Enum):
    """Of which disks the journal was written when the power went."""

    ALL = ("changed", "trees", "kept")
    CHANGED = ("changed", "trees")
    KEPT = ("kept",)
    NONE = ()


@dataclass(frozen=True)
class PoweredGround(Ground):
    """Only for a process with private mounts."""

    def fresh(self) -> Path:
        if not self._image("kept", "before").exists():
            self._furnish()
        self._insert("before")
        return self.root

    def _furnish(self) -> None:
        """The disks as they are before each run. The state folders stand on one of their own, and are mounted."""
        for disk, where in _DISKS.items():
            with self._image(disk, "before").open("wb") as file:
                file.truncate(_BYTES)
            _run("mkfs.ext4", "-q", "-F", "-m", "0", str(self._image(disk, "before")))
            self._mount(disk, "before")
            (self.folder / where / "lost+found").rmdir()
            if disk == "changed":
                (self.root / "opt").mkdir()
        build(self.root, self.owner)
        for number, (path, mode, owner) in enumerate(zip(STATE_FOLDERS, (0o711, 0o700), (0, ALICE), strict=True)):
            inside, place = self.folder / "kept" / str(number), self.root / path.lstrip("/")
            inside.mkdir()
            inside.chmod(mode)
            place.mkdir(parents=True)
            for folder in (inside, place, place.parent, place.parent.parent) if owner else ():
                shutil.chown(folder, owner, owner)

    def _insert(self, state: str) -> None:
        """Copies of the disks as they were in that state, mounted."""
        for place in (*self._state_folders, *(self.folder / place for place in reversed(_DISKS.values()))):
            if place.is_mount():
                _run("umount", str(place))
        for disk in _DISKS:
            _copy(self._image(disk, state), self._image(disk, "now"))
            self._mount(disk, "now")
        for number, place in enumerate(self._state_folders):
            _run("mount", "--bind", str(self.folder / "kept" / str(number)), str(place))

    @property
    def _state_folders(self) -> list[Path]:
        return [self.root / path.lstrip("/") for path in STATE_FOLDERS]

    def _mount(self, disk: str, state: str) -> None:
        place = self.folder / _DISKS[disk]
        place.mkdir(exist_ok=True)
        _run("mount", "-t", "ext4", "-o", _OPTIONS, str(self._image(disk, state)), str(place))

    def _image(self, disk: str, state: str) -> Path:
        return self.folder / f"{disk}.{state}"

    def lose_power(self, journal: Journal) -> None:
        """What was on the disks then is what is there now."""
        for disk in journal.value:
            unrelated = self.folder / _DISKS[disk] / "unrelated"
            unrelated.write_bytes(b"unrelated\n")
            _run("sync", str(unrelated))
        for disk in _DISKS:
            _copy(self._image(disk, "now"), self._image(disk, "lost"))
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
    ran = ground.run(KillAt(number))
    ground.lose_power(journal)
    ground.judged(ran, found)
    ground.mended(found)
    if not ground.reference.ledger:
        found.left.clear()  # only what is written ahead can be found again
    return found


def power_lost_in_recovery(ground: PoweredGround, seed: int) -> Findings:
    """The power goes where the next run clears up what a killed one left; mostly when its own disk's journal is written
    and the changed one's is not."""
    found, dice = Findings(), random.Random(seed)
    count, switches = len(ground.reference.calls), sorted(ground.reference.switches)
    ground.fresh()
    ground.judged(ground.run(KillAt(dice.choice(switches))), found)
    ran = ground.run(KillAt(dice.choice(range(1, count // 4))))
    ground.lose_power(dice.choice([*Journal, Journal.KEPT, Journal.KEPT, Journal.KEPT]))
    ground.judged(ran, found)
    ground.mended(found)
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
