"""Problems in documents: where, what, the lines concerned with a mark below the place, and the fix."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from reconciler.model.errors import Problem
from reconciler.model.tree import Origin
from reconciler.rendering.layout import BLANK, Line, Span, Style, indented, paint

Snippets = Callable[[Origin], Sequence[str]]
"""The lines around a place, numbered, with a line that marks the column; none where the document cannot be read."""

_CLOSE: Final = 2
"""Problems of more lines are set apart."""


def problems_text(
    problems: Sequence[Problem], snippets: Snippets, *, colour: bool = False, unicode: bool = True
) -> str:
    """All problems in their order. No line is broken: what stands behind `fix:` is to be copied."""
    blocks = [list(_problem(problem, snippets)) for problem in problems]
    apart = [BLANK] if any(len(block) > _CLOSE for block in blocks) else []
    lines = [line for number, block in enumerate(blocks) for line in [*(apart if number else []), *block]]
    return paint(lines, colour=colour, unicode=unicode)


def _problem(problem: Problem, snippets: Snippets) -> Iterator[Line]:
    """Lines after the first of a text are indented: none can pass for a problem of its own."""
    first, *rest = problem.what.split("\n")
    place = (Span(f"{problem.origin}: ", Style.STRONG),) if problem.origin else ()
    yield (*place, Span(first))
    yield from (indented(4, Span(line)) for line in rest)
    for line in snippets(problem.origin) if problem.origin else ():
        is_mark = line.strip(" |") == "^"
        yield indented(3, Span(line, Style.BLOCKED if is_mark else Style.PLAIN))
    if problem.fix:
        first, *rest = problem.fix.split("\n")
        yield indented(2, Span("fix: ", Style.STRONG), Span(first, Style.ADD))
        yield from (indented(7, Span(line, Style.ADD)) for line in rest)
