"""Tasks of a workspace's tasks.json: the programs that VS Code runs for it.

Manages the declared members of a task, found by its label; keeps its other members, other tasks, comments and order. A
workspace that is not there is not applicable. Takes effect at once: VS Code reads the file when it is used.

    user:
      vscode_tasks:
        ~/src/app:
          test: {type: shell, command: "go test ./...", group: test}

Source: code.visualstudio.com/docs/debugtest/tasks, schema of version 2.0.0.
"""

from __future__ import annotations

from typing import ClassVar, Final

from reconciler.model.resource import Resource
from reconciler.resources.workspace_entries import Entries, WorkspaceEntries


class VscodeTasks(WorkspaceEntries):
    kind: ClassVar[str] = "vscode_tasks"
    entries = Entries(file="tasks.json", array="tasks", key="label", version="2.0.0")
    noun = "task"
    description = "Tasks in the tasks.json of workspaces."


RESOURCE: Final[type[Resource]] = VscodeTasks
