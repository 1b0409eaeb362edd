"""useradd of shadow, alone or by the script for new accounts: -u, -d, -s, -c, -G."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulated import account_database as database

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine


def run(machine: Machine, argv: tuple[str, ...], stdin: bytes, user: str) -> None:
    assert user == "root", "Permission denied"
    given, (name,) = database.options(argv[argv.index("useradd") :], "", "udscG")
    if name not in database.groups(machine):
        database.add_group(machine, name, int(given["u"]) if "u" in given else None)
    wanted = given.get("G", "").split(",") if "G" in given else []
    assert set(wanted) <= database.groups(machine).keys(), f"useradd: group '{wanted}' does not exist"
    letters = {"uid": "u", "home": "d", "shell": "s", "comment": "c"}
    fields = {key: given[letter] for key, letter in letters.items() if letter in given}
    database.add_user(machine, name, name, fields)
    database.join(machine, name, wanted)
