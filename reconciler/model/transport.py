"""The one door to a machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a script left behind: its exit status and the bytes of its streams."""

    code: int
    stdout: bytes
    stderr: bytes


class Transport(Protocol):
    """Runs a POSIX sh script on one machine. Data travels on standard input only, never in the script."""

    def run(self, script: str, data: bytes) -> Result:
        """Raises UnreachableError where the door does not open or breaks."""
