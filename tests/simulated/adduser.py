"""adduser of busybox: -D, -G, -u, -h, -s, -g."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulated import account_database as database

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine


def run(machine: Machine, argv: tuple[str, ...], stdin: bytes, user: str) -> None:
    assert user == "root", "Permission denied"
    given, (name,) = database.options(argv, "D", "Guhsg")
    assert "D" in given, "adduser: it would ask for a password"
    if "G" not in given:
        database.add_group(machine, name)
    letters = {"uid": "u", "home": "h", "shell": "s", "comment": "g"}
    fields = {key: given[letter] for key, letter in letters.items() if letter in given}
    database.add_user(machine, name, given.get("G", name), fields)
