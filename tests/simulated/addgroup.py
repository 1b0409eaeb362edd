"""addgroup of busybox: a group (-S, -g) by the script for new groups, or a user into a group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulated import account_database as database

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine


def run(machine: Machine, argv: tuple[str, ...], stdin: bytes, user: str) -> None:
    assert user == "root", "Permission denied"
    given, words = database.options(argv[argv.index("addgroup") :], "S", "g")
    if len(words) == 2:
        database.join(machine, words[0], words[1:])
    elif words[0] not in database.groups(machine):
        database.add_group(machine, words[0], int(given["g"]) if "g" in given else None, system="S" in given)
