"""What a plan says of bytes that have to be fetched first: from where, and whether they are here already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from reconciler.model.plan import Change, ItemPlan, Plan
from reconciler.model.sizes import size_text
from reconciler.model.tasks import Download, Unpack, WriteBlob


def noted(plan: Plan, cached: Mapping[str, int]) -> Plan:
    """The plan with a note at every item that is written with a download. `cached` has the sizes of what is here."""
    notes = {change.id: found for change in plan.changes if (found := tuple(_notes(change, cached)))}
    if not notes:
        return plan
    targets = tuple(
        replace(target, items=tuple(_with_notes(item, notes) for item in target.items)) for target in plan.targets
    )
    return replace(plan, targets=targets)


def _with_notes(item: ItemPlan, notes: Mapping[str, tuple[str, ...]]) -> ItemPlan:
    found = notes.get(item.change, ()) if item.change is not None and item.state.is_write else ()
    return replace(item, notes=(*item.notes, *found)) if found else item


def _notes(change: Change, cached: Mapping[str, int]) -> Iterator[str]:
    for task in change.tasks:
        match task:
            case WriteBlob(content=download) | Unpack(archive=download):
                yield f"{download.url}: {_whereabouts(download, cached)}"


def _whereabouts(download: Download, cached: Mapping[str, int]) -> str:
    if download.by_target:
        return "the machine fetches it"
    size = cached.get(download.digest)
    return "not fetched yet" if size is None else f"in the cache, {size_text(size)}"
