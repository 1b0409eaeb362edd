"""One layout, two painters: lines of styled spans, painted as plain text or with colours."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from reconciler.rendering.visible import cell_width, visible

WIDEST: Final = 120
"""Lines are set for at most so many columns: what stands far to the right is not read as one line."""


class Style(Enum):
    """What a span means; the value is rich's name of its look."""

    PLAIN = ""
    STRONG = "bold"
    FAINT = "dim"
    ADD = "green"
    CHANGE = "yellow"
    REMOVE = "red"
    BLOCKED = "bold red"
    UNKNOWN = "magenta"
    LATER = "cyan"


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of one line: whatever text it is made of, it holds no control character."""

    text: str
    style: Style = Style.PLAIN

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", visible(self.text))


# Words with the blanks before them beyond the first: a fix has two before what is to be written.
_WORD: Final = re.compile(r"(?:^| )( *(?:`[^`]*`|[^ ])+)")

Line = tuple[Span, ...]

BLANK: Final[Line] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How a text is set: columns, everything or the essence, and whether the terminal has more than ASCII."""

    width: int = 80
    verbose: bool = False
    unicode: bool = True

    @property
    def columns(self) -> int:
        return min(self.width, WIDEST)

    @property
    def arrow(self) -> str:
        return "→" if self.unicode else "->"

    @property
    def ellipsis(self) -> str:
        return "…" if self.unicode else "..."


def width_of(line: Line) -> int:
    return sum(cell_width(span.text) for span in line)


def indented(columns: int, *spans: Span) -> Line:
    return (Span(" " * columns), *spans)


def with_right(line: Line, right: str, look: Look) -> Iterator[Line]:
    """The line with a faint remark at the right edge, or below it where both have no room."""
    if not right:
        yield line
        return
    remark = Span(right, Style.FAINT)
    room = look.columns - width_of(line) - cell_width(remark.text)
    if room >= 2:
        yield (*line, Span(" " * room), remark)
        return
    yield line
    yield indented(max(look.columns - cell_width(remark.text), 0), remark)


def prose(
    first: Line, text: str | Sequence[str], look: Look, *, style: Style = Style.PLAIN, hang: int | None = None
) -> Iterator[Line]:
    """`first` and then the words of `text`, broken between words; the lines after it begin at column `hang`.

    Words that must stay together come as one of a list, or in `backticks`. Without `hang` the lines begin below the
    text's first word. A word that is too long for a line stays whole, to be copied.
    """
    column = width_of(first)
    hang = column if hang is None else hang
    line, words = first, ""
    for word in _WORD.findall(text) if isinstance(text, str) else text:
        word = visible(word)
        longer = f"{words} {word}" if words else word.lstrip(" ")
        if column + cell_width(longer) > look.columns and (words or column > hang):
            yield (*line, Span(words, style)) if words else _trimmed(line)
            line, column, words = indented(hang), hang, word.lstrip(" ")
        else:
            words = longer
    yield (*line, Span(words, style))


def _trimmed(line: Line) -> Line:
    return (*line[:-1], Span(line[-1].text.rstrip(" "), line[-1].style))


def listed(parts: Sequence[str]) -> list[str]:
    """For `prose`: parts that stay whole, with commas between them."""
    return [*(f"{part}," for part in parts[:-1]), *parts[-1:]]


def paint(lines: Iterable[Line], *, colour: bool, unicode: bool = True) -> str:
    """The text of the lines, without a last line end. Without `unicode` it is ASCII whatever it shows."""
    text = _coloured(lines) if colour else "\n".join("".join(span.text for span in line) for line in lines)
    return text if unicode else text.encode("ascii", "backslashreplace").decode("ascii")


def _coloured(lines: Iterable[Line]) -> str:
    # rich takes longer to import than most commands take to run: only a terminal needs it.
    from rich.color import ColorSystem
    from rich.style import Style as Painter

    painters = {style: Painter.parse(style.value) for style in Style}
    return "\n".join(
        "".join(painters[span.style].render(span.text, color_system=ColorSystem.STANDARD) for span in line)
        for line in lines
    )
