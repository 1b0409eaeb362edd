"""The tasks of changes as lines for the apply script, whose header says how they are read.

Everything about paths is worked out on this side: see also `task_order`.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import assert_never

from reconciler.execution.blobs import Unavailable
from reconciler.execution.task_order import Line, TaskOrder
from reconciler.model.plan import Change
from reconciler.model.tasks import (
    Base,
    BlobTask,
    Download,
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


@dataclass(frozen=True, slots=True)
class Member:
    """A file of bytes that a line names; of a blob, the task that wants it."""

    name: str
    data: bytes | BlobTask
    secrets: frozenset[str] = frozenset()


def escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n")


def encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def tasks_of(
    changes: Mapping[int, Change],
    numbers: Mapping[str, int],
    unavailable: Mapping[BlobTask, Unavailable],
    unkept: Mapping[str, frozenset[str]] = MappingProxyType({}),
) -> tuple[tuple[Line, ...], tuple[Member, ...]]:
    """The lines for numbered changes, and the files that they name. `numbers` knows the changes of all parts by id;
    `unkept`, by path, the names of secrets in the bytes that stand there: they are not kept.

    A change with a blob that is `unavailable` goes wrong on the machine, which knows what needs it.
    """
    lines: list[Line] = []
    members: list[Member] = []
    order = TaskOrder()
    for number, change in changes.items():
        needs = [numbers[need] for need in change.needs if need in numbers]
        lines.append(Line("change", str(number)))
        lines += [Line("need", str(need)) for need in needs]
        problem = next(filter(None, (_problem(task, unavailable) for task in change.tasks)), None)
        if problem:
            lines.append(problem)
            continue
        order.begin(number, needs)
        for task in change.tasks:
            lines += order.lines(number, task)
            names = frozenset() if isinstance(task, RunCommand) else unkept.get(task.path, frozenset())
            lines += _fields(task, members, names)
            if names:
                lines.append(Line("unkept", "yes"))
    return tuple(lines), tuple(members)


def numbered(
    changes: Mapping[int, Change], unavailable: Mapping[BlobTask, Unavailable]
) -> Mapping[int, tuple[tuple[int, Task], ...]]:
    """The tasks of each change with the numbers that the script knows them by; none of what cannot be put into words."""
    count = itertools.count(1)
    spoken = {
        number: change.tasks
        for number, change in changes.items()
        if not any(_problem(task, unavailable) for task in change.tasks)
    }
    return {number: tuple((next(count), task) for task in tasks) for number, tasks in spoken.items()}


def parents_of(changes: Iterable[Change]) -> tuple[str, ...]:
    """Every directory above what is written, outermost first."""
    paths = {task.path for change in changes for task in change.tasks if not isinstance(task, RunCommand)}
    return tuple(sorted({str(parent) for path in paths if not _is_odd(path) for parent in PurePosixPath(path).parents}))


def _problem(task: Task, unavailable: Mapping[BlobTask, Unavailable]) -> Line | None:
    """Why a task cannot be done."""
    if isinstance(task, WriteBlob | Unpack) and task in unavailable:
        return Line("refuse" if unavailable[task].is_refused else "fail", unavailable[task].why)
    wrong = _unspeakable(task)
    return Line("refuse", wrong) if wrong else None


def _unspeakable(task: Task) -> str | None:
    """Why a task cannot be put into words."""
    match task:
        case RunCommand():
            return None if _is_program(task.words) else "a program needs a name and no NUL"
        case WriteFile(validate=validate) if validate and not _is_program(validate):
            return "a program needs a name and no NUL"
        case MakeLink(target=target) if not target or "\0" in target:
            return "a link needs a text without NUL"
        case Unpack(owner=owner) if owner not in (None, "root", "0"):
            return f"{task.path} would be {owner}'s, and root keeps out of what others can change"
        case _:
            return f"{task.path!r} is no path that can be written" if _is_odd(task.path) else None


def _is_program(words: tuple[str, ...]) -> bool:
    return bool(words and words[0]) and "\0" not in "".join(words)


def _is_odd(path: str) -> bool:
    """Whether `path` is other than the plain absolute ones that gathering gives."""
    pure = PurePosixPath(path)
    return pure.root != "/" or str(pure) != path or path == "/" or ".." in pure.parts or "\n" in path or "\0" in path


def _fields(task: Task, members: list[Member], before: frozenset[str]) -> Iterator[Line]:
    """`before` are the names of the secrets in the bytes that stand there."""
    match task:
        case WriteFile():
            yield Line("content", _kept(members, task.content, task.secrets))
            yield Line("digest", hashlib.sha256(task.content).hexdigest(), task.secrets)
            yield from _base(task.base, task.secrets | before)
            yield from _rights(task)
            if task.validate:
                yield Line("validate", _kept(members, _words(task.validate)))
        case WriteBlob():
            yield from _blob(members, task, task.content)
            yield from _base(task.base, before)
            yield from _rights(task)
        case Unpack():
            yield from _blob(members, task, task.archive)
            yield Line("strip", str(task.strip))
            yield from _base(task.base, before)
            yield from _rights(task)
        case MakeDirectory():
            yield from _rights(task)
        case MakeLink():
            yield Line("target", task.target)
            yield from _base(task.base, before)
        case Remove() | RemoveUnpacked():
            yield from _base(task.base, before)
        case SetMode():
            yield from _base(task.base, before)
            yield from _rights(task)
        case RunCommand():
            yield Line("words", _kept(members, _words(task.words)))
            yield Line("input", _kept(members, task.stdin))
            yield Line("timeout", str(task.timeout_seconds))
        case _:
            assert_never(task)


def _words(words: Iterable[str]) -> bytes:
    return encoded("".join(f"{escaped(word)}\n" for word in words))


def _blob(members: list[Member], task: BlobTask, download: Download) -> Iterator[Line]:
    """The same bytes are sent once, whoever wants them; only a zip is sent otherwise to be unpacked than as a file."""
    if download.by_target:
        yield Line("fetch", download.url)
    else:
        yield Line(
            "content",
            next((known.name for known in members if _is_same(known.data, task)), None) or _kept(members, task),
        )
    yield Line("digest", download.digest)


def _is_same(known: bytes | BlobTask, task: BlobTask) -> bool:
    match known, task:
        case WriteBlob(content=first), WriteBlob(content=second):
            return first.digest == second.digest
        case Unpack(archive=first), Unpack(archive=second):
            return first.digest == second.digest
        case _:
            return False


def _kept(members: list[Member], data: bytes | BlobTask, secrets: frozenset[str] = frozenset()) -> str:
    members.append(Member(f"d{len(members) + 1}", data, secrets))
    return members[-1].name


def _base(base: Base, secrets: frozenset[str]) -> Iterator[Line]:
    yield Line("base", base.type.value)
    if base.digest is not None:
        yield Line("base_digest", base.digest, secrets)
    if base.mode is not None:
        yield Line("base_mode", _octal(base.mode))
    yield from (Line(word, value) for word, value in _names("base_", base.owner, base.group))
    if base.link is not None:
        yield Line("base_link", base.link)


def _rights(task: WriteFile | WriteBlob | Unpack | MakeDirectory | SetMode) -> Iterator[Line]:
    if task.mode is not None:
        yield Line("mode", _octal(task.mode))
    yield from (Line(word, value) for word, value in _names("", task.owner, task.group))


def _names(before: str, owner: str | None, group: str | None) -> Iterator[tuple[str, str]]:
    for word, name in (("owner", owner), ("group", group)):
        if name is not None:
            yield before + word, name


def _octal(mode: int) -> str:
    """As stat writes it."""
    return f"{mode:o}"
