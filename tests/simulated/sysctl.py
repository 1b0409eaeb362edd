"""sysctl, as far as it sets parameters and tells of all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.model.facts import CommandResult

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine

KERNEL = "/proc/sys/"


def run(machine: Machine, argv: tuple[str, ...], stdin: bytes, user: str) -> None:
    program, option, *settings = argv
    assert (program, option) == ("sysctl", "-w") and settings
    for setting in settings:
        name, _, value = setting.partition("=")
        path = KERNEL + name.translate({ord("."): "/", ord("/"): "."})
        assert path in machine.nodes, f"sysctl: cannot stat {path}: No such file or directory"
        assert machine.nodes[path].mode & 0o200, f'sysctl: permission denied on key "{name}"'
        machine.file(path, "\t".join(value.split()) + "\n")


def answer(machine: Machine, argv: tuple[str, ...], user: str) -> CommandResult:
    assert argv == ("sysctl", "-a")
    files = {path: node for path, node in machine.nodes.items() if path.startswith(KERNEL) and node.data}
    names = {path: path.removeprefix(KERNEL).translate({ord("/"): ".", ord("."): "/"}) for path in files}
    return CommandResult(0, "".join(f"{name} = {files[path].data.decode()}" for path, name in names.items()))
