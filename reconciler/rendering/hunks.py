"""Two texts as unified hunks: three lines of context, line ends and blanks that matter made visible."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

from reconciler.rendering.layout import BLANK, Line, Look, Span, Style, indented
from reconciler.rendering.visible import visible

CONTEXT: Final = 3
SHORT: Final = 20
"""So many lines are shown without -v."""

_TAB_STOP: Final = 4
# difflib's time grows with the pairs of equal lines on both sides, again and again: 500,000 of them took 3 seconds.
# Beyond this, all lines are shown as replaced.
_MOST_PAIRS: Final = 50_000


_Signed = tuple[str, str]
"""What stands in the first column (`+`, `-`, a blank; `@` and a backslash for remarks), and the text after it."""


@dataclass(frozen=True, slots=True)
class _Gap:
    """Lines `before[i1:i2]` that become `after[j1:j2]`."""

    i1: int
    i2: int
    j1: int
    j2: int


def hunk_lines(before: str | None, after: str | None, look: Look, indent: int) -> Iterator[Line]:
    """What changes between two texts; None is no text at all. Long ones are cut, with the count of what is left out."""
    lines = list(_all_lines(before, after, look))
    shown = lines if look.verbose or len(lines) <= SHORT + 1 else lines[:SHORT]
    for sign, text in shown:
        # An empty line of context is empty: blanks at the end of a line are noise, or look like a change.
        yield indented(indent, Span(f"{sign}{text}", _STYLES[sign])) if text or sign != " " else BLANK
    if len(shown) < len(lines):
        yield indented(indent, Span(f"{look.ellipsis} {len(lines) - len(shown)} more lines; -v shows all", Style.FAINT))


_STYLES: Final = {"+": Style.ADD, "-": Style.REMOVE, " ": Style.PLAIN, "@": Style.FAINT, "\\": Style.FAINT}


def _all_lines(before: str | None, after: str | None, look: Look) -> Iterator[_Signed]:
    texts = [text for text in (before, after) if text]
    if texts and all(text.count("\n") == text.count("\r\n") > 0 for text in texts):
        before, after = (text and text.replace("\r\n", "\n") for text in (before, after))
        yield "\\", " lines end with CR LF"
    old, new = _lines(before), _lines(after)
    for group in _groups(_gaps(old, new)):
        yield from _hunk(old, new, group, look)


def _lines(text: str | None) -> list[str]:
    """With their line ends: U+2028 and its like are no line ends here."""
    if not text:
        return []
    return [line + "\n" for line in text[:-1].split("\n")] if text.endswith("\n") else _unended(text)


def _unended(text: str) -> list[str]:
    *lines, last = text.split("\n")
    return [*(line + "\n" for line in lines), last]


def _gaps(old: Sequence[str], new: Sequence[str]) -> list[_Gap]:
    start, shorter = 0, min(len(old), len(new))
    while start < shorter and old[start] == new[start]:
        start += 1
    end = 0
    while end < shorter - start and old[-1 - end] == new[-1 - end]:
        end += 1
    left, right = old[start : len(old) - end], new[start : len(new) - end]
    if not left and not right:
        return []
    if _pairs(left, right) > _MOST_PAIRS:
        return [_Gap(start, start + len(left), start, start + len(right))]
    codes = SequenceMatcher(None, left, right).get_opcodes()
    return [_Gap(start + i1, start + i2, start + j1, start + j2) for tag, i1, i2, j1, j2 in codes if tag != "equal"]


def _pairs(left: Sequence[str], right: Sequence[str]) -> int:
    """Pairs of equal lines that difflib looks at: it leaves out lines that are more than a hundredth of many."""
    counts = Counter(right)
    popular = len(right) // 100 + 1 if len(right) >= 200 else len(right)
    return sum(counts[line] for line in left if counts[line] <= popular)


def _groups(gaps: Sequence[_Gap]) -> list[list[_Gap]]:
    """Gaps whose contexts touch belong to one hunk."""
    groups: list[list[_Gap]] = []
    for gap in gaps:
        if groups and gap.i1 - groups[-1][-1].i2 <= 2 * CONTEXT:
            groups[-1].append(gap)
        else:
            groups.append([gap])
    return groups


def _hunk(old: Sequence[str], new: Sequence[str], gaps: Sequence[_Gap], look: Look) -> Iterator[_Signed]:
    first, last = gaps[0], gaps[-1]
    start, end = max(first.i1 - CONTEXT, 0), min(last.i2 + CONTEXT, len(old))
    if old and new:
        # As many lines of context come before and after on both sides.
        begin, finish = first.j1 - (first.i1 - start), last.j2 + (end - last.i2)
        yield "@", f"@ -{start + 1},{end - start} +{begin + 1},{finish - begin} @@"
    here = start
    for gap in gaps:
        yield from _signed(" ", old[here : gap.i1], look)
        yield from _signed("-", old[gap.i1 : gap.i2], look)
        yield from _signed("+", new[gap.j1 : gap.j2], look)
        here = gap.i2
    yield from _signed(" ", old[here:end], look)


def _signed(sign: str, lines: Sequence[str], look: Look) -> Iterator[_Signed]:
    for line in lines:
        text = line.removesuffix("\n")
        bare = text.rstrip(" ")
        blanks = len(text) - len(bare) if sign != " " else 0
        yield sign, _tabs(bare, look) + ("·" if look.unicode else "\\x20") * blanks
        if text == line:
            yield "\\", " no line end at the end of the file"


def _tabs(text: str, look: Look) -> str:
    """Tabs as a mark and blanks up to the tab stop: a tab and blanks must not look the same."""
    if "\t" not in text:
        return visible(text)
    shown = ""
    for piece in text.split("\t")[:-1]:
        shown += visible(piece) + ("⇥" if look.unicode else "\\t")
        shown += " " * (-len(shown) % _TAB_STOP)
    return shown + visible(text.rpartition("\t")[2])
