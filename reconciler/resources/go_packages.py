"""The distribution's own packages of Go: which are installed, and what removes them unless something else needs them.

Source: dpkg-query(1), dpkg(1); apk(8); rpm(8).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from reconciler.model.facts import CommandResult, CommandText, Fact, FactSheet, Unread

_REMOVERS: Final[Mapping[CommandText, tuple[str, ...]]] = {
    CommandText(("dpkg-query", "-W", "-f", "${db:Status-Abbrev} ${Package}\\n", "golang*")): ("dpkg", "--remove"),
    CommandText(("apk", "info", "-e", "go")): ("apk", "del"),
    CommandText(("rpm", "-q", "--qf", "%{NAME}\\n", "golang", "golang-bin", "golang-src")): ("rpm", "-e"),
}
"""By what asks a package manager, what removes: each refuses to take away what another package needs, or keeps it."""
_GO: Final = re.compile(r"golang(-\d+(\.\d+)*)?(-(go|src|doc|misc|bin|race|shared|any))*|go")
QUERIES: Final[frozenset[Fact]] = frozenset(_REMOVERS)


def installed(sheet: FactSheet) -> dict[str, tuple[str, ...]] | Unread:
    """The packages by name, each with the program that removes it."""
    found: dict[str, tuple[str, ...]] = {}
    for query, remover in _REMOVERS.items():
        answer = sheet.command(*query.argv)
        if isinstance(answer, Unread):
            return answer
        if isinstance(answer, CommandResult):
            found |= {name: remover for name in map(_installed, answer.text.splitlines()) if name}
    return found


def _installed(line: str) -> str | None:
    """The name in a line, which dpkg has behind two letters, `ii` for what is wanted and installed."""
    *state, name = line.split() or [""]
    return name if _GO.fullmatch(name) and (not state or state[0].endswith("i")) else None
