"""Archives before they are sent: every member is looked at, once, and read no further than is reasonable."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from reconciler.execution.archive_members import MOST_BYTES, ArchiveRefusedError, Kind, Members
from reconciler.execution.blobs import PIECE_BYTES, Blob
from reconciler.execution.zip_archives import is_zip, repacked

_LONGEST_DESCRIPTION: Final = 4 * 1024 * 1024
"""Of what an archive says of one member, its name included."""
_XZ_MEMORY_BYTES: Final = 256 * 1024 * 1024
_KINDS: Final = {
    tarfile.REGTYPE: Kind.FILE,
    tarfile.AREGTYPE: Kind.FILE,
    tarfile.CONTTYPE: Kind.FILE,
    tarfile.GNUTYPE_SPARSE: Kind.FILE,
    tarfile.DIRTYPE: Kind.DIRECTORY,
    tarfile.SYMTYPE: Kind.LINK,
    tarfile.LNKTYPE: Kind.HARD_LINK,
}
_BROKEN: Final = (
    tarfile.TarError,
    EOFError,
    OSError,
    ValueError,
    OverflowError,
    RecursionError,
    zlib.error,
    lzma.LZMAError,
)
"""How Python says that an archive is none, or not whole."""


def ready(blob: Blob, strip: int, room: Path) -> Blob:
    """The archive as machines take it: itself, or a zip repacked as tar, in a file without a name in the folder `room`.

    ArchiveRefusedError: it is none, or holds what may not be there.
    """
    if is_zip(blob.file):
        return repacked(blob.file, strip, room)
    try:
        _check_tar(blob.file, Members(strip))
    except _BROKEN as error:
        why = str(error) or type(error).__name__
        raise ArchiveRefusedError(f"it is no whole archive (tar, also with gzip, xz or bzip2, or zip): {why}") from None
    return blob


def _check_tar(file: BinaryIO, members: Members) -> None:
    stream = _Stream(_plain(file))
    archive = tarfile.TarFile(fileobj=stream, encoding="utf-8", errors="surrogateescape")  # type: ignore[arg-type]
    while (entry := archive.next()) is not None:
        archive.members.clear()  # type: ignore[attr-defined]  # it would remember them all
        stream.described = 0
        kind = _KINDS.get(entry.type, Kind.OTHER)
        size = entry.size if kind is Kind.FILE else 0
        members.add(entry.name, kind, size=size, link=entry.linkname, mode=entry.mode)
    if stream.last_block.strip(b"\0"):  # tarfile takes any nonsense for the end
        raise tarfile.ReadError(f"it is damaged at byte {archive.offset}")
    members.end()


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def _plain(file: BinaryIO) -> _Readable:
    """What a file holds, decompressed where it is compressed."""
    file.seek(0)
    magic = file.read(6)
    file.seek(0)
    if magic.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=file, mode="rb")
    if magic.startswith(b"BZh"):
        return bz2.BZ2File(file)
    if magic.startswith(b"\xfd7zXZ"):
        return _Joined(_unxz(file))
    return file


def _unxz(file: BinaryIO) -> Iterator[bytes]:
    """With a bound on memory, which the lzma module's own files lack."""
    decoder = lzma.LZMADecompressor(memlimit=_XZ_MEMORY_BYTES)
    data = file.read(PIECE_BYTES)
    while True:
        yield decoder.decompress(data, PIECE_BYTES)
        data = b""
        if decoder.eof:
            data = decoder.unused_data.lstrip(b"\0")  # what pads a stream
            while not data and (more := file.read(PIECE_BYTES)):
                data = more.lstrip(b"\0")
            if not data:
                return
            decoder = lzma.LZMADecompressor(memlimit=_XZ_MEMORY_BYTES)
        elif decoder.needs_input:
            data = file.read(PIECE_BYTES)
            if not data:
                raise EOFError("it ends in the middle")


class _Joined:
    """Pieces as a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._waiting = pieces, b""

    def read(self, size: int, /) -> bytes:
        while not self._waiting:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._waiting = piece
        taken, self._waiting = self._waiting[:size], self._waiting[size:]
        return taken


class _Stream:
    """What tarfile reads from: forwards only, so much of one member's description and so much in all."""

    def __init__(self, source: _Readable) -> None:
        self._source, self._at = source, 0
        self.described = 0
        """How much was read since a member came; what it holds is skipped."""
        self.last_block = b""

    def tell(self) -> int:
        return self._at

    def seek(self, position: int) -> None:
        if position < self._at:
            raise tarfile.ReadError("a member says that it has less than no bytes")
        while self._at < position and self._take(min(position - self._at, PIECE_BYTES)):
            pass

    def read(self, size: int) -> bytes:
        self.described += size
        if size < 0 or self.described > _LONGEST_DESCRIPTION:
            raise tarfile.ReadError("a member's name or description is too long")
        found = bytearray()
        while len(found) < size and (piece := self._take(size - len(found))):
            found += piece
        if size == tarfile.BLOCKSIZE:
            self.last_block = bytes(found)
        return bytes(found)

    def _take(self, size: int) -> bytes:
        piece = self._source.read(size)
        self._at += len(piece)
        if self._at > 2 * MOST_BYTES:
            raise ArchiveRefusedError(f"it holds more than {MOST_BYTES // 10**9} GB")
        return piece
