"""Control groups for machines that boot systemd: made by root, given to the machines' root, gone with the runner.

Version 2 is mounted anew and nowhere, so it makes no difference whether this computer has it at /sys/fs/cgroup, beside
version 1, read-only or not at all. Its folders outlive their makers: a caretaker waits for the end of the runner.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import sys
import time
from pathlib import Path

from lab import kernel
from lab.commander import STEP_SECONDS, LabUnavailable

DELEGATED = ("cgroup.procs", "cgroup.subtree_control", "cgroup.threads")
CARETAKER_SECONDS = 60.0


class ControlGroups:
    """The folder of one lab, with one in it for each machine."""

    def __init__(self, owner: int) -> None:
        """`owner` is who root of the machines is outside."""
        if os.geteuid() != 0:
            raise LabUnavailable("a machine with systemd needs root here, who alone can give it control groups")
        self.owner = owner
        self.name = f"reconcile-lab-{os.getpid()}-{secrets.token_hex(4)}"
        try:
            top = kernel.mount_nowhere("cgroup2")
        except OSError as error:
            raise LabUnavailable(f"control groups (version 2) cannot be had here: {error}") from error
        try:
            command = [sys.executable, "-B", "-E", "-s", "-m", "lab.control_groups", str(top), self.name]
            self._caretaker = subprocess.Popen(
                command,
                cwd=Path(__file__).parent.parent,
                env={},
                pass_fds=[top],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
            os.mkdir(self.name, dir_fd=top)
            self._folder = os.open(self.name, os.O_DIRECTORY, dir_fd=top)
        except OSError as error:
            raise LabUnavailable(f"no control group can be made here: {error}") from error
        finally:
            os.close(top)

    def found(self, name: str) -> int:
        """A descriptor of `cgroup.procs` of a new folder: who writes 0 there moves in. Its owner may make more below."""
        os.mkdir(name, dir_fd=self._folder)
        for path in (name, *(f"{name}/{file}" for file in DELEGATED)):
            os.chown(path, self.owner, self.owner, dir_fd=self._folder)
        return os.open(f"{name}/cgroup.procs", os.O_WRONLY, dir_fd=self._folder)

    def remove(self, name: str) -> None:
        remove(self._folder, name)

    def close(self) -> None:
        """Returns when nothing is left."""
        os.close(self._folder)
        self._caretaker.communicate(timeout=CARETAKER_SECONDS + STEP_SECONDS)


def remove(above: int, name: str) -> None:
    """With all below, and with whoever is in there; nothing happens where it is not."""
    with contextlib.suppress(OSError):  # Linux 5.14; and nobody should be there any more
        killer = os.open(f"{name}/cgroup.kill", os.O_WRONLY, dir_fd=above)
        with os.fdopen(killer, "wb", buffering=0) as file:
            file.write(b"1")
    end = time.monotonic() + CARETAKER_SECONDS
    while True:
        try:
            for _path, folders, _files, here in os.fwalk(name, topdown=False, dir_fd=above):
                for folder in folders:
                    os.rmdir(folder, dir_fd=here)
            os.rmdir(name, dir_fd=above)
            return
        except FileNotFoundError:
            return
        except OSError:  # it is busy until the last of the killed is gone
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


def _take_care(above: int, name: str) -> None:
    sys.stdin.buffer.read()
    remove(above, name)


if __name__ == "__main__":
    _take_care(int(sys.argv[1]), sys.argv[2])
