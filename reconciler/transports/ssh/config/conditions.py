"""`Host` and `Match`: for whom a block counts.

Source: OpenSSH readconf.c, `match_cfg_line`. Newer releases cut the line of a Match as they cut all others, 9.2 in a way
of its own; where the two differ the newer one is taken, and the older where the newer would find an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from reconciler.model.tree import Origin
from reconciler.transports.ssh.config.patterns import matches, matches_list
from reconciler.transports.ssh.config.syntax import delimited_words, lowered

_ALONE: Final = frozenset({"canonical", "final"})
_WITH_EQUALS: Final = frozenset(
    {"host", "originalhost", "user", "localuser", "localnetwork", "version", "tagged", "command", "exec"}
)
_WITH_VALUE: Final = _WITH_EQUALS | {"sessiontype"}
_MAY_BE_EMPTY: Final = frozenset({"tagged", "command"})
_UNKNOWABLE: Final = frozenset({"localnetwork", "version", "command"})
"""What only ssh itself can tell. A block that asks for it does not count, and is named."""


@dataclass(frozen=True, slots=True)
class Host:
    patterns: tuple[str, ...]

    def holds(self, host: str) -> bool:
        found = False
        for pattern in self.patterns:
            if pattern.startswith("!"):
                if matches(host, pattern[1:]):
                    return False
            else:
                found = found or matches(host, pattern)
        return found


@dataclass(frozen=True, slots=True)
class Criterion:
    name: str
    value: str
    negated: bool


@dataclass(frozen=True, slots=True)
class Match:
    criteria: tuple[Criterion, ...]
    origin: Origin

    @property
    def wants_final_pass(self) -> bool:
        """`!final` does not, since OpenSSH 10.1."""
        return any(criterion.name == "final" and not criterion.negated for criterion in self.criteria)


class Circumstances(Protocol):
    """What the criteria of a Match ask for."""

    @property
    def final(self) -> bool: ...
    @property
    def original_host(self) -> str: ...
    @property
    def local_user(self) -> str: ...
    def current_host(self) -> str: ...
    def current_user(self) -> str: ...
    def current_tag(self) -> str: ...
    def succeeds(self, command: str, origin: Origin) -> bool: ...
    def not_honoured(self, keyword: str, value: str, origin: Origin) -> None: ...


def parse_match(rest: str, words: tuple[str, ...], origin: Origin) -> Match | str:
    """A text says what is wrong."""
    criteria = _criteria(words)
    if isinstance(criteria, str):
        older = _criteria(delimited_words(rest) or ())
        if isinstance(older, str):
            return criteria
        criteria = older
    return Match(tuple(criteria), origin)


def _criteria(words: Sequence[str]) -> list[Criterion] | str:
    criteria: list[Criterion] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        negated = word.startswith("!")
        name, equals, value = word[negated:].partition("=")
        name = lowered(name)
        if name == "all" and not equals:
            if rest or len(criteria) > 1:
                return "has all beside other criteria"
        elif name in _WITH_VALUE and (not equals or name in _WITH_EQUALS):
            if not equals and not rest:
                return f"has {name} without a value"
            value = value if equals else rest.pop(0)
            if not value and name not in _MAY_BE_EMPTY:
                return f"has {name} without a value"
        elif name not in _ALONE or equals:
            return f"has {word!r}, which is no criterion"
        criteria.append(Criterion(name, value, negated))
    return criteria or "lacks its criteria"


def holds(match: Match, seen: Circumstances) -> bool:
    """Commands run last, and only where all else holds."""
    later = [criterion for criterion in match.criteria if criterion.name == "exec"]
    unknowable = [criterion for criterion in match.criteria if criterion.name in _UNKNOWABLE]
    for criterion in match.criteria:
        if criterion not in later and criterion not in unknowable and _plain(criterion, seen) == criterion.negated:
            return False
    for criterion in unknowable:
        seen.not_honoured(f"Match {criterion.name}", criterion.value, match.origin)
    if unknowable:
        return False
    return all(seen.succeeds(criterion.value, match.origin) != criterion.negated for criterion in later)


def _plain(criterion: Criterion, seen: Circumstances) -> bool:
    value = criterion.value
    match criterion.name:
        case "canonical" | "final":
            return seen.final
        case "host":
            return matches_list(lowered(seen.current_host()), value, lower=True)
        case "originalhost":
            return matches_list(lowered(seen.original_host), value, lower=True)
        case "user":
            return matches_list(seen.current_user(), value)
        case "localuser":
            return matches_list(seen.local_user, value)
        case "sessiontype":
            return matches_list("exec", value)
        case "tagged":
            tag = seen.current_tag()
            return matches_list(tag, value) if tag else not value
        case _:  # all
            return True
