"""Where start-up files of shells plainly export variables: for remarks, so only what is surely meant is found.

Nothing is run or expanded; a value is the text as it stands. What is computed, sourced or set in a condition that does not
hold is not told from what counts. Blocks of ours (see `managed_block`) are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

_WORD: Final = r"(?:'[^']*'|\"(?:\\.|[^\"\\])*\"|\\.|[^\s;&|'\"\\#]|(?<=\S)#)*"
_ASSIGNMENT: Final = re.compile(rf"([A-Za-z_][A-Za-z0-9_]*)=({_WORD})")
_DECLARATION: Final = re.compile(r"(?:export|(?:declare|typeset)\s+-[A-Za-z]*x[A-Za-z]*)\s+")
_NAME: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?=[\s;&|]|\Z)")
_FISH: Final = re.compile(rf"set\s+((?:-{{1,2}}[A-Za-z-]+\s+)+)([A-Za-z_][A-Za-z0-9_]*)\s+({_WORD})")
_STATEMENT: Final = re.compile(r"(?:^|;|&&|\bthen\b|\belse\b|\bdo\b|\{)\s*")
_MARKER: Final = re.compile(r"\S+ (>>>|<<<) reconcile .+ (?:>>>|<<<)\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """`line` counts from 1; `value` is the text as written, with its quotes."""

    line: int
    name: str
    value: str


def exported(text: str, names: Collection[str], *, fish: bool = False) -> tuple[Exported, ...]:
    """Every export of one of the names, in the order of the file. `fish`: it is written in fish's language."""
    found = _fish(text) if fish else _posix(text)
    return tuple(entry for entry in found if entry.name in names)


def _posix(text: str) -> Iterator[Exported]:
    """`export A=1`, and `A=1` where `export A` stands somewhere."""
    plain: list[Exported] = []
    marked: set[str] = set()
    declared: list[Exported] = []
    for number, line in _own_lines(text):
        for start in _STATEMENT.finditer(line):
            rest = line[start.end() :]
            declaration = _DECLARATION.match(rest)
            if declaration is None:
                entry = _ASSIGNMENT.match(rest)
                if entry and re.match(r"\s*(?:;|&|\||#|\Z)", rest[entry.end() :]):
                    plain.append(Exported(line=number, name=entry[1], value=entry[2]))
                continue
            for name, value in _declared(rest[declaration.end() :]):
                if value is None:
                    marked.add(name)
                else:
                    declared.append(Exported(line=number, name=name, value=value))
    both = [*declared, *(entry for entry in plain if entry.name in marked)]
    yield from sorted(both, key=lambda entry: entry.line)


def _declared(words: str) -> Iterator[tuple[str, str | None]]:
    """The names behind `export`, each with its value where it has one."""
    at = 0
    while True:
        at += len(words[at:]) - len(words[at:].lstrip(" \t"))
        entry = _ASSIGNMENT.match(words, at)
        name = None if entry else _NAME.match(words, at)
        if entry:
            yield entry[1], entry[2]
            at = entry.end()
        elif name:
            yield name[1], None
            at = name.end()
        else:
            return


def _fish(text: str) -> Iterator[Exported]:
    for number, line in _own_lines(text):
        for start in _STATEMENT.finditer(line):
            entry = _FISH.match(line, start.end())
            if entry and re.search(r"(?:^|\s)-[A-Za-z]*x|--export", entry[1]):
                yield Exported(line=number, name=entry[2], value=entry[3])


def _own_lines(text: str) -> Iterator[tuple[int, str]]:
    """Numbered from 1, without comments and blocks of ours."""
    inside = False
    for number, line in enumerate(text.split("\n"), start=1):
        marker = _MARKER.fullmatch(line)
        if marker:
            inside = marker[1] == ">>>"
        elif not inside and not line.lstrip().startswith("#"):
            yield number, line.rstrip("\r")
