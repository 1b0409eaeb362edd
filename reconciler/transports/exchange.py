"""A conversation with a script over any pair of byte pipes: never longer, larger or more silent than allowed."""

from __future__ import annotations

import contextlib
import math
import re
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Protocol

from reconciler.agents import HERE
from reconciler.model.errors import UnreachableError
from reconciler.model.transport import SLOWEST_BYTES_PER_SECOND, Result

DOING: Final = b"\nreconcile-doing "
"""What scripts say on standard error beside `reconcile-alive`: what they are at. See `agents/session.sh`."""

_SIGNS: Final = re.compile(rb"\nreconcile-(?:alive|doing [^\n]*)\n")
_TICK_SECONDS: Final = 0.5
_HANGS: Final = "look for a file system, a program or a network that hangs; --timeout gives it more time"
_BUSY: Final = "see what keeps it busy"
_LOGIN: Final = "see what its login shell prints, and ForceCommand in its sshd_config: log in by hand"
_MUCH: Final = "declare less at once, or look at what it prints"
_EXIT_SECONDS: Final = 10.0


class Pipe(Protocol):
    """The bytes of a process elsewhere. Nothing here blocks but `wait` and `code`; all raise UnreachableError."""

    def wait(self, seconds: float, *, to_write: bool) -> None:
        """Until there is something to read, or room to write if that is wanted, or the time is up."""

    def read(self) -> tuple[bytes, bytes]:
        """What has arrived on standard output and standard error; both empty where nothing has."""

    @property
    def at_end(self) -> bool:
        """Whether both streams have ended and all of them was read."""

    def write(self, data: memoryview) -> int:
        """How much was taken; all of it where the process reads no further."""

    def end_input(self) -> None: ...

    def code(self, seconds: float) -> int | None:
        """The exit status, waited for after the streams have ended; None: it did not come."""

    def close(self) -> None:
        """At once. A second time does nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`silence_seconds` counts from the last byte heard, and what was said since then has as long to arrive, at most; None: not at
    all; `deadline_seconds` all time spent listening;
    `output_bytes` both streams."""

    silence_seconds: float | None = None
    deadline_seconds: float = 300.0
    output_bytes: int = 64 * 1024 * 1024


