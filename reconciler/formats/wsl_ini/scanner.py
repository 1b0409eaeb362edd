"""Cuts text into headers, settings and malformed lines exactly as WSL does. Nothing here knows what a key means."""

from __future__ import annotations

import operator
import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple

from reconciler.formats.wsl_ini.parts import (
    BYTE_ORDER_MARK,
    Dialect,
    Header,
    Malformed,
    Setting,
    Statement,
    WarningKind,
)
from reconciler.formats.wsl_ini.quoting import MalformedValue, read_value

END_OF_FILE_MARK = "\x1a"

# Possessive quantifiers: each of these runs once over its text, whatever the text.
_BETWEEN = re.compile(r"(?:[ \t\r\n]++|#[^\n]*+)*+")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*+")
_KEY = re.compile(r"([A-Za-z][A-Za-z0-9]*+)[ \t]*+(?:(=)[ \t]*+)?")
_HEADER_CLOSE = re.compile(r"\][ \t]*+(?=[\r\n#]|\Z)")
_BLANKS = re.compile(r"[ \t]*+")
# A comment ends at a line feed only, everything else also at a carriage return.
_LINE_END = re.compile(r"[ \t]*+(#[^\n]*+)?(\r?\n|\r|)")
_BYTE_ORDER_MARKS = re.compile(f"{BYTE_ORDER_MARK}++")


class OnMalformed(Enum):
    """What a malformed line does."""

    STOP = auto()  # /etc/wsl.conf: nothing below it is read
    SKIP = auto()  # .wslconfig: it is passed over, but a malformed header spoils the section
    REMOVE = auto()  # as if it were commented out, or only its byte order marks taken away


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """Everything that was read.

    `begin:end` is the text that was looked at: without the byte order mark and what follows Ctrl-Z in .wslconfig, and
    only up to the malformed line that stopped it. `open_line`: at `end` a line is still missing its line end.
    """

    statements: tuple[Statement, ...]
    begin: int
    end: int
    open_line: bool


def scan(text: str, dialect: Dialect, on_malformed: OnMalformed | None = None) -> Scan:
    """All statements in order; without `on_malformed`, the dialect's own way."""
    if on_malformed is None:
        on_malformed = OnMalformed.STOP if dialect is Dialect.WSL_CONF else OnMalformed.SKIP
    source = _as_read_by(dialect, text)
    scanner = _Scanner(source, on_malformed)
    statements = tuple(scanner.statements())
    return Scan(
        statements=statements,
        begin=source.origin(0),
        end=source.origin(scanner.position),
        open_line=scanner.open_line,
    )


class _Source(NamedTuple):
    """The characters the parser gets, and the way from an offset in them to one in the file."""

    text: str
    origin: Callable[[int], int]


def _as_read_by(dialect: Dialect, text: str) -> _Source:
    """wsl.conf is read raw; .wslconfig through the C runtime's text mode, which drops a byte order mark, turns CRLF
    into LF and takes Ctrl-Z for the end of the file."""
    if dialect is Dialect.WSL_CONF:
        return _Source(text, operator.index)
    body = text.removeprefix(BYTE_ORDER_MARK)
    skipped = len(text) - len(body)
    body = body.partition(END_OF_FILE_MARK)[0]
    returns = [found.start() - index for index, found in enumerate(re.finditer("\r\n", body))]
    if not skipped and not returns:
        return _Source(body, operator.index)
    return _Source(body.replace("\r\n", "\n"), lambda offset: offset + skipped + bisect_left(returns, offset))


