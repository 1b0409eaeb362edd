"""How many faults fall, and what is remembered of them.

Fast by default: a few points of each row, always the same. `RECONCILE_FAULTS=full` takes all there are, which lasts for
hours; with `RECONCILE_FAULTS_RESULTS=FILE` every finished point is a line of JSON there, so that a run that was broken
off goes on where it stood, and every finished row one with its figures. `python -m faults.report FILE` shows them.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from faults.sweep import Ground, program
from faults.witness import Findings

IS_FULL: Final = os.environ.get("RECONCILE_FAULTS") == "full"
_RESULTS: Final = os.environ.get("RECONCILE_FAULTS_RESULTS")
_SAID: Final = b"\n".join(line for line in program().split(b"\n")[1:] if not line.lstrip().startswith(b"#"))
AGENT: Final = hashlib.sha256(_SAID).hexdigest()[:12]
"""Points of another agent do not count for this one, but for one that differs in comments only."""
KINDS: Final = tuple(Findings.__slots__)


@dataclass(frozen=True)
class Row:
    """Faults of one kind on one ground."""

    name: str
    ground: Ground

    @property
    def label(self) -> dict[str, str]:
        return {"row": self.name, "shell": self.ground.name, "identity": self.ground.identity, "agent": AGENT}

    def carry_out(self, faults: Mapping[str, Callable[[], Findings]]) -> None:
        """Lets all faults fall, by name. AssertionError: a promise was broken, with the first few."""
        known = dict(self._known())
        points = [known[name] if name in known else self._point(name, fault) for name, fault in faults.items()]
        _note({**self.label, **self._figures(points)})
        broken = [point for point in points if point["findings"]]
        shown = "\n".join(f"{point['point']}: {point['findings']}" for point in broken[:5])
        assert not broken, f"{len(broken)} of {len(points)} faults broke a promise, such as\n{shown}"

    def _point(self, name: str, fault: Callable[[], Findings]) -> dict[str, Any]:
        began = time.monotonic()
        findings = fault().all()
        point = {**self.label, "point": name, "findings": findings, "seconds": round(time.monotonic() - began, 2)}
        _note(point)
        return point

    def _figures(self, points: Sequence[Mapping[str, Any]]) -> dict[str, int | None]:
        """The faults that each kind of finding came of, not the findings."""
        figures: dict[str, int | None] = {"K": len(self.ground.reference.calls), "runs": len(points)}
        figures |= {kind: sum(kind in point["findings"] for point in points) for kind in KINDS}
        figures["seconds"] = round(sum(point["seconds"] for point in points))
        if not self.ground.reference.ledger:
            figures["missing_backups"] = None  # nobody promised any
        return figures

    def _known(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for line in lines_of(Path(_RESULTS)) if _RESULTS else ():
            if "point" in line and all(line[key] == value for key, value in self.label.items()):
                yield line["point"], line


def lines_of(results: Path) -> Iterator[dict[str, Any]]:
    """What was noted there; the last line may be half one."""
    for line in results.read_text(encoding="utf-8").splitlines() if results.exists() else ():
        try:
            yield json.loads(line)
        except ValueError:
            continue


def _note(line: Mapping[str, object]) -> None:
    if _RESULTS:
        with Path(_RESULTS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def numbers(ground: Ground, few: int, seed: int = 0) -> Sequence[int]:
    """Which calls a fault falls on: all in the full run, with one behind the last. Else half of `few` at the switches,
    the others spread over all, and other ones for another seed."""
    count = len(ground.reference.calls)
    if IS_FULL:
        return range(1, count + 2)
    return sorted(
        {
            *spread(range(1, count + 2), few - few // 2, seed),
            *spread(sorted(ground.reference.switches), few // 2, seed),
        }
    )


def spread(among: Sequence[int], few: int, seed: int = 0) -> Sequence[int]:
    """About as few of them, at one distance; others for another seed."""
    step = max(1, len(among) // max(1, few))
    return among[seed * 7 % step :: step]
