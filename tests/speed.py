"""How fast this computer is right now, so that limits of CPU time hold on a busy one too."""

from __future__ import annotations

import time

QUIET_SECONDS = 0.055
"""What the reference takes on the computer that the limits were set on, when nothing else runs."""


def slowness() -> float:
    """How many times as long a fixed piece of work takes as it did there; never less than 1."""
    started = time.process_time()
    sum(number * number for number in range(1_000_000))
    return max(1.0, (time.process_time() - started) / QUIET_SECONDS)
