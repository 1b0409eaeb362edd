"""Files of assignments, one name and one value each, of which the last of a name counts: what their codecs share.

A change is made on the line that counts; earlier lines of the name stay. New lines go to the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from reconciler.formats.splices import Splice, spliced


class Assignment(NamedTuple):
    """`text[start:end]` are its lines with their ends. A `value` of None unsets what stood before.

    `place` is where the value is written, in the form of the file; None where only the whole lines can be replaced.
    """

    name: str
    value: str | None
    start: int
    end: int
    place: tuple[int, int] | None


class Scan(NamedTuple):
    """What a reader of the file finds in it. At `end` a new line can stand: above a statement that the text's end cuts off."""

    assignments: tuple[Assignment, ...]
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """`written` gives a value as it stands in the file, `line` a new line without its end, `ending` that."""

    scan: Callable[[str], Scan]
    written: Callable[[str], str]
    line: Callable[[str, str], str]
    ending: Callable[[str], str]


def members(text: str, dialect: Dialect) -> dict[str, str]:
    counting = {assignment.name: assignment.value for assignment in dialect.scan(text).assignments}
    return {name: value for name, value in counting.items() if value is not None}


def edit(text: str, changes: Mapping[str, str | None], dialect: Dialect) -> str:
    """The text in which each name has its value, or none for None: then all its lines go."""
    observed, ending = members(text, dialect), dialect.ending(text)
    due = {name: value for name, value in changes.items() if observed.get(name) != value}
    found = dialect.scan(text).assignments
    last = {assignment.name: assignment for assignment in found}
    splices = [Splice(each.start, each.end, "") for each in found if each.name in due and due[each.name] is None]
    additions = ""
    for name, value in due.items():
        if value is not None and name in last:
            splices.append(_replacement(last[name], value, dialect, ending))
        elif value is not None:
            additions += dialect.line(name, value) + ending
    return _with_lines(spliced(text, splices), additions, dialect, ending)


def _replacement(assignment: Assignment, value: str, dialect: Dialect, ending: str) -> Splice:
    if assignment.place is None:
        return Splice(assignment.start, assignment.end, dialect.line(assignment.name, value) + ending)
    return Splice(*assignment.place, dialect.written(value))


def _with_lines(text: str, lines: str, dialect: Dialect, ending: str) -> str:
    at = dialect.scan(text).end
    gap = ending if lines and at and at == len(text) and not text.endswith("\n") else ""
    return text[:at] + gap + lines + text[at:]
