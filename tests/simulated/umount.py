"""`umount TARGET…`: the topmost mount at each, unless a program runs from it (`machine.memory["umount"]["busy"]`)."""

from __future__ import annotations

from typing import Any

from reconciler.formats import mountinfo
from simulated.mount import MOUNTINFO, mounts


def run(machine: Any, argv: tuple[str, ...], stdin: bytes, user: str) -> None:
    assert user == "root", "only root can do that"
    for target in argv[1:]:
        found = mounts(machine)
        top = mountinfo.at(found, target)
        assert top is not None, f"{target}: not mounted."
        busy = machine.memory.get("umount", {}).get("busy", ())
        assert target not in busy and not any(mount.parent == top.id for mount in found), f"{target}: target is busy."
        lines = machine.text(MOUNTINFO).splitlines()
        machine.file(MOUNTINFO, "".join(f"{line}\n" for line in lines if line.split(" ")[0] != str(top.id)))
