r"""/etc/environment, as pam_env reads it into every session.

A line is NAME=value, perhaps after `export `; nothing is expanded. `#` begins a comment anywhere, in quotes too, so no value
has one. A quote at the value's begin goes, and then one at its end, whether they match or not; other quotes and blanks are
part of the value, also a carriage return. A backslash at a line's end joins the next (here as since Linux-PAM 1.6: its
leading blanks go, a comment or blank line ends it); no other is special. A name without `=` unsets it.

Where systemd links the file into environment.d it reads it too, by its own rules.

Source: modules/pam_env/pam_env.c of Linux-PAM 1.3.1 to 1.7.2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from reconciler.formats import assignments
from reconciler.formats.assignments import Assignment, Dialect, Scan
from reconciler.formats.lines import lines_of

LONGEST_LINE_BYTES: Final = 8190
"""Up to Linux-PAM 1.5 a longer line ends the reading of the file."""
_STATEMENT = re.compile(r"(export )?([A-Za-z0-9_]+)(=?)(.*)", re.DOTALL)
_CONTINUED = re.compile(r"\\[ \t\n]*\Z")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NEEDS_QUOTES = re.compile(r"[ \t\"'].*|.*[ \t\\]", re.DOTALL)


def members(text: str) -> dict[str, str]:
    return assignments.members(text, _DIALECT)


def edit(text: str, changes: Mapping[str, str | None]) -> str:
    """The text in which each variable has its value, or is not set for None. Raises ValueError for `refused_reason`."""
    for name, value in changes.items():
        reason = refused_reason(name, value or "")
        if reason:
            raise ValueError(reason)
    return assignments.edit(text, changes, _DIALECT)


def refused_reason(name: str, value: str) -> str | None:
    """Why pam_env would not give the variable this value; None where it would."""
    if not _NAME.fullmatch(name):
        return f"{name!r} is no name of a variable: letters, digits and _, no digit first"
    for character, word in (("#", "a #, where a comment begins"), ("\n", "a line end"), ("\0", "a NUL")):
        if character in value:
            return f"the value of {name} has {word}: /etc/environment cannot hold it"
    if len(f'{name}="{value}"'.encode("utf-8", "surrogateescape")) > LONGEST_LINE_BYTES:
        return f"the line of {name} would be longer than {LONGEST_LINE_BYTES} bytes, where pam_env stops reading"
    return None


def _scan(text: str) -> Scan:
    found: list[Assignment] = []
    start = end = 0
    joined, first = "", None
    for line in lines_of(text):
        content, comment, _ = line.partition("#")
        continued = None if comment else _CONTINUED.search(content)
        kept = content[: continued.start()] if continued else content.removesuffix("\n")
        first = kept if first is None else first
        joined += kept.lstrip(" \t")
        at, end = end, end + len(line)
        if continued is None:
            found += _assignment(joined, first, start, at + len(kept), end)
            start, joined, first = end, "", None
    return Scan(tuple(found), start)


def _assignment(statement: str, first: str, start: int, stop: int, end: int) -> list[Assignment]:
    """`first` is the statement's part on its first line, `stop` where its last line's content ends."""
    match = _STATEMENT.fullmatch(statement)
    if not match or (match[4] and not match[3]):
        return []
    if not match[3]:
        return [Assignment(match[2], None, start, end, None)]
    begin = first.find("=") + 1
    return [Assignment(match[2], _unquoted(match[4]), start, end, (start + begin, stop) if begin else None)]


def _unquoted(value: str) -> str:
    if not value.startswith(("'", '"')):
        return value
    return value[1:-1] if value.endswith(("'", '"')) else value[1:]


def _written(value: str) -> str:
    return f'"{value}"' if _NEEDS_QUOTES.fullmatch(value) else value


_DIALECT: Final = Dialect(
    scan=_scan, written=_written, line=lambda name, value: f"{name}={_written(value)}", ending=lambda text: "\n"
)