class _Scanner:
    """Walks once from front to back. `section` is what WSL puts before the next key."""

    def __init__(self, source: _Source, on_malformed: OnMalformed) -> None:
        self._text = source.text
        self._origin = source.origin
        self._on_malformed = on_malformed
        self._line = 1
        self._row = 1
        self._section = ""
        self._stopped = False
        self.position = 0
        self.open_line = False

    def statements(self) -> Iterator[Statement]:
        while not self._stopped:
            start = self._pass_blank_lines_and_comments()
            if self.position == len(self._text):
                return
            yield self._statement(start)

    def _pass_blank_lines_and_comments(self) -> int:
        """Returns where the line begins on which the next statement stands."""
        between = _BETWEEN.match(self._text, self.position)
        assert between is not None  # it matches the empty text
        passed = between[0]
        if not passed:
            return self.position
        self._count(passed.count("\n"))
        self.open_line = not passed.endswith("\n")
        self.position = between.end()
        return self.position - (len(passed) - len(passed.rstrip(" \t")))

    def _statement(self, start: int) -> Statement:
        if key := _KEY.match(self._text, self.position):
            return self._setting(start, key)
        if self._text[self.position] == "[":
            return self._header(start)
        return self._malformed(start, WarningKind.INVALID_KEY, "a letter", self.position)

    def _header(self, start: int) -> Header | Malformed:
        name = _NAME.match(self._text, self.position + 1)
        if name is None:
            return self._malformed(start, WarningKind.INVALID_SECTION, "a letter", self.position + 1)
        close = _HEADER_CLOSE.match(self._text, name.end())
        if close is None:
            return self._malformed_header(start, name)
        self._section = name[0]
        self._finish_line(close.end())
        return Header(section=name[0], start=self._origin(start), end=self._origin(self.position))

    def _malformed_header(self, start: int, name: re.Match[str]) -> Malformed:
        """WSL keeps the new name but the old section's length, so the keys below land in a mixture of both; where the
        new name is too short, the rest is NULs."""
        if self._on_malformed is OnMalformed.SKIP:
            length = len(self._section)
            self._section = name[0][:length].ljust(length, "\0")
        if not self._text.startswith("]", name.end()):
            return self._malformed(start, WarningKind.EXPECTED, "]", name.end())
        after = self._pass_blanks(name.end() + 1)
        return self._malformed(start, WarningKind.EXPECTED, "a comment or the end of the line", after)

    def _setting(self, start: int, key: re.Match[str]) -> Setting | Malformed:
        value_start = key.end()
        if key[2] is None:
            return self._malformed(start, WarningKind.EXPECTED, "=", value_start)
        value = read_value(self._text, value_start)
        if isinstance(value, MalformedValue):
            return self._malformed(start, value.kind, value.expected, value.at)
        row = self._row
        self._count(value.line_feeds)
        line = self._line
        self._finish_line(value.end)
        section, name = self._full_name(key[1])
        origin = self._origin
        return Setting(
            section=section,
            key=name,
            value=value.text,
            line=line,
            row=row,
            start=origin(start),
            value_start=origin(value_start),
            value_end=origin(value.end),
            end=origin(self.position),
        )

    def _full_name(self, key: str) -> tuple[str, str]:
        """WSL compares `section.key` as a C string, so a NUL from a malformed header ends it before the key."""
        cut = self._section.find("\0")
        return (self._section, key) if cut < 0 else ("", self._section[:cut])

    def _malformed(self, start: int, kind: WarningKind, expected: str, at: int) -> Malformed:
        end = self._end_of_malformed(kind, at)
        origin = self._origin
        malformed = Malformed(
            kind=kind,
            expected=expected,
            found=self._text[at : min(at + 2, end)],
            line=self._line,
            row=self._row,
            start=origin(start),
            at=origin(at),
            end=origin(end),
        )
        if self._on_malformed is OnMalformed.STOP:
            self._stopped, self.open_line, self.position = True, False, start
        else:
            self._count(self._text.count("\n", self.position, end))
            self.open_line, self.position = not self._text.endswith("\n", at, end), end
        return malformed

    def _end_of_malformed(self, kind: WarningKind, at: int) -> int:
        if self._on_malformed is OnMalformed.REMOVE and kind is WarningKind.INVALID_KEY:
            marks = _BYTE_ORDER_MARKS.match(self._text, at)
            if marks is not None:
                return marks.end()
        return self._text.find("\n", at) + 1 or len(self._text)

    def _pass_blanks(self, position: int) -> int:
        blanks = _BLANKS.match(self._text, position)
        assert blanks is not None  # it matches the empty text
        return blanks.end()

    def _finish_line(self, position: int) -> None:
        """Passes blanks, a comment and the line end. WSL counts CR and LF after a statement as a line each."""
        rest = _LINE_END.match(self._text, position)
        assert rest is not None  # it matches the empty text
        comment, ending = rest[1], rest[2]
        line_feeds = ending.count("\n")
        self._row += line_feeds
        self._line += line_feeds if comment else len(ending)
        self.open_line = not line_feeds
        self.position = rest.end()

    def _count(self, line_feeds: int) -> None:
        self._line += line_feeds
        self._row += line_feeds
