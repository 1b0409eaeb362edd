"""Reads a root file system after a fault, with eyes of its own: nothing here asks the agent or what it noted."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from faults.apply_scenario import FILES, FOLDERS, HOME, TREE, WATCHED

STATE_FOLDERS: Final = ("/var/lib/reconcile", f"{HOME}/.local/state/reconcile")

_PASSING: Final = (".reconcile.", "stage.", "lock.")
"""How the names begin of what is there only as long as a run is."""

Seen = tuple[object, ...] | None
"""Everything that makes a file what it is but for its times; None where nothing stands."""


class State(StrEnum):
    OLD = "old"
    NEW = "new"
    BETWEEN = "between"
    """A directory that is made but not yet as it is wanted, or a tree whose place is empty for the time of two renames."""
    MISSING = "missing"
    TORN = "torn"


def see(place: Path) -> Seen:
    try:
        found = place.lstat()
    except FileNotFoundError:
        return None
    kind, rights = stat.S_IFMT(found.st_mode), (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid)
    attributes = tuple(
        (name, os.getxattr(place, name, follow_symlinks=False))
        for name in sorted(os.listxattr(place, follow_symlinks=False))
    )
    match kind:
        case stat.S_IFREG:
            return kind, rights, attributes, place.read_bytes()
        case stat.S_IFLNK:
            return kind, rights[1:], attributes, str(place.readlink())
        case stat.S_IFDIR:
            return kind, rights, attributes
    return kind, rights


def _see_tree(place: Path) -> Seen:
    seen = see(place)
    inside = sorted(place.rglob("*")) if seen and seen[0] == stat.S_IFDIR else []
    return seen and (seen, *((str(below.relative_to(place)), see(below)) for below in inside))


def look(root: Path) -> dict[str, Seen]:
    """All watched places."""
    return {path: (_see_tree if path == TREE else see)(root / path.lstrip("/")) for path in WATCHED}


def states(found: Mapping[str, Seen], old: Mapping[str, Seen], new: Mapping[str, Seen]) -> dict[str, State]:
    return {path: _state(path, seen, old[path], new[path]) for path, seen in found.items()}


def _state(path: str, seen: Seen, old: Seen, new: Seen) -> State:
    if seen == new:
        return State.NEW
    if seen == old:
        return State.OLD
    if (path in FOLDERS and seen and seen[0] == stat.S_IFDIR) or (path == TREE and seen is None):
        return State.BETWEEN
    return State.MISSING if seen is None else State.TORN


@dataclass(slots=True)
class Findings:
    """What is wrong, a line each, by what kind of wrong it is."""

    torn: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    missing_backups: list[str] = field(default_factory=list)
    not_converged: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    """What a run left beside the places of its files or in its state folder, and the one after it did not clear."""
    untrue: list[str] = field(default_factory=list)
    """What the agent said and the disk does not."""

    def all(self) -> dict[str, list[str]]:
        return {name: lines for name in self.__slots__ if (lines := getattr(self, name))}


def whole(root: Path, old: Mapping[str, Seen], new: Mapping[str, Seen], *, backups: bool, into: Findings) -> None:
    """Whether each place is old or new, no old bytes are lost and, where `backups` are made, each changed file has one."""
    seen = look(root)
    found = states(seen, old, new)
    for path, state in found.items():
        if state in (State.TORN, State.MISSING):
            into.torn.append(f"{path} is {state}")
            before, now = bytes_of(old[path]), bytes_of(seen[path])
            if before is not None and now not in (before, bytes_of(new[path])) and not _stands_anywhere(root, before):
                into.lost.append(f"the old bytes of {path} are nowhere")
    kept = list(_kept(root)) if backups else []
    for wanted in FILES if backups else ():
        if wanted.old is None or wanted.old == wanted.new or found[wanted.path] is State.OLD:
            continue
        if wanted.old not in kept:
            into.missing_backups.append(f"{wanted.path} is {found[wanted.path]} and has no before-image")


def bytes_of(seen: Seen) -> bytes | None:
    return seen[3] if seen and seen[0] == stat.S_IFREG and isinstance(seen[3], bytes) else None


def _stands_anywhere(root: Path, data: bytes) -> bool:
    return any(place.read_bytes() == data for place in root.rglob("*") if place.is_file() and not place.is_symlink())


def _kept(root: Path) -> Iterator[bytes]:
    """What the before-images hold that nobody else can read."""
    for folder in _state_folders(root):
        for place in folder.glob("before/*/*"):
            if place.is_file() and not stat.S_IMODE(place.lstat().st_mode) & 0o177:
                yield place.read_bytes()


def has_ledger(root: Path) -> bool:
    return any((folder / "ledger").exists() for folder in _state_folders(root))


def at_rest(root: Path, found: Mapping[str, State], into: Findings) -> None:
    """Whether all is as wanted, nothing of any run is left behind, and the next one finds the lock free."""
    into.not_converged += [f"{path} is {state}" for path, state in found.items() if state is not State.NEW]
    into.left += [str(place.relative_to(root)) for place in leftovers(root)]
    for folder in _state_folders(root):
        if (folder / "lock").exists() and not _is_free(folder / "lock"):
            into.not_converged.append(f"{folder.relative_to(root)}/lock is held")


def leftovers(root: Path) -> list[Path]:
    """Staged files, stages of runs, locks that are folders, and what is kept of edits by others: there were none."""
    conflicts = [place for folder in _state_folders(root) for place in folder.glob("conflict/*")]
    return [place for place in root.rglob("*") if place.name.startswith(_PASSING)] + conflicts


def _state_folders(root: Path) -> list[Path]:
    return [root / path.lstrip("/") for path in STATE_FOLDERS]


def _is_free(lock: Path) -> bool:
    if not lock.is_file():
        return False
    with lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True
