"""`sh -c SCRIPT adopt-go PLACE TARGET ASIDE`: a directory goes aside, a link takes its place."""

from __future__ import annotations

from typing import Any

from reconciler.model.facts import PathType


def run(machine: Any, argv: tuple[str, ...], stdin: bytes, user: str) -> None:
    place, target, aside = argv[-3:]
    assert machine.nodes[place].type is PathType.DIRECTORY and aside not in machine.nodes
    for name in [name for name in machine.nodes if name == place or name.startswith(f"{place}/")]:
        machine.nodes[aside + name.removeprefix(place)] = machine.nodes.pop(name)
    machine.link(place, target)
