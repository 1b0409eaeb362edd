"""What a file or directory of the kind `files` may hold: bytes of the repo, a download, or what an archive holds.

Each says what its fields are in normal form, what of them is on the machine, and how it is written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Protocol

from reconciler.model.facts import (
    NEEDS_ROOT,
    Fact,
    FactSheet,
    FileDigest,
    FileText,
    Listing,
    PathState,
    PathType,
    Unread,
)
from reconciler.model.resource import Blocked, Fields, Unknown
from reconciler.model.secrets import Secret
from reconciler.model.tasks import (
    MARKER,
    Base,
    Download,
    Remove,
    RemoveUnpacked,
    SetMode,
    Task,
    Unpack,
    WriteBlob,
    WriteFile,
)
from reconciler.model.values import Json
from reconciler.resources.base import in_the_way
from reconciler.resources.validators import validator

_NEW_FILE: Final = 0o644
_NEW_SECRET: Final = 0o600
_NEW_DIRECTORY: Final = 0o755
_MARKED: Final = re.compile(r"([0-9a-f]{64}) (\d{1,2})\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What is declared of mode and owner; None: as it is."""

    mode: int | None
    owner: str | None
    group: str | None

    @classmethod
    def of(cls, fields: Fields) -> Rights:
        owner, group = (str(fields[key]) if key in fields else None for key in ("owner", "group"))
        return cls(mode=int(str(fields["mode"]), 8) if "mode" in fields else None, owner=owner, group=group)

    def set(self, path: str, base: Base) -> SetMode:
        return SetMode(path=path, base=base, mode=self.mode, owner=self.owner, group=self.group)


class Content(Protocol):
    @property
    def is_declared(self) -> bool:
        """Whether it says anything of what is in the file, so that nobody else writes there."""

    def fields(self) -> Mapping[str, Json | Secret]: ...

    def seen(self, path: str, state: PathState, sheet: FactSheet) -> Mapping[str, Json | Secret] | Unknown | Blocked:
        """What is there of such fields; `state` is that of something which is there."""

    def written(self, path: str, state: PathState, sheet: FactSheet, rights: Rights) -> Task:
        """The task for content that differs."""

    def base(self, path: str, state: PathState, sheet: FactSheet) -> Base: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Literal:
    """Bytes that are known; None: whatever is there."""

    value: bytes | Secret | None

    @property
    def is_declared(self) -> bool:
        return self.value is not None

    def fields(self) -> Mapping[str, Json | Secret]:
        match self.value:
            case None:
                return {}
            case Secret():
                return {"content": self.value}
            case bytes():
                return {"content": self.value.decode("utf-8", "surrogateescape")}

    def seen(self, path: str, state: PathState, sheet: FactSheet) -> Mapping[str, Json | Secret] | Unknown | Blocked:
        """What stands in a file that not everybody may read may be a secret, of today or of before."""
        file = sheet.file(path)
        if file.unreadable and self.is_declared:
            return Unknown(file.unreadable)
        if file.data is None:
            return {"content": None}
        text = file.data.decode("utf-8", "surrogateescape")
        wanted = self.fields().get("content")
        is_known = text == (wanted.reveal() if isinstance(wanted, Secret) else wanted)
        return {"content": Secret(text) if file.is_closed and not is_known else text}

    def written(self, path: str, state: PathState, sheet: FactSheet, rights: Rights) -> Task:
        value = self.value
        assert value is not None
        is_secret = isinstance(value, Secret)
        first = (_NEW_SECRET if is_secret else _NEW_FILE) if state.type is PathType.MISSING else None
        return WriteFile(
            path=state.path,
            content=value.reveal().encode("utf-8", "surrogateescape") if isinstance(value, Secret) else value,
            base=self.base(path, state, sheet),
            mode=first if rights.mode is None else rights.mode,
            owner=rights.owner,
            group=rights.group,
            secrets=value.names if isinstance(value, Secret) else frozenset(),
            validate=validator(state.path),
        )

    def base(self, path: str, state: PathState, sheet: FactSheet) -> Base:
        return Base.of(state, sheet.file(path).data)


