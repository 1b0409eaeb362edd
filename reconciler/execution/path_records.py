"""What stands at paths, worked out from what `stat` said of all their parts. Nothing is asked here."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from reconciler.execution.answer_blocks import Block, MalformedAnswerError
from reconciler.model.facts import PathState, PathType

MOST_LINKS: Final = 40

_RECORD: Final = re.compile(rb"([0-9a-f]{1,8}):(\d{1,10}):(\d{1,10}):(\d{1,20}):([^:]*):([^:]*):(\..*)")
_TYPES: Final = {
    0x1: PathType.FIFO,
    0x2: PathType.DEVICE,
    0x4: PathType.DIRECTORY,
    0x6: PathType.DEVICE,
    0x8: PathType.FILE,
    0xA: PathType.LINK,
    0xC: PathType.SOCKET,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The users and groups of a root file system that does not run, by number."""

    users: Mapping[int, str]
    groups: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Record:
    type: PathType
    mode: int
    uid: int
    gid: int
    size: int
    user: str
    group: str

    @property
    def open_to_others(self) -> bool:
        """Whether somebody else than root can change what stands in this directory."""
        return self.uid != 0 or bool(self.mode & 0o022)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a path led: `path` in the script's own form. `record` None: nothing there, or `unknown` (and why)."""

    path: str
    record: Record | None = None
    unknown: str | None = None
    distrusted: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PathRecords:
    """`guarded`: root looked, and keeps out of what others can write. `kernel_self` is what /proc/self stands for.

    `closed` are directories that may not be searched, `failing` what a path's file system said. Without `names` those
    count that stat gave.
    """

    records: Mapping[str, Record]
    links: Mapping[str, str]
    closed: frozenset[str]
    failing: Mapping[str, str]
    guarded: bool
    kernel_self: str | None
    names: Names | None

    def state(self, path: str) -> PathState:
        """`path` in the script's own form, `./etc/hosts`."""
        place = self.walk(path, follow=False)
        state = self._state(place)
        if state.type is not PathType.LINK:
            return state
        text = self.links.get(place.path) or None
        return replace(state, link=text, behind=self._state(self.walk(path)))

    def walk(self, path: str, *, follow: bool = True) -> Place:
        """To where a path leads, the links of its parents followed, and with `follow` those at its end."""
        at, ahead, links = ".", _parts(path), 0
        while ahead:
            part = ahead.pop(0)
            if part in ("..", "."):
                at = (posixpath.dirname(at) or ".") if part == ".." else at
                continue
            below = self._below(at, part)
            record = self.records.get(below)
            if record is None or (ahead and record.type not in (PathType.DIRECTORY, PathType.LINK)):
                return self._nothing(at, below, ahead, record)
            if record.type is not PathType.LINK or not (ahead or follow):
                at = below
                continue
            links += 1
            refusal = self._refusal(below, links)
            if refusal:
                return Place(_joined(below, ahead), unknown=refusal, distrusted=self.distrusted(below))
            text = self.links[below]
            at, ahead = "." if text.startswith("/") else at, [*_parts(text), *ahead]
        return Place(at, self.records.get(at), distrusted=self.distrusted(at))

    def distrusted(self, path: str) -> str | None:
        """The first directory above that somebody else can write, as people write it."""
        if not self.guarded:
            return None
        for above in _parents(path):
            record = self.records.get(above)
            if record is None or record.type is not PathType.DIRECTORY:
                return None
            if record.open_to_others and not self._is_kernel_s(above):
                return self.shown(above)
        return None

    def _is_kernel_s(self, path: str) -> bool:
        """In a user namespace its directories are nobody's; not even their owner could write them."""
        return self.kernel_self is not None and (path in ("./proc", "./proc/sys") or path.startswith("./proc/sys/"))

    def shown(self, path: str) -> str:
        """The script's own form as people write it."""
        text = path[1:] or "/"
        return re.sub(rf"^/proc/{self.kernel_self}(?=/|$)", "/proc/self", text) if self.kernel_self else text

    def _below(self, at: str, part: str) -> str:
        return f"./proc/{self.kernel_self}" if self.kernel_self and (at, part) == ("./proc", "self") else f"{at}/{part}"

    def _nothing(self, at: str, below: str, ahead: list[str], record: Record | None) -> Place:
        why = None
        if record is None:
            why = "needs root" if at in self.closed else self.failing.get(below)
        return Place(_joined(below, ahead), unknown=why, distrusted=self.distrusted(below))

    def _refusal(self, link: str, links: int) -> str | None:
        """Why a link is not followed."""
        if links > MOST_LINKS:
            return "too many symbolic links"
        directory = self.distrusted(link)
        if directory:
            return distrust(directory)
        return None if self.links.get(link) else f"the link {self.shown(link)} could not be read"

    def _state(self, place: Place) -> PathState:
        path, record = self.shown(place.path), place.record
        if record is None:
            kind = PathType.UNKNOWN if place.unknown else PathType.MISSING
            return PathState(path=path, type=kind, distrusted=place.distrusted)
        return PathState(
            path=path,
            type=record.type,
            mode=record.mode,
            owner=self.names.users.get(record.uid, str(record.uid)) if self.names else record.user,
            group=self.names.groups.get(record.gid, str(record.gid)) if self.names else record.group,
            size=record.size,
            distrusted=place.distrusted,
        )


def distrust(directory: str) -> str:
    return f"somebody else than root can write {directory}: root keeps out"


def records_of(stat: bytes, mark: bytes) -> dict[str, Record]:
    """Whatever stands between the lines that begin with `mark` is what stat complained of."""
    found: dict[str, Record] = {}
    for line in stat.split(b"\n"):
        if not line.startswith(mark):
            continue
        parts = _RECORD.fullmatch(line[len(mark) :])
        if not parts:
            raise MalformedAnswerError("a line of stat that is none")
        raw, uid, gid, size = int(parts[1], 16), int(parts[2]), int(parts[3]), int(parts[4])
        kind = _TYPES.get(raw >> 12)
        if kind is None:
            raise MalformedAnswerError("a file of no known type")
        record = Record(kind, raw & 0o7777, uid, gid, size, _name(parts[5], uid), _name(parts[6], gid))
        found[_decoded(parts[7])] = record
    return found


def links_of(blocks: tuple[Block, ...]) -> dict[str, str]:
    """The texts of links; empty where one has a line end in it."""
    lines = (line for block in blocks if block.word == "links" for line in block.lines)
    pairs = (_decoded(line).partition("//") for line in lines)
    return {path: text for path, _, text in pairs}


def _name(name: bytes, number: int) -> str:
    return str(number) if name in (b"UNKNOWN", b"") else _decoded(name)


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _parts(path: str) -> list[str]:
    """A `.` at the end stands for a slash there: only a directory may come before it."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    return [*parts, "."] if path.endswith(("/", "/.")) else parts


def _joined(path: str, ahead: list[str]) -> str:
    return "/".join([path, *(part for part in ahead if part != ".")])


def _parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]
