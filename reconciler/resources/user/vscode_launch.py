"""Configurations of a workspace's launch.json: what VS Code can run and debug there.

Manages the declared members of a configuration, found by its name; keeps its other members, other configurations, comments
and order. A workspace that is not there is not applicable. Takes effect at once: VS Code reads the file when it is used.

    user:
      vscode_launch:
        ~/src/app:
          Launch server: {type: go, request: launch, mode: auto, program: "${workspaceFolder}/cmd/server"}

Source: code.visualstudio.com/docs/debugtest/debugging-configuration; golang/vscode-go docs/debugging.md.
"""

from __future__ import annotations

from typing import ClassVar, Final

from reconciler.model.resource import Resource
from reconciler.resources.workspace_entries import Entries, WorkspaceEntries


class VscodeLaunch(WorkspaceEntries):
    kind: ClassVar[str] = "vscode_launch"
    entries = Entries(file="launch.json", array="configurations", key="name", version="0.2.0")
    noun = "configuration"
    description = "Configurations in the launch.json of workspaces."


RESOURCE: Final[type[Resource]] = VscodeLaunch
