"""`go install PACKAGE@VERSION` with GOBIN in front: a program that tells what it was built from."""

from __future__ import annotations

from typing import Any

from reconciler.model.facts import GoBuild, PathType


def run(machine: Any, argv: tuple[str, ...], stdin: bytes, user: str) -> None:
    folder = next(word.removeprefix("GOBIN=") for word in argv if word.startswith("GOBIN="))
    assert argv[-2] == "install", argv
    package, _, version = argv[-1].partition("@")
    assert machine.nodes[folder].type is PathType.DIRECTORY
    path = f"{folder}/{package.rpartition('/')[2]}"
    machine.file(path, b"a program", mode=0o755, owner=user)
    machine.builds[path] = GoBuild(package=package, module=package, version=version)
