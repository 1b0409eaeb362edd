"""How much a test of faults does, and the figures that it leaves behind.

RECONCILE_FAULTS=full: as many rounds as a figure to be published takes; else as many as a quick run can have.
RECONCILE_FAULTS_FIGURES: a file that gets one line of JSON for each row and variant.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

IS_FULL = os.environ.get("RECONCILE_FAULTS") == "full"


def rounds(quick: int, full: int) -> int:
    return full if IS_FULL else quick


@dataclass
class Measured:
    """What was counted in one row of the table. It is written down also when the test fails."""

    row: str
    variant: str
    counted: Counter[str] = field(default_factory=Counter)
    _began: float = field(default_factory=time.monotonic)

    def count(self, **figures: int) -> int:
        """Adds them; the sum of the last one."""
        self.counted.update({name: int(figure) for name, figure in figures.items()})
        return self.counted[next(reversed(figures))]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        file = os.environ.get("RECONCILE_FAULTS_FIGURES")
        seconds = round(time.monotonic() - self._began, 1)
        figures = {"row": self.row, "variant": self.variant, **self.counted, "seconds": seconds}
        if file:
            with Path(file).open("a", encoding="utf-8") as out:
                out.write(json.dumps(figures) + "\n")
