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
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import Final

from agents.apply_machine import ALICE
from faults.apart import apart, with_private_mounts
from faults.apply_scenario import build
from faults.sweep import Ground
from faults.tracer import KillAt
from faults.witness import STATE_FOLDERS, Findings

STOCK: Final = "loop,commit=300"
UNAIDED: Final = f"{STOCK},noauto_da_alloc"
_BYTES: Final = 24 * 1024 * 1024
_DISKS: Final = {"changed": "root", "trees": "root/opt", "kept": "kept"}
"""Where each is mounted in the ground's folder, in this order."""


@dataclass(frozen=True)
class Disks:
    """Files of `folder` that are mounted there, each at the place it has; only for a process with private mounts."""

    folder: Path
    places: Mapping[str, str] = field(default_factory=lambda: _DISKS)
    options: str = UNAIDED

    def place(self, disk: str) -> Path:
        return self.folder / self.places[disk]

    @property
    def are_furnished(self) -> bool:
        return all(self._image(disk, "before").exists() for disk in self.places)

    def blank(self, disk: str) -> None:
        """What is written there from now on is what is on it before each run."""
        with self._image(disk, "before").open("wb") as file:
            file.truncate(_BYTES)
        _run("mkfs.ext4", "-q", "-F", "-m", "0", str(self._image(disk, "before")))
        self._mount(disk, "before")
        (self.place(disk) / "lost+found").rmdir()

    def insert(self, state: str) -> None:
        """Copies of the disks as they were in that state, mounted."""
        for place in (self.place(disk) for disk in reversed(self.places)):
            unmount(place)
        for disk in self.places:
            _copy(self._image(disk, state), self._image(disk, "now"))
            self._mount(disk, "now")

    def lose_power(self, journal: Iterable[str]) -> None:
        """Leaves in the state `lost` what was on the disks then; of those named the journal was written."""
        for disk in journal:
            unrelated = self.place(disk) / "unrelated"
            unrelated.write_bytes(b"unrelated\n")
            _run("sync", str(unrelated))
        for disk in self.places:
            _copy(self._image(disk, "now"), self._image(disk, "lost"))

    def _mount(self, disk: str, state: str) -> None:
        self.place(disk).mkdir(exist_ok=True)
        _run("mount", "-t", "ext4", "-o", self.options, str(self._image(disk, state)), str(self.place(disk)))

    def _image(self, disk: str, state: str) -> Path:
        return self.folder / f"{disk}.{state}"


class Journal(Enum):
    """Of which disks the journal was written when the power went."""

    ALL = ("changed", "trees", "kept")
    CHANGED = ("changed", "trees")
    KEPT = ("kept",)
    NONE = ()


@dataclass(frozen=True)
class PoweredGround(Ground):
    """Only for a process with private mounts."""

    @cached_property
    def disks(self) -> Disks:
        return Disks(self.folder)

    def fresh(self) -> Path:
        if not self.disks.are_furnished:
            self._furnish()
        self._insert("before")
        return self.root

    def _furnish(self) -> None:
        """The disks as they are before each run. The state folders stand on one of their own, and are mounted."""
        for disk in self.disks.places:
            self.disks.blank(disk)
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
        """With the state folders mounted."""
        for place in self._state_folders:
            unmount(place)
        self.disks.insert(state)
        for number, place in enumerate(self._state_folders):
            _run("mount", "--bind", str(self.folder / "kept" / str(number)), str(place))

    @property
    def _state_folders(self) -> list[Path]:
        return [self.root / path.lstrip("/") for path in STATE_FOLDERS]

    def lose_power(self, journal: Journal) -> None:
        """What was on the disks then is what is there now."""
        self.disks.lose_power(journal.value)
        self._insert("lost")


def unmount(place: Path) -> None:
    if place.is_mount():
        _run("umount", str(place))


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
        _run("mount", "-t", "ext4", "-o", UNAIDED, str(disk), str(place))

    try:
        apart(tried)
    except AssertionError as error:
        return str(error).strip().rpartition("\n")[2]
    return None
