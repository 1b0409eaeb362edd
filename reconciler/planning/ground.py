"""What would be written on ground that the same plan moves is blocked: until then nobody knows what stands there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from reconciler.model.address import Layer, Target
from reconciler.model.facts import PathType
from reconciler.model.states import State
from reconciler.model.tasks import MakeDirectory, MakeLink, SetMode, Task, Unpack
from reconciler.planning.compare import Draft
from reconciler.planning.places import above, full_path, place

Moved = Mapping[tuple[Target, str], str]
"""By path, what becomes of it, in words."""

_OTHERS_WRITE = 0o022


def settled_ground(drafts: Sequence[Draft]) -> list[Draft]:
    """The drafts; those below a link that is set, or below a folder that root gives away, are blocked."""
    links = {key: words for draft in drafts for key, words in _links(draft)}
    given = {key: words for draft in drafts for key, words in _given_away(draft)}
    return [_on(draft, links, given) for draft in drafts] if links or given else list(drafts)


def _on(draft: Draft, links: Moved, given: Moved) -> Draft:
    item = draft.item
    if not item.state.is_write:
        return draft
    grounds = [(links, "apply, then plan again")]
    if item.address.target.layer is Layer.DISTRO:
        grounds.append((given, "declare it under user:"))
    for moved, fix in grounds:
        words = next((moved[key] for key in _below(draft) if key in moved), None)
        if words is not None:
            return replace(
                draft, item=replace(item, state=State.BLOCKED, why=f"it lies below {words}", fix=fix), parts=()
            )
    return draft


def _below(draft: Draft) -> Iterator[tuple[Target, str]]:
    """Every folder above what the item writes, by the names in the documents and by those on the machine."""
    for path in (*draft.want.owns, *draft.want.shares):
        for name in {full_path(path, draft.sheet.host.home), place(path, draft.sheet)}:
            yield from ((draft.item.address.target.machine, folder) for folder in above(name))


def _links(draft: Draft) -> Iterator[tuple[tuple[Target, str], str]]:
    """Also trees that another takes the place of: what is below goes with them."""
    for task in _tasks(draft):
        is_exchanged = isinstance(task, Unpack) and task.base.type is PathType.DIRECTORY
        if is_exchanged or isinstance(task, MakeLink):
            what = "unpack anew" if is_exchanged else "link"
            for path in draft.want.owns:
                folder = full_path(path, draft.sheet.host.home)
                words = f"{folder}, which {draft.item.address} is about to {what}"
                yield (draft.item.address.target.machine, folder), words


def _given_away(draft: Draft) -> Iterator[tuple[tuple[Target, str], str]]:
    """Folders that others than root can write afterwards: root keeps out of them."""
    for task in _tasks(draft):
        if isinstance(task, MakeDirectory | SetMode | Unpack):
            others = task.owner not in (None, "root") or (task.mode or 0) & _OTHERS_WRITE
            if others:
                words = f"{task.path}, which {draft.item.address} lets others than root write"
                yield (draft.item.address.target.machine, task.path), words


def _tasks(draft: Draft) -> Iterator[Task]:
    return (task for part in draft.parts for task in part.tasks)
