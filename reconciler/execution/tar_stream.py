"""A tar archive as a stream: known in size before its first byte, and never whole in memory."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from reconciler.execution.blobs import PIECE_BYTES, Blob

_RECORD: Final = tarfile.RECORDSIZE


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """`head` stands in front of the archive of `files`; archives may stand in archives."""

    head: bytes
    files: Mapping[str, bytes | Blob | Archive]

    @property
    def size(self) -> int:
        content = sum(tarfile.BLOCKSIZE + _padded(_size(data), tarfile.BLOCKSIZE) for data in self.files.values())
        return len(self.head) + _padded(content + 2 * tarfile.BLOCKSIZE, _RECORD)

    def pieces(self) -> Iterator[bytes]:
        """Small ones are joined: each is a write to a pipe."""
        small = bytearray()
        for piece in self._pieces():
            small += piece
            if len(small) >= PIECE_BYTES:
                yield bytes(small)
                small.clear()
        yield bytes(small)

    def _pieces(self) -> Iterator[bytes]:
        yield self.head
        written = 0
        for name, data in self.files.items():
            size = _size(data)
            yield _entry(name, size)
            yield from (data,) if isinstance(data, bytes) else data.pieces()
            yield bytes(_padded(size, tarfile.BLOCKSIZE) - size)
            written += tarfile.BLOCKSIZE + _padded(size, tarfile.BLOCKSIZE)
        yield bytes(_padded(written + 2 * tarfile.BLOCKSIZE, _RECORD) - written)


def _size(data: bytes | Blob | Archive) -> int:
    return len(data) if isinstance(data, bytes) else data.size


def _padded(size: int, to: int) -> int:
    return -(-size // to) * to


def _entry(name: str, size: int) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o600
    return entry.tobuf(tarfile.GNU_FORMAT)  # which has room for any size
