"""Why an address has its value: what counts, then every place that speaks of it, from low to high rank."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.model.explanation import Declaration, Explanation
from reconciler.model.plan import ItemPlan
from reconciler.rendering.items import item_lines
from reconciler.rendering.layout import BLANK, Line, Look, Span, Style, indented, paint, prose, with_right
from reconciler.rendering.values import value_text


def explain_text(
    explanation: Explanation,
    item: ItemPlan | None = None,
    *,
    width: int = 80,
    colour: bool = False,
    verbose: bool = False,
    unicode: bool = True,
) -> str:
    """`item` is what the plan says of the address, where a plan is known."""
    look = Look(width=width, verbose=verbose, unicode=unicode)
    return paint(_lines(explanation, item, look), colour=colour, unicode=unicode)


def _lines(explanation: Explanation, item: ItemPlan | None, look: Look) -> Iterator[Line]:
    yield (Span(str(explanation.address), Style.STRONG),)
    value = "declared nowhere" if explanation.value is None else value_text(explanation.value)
    yield indented(2, Span("value: ", Style.STRONG), Span(value))
    counting = [declaration for declaration in explanation.chain if declaration.ignored is None]
    for note in explanation.notes:
        yield from prose(indented(2, Span("note: ", Style.STRONG)), note, look)
    if explanation.chain:
        yield BLANK
        yield indented(2, Span("declared, from low to high rank:", Style.FAINT))
    for declaration in explanation.chain:
        yield from _declaration(declaration, last=bool(counting) and declaration is counting[-1], look=look)
    if item is not None:
        yield BLANK
        yield indented(2, Span(f"plan: {item.state.value}", Style.STRONG))
        yield from item_lines(item, look)


def _declaration(declaration: Declaration, *, last: bool, look: Look) -> Iterator[Line]:
    """The rank and its place, and below what it says; the one that speaks last has a mark."""
    mark = Span("> ", Style.ADD) if last else Span("  ")
    style = Style.PLAIN if declaration.ignored is None else Style.FAINT
    head = indented(2, mark, Span(declaration.rank, style))
    place = f"{declaration.origin.file}:{declaration.origin.line}"
    if declaration.rank == declaration.origin.file:
        head, place = (*head, Span(f":{declaration.origin.line}", style)), ""
    yield from with_right(head, place, look)
    yield indented(8, Span(value_text(declaration.value), style))
    if declaration.ignored is not None:
        yield from prose(indented(8, Span("does not count: ", Style.LATER)), declaration.ignored, look)
