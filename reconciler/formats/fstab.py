r"""/etc/fstab: file systems by mount point, read as mount(8) reads them.

A line has a source, a target, a type, and perhaps options, dump and passno; blanks inside a field are octal escapes. `#`
begins a comment only where a line begins. A line that libmount does not take (too few fields, a word for a number: also a
comment behind the options) is no entry and stays.

`mount -a` goes from top to bottom. So a new entry goes above the first that needs it, one whose source or target lies
below its target, else to the end; an entry that an edit takes out of this order is moved.

Source: fstab(5); mnt_parse_table_line in libmount/src/tab_parse.c of util-linux.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.formats.lines import body, end, inserted, lines_of
from reconciler.formats.octal_escapes import decode, encode

_FIELD = re.compile(r"[^ \t]+")
_NUMBER = re.compile(r"[+-]?[0-9]+")
_OPTION = re.compile(r'(?:"[^"]*"|[^,"]|")+')
_OMITTED = ("defaults", "0", "0")
"""What the last three fields mean where they are missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A file system, its fields without escapes. Missing fields are read as what they mean."""

    source: str
    target: str
    type: str
    options: tuple[str, ...] = ("defaults",)
    dump: int = 0
    passno: int = 0


def normal_path(path: str) -> str:
    """The path without doubled or trailing slashes, as libmount compares it. A word such as `none` or `C:` stays."""
    return re.sub(r"/+", "/", path).rstrip("/") or "/" if path.startswith("/") else path


def parse_line(line: str) -> Entry | None:
    """The entry on a line; None where there is none that mount(8) would take."""
    text = body(line)
    fields = _FIELD.findall(text)
    if len(fields) < 3 or text.lstrip(" \t").startswith("#"):
        return None
    source, target, kind = (decode(field) for field in fields[:3])
    options, dump, passno = (*fields[3:6], *_OMITTED[len(fields) - 3 :])[:3]
    if not (_NUMBER.fullmatch(dump) and _NUMBER.fullmatch(passno)):
        return None
    return Entry(
        source=source,
        target=normal_path(target),
        type=kind,
        options=tuple(_OPTION.findall(decode(options))),
        dump=int(dump),
        passno=int(passno),
    )


def line_of(entry: Entry) -> str:
    """The line of an entry, without its end. Raises ValueError for one that no line can hold."""
    return " ".join(_fields(entry))


def entries(text: str) -> tuple[tuple[int, Entry], ...]:
    """All entries with their line numbers, from 1, in the order in which they are mounted."""
    lines = enumerate(lines_of(text), start=1)
    return tuple((number, entry) for number, line in lines if (entry := parse_line(line)))


def ignored_lines(text: str) -> tuple[tuple[int, str], ...]:
    """Lines, with numbers from 1, that are neither blank nor a comment and that mount(8) does not take."""
    return tuple(
        (number, body(line))
        for number, line in enumerate(lines_of(text), start=1)
        if parse_line(line) is None and not re.match(r"[ \t\r]*(#|\n|$)", line)
    )


def needs(entry: Entry, other: Entry) -> bool:
    """Whether `entry` must be mounted after `other`: its source lies at or below the other's target, or its target below."""
    if not other.target.startswith("/") or entry.target == other.target:
        return False
    under = other.target.rstrip("/") + "/"
    return (normal_path(entry.source) + "/").startswith(under) or entry.target.startswith(under)


def misplaced(text: str) -> tuple[tuple[int, int], ...]:
    """Line numbers of entries that stand above one that they need, each with that one's."""
    found = entries(text)
    return tuple(
        (line, below)
        for index, (line, entry) in enumerate(found)
        for below, other in found[index + 1 :]
        if needs(entry, other)
    )


def members(text: str) -> dict[str, str]:
    """The line of each mount point; swap, which has none, is no member.

    Of several entries of one mount point the first counts, as for `mount TARGET`.
    """
    found = (entry for _, entry in reversed(entries(text)))
    return {entry.target: line_of(entry) for entry in found if entry.target.startswith("/")}


def edit(text: str, changes: Mapping[str, str | None]) -> str:
    """The text in which each mount point has the entry of its line, and no other, or none at all for None.

    Raises ValueError for a value that is no line of its mount point.
    """
    for target, value in sorted(changes.items()):
        wanted = None if value is None else _required(target, value)
        text = _edited(text, normal_path(target), wanted)
    return text


def _required(target: str, value: str) -> Entry:
    entry = parse_line(value)
    if entry is None or "\n" in value or entry.target != normal_path(target) or not entry.target.startswith("/"):
        raise ValueError(f"{value!r} is no fstab line for {target}")
    return entry


def _edited(text: str, target: str, wanted: Entry | None) -> str:
    lines: list[str] = []
    observed, index = None, None
    for line in lines_of(text):
        entry = parse_line(line)
        if entry is None or entry.target != target:
            lines.append(line)
        elif index is None and wanted is not None:
            observed, index = entry, len(lines)
            lines.append(_replaced(line, entry, wanted))
    rest = "".join(lines)
    if wanted is None or observed == wanted:
        return rest
    if index is None:
        return _with_line(rest, wanted, line_of(wanted))
    if _in_order(lines, index, wanted):
        return rest
    line = body(lines.pop(index))
    return _with_line("".join(lines), wanted, line)


def _in_order(lines: list[str], index: int, entry: Entry) -> bool:
    above, below = map(parse_line, lines[:index]), map(parse_line, lines[index + 1 :])
    return not any(other and needs(entry, other) for other in below) and not any(
        other and needs(other, entry) for other in above
    )


def _with_line(text: str, entry: Entry, line: str) -> str:
    parsed = [parse_line(each) for each in lines_of(text)]
    dependent = (index for index, other in enumerate(parsed) if other and needs(other, entry))
    return inserted(text, next(dependent, len(parsed)), [line])


def _replaced(line: str, observed: Entry, wanted: Entry) -> str:
    """The line with the fields that differ; blanks, spelling of the others and what stands behind stay."""
    text, old, new = body(line), _fields(observed), _fields(wanted)
    places = [(match.start(), match.end()) for match in _FIELD.finditer(text)][:6]
    for index in reversed(range(len(places))):
        if old[index] != new[index]:
            start, stop = places[index]
            text = text[:start] + new[index] + text[stop:]
    missing = new[len(places) :]
    if missing != list(_OMITTED)[len(_OMITTED) - len(missing) :]:
        text = " ".join((text.rstrip(" \t"), *missing))
    return text + end(line)


def _fields(entry: Entry) -> list[str]:
    words = [entry.source, entry.target, entry.type, ",".join(entry.options) or _OMITTED[0]]
    if not all(words) or "\0" in "".join(words):
        raise ValueError(f"an fstab line cannot hold {entry}")
    encoded = [encode(word) for word in words]
    if encoded[0].startswith("#"):
        encoded[0] = "\\043" + encoded[0][1:]
    return [*encoded, str(entry.dump), str(entry.passno)]
