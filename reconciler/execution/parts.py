"""What there is to do on a machine, by identity: who does what, with what is known of earlier runs."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from reconciler.model.address import Address, Target
from reconciler.model.effects import EffectRecord
from reconciler.model.ledger import RunRecord
from reconciler.model.plan import Change, ItemPlan
from reconciler.model.tasks import RunCommand, Unpack, WriteBlob, WriteFile

ROOT_USER: Final = "root"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The changes of one target, in order. `user` None: with the rights of whoever the door leads to.

    `records` are the effects noted by earlier runs that are still worth keeping; one whose item is written now goes.
    `items` are the plan's, which say what the addresses were; `journal` is what earlier runs left.
    """

    target: Target
    user: str | None = None
    changes: tuple[Change, ...] = ()
    records: tuple[EffectRecord, ...] = ()
    items: Mapping[Address, ItemPlan] = field(default_factory=dict)
    journal: tuple[RunRecord, ...] = ()
    ledger_digest: str | None = None
    """Of a ledger that has become large, which the journal was read from."""
    released: tuple[Address, ...] = ()
    """What is to be ours no more."""
    forgets: bool = False
    """Whether the journal and all else that the tool keeps for itself goes, once every change is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one identity does. Changes are numbered through all parts; each part's records begin with its own nonce."""

    number: int
    user: str | None
    changes: Mapping[int, Change]
    records: tuple[EffectRecord, ...]
    items: Mapping[Address, ItemPlan] = field(default_factory=dict)
    journal: tuple[RunRecord, ...] = ()
    ledger_digest: str | None = None
    released: tuple[Address, ...] = ()
    forgets: bool = False
    nonce: str = field(default_factory=lambda: secrets.token_hex(16))

    @property
    def title(self) -> str:
        return f"as {self.user}" if self.user else "as whoever runs this"


@dataclass(frozen=True, slots=True, kw_only=True)
class WayBack:
    """What the machine does by itself where a change has cut us off: within `seconds` of the run's end, unless somebody
    confirms before; at the latest within `longest_seconds` of its start, then. `watched` are the ids of those changes."""

    parts: tuple[Part, ...]
    watched: frozenset[str]
    seconds: int
    longest_seconds: int


FETCH_SECONDS: Final = 3000
"""What the script gives curl at most."""
VALIDATION_SECONDS: Final = 65


def program_seconds(parts: Sequence[Part]) -> int:
    """How long their programs may take, also those that fetch and that look through new files."""
    tasks = [task for part in parts for change in part.changes.values() for task in change.tasks]
    fetched = {
        download
        for task in tasks
        if isinstance(task, WriteBlob | Unpack)
        and (download := task.content if isinstance(task, WriteBlob) else task.archive).by_target
    }
    validated = sum(isinstance(task, WriteFile) and bool(task.validate) for task in tasks)
    run = sum(task.timeout_seconds for task in tasks if isinstance(task, RunCommand))
    return run + FETCH_SECONDS * len(fetched) + VALIDATION_SECONDS * validated


def parts_of(batches: Sequence[Batch]) -> tuple[Part, ...]:
    """One's own part first, perhaps empty; then the users' in order. The batches of one identity make one part."""
    grouped: dict[str | None, list[Batch]] = {None: []}
    for batch in batches:
        grouped.setdefault(None if batch.user == ROOT_USER else batch.user, []).append(batch)
    parts: list[Part] = []
    first = 1
    for user, own in grouped.items():
        changes = [change for batch in own for change in batch.changes]
        parts.append(
            Part(
                number=len(parts),
                user=user,
                changes=dict(enumerate(changes, first)),
                records=tuple(record for batch in own for record in batch.records),
                items={address: item for batch in own for address, item in batch.items.items()},
                journal=next((batch.journal for batch in own), ()),
                ledger_digest=next((batch.ledger_digest for batch in own), None),
                released=tuple(address for batch in own for address in batch.released),
                forgets=any(batch.forgets for batch in own),
            )
        )
        first += len(changes)
    return tuple(parts)
