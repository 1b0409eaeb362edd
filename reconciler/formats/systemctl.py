"""What `systemctl show` tells of units: a block of KEY=VALUE for each, apart by an empty line.

Source: systemctl(1); systemd 252 and 257.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

PROPERTIES: Final = (
    "Id",
    "Names",
    "LoadState",
    "UnitFileState",
    "ActiveState",
    "NeedDaemonReload",
    "Type",
    "RemainAfterExit",
    "ConditionResult",
    "ConditionTimestampMonotonic",
)
RUNS: Final = frozenset({"active", "reloading", "refreshing", "activating"})
"""The states of a unit that runs, or is about to."""

_KINDS: Final = (
    "service",
    "socket",
    "timer",
    "path",
    "target",
    "mount",
    "automount",
    "swap",
    "slice",
    "device",
    "scope",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """`id` is its own name where it has others. `load`, `file` and `active` are systemd's words; a unit that there is not is
    `not-found`. `is_stale`: its file has changed since systemd read it. `ends`: it does something and is over, and never
    counts as running. `was_skipped`: at its last start a condition in its file did not hold."""

    id: str
    names: tuple[str, ...]
    load: str
    file: str
    active: str
    is_stale: bool = False
    ends: bool = False
    was_skipped: bool = False

    @property
    def is_enabled(self) -> bool:
        return self.file == "enabled"

    @property
    def is_masked(self) -> bool:
        return self.file in ("masked", "masked-runtime")

    @property
    def runs(self) -> bool:
        return self.active in RUNS

    @property
    def trouble(self) -> str | None:
        """What became of its last start, where that was nothing."""
        if self.active == "failed":
            return "it failed"
        skipped = self.was_skipped and not self.runs
        return "it was not started when it should: a condition in its file does not hold here" if skipped else None


def unit_name(name: str) -> str:
    """The whole name: `.service` is implied."""
    return name if name.rpartition(".")[2] in _KINDS else f"{name}.service"


def parsed(text: str) -> Iterator[Unit]:
    for block in text.strip().split("\n\n"):
        found = dict(line.partition("=")[::2] for line in block.splitlines())
        yield Unit(
            id=found.get("Id", ""),
            names=tuple(found.get("Names", "").split()),
            load=found.get("LoadState", ""),
            file=found.get("UnitFileState", ""),
            active=found.get("ActiveState", ""),
            is_stale=found.get("NeedDaemonReload") == "yes",
            ends=(found.get("Type"), found.get("RemainAfterExit")) == ("oneshot", "no"),
            was_skipped=found.get("ConditionResult") == "no" and found.get("ConditionTimestampMonotonic", "0") != "0",
        )
