"""What a file says, by name: `path.NAME` is `first DIRECTORY` or `last DIRECTORY`, `variables.NAME` is a value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

PATH: Final = "path."
VARIABLES: Final = "variables."
FIRST: Final = "first"
LAST: Final = "last"
NOTE: Final = (
    "# Written by `reconcile` from shell_env in its documents, and written anew with every change: change it there.",
    "# Shells read this when they start, some of them more than once, which changes nothing.",
)

Members = Mapping[str, str]


def ordered(members: Members, order: Sequence[str]) -> dict[str, str]:
    """Directories as in `order`, those that it does not name behind; then variables by name."""
    ranks = {name: rank for rank, name in enumerate(order)}
    paths = sorted((name for name in members if name.startswith(PATH)), key=lambda name: ranks.get(name, len(ranks)))
    variables = sorted(name for name in members if name.startswith(VARIABLES))
    return {name: members[name] for name in (*paths, *variables)}


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


def variables(members: Members) -> Iterator[tuple[str, str]]:
    return ((name.removeprefix(VARIABLES), value) for name, value in members.items() if name.startswith(VARIABLES))
