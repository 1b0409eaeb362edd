"""The lab as a whole: its namespaces, its network, the roots unpacked in it, and the machines made from them."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab import kernel, roots
from lab.accounts import User
from lab.commander import LabError, LabUnavailable, Process, Result
from lab.computer import NETWORK_PREFIX, Hardware
from lab.control_groups import ControlGroups
from lab.machine import Machine
from lab.namespaces import Namespaces, require
from lab.relay import Direction, Door, Relay
from lab.sshd import SshdOptions
from lab.systemd_machine import RUN_MIB, SystemdMachine
from lab.wsl import Wsl

__all__ = ["Direction", "Lab", "LabError", "LabUnavailable", "Machine", "Result", "SystemdMachine", "User", "Wsl"]

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

# All that a machine with systemd needs beyond that. 3 is the way into a control group.
TRIAL_OF_CONTROL_GROUPS = """\
echo 0 >&3 &&
exec unshare --cgroup --mount sh -c 'mount -t sysfs -o ro try /tmp/try && mount -t cgroup2 try /tmp/try/fs/cgroup'
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
        self._groups: ControlGroups | None = None
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
        wsl: Wsl | None = None,
        name: str = "",
    ) -> Machine:
        """A machine that has booted and whose sshd listens. `close` it, or it stays as long as the lab."""
        number = next(self._numbers)
        recipe = roots.RECIPES_BY_NAME[root]
        hardware = Hardware(
            name=name or f"{root}-{number}",
            number=number,
            lower=self.root(root),
            disk_mib=disk_mib,
            run_mib=RUN_MIB if recipe.boots_systemd else 4,
            control_groups=self._control_groups() if recipe.boots_systemd else None,
        )
        machine = (SystemdMachine if recipe.boots_systemd else Machine)(
            self.namespaces,
            hardware,
            recipe=recipe,
            door=Door(self.relay, hardware.address.replace("10.", "127.", 1), hardware.address),
            folder=self.folder,
            strace=strace,
            wsl=wsl,
        )
        self._machines.append(machine)
        try:
            machine.install(users or {}, sshd_options or {}, host_key_kinds)
        except BaseException:
            machine.close()
            raise
        return machine

    def _control_groups(self) -> ControlGroups:
        """Made by the first machine with systemd; a trial shows whether they can be had."""
        if self._groups is None:
            groups = ControlGroups(owner=int(kernel.user_map(self.namespaces.process.pid).split()[1]))
            try:
                self._try(groups)
            except BaseException:
                groups.close()
                raise
            self._groups = groups
        return self._groups

    def _try(self, groups: ControlGroups) -> None:
        path = self.folder / "control-groups.log"
        log = os.open(path, os.O_WRONLY | os.O_CREAT)
        descriptors = [os.open(os.devnull, os.O_RDONLY), log, os.dup(log), groups.found("trial")]
        trial = self._inside.start(["sh", "-c", TRIAL_OF_CONTROL_GROUPS], descriptors)
        code = trial.wait_for("code")
        trial.close()
        groups.remove("trial")
        if code != 0:
            said = path.read_text(encoding="utf-8", errors="replace").splitlines()[:1]
            raise LabUnavailable(f"this kernel does not let a machine have control groups of its own: {said}")

    def close(self) -> None:
        for machine in self._machines:
            machine.door.close()
        self.relay.close()
        self.namespaces.close()
        if self._groups is not None:
            self._groups.close()
