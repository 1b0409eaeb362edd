"""What is sent to a machine: plain data. The apply script knows each of these, and nothing else."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

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
class SetMode:
    """Mode and owner of what exists, content untouched."""

    path: str
    base: Base
    mode: int | None = None
    owner: str | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCommand:
    """A program by its words, never a shell line; `stdin` is all it can read."""

    argv: tuple[str, ...]
    stdin: bytes = b""


Task = WriteFile | MakeDirectory | MakeLink | Remove | SetMode | RunCommand
