"""What a JSONC document consists of, as values."""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Final, NamedTuple

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

BYTE_ORDER_MARK: Final = "\ufeff"
DEEPEST: Final = 100
"""How many objects and lists may stand inside each other, and how many parts the name of a setting may have."""

MOST_DIGITS: Final = 308
"""Whole numbers of more digits are read as floats, which become infinite, as VS Code reads all numbers."""

LINE_END: Final = re.compile(r"\r\n|\r|\n")


class Absent(Enum):
    """No such member. JSON has a null of its own, so that None cannot say it."""

    ABSENT = auto()


ABSENT: Final = Absent.ABSENT


class JsoncError(ValueError):
    """A document that VS Code would flag, or that cannot hold what is asked for.

    `line` and `column` count from 1, in characters; a byte order mark is none. `what` is a sentence without a full stop.
    """

    def __init__(self, text: str, at: int, what: str) -> None:
        before = text[:at].removeprefix(BYTE_ORDER_MARK)
        lines = LINE_END.split(before)
        self.line = len(lines)
        self.column = len(lines[-1]) + 1
        self.what = what
        super().__init__(f"line {self.line}, column {self.column}: {what}")


class Node(NamedTuple):
    """A value, with the name before it in an object and the comma behind it; both are None where there is none.

    `text[start:end]` is the name and the value as they are written, `text[value_start:end]` the value. `items` is empty
    for all but objects and lists.
    """

    # A named tuple, unlike a frozen dataclass, is cheap enough for each value of a file of 1 MB.
    key: str | None
    start: int
    value_start: int
    end: int
    value: Json
    items: tuple[Node, ...]
    comma: int | None

    def floor(self, index: int) -> int:
        """Where the token before the item ends: the bracket, or the comma of the item before."""
        comma = self.items[index - 1].comma if index else None
        return (self.value_start if comma is None else comma) + 1


class Document(NamedTuple):
    """`root` is None when nothing but blanks and comments stands in `text`."""

    text: str
    root: Node | None


def equal(one: Json, other: Json) -> bool:
    """Whether both are the same to JSON: 1 is 1.0 but not true, and the order of members says nothing."""
    pairs = [(one, other)]
    while pairs:
        left, right = pairs.pop()
        if isinstance(left, dict) and isinstance(right, dict):
            if left.keys() != right.keys():
                return False
            pairs += ((value, right[key]) for key, value in left.items())
        elif isinstance(left, list) and isinstance(right, list):
            if len(left) != len(right):
                return False
            pairs += zip(left, right, strict=True)
        elif left != right or isinstance(left, bool) != isinstance(right, bool):
            return False
    return True
