"""A process of this machine as a pipe: a shell, or the user's own `ssh`."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from typing import Final

from reconciler.model.errors import UnreachableError

_CHUNK: Final = 65536


class ProcessPipe:
    """Runs `argv` in `/` and in a session of its own: it has no terminal, and Ctrl-C does not reach it."""

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str], fix: str) -> None:
        """UnreachableError: it cannot be started; `fix` says what would help."""
        try:
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd="/",
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            raise UnreachableError(f"{argv[0]} cannot be started: {error.strerror}", fix=fix) from error
        stdin, stdout, stderr = self._process.stdin, self._process.stdout, self._process.stderr
        assert stdin and stdout and stderr
        self._feed, self._streams = stdin, (stdout, stderr)
        self._numbers = (stdout.fileno(), stderr.fileno())
        self._open = set(self._numbers)
        self._lock = threading.Lock()
        """Against a stream that another thread closes: its number may be somebody else's a moment later."""
        for stream in (stdin, stdout, stderr):
            os.set_blocking(stream.fileno(), False)

    @property
    def at_end(self) -> bool:
        return not self._open

    def wait(self, seconds: float, *, to_write: bool) -> None:
        with selectors.DefaultSelector() as selector:
            with self._lock:
                for number in self._open:
                    selector.register(number, selectors.EVENT_READ)
                if to_write and not self._feed.closed:
                    selector.register(self._feed, selectors.EVENT_WRITE)
            selector.select(seconds)

    def read(self) -> tuple[bytes, bytes]:
        with self._lock:
            stdout, stderr = map(self._read, self._numbers)
        return stdout, stderr

    def _read(self, number: int) -> bytes:
        if number not in self._open:
            return b""
        try:
            chunk = os.read(number, _CHUNK)
        except BlockingIOError:
            return b""
        if not chunk:
            self._open.discard(number)
        return chunk

    def write(self, data: memoryview) -> int:
        """A process that reads no further has said so by closing its end."""
        with self._lock:
            try:
                return len(data) if self._feed.closed else os.write(self._feed.fileno(), data[:_CHUNK])
            except BlockingIOError:
                return 0
            except BrokenPipeError:
                return len(data)

    def end_input(self) -> None:
        with self._lock:
            self._feed.close()

    def code(self, seconds: float) -> int | None:
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def close(self) -> None:
        """Leaves nothing behind. A script that writes is asked first: it finishes or undoes the file it is at.

        What runs as root below `sudo` may not be killed; it ends when it finds its streams closed.
        """
        with self._lock:
            for stream in (self._feed, *self._streams):
                stream.close()
            self._open.clear()
        for number, patience_seconds in ((signal.SIGTERM, 2), (signal.SIGKILL, 1)):
            if self._process.poll() is None:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._process.pid, number)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(patience_seconds)
