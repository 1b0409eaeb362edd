"""The journals of machines for people: a line for each run, the latest first, and below it what it did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from reconciler.model.address import Target
from reconciler.model.ledger import ChangeRecord, RunRecord
from reconciler.model.values import Json
from reconciler.rendering.layout import BLANK, Line, Look, Span, Style, indented, listed, paint, prose

_SHOWN_ITEMS: Final = 4


def history_text(
    journals: Mapping[Target, Sequence[RunRecord]],
    unread: Mapping[Target, str],
    *,
    width: int = 80,
    colour: bool = False,
    verbose: bool = False,
    unicode: bool = True,
) -> str:
    look = Look(width=width, verbose=verbose, unicode=unicode)
    lines: list[Line] = []
    for id_, parts in _by_run(journals).items():
        lines += [*_run(id_, parts, _fates(journals).get(id_, ()), look), BLANK]
    for target, why in unread.items():
        lines += prose((Span("Not read: ", Style.UNKNOWN),), f"{target}: {why}", look, hang=10)
    return paint(lines if lines and lines[-1] else lines[:-1], colour=colour, unicode=unicode)


def history_data(journals: Mapping[Target, Sequence[RunRecord]]) -> Json:
    """The same as data; of each item what it was and became."""
    return [
        {
            "run": id_,
            "at": parts[0][1].stamp.at,
            "by": parts[0][1].stamp.by,
            "undoes": parts[0][1].stamp.undoes,
            "by_itself": parts[0][1].stamp.by_itself,
            "interrupted": any(run.recovered for _, run in parts),
            "changes": [_change_data(change) for _, run in parts for change in run.changes],
            "released": [*sorted(str(address) for _, run in parts for address in run.released)],
        }
        for id_, parts in _by_run(journals).items()
    ]


def _change_data(change: ChangeRecord) -> Json:
    items: list[Json] = [
        {
            "address": str(item.address),
            "before": None if item.before is None else dict(item.before),
            "after": None if item.after is None else dict(item.after),
        }
        for item in change.items
    ]
    return {"target": str(change.target), "thing": change.thing, "done": change.is_done, "items": items}


def _by_run(journals: Mapping[Target, Sequence[RunRecord]]) -> Mapping[str, list[tuple[Target, RunRecord]]]:
    """The runs, the latest first; targets whose journal is one and the same count once."""
    found: dict[str, list[tuple[Target, RunRecord]]] = {}
    seen: set[tuple[str, int, str]] = set()
    for target, runs in journals.items():
        owner = target.user if target.user not in (None, "root") else "root"
        for run in runs:
            key = (str(target.machine), run.generation, f"{owner}")
            if key not in seen:
                seen.add(key)
                found.setdefault(run.stamp.id, []).append((target, run))
    return dict(sorted(found.items(), key=_when, reverse=True))


def _when(entry: tuple[str, list[tuple[Target, RunRecord]]]) -> tuple[str, int]:
    run = entry[1][0][1]
    return run.stamp.at, run.generation


def _fates(journals: Mapping[Target, Sequence[RunRecord]]) -> Mapping[str, list[str]]:
    """By run, what later ones made of it."""
    found: dict[str, list[str]] = {}
    for stamp in (run.stamp for runs in journals.values() for run in runs):
        if stamp.undoes:
            fate = "what cut access was led back" if stamp.by_itself else "undone"
            fates = found.setdefault(stamp.undoes, [])
            fates += [fate] if fate not in fates else []
    return found


def _run(id_: str, parts: Sequence[tuple[Target, RunRecord]], fates: Sequence[str], look: Look) -> Iterator[Line]:
    stamp = parts[0][1].stamp
    verb = "leads back a part of" if stamp.by_itself else "undoes"
    remarks = [f"{verb} {stamp.undoes}"] if stamp.undoes else []
    remarks += fates
    remarks += ["interrupted"] if any(run.recovered for _, run in parts) else []
    tail = f"  ({', '.join(remarks)})" if remarks else ""
    yield (Span(id_, Style.STRONG), Span(f"  {stamp.at}  {stamp.by}{tail}"))
    for target, names in _items(parts).items():
        shown = names if look.verbose or len(names) <= _SHOWN_ITEMS + 1 else names[:_SHOWN_ITEMS]
        more = [f"{len(names) - len(shown)} more"] if len(shown) < len(names) else []
        head = indented(2, Span(f"{target}  "))
        yield from prose(head, listed([*shown, *more]), look, style=Style.FAINT, hang=4)


def _items(parts: Sequence[tuple[Target, RunRecord]]) -> Mapping[Target, list[str]]:
    """What was written, by target; what was not done in the end is marked, and so is what is ours no more from then on."""
    found: dict[Target, dict[str, bool]] = {}
    for change in (change for _, run in parts for change in run.changes):
        for item in change.items:
            names = found.setdefault(item.address.target, {})
            name = f"{item.address.kind}:{item.address.item}"
            names[name] = names.get(name, True) and change.is_done
    told = {
        target: [name if is_done else f"{name} (not done)" for name, is_done in names.items()]
        for target, names in found.items()
    }
    for address in sorted((address for _, run in parts for address in run.released), key=str):
        told.setdefault(address.target, []).append(f"{address.kind}:{address.item} (unmanaged from then on)")
    return told
