"""The closed sets of what a plan may say: item states, target states, effects, risks, exit codes."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum, StrEnum
from typing import Final


class State(StrEnum):
    """What the plan says of one address."""

    IN_SYNC = "in sync"
    ADD = "add"
    CHANGE = "change"
    REMOVE = "remove"
    PENDING = "pending"
    """On disk as desired, not yet in force."""
    WAITING = "waiting"
    """Will be written by the apply after a restart."""
    UNKNOWN = "unknown"
    BLOCKED = "blocked"
    WAIVED = "waived"
    NOT_APPLICABLE = "not applicable"
    CHECK = "check"
    """Tried after an apply that changes something on its workstation; it says nothing of the machine as it is."""

    @property
    def is_write(self) -> bool:
        return self in (State.ADD, State.CHANGE, State.REMOVE)


class TargetState(StrEnum):
    REACHED = "reached"
    STOPPED = "stopped"
    NOT_HERE = "not here"
    UNREACHABLE = "unreachable"


class Effect(StrEnum):
    """When a change is in force, from the cheapest to the dearest."""

    NOW = "now"
    NEW_SESSION = "new session"
    EDITOR_RELOAD = "editor reload"
    TERMINATE = "wsl --terminate"
    SHUTDOWN = "wsl --shutdown"
    SIGN_IN = "sign-in"
    REBOOT = "reboot"

    @classmethod
    def latest(cls, effects: Iterable[Effect]) -> Effect:
        order = list(cls)
        return max(effects, key=order.index, default=cls.NOW)


class Risk(StrEnum):
    """What a reader must not overlook."""

    CUTS_ACCESS = "cuts access"
    DELETES = "deletes"
    RUNS_CODE_LATER = "runs code later"
    GRANTS_RIGHTS = "grants rights"
    RUNS_PROGRAM = "runs a program"

    @property
    def needs_allow_exec(self) -> bool:
        return self in (Risk.RUNS_CODE_LATER, Risk.GRANTS_RIGHTS, Risk.RUNS_PROGRAM)


UNDO_ON_FAILURE: Final = "undo_on_failure"
"""The field of a check by which its failure leads the run back."""


class Phase(IntEnum):
    """When programs run among the other changes of a target, where nothing else decides. Files come between ACCOUNTS
    and MOUNTS. What stops comes first: the package or file that it is of may go too."""

    STOPS = -3
    PACKAGES = -2
    ACCOUNTS = -1
    MOUNTS = 3
    RELOADS = 5
    SERVICES = 6
    TOOLS = 7
    CHECKS = 9


class Exit(IntEnum):
    DONE = 0
    ERROR = 1
    CHANGES = 2
    FAILED = 3
    UNREACHABLE = 4
    BLOCKED = 5
    USAGE = 64
    INTERRUPTED = 130

    @classmethod
    def first(cls, exits: Iterable[Exit]) -> Exit:
        """The one that counts when several apply."""
        found = set(exits)
        order = (cls.INTERRUPTED, cls.ERROR, cls.UNREACHABLE, cls.FAILED, cls.BLOCKED, cls.CHANGES)
        return next((code for code in order if code in found), cls.DONE)
