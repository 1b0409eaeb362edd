"""The wheel holds all that the tool needs away from its repo: playbooks, schemas, scripts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent


def test_an_installed_wheel_has_its_playbooks_schemas_and_scripts(tmp_path: Path, trusted_home: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run(
        [*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", str(tmp_path), str(TOP)], check=True, timeout=120
    )
    (wheel,) = tmp_path.glob("reconcile_env-*.whl")
    site = tmp_path / "site"
    subprocess.run(
        [*pip, "install", "--no-deps", "--no-index", "--target", str(site), str(wheel)], check=True, timeout=120
    )
    (tmp_path / "repo").mkdir()
    (tmp_path / "repo/reconcile.yaml").write_text("version: 1\nuse: [wsl-go-baseline@1]\n")
    environment = {**os.environ, "PYTHONPATH": str(site), "HOME": str(trusted_home)}
    for words in (["lint"], ["plan"]):
        done = subprocess.run(
            [sys.executable, "-P", "-m", "reconciler", *words, "-C", str(tmp_path / "repo")],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
    where = subprocess.run(
        [sys.executable, "-P", "-c", "import reconciler; print(reconciler.__file__)"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert where.stdout.startswith(str(site))
    assert (site / "reconciler/shipped/schemas/reconcile.schema.json").is_file()
