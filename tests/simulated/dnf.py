"""dnf 4 with its plugin versionlock: what the script for dnf has it do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulated import package_archive

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine

LOCKS = "/etc/dnf/plugins/versionlock.list"


def run(machine: Machine, argv: tuple[str, ...], stdin: bytes, user: str) -> None:
    assert user == "root", "Error: This command has to be run with superuser privileges."
    verb, *words = argv[argv.index("dnf") + 1 :]
    for word in words:
        name, _, version = word.partition("=")
        match verb:
            case "install":
                package_archive.put(machine, name)
            case "pin":
                package_archive.put(machine, name, f"{version}*")
                _lock(machine, name)
            case "hold":
                _lock(machine, name)
            case "remove":
                package_archive.take(machine, name)
            case _:
                raise AssertionError(f"No such command: {verb}.")


def _lock(machine: Machine, name: str) -> None:
    text = machine.text(LOCKS) if LOCKS in machine.nodes else ""
    version = package_archive.installed(machine)[name].version
    machine.file(LOCKS, f"{text}\n# Added lock on Tue Dec  1 00:43:05 2026\n{name}-0:{version}.*\n")
