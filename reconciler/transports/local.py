"""This very machine, with the rights of whoever runs the tool."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from reconciler.model.errors import UnreachableError
from reconciler.model.transport import Result

PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

SESSION_VARIABLES: Final = (
    "HOME",
    "USER",
    "LOGNAME",
    "WSL_DISTRO_NAME",
    "WSL_INTEROP",
    "XDG_RUNTIME_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
)
"""Who calls, and what Windows interop and `systemctl --user` cannot do without."""

_CHUNK: Final = 65536


@dataclass(frozen=True, slots=True)
class LocalTransport:
    """Runs scripts with `shell`, in a session of their own (no terminal) and in `/`.

    `environment` is all that they see of the caller's, beside PATH and LC_ALL unless it names them too; None stands for
    `SESSION_VARIABLES`. `output_limit` counts both streams, in bytes.
    """

    shell: tuple[str, ...] = ("/bin/sh",)
    environment: Mapping[str, str] | None = None
    deadline_seconds: float = field(default=300.0, kw_only=True)
    output_limit: int = field(default=64 * 1024 * 1024, kw_only=True)

    def run(self, script: str, data: bytes) -> Result:
        process = self._start(script)
        try:
            return self._converse(process, data)
        finally:
            _end(process)

    def _start(self, script: str) -> subprocess.Popen[bytes]:
        own = self.environment
        if own is None:
            own = {name: os.environ[name] for name in SESSION_VARIABLES if name in os.environ}
        try:
            return subprocess.Popen(
                [*self.shell, "-c", script],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd="/",
                env={"PATH": PATH, "LC_ALL": "C", **own},
                start_new_session=True,
            )
        except OSError as error:
            raise UnreachableError(
                f"this machine: {self.shell[0]} cannot be started: {error.strerror}",
                fix="a POSIX sh is needed",
            ) from error

    def _converse(self, process: subprocess.Popen[bytes], data: bytes) -> Result:
        """Feeds and reads at once: a script may answer before it has read everything."""
        assert process.stdin and process.stdout and process.stderr
        end = time.monotonic() + self.deadline_seconds
        received = {process.stdout.fileno(): bytearray(), process.stderr.fileno(): bytearray()}
        feed, rest = process.stdin.fileno(), memoryview(data)
        os.set_blocking(feed, False)
        with selectors.DefaultSelector() as selector:
            selector.register(feed, selectors.EVENT_WRITE)
            for stream in received:
                selector.register(stream, selectors.EVENT_READ)
            while selector.get_map():
                for key, _ in selector.select(self._remaining(end)):
                    if key.fd == feed:
                        rest = _write_some(feed, rest)
                        open_still = bool(rest)
                    else:
                        chunk = os.read(key.fd, _CHUNK)
                        received[key.fd] += chunk
                        open_still = bool(chunk)
                    if not open_still:
                        selector.unregister(key.fd)
                        if key.fd == feed:
                            process.stdin.close()
                self._check_size(received)
        stdout, stderr = received.values()
        return Result(code=self._wait(process, end), stdout=bytes(stdout), stderr=bytes(stderr))

    def _remaining(self, end: float) -> float:
        remaining = end - time.monotonic()
        if remaining <= 0:
            raise self._too_late()
        return remaining

    def _too_late(self) -> UnreachableError:
        return UnreachableError(
            f"this machine did not answer within {self.deadline_seconds:g} seconds",
            fix="look for a file system or a program that hangs",
        )

    def _check_size(self, received: Mapping[int, bytearray]) -> None:
        if sum(map(len, received.values())) > self.output_limit:
            raise UnreachableError(f"this machine answered more than {self.output_limit >> 20} MiB")

    def _wait(self, process: subprocess.Popen[bytes], end: float) -> int:
        """Both streams are closed; a script may still run."""
        try:
            return process.wait(max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired as error:
            raise self._too_late() from error


def _write_some(feed: int, rest: memoryview) -> memoryview:
    """What is left to write. A script that reads no further has said so by closing its end."""
    try:
        return rest[os.write(feed, rest[:_CHUNK]) :] if rest else rest
    except BlockingIOError:
        return rest
    except BrokenPipeError:
        return rest[:0]


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leaves nothing behind, whatever happened: Ctrl-C does not reach a session without a terminal.

    A script that writes is asked first: it finishes or undoes the file it is at.

    What runs as root below `sudo` may not be killed; it ends when it finds its streams closed.
    """
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream:
            stream.close()
    for number, patience_seconds in ((signal.SIGTERM, 2), (signal.SIGKILL, 1)):
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(patience_seconds)
