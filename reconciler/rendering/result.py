"""What apply says when it is done: a line for each change, then the count, what is left to do, and the next command."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from reconciler.model.address import Target
from reconciler.model.outcome import ApplyOutcome, ChangeOutcome, Status
from reconciler.model.states import Phase
from reconciler.rendering.layout import BLANK, Line, Look, Span, Style, indented, listed, paint, prose

_STYLES: Final = {
    Status.DONE: Style.ADD,
    Status.SKIPPED: Style.LATER,
    Status.REFUSED: Style.BLOCKED,
    Status.NOT_TRIED: Style.BLOCKED,
    Status.UNREACHED: Style.BLOCKED,
    Status.UNKNOWN: Style.UNKNOWN,
    Status.FAILED: Style.BLOCKED,
}
_COUNTED: Final = (
    (Status.DONE, "changed"),
    (Status.REFUSED, "refused"),
    (Status.FAILED, "failed"),
    (Status.NOT_TRIED, "untried"),
    (Status.SKIPPED, "skipped"),
    (Status.UNREACHED, "offline"),
    (Status.UNKNOWN, "unknown"),
)
_ALWAYS_COUNTED: Final = frozenset({Status.DONE, Status.FAILED})
_COLUMN: Final = 2 + max(len(status) for status in Status) + 2
_SHOWN_LINES: Final = 10
"""So many lines of a machine's message are shown without -v: the first, and the last, which name the cause."""


def result_text(
    results: Sequence[ApplyOutcome],
    *,
    width: int = 80,
    colour: bool = False,
    verbose: bool = False,
    unicode: bool = True,
    heading: str = "Applied",
) -> str:
    """A block for each workstation; several end with a line that counts them all."""
    look = Look(width=width, verbose=verbose, unicode=unicode)
    lines: list[Line] = []
    for result in results:
        lines += [*_workstation(result, look), *_closing(result, look, heading), BLANK]
    if len(results) > 1:
        every = [outcome for result in results for outcome in result.outcomes]
        lines += _count(every, f"{len(results)} workstations", look, heading)
    return paint(lines if lines and lines[-1] else lines[:-1], colour=colour, unicode=unicode)


def _workstation(result: ApplyOutcome, look: Look) -> Iterator[Line]:
    for target, outcomes in groupby(result.outcomes, key=lambda outcome: outcome.change.target):
        yield (Span(str(target), Style.STRONG),)
        for outcome in outcomes:
            yield from _change(outcome, target, look)
    if result.outcomes:
        yield BLANK
    for note in result.notes:
        yield from prose((Span("Note: ", Style.STRONG),), note, look, hang=6)


def _change(outcome: ChangeOutcome, target: Target, look: Look) -> Iterator[Line]:
    """The status, the thing, and behind it the items, where they are not the thing itself."""
    status = Span(f"{outcome.status.value:<{_COLUMN - 2}}", _STYLES[outcome.status])
    head = indented(2, status, Span(outcome.change.thing))
    names = [address.item if address.target == target else str(address) for address in outcome.change.addresses]
    others = [name for name in names if name != outcome.change.thing]
    behind = prose((*head, Span("  ")), listed(others), look, style=Style.FAINT, hang=_COLUMN)
    yield from behind if others else [head]
    yield from _message(outcome.message, look)


def _message(message: str, look: Look) -> Iterator[Line]:
    lines = message.rstrip("\n").split("\n") if message else []
    left_out = 0 if look.verbose or len(lines) <= _SHOWN_LINES + 1 else len(lines) - _SHOWN_LINES
    for number, line in enumerate(lines):
        if number == 1 and left_out:
            yield indented(_COLUMN, Span(f"{look.ellipsis} {left_out} more lines; -v shows all", Style.FAINT))
        if not 1 <= number <= left_out:
            yield from prose(indented(_COLUMN), line, look)


def _closing(result: ApplyOutcome, look: Look, heading: str) -> Iterator[Line]:
    yield from _count(result.outcomes, result.workstation, look, heading)
    hang = len(heading) + 2
    if result.in_force_after:
        steps = f"In force after: {', then '.join(result.in_force_after)}."
        yield from prose((Span(" " * hang),), steps, look, hang=hang + 2, style=Style.LATER)
    for number, command in enumerate(result.next_commands):
        yield from prose((Span(" " * hang), Span("Next: " if number == 0 else "      ", Style.STRONG)), command, look)


def _count(outcomes: Sequence[ChangeOutcome], place: str, look: Look, heading: str) -> Iterator[Line]:
    """`Applied: 6 changed, 1 refused, 0 failed on alice-lt.` Items are counted, as in the plan, not files."""
    checks = [outcome for outcome in outcomes if outcome.change.phase is Phase.CHECKS]
    counts = Counter(_by_item([outcome for outcome in outcomes if outcome not in checks]).values())
    held = sum(outcome.status is Status.DONE for outcome in checks)
    counts.update(outcome.status for outcome in checks if outcome.status is not Status.DONE)
    counted = [(status, words) for status, words in _COUNTED if counts[status] or status in _ALWAYS_COUNTED]
    said = [f"{counts[status]} {words}" for status, words in counted]
    *parts, last = listed([*said, *([f"{held} checked"] if held else [])])
    head = (Span(f"{heading}: ", Style.STRONG),)
    yield from prose(head, [*parts, f"{last} on {place}."], look, style=Style.STRONG)


def _by_item(outcomes: Sequence[ChangeOutcome]) -> dict[object, Status]:
    """The worst of an item's changes. A change without items, a folder on the way, counts only when it went wrong."""
    order = list(Status)
    found: dict[object, Status] = {}
    for outcome in outcomes:
        for key in outcome.change.addresses or ((outcome.change.id,) if outcome.status is not Status.DONE else ()):
            found[key] = max(found.get(key, outcome.status), outcome.status, key=order.index)
    return found
