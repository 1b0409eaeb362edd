"""What a section's answer says of files: their state, their bytes, the names in directories."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from reconciler.execution import path_records
from reconciler.execution.answer_blocks import Block, MalformedAnswerError, joined, only
from reconciler.execution.path_records import Names, PathRecords, Place
from reconciler.execution.tar_reader import regular_files
from reconciler.model.facts import NEEDS_ROOT, FileState, GoBuild, PathType, Unread

LARGEST_FILE: Final = 1024 * 1024

_MISSING: Final = (b"No such file or directory", b"Not a directory")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileAnswers:
    """Paths are in the script's own form."""

    paths: PathRecords
    contents: Mapping[str, bytes]
    listings: Mapping[str, tuple[str, ...]]
    denied: frozenset[str]
    has_tar: bool
    digests: Mapping[str, str] = field(default_factory=dict)
    go_lines: tuple[bytes, ...] = ()
    """`PATH:` and one of Go's lines: behind some bytes `path`, a tab, the package; or `mod`, the module, the version."""

    def file(self, path: str) -> FileState:
        state = self.paths.state(path)
        place = self.paths.walk(path)
        if place.record is None:
            return FileState(state=state, unreadable=place.unknown)
        if place.record.type is not PathType.FILE:
            return FileState(state=state)
        unreadable = self._unreadable(place, place.record.size)
        return FileState(state=state, data=None if unreadable else self.contents[place.path], unreadable=unreadable)

    def _unreadable(self, place: Place, size: int) -> str | None:
        if place.distrusted:
            return path_records.distrust(place.distrusted)
        data = self.contents.get(place.path)
        if max(size, len(data or b"")) > LARGEST_FILE:
            return "larger than 1 MiB"
        if data is not None:
            return None
        if place.path in self.denied:
            return NEEDS_ROOT
        return (
            "it could not be read whole: it changed or failed, or there is too much in all"
            if self.has_tar
            else "tar is missing there"
        )

    def digest(self, path: str) -> str | Unread | None:
        place = self._regular_file(path)
        if not isinstance(place, Place):
            return place
        return self.digests.get(place.path) or Unread("it could not be read whole: it changed or failed")

    def go_build(self, path: str) -> GoBuild | Unread | None:
        place = self._regular_file(path)
        if not isinstance(place, Place):
            return place
        start = place.path.encode("utf-8", "surrogateescape") + b":"
        mine = [line.removeprefix(start) for line in self.go_lines if line.startswith(start)]
        package = next((line.partition(b"path\t")[2] for line in mine if b"path\t" in line), None)
        module = next((line.split(b"\t") for line in mine if line.startswith(b"mod\t")), None)
        if not package or module is None:
            return None
        return GoBuild(package=_text(package), module=_text(module[1]), version=_text(module[2]))

    def _regular_file(self, path: str) -> Place | Unread | None:
        """Where a regular file lies that may be read; None where there is none."""
        place = self.paths.walk(path)
        if place.unknown:
            return Unread(place.unknown)
        if place.record is None or place.record.type is not PathType.FILE:
            return None
        if place.distrusted:
            return Unread(path_records.distrust(place.distrusted))
        return Unread(NEEDS_ROOT) if place.path in self.denied else place

    def listing(self, path: str) -> tuple[str, ...] | Unread | None:
        place = self.paths.walk(path)
        if place.unknown:
            return Unread(place.unknown)
        if place.record is None or place.record.type is not PathType.DIRECTORY:
            return None
        if place.distrusted:
            return Unread(path_records.distrust(place.distrusted))
        names = self.listings.get(place.path)
        return Unread(NEEDS_ROOT) if names is None else names


def file_answers(blocks: tuple[Block, ...], paths: PathRecords) -> FileAnswers:
    listings = {block.rest: _listing(block) for block in blocks if block.word == "list"}
    return FileAnswers(
        paths=paths,
        contents=_contents(blocks),
        listings=listings,
        denied=_lines(joined(blocks, "denied")),
        has_tar=only(blocks, "no-tar") is None,
        digests=_digests(joined(blocks, "digests")),
        go_lines=tuple(joined(blocks, "go-builds").split(b"\n")),
    )


