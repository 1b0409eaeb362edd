"""How a value stands in a file: quotes, escapes, trailing blanks."""

from __future__ import annotations

import re
from typing import NamedTuple

from reconciler.formats.wsl_ini.keys import Value
from reconciler.formats.wsl_ini.parts import Dialect, WarningKind

# Possessive quantifiers: each of these runs once over its text, whatever the text.
_PLAIN = re.compile(r'[^"\\#\r\n]*+')
_PIECE = re.compile(r'[^"\\#\r\n]++|"|#|\\.?', re.DOTALL)
_READ_AS = {"\\\\": "\\", '\\"': '"', "\\b": "\b", "\\n": "\n", "\\t": "\t", "\\\n": "", "\\\r": ""}

_WRITTEN_AS = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\b": "\\b"})
# The dialect has no escape for these: a NUL cuts the value, a carriage return ends it, Ctrl-Z ends .wslconfig.
_UNWRITABLE = {"\0": "a NUL", "\r": "a carriage return", "\x1a": "Ctrl-Z"}


class ValueText(NamedTuple):
    """`end` is where the value as written ends, before trailing blanks; `line_feeds` are those escaped in it."""

    text: str
    end: int
    line_feeds: int


class MalformedValue(NamedTuple):
    kind: WarningKind
    expected: str
    at: int


def read_value(text: str, start: int) -> ValueText | MalformedValue:
    plain = _PLAIN.match(text, start)
    assert plain is not None  # it matches the empty text
    if text.startswith(('"', "\\"), plain.end()):
        return _read_quoted_value(text, start)
    value = plain[0].rstrip(" \t")
    return ValueText(value.partition("\0")[0], start + len(value), 0)


def _read_quoted_value(text: str, start: int) -> ValueText | MalformedValue:
    """Quotes toggle anywhere and are dropped; they protect `#` and blanks. Escapes count inside and outside."""
    pieces: list[str] = []
    length = kept = 0
    position = end = start
    quoted = False
    while piece := _PIECE.match(text, position):
        written = read = piece[0]
        if written == "#" and not quoted:
            break
        if written == '"':
            quoted, read = not quoted, ""
        elif written[0] == "\\":
            if written not in _READ_AS:
                return MalformedValue(WarningKind.INVALID_ESCAPE, "", position)
            read = _READ_AS[written]
        pieces.append(read)
        length += len(read)
        position = piece.end()
        if bare := written.rstrip(" \t"):
            blanks = len(written) - len(bare)
            kept, end = length - blanks, position - blanks
    if quoted:
        return MalformedValue(WarningKind.EXPECTED, '"', position)
    return ValueText("".join(pieces)[:kept].partition("\0")[0], end, text.count("\n", start, end))


def format_value(value: Value) -> str:
    """How `value` stands after the `=`; for text, escaped and quoted only where needed.

    Raises ValueError for text with a NUL, a carriage return or Ctrl-Z: no file can hold them.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    for character, name in _UNWRITABLE.items():
        if character in value:
            raise ValueError(f"{name} cannot be written into WSL's files")
    escaped = value.translate(_WRITTEN_AS)
    return f'"{escaped}"' if "#" in escaped or escaped != escaped.strip(" ") else escaped


def why_unwritable(text: str, dialect: Dialect) -> str | None:
    """Why a file cannot hold `text` as a value; None when it can."""
    for character, name in _UNWRITABLE.items():
        if character in text:
            return f"contains {name}, which cannot be written there"
    if dialect is Dialect.WSLCONFIG and not text.isascii():
        return "is not ASCII, and WSL keeps only the low 8 bits of each character there"
    return None
