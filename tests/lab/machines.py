"""The lab as a whole: its namespaces, its network, the roots unpacked in it, and the machines made from them."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab import roots
from lab.accounts import User
from lab.commander import LabError, LabUnavailable, Process, Result
from lab.computer import NETWORK_PREFIX, Hardware
from lab.machine import Machine
from lab.namespaces import Namespaces, require
from lab.relay import Direction, Door, Relay
from lab.sshd import SshdOptions

__all__ = ["Direction", "Lab", "LabError", "LabUnavailable", "Machine", "Result", "User"]

ROOTS = "/tmp/roots"
UNPACK_SECONDS = 60.0

# A bridge for the machines' cables; and a trial of what every machine needs.
FOUNDATION = f"""\
set -eu
ip link set lo up
ip link add br0 type bridge
ip address add 10.77.0.1/{NETWORK_PREFIX} dev br0
ip link set br0 up
mkdir /tmp/try /tmp/try/lower /tmp/try/upper /tmp/try/work /tmp/try/root
mount -t overlay -o lowerdir=/tmp/try/lower,upperdir=/tmp/try/upper,workdir=/tmp/try/work,userxattr try /tmp/try/root
umount /tmp/try/root
"""


class Lab:
    """A network of machines. Roots are unpacked when first asked for; all is gone when the runner is."""

    def __init__(self, folder: Path) -> None:
        """`folder` takes keys and logs."""
        require("tar", "zstd", "ip", "ssh-keygen")
        self.folder = folder
        self.namespaces = Namespaces()
        self._inside = self.namespaces.commander
        self.relay = Relay(self.namespaces.dial)
        self._numbers = itertools.count(2)
        self._unpacked: dict[str, Process | None] = {}
        self._machines: list[Machine] = []  # one that nobody holds would end at once
        try:
            self._inside.succeed(["sh", "-s"], input=FOUNDATION.encode())
        except LabError as error:
            self.close()
            raise LabUnavailable(f"this kernel does not let a user namespace have a lab: {error}") from error

    def prepare(self, *names: str) -> None:
        """Unpack these roots at once, without waiting: for tests that want several."""
        for name in names:
            if name not in self._unpacked:
                folder = f"{ROOTS}/{name}"
                self._inside.succeed(["mkdir", "-p", folder])
                archive = os.open(roots.archive(roots.RECIPES_BY_NAME[name]), os.O_RDONLY)
                log = os.open(self.folder / f"{name}.log", os.O_WRONLY | os.O_CREAT)
                command = ["tar", "--zstd", "-xpf", "-", "--numeric-owner", "--exclude=./dev/*", "-C", folder]
                self._unpacked[name] = self._inside.start(command, (archive, os.dup(log), log))

    def root(self, name: str) -> str:
        self.prepare(name)
        process = self._unpacked[name]
        if process is not None:
            if process.wait_for("code", 60.0) != 0:
                raise LabError(f"root {name}: {(self.folder / f'{name}.log').read_text()[-1000:]}")
            process.close()
            self._unpacked[name] = None
        return f"{ROOTS}/{name}"

    def machine(
        self,
        root: str = "bookworm",
        *,
        users: Mapping[str, User] | None = None,
        disk_mib: int = 64,
        sshd_options: SshdOptions | None = None,
        host_key_kinds: Sequence[str] = ("ed25519",),
        strace: bool = False,
        name: str = "",
    ) -> Machine:
        """A machine that has booted and whose sshd listens. `close` it, or it stays as long as the lab."""
        number = next(self._numbers)
        hardware = Hardware(name=name or f"{root}-{number}", number=number, lower=self.root(root), disk_mib=disk_mib)
        machine = Machine(
            self.namespaces,
            hardware,
            recipe=roots.RECIPES_BY_NAME[root],
            door=Door(self.relay, hardware.address.replace("10.", "127.", 1), hardware.address),
            folder=self.folder,
            strace=strace,
        )
        self._machines.append(machine)
        try:
            machine.install(users or {}, sshd_options or {}, host_key_kinds)
        except BaseException:
            machine.close()
            raise
        return machine

    def close(self) -> None:
        for machine in self._machines:
            machine.door.close()
        self.relay.close()
        self.namespaces.close()
