"""usermod of shadow: -u, -d, -s, -c, -aG."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulated import account_database as database

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine


def run(machine: Machine, argv: tuple[str, ...], stdin: bytes, user: str) -> None:
    assert user == "root", "Permission denied"
    given, (name,) = database.options(argv, "a", "udscG")
    known = database.users(machine)
    assert name in known, f"usermod: user '{name}' does not exist"
    assert ("a" in given) == ("G" in given), "usermod: -a flag is allowed only with the -G flag"
    for place, letter in {2: "u", 4: "c", 5: "d", 6: "s"}.items():
        known[name][place] = given.get(letter, known[name][place])
    database.write(machine, "/etc/passwd", known)
    database.join(machine, name, given["G"].split(",") if "G" in given else [])
