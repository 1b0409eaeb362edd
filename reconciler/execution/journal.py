"""What a part of an apply is about to do, for the journal that it leaves on the machine. See `model/ledger.py`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from reconciler.execution.blobs import Unavailable
from reconciler.execution.task_lines import numbered
from reconciler.model import ledger
from reconciler.model.address import Address
from reconciler.model.facts import PathType
from reconciler.model.ledger import ChangeRecord, DueRecord, ItemRecord, PathRecord, RunRecord
from reconciler.model.ledger.secrets import secrets_at
from reconciler.model.plan import Change, ItemPlan
from reconciler.model.states import Phase, State
from reconciler.model.tasks import Base, BlobTask, MakeDirectory, RunCommand, Task, WriteFile, left_by

_MISSING = Base(type=PathType.MISSING)
Unkept = Mapping[str, frozenset[str]]
"""By path, the names of secrets in the bytes that stand there: when those are replaced, only their hash is kept."""
NOTHING: Final[Unkept] = MappingProxyType({})


def unkept(changes: Mapping[int, Change], runs: Iterable[RunRecord]) -> Unkept:
    """As the journal tells it, and as planning saw it."""
    found = {
        path: frozenset[str]().union(*(each.names for each in brought.values()))
        for path, brought in secrets_at(runs).items()
    }
    for path, names in (entry for change in changes.values() for entry in change.unkept.items()):
        found[path] = found.get(path, frozenset()) | names
    return found


def records(
    changes: Mapping[int, Change],
    items: Mapping[Address, ItemPlan],
    unavailable: Mapping[BlobTask, Unavailable],
    unkept: Unkept = NOTHING,
    *,
    shown: bool = False,
) -> Iterator[ChangeRecord]:
    """One record a change; `items` say what its addresses are and were. `shown` to people, it has no digest of bytes that
    hold a secret."""
    tasks = numbered(changes, unavailable)
    for number, change in changes.items():
        mine = tasks.get(number, ())
        yield ChangeRecord(
            number=number,
            id=change.id,
            thing=change.thing,
            target=change.target,
            items=tuple(_item(items[address]) for address in change.addresses if _is_state(items.get(address))),
            paths=tuple(_path(count, task, unkept, shown) for count, task in mine if not isinstance(task, RunCommand)),
            due=()
            if change.phase is Phase.CHECKS
            else tuple(_due(task) for _, task in mine if isinstance(task, RunCommand)),
        )


def _is_state(item: ItemPlan | None) -> bool:
    return item is not None and item.state is not State.CHECK


def _item(item: ItemPlan) -> ItemRecord:
    options = {name: value for name, value in item.options.items() if isinstance(value, str | bool | int)}
    return ItemRecord(
        address=item.address, before=ledger.told(item.before), after=ledger.told(item.after), options=options
    )


def _due(task: RunCommand) -> DueRecord:
    text = task.stdin.decode("utf-8", "surrogateescape")
    return DueRecord(argv=task.words, stdin=text, timeout_seconds=task.timeout_seconds)


def _path(count: int, task: Task, unkept: Unkept, shown: bool) -> PathRecord:
    assert not isinstance(task, RunCommand)
    before = _MISSING if isinstance(task, MakeDirectory) else task.base
    after = left_by(task)
    names = tuple(sorted(task.secrets)) if isinstance(task, WriteFile) else ()
    if shown and (names or task.path in unkept):
        before, after = replace(before, digest=None), replace(after, digest=None)
    kept = before.type is not PathType.FILE or task.path not in unkept
    return PathRecord(task=count, path=task.path, before=before, after=after, secrets=names, kept=kept)