class PipeExchange:
    """The `Exchange` over a pipe; `name` names the machine in messages."""

    def __init__(self, pipe: Pipe, name: str, limits: Limits) -> None:
        self._pipe, self._name, self._limits = pipe, name, limits
        self._stdout, self._stderr = _Heard(), _Heard()
        self._queue: deque[Iterator[bytes]] = deque()
        self._piece = memoryview(b"")
        self._input = _Input.OPEN
        self._has_begun = False
        self._arrives_at = 0.0
        self._listened_seconds, self._deadline_seconds = 0.0, limits.deadline_seconds

    @property
    def said(self) -> bytes:
        return bytes(self._stdout.data)

    @property
    def alive_seconds(self) -> int:
        return math.ceil((self._limits.silence_seconds or 0) / 3)

    def allow(self, seconds: float) -> None:
        self._deadline_seconds = self._listened_seconds + seconds

    def say(self, data: bytes | Iterable[bytes]) -> None:
        self._queue.append(iter((data,) if isinstance(data, bytes) else data))

    def end_input(self) -> None:
        if self._input is _Input.OPEN:
            self._input = _Input.ENDING

    def wait_for(self, *words: bytes, seconds: float | None = None) -> bytes | None:
        end = None if seconds is None else self._listened_seconds + seconds
        with self._closed_on_trouble():
            for _ in self._heard(end):
                found = self._stdout.found(words) or self._stderr.found(words)
                if found is not None:
                    return found
        return None

    def finish(self) -> Result:
        self.end_input()
        with self._closed_on_trouble():
            for _ in self._heard():
                pass
            code = self._pipe.code(min(_EXIT_SECONDS, max(0.0, self._remaining_seconds)))
            if code is None:
                raise self._trouble("closed its streams and runs on", _HANGS)
        self._pipe.close()
        return Result(code=code, stdout=bytes(self._stdout.data), stderr=without_signs_of_life(self._stderr.data))

    def close(self) -> None:
        self._pipe.close()

    @contextlib.contextmanager
    def _closed_on_trouble(self) -> Iterator[None]:
        try:
            yield
        except UnreachableError as error:
            self._pipe.close()
            error.said = bytes(self._stdout.data)
            raise
        except TimeoutError:
            raise
        except BaseException:
            self._pipe.close()
            raise

    def _heard(self, end: float | None = None) -> Iterator[None]:
        """Feeds and listens at once, for a script may answer before it has read everything; a step for whatever
        there is to look at. TimeoutError: after so many seconds of listening in all there is still more to come."""
        last_heard = time.monotonic()
        yield
        while not self._pipe.at_end:
            began = time.monotonic()
            self._feed()
            stdout, stderr = self._pipe.read()
            if not self._has_begun or not (stdout or stderr):
                self._check_silence(began - last_heard, self._arrives_at - last_heard)
            if not stdout and not stderr:
                if not self._pipe.at_end:
                    self._pipe.wait(min(_TICK_SECONDS, self._remaining_seconds), to_write=bool(self._piece))
            else:
                unsearched = max(0, len(self._stdout.data) - len(HERE))
                self._stdout.data += stdout
                self._stderr.data += stderr
                self._check_size()
                self._has_begun = self._has_begun or self._stdout.data.find(HERE, unsearched) >= 0
                last_heard = began if self._has_begun else last_heard
                yield
            self._listened_seconds += time.monotonic() - began
            if end is not None and self._listened_seconds > end:
                raise TimeoutError
            if self._remaining_seconds <= 0:
                raise self._trouble(f"was not done within {self._deadline_seconds:g} seconds", _BUSY)

    @property
    def _remaining_seconds(self) -> float:
        return self._deadline_seconds - self._listened_seconds

    def _feed(self) -> None:
        while self._piece or self._take_piece():
            taken = self._pipe.write(self._piece)
            if not taken:
                return
            self._piece = self._piece[taken:]
            self._arrives_at = max(self._arrives_at, time.monotonic()) + taken / SLOWEST_BYTES_PER_SECOND
        if self._input is _Input.ENDING:
            self._input = _Input.ENDED
            self._pipe.end_input()

    def _take_piece(self) -> bool:
        """The next bytes of what was said; False: there are none."""
        while self._queue and not self._piece:
            piece = next(self._queue[0], None)
            if piece is None:
                self._queue.popleft()
            else:
                self._piece = memoryview(piece)
        return bool(self._piece)

    def _check_silence(self, silent_seconds: float, arriving_seconds: float) -> None:
        """`arriving_seconds`: how long what was said may still be on its way, after the last byte heard."""
        most = self._limits.silence_seconds
        if most is None or silent_seconds <= most + min(most, max(0.0, arriving_seconds)):
            return
        if self._has_begun or not self._stdout.data:
            raise self._trouble(f"has said nothing for {most:g} seconds", _HANGS)
        raise self._trouble(f"printed for {most:g} seconds and did not start our script", _LOGIN)

    def _check_size(self) -> None:
        if len(self._stdout.data) + len(self._stderr.data) > self._limits.output_bytes:
            raise self._trouble(
                f"answered more than {self._limits.output_bytes >> 20} MiB", _MUCH if self._has_begun else _LOGIN
            )

    def _trouble(self, what: str, fix: str) -> UnreachableError:
        doing = _last_doing(self._stderr.data)
        return UnreachableError(f"{self._name} {what}" + (f" (it was {doing})" if doing else ""), fix=fix)


class _Input(Enum):
    OPEN = auto()
    ENDING = auto()
    """It ends when all that was said has left."""
    ENDED = auto()


class _Heard:
    """One stream, with how far it was searched."""

    def __init__(self) -> None:
        self.data = bytearray()
        self._searched = 0

    def found(self, words: Sequence[bytes]) -> bytes | None:
        places = {place: word for word in words if (place := self.data.find(word, self._searched)) >= 0}
        if places:
            self._searched = min(places) + len(places[min(places)])
            return places[min(places)]
        self._searched = max(self._searched, len(self.data) - max(map(len, words)) + 1)
        return None


def without_signs_of_life(stderr: bytes | bytearray) -> bytes:
    """What is left of standard error for people."""
    return _SIGNS.sub(b"", bytes(stderr))


def _last_doing(stderr: bytearray) -> str:
    _, found, rest = stderr.rpartition(DOING)
    return rest.partition(b"\n")[0].decode("utf-8", "replace") if found else ""
