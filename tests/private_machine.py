"""This machine with an /etc, /run, /var/lib and /usr/local/share of its own, and a network that is loopback only.

What a kind wrote is read there by the programs that it is for. It is a mount and a network namespace; nothing outside of it
is written. It is over when its process ends.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import reconciler

PATIENCE_SECONDS = 60.0
HOME = "/mnt/home"
_BEGIN = """\
set -e
mount -t tmpfs -o mode=755 private /mnt
cp -a /etc /mnt/etc 2>/dev/null || :
mount --bind /mnt/etc /etc
umount /etc/resolv.conf /etc/hosts /etc/hostname 2>/dev/null || : # what a container has put there
for folder in /run /var/lib /usr/local/share; do mount -t tmpfs -o mode=755 private "$folder"; done
mkdir -p /mnt/home/repo
ip link set lo up
echo ready
exec cat >/dev/null
"""


@dataclass
class PrivateMachine:
    holder: subprocess.Popen[bytes]

    def at(self, path: str) -> Path:
        """The same file, for whoever looks from outside."""
        return Path(f"/proc/{self.holder.pid}/root{path}")

    def within(self, *words: str) -> list[str]:
        """The command line that runs a program in there, as root."""
        return ["nsenter", "--mount", "--net", "--target", str(self.holder.pid), "--", *words]

    def run(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.within(*words), capture_output=True, text=True, check=check, timeout=PATIENCE_SECONDS
        )

    def says(self, *words: str) -> str:
        """What a program prints, blanks run together; nothing where it fails."""
        done = self.run(*words, check=False)
        return " ".join(done.stdout.split()) if done.returncode == 0 else ""

    def reconcile(self, command: str, document: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Runs a command of `reconcile` on a document that is for the distro, as root."""
        self.at(f"{HOME}/repo/reconcile.yaml").write_text(f"version: 1\n{document}", encoding="utf-8")
        return self.call(command, "-C", f"{HOME}/repo", "--user", "root", *words)

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Runs `reconcile` with these words."""
        variables = {
            "HOME": HOME,
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "PYTHONPATH": str(Path(reconciler.__file__).parent.parent),
            "COLUMNS": "100",
            "NO_COLOR": "1",
            "LC_ALL": "C.UTF-8",
        }
        environment = (f"{name}={value}" for name, value in variables.items())
        return self.run("env", "-i", *environment, sys.executable, "-P", "-m", "reconciler", *words, check=False)

    def applies(self, document: str) -> str:
        """Applies a document, which is then in sync; what apply said."""
        done = self.reconcile("apply", document, "--yes", "--allow-exec")
        assert done.returncode == 0, done.stdout + done.stderr
        verified = self.reconcile("verify", document)
        assert verified.returncode == 0, verified.stdout + verified.stderr
        return done.stdout + done.stderr


@contextlib.contextmanager
def private_machine() -> Iterator[PrivateMachine]:
    """Skips where there can be none, and says why."""
    if os.geteuid() != 0:
        pytest.skip("an /etc of its own: needs root")
    missing = [name for name in ("unshare", "nsenter", "ip") if not shutil.which(name)]
    if missing:
        pytest.skip(f"{missing[0]} is not installed")
    holder = subprocess.Popen(
        ["unshare", "--mount", "--net", "--propagation", "private", "sh", "-c", _BEGIN],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with holder:
        assert holder.stdin and holder.stdout and holder.stderr
        if holder.stdout.readline() != b"ready\n":
            why = holder.stderr.read().decode()
            if "unshare failed" in why:
                pytest.skip(f"no namespaces can be had: {why}")
            raise AssertionError(why)
        yield PrivateMachine(holder)
        holder.stdin.close()  # and so it ends
