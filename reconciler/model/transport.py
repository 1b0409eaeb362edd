"""The one door to a machine: a script is started there, told data, and heard."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol

SLOWEST_BYTES_PER_SECOND: Final = 32 * 1024
"""What is said takes no longer than so on its way: a machine that is still hearing it is not silent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a script left behind: its exit status and the bytes of its streams."""

    code: int
    stdout: bytes
    stderr: bytes


class Exchange(Protocol):
    """One script at work on a machine. Every method that listens raises UnreachableError where the machine breaks off,
    says too much, or is silent for too long; the exchange is closed then."""

    @property
    def said(self) -> bytes:
        """What has been heard on standard output so far."""

    @property
    def alive_seconds(self) -> int:
        """How often the script has to show that it still runs; 0: it need not."""

    def allow(self, seconds: float) -> None:
        """How long it may go on from here; only the time counts in which somebody listens."""

    def say(self, data: bytes | Iterable[bytes]) -> None:
        """Puts data in line for the script's standard input; it leaves while someone listens, and pieces are asked for
        only when there is room for them."""

    def end_input(self) -> None:
        """Nothing more will be said."""

    def wait_for(self, *words: bytes, seconds: float | None = None) -> bytes | None:
        """The first of the words that stands in what either stream said since the last time; None: the script ended.

        TimeoutError: it was not said in so many seconds. The exchange goes on then.
        """

    def finish(self) -> Result:
        """Ends the input and hears the script out: all that it said, from its start."""

    def close(self) -> None:
        """At once, whatever the script is doing. It may be called twice, and from another thread."""


class Transport(Protocol):
    """Runs POSIX sh scripts on one machine, which `name` names in messages."""

    @property
    def name(self) -> str: ...

    def start(self) -> Exchange:
        """Starts a shell that waits for a script, see `agents`. Raises UnreachableError where the door does not open."""

    def renew(self) -> None:
        """Ends the connection, where there is one: the next exchange begins with a new one."""

    def close(self) -> None:
        """Ends the connection, with all that is at work on it; none is made any more: GivenUpError."""
