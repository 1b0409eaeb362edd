"""Zip archives, repacked as tar: machines need no unzip."""

from __future__ import annotations

import errno
import stat
import tarfile
import tempfile
import zipfile
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final, cast

from reconciler.execution.archive_members import ArchiveRefusedError, Kind, Members
from reconciler.execution.blobs import Blob

_MOST_AT_ONCE: Final = 64 * 1024 * 1024
"""Of the list of members, which is read whole."""
_LONGEST_LINK: Final = 4096
_UNIX: Final = 3
_UTF8: Final = 0x800
_ENCRYPTED: Final = 0x1
_BROKEN: Final = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, LookupError, RuntimeError)
"""How Python says that an archive is none, not whole, or more than it understands."""


def is_zip(file: BinaryIO) -> bool:
    """By its first bytes: those of a member, or of the end of an empty one."""
    file.seek(0)
    return file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")


def repacked(file: BinaryIO, strip: int, room: Path) -> Blob:
    """The same as tar. ArchiveRefusedError: see `archives.ready`; OSError: there is no room for it."""
    target = cast("BinaryIO", tempfile.TemporaryFile(dir=room))  # noqa: SIM115  # a blob is an open file
    try:
        with zipfile.ZipFile(_Bounded(file)) as source:
            entries = [(entry, _name(entry), _kind(entry)) for entry in source.infolist()]
            members = Members(strip)
            for entry, name, kind in entries:
                link = _link(source, entry) if kind is Kind.LINK else ""
                members.add(name, kind, size=entry.file_size, link=link, mode=entry.external_attr >> 16)
            members.end()
            with tarfile.open(
                fileobj=target, mode="w", format=tarfile.GNU_FORMAT, encoding="utf-8", errors="surrogateescape"
            ) as archive:
                for entry, name, kind in entries:
                    _repack(source, entry, name, kind, archive)
        target.flush()
        return Blob.of(target)
    except BaseException as error:
        target.close()
        if isinstance(error, _BROKEN) and getattr(error, "errno", None) in (None, errno.EINVAL):
            raise ArchiveRefusedError(f"it is no whole zip archive: {error or type(error).__name__}") from None
        raise


def _repack(source: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str, kind: Kind, archive: tarfile.TarFile) -> None:
    found = tarfile.TarInfo(name)
    found.mtime = _seconds(entry)
    given = stat.S_IMODE(entry.external_attr >> 16) if entry.create_system == _UNIX else 0
    match kind:
        case Kind.DIRECTORY:
            found.type, found.mode = tarfile.DIRTYPE, given or 0o755
            archive.addfile(found)
        case Kind.LINK:
            found.type, found.linkname, found.mode = tarfile.SYMTYPE, _link(source, entry), 0o777
            archive.addfile(found)
        case _:
            found.size, found.mode = entry.file_size, given or 0o644
            with source.open(entry) as data:
                archive.addfile(found, data)


def _name(entry: zipfile.ZipInfo) -> str:
    """By its bytes: zipfile reads a name that does not say to be UTF-8 as code page 437."""
    name = (
        entry.filename if entry.flag_bits & _UTF8 else entry.filename.encode("cp437").decode("utf-8", "surrogateescape")
    )
    return "/".join(part for part in name.split("/") if part != ".") if not name.startswith("/") else name


def _kind(entry: zipfile.ZipInfo) -> Kind:
    if entry.flag_bits & _ENCRYPTED:
        raise ArchiveRefusedError(f"{entry.filename} is encrypted")
    type_bits = stat.S_IFMT(entry.external_attr >> 16) if entry.create_system == _UNIX else 0
    if entry.is_dir():
        return Kind.DIRECTORY
    return {0: Kind.FILE, stat.S_IFREG: Kind.FILE, stat.S_IFLNK: Kind.LINK}.get(type_bits, Kind.OTHER)


def _link(source: zipfile.ZipFile, entry: zipfile.ZipInfo) -> str:
    with source.open(entry) as data:
        return data.read(_LONGEST_LINK).decode("utf-8", "surrogateescape")


def _seconds(entry: zipfile.ZipInfo) -> float:
    try:
        return datetime(*entry.date_time, tzinfo=UTC).timestamp()
    except ValueError:
        return 0


class _Bounded:
    """A file of which zipfile reads no list of members that would fill the memory."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        if size > _MOST_AT_ONCE:
            raise ArchiveRefusedError("the list of its members is too long")
        found = self._file.read(_MOST_AT_ONCE + 1 if size < 0 else size)
        if len(found) > _MOST_AT_ONCE:
            raise ArchiveRefusedError("the list of its members is too long")
        return found
