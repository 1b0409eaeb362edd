"""Changes single keys of a file and leaves every other byte alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconciler.formats.lines import line_end
from reconciler.formats.splices import Splice, spliced
from reconciler.formats.wsl_ini.catalogue import find_key
from reconciler.formats.wsl_ini.keys import Key
from reconciler.formats.wsl_ini.messages import why_refused
from reconciler.formats.wsl_ini.parts import Dialect, Header, Malformed, Setting
from reconciler.formats.wsl_ini.quoting import format_value
from reconciler.formats.wsl_ini.scanner import OnMalformed, Scan, scan
from reconciler.formats.wsl_ini.values import interpret


def edit(text: str, changes: Mapping[str, str | None], dialect: Dialect) -> str:
    """The text in which each `section.key` has its unescaped value, or is not set at all for None.

    What already holds is not touched, so that editing again changes nothing. In a wsl.conf with a malformed line
    everything is done above it; what is dead below stays. Comments stay, also those behind a value that goes.

    Raises ValueError for a key WSL does not know, one named twice, or a value it would not take: ask `why_refused`.
    """
    wanted = _resolved(changes, dialect)
    occurrences = _occurrences(scan(text, dialect), dialect)
    splices: list[Splice] = []
    additions: dict[str, list[str]] = {}
    for key, value in wanted:
        found = occurrences.get(key.name, ())
        if value is None:
            splices += (_removal(text, setting) for setting in found)
        elif not found:
            additions.setdefault(key.section, []).append(f"{key.key}={format_value(value)}")
        elif interpret(key, found[0].value) != interpret(key, value):
            splices.append(_replacement(text, found[0], format_value(value)))
    ending = line_end(text)
    text = spliced(text, splices)
    for section, lines in additions.items():
        text = _with_lines(text, section, lines, ending, dialect)
    return text


def repair(text: str) -> tuple[str, tuple[Setting, ...]]:
    """A wsl.conf that WSL reads to its end, and the settings this brings back to life (at their new places).

    Malformed lines become comments; of a line that only begins with a byte order mark, the mark goes.
    """
    alive = sum(isinstance(statement, Setting) for statement in scan(text, Dialect.WSL_CONF).statements)
    everything = scan(text, Dialect.WSL_CONF, OnMalformed.REMOVE).statements
    malformed = [statement for statement in everything if isinstance(statement, Malformed)]
    repaired = spliced(text, [splice for line in malformed for splice in _out_of_the_way(text, line)])
    statements = scan(repaired, Dialect.WSL_CONF).statements
    return repaired, tuple(statement for statement in statements if isinstance(statement, Setting))[alive:]


def _resolved(changes: Mapping[str, str | None], dialect: Dialect) -> list[tuple[Key, str | None]]:
    wanted: dict[str, tuple[Key, str | None]] = {}
    for name, value in changes.items():
        key = find_key(name, dialect)
        problem = why_refused(name, value or "", dialect) if key is None or value is not None else None
        if key is None or problem is not None:
            raise ValueError(problem)
        if key.name in wanted:
            raise ValueError(f"{key.name} is given twice")
        wanted[key.name] = (key, value)
    return list(wanted.values())


def _occurrences(scanned: Scan, dialect: Dialect) -> dict[str, list[Setting]]:
    """All settings that WSL reads, by the key they mean."""
    found: dict[str, list[Setting]] = {}
    for statement in scanned.statements:
        if isinstance(statement, Setting) and (key := find_key(statement.name, dialect)):
            found.setdefault(key.name, []).append(statement)
    return found


def _replacement(text: str, setting: Setting, value: str) -> Splice:
    gap = " " if value and text.startswith("#", setting.value_end) else ""
    return Splice(setting.value_start, setting.value_end, value + gap)


def _removal(text: str, setting: Setting) -> Splice:
    behind_value = text[setting.value_end : setting.end].lstrip(" \t")
    comment = len(behind_value) if behind_value.startswith("#") else 0
    return Splice(setting.start, setting.end - comment, "")


def _out_of_the_way(text: str, line: Malformed) -> list[Splice]:
    if line.is_byte_order_mark:
        return [Splice(line.at, line.end, "")]
    # A value that goes on after a backslash takes several lines, and a comment does not go on.
    starts = [line.start]
    while (line_feed := text.find("\n", starts[-1], line.end - 1)) >= 0:
        starts.append(line_feed + 1)
    return [Splice(start, start, "# ") for start in starts]


def _with_lines(text: str, section: str, lines: Sequence[str], ending: str, dialect: Dialect) -> str:
    """`lines` at the end of the last part of `section` that WSL reads, or in a new section."""
    scanned = scan(text, dialect)
    block = ending.join((*lines, ""))
    for statement in reversed(scanned.statements):
        if not isinstance(statement, Malformed) and statement.section.lower() == section.lower():
            unfinished = scanned.open_line and statement.end == scanned.end
            return _inserted(text, statement.end, (ending if unfinished else "") + block)
    return _with_section(text, scanned, f"[{section}]{ending}{block}", ending)


def _with_section(text: str, scanned: Scan, block: str, ending: str) -> str:
    place = _place_for_section(text, scanned)
    above = text[scanned.begin : place]
    gap = ending if above and not above.endswith(("\n\n", "\n\r\n")) else ""
    unfinished = scanned.open_line and place == scanned.end
    below = ending if place < len(text) else ""
    return _inserted(text, place, (ending if unfinished else "") + gap + block + below)


def _place_for_section(text: str, scanned: Scan) -> int:
    """The end of what is read. Where a malformed line stands there, above the section this line is in: it and what
    follows it are then still in their own section when somebody mends the line."""
    statements = scanned.statements
    if not statements or not isinstance(statements[-1], Malformed) or not _ends_with(scanned, statements[-1]):
        return scanned.end
    headers = [index for index, statement in enumerate(statements) if isinstance(statement, Header)]
    if not headers:
        return statements[-1].start
    last = headers[-1]
    floor = statements[last - 1].end if last else scanned.begin
    return _above_its_comments(text, statements[last].start, floor)


def _ends_with(scanned: Scan, malformed: Malformed) -> bool:
    """Whether reading ended at this line, or it lacks a line end: after a backslash, adding one could make it valid."""
    return scanned.end == malformed.start or (scanned.open_line and scanned.end == malformed.end)


def _above_its_comments(text: str, start: int, floor: int) -> int:
    while start > floor:
        line_start = max(floor, text.rfind("\n", floor, start - 1) + 1)
        if not text[line_start:start].lstrip(" \t").startswith("#"):
            break
        start = line_start
    return start


def _inserted(text: str, place: int, addition: str) -> str:
    return text[:place] + addition + text[place:]
