"""What a machine does by itself where a change has cut us off: the change, backwards.

A change that takes effect at once and may cut our own way in is watched over, where the way is a connection: unless a new
one can be made soon after it, the machine leads it back. See `agents/apply/watch.sh`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace

from reconciler.model.address import Address
from reconciler.model.facts import FactSheet, FileState, PathType
from reconciler.model.plan import Change, ItemPlan
from reconciler.model.states import Effect, Risk
from reconciler.model.tasks import (
    Base,
    MakeDirectory,
    MakeLink,
    Remove,
    RemoveUnpacked,
    RunCommand,
    SetMode,
    Task,
    Unpack,
    WriteBlob,
    WriteFile,
    left_by,
)


def of(changes: Iterable[Change], sheet: FactSheet) -> tuple[Change, ...]:
    """What leads back those of the changes that are watched over, the last one first."""
    ways = [_backwards(change, sheet) for change in changes if _may_cut(change)]
    return tuple(way for way in reversed(ways) if way is not None)


def items(ways: Iterable[Change], planned: Iterable[ItemPlan]) -> dict[Address, ItemPlan]:
    """The items of the plan that they lead back, as the journal is to tell of it."""
    addresses = {address for way in ways for address in way.addresses}
    return {
        item.address: replace(item, before=item.after, after=item.before)
        for item in planned
        if item.address in addresses
    }


def notes(changes: Iterable[Change], sheet: FactSheet, seconds: int) -> Iterator[str]:
    """What the plan says of those of one target. `seconds`: how soon a new connection has to be made; 0: nobody watches."""
    cutting = [change for change in changes if _may_cut(change)]
    known = {way.id for way in of(cutting, sheet)} if seconds else set()
    watched = [change.thing for change in cutting if change.id in known]
    if watched:
        what = f"{', '.join(watched)} may cut the way in"
        yield f"{what}: unless a new connection can be made within {seconds} s after it, the machine leads that back by itself"
    if others := [change.thing for change in cutting if change.id not in known]:
        yield f"{', '.join(others)} may cut the way in, and nothing leads that back by itself"


def _may_cut(change: Change) -> bool:
    return Risk.CUTS_ACCESS in change.risks and change.effect is Effect.NOW


def _backwards(change: Change, sheet: FactSheet) -> Change | None:
    """None: not all of it can be taken back by itself."""
    found: list[Task] = []
    for task in reversed(change.tasks):
        way = _task_back(task, change, sheet)
        if way is None:
            return None
        found += way
    return replace(change, tasks=tuple(found), needs=(), asks=(), text=None, digests={}, unkept={}) if found else None


def _task_back(task: Task, change: Change, sheet: FactSheet) -> tuple[Task, ...] | None:
    match task:
        case RunCommand(back=back):
            if back is None:
                return None
            return (replace(task, argv=back, stdin=b"", back=None),) if back else ()
        case WriteFile() | WriteBlob() | MakeLink() | Remove():
            secrets = change.unkept.get(task.path, frozenset())
            return _content_back(task.path, task.base, left_by(task), sheet, secrets)
        case SetMode(path=path, base=base):
            return (SetMode(path=path, base=left_by(task), mode=base.mode, owner=base.owner, group=base.group),)
        case MakeDirectory():
            return ()  # an empty one keeps nobody out
        case Unpack() | RemoveUnpacked():
            return None


def _content_back(
    path: str, before: Base, left: Base, sheet: FactSheet, secrets: frozenset[str]
) -> tuple[Task, ...] | None:
    match before.type:
        case PathType.MISSING:
            return (Remove(path=path, base=left),)
        case PathType.LINK if before.link is not None:
            return (MakeLink(path=path, target=before.link, base=left),)
        case PathType.DIRECTORY:
            return (MakeDirectory(path=path, mode=before.mode or 0o755, owner=before.owner, group=before.group),)
        case PathType.FILE:
            data = _bytes(before.digest, sheet)
            if data is None:
                return None

            mode, owner, group = before.mode, before.owner, before.group
            return (
                WriteFile(path=path, content=data, base=left, mode=mode, owner=owner, group=group, secrets=secrets),
            )
        case _:
            return None


def _bytes(digest: str | None, sheet: FactSheet) -> bytes | None:
    """Those that were seen somewhere with that digest."""
    seen = (answer.data for answer in sheet.answers.values() if isinstance(answer, FileState))
    return next((data for data in seen if data is not None and hashlib.sha256(data).hexdigest() == digest), None)
