"""A plan as text: the summary, a tree of target, kind and item, findings, and the summary again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.model.plan import Plan
from reconciler.rendering.layout import BLANK, Line, Look, paint
from reconciler.rendering.summary import summary_lines
from reconciler.rendering.tree import section_lines


def plan_text(
    plans: Sequence[Plan],
    *,
    width: int = 80,
    colour: bool = False,
    verbose: bool = False,
    unicode: bool = True,
    heading: str = "Plan",
) -> str:
    """Several workstations have a block each, between two lines that count them all."""
    look = Look(width=width, verbose=verbose, unicode=unicode)
    lines = _one(plans[0], look, heading) if len(plans) == 1 else _several(plans, look, heading)
    return paint(lines, colour=colour, unicode=unicode)


def _one(plan: Plan, look: Look, heading: str) -> Iterator[Line]:
    """Where the summary says it all, it says it once."""
    body = list(_body(plan, look))
    yield from summary_lines([plan], look, heading)
    yield from body
    if body:
        yield BLANK
        yield from summary_lines([plan], look, heading)


def _several(plans: Sequence[Plan], look: Look, heading: str) -> Iterator[Line]:
    """Blocks without a body stand close together: a fleet in sync is a list."""
    yield from summary_lines(plans, look, heading)
    apart = True
    for plan in plans:
        body = list(_body(plan, look))
        if apart or body:
            yield BLANK
        yield from summary_lines([plan], look, heading)
        yield from body
        apart = bool(body)
    if plans:
        yield BLANK
        yield from summary_lines(plans, look, heading)


def _body(plan: Plan, look: Look) -> Iterator[Line]:
    for section in section_lines(plan, look):
        yield BLANK
        yield from section
