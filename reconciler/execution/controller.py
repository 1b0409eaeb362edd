"""The controller's own folders: what it keeps between runs. Everything here may be lost without harm.

The state folder holds 32 random bytes that key the hashes of secrets in saved plans, and a record of each run that wrote
something, the newest 200; the cache folder the digests of documents that were found good.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

KEY_BYTES: Final = 32
MOST_DIGESTS: Final = 2_000
MOST_RECORDS: Final = 200
_BESIDE: Final = ".reconcile-"
_LEFT: Final = re.compile(rf"{re.escape(_BESIDE)}[0-9a-f]{{16}}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Controller:
    state: Path
    cache: Path

    def key(self) -> bytes:
        """The key of this controller, made at first use; where no folder can be written, one for this run only."""
        path = self.state / "key"
        try:
            found = path.read_bytes()
            if len(found) == KEY_BYTES:
                return found
        except OSError:
            pass
        made = secrets.token_bytes(KEY_BYTES)
        try:
            self.state.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(path, made)
        except OSError:
            pass
        return made

    def record(self, run: str, text: str) -> None:
        """What a run came to, by its id. Best effort: the machines' own journals are what counts."""
        folder = self.state / "runs"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(folder / f"{run}.json", text.encode())
            for old in sorted(folder.glob("*.json"))[:-MOST_RECORDS]:
                old.unlink(missing_ok=True)
        except OSError:
            return

    def good_documents(self) -> set[str]:
        try:
            return set((self.cache / "good-documents").read_text().split())
        except (OSError, UnicodeDecodeError):
            return set()

    def remember_good_documents(self, digests: set[str], before: set[str]) -> None:
        """Best effort: a lost cache costs time only."""
        if digests == before:
            return
        kept = sorted(digests)[-MOST_DIGESTS:]
        try:
            self.cache.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(self.cache / "good-documents", "\n".join(kept).encode())
        except OSError:
            return


def write_private(path: Path, data: bytes) -> None:
    """The whole file or the old one, readable by its owner only. What a run left there that was killed meanwhile goes."""
    _clear_up(path.parent)
    temporary = path.with_name(f"{_BESIDE}{secrets.token_hex(8)}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # for as long as it is written
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _clear_up(folder: Path) -> None:
    """Files that nobody writes any more: who does has them locked."""
    for left in folder.glob(f"{_BESIDE}*") if folder.is_dir() else ():
        if _LEFT.fullmatch(left.name):
            with contextlib.suppress(OSError), left.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                left.unlink()
