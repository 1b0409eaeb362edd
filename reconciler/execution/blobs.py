"""Large bytes on their way to machines: open files of the controller, known by digest, never whole in memory."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Final

from reconciler.model.tasks import BlobTask

PIECE_BYTES: Final = 256 * 1024


class BlobLostError(Exception):
    """A blob could not be read to its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """An open file and what it holds, which was read once to know it. Any number of machines may be sent it at once."""

    file: BinaryIO
    size: int
    digest: str

    @classmethod
    def of(cls, file: BinaryIO) -> Blob:
        size, digest = 0, hashlib.sha256()
        for piece in _pieces(file):
            size += len(piece)
            digest.update(piece)
        return cls(file=file, size=size, digest=digest.hexdigest())

    def pieces(self) -> Iterator[bytes]:
        """BlobLostError: they are no longer all there."""
        left = self.size
        try:
            for piece in _pieces(self.file):
                yield piece[:left]
                left -= len(piece[:left])
        except OSError as error:
            raise BlobLostError(f"a file to be sent could not be read: {error.strerror}") from None
        if left:
            raise BlobLostError("a file to be sent became shorter meanwhile")


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    at = 0
    while piece := os.pread(file.fileno(), PIECE_BYTES, at):
        yield piece
        at += len(piece)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unavailable:
    """Why there are no bytes for a task: it could not be had, or is `is_refused` for what it is."""

    why: str
    is_refused: bool = False


Supplies = Mapping[BlobTask, Blob | Unavailable]
"""The bytes of each task whose bytes the controller sends."""
