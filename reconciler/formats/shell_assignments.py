"""Where start-up files of shells plainly export variables: for remarks, so only what is surely meant is found.

Nothing is run or expanded; a value is the text as it stands. Quoted text, here-documents, subshells and comments are passed
over, and so are blocks of ours (see `managed_block`). Whether a condition holds or a function is called is not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import dropwhile, takewhile
from typing import Final

_OWN_BLOCK: Final = re.compile(
    r"^[ \t]*\S+ >>> reconcile [^\n]+ >>>\s*$.*?(?:<<< reconcile [^\n]+ <<<|\Z)", re.DOTALL | re.MULTILINE
)
_BLANK: Final = r"(?P<blank>(?<![^\s;&|()])\#[^\n]*|\\\n)"
_SUBSHELL: Final = r"\$?\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)"
_HERE_DOCUMENT: Final = (
    r"(?<!<)<<-?[ \t]*(?P<quote>['\"]?)(?P<end>[A-Za-z_][\w .-]*?)(?P=quote)(?=[\s;|&<>)])"
    r"[^\n]*\n(?:[^\n]*\n)*?[ \t]*(?P=end)(?=\r?\n|\Z)"
)
_OPAQUE: Final = re.compile(
    rf"{_BLANK}|'[^']*'|\"(?:\\[\s\S]|[^\"\\])*\"|`(?:\\[\s\S]|[^`\\])*`|\\.|\$\{{[^{{}}]*\}}|{_SUBSHELL}|{_HERE_DOCUMENT}"
)
_OPAQUE_FISH: Final = re.compile(
    rf"{_BLANK}|'(?:\\[\s\S]|[^'\\])*'|\"(?:\\[\s\S]|[^\"\\])*\"|\\.|\{{[^{{}}]*\}}|{_SUBSHELL}"
)
"""Text in which nothing parts commands or words: quoted, expanded, run elsewhere, or, as `blank`, no text of theirs."""
_COMMAND: Final = re.compile(r"[^\n;&|<>()]+")
_BEFORE_A_COMMAND: Final = frozenset({"then", "else", "do"})
_BEFORE_A_COMMAND_FISH: Final = frozenset({"begin", "and", "or"})
_ASSIGNMENT: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """`line` counts from 1; `value` is the text as written, with its quotes."""

    line: int
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class _Word:
    """`plain` is the word with what is quoted in it made unreadable, which is as long as the `written` one."""

    plain: str
    written: str
    start: int
    end: int


def exported(text: str, names: Collection[str], *, fish: bool = False) -> tuple[Exported, ...]:
    """Every export of one of the names, in the order of the file. `fish`: it is written in fish's language."""
    found = _fish(text) if fish else _posix(text)
    return tuple(entry for entry in found if entry.name in names)


def _posix(text: str) -> Iterator[Exported]:
    """`export A=1`, and `A=1` where `export A` stands somewhere."""
    plain: list[Exported] = []
    declared: list[Exported] = []
    marked: set[str] = set()
    for words in _commands(text, _OPAQUE, _BEFORE_A_COMMAND):
        assigned = [entry for word in words if (entry := _assigned(text, word))]
        if _declares(words):
            declared += assigned
            marked |= {word.plain for word in words[1:]}
        elif len(assigned) == len(words):
            plain += assigned
    yield from sorted((*declared, *(entry for entry in plain if entry.name in marked)), key=lambda entry: entry.line)


def _declares(words: list[_Word]) -> bool:
    return words[0].plain == "export" or (
        words[0].plain in ("declare", "typeset") and any("x" in option for option in _options(words))
    )


def _fish(text: str) -> Iterator[Exported]:
    for words in _commands(text, _OPAQUE_FISH, _BEFORE_A_COMMAND_FISH):
        if words[0].plain == "export":
            yield from (entry for word in words if (entry := _assigned(text, word)))
        elif words[0].plain == "set":
            options = _options(words)
            named = words[1 + len(options) :]
            exports = any(re.fullmatch(r"-[A-Za-z]*x[A-Za-z]*|--export", option) for option in options)
            erases = any(re.fullmatch(r"-[A-Za-z]*[eq][A-Za-z]*|--erase|--query", option) for option in options)
            if named and exports and not erases:
                value = text[named[1].start : named[-1].end] if named[1:] else ""
                yield Exported(line=_line(text, named[0]), name=named[0].plain, value=value)


def _options(words: list[_Word]) -> list[str]:
    return list(takewhile(lambda word: word.startswith("-"), (word.plain for word in words[1:])))


def _assigned(text: str, word: _Word) -> Exported | None:
    match = _ASSIGNMENT.fullmatch(word.written)
    return Exported(line=_line(text, word), name=match[1], value=match[2]) if match else None


def _line(text: str, word: _Word) -> int:
    return text.count("\n", 0, word.start) + 1


def _commands(text: str, opaque: re.Pattern[str], before: Collection[str]) -> Iterator[list[_Word]]:
    """The words of each simple command, none of them empty."""
    code = opaque.sub(_unreadable, _OWN_BLOCK.sub(lambda block: re.sub(r"[^\n]", " ", block[0]), text))
    for command in _COMMAND.finditer(code):
        places = (word.span() for word in re.compile(r"\S+").finditer(code, *command.span()))
        words = [_Word(code[start:end], text[start:end], start, end) for start, end in places]
        if any(word.plain == "{" for word in words):
            words = list(takewhile(lambda word: word.plain != "{", reversed(words)))[::-1]
        words = list(dropwhile(lambda word: word.plain in before, words))
        if words:
            yield words


def _unreadable(match: re.Match[str]) -> str:
    return (" " if match["blank"] else "\0") * len(match[0])
