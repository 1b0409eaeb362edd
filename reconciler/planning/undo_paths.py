"""The way back of files: what still is as it was left gets the very bytes back that stood there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from reconciler.model.address import Address, Target
from reconciler.model.facts import Fact, FactSheet, FileDigest, FileText, Listing, PathInfo, PathType, Unread
from reconciler.model.ledger import PathRecord
from reconciler.model.plan import Change, FieldDiff, ItemPlan
from reconciler.model.states import State
from reconciler.model.tasks import MARKER, Base, MakeLink, Remove, RemoveUnpacked, RunCommand, SetMode, Task, WriteFile
from reconciler.planning.undo_steps import Step

Sheets = Mapping[Target, FactSheet]
Steps = Mapping[Address, Step]
Span = tuple[PathRecord, PathRecord]


def facts(step: Step) -> frozenset[Fact]:
    """The bytes before, and what stands at those paths now."""
    found: set[Fact] = {Listing(path) for path in step.folders()}
    for path, (first, _) in step.spans().items():
        found |= {PathInfo(path), FileDigest(path), FileText(f"{path}/{MARKER}")}
        found |= {FileText(step.image(first))} if first.before.type is PathType.FILE and first.kept else set()
    return frozenset(found)


def are_as_left(step: Step, sheet: FactSheet) -> bool:
    """Whether what the step wrote still stands there."""
    spans = step.spans()
    return bool(spans) and all(_stands(path, last.after, sheet) for path, (_, last) in spans.items())


def _stands(path: str, after: Base, sheet: FactSheet) -> bool:
    now = _now(path, after, sheet)
    return (now.type, now.link, now.digest) == (after.type, after.link, after.digest)


def _now(path: str, after: Base, sheet: FactSheet) -> Base:
    """What stands at a path, with the digest that what was left there had: a file's own, or that of its archive."""
    digest: object = None
    if after.type is PathType.FILE:
        digest = sheet.digest(path)
    elif after.type is PathType.DIRECTORY and after.digest is not None:
        digest = (sheet.file(f"{path}/{MARKER}").data or b"").decode("ascii", "replace").partition(" ")[0]
    return replace(Base.of(sheet.path(path)), digest=digest if isinstance(digest, str) else None)


def bytes_before(step: Step, sheet: FactSheet) -> bytes | None:
    """Of the one file that the step wrote; None where it wrote none or several, or nobody has kept them."""
    firsts = [first for first, _ in step.spans().values() if first.before.type is PathType.FILE]
    return _image(step, firsts[0], sheet) if len(firsts) == 1 else None


def _image(step: Step, record: PathRecord, sheet: FactSheet) -> bytes | None:
    """None where the copy is gone, or is another."""
    fact = FileText(step.image(record))
    data = sheet.file(fact.path).data if fact in sheet.answers else None
    known = record.before.digest
    return data if data is not None and known in (None, hashlib.sha256(data).hexdigest()) else None


# ---- files that planning writes


def exact(changes: Iterable[Change], steps: Steps, sheets: Sheets) -> tuple[Change, ...]:
    """The changes, in which whole files come back; and the directories that were made go when nothing is left in them."""
    spans = {
        (step.target.machine, path): (step, span)
        for step in steps.values()
        for path, span in step.spans().items()
        if _is_whole(step, path, steps)
    }
    found = [_exact(change, spans, sheets) for change in changes]
    ordered: list[Change] = []
    for target in dict.fromkeys(change.target for change in found):
        mine = [change for change in found if change.target == target]
        ordered += _inner_first(mine, list(_emptied(target, found, steps, sheets)))
    return tuple(ordered)


def _is_whole(step: Step, path: str, steps: Steps) -> bool:
    """Whether all that was done to the file is led back."""
    writers = (change for change in step.changes if any(record.path == path for record in change.paths))
    return all(item.address in steps for change in writers for item in change.items)


def _exact(change: Change, spans: Mapping[tuple[Target, str], tuple[Step, Span]], sheets: Sheets) -> Change:
    tasks: list[Task] = []
    text = change.text
    for task in change.tasks:
        known = spans.get((change.target.machine, task.path)) if isinstance(task, WriteFile | Remove) else None
        back = None
        if known and isinstance(task, WriteFile | Remove):
            step, (first, last) = known
            if (task.base.type, task.base.digest, task.base.link) == (
                last.after.type,
                last.after.digest,
                last.after.link,
            ):
                back = _restoring(task.base, step, first, sheets[step.target])
        if back is not None and text is not None and text.path == back.path:
            text = replace(text, after=_shown(back))
        tasks.append(back or task)
    return replace(change, tasks=tuple(tasks), text=text)


def _shown(task: Task) -> str | None:
    data = task.content if isinstance(task, WriteFile) else None
    return None if data is None or b"\0" in data else data.decode("utf-8", "surrogateescape")


Restoring = WriteFile | MakeLink | Remove | RemoveUnpacked | SetMode


