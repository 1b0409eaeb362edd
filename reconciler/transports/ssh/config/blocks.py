"""One file as parsed: blocks with their condition, and what is wrong in it. Of harmless lines only the errors are kept.

Source: OpenSSH readconf.c, `process_config_line_depth`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from reconciler.model.errors import Problem
from reconciler.model.tree import Origin
from reconciler.transports.ssh.config import forms
from reconciler.transports.ssh.config.conditions import Host, Match, parse_match
from reconciler.transports.ssh.config.expansion import agent_wrong
from reconciler.transports.ssh.config.keywords import ALIASES, FORMS, HARMLESS, WITHOUT_MEANING
from reconciler.transports.ssh.config.syntax import BLANKS, Line, lowered, parse_line

_SETS_AGENT: Final = frozenset({"identityagent", "forwardagent"})
_STRUCTURE: Final = ("host", "match", "include")


@dataclass(frozen=True, slots=True)
class Directive:
    """`keyword` is today's name in lower case, `written` the one in the file."""

    keyword: str
    values: tuple[str, ...]
    origin: Origin | None
    written: str = ""


@dataclass(frozen=True, slots=True)
class Include:
    patterns: tuple[str, ...]
    origin: Origin


@dataclass(frozen=True, slots=True)
class Unknown:
    """An error, unless IgnoreUnknown was said before. That depends on the destination."""

    keyword: str
    origin: Origin


Statement = Directive | Include | Unknown


@dataclass(slots=True)
class Block:
    """`always` are the statements that are looked at even where the block does not count."""

    condition: Host | Match | None
    statements: list[Statement] = field(default_factory=list)
    always: list[Statement] = field(default_factory=list)


@dataclass(slots=True)
class ParsedFile:
    blocks: list[Block] = field(default_factory=lambda: [Block(None)])
    problems: list[Problem] = field(default_factory=list)


def parse_file(data: bytes, shown: str, environment: Mapping[str, str]) -> ParsedFile:
    parsed = ParsedFile()
    for number, content in enumerate(data.split(b"\n"), 1):
        line = parse_line(content.partition(b"\0")[0].decode(errors="surrogateescape"))
        if line:
            origin = Origin(shown, number, line.column)
            wrong = _add(parsed, line, origin, environment)
            if wrong:
                parsed.problems.append(Problem(f"{line.keyword} {wrong}", origin))
    return parsed


def _add(parsed: ParsedFile, line: Line, origin: Origin, environment: Mapping[str, str]) -> str | None:
    """Takes the line in; returns what is wrong with it."""
    keyword = lowered(line.keyword)
    keyword = ALIASES.get(keyword, keyword)
    if not line.rest:
        return "lacks its value"
    if line.words is None:
        return "has a quote that is not closed"
    block = parsed.blocks[-1]
    if keyword in WITHOUT_MEANING:
        return None
    if keyword in _STRUCTURE:
        return _add_structure(parsed, keyword, line.rest, line.words, origin)
    if keyword not in FORMS:
        unknown = Unknown(line.keyword, origin)
        block.statements.append(unknown)
        block.always.append(unknown)
        return None
    form = FORMS[keyword]
    values = (line.rest.lstrip(BLANKS + "="),) if form.raw else line.words
    wrong = form.wrong(values)
    if not wrong and keyword in _SETS_AGENT:
        wrong = agent_wrong(values[0], environment)
    if not wrong and keyword not in HARMLESS and _says_something(form, values):
        block.statements.append(Directive(keyword, values, origin, line.keyword))
    return wrong


def _says_something(form: forms.Form, values: tuple[str, ...]) -> bool:
    """A list of nothing leaves the keyword open, and so does the time `none`: a later line can still set it."""
    return bool(values) and not (form is forms.TIME and values[0] == "none")


def _add_structure(parsed: ParsedFile, keyword: str, rest: str, words: tuple[str, ...], origin: Origin) -> str | None:
    if keyword == "match":
        match = parse_match(rest, words, origin)
        # A Match that is wrong still ends the block before it.
        parsed.blocks.append(Block(match if isinstance(match, Match) else Host(())))
        return match if isinstance(match, str) else None
    if keyword == "host":
        parsed.blocks.append(Block(Host(words)))
    else:
        include = Include(words, origin)
        parsed.blocks[-1].statements.append(include)
        parsed.blocks[-1].always.append(include)
    return "has an empty value" if "" in words else None


def unknown_keyword(statement: Unknown) -> Problem:
    from reconciler.model.spelling import nearest

    near = nearest(lowered(statement.keyword), [*FORMS, *ALIASES, *_STRUCTURE])
    fix = f"did you mean {near}? " if near else ""
    fix += f"if only another program knows it, write  IgnoreUnknown {statement.keyword}  above"
    return Problem(f"{statement.keyword} is no keyword of ssh_config", statement.origin, fix)
