"""A machine as tests see it: a computer with users, an sshd, and a door that leads there from the runner."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from shlex import quote

from lab import accounts
from lab.accounts import User
from lab.computer import Hardware
from lab.keys import make_key
from lab.namespaces import Namespaces
from lab.relay import Direction, Door
from lab.roots import Recipe
from lab.sshd import SshdOptions, SshServer
from lab.wsl import Wsl


class Machine(SshServer):
    """`host:port` is its sshd as the runner reaches it, `address` as the other machines do (port 22)."""

    def __init__(
        self,
        namespaces: Namespaces,
        hardware: Hardware,
        *,
        recipe: Recipe,
        door: Door,
        folder: Path,
        strace: bool = False,
        wsl: Wsl | None = None,
    ) -> None:
        super().__init__(namespaces, hardware, recipe=recipe, folder=folder, strace=strace)
        self.door, self.wsl = door, wsl
        self.host, self.port = door.host, door.port
        self.machine_id = secrets.token_hex(16)
        self._boot_scripts = [wsl.each_boot()] if wsl else []

    def install(self, users: Mapping[str, User], sshd_options: SshdOptions, host_key_kinds: Sequence[str]) -> None:
        """What happens once to a new disk, then the first start of sshd."""
        self.power_on()
        self.commander.succeed(["/bin/sh", "-s"], input=self._first_boot(users, host_key_kinds).encode())
        self.configure_sshd(sshd_options)
        self._come_up()

    def boot(self) -> None:
        """After `kill`: the disk is as it was left, /run is empty."""
        self.power_on()
        self._come_up()

    def reboot(self) -> None:
        """In good order, where there is one."""
        self.kill()
        self.boot()

    def _come_up(self) -> None:
        self._prepare()
        self.start_sshd()

    def _prepare(self) -> None:
        """What every boot begins with."""
        for script in self._boot_scripts:
            self.commander.succeed(["/bin/sh", "-s"], input=script.encode())

    def close(self) -> None:
        """Gone with its disk: a test's end."""
        self.door.close()
        self.scrap()

    def _first_boot(self, users: Mapping[str, User], host_key_kinds: Sequence[str]) -> str:
        lines = [
            "set -eu; umask 022; mkdir -p /etc/ssh /etc/sudoers.d /root/.ssh",
            f"rm -f /etc/resolv.conf; echo {self.name} >/etc/hostname; echo {self.machine_id} >/etc/machine-id",
            f"printf '%s\\n' '127.0.0.1 localhost' '{self.address} {self.name}' >/etc/hosts",
        ]
        for kind in host_key_kinds:
            key = make_key(self.folder / f"{self.hardware.number}-{kind}", kind=kind)
            self.host_keys.append(" ".join(key.public.split()[:2]))
            path = f"/etc/ssh/ssh_host_{kind}_key"
            lines.append(f"(umask 077; printf %s {quote(key.path.read_text())} >{path})")
            lines.append(f"echo {quote(key.public)} >{path}.pub")
        return "\n".join([*lines, accounts.script(users), self.wsl.first_boot() if self.wsl else "", ""])

    def pretend_setting(self, name: str, value: str) -> None:
        """A sysctl of the whole computer (fs.inotify.*, vm.*, kernel.*), which no root in here may set: a file over it
        takes what is written. It has `value` from every boot on; nobody cuts off the rest of a longer one.
        """
        file, setting = f"/run/lab-settings/{name}", f"/proc/sys/{name.replace('.', '/')}"
        script = (
            f"set -eu; mkdir -p {file.rpartition('/')[0]}; echo {quote(value)} >{file}; mount --bind {file} {setting}"
        )
        self._boot_scripts.append(script)
        self.commander.succeed(["/bin/sh", "-c", script])

    # What was seen.

    @property
    def connections(self) -> int:
        """TCP connections the runner's side made to it, since its first boot."""
        return self.door.connections

    def known_hosts_line(self, name: str = "") -> str:
        """All its keys, under `name` or under the address the runner reaches it by."""
        return "".join(f"{name or f'[{self.host}]:{self.port}'} {key}\n" for key in self.host_keys)

    # Faults of the way there: see relay.Door.

    def cut(self) -> None:
        self.door.cut()

    def cut_after(self, count: int, direction: Direction | None = None) -> None:
        self.door.cut_after(count, direction)

    def slow(self, bytes_per_second: float) -> None:
        self.door.slow(bytes_per_second)

    def delay(self, seconds: float) -> None:
        self.door.delay(seconds)

    def freeze(self) -> None:
        self.door.freeze()

    def thaw(self) -> None:
        self.door.thaw()

    def blackhole(self) -> None:
        self.door.blackhole()

    def refuse(self) -> None:
        self.door.refuse()

    def heal(self) -> None:
        self.door.heal()
