"""What a reader should know of how files will be replaced on a machine: where that is not one step, or can lose an edit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from reconciler.formats import mountinfo
from reconciler.formats.mountinfo import Mount
from reconciler.model.facts import Fact, FactSheet, FileText, PathType, ProgramPath
from reconciler.model.plan import Change
from reconciler.model.tasks import MakeLink, WriteBlob, WriteFile

_MOUNTS: Final = FileText("/proc/self/mountinfo")
_EXCHANGERS: Final = (ProgramPath("exch"), ProgramPath("perl"))
_WITHOUT_LINKS: Final = frozenset({"9p", "drvfs", "vfat", "exfat", "msdos"})


def wanted_facts() -> frozenset[Fact]:
    return frozenset({_MOUNTS, *_EXCHANGERS})


def notes(changes: Iterable[Change], sheet: FactSheet) -> Iterator[str]:
    """Of the changes of one target that replace what is there."""
    if sheet.host.at_rest or not wanted_facts() <= sheet.answers.keys():
        return
    replaced = [
        task.path
        for change in changes
        for task in change.tasks
        if isinstance(task, WriteFile | WriteBlob | MakeLink) and task.base.type is not PathType.MISSING
    ]
    text = (sheet.file(_MOUNTS.path).data or b"").decode("utf-8", "surrogateescape")
    mounts = mountinfo.parse(text)
    in_place = [path for path in replaced if _is_written_in_place(path, mounts)]
    for path in in_place:
        yield f"{path} is mounted on, so it is written in place: not atomic, but finished by the next run if it is cut short"
    others = [path for path in replaced if path not in in_place]
    unsafe = [path for path in others if _type_at(path, mounts) in _WITHOUT_LINKS]
    for path in unsafe:
        yield f"{path} lies on a Windows drive or the like, where an edit in the moment of the switch can be lost: not atomic"
    if len(unsafe) < len(others) and all(sheet.answers[program] is None for program in _EXCHANGERS):
        what = "no program here exchanges two files (exch of util-linux 2.40, mv of coreutils 9.5, or perl)"
        yield f"{what}: an edit by rename in the very moment of a switch could be lost"


def _is_written_in_place(path: str, mounts: Sequence[Mount]) -> bool:
    return mountinfo.at(mounts, path) is not None


def _type_at(path: str, mounts: Sequence[Mount]) -> str | None:
    mount = mountinfo.holding(mounts, path)
    return mount.type if mount else None
