"""Start-up stays lean: what a run does not need is not imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

WATCHED = ("jsonschema", "jinja2", "rich", "paramiko", "asyncio", "yaml")
PROBE = """
import json, sys
from reconciler.cli.main import run
code = run(sys.argv[1:])
print("IMPORTED", json.dumps([name for name in {watched!r} if name in sys.modules]))
sys.exit(code)
"""


@pytest.fixture
def imported(trusted_home: Path) -> Callable[..., set[str]]:
    """Runs a command in a fresh interpreter; which of the watched packages it imported."""
    environment = {**os.environ, "HOME": str(trusted_home), "COLUMNS": "100"}
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "SUDO_USER"):
        environment.pop(name, None)

    def call(*words: str) -> set[str]:
        done = subprocess.run(
            [sys.executable, "-c", PROBE.format(watched=WATCHED), *words],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return set(json.loads(done.stdout.rpartition("IMPORTED ")[2]))

    return call


def test_help_imports_nothing_of_it(imported) -> None:
    assert imported("--help") == set()


def test_a_plan_of_known_documents_without_templates_needs_only_yaml(imported, tmp_path: Path) -> None:
    (tmp_path / "reconcile.yaml").write_text("version: 1\nuser: {directories: [~/go]}\n")
    assert imported("plan", "-C", str(tmp_path)) == {"yaml", "jsonschema"}
    assert imported("plan", "-C", str(tmp_path)) == {"yaml"}


def test_a_template_brings_jinja_and_nothing_else(imported, tmp_path: Path) -> None:
    (tmp_path / "reconcile.yaml").write_text("version: 1\nuser: {go_env: {GOPATH: '{{ user.home }}/go'}}\n")
    imported("plan", "-C", str(tmp_path))
    assert imported("plan", "-C", str(tmp_path)) == {"yaml", "jinja2"}
