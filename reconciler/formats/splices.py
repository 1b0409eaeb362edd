"""Changes of a text at known places."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Splice(NamedTuple):
    """`text[start:end]` becomes `replacement`."""

    start: int
    end: int
    replacement: str


def spliced(text: str, splices: Iterable[Splice]) -> str:
    """The text after splices that do not overlap, given in any order."""
    pieces: list[str] = []
    position = 0
    for start, end, replacement in sorted(splices):
        pieces += (text[position:start], replacement)
        position = end
    return "".join((*pieces, text[position:]))
