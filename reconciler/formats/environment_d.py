r"""Files of environment.d, which systemd reads into the user's services.

A line is NAME=value, blanks around both not counted; a line that begins with `#` or `;` is a comment. A value is quoted
parts, then bare text to the line's end, in which quotes are text. A backslash before a line end joins the lines; in bare
text and double quotes it takes the meaning from what follows (in quotes only from `"`, `\`, `` ` `` and `$`).

Afterwards `$NAME`, `${NAME}`, `${NAME:-else}` and `${NAME:+then}` are expanded, whatever the quotes; `$$` is a dollar sign.
Values here still have their dollar signs: see `literal`. An empty value is not set at all, and text that is no UTF-8 ends
the reading. Up to systemd 253 a backslash at the end of a comment makes the next line one.

Source: environment.d(5); src/basic/env-file.c of systemd.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from reconciler.formats import assignments
from reconciler.formats.assignments import Assignment, Dialect, Scan
from reconciler.formats.lines import line_end

_BEGIN = re.compile(r"([ \t\n\r]*)(?:([#;][^\n\r]*)|([^ \t\n\r#;][^=\n\r]*)(=[ \t]*)?)")
_QUOTED = re.compile(r"""[ \t]*(?:'([^']*)('?)|"((?:\\.|[^"\\])*)("?))""", re.DOTALL)
_BARE = re.compile(r"[ \t]*((?:\\.|[^\\\n\r])*)(\\?)", re.DOTALL)
_WITHOUT_LAST_BLANKS = re.compile(r"((?:\\.|[^\\])*?)[ \t]*", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NO_UTF8 = re.compile("[\ud800-\udfff]")
_NEEDS_QUOTES = re.compile(r"""[ \t"'].*|.*[ \t]|.*\\.*""")


class UnclosedQuoteError(ValueError):
    """A quote in the value of `name` opens on `line`, from 1, and is not closed: the rest of the file belongs to it."""

    def __init__(self, name: str, line: int) -> None:
        super().__init__(f"line {line}: a quote in the value of {name} is never closed")
        self.name = name
        self.line = line


class _Statement(NamedTuple):
    """From a line's `start` to the `end` of a line. `place` is where its value is written.

    Whatever has no name is nothing, such as a comment. `cut`: what stood behind the text's end would belong to it.
    """

    name: str
    value: str
    start: int
    end: int
    place: tuple[int, int]
    cut: bool
    quote: int | None
    """Where a quote opens that is never closed."""


def members(text: str) -> dict[str, str]:
    return assignments.members(text, _DIALECT)


def edit(text: str, changes: Mapping[str, str | None]) -> str:
    """The text in which each variable has its value, or is not set for None.

    Raises ValueError for `refused_reason`, UnclosedQuoteError where it takes guessing what belongs to the value.
    """
    for name, value in changes.items():
        reason = None if value is None and _NAME.fullmatch(name) else refused_reason(name, value or "")
        if reason:
            raise ValueError(reason)
    for statement in _statements(text):
        name = statement.name
        if statement.quote is not None and name in changes and changes[name] != members(text).get(name):
            raise UnclosedQuoteError(name, text.count("\n", 0, statement.quote) + 1)
    return assignments.edit(text, changes, _DIALECT)


def literal(text: str) -> str:
    """The value that systemd expands to `text`."""
    return text.replace("$", "$$")


def refused_reason(name: str, value: str) -> str | None:
    """Why systemd would not give the variable this value; None where it would."""
    if not _NAME.fullmatch(name):
        return f"{name!r} is no name of a variable: letters, digits and _, no digit first"
    if not value:
        return f"the value of {name} is empty: environment.d cannot set an empty value"
    for character, word in (("\n", "a line end"), ("\r", "a carriage return"), ("\0", "a NUL")):
        if character in value:
            return f"the value of {name} has {word}: it is not written to environment.d"
    if _NO_UTF8.search(value):
        return f"the value of {name} is no UTF-8: there systemd would stop reading"
    return None


def _scan(text: str) -> Scan:
    found: list[Assignment] = []
    for statement in _statements(text):
        if _NO_UTF8.search(statement.value):
            return Scan(tuple(found), statement.start)
        if statement.name and statement.value:
            found.append(Assignment(statement.name, statement.value, statement.start, statement.end, statement.place))
        if statement.cut:
            return Scan(tuple(found), statement.start)
    return Scan(tuple(found), len(text))


def _statements(text: str) -> Iterator[_Statement]:
    at = 0
    while begin := _BEGIN.match(text, at):
        _, comment, name, equals = begin.groups()
        value, stop, cut, quote = _value(text, begin.end()) if equals else ("", begin.end(), False, None)
        at = stop + (2 if text.startswith("\r\n", stop) else 1)
        yield _Statement(
            name=name.rstrip(" \t") if equals and _NAME.fullmatch(name.rstrip(" \t")) else "",
            value=value,
            start=1 + max(text.rfind(character, 0, begin.end(1)) for character in "\n\r"),
            end=min(at, len(text)),
            place=(begin.end(), begin.end() + len(text[begin.end() : stop].rstrip(" \t"))),
            cut=cut or bool(comment and comment.endswith("\\") and stop == len(text)),
            quote=quote,
        )


def _value(text: str, at: int) -> tuple[str, int, bool, int | None]:
    """The value that begins at `at`; where it ends; whether the text's end cuts it off; where an open quote begins."""
    parts: list[str] = []
    while quoted := _QUOTED.match(text, at):
        single, single_end, double, double_end = quoted.groups()
        parts.append(_ESCAPED.sub(_in_quotes, double) if single is None else single)
        if not (single_end or double_end):
            opens = quoted.end() - len(quoted[0].lstrip(" \t"))
            return "".join(parts), len(text), True, opens
        at = quoted.end()
    bare = _BARE.match(text, at)
    assert bare is not None
    content, cut = bare[1], bool(bare[2])
    trimmed = None if cut else _WITHOUT_LAST_BLANKS.fullmatch(content)
    parts.append(_ESCAPED.sub(_in_bare_text, trimmed[1] if trimmed else content))
    # A line end that is the last of the text and of the value was escaped.
    cut = cut or (bare.end() == len(text) and text.endswith(("\n", "\r")))
    return "".join(parts), bare.end(), cut, None


def _in_quotes(escape: re.Match[str]) -> str:
    return {"\n": ""}.get(escape[1], escape[1] if escape[1] in '"\\`$' else escape[0])


def _in_bare_text(escape: re.Match[str]) -> str:
    return "" if escape[1] in "\n\r" else escape[1]


def _written(value: str) -> str:
    if not _NEEDS_QUOTES.fullmatch(value):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


_DIALECT: Final = Dialect(
    scan=_scan, written=_written, line=lambda name, value: f"{name}={_written(value)}", ending=line_end
)
