"""The go command's env file, the one that `go env -w` and `go env -u` write.

`edit` gives the bytes that go itself would write: no go need be installed, and who goes on with `go env -w` sees no
difference. Ported from src/cmd/go/internal/envcmd/env.go and cfg/cfg.go of go 1.27.3.

The two readings of a line differ, and both are go's: a line *counts* when it has a `=` and begins with A to Z; go
*sorts* every line that has a `=` and no `#` before it, also those that do not count.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

EMPTY_HIDES_DEFAULT = frozenset({"GOPROXY", "GOSUMDB", "GOTOOLCHAIN"})
"""Keys whose default stands in $GOROOT/go.env: an empty line here hides it, instead of meaning "unset"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Oddity:
    """A line that counts, but hardly as its writer meant it. `line` counts from 1; `what` completes "KEY …"."""

    line: int
    key: str
    what: str


def members(text: str) -> dict[str, str]:
    """What go reads: values verbatim (quotes, `\\r`, blanks and comments included), the last of several lines."""
    return {key: value for _, key, value in _counting_lines(text)}


def edit(text: str, changes: Mapping[str, str | None]) -> str:
    """`text` after one `go env -w` with all values of `changes` and one `go env -u` with all its None keys.

    `text` itself when every wanted value already holds, even where go would tidy the file. A missing file is "".
    """
    for key, wanted in changes.items():
        _require_writable(key, wanted)
    observed = members(text)
    if all(observed.get(key) == wanted for key, wanted in changes.items()):
        return text
    values = {key: wanted for key, wanted in changes.items() if wanted is not None}
    removed = frozenset(changes) - values.keys()
    written = _rewritten(text, values, frozenset()) if values else text
    return _rewritten(written, {}, removed) if removed else written


def ignored_lines(text: str) -> tuple[tuple[int, str], ...]:
    """Lines, with numbers from 1, that are neither blank nor a comment and that go skips without a word."""
    counting = {number for number, _, _ in _counting_lines(text)}
    return tuple(
        (number, line)
        for number, line in enumerate(text.split("\n"), start=1)
        if number not in counting and line.strip() and not line.lstrip().startswith("#")
    )


def oddities(text: str) -> tuple[Oddity, ...]:
    """What looks like a mistake in the lines that count, in the order of the file."""
    lines = tuple(_counting_lines(text))
    last = {key: number for number, key, _ in lines}
    return tuple(
        Oddity(line=number, key=key, what=what)
        for number, key, value in lines
        for what in _odd(key, value, number, last[key])
    )


def _counting_lines(text: str) -> Iterator[tuple[int, str, str]]:
    for number, line in enumerate(text.split("\n"), start=1):
        key, equals, value = line.partition("=")
        if equals and "A" <= key[:1] <= "Z":
            yield number, key, value


def _odd(key: str, value: str, number: int, last: int) -> Iterator[str]:
    if not re.fullmatch(r"[A-Z][A-Z0-9_]*", key):
        yield f"is no name of a variable: go takes everything before the = sign, {key!r}"
    if number != last:
        yield f"has no effect here: line {last} sets it again and the last line wins"
    if value.endswith("\r"):
        yield "ends with a carriage return (a Windows line end) that go keeps as part of the value"
    visible = value.removesuffix("\r")
    if visible != visible.strip():
        yield "begins or ends with a blank that go keeps as part of the value"
    if len(visible) > 1 and visible[0] == visible[-1] and visible[0] in "\"'" and visible.count(visible[0]) == 2:
        yield "is wrapped in quotes that go keeps as part of the value"
    if re.search(r"\s#", visible):
        yield "has a # comment behind it that go keeps as part of the value"
    if re.match(r"~(/|$)|\$\{?[A-Z]", visible):
        yield f"begins with {visible[0]}, which go does not expand"
    if not value and key in EMPTY_HIDES_DEFAULT:
        yield "is empty, which hides go's default: `go env -u` brings it back"


def _require_writable(key: str, wanted: str | None) -> None:
    if not re.fullmatch(r"[A-Z][^=#\n]*", key):
        raise ValueError(f"{key!r} cannot stand in a go env file")
    if wanted is not None and "\n" in wanted:
        raise ValueError(f"the value of {key} has a line end")


def _rewritten(text: str, values: Mapping[str, str], removed: frozenset[str]) -> str:
    """One run of `go env -w` or `go env -u`. Lines that go blanks stay in the list as "": they end a sorted run."""
    lines = [line + "\n" for line in text.split("\n")]
    if text == "" or text.endswith("\n"):
        lines.pop()
    last: dict[str, int] = {}
    for index, line in enumerate(lines):
        if key := _sorting_key(line):
            if key in last:
                lines[last[key]] = ""
            last[key] = index
    for key, value in values.items():
        if key in last:
            lines[last[key]] = f"{key}={value}\n"
        else:
            lines.append(f"{key}={value}\n")
    for key in removed & last.keys():
        lines[last[key]] = ""
    return "".join(_with_sorted_runs(lines))


def _with_sorted_runs(lines: list[str]) -> Iterator[str]:
    # Sorting is stable, so a run of lines without a key, which is what stands between sorted runs, stays as it is.
    for _, run in groupby(lines, key=lambda line: _sorting_key(line) != ""):
        yield from sorted(run, key=_key_bytes)


def _sorting_key(line: str) -> str:
    key, equals, _ = line.partition("=")
    return key if equals and "#" not in key else ""


def _key_bytes(line: str) -> bytes:
    # Go compares bytes; the order of code points differs from it where undecodable bytes stand in for text.
    return _sorting_key(line).encode("utf-8", "surrogateescape")
