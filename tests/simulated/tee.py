"""tee, as far as it writes to the kernel's binfmt_misc."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reconciler.model.facts import PathType

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine

FOLDER = "/proc/sys/fs/binfmt_misc"


def run(machine: Machine, argv: tuple[str, ...], stdin: bytes, user: str) -> None:
    program, path = argv
    name = path.removeprefix(f"{FOLDER}/")
    assert program == "tee" and name != "status" and path in machine.nodes, f"cannot write {path}"
    if name != "register":
        assert stdin == b"-1", f"{path} takes no {stdin!r}"
        del machine.nodes[path]
        return
    _, name, kind, offset, first, mask, interpreter, flags = stdin.decode().split(":")
    assert f"{FOLDER}/{name}" not in machine.nodes, f"{name} is registered already"
    lines = ["enabled", f"interpreter {interpreter}", f"flags: {flags}"]
    if kind == "E":
        lines.append(f"extension .{first}")
    else:
        lines += [f"offset {offset or 0}", f"magic {_bytes(first).hex()}"]
        lines += [f"mask {_bytes(mask).hex()}"] if mask else []
    machine.file(f"{FOLDER}/{name}", "".join(f"{line}\n" for line in lines))
    assert machine.nodes[f"{FOLDER}/{name}"].type is PathType.FILE


def _bytes(text: str) -> bytes:
    return re.sub(r"\\x(..)", lambda match: chr(int(match[1], 16)), text).encode("latin-1")
