"""Lines of a text with their ends. Only LF ends a line; a CR before it belongs to the end.

`str.splitlines` parts at form feeds and U+2028 too, which the readers of these files do not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_LINE = re.compile(r"[^\n]*\n|[^\n]+")


def lines_of(text: str) -> list[str]:
    """Each line with its end; joined they are the text. The last may lack an end."""
    return _LINE.findall(text)


def body(line: str) -> str:
    """The line without its end; a CR at the end of the text is one too."""
    return line.removesuffix("\n").removesuffix("\r")


def end(line: str) -> str:
    return line[len(body(line)) :]


def line_end(text: str) -> str:
    """What ends a new line: LF, unless every line of the text ends in CRLF."""
    crlf = text.count("\r\n")
    return "\r\n" if crlf and crlf == text.count("\n") else "\n"


def inserted(text: str, index: int, new: Sequence[str]) -> str:
    """The text with the `new` lines, given without ends, above the line at `index`, or behind the last line."""
    lines, ending = lines_of(text), line_end(text)
    if new and index >= len(lines) and lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n" if lines[-1].endswith("\r") else ending
    lines[index:index] = [line + ending for line in new]
    return "".join(lines)
