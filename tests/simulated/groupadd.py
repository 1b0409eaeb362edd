"""groupadd of shadow, by the script for new groups: -r, -g."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulated import account_database as database

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine


def run(machine: Machine, argv: tuple[str, ...], stdin: bytes, user: str) -> None:
    assert user == "root", "Permission denied"
    given, (name,) = database.options(argv[argv.index("groupadd") :], "r", "g")
    if name not in database.groups(machine):
        database.add_group(machine, name, int(given["g"]) if "g" in given else None, system="r" in given)
