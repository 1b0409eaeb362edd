"""apt-get, and apt-mark: what the script for apt has them do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulated import package_archive

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine


def run(machine: Machine, argv: tuple[str, ...], stdin: bytes, user: str) -> None:
    assert user == "root", "E: Could not open lock file /var/lib/dpkg/lock-frontend - open (13: Permission denied)"
    assert "DEBIAN_FRONTEND=noninteractive" in argv[2]
    verb, *words = argv[argv.index("apt-get") + 1 :]
    assert words
    known = package_archive.installed(machine)
    for word in words:
        name, _, version = word.partition("=")
        match verb:
            case "install":
                package_archive.put(machine, name)
            case "pin":
                package_archive.put(machine, name, version)
                known[name].held = True
            case "hold":
                known[name].held = True
            case "remove":
                package_archive.take(machine, name)
            case _:
                raise AssertionError(f"E: Invalid operation {verb}")
