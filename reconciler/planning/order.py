"""The order of changes: needs first, parents before children (backwards for what goes), then one table."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from reconciler.model.address import Layer, Target
from reconciler.model.errors import DocumentError
from reconciler.model.plan import Change
from reconciler.model.states import Phase
from reconciler.model.tasks import (
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
)
from reconciler.planning.places import above

_LAYERS: Final = list(Layer)
_TASKS: Final[Mapping[type[Task], int]] = {
    MakeDirectory: 0,
    SetMode: 1,
    WriteFile: 1,
    WriteBlob: 1,
    Unpack: 1,
    MakeLink: 2,
    Remove: 4,
    RemoveUnpacked: 4,
}
"""Programs alone come at their phase."""


def ordered(changes: Sequence[Change], removals: Collection[str]) -> tuple[Change, ...]:
    """The changes so that each stands after all it needs; `removals` are the ids of those after which a thing is gone.

    DocumentError: they need each other, with the chain named.
    """
    every = {change.id: change for change in changes}
    needs = {change.id: {need for need in change.needs if need in every} for change in changes}
    for first, second in _path_needs(changes, removals):
        needs[second].add(first)
    waiting = {id_: set(before) for id_, before in needs.items()}
    keys = {change.id: _key(change, place) for place, change in enumerate(changes)}
    ready = [keys[id_] for id_, before in waiting.items() if not before]
    followers: dict[str, list[str]] = {}
    for id_, before in needs.items():
        for need in before:
            followers.setdefault(need, []).append(id_)
    heapq.heapify(ready)
    result: list[Change] = []
    while ready:
        id_ = heapq.heappop(ready)[-1]
        del waiting[id_]
        result.append(replace(every[id_], needs=tuple(sorted(needs[id_]))))
        for follower in followers.get(id_, ()):
            waiting[follower].discard(id_)
            if not waiting[follower]:
                heapq.heappush(ready, keys[follower])
    if waiting:
        chain = " → ".join(_cycle(waiting))
        raise DocumentError(f"these changes need each other: {chain}", fix="take one of them out of the circle")
    return tuple(result)


def _key(change: Change, place: int) -> tuple[int, int, int, str, str]:
    """Checks keep the order in which they are declared: one may start what the next one tries."""
    ranks = [_TASKS[type(task)] for task in change.tasks if not isinstance(task, RunCommand)]
    rank = max(ranks, default=change.phase)
    declared = place if rank == Phase.CHECKS else 0
    return _LAYERS.index(change.target.layer), rank, declared, change.thing, change.id


def _path_needs(changes: Sequence[Change], removals: Collection[str]) -> Iterator[tuple[str, str]]:
    """Pairs of ids, first and second: what stands above a path comes first, of what goes what stands below it."""
    things: dict[tuple[Target, str, bool], list[Change]] = {}
    for change in changes:
        things.setdefault((change.target.machine, change.thing, change.id in removals), []).append(change)
    for change in changes:
        removed = change.id in removals
        for path in (change.thing, *above(change.thing)):
            for other in things.get((change.target.machine, path, removed), ()):
                upper = path != change.thing or (_is_live(change) and not _is_live(other))
                if upper and _LAYERS.index(other.target.layer) <= _LAYERS.index(change.target.layer):
                    yield (change.id, other.id) if removed else (other.id, change.id)


def _is_live(change: Change) -> bool:
    return all(isinstance(task, RunCommand) for task in change.tasks)


def _cycle(waiting: Mapping[str, set[str]]) -> list[str]:
    """One circle among changes that all wait."""
    chain = [min(waiting)]
    while True:
        following = min(id_ for id_ in waiting[chain[-1]] if id_ in waiting)
        if following in chain:
            return [*chain[chain.index(following) :], following]
        chain.append(following)