def _digests(lines: bytes) -> dict[str, str]:
    """By path, from what sha256sum prints; it marks a line with a quoted path by a backslash in front."""
    found: dict[str, str] = {}
    for line in lines.split(b"\n"):
        parts = re.fullmatch(rb"(\\?)([0-9a-f]{64}) [ *](.+)", line)
        if parts:
            path = parts[3].replace(b"\\\\", b"\\") if parts[1] else parts[3]
            found[_text(path)] = parts[2].decode()
    return found


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def path_answers(
    blocks: tuple[Block, ...], mark: str, *, guarded: bool, process: str | None, names: Names | None
) -> PathRecords:
    """`process` is the number that /proc/self had, None where nothing runs."""
    records = path_records.records_of(joined(blocks, "stat"), mark.encode())
    if "." not in records:
        raise MalformedAnswerError("its stat does not understand -c")
    complaints = {block.rest: block.body for block in blocks if block.word == "odd"}
    return PathRecords(
        records=records,
        links=path_records.links_of(blocks),
        closed=_lines(joined(blocks, "closed")),
        failing={path: _failure(text) for path, text in complaints.items() if not _is_missing(text)},
        guarded=guarded,
        kernel_self=process,
        names=names,
    )


def numbered_names(data: bytes | None) -> dict[int, str]:
    """The names of a passwd or group file by their numbers; the first of a number counts."""
    names: dict[int, str] = {}
    for line in (data or b"").decode("utf-8", "surrogateescape").split("\n"):
        parts = line.split(":")
        if len(parts) >= 3 and parts[2].isascii() and parts[2].isdigit() and len(parts[2]) <= 10:
            names.setdefault(int(parts[2]), parts[0])
    return names


def _contents(blocks: tuple[Block, ...]) -> dict[str, bytes]:
    contents = dict(_kernel_files(blocks))
    archive, code = only(blocks, "tar"), only(blocks, "tar-code")
    for name, data in regular_files(archive.body if archive else b"").items():
        # GNU tar fills up with zeros what a file lost while it was read, and says so in its exit status only.
        if not (data.endswith(b"\0") and code and code.rest != "0"):
            contents[name.decode("utf-8", "surrogateescape")] = data
    return contents


def _kernel_files(blocks: tuple[Block, ...]) -> Iterator[tuple[str, bytes]]:
    """head writes a line with its name before each file that it can open, and an empty one before that."""
    asked, body = joined(blocks, "kernel-files").split(b"\n"), b"\n" + joined(blocks, "kernel")
    errors = joined(blocks, "kernel-errors")
    starts = [(body.find(b"\n==> %b <==\n" % name), name) for name in asked if name]
    found = sorted((start, name) for start, name in starts if start >= 0)
    for (start, name), (end, _) in itertools.pairwise([*found, (len(body), b"")]):
        if name not in errors:
            yield name.decode("utf-8", "surrogateescape"), body[start + len(b"\n==> %b <==\n" % name) : end]


def _listing(block: Block) -> tuple[str, ...]:
    names = block.body.decode("utf-8", "surrogateescape").split("//")
    above = block.rest + "/"
    return tuple(sorted(name.removeprefix(above) for name in names if name.startswith(above)))


def _lines(data: bytes) -> frozenset[str]:
    return frozenset(data.decode("utf-8", "surrogateescape").split("\n")) - {""}


def _is_missing(message: bytes) -> bool:
    return any(text in message for text in _MISSING)


def _failure(message: bytes) -> str:
    """The reason at the end of a line of stat's; one that gives none has found the file after all."""
    text = message.decode("utf-8", "surrogateescape").strip()
    return text.rpartition(": ")[2] if ": " in text else "changed while it was looked at"
