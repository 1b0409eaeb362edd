"""What became of a plan's changes: what `apply` knows afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from reconciler.model.plan import Change


class Status(StrEnum):
    """From good to bad: of the changes of one address the last of these counts."""

    DONE = "done"
    SKIPPED = "skipped"
    """Not tried, because something that comes first was refused or failed."""
    REFUSED = "refused"
    """Nothing was written: the machine is not as planned, or does not let us."""
    NOT_TRIED = "untried"
    """Nothing was written: that part of the run could not begin."""
    UNREACHED = "offline"
    """Nothing was written: the machine could not be told."""
    UNKNOWN = "unknown"
    """The connection broke: it may have been written. The journal on the machine knows."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeOutcome:
    """`message` says why, in the words of the machine; it may have several lines and is empty for what is done."""

    change: Change
    status: Status
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyOutcome:
    """What apply did on one workstation, in the order in which it was tried.

    `notes` are what the machines said beside it: an interrupted run that was cleared up after, an edit that was kept.
    `in_force_after` are steps left for the person (`wsl --terminate Ubuntu-24.04`), `next_commands` what to type next.
    """

    workstation: str
    outcomes: tuple[ChangeOutcome, ...] = ()
    notes: tuple[str, ...] = ()
    in_force_after: tuple[str, ...] = ()
    next_commands: tuple[str, ...] = ()
