"""groupmod of shadow: -g."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulated import account_database as database

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine


def run(machine: Machine, argv: tuple[str, ...], stdin: bytes, user: str) -> None:
    assert user == "root", "Permission denied"
    given, (name,) = database.options(argv, "", "g")
    known = database.groups(machine)
    known[name][2] = given["g"]
    database.write(machine, "/etc/group", known)