def _restoring(now: Base, step: Step, first: PathRecord, sheet: FactSheet) -> Restoring | None:
    """What brings a path back from `now`; None where the bytes were not kept."""
    before, path = first.before, first.path
    match before.type:
        case PathType.MISSING if now.type is PathType.DIRECTORY and now.digest is not None:
            return RemoveUnpacked(path=path, base=now)
        case PathType.MISSING:
            return Remove(path=path, base=now)
        case PathType.LINK if before.link is not None:
            return MakeLink(path=path, target=before.link, base=now)
        case PathType.DIRECTORY if now.type is PathType.DIRECTORY:
            return SetMode(path=path, base=now, mode=before.mode, owner=before.owner, group=before.group)
        case PathType.FILE if (data := _image(step, first, sheet)) is not None:
            return WriteFile(
                path=path, content=data, base=now, mode=before.mode, owner=before.owner, group=before.group
            )
        case PathType.FILE if now.type is PathType.FILE and now.digest == before.digest:
            return SetMode(path=path, base=now, mode=before.mode, owner=before.owner, group=before.group)
    return None


# ---- directories that were made


def _emptied(target: Target, changes: Sequence[Change], steps: Steps, sheets: Sheets) -> Iterator[Change]:
    """The directories that were made for a target, the innermost first, as far as the changes leave nothing in them."""
    gone = {
        task.path: change.id
        for change in changes
        for task in change.tasks
        if change.target.machine == target.machine and isinstance(task, Remove | RemoveUnpacked)
    }
    made = {path for step in steps.values() if step.target == target for path in step.folders()}
    for path in sorted(made - gone.keys(), reverse=True) if target in sheets else ():
        state, names = sheets[target].path(path), sheets[target].listing(path)
        if state.type is not PathType.DIRECTORY or names is None or isinstance(names, Unread):
            continue
        below = [gone.get(f"{path}/{name}") for name in names]
        if all(below):
            gone[path] = f"{target}:{path}"
            unmounted = [
                change.id for change in changes if change.target.machine == target.machine and _works_on(change, path)
            ]
            needs = tuple(dict.fromkeys([*(need for need in below if need), *unmounted]))
            # Mode and owner are those of what is mounted there.
            tasks = (Remove(path=path, base=Base(type=state.type) if unmounted else Base.of(state)),)
            yield Change(id=gone[path], target=target, thing=path, addresses=(), tasks=tasks, needs=needs)


def _works_on(change: Change, path: str) -> bool:
    return change.thing == path and any(isinstance(task, RunCommand) for task in change.tasks)


def _inner_first(changes: list[Change], emptied: list[Change]) -> list[Change]:
    """What is removed above a directory that is emptied first comes after that."""
    late = [change for change in changes if any(_is_above(task, emptied) for task in change.tasks)]
    inner = sorted([*emptied, *late], key=lambda change: _removed(change).count("/"), reverse=True)
    return [*(change for change in changes if change not in late), *inner]


def _is_above(task: Task, emptied: Iterable[Change]) -> bool:
    return isinstance(task, Remove) and any(change.thing.startswith(f"{task.path}/") for change in emptied)


def _removed(change: Change) -> str:
    return next(task.path for task in change.tasks if isinstance(task, Remove))


# ---- files that no kind can lead back


def stuck(items: Iterable[ItemPlan], steps: Steps, sheets: Sheets) -> Steps:
    """The steps that their kinds would not lead back, though all that they did was to write files that still are so."""
    return {
        item.address: steps[item.address]
        for item in items
        if not item.state.is_write and item.address in steps and _is_files_only(steps[item.address], sheets)
    }


def _is_files_only(step: Step, sheets: Sheets) -> bool:
    sheet = sheets.get(step.target)
    if sheet is None or any(change.due for change in step.changes) or not are_as_left(step, sheet):
        return False
    return all(_back(step, path, span, sheet) is not None for path, span in step.spans().items())


def _back(step: Step, path: str, span: Span, sheet: FactSheet) -> Restoring | None:
    first, last = span
    return _restoring(_now(path, last.after, sheet), step, first, sheet)


def by_path(steps: Steps, written: Iterable[Change], sheets: Sheets) -> tuple[list[ItemPlan], list[Change]]:
    """The items of such steps, and a change for each path that no other change writes, in the reverse of their order."""
    done = {(change.target.machine, task.path) for change in written for task in change.tasks if hasattr(task, "path")}
    items: list[ItemPlan] = []
    changes: list[Change] = []
    for address, step in reversed([*steps.items()]):
        id_ = None
        for path, span in reversed([*step.spans().items()]):
            if (step.target.machine, path) in done or path in step.folders():
                continue
            task = _back(step, path, span, sheets[step.target])
            assert task is not None
            done.add((step.target.machine, path))
            id_ = f"{address.target}:{path}"
            changes.append(Change(id=id_, target=address.target, thing=path, addresses=(address,), tasks=(task,)))
        items.append(_item(step, id_))
    return items, changes


def _item(step: Step, change: str | None) -> ItemPlan:
    before, after = step.item.after, step.item.before
    state = State.ADD if before is None else State.REMOVE if after is None else State.CHANGE
    names = dict.fromkeys([*(before or {}), *(after or {})])
    diffs = tuple(
        FieldDiff(name=name, before=(before or {}).get(name), after=(after or {}).get(name)) for name in names
    )
    return ItemPlan(address=step.item.address, state=state, before=before, after=after, diffs=diffs, change=change)
