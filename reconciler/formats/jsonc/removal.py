"""Takes one item out of a document, with its comma."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from reconciler.formats.jsonc.layout import (
    COMMENT,
    before_blanks,
    behind_blanks,
    ends_line,
    own_line_end,
    own_line_start,
)
from reconciler.formats.jsonc.parts import LINE_END, Node


class Cut(NamedTuple):
    """`text[start:end]` goes."""

    start: int
    end: int


class _Surroundings(NamedTuple):
    """Between `floor` and `ceiling` the item and its comma are the only tokens."""

    item: Node
    floor: int
    ceiling: int
    comma_before: int | None
    is_last: bool


def without(text: str, container: Node, index: int) -> str:
    """`text` without the item and without the comma that nobody needs then.

    An item that has its lines to itself takes them along, with the comments on them. All other comments stay. A
    container in which nothing is left is closed up.
    """
    shorter = _cut(text, _cuts(text, _surroundings(container, index)))
    closer = container.end - 1 - (len(text) - len(shorter))
    if len(container.items) == 1 and not shorter[container.value_start + 1 : closer].strip(" \t\r\n"):
        return shorter[: container.value_start + 1] + shorter[closer:]
    return shorter


def _surroundings(container: Node, index: int) -> _Surroundings:
    items = container.items
    is_last = index == len(items) - 1
    comma_before = items[index - 1].comma if index else None
    return _Surroundings(
        item=items[index],
        floor=container.floor(index),
        ceiling=container.end - 1 if is_last else items[index + 1].start,
        comma_before=comma_before,
        is_last=is_last,
    )


def _cuts(text: str, around: _Surroundings) -> list[Cut]:
    item = around.item
    comma_on_line = item.comma is not None and LINE_END.search(text, item.end, item.comma) is None
    end = item.comma + 1 if item.comma is not None and comma_on_line else item.end
    line_start = own_line_start(text, around.floor, item.start)
    line_end = own_line_end(text, end, around.ceiling if item.comma is None or comma_on_line else item.comma)
    if line_start is None or line_end is None:
        return _cuts_on_shared_line(text, around, line_start is not None)
    own = Cut(line_start, line_end)
    if comma_on_line:
        return [own]
    return [own, *_comma_alone(text, around.comma_before if item.comma is None else item.comma)]


def _cuts_on_shared_line(text: str, around: _Surroundings, starts_line: bool) -> list[Cut]:
    item = around.item
    start, end = item.start, item.end
    comma = around.comma_before if item.comma is None else item.comma
    if item.comma is not None and not text[end : item.comma].strip(" \t"):
        end, comma = item.comma + 1, None
    elif item.comma is None and comma is not None and not text[comma + 1 : start].strip(" \t\r\n"):
        return [_with_empty_line(text, comma, end)]
    *_, comment_before = (None, *COMMENT.finditer(text, around.floor, start))
    if around.is_last and not (comment_before and comment_before[0].startswith("//")):
        start = comment_before.end() if comment_before else around.floor
    elif ends_line(text, end) or (not starts_line and around.comma_before is not None):
        start = before_blanks(text, start)
    else:
        end = behind_blanks(text, end)
    return [_with_empty_line(text, start, end), *_comma_alone(text, comma)]


def _comma_alone(text: str, comma: int | None) -> list[Cut]:
    if comma is None:
        return []
    starts_line = text[before_blanks(text, comma) - 1] in "\r\n"
    return [_with_empty_line(text, comma, behind_blanks(text, comma + 1) if starts_line else comma + 1)]


def _with_empty_line(text: str, start: int, end: int) -> Cut:
    """The cut; the whole line where nothing else would be left of it."""
    line_start, line_end = before_blanks(text, start), LINE_END.match(text, behind_blanks(text, end))
    if line_end and text[line_start - 1] in "\r\n":
        return Cut(line_start, line_end.end())
    return Cut(start, end)


def _cut(text: str, cuts: Iterable[Cut]) -> str:
    kept: list[str] = []
    position = 0
    for start, end in sorted(cuts):
        assert position <= start
        kept.append(text[position:start])
        position = end
    return "".join((*kept, text[position:]))
