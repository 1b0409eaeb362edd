"""Lines, indentation and comments around the items of a document.

Every question is asked about the gap between two tokens. Whether a `//` or a line end stands in a comment or a string
cannot be told from the middle of a text, but there it can.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from reconciler.formats.jsonc.parts import LINE_END, Document, Node

COMMENT = re.compile(r"//[^\r\n]*+|/\*(?:[^*]++|\*(?!/))*+\*/")
_BLANKS = re.compile(r"[ \t]*+")
_BLANKS_AND_COMMENT = re.compile(rf"[ \t]*+(?:{COMMENT.pattern})")
_DEFAULT_UNIT = "    "  # VS Code's own


class Style(NamedTuple):
    """The first line end of the file, and what it indents its first indented item with."""

    line_end: str
    unit: str


def style_of(document: Document) -> Style:
    line_end = LINE_END.search(document.text)
    unit = next(_units(document.text, document.root), _DEFAULT_UNIT) if document.root else _DEFAULT_UNIT
    return Style(line_end[0] if line_end else "\n", unit)


def _units(text: str, container: Node) -> Iterator[str]:
    outer = indentation(text, container.value_start)
    for index, item in enumerate(container.items):
        if own_line_start(text, container.floor(index), item.start) is not None:
            inner = indentation(text, item.start)
            if inner.startswith(outer) and inner != outer:
                yield inner.removeprefix(outer)
        yield from _units(text, item)


def indentation(text: str, at: int) -> str:
    """The blanks at the begin of the line of `at`."""
    line_start = max(text.rfind("\n", 0, at), text.rfind("\r", 0, at)) + 1
    blanks = _BLANKS.match(text, line_start, at)
    return blanks[0] if blanks else ""


def own_line_start(text: str, floor: int, at: int) -> int | None:
    """Where the line of the token at `at` begins; None unless only blanks and comments of that line stand before it.

    `floor` is where the token before ends.
    """
    found: int | None = None
    for comment in COMMENT.finditer(text, floor, at):
        found = _behind_last_line_end(text, floor, comment.start()) or found
        floor = comment.end()
        if LINE_END.search(comment[0]):
            found = None
    return _behind_last_line_end(text, floor, at) or found


def own_line_end(text: str, at: int, ceiling: int) -> int | None:
    """Where the line of `at`, the end of a token, ends; None unless only blanks and comments of that line stand behind.

    `ceiling` is where the next token begins. The line end is counted in.
    """
    for comment in COMMENT.finditer(text, at, ceiling):
        if found := LINE_END.search(text, at, comment.start()):
            return found.end()
        if LINE_END.search(comment[0]):
            return None
        at = comment.end()
    found = LINE_END.search(text, at, ceiling)
    return found.end() if found else None


def _behind_last_line_end(text: str, floor: int, ceiling: int) -> int | None:
    last = max(text.rfind("\n", floor, ceiling), text.rfind("\r", floor, ceiling))
    return last + 1 if last >= 0 else None


def behind_comments(text: str, at: int) -> int:
    """The end of the comments that begin on the line of `at`, the end of a token."""
    while match := _BLANKS_AND_COMMENT.match(text, at):
        at = match.end()
    return at


def behind_blanks(text: str, at: int) -> int:
    match = _BLANKS.match(text, at)
    return match.end() if match else at


def before_blanks(text: str, at: int) -> int:
    while at and text[at - 1] in " \t":
        at -= 1
    return at


def ends_line(text: str, at: int) -> bool:
    """Whether nothing but blanks stands between `at` and the end of its line."""
    return text.startswith(("\r", "\n"), behind_blanks(text, at))


def is_one_line(text: str, containers: Sequence[Node]) -> bool:
    """Whether the last of `containers`, each in the one before, is written on one line. Where it is empty, the ones
    around it tell; an empty document is not."""
    for container in reversed(containers):
        if LINE_END.search(text, container.value_start, container.end):
            return False
        if container.items or COMMENT.search(text, container.value_start + 1, container.end - 1):
            return True
    return False
