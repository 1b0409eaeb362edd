"""The runner's end of a process 1: has it run programs, talks with them, and ends what takes too long."""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lab.channel import ClosedError, Message, close, send

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
STEP_SECONDS = 60.0


class LabUnavailable(Exception):  # noqa: N818 # a state of this computer, not an error
    """Why this computer cannot have a lab, in one sentence; the tests are skipped with it."""


class LabError(Exception):
    """Something in the lab went wrong; a test fails with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    code: int
    stdout: bytes
    stderr: bytes


class Process:
    """Something a process 1 was asked to do: what it says of it, line by line, until the end."""

    def __init__(self, status: int) -> None:
        self.status = status
        self.heard: dict[str, object] = {}
        self._pending = b""

    def fileno(self) -> int:
        return self.status

    def listen(self) -> bool:
        """Read what there is; False at the end."""
        data = os.read(self.status, 65_536)
        self._pending += data
        *lines, self._pending = self._pending.split(b"\n")
        for line in lines:
            self.heard |= json.loads(line)
        if "error" in self.heard:
            raise LabError(str(self.heard["error"]))
        return bool(data)

    def wait_for(self, name: str, seconds: float = STEP_SECONDS) -> object:
        end = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self.status, selectors.EVENT_READ)
            while name not in self.heard:
                if not selector.select(max(0.0, end - time.monotonic())):
                    raise TimeoutError(f"process 1 said nothing of {name!r} within {seconds:g} seconds")
                if not self.listen() and name not in self.heard:
                    raise LabError(f"process 1 ended before it said {name!r}")
        return self.heard[name]

    def listen_briefly(self, seconds: float) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self.status, selectors.EVENT_READ)
            if selector.select(seconds):
                self.listen()

    def close(self) -> None:
        close([self.status])
        self.status = -1


class Commander:
    """The runner's end of a process 1's channel. Closing it ends everything there is in that process namespace."""

    def __init__(self, channel: socket.socket, environment: Mapping[str, str] | None = None) -> None:
        self.channel = channel
        self.environment = {"PATH": PATH, "LC_ALL": "C.UTF-8", **(environment or {})}
        self.lock = threading.Lock()

    def ask(self, what: str, descriptors: Sequence[int] = (), **fields: object) -> Process:
        """`descriptors` are closed here: process 1 has its own copies."""
        reading, writing = os.pipe()
        try:
            with self.lock:
                send(self.channel, Message(what=what, fields=fields, descriptors=[*descriptors, writing]))
        except ClosedError as error:
            close([reading])
            raise LabError("the machine is not running") from error
        finally:
            close([*descriptors, writing])
        return Process(reading)

    def tell(self, what: str) -> None:
        send(self.channel, Message(what=what))

    def start(self, arguments: Sequence[str], descriptors: Sequence[int], *, user: str = "root") -> Process:
        return self.ask(
            "run", descriptors, arguments=list(arguments), user=user, folder="/", environment=self.environment
        )

    def run(
        self,
        arguments: Sequence[str],
        *,
        user: str = "root",
        input: bytes = b"",  # noqa: A002 # subprocess's own word
        timeout: float = STEP_SECONDS,
        stdout: int | None = None,
    ) -> Result:
        """`stdout` is a descriptor to write to instead. Raises TimeoutError, having killed what it ran."""
        (stdin, feed), (out, out_end), (err, err_end) = os.pipe(), os.pipe(), os.pipe()
        if stdout is not None:
            os.dup2(stdout, out_end)
        process = self.start(arguments, (stdin, out_end, err_end), user=user)
        try:
            talk = _Talk(process, feed, input, (out, err))
            code = talk.pump(time.monotonic() + timeout)
            return Result(code=code, stdout=bytes(talk.collected[out]), stderr=bytes(talk.collected[err]))
        except TimeoutError:
            self.kill(process, group=True)
            raise TimeoutError(f"{' '.join(arguments)[:200]}: still running after {timeout:g} seconds") from None
        finally:
            process.close()
            close([out, err])

    def succeed(
        self,
        arguments: Sequence[str],
        *,
        input: bytes = b"",  # noqa: A002 # subprocess's own word
        timeout: float = STEP_SECONDS,
    ) -> bytes:
        """What it printed; raises LabError when it fails."""
        result = self.run(arguments, input=input, timeout=timeout)
        if result.code != 0:
            said = (result.stderr or result.stdout).decode(errors="replace")[-2000:]
            raise LabError(f"{' '.join(arguments)[:200]} ended with {result.code}: {said}")
        return result.stdout

    def kill(self, process: Process, *, number: int = signal.SIGKILL, group: bool = False) -> None:
        process_id = process.wait_for("pid")
        answer = self.ask("kill", pid=process_id, signal=int(number), group=group)
        try:
            answer.wait_for("code")
        except LabError as error:
            if "ProcessLookupError" not in str(error):
                raise
        finally:
            answer.close()

    def close(self) -> None:
        self.channel.close()


class _Talk:
    """One program's pipes and status, pumped until it has ended and said all there was."""

    def __init__(self, process: Process, feed: int, data: bytes, outputs: Sequence[int]) -> None:
        self.process, self.feed, self.data = process, feed, memoryview(data)
        self.collected = {output: bytearray() for output in outputs}
        os.set_blocking(feed, False)
        self.selector = selectors.DefaultSelector()
        self.selector.register(feed, selectors.EVENT_WRITE, self._give)
        self.selector.register(process, selectors.EVENT_READ, self._listen)
        for output in outputs:
            self.selector.register(output, selectors.EVENT_READ, lambda output=output: self._take(output))

    def pump(self, end: float) -> int:
        """The exit code. A program it left behind may hold the pipes open: its own end is the end."""
        with self.selector:
            try:
                while "code" not in self.process.heard or self._more_to_read():
                    events = self.selector.select(max(0.0, end - time.monotonic()))
                    if not events:
                        raise TimeoutError
                    for key, _mask in events:
                        key.data()
            finally:
                if self.feed in self.selector.get_map():
                    close([self.feed])
        code = self.process.heard["code"]
        assert isinstance(code, int)
        return code

    def _more_to_read(self) -> bool:
        return any(key.fd in self.collected for key, _mask in self.selector.select(0))

    def _listen(self) -> None:
        if not self.process.listen():
            self.selector.unregister(self.process)
            if "code" not in self.process.heard:
                raise LabError("the machine ended while it ran this")

    def _take(self, output: int) -> None:
        data = os.read(output, 262_144)
        self.collected[output] += data
        if not data:
            self.selector.unregister(output)

    def _give(self) -> None:
        try:
            self.data = self.data[os.write(self.feed, self.data[:65_536]) :] if self.data else self.data
        except BrokenPipeError:
            self.data = self.data[:0]
        if not self.data:
            self.selector.unregister(self.feed)
            close([self.feed])
