"""Puts one item into a document, or another value in the place of one."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.formats.jsonc.layout import (
    COMMENT,
    Style,
    behind_blanks,
    behind_comments,
    ends_line,
    indentation,
    is_one_line,
    own_line_start,
    style_of,
)
from reconciler.formats.jsonc.parts import Document, Json, Node
from reconciler.formats.jsonc.writing import quoted, written

NewItem = tuple[str | None, Json]
"""A name, None in a list, and a value."""


def replaced(document: Document, containers: Sequence[Node], item: Node, value: Json) -> str:
    """The text with `value` in place of that of `item`, which stands in the last of `containers`."""
    text = document.text
    indent = None if is_one_line(text, containers) else indentation(text, item.start)
    return text[: item.value_start] + written(value, indent, style_of(document)) + text[item.end :]


def appended(document: Document, containers: Sequence[Node], items: Sequence[NewItem]) -> str:
    """The text with more items at the end of the last of `containers`, in the style of the item before them."""
    put = _behind_last if containers[-1].items else _as_only
    return put(document, containers, items)


def _behind_last(document: Document, containers: Sequence[Node], items: Sequence[NewItem]) -> str:
    text, style = document.text, style_of(document)
    holder = containers[-1]
    last = holder.items[-1]
    end = last.end if last.comma is None else last.comma + 1
    place = behind_comments(text, end)
    starts_line = own_line_start(text, holder.floor(len(holder.items) - 1), last.start) is not None
    indent: str | None
    if starts_line or any(comment[0].startswith("//") for comment in COMMENT.finditer(text, end, place)):
        indent = indentation(text, last.start) if starts_line else indentation(text, holder.value_start) + style.unit
        lead = style.line_end + indent
        place = behind_blanks(text, place) if ends_line(text, place) else place
    else:
        indent = None if is_one_line(text, containers) else indentation(text, last.end)
        lead = " "
    addition = lead + _written(items, lead, indent, style)
    if last.comma is None:
        return text[:end] + "," + text[end:place] + addition + text[place:]
    return text[:place] + addition + "," + text[place:]


def _as_only(document: Document, containers: Sequence[Node], items: Sequence[NewItem]) -> str:
    text, style = document.text, style_of(document)
    start, closer = containers[-1].value_start + 1, containers[-1].end - 1
    *_, comment = (None, *COMMENT.finditer(text, start, closer))
    if is_one_line(text, containers):
        addition = _written(items, " ", None, style)
        if comment is None:
            return text[:start] + addition + text[closer:]
        return text[: comment.end()] + " " + addition + text[comment.end() :]
    outer = indentation(text, start)
    indent = outer + style.unit
    if comment and own_line_start(text, start, comment.start()) is not None:
        indent = indentation(text, comment.start())
    lead = style.line_end + indent
    addition = lead + _written(items, lead, indent, style)
    if comment is None:
        return text[:start] + addition + style.line_end + outer + text[closer:]
    place = behind_blanks(text, comment.end()) if ends_line(text, comment.end()) else comment.end()
    return text[:place] + addition + text[place:]


def _written(items: Sequence[NewItem], lead: str, indent: str | None, style: Style) -> str:
    """The items with commas between them, and `lead` before all but the first."""
    names = ("" if key is None else f"{quoted(key)}: " for key, _ in items)
    values = (written(value, indent, style) for _, value in items)
    return f",{lead}".join(name + value for name, value in zip(names, values, strict=True))
