"""How much work something is, as a ratio: CPU time against that of a fixed piece of Python in the same run.

Seconds differ between machines and with what else runs there; the ratio hardly does. Bounds leave at least twice the
room that the work needs: they are there for what grows with the square or the power of its input.
"""

from __future__ import annotations

import time
from collections.abc import Callable

SOON_SECONDS = 10
"""What is to end by itself has ended by then on any machine; what a test holds against it takes twice as long or more."""


def _yardstick() -> str:
    """About 0.1 s of a processor of 2020: words, a dictionary and a join, as in what we measure."""
    words: dict[str, int] = {}
    for number in range(250_000):
        words[f"{number % 1000}"] = number
    return "".join(words)


def _cpu_seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def yardsticks(work: Callable[[], object]) -> float:
    """How many yardsticks of CPU time the work takes, with one measured before it and one after."""
    before, taken, after = _cpu_seconds(_yardstick), _cpu_seconds(work), _cpu_seconds(_yardstick)
    return taken / max(before, after)
