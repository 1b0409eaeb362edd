"""What of a part's tasks depends on those before: which share a path, and what can be prepared before anything else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from reconciler.model.facts import PathType
from reconciler.model.tasks import (
    MakeDirectory,
    MakeLink,
    Remove,
    RemoveUnpacked,
    RunCommand,
    SetMode,
    Task,
    Unpack,
    WriteBlob,
    WriteFile,
)

PathTask = WriteFile | WriteBlob | Unpack | MakeDirectory | MakeLink | Remove | RemoveUnpacked | SetMode

_WORDS: Final[Mapping[type[Task], str]] = {
    WriteFile: "write",
    WriteBlob: "write",
    Unpack: "unpack",
    RemoveUnpacked: "clear",
    MakeDirectory: "directory",
    MakeLink: "link",
    Remove: "remove",
    SetMode: "mode",
    RunCommand: "run",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A word and its value. `secrets` names those that the value tells something of."""

    word: str
    value: str
    secrets: frozenset[str] = frozenset()


class TaskOrder:
    """Follows the tasks of a part in their order, and says of each what depends on those before it."""

    def __init__(self) -> None:
        self._count = 0
        self._last_at: dict[str, int] = {}
        self._reshaped: set[str] = set()
        self._waits: dict[int, bool] = {}
        """Whether a program runs before what is next in a change."""
        self._bare: dict[int, bool] = {}
        """Whether nothing but early directories comes before what is next in a change."""

    def begin(self, change: int, needs: Iterable[int]) -> None:
        needs = tuple(needs)
        self._waits[change] = any(self._waits.get(need, False) for need in needs)
        self._bare[change] = all(self._bare.get(need, True) for need in needs)

    def lines(self, change: int, task: Task) -> Iterator[Line]:
        self._count += 1
        yield Line("task", _WORDS[type(task)])
        if isinstance(task, RunCommand):
            self._waits[change], self._bare[change] = True, False
            return
        parent = str(PurePosixPath(task.path).parent)
        yield Line("path", task.path)
        yield Line("directory", parent if parent == "/" else f"{parent}/")
        if task.path in self._last_at:
            yield Line("after", str(self._last_at[task.path]))
        above = self._reshaped.intersection(map(str, PurePosixPath(task.path).parents)) | self._below(task)
        if above:
            yield Line("late", str(max(self._last_at[path] for path in above)))
        early = not above and self._is_early(change, task)
        if early:
            yield Line("early", "yes")
        if _reshapes(task):
            self._reshaped.add(task.path)
        self._bare[change] &= early and isinstance(task, MakeDirectory)
        self._last_at[task.path] = self._count

    def _below(self, task: PathTask) -> set[str]:
        """What was done in a directory that goes: until it has been looked at, something of ours is left in there."""
        if not isinstance(task, Remove) or task.base.type is not PathType.DIRECTORY:
            return set()
        return {path for path in self._last_at if path.startswith(f"{task.path}/")}

    def _is_early(self, change: int, task: PathTask) -> bool:
        """Whether a directory can be made, or a file be staged, before everything else."""
        if isinstance(task, MakeDirectory):
            return self._bare[change] and task.path not in self._last_at
        is_staged = isinstance(task, WriteFile | WriteBlob | Unpack | MakeLink)
        return is_staged and not self._waits[change] and task.path not in self._last_at


def _reshapes(task: PathTask) -> bool:
    """Whether what lies below the path must be looked at anew: a directory that others can write is none of root's."""
    if isinstance(task, MakeDirectory):
        return task.owner not in (None, "root", "0") or bool(task.mode & 0o022)
    return True
