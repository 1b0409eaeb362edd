"""One item of a plan as lines: its sign, its name, what changes field by field, and what else a reader must know."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from reconciler.model.plan import FieldDiff, ItemPlan
from reconciler.model.states import Effect, Risk, State
from reconciler.rendering.fields import field_lines, inline, takes_one_line
from reconciler.rendering.layout import Line, Look, Span, Style, indented, prose, width_of, with_right
from reconciler.rendering.secrecy import shown_diffs

_SIGNS: Final = {
    State.ADD: ("+", Style.ADD),
    State.CHANGE: ("~", Style.CHANGE),
    State.REMOVE: ("-", Style.REMOVE),
    State.BLOCKED: ("!", Style.BLOCKED),
    State.UNKNOWN: ("?", Style.UNKNOWN),
    State.PENDING: ("…", Style.LATER),
    State.WAITING: ("…", Style.LATER),
    State.WAIVED: ("w", Style.FAINT),
    State.NOT_APPLICABLE: ("n", Style.FAINT),
    State.CHECK: (">", Style.FAINT),
    State.IN_SYNC: ("=", Style.FAINT),
}
_IN_FORCE: Final = {
    Effect.NEW_SESSION: "in force in new sessions",
    Effect.EDITOR_RELOAD: "in force after an editor reload",
    Effect.TERMINATE: "in force after wsl --terminate",
    Effect.SHUTDOWN: "in force after wsl --shutdown",
    Effect.SIGN_IN: "in force after the next sign-in",
    Effect.REBOOT: "in force after a reboot",
}
NAME_INDENT: Final = 4
_DETAIL_INDENT: Final = 8


def in_force(effect: Effect) -> str:
    """`in force after wsl --terminate`; nothing for what is in force at once."""
    return _IN_FORCE.get(effect, "")


def item_lines(item: ItemPlan, look: Look, conditions: Sequence[str] = ()) -> Iterator[Line]:
    """`conditions` are when it is in force and what it comes after, unless its kind's heading says so already."""
    sign, style = _SIGNS[item.state]
    if sign == "…" and not look.unicode:
        sign = "*"
    head = indented(NAME_INDENT, Span(f"{sign} ", style), Span(item.address.item, style))
    diffs = shown_diffs(item)
    if item.state.is_write or item.state is State.IN_SYNC:
        yield from _valued(head, diffs, item, look)
    else:
        yield from _stated(head, item, look)
        for diff in diffs:
            yield from field_lines(diff, State.CHANGE, look, _DETAIL_INDENT)
    yield from _remarks(item, look, conditions)


def _valued(head: Line, diffs: Sequence[FieldDiff], item: ItemPlan, look: Look) -> Iterator[Line]:
    """The item's line, with its value where it has just that one and there is room; else its fields below."""
    if len(diffs) == 1 and diffs[0].name == "value" and takes_one_line(diffs[0]):
        whole = (*head, Span(": "), *inline(diffs[0], item.state, look))
        if _fits(whole, item, look):
            yield from with_right(whole, _origin(item), look)
            return
    yield from with_right(head, _origin(item), look)
    for diff in diffs:
        yield from field_lines(diff, item.state, look, _DETAIL_INDENT)


def _stated(head: Line, item: ItemPlan, look: Look) -> Iterator[Line]:
    """The state in words behind the name, and why: on the same line where there is room."""
    head = (*head, Span(f"  {item.state.value}", _SIGNS[item.state][1]))
    why = item.why or _explained(item)
    whole = (*head, Span(f": {why}"))
    if why and _fits(whole, item, look):
        yield from with_right(whole, _origin(item), look)
        return
    yield from with_right(head, _origin(item), look)
    if why:
        yield from prose(indented(_DETAIL_INDENT), why, look)


def _explained(item: ItemPlan) -> str:
    """What a state without a reason of its own means for the item."""
    match item.state:
        case State.PENDING:
            return in_force(item.effect)
        case State.CHECK:
            return "after the other changes" if item.change else "after an apply that changes something"
        case _:
            return ""


def _remarks(item: ItemPlan, look: Look, conditions: Sequence[str]) -> Iterator[Line]:
    if item.fix:
        yield from prose(indented(_DETAIL_INDENT, Span("fix: ", Style.STRONG)), item.fix, look)
    risks = [risk.value for risk in Risk if risk in item.risks]
    if risks and (item.state.is_write or item.state in (State.WAITING, State.BLOCKED, State.CHECK)):
        yield from prose(indented(_DETAIL_INDENT, Span("risk: ", Style.BLOCKED)), ", ".join(risks), look)
    for condition in conditions:
        yield from prose(indented(_DETAIL_INDENT), condition, look, style=Style.LATER)
    for note in item.notes:
        yield from prose(indented(_DETAIL_INDENT, Span("note: ", Style.STRONG)), note, look)


def _fits(line: Line, item: ItemPlan, look: Look) -> bool:
    remark = _origin(item)
    return width_of(line) + (width_of((Span(remark),)) + 2 if remark else 0) <= look.columns


def _origin(item: ItemPlan) -> str:
    return f"{item.origin.file}:{item.origin.line}" if item.origin else ""
