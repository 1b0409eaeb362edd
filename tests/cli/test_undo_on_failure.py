"""A check that fails leads its run back, where it says so: on a live machine, for at rest nothing is run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="mounts in a mount namespace of its own: needs root"),
    pytest.mark.skipif(shutil.which("unshare") is None, reason="no unshare here"),
]
OWN = "mount -t tmpfs -o mode=755 none /var/lib; mount -t tmpfs -o mode=755 none /srv; printf 'old\\n' >/srv/a; "


@pytest.mark.parametrize(("says", "ends"), [("undo_on_failure: true", "old"), ("seconds: 5", "new")])
def test_a_check_that_fails_leads_the_run_back_only_where_it_says_so(
    says: str, ends: str, tmp_path: Path, trusted_home: Path
) -> None:
    (tmp_path / "reconcile.yaml").write_text(
        'version: 1\ndistro:\n  files: {/srv/a: {content: "new\\n"}, /srv/b: {content: b}}\n'
        f"  checks: {{it is well: {{command: ['false'], {says}}}}}\n"
    )
    apply = '"$PYTHON" -m reconciler apply --yes --allow-exec -C "$REPO"; echo "code $?"; cat /srv/a; ls /srv'
    done = subprocess.run(
        ["unshare", "-m", "--propagation", "private", "sh", "-c", OWN + apply],
        env={**os.environ, "HOME": str(trusted_home), "PYTHON": sys.executable, "REPO": str(tmp_path)},
        capture_output=True, text=True, timeout=90,
    )  # fmt: skip

    assert "code 3" in done.stdout, done.stdout + done.stderr
    assert ("is led back" in done.stdout) == (ends == "old")
    left = done.stdout.partition("code 3\n")[2].split()
    assert left == (["old", "a"] if ends == "old" else ["new", "a", "b"])
