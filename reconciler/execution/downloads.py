"""The controller's cache of downloads: files named by their SHA-256, fetched once, whatever they are called elsewhere.

A file that is put there by hand under its digest counts too: so machines without a network can be served. Every file is
digested whenever it is used; one that is no longer what its name says is fetched again.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from reconciler.execution import fetching
from reconciler.execution.blobs import Blob
from reconciler.execution.fetching import FetchError, Patience
from reconciler.model.tasks import Download

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_PART: Final = ".fetching-"
_UNUSED_SECONDS: Final = 90 * 24 * 3600
_DEAD_SECONDS: Final = 24 * 3600


def _nothing(url: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Downloads:
    """`acting` gives the rights that `file:` URLs are read with; `tell` hears of each URL before it is fetched."""

    folder: Path
    acting: Callable[[], AbstractContextManager[None]] = nullcontext
    tell: Callable[[str], None] = _nothing
    patience: Patience = field(default_factory=Patience)

    def sizes(self) -> Mapping[str, int]:
        """Of all that is here, by digest."""
        return {name: found.st_size for name, found in self._entries() if _DIGEST.fullmatch(name)}

    def blob(self, download: Download) -> Blob:
        """Its bytes, from the cache or fetched. FetchError says why there are none."""
        return self._kept(download.digest) or self._fetched(download)

    def forget_unused(self) -> None:
        """Takes away what nobody has used for 90 days, and what is left of runs that were killed."""
        now = time.time()
        for name, found in list(self._entries()):
            most = _UNUSED_SECONDS if _DIGEST.fullmatch(name) else _DEAD_SECONDS if name.startswith(_PART) else None
            if most is not None and now - found.st_mtime > most:
                with suppress(OSError):
                    (self.folder / name).unlink()

    def _entries(self) -> Iterator[tuple[str, os.stat_result]]:
        with suppress(OSError), os.scandir(self.folder) as entries:
            for entry in entries:
                with suppress(OSError):
                    found = entry.stat(follow_symlinks=False)
                    if stat.S_ISREG(found.st_mode):
                        yield entry.name, found

    def _kept(self, digest: str) -> Blob | None:
        path = self.folder / digest
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return None
        if stat.S_ISREG(os.fstat(handle).st_mode):
            file = os.fdopen(handle, "rb")
            with suppress(OSError):
                blob = Blob.of(file)
                if blob.digest == digest:
                    with suppress(OSError):
                        os.utime(path)
                    return blob
            file.close()
        else:
            os.close(handle)
        with suppress(OSError):
            path.unlink()
        return None

    def _fetched(self, download: Download) -> Blob:
        self.tell(download.url)
        part = self.folder / f"{_PART}{download.digest}.{secrets.token_hex(8)}"
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return self._taken_in(download, part)
        except OSError as error:
            raise FetchError(f"{download.url} cannot be kept in {self.folder}: {error.strerror}") from None
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)

    def _taken_in(self, download: Download, part: Path) -> Blob:
        """The bytes take their name when they are whole, right and durable; other runs may do the same meanwhile."""
        handle = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        file = os.fdopen(handle, "r+b", buffering=0)
        try:
            size, digest = 0, hashlib.sha256()
            for piece in fetching.pieces(download.url, self.patience, self.acting):
                digest.update(piece)
                size += len(piece)
                while piece:
                    piece = piece[file.write(piece) :]
            if digest.hexdigest() != download.digest:
                raise FetchError(
                    f"{download.url} holds something else than the document says: its SHA-256 is {digest.hexdigest()}, "
                    f"not {download.digest}. Nothing of it was kept"
                )
            os.fsync(handle)
            part.replace(self.folder / download.digest)
            self._sync_folder()
        except BaseException:
            file.close()
            raise
        return Blob(file=file, size=size, digest=download.digest)

    def _sync_folder(self) -> None:
        handle = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
