"""The files, and what a run asks of this machine on their behalf: each file is read once, each command is run once."""

from __future__ import annotations

import glob
import os
import re
import stat
from dataclasses import dataclass, field
from typing import Final

from reconciler.model.errors import Problem, ReconcileError
from reconciler.model.tree import Origin
from reconciler.transports.ssh.config.blocks import ParsedFile, parse_file
from reconciler.transports.ssh.config.ownership import is_trusted
from reconciler.transports.ssh.config.values import Local

LARGEST_FILE_BYTES: Final = 1024 * 1024
_ESCAPED: Final = re.compile(r"\\(.?)", re.DOTALL)


@dataclass(slots=True)
class Sources:
    """All that was read for one person. Raises ReconcileError for what cannot be read or may not be trusted."""

    local: Local
    _files: dict[tuple[str, bool], ParsedFile | None] = field(default_factory=dict)
    _globs: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _answers: dict[str, bool] = field(default_factory=dict)

    def file(self, path: str, *, checked: bool, named_at: Origin | None) -> ParsedFile | None:
        """None where there is no such file. `checked`: nobody else may be able to write it."""
        key = (path, checked)
        if key not in self._files:
            data = self._read(path, checked, named_at)
            self._files[key] = None if data is None else parse_file(data, self._shown(path), self.local.environment)
        return self._files[key]

    def matching(self, pattern: str) -> tuple[str, ...]:
        """The files that an Include means, sorted by bytes."""
        if pattern not in self._globs:
            # What stands behind a backslash means itself; Python's glob writes that as a set of one.
            plain = _ESCAPED.sub(lambda found: glob.escape(found[1]), pattern)
            found = glob.glob(plain)  # noqa: PTH207 (that of a Path lets `*` stand for hidden files)
            self._globs[pattern] = tuple(sorted(found, key=os.fsencode))
        return self._globs[pattern]

    def succeeds(self, command: str, origin: Origin) -> bool:
        """Whether the command of a `Match exec` does."""
        if command not in self._answers:
            # Few need it, and it brings the whole of subprocess.
            from reconciler.transports.ssh.config import commands

            self._answers[command] = commands.succeeds(command, self.local, origin)
        return self._answers[command]

    def _read(self, path: str, checked: bool, named_at: Origin | None) -> bytes | None:
        try:
            # Without blocking: opening a pipe would wait for someone to write.
            with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
                state = os.fstat(file.fileno())
                self._check(state, path, checked, named_at)
                return file.read(LARGEST_FILE_BYTES) if stat.S_ISREG(state.st_mode) else b""
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "its name has a NUL"
            raise self._refused(path, f"cannot be read: {reason}", named_at) from None

    def _check(self, state: os.stat_result, path: str, checked: bool, named_at: Origin | None) -> None:
        if checked and not is_trusted(state, self.local.uid):
            why = "belongs to somebody else, or others may write it; ssh does not read such a file"
            raise self._refused(
                path, why, named_at, f"chmod go-w {self._shown(path)}, and chown it to {self.local.user}"
            )
        if stat.S_ISFIFO(state.st_mode):
            raise self._refused(path, "is a pipe, not a file", named_at)
        if state.st_size > LARGEST_FILE_BYTES:
            why = f"has {state.st_size:,} bytes; at most {LARGEST_FILE_BYTES:,} are read"
            raise self._refused(path, why, named_at)

    def _refused(self, path: str, why: str, named_at: Origin | None, fix: str | None = None) -> ReconcileError:
        return ReconcileError([Problem(f"{self._shown(path)} {why}", named_at, fix)])

    def _shown(self, path: str) -> str:
        home = self.local.home.rstrip("/") + "/"
        return "~/" + path.removeprefix(home) if path.startswith(home) else path