@dataclass(frozen=True, slots=True, kw_only=True)
class Downloaded:
    """A file that is known by its digest alone, however large it is."""

    download: Download
    is_declared = True

    def fields(self) -> Mapping[str, Json | Secret]:
        return {"sha256": self.download.digest}

    def seen(self, path: str, state: PathState, sheet: FactSheet) -> Mapping[str, Json] | Unknown | Blocked:
        digest = sheet.digest(path)
        return Unknown(digest.why) if isinstance(digest, Unread) else {"sha256": digest}

    def written(self, path: str, state: PathState, sheet: FactSheet, rights: Rights) -> Task:
        first = _NEW_FILE if state.type is PathType.MISSING else None
        return WriteBlob(
            path=state.path,
            content=self.download,
            base=self.base(path, state, sheet),
            mode=first if rights.mode is None else rights.mode,
            owner=rights.owner,
            group=rights.group,
        )

    def base(self, path: str, state: PathState, sheet: FactSheet) -> Base:
        digest = sheet.digest(path)
        return replace(Base.of(state), digest=digest if isinstance(digest, str) else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """A directory with what an archive holds. Its marker says which; nobody looks whether it is all there still."""

    download: Download
    strip: int
    is_declared = True

    def fields(self) -> Mapping[str, Json | Secret]:
        return {"sha256": self.download.digest, "strip": self.strip}

    def seen(self, path: str, state: PathState, sheet: FactSheet) -> Mapping[str, Json] | Unknown | Blocked:
        if state.type is not PathType.DIRECTORY:
            return in_the_way(state, "a directory")
        found = unpacked(path, sheet)
        if found is not None:
            return found
        names = sheet.listing(path)
        if isinstance(names, Unread):
            return Unknown(names.why)
        if names:
            what = f"{state.path} is a directory that was not unpacked by reconcile, and is not empty"
            return Blocked(what, fix="move it away")
        return {"sha256": None, "strip": None}

    def written(self, path: str, state: PathState, sheet: FactSheet, rights: Rights) -> Task:
        first = _NEW_DIRECTORY if state.mode is None else state.mode
        return Unpack(
            path=state.path,
            archive=self.download,
            strip=self.strip,
            base=unpacked_base(path, state, sheet),
            mode=first if rights.mode is None else rights.mode,
            owner=rights.owner,
            group=rights.group,
        )

    def base(self, path: str, state: PathState, sheet: FactSheet) -> Base:
        return Base.of(state)


def download_facts(path: str, *, file: bool, archive: bool) -> frozenset[Fact]:
    """What tells of a download at `path`, as a file or as a directory that was unpacked."""
    return frozenset(({FileDigest(path)} if file else set()) | ({marker(path), Listing(path)} if archive else set()))


def marker(path: str) -> Fact:
    """What tells whether a directory was unpacked."""
    return FileText(f"{path}/{MARKER}")


def unpacked(path: str, sheet: FactSheet) -> Mapping[str, Json] | Unknown | None:
    """What the marker in a directory says; None where there is none."""
    file = sheet.file(f"{path}/{MARKER}")
    if file.state.type is PathType.UNKNOWN or file.unreadable:
        return Unknown(file.unreadable or NEEDS_ROOT)
    found = _MARKED.fullmatch((file.data or b"").decode("ascii", "replace"))
    return {"sha256": found[1], "strip": int(found[2])} if found else None


def unpacked_base(path: str, state: PathState, sheet: FactSheet) -> Base:
    found = unpacked(path, sheet) if state.type is PathType.DIRECTORY else None
    return replace(Base.of(state), digest=str(found["sha256"]) if isinstance(found, Mapping) else None)


def removal(path: str, state: PathState, sheet: FactSheet) -> Remove | RemoveUnpacked:
    """Of a file; or of a directory that was unpacked, with all that is in it."""
    if state.type is PathType.DIRECTORY:
        return RemoveUnpacked(path=state.path, base=unpacked_base(path, state, sheet))
    return Remove(path=state.path, base=Base.of(state, sheet.file(path).data))
