"""What a journal holds: runs, the changes of each, what they wrote, and what stood there before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from reconciler.model.address import Address, Target
from reconciler.model.ledger.values import is_secret
from reconciler.model.tasks import Base
from reconciler.model.values import Json

TIME_FORMAT: Final = "%Y-%m-%d %H:%M:%S UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStamp:
    """Which run it is, the same on every machine of it. `by` is who applied, from where; `undoes` the run it leads back."""

    id: str = "unnamed"
    by: str = "somebody"
    at: str = "an unknown time"
    tool: str = ""
    undoes: str | None = None
    by_itself: bool = False
    """The machine led back what had cut the controller off: a part of that run."""

    @property
    def time(self) -> datetime | None:
        try:
            return datetime.strptime(self.at, TIME_FORMAT)
        except ValueError:
            return None

    @property
    def holder(self) -> str:
        """For whoever finds the machine locked."""
        return f"{self.by} since {self.at}"

    def of_way_back(self) -> RunStamp:
        """What the machine's own way back from a part of this run is called."""
        return replace(self, id=f"back-{self.id}", by="the machine itself", undoes=self.id, by_itself=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRecord:
    """One address before and after, as fields in normal form; None: it was not there. `options` are its kind's."""

    address: Address
    before: Mapping[str, Json] | None
    after: Mapping[str, Json] | None
    options: Mapping[str, Json] = field(default_factory=dict)

    @property
    def holds_secret(self) -> bool:
        """Whether its value before held a secret of some document."""
        return any(is_secret(value) for value in (self.before or {}).values())


@dataclass(frozen=True, slots=True, kw_only=True)
class PathRecord:
    """One path that a task wrote: what stood there, whose bytes are in `before/GENERATION/TASK` if they were `kept`, and
    what was left.

    `secrets` are the names of those in what was left. Of bytes that hold a secret only the hash is kept, in `before`.
    """

    task: int
    path: str
    before: Base
    after: Base
    secrets: tuple[str, ...] = ()
    kept: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class DueRecord:
    """A program that a change runs once its files are written."""

    argv: tuple[str, ...]
    stdin: str
    timeout_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRecord:
    number: int
    id: str
    thing: str
    target: Target
    items: tuple[ItemRecord, ...] = ()
    paths: tuple[PathRecord, ...] = ()
    due: tuple[DueRecord, ...] = ()
    is_done: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    generation: int
    stamp: RunStamp
    changes: tuple[ChangeRecord, ...] = ()
    recovered: bool = False
    """It did not come to its end, and a later run cleared up after it."""
    ended: bool = False
    """It came to its end, and left nothing to clear up."""
    released: frozenset[Address] = frozenset()
    """What a document has declared unmanaged since: it is ours no more."""
