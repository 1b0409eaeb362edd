"""Every error a user can meet, with its exit code.

ReconcileError          1   something went wrong; the text says where, what and the fix
├── DocumentError       1   what is written in documents, templates or the command's files is wrong
├── UsageError         64   the command line is wrong
├── BlockedError        5   refused before anything was written
└── UnreachableError    4   a door to a machine did not open, or broke
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from reconciler.model.tree import Origin


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong, in the words of the person who wrote it. `fix` says what to write instead."""

    what: str
    origin: Origin | None = None
    fix: str | None = None


class ReconcileError(Exception):
    """The root. `problems` is never empty."""

    exit_code: ClassVar[int] = 1

    def __init__(self, problems: Iterable[Problem] | str, fix: str | None = None) -> None:
        self.problems = (Problem(problems, fix=fix),) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(problem.what for problem in self.problems))


class DocumentError(ReconcileError):
    """All problems of all documents of one run."""


class UsageError(ReconcileError):
    exit_code = 64


class BlockedError(ReconcileError):
    exit_code = 5


class UnreachableError(ReconcileError):
    """`said` is what a script had printed before its machine broke off."""

    exit_code = 4
    said: bytes = b""


class GivenUpError(UnreachableError):
    """Nobody wants that machine any more: the run ends."""
