"""What is written and not in force yet, on a live machine that plays WSL: /run/WSL, /etc and /var/lib of its own."""

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

DOCUMENT = """\
version: 1
distro:
  wsl_conf: {interop: {enabled: false}}
"""
PLAY_WSL = """\
set -e
mount -t tmpfs -o mode=755 none /mnt
mkdir /mnt/upper /mnt/work
mount -t overlay -o lowerdir=/etc,upperdir=/mnt/upper,workdir=/mnt/work none /etc
mount -t tmpfs -o mode=755 none /run
mount -t tmpfs -o mode=755 none /var/lib
mkdir /run/WSL
rm -f /etc/wsl.conf
reconcile() { "$PYTHON" -m reconciler "$@" -C "$REPO" >>"$LOG" 2>&1 && code=0 || code=$?; echo "$1 $code" | tee -a "$LOG"; }
"""


@pytest.fixture
def play(tmp_path: Path, trusted_home: Path):
    """Runs shell text on such a machine; what it printed. `reconcile WORDS` prints the command and its exit code."""
    (tmp_path / "reconcile.yaml").write_text(DOCUMENT)
    environment = {
        **os.environ,
        "HOME": str(trusted_home),
        "PYTHON": sys.executable,
        "REPO": str(tmp_path),
        "LOG": str(tmp_path / "log"),
    }

    def run(script: str) -> tuple[list[str], str]:
        argv = ["unshare", "-m", "--propagation", "private", "sh", "-c", PLAY_WSL + script]
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=90)
        log = (tmp_path / "log").read_text()
        assert done.returncode == 0, done.stderr + log
        return done.stdout.split("\n")[:-1], log

    return run


def test_a_change_is_pending_until_the_distro_starts_again(play) -> None:
    steps, log = play(
        """
        reconcile apply --yes
        reconcile verify
        reconcile verify --running
        reconcile plan --detailed-exitcode
        sed -i 's/"init_started": [0-9]*/"init_started": 1/' /var/lib/reconcile/effects.json
        reconcile verify --running
        """
    )
    assert steps == ["apply 0", "verify 0", "verify 2", "plan 0", "verify 0"], log
    assert "wsl --terminate" in log and "pending" in log


def test_what_nobody_recorded_counts_as_in_force(play) -> None:
    steps, log = play("printf '[interop]\\nenabled=false\\n' > /etc/wsl.conf\nreconcile verify --running\n")
    assert steps == ["verify 0"], log


def test_a_setting_that_is_changed_again_by_hand_is_drift_and_no_longer_pending(play) -> None:
    steps, log = play(
        "reconcile apply --yes\nprintf '[interop]\\nenabled=true\\n' > /etc/wsl.conf\nreconcile verify --running\n"
    )
    assert steps == ["apply 0", "verify 2"], log
    assert "1 to change" in log
