"""One field of an item as lines: old and new on one line where they fit, text of several lines as hunks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from reconciler.model.plan import FieldDiff
from reconciler.model.states import State
from reconciler.rendering.hunks import hunk_lines
from reconciler.rendering.layout import Line, Look, Span, Style, indented, width_of
from reconciler.rendering.values import ABSENT, SECRET, is_several_lines, value_lines, value_text

_LONGEST: Final = 400
"""So many characters of a value on one line are shown without -v."""
_BEFORE_DIFFERENCE: Final = 40


def takes_one_line(diff: FieldDiff) -> bool:
    return diff.secret or not (is_several_lines(diff.before) or is_several_lines(diff.after))


def inline(diff: FieldDiff, state: State, look: Look) -> Line:
    """`old → new`, or the one side that there is."""
    before, after = _cut(*_both(diff), look)
    match state:
        case State.ADD:
            return (Span(after, Style.ADD),)
        case State.REMOVE:
            return (Span(before, Style.REMOVE),)
        case State.IN_SYNC:
            return (Span(after if takes_one_line(diff) else "(several lines)", Style.FAINT),)
        case _:
            return (Span(before, Style.REMOVE), Span(f" {look.arrow} "), Span(after, Style.ADD))


def field_lines(diff: FieldDiff, state: State, look: Look, indent: int) -> Iterator[Line]:
    """The field under its item; the field `value` of an item that is one value goes without its name."""
    name = () if diff.name == "value" else (Span(f"{diff.name}:"),)
    line = indented(indent, *name, *((Span(" "),) if name else ()), *inline(diff, state, look))
    if state is State.IN_SYNC or (takes_one_line(diff) and width_of(line) <= look.columns):
        yield line
        return
    if name:
        yield indented(indent, *name)
        indent += 2
    texts = _texts(diff)
    yield from hunk_lines(*texts, look, indent) if texts else _stacked(diff, state, look, indent)


def _stacked(diff: FieldDiff, state: State, look: Look, indent: int) -> Iterator[Line]:
    """Long values, the new below the old."""
    before, after = _cut(*_both(diff), look)
    one_sided = state in (State.ADD, State.REMOVE)
    margin = 0 if one_sided else len(look.arrow) + 1
    if state is not State.ADD:
        yield indented(indent + margin, Span(before, Style.REMOVE))
    if state is not State.REMOVE:
        yield indented(indent, Span("" if one_sided else f"{look.arrow} "), Span(after, Style.ADD))


def _both(diff: FieldDiff) -> tuple[str, str]:
    """Of a secret not even its absence is told: planning blanks both sides."""
    if diff.secret:
        return SECRET, SECRET
    before, after = (ABSENT if side is None else value_text(side) for side in (diff.before, diff.after))
    return before, after


def _texts(diff: FieldDiff) -> tuple[str | None, str | None] | None:
    """Both sides as text of several lines, None where neither is such text."""
    if diff.secret or not (value_lines(diff.before) or value_lines(diff.after)):
        return None
    return _as_lines(diff.before), _as_lines(diff.after)


def _as_lines(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return value_lines(value) or value_text(value) + "\n"


def _cut(before: str, after: str, look: Look) -> tuple[str, str]:
    """Long values from shortly before the place where they differ, and not too much of them."""
    if look.verbose or max(len(before), len(after)) <= _LONGEST:
        return before, after
    same = next((at for at, (left, right) in enumerate(zip(before, after, strict=False)) if left != right), 0)
    start = max(same - _BEFORE_DIFFERENCE, 0)
    return _window(before, start, look), _window(after, start, look)


def _window(text: str, start: int, look: Look) -> str:
    shown = (look.ellipsis if start else "") + text[start : start + _LONGEST]
    more = len(text) - start - _LONGEST
    return f"{shown}{look.ellipsis} ({more} more characters; -v shows all)" if more > 0 else shown
