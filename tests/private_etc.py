"""This machine with an /etc, /home, /run and /var/lib of its own: real sudo and doas, by the test's own accounts and rules.

It is a mount namespace; nothing outside of it is written. A process in it keeps it until the test is over.
"""

from __future__ import annotations

import contextlib
import os
import pty
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click
import pytest

import reconciler
from lab.accounts import FIRST_USER_ID, User, script
from reconciler.transports.exchange import Limits
from reconciler.transports.local import LocalTransport

NAME = "dev"
"""The first user, who calls."""
PATIENCE_SECONDS = 40.0
PYTHON = f"/mnt/python/bin/python3.{sys.version_info.minor}"

_BEGIN = """\
set -e
mount -t tmpfs -o mode=755 private /mnt
cp -a /etc /mnt/etc 2>/dev/null || :
mount --bind /mnt/etc /etc
for folder in /home /run /var/lib /usr/local/sbin; do mount -t tmpfs -o mode=755 private "$folder"; done
mkdir -p /run/sudo /run/doas /var/lib/sudo
for folder in python site project; do mkdir "/mnt/$folder"; mount --bind "$1" "/mnt/$folder"; shift; done
for file in passwd group; do # the numbers from 1000 on are the test's
  awk -F: '$3 < 1000 || $3 > 60000' "/etc/$file" >/run/without
  cat /run/without >"/etc/$file"
done
sed -i 's/pam_unix.so/pam_unix.so nodelay/' /etc/pam.d/common-auth
umask 022
"""
_HOLD = "echo ready; exec cat >/dev/null"


@dataclass
class PrivateEtc:
    holder: subprocess.Popen[bytes]
    environment: dict[str, str] = field(
        default_factory=lambda: {"HOME": f"/home/{NAME}", "USER": NAME, "LOGNAME": NAME}
    )

    def at(self, path: str) -> Path:
        """The same file, for whoever looks from outside."""
        return Path(f"/proc/{self.holder.pid}/root{path}")

    def as_root(self, text: str) -> None:
        subprocess.run([*self.root, "sh", "-euc", text], check=True, timeout=PATIENCE_SECONDS)

    @property
    def root(self) -> tuple[str, ...]:
        """What a program is started with to run in there as root."""
        return (str(shutil.which("nsenter")), "--mount", "--target", str(self.holder.pid), "--")

    @property
    def login(self) -> tuple[str, ...]:
        """What a program is started with to run in there as the user."""
        number = str(FIRST_USER_ID)
        return (*self.root, "setpriv", "--reuid", number, "--regid", number, "--init-groups", "--")

    def door(self, *shell: str, limits: Limits | None = None, path: str | None = None) -> LocalTransport:
        environment = self.environment | ({"PATH": path} if path else {})
        limits = limits or Limits(deadline_seconds=PATIENCE_SECONDS)
        return LocalTransport((*self.login, *(shell or ("/bin/sh",))), environment, limits=limits)

    def programs_without(self, *names: str) -> str:
        """A folder with all programs but these."""
        self.as_root(f"mkdir -p /run/bin; ln -s /usr/bin/* /run/bin/; cd /run/bin; rm -f {' '.join(names)}")
        return "/run/bin"

    def has_program(self, path: str, text: str) -> None:
        """A shim, such as a `sudo` that hangs; /usr/local/sbin is looked in first."""
        self.at(path).write_text(text)
        self.at(path).chmod(0o755)

    def reconcile(self, *words: str, user: bool = True) -> list[str]:
        """The command line of the user's own `reconcile`, or of root's."""
        variables = {
            **self.environment,
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "PYTHONPATH": "/mnt/project:/mnt/site",
            "PYTHONDONTWRITEBYTECODE": "1",
            "COLUMNS": "100",
            "NO_COLOR": "1",
            "LC_ALL": "C.UTF-8",
        }
        return [
            *(self.login if user else self.root),
            *("env", "-i", *(f"{name}={value}" for name, value in variables.items())),
            *(PYTHON, "-P", "-m", "reconciler", *words),
        ]


@contextlib.contextmanager
def private_etc(users: Mapping[str, User]) -> Iterator[PrivateEtc]:
    """The users are numbered from FIRST_USER_ID on. Skips where there can be none, and says why."""
    if os.geteuid() != 0:
        pytest.skip("accounts of its own: needs root")
    missing = [name for name in ("unshare", "nsenter", "setpriv", "sudo") if not shutil.which(name)]
    if missing:
        pytest.skip(f"{missing[0]} is not installed")
    folders = [sys.base_prefix, str(Path(click.__file__).parent.parent), str(Path(reconciler.__file__).parent.parent)]
    holder = subprocess.Popen(
        [
            "unshare",
            "--mount",
            "--propagation",
            "private",
            "sh",
            "-c",
            _BEGIN + script(users) + "\n" + _HOLD,
            "sh",
            *folders,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with holder:
        assert holder.stdin and holder.stdout and holder.stderr
        if holder.stdout.readline() != b"ready\n":
            why = holder.stderr.read().decode()
            if "unshare failed" in why:
                pytest.skip(f"no mount namespace can be had: {why}")
            raise AssertionError(why)
        yield PrivateEtc(holder)
        holder.stdin.close()  # and so it ends


@dataclass(frozen=True)
class Conversation:
    code: int
    said: str


def converse(argv: Sequence[str], answers: Sequence[tuple[str, str]]) -> Conversation:
    """Runs a program on a terminal: each answer is typed when what it answers has appeared. "\\x03" is Ctrl-C."""
    process, terminal = pty.fork()
    if process == 0:
        os.execvp(argv[0], argv)
    said, searched, left = b"", 0, list(answers)
    end = time.monotonic() + PATIENCE_SECONDS
    with contextlib.suppress(OSError):  # the terminal is gone when the program is
        while time.monotonic() < end:
            if left and left[0][0].encode() in said[searched:]:
                searched = len(said)
                time.sleep(0.2)  # nobody types before a program listens; Python would not notice Ctrl-C then
                os.write(terminal, left.pop(0)[1].encode())
            if select.select([terminal], [], [], 0.1)[0]:
                said += os.read(terminal, 65536)
    if time.monotonic() >= end:
        os.kill(process, 9)
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    os.close(terminal)
    text = said.decode(errors="replace").replace("\r\n", "\n")
    assert not left, f"never asked: {left}\n{text}"
    return Conversation(code, text)
