"""groupdel of shadow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulated import account_database as database

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine


def run(machine: Machine, argv: tuple[str, ...], stdin: bytes, user: str) -> None:
    assert user == "root", "Permission denied"
    _, (name,) = database.options(argv, "", "")
    known = database.groups(machine)
    assert name in known, f"groupdel: group '{name}' does not exist"
    first = [fields[0] for fields in database.users(machine).values() if fields[3] == known[name][2]]
    assert not first, f"groupdel: cannot remove the primary group of user '{first[0]}'"
    del known[name]
    database.write(machine, "/etc/group", known)
