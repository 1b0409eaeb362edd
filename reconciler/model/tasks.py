"""What is sent to a machine: plain data. The apply script knows each of these, and nothing else."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import assert_never

from reconciler.model.facts import FileState, PathState, PathType


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What a task was planned against. The machine refuses the task when it finds something else.

    `digest` is the SHA-256 of a regular file's bytes in hexadecimal; `link` the text of a symbolic link.
    """

    type: PathType
    digest: str | None = None
    mode: int | None = None
    owner: str | None = None
    group: str | None = None
    link: str | None = None

    @classmethod
    def of(cls, state: PathState, data: bytes | None = None) -> Base:
        return cls(
            type=state.type,
            digest=None if data is None else hashlib.sha256(data).hexdigest(),
            mode=state.mode if state.type is not PathType.LINK else None,
            owner=state.owner,
            group=state.group,
            link=state.link,
        )

    @classmethod
    def of_file(cls, file: FileState) -> Base:
        """Of the file itself, at the end of its links."""
        return cls.of(file.state.followed, file.data)


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteFile:
    """The whole new content of a regular file. `mode`, `owner` and `group` None: as they were, else 0644 and the writer."""

    path: str
    content: bytes
    base: Base
    mode: int | None = None
    owner: str | None = None
    group: str | None = None
    secrets: frozenset[str] = frozenset()
    """The names of the secrets in `content`: then it is never shown."""
    validate: tuple[str, ...] = ()
    """A program that must end with 0 within a minute when it is given the new file's path as its last word, before that
    takes its place. One that the machine does not have is passed over; in a root file system at rest none is run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """Bytes that are known by their digest. `url` is where they come from: http, https or, on the controller, file.

    The controller fetches them once and sends them along; with `by_target` the machine fetches them with its curl.
    """

    url: str
    digest: str
    by_target: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteBlob:
    """The whole new content of a regular file, as with `WriteFile`, of bytes that are not in the plan."""

    path: str
    content: Download
    base: Base
    mode: int | None = None
    owner: str | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpack:
    """A directory that holds what an archive holds (tar, also with gzip, xz or bzip2; zip), in place of what `base` says:
    nothing, an empty directory, or one that was unpacked before. `strip` leading components of names are dropped.

    Modes are the archive's without setuid, setgid and what lets others write; the owner may write everything. `owner`
    None is the writer, who cannot give it to another than root: root unpacks only what stays root's. The file `MARKER`
    in the directory then holds `marker`; `base.digest` is the digest in the old one's.
    """

    path: str
    archive: Download
    base: Base
    strip: int = 0
    mode: int = 0o755
    owner: str | None = None
    group: str | None = None

    @property
    def marker(self) -> bytes:
        return f"{self.archive.digest} {self.strip}\n".encode()


MARKER = ".reconcile-archive"
"""The file in an unpacked directory that says which archive it holds: a line of its SHA-256, a blank and what was stripped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeDirectory:
    """A directory that does not exist, nor its last parents perhaps: parents are tasks of their own."""

    path: str
    mode: int = 0o755
    owner: str | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeLink:
    """A symbolic link, in place of what `base` says."""

    path: str
    target: str
    base: Base


@dataclass(frozen=True, slots=True, kw_only=True)
class Remove:
    """A file, a link or an empty directory."""

    path: str
    base: Base


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveUnpacked:
    """A directory that `Unpack` made, with all that is in it. `base.digest` is what its marker holds."""

    path: str
    base: Base


@dataclass(frozen=True, slots=True, kw_only=True)
class SetMode:
    """Mode and owner of what exists, content untouched."""

    path: str
    base: Base
    mode: int | None = None
    owner: str | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCommand:
    """A program by its words, never a shell line; `stdin` is all it can read. It ends within `timeout_seconds`, or fails.

    `more` are last words: in one change, runs that differ in nothing else become one with all of them. `back` are the
    words that take it back at once, without them; none: nothing need; None: nothing does.
    """

    argv: tuple[str, ...]
    more: tuple[str, ...] = ()
    stdin: bytes = b""
    timeout_seconds: int = 60
    back: tuple[str, ...] | None = None

    @property
    def words(self) -> tuple[str, ...]:
        return (*self.argv, *self.more)


BlobTask = WriteBlob | Unpack
"""What needs bytes that are not in the plan."""
Task = WriteFile | WriteBlob | Unpack | MakeDirectory | MakeLink | Remove | RemoveUnpacked | SetMode | RunCommand


def left_by(task: Task) -> Base:
    """What a task leaves at its path; what it leaves open is left out."""
    match task:
        case WriteFile(content=content):
            return _rights(task, PathType.FILE, hashlib.sha256(content).hexdigest())
        case WriteBlob(content=content):
            return _rights(task, PathType.FILE, content.digest)
        case Unpack(archive=archive):
            return _rights(task, PathType.DIRECTORY, archive.digest)
        case MakeDirectory():
            return _rights(task, PathType.DIRECTORY)
        case SetMode(base=base):
            return replace(_rights(task, base.type, base.digest), link=base.link)
        case MakeLink(target=target):
            return Base(type=PathType.LINK, link=target)
        case Remove() | RemoveUnpacked() | RunCommand():
            return Base(type=PathType.MISSING)
        case _:
            assert_never(task)


def _rights(
    task: WriteFile | WriteBlob | Unpack | MakeDirectory | SetMode, type_: PathType, digest: str | None = None
) -> Base:
    return Base(type=type_, digest=digest, mode=task.mode, owner=task.owner, group=task.group)
