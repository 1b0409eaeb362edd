"""vscode_extension.sh: the extensions.json of a server."""

from __future__ import annotations

import json
from typing import Any


def run(machine: Any, argv: tuple[str, ...], stdin: bytes, user: str) -> None:
    action, _, folder, name, version, _ = argv[-6:]
    path = f"{folder}/extensions.json"
    rows = json.loads(machine.text(path)) if path in machine.nodes else []
    rows = [row for row in rows if row["identifier"]["id"] != name.lower()]
    if action == "install":
        rows.append({"identifier": {"id": name.lower()}, "version": version or "9.9.9"})
    machine.file(path, json.dumps(rows))
