"""groupadd of shadow: -f, -r, -g."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulated import account_database as database

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine


def run(machine: Machine, argv: tuple[str, ...], stdin: bytes, user: str) -> None:
    assert user == "root", "Permission denied"
    given, (name,) = database.options(argv, "fr", "g")
    taken = [fields[2] for fields in database.groups(machine).values()]
    number = int(given["g"]) if "g" in given else None
    if "f" in given:
        if name in database.groups(machine):
            return
        number = None if str(number) in taken else number
    database.add_group(machine, name, number, system="r" in given)
