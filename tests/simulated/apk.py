"""apk: `info -v`, and what the script for apk has it do. It writes /etc/apk/world."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.model.facts import CommandResult
from simulated import package_archive

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine

WORLD = "/etc/apk/world"


def answer(machine: Machine, argv: tuple[str, ...], user: str) -> CommandResult:
    if argv != ("apk", "info", "-v"):
        return CommandResult(1, "")
    known = package_archive.installed(machine)
    return CommandResult(0, "".join(f"{name}-{known[name].version.replace('-', '-r')}\n" for name in known))


def run(machine: Machine, argv: tuple[str, ...], stdin: bytes, user: str) -> None:
    assert user == "root", "ERROR: Unable to lock database: Permission denied"
    verb, *words = argv[argv.index("apk") + 1 :]
    world = dict.fromkeys(machine.text(WORLD).split()) if WORLD in machine.nodes else {}
    for word in words:
        name, sign, version = next((word.partition(sign) for sign in "=~" if sign in word), (word, "", ""))
        world = {other: None for other in world if not other.startswith((name + "=", name + "~")) and other != name}
        if verb == "del":
            package_archive.take(machine, name)
            continue
        assert verb == "add"
        package_archive.put(machine, name, {"": None, "=": version.replace("-r", "-"), "~": f"{version}.*"}[sign])
        world[word] = None
    machine.file(WORLD, "".join(f"{word}\n" for word in world))
