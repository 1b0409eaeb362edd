"""What a file says, by name: `path.NAME` is `first DIRECTORY` or `last DIRECTORY`, `variables.NAME` is a value.

`secret.NAME` marks the variable's line, so that its value is not shown when nobody declares it any more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

PATH: Final = "path."
VARIABLES: Final = "variables."
SECRET: Final = "secret."
MARK: Final = " # secret"
FIRST: Final = "first"
LAST: Final = "last"
NOTE: Final = (
    "# Written by `reconcile` from shell_env in its documents, and written anew with every change: change it there.",
    "# Shells read this when they start, some of them more than once, which changes nothing.",
)

Members = Mapping[str, str]


def ordered(members: Members, order: Sequence[str]) -> dict[str, str]:
    """Members with entries of PATH as in `order`, those that it does not name behind."""
    ranks = {name: rank for rank, name in enumerate(order)}
    return dict(sorted(members.items(), key=lambda member: ranks.get(member[0], len(ranks))))


def says_nothing(members: Members) -> bool:
    return not any(name.startswith((PATH, VARIABLES)) for name in members)


def read(
    text: str, entry: re.Pattern[str], variable: re.Pattern[str], unquoted: Callable[[str], str]
) -> dict[str, str]:
    """What a file says whose lines have these forms; lines of another form say nothing.

    An `entry` has a position, a home where the directory is below it, a quoted directory and a name; a `variable` has a
    name, a quoted value and perhaps a mark.
    """
    found: dict[str, str] = {}
    for line in text.split("\n"):
        if parts := entry.fullmatch(line):
            directory = ("~" if parts["home"] else "") + unquoted(parts["directory"])
            found[PATH + parts["name"]] = f"{parts['position']} {directory}"
        elif parts := variable.fullmatch(line):
            found[VARIABLES + parts["name"]] = unquoted(parts["value"])
            found |= {SECRET + parts["name"]: "yes"} if parts["mark"] else {}
    first = {name: value for name, value in found.items() if _is_first(name, value)}
    others = {name: value for name, value in found.items() if not _is_first(name, value)}
    return {**dict(reversed(first.items())), **others}


def _is_first(name: str, value: str) -> bool:
    return name.startswith(PATH) and value.startswith(f"{FIRST} ")


def entries(members: Members) -> Iterator[tuple[str, str, str]]:
    """Name, position and directory of each entry of PATH, in the order in which they are put there.

    Each one that goes first goes in front of those before it, so they come in reverse.
    """
    found = []
    for name, value in members.items():
        position, _, directory = value.partition(" ")
        if name.startswith(PATH):
            found.append((name, position, directory))
    yield from (entry for entry in reversed(found) if entry[1] == FIRST)
    yield from (entry for entry in found if entry[1] == LAST)


def variables(members: Members) -> Iterator[tuple[str, str, str]]:
    """Name, value and mark of each variable, by name."""
    for member in sorted(name for name in members if name.startswith(VARIABLES)):
        name = member.removeprefix(VARIABLES)
        yield name, members[member], MARK if SECRET + name in members else ""
