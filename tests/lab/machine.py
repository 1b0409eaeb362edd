"""A machine as tests see it: a computer with users, an sshd, and a door that leads there from the runner."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from shlex import quote

from lab import accounts
from lab.accounts import User
from lab.commander import LabError, Process
from lab.computer import Computer, Hardware
from lab.keys import make_key
from lab.namespaces import Namespaces
from lab.relay import Direction, Door
from lab.roots import Recipe

BOOT_SECONDS = 15.0
SSHD_CONFIG = "/etc/ssh/sshd_config"

SshdOptions = Mapping[str, str | Sequence[str]]

SSHD_DEFAULTS: Mapping[str, str | Sequence[str]] = {
    "UsePAM": "no",
    "LogLevel": "VERBOSE",
    "PermitRootLogin": "yes",
    "PubkeyAuthentication": "yes",
    "PasswordAuthentication": "yes",
    "UseDNS": "no",
    "PrintMotd": "no",
    "MaxStartups": "500",
    "MaxSessions": "500",
    "PidFile": "/run/sshd.pid",
    "Subsystem": "sftp internal-sftp",
}


class Machine(Computer):
    """`host:port` is its sshd as the runner reaches it, `address` as the other machines do (port 22)."""

    def __init__(
        self, namespaces: Namespaces, hardware: Hardware, *, recipe: Recipe, door: Door, folder: Path, strace: bool
    ) -> None:
        super().__init__(namespaces, hardware)
        self.recipe, self.door, self.folder, self.strace = recipe, door, folder, strace
        self.host, self.port = door.host, door.port
        self.machine_id = secrets.token_hex(16)
        self.host_keys: list[str] = []
        self._log_path = folder / f"{hardware.number}.log"
        self._trace_path = folder / f"{hardware.number}.trace"
        self._sshd: Process | None = None

    def install(self, users: Mapping[str, User], sshd_options: SshdOptions, host_key_kinds: Sequence[str]) -> None:
        """What happens once to a new disk, then the first start of sshd."""
        self.power_on()
        self.commander.succeed(["/bin/sh", "-s"], input=self._first_boot(users, host_key_kinds).encode())
        self.configure_sshd(sshd_options)
        self.start_sshd()

    def boot(self) -> None:
        """After `kill`: the disk is as it was left, /run is empty."""
        self.power_on()
        self.start_sshd()

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
        return "\n".join([*lines, accounts.script(users), ""])

    # sshd.

    def configure_sshd(self, options: SshdOptions) -> None:
        """In force at the next start. What is given comes first, and sshd takes the first value it meets."""
        text = ""
        for name, value in [*options.items(), *SSHD_DEFAULTS.items()]:
            text += "".join(f"{name} {each}\n" for each in ([value] if isinstance(value, str) else value))
        if "HostKey" not in options:
            text += "".join(f"HostKey /etc/ssh/ssh_host_{_kind(key)}_key\n" for key in self.host_keys)
        self.write(SSHD_CONFIG, text)

    def start_sshd(self) -> None:
        """Returns when it listens; raises LabError with its log when it does not."""
        command = [self.recipe.sshd, "-D", "-e", "-f", SSHD_CONFIG]
        log = os.open(self._log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        already = self._log_path.stat().st_size
        descriptors = [os.open(os.devnull, os.O_RDONLY), log, os.dup(log)]
        if self.strace:
            # The tracer, root of the machine, opens it anew through /proc: only the folder keeps others out.
            self._trace_path.touch()
            self._trace_path.chmod(0o666)
            descriptors.append(os.open(self._trace_path, os.O_WRONLY | os.O_APPEND))
            options = ["-f", "-A", "-e", "trace=execve", "-v", "-s", "100000", "-o", "/proc/self/fd/3"]
            command = [self.recipe.strace, *options, *command]
        self.commander.succeed(["mkdir", "-p", "-m", "755", "/run/sshd"])
        self._sshd = self.commander.start(command, descriptors)
        end = time.monotonic() + BOOT_SECONDS
        while b"Server listening on 0.0.0.0" not in self._log_path.read_bytes()[already:]:
            if "code" in self._sshd.heard or time.monotonic() > end:
                raise LabError(f"{self.name}: sshd does not listen; its log:\n{self.log()[-4000:]}")
            self._sshd.listen_briefly(0.005)

    def stop_sshd(self) -> None:
        """Nobody listens any more; sessions go on."""
        self._signal("TERM", "$(cat /run/sshd.pid)")
        if self._sshd is not None and not self.strace:
            self._sshd.wait_for("code")

    def freeze_sessions(self) -> None:
        """SIGSTOP to the sshd of every session: the connection stays up and nobody answers."""
        self._signal_sessions("STOP")

    def thaw_sessions(self) -> None:
        self._signal_sessions("CONT")

    def kill_sessions(self) -> None:
        self._signal_sessions("KILL")

    def _signal_sessions(self, name: str) -> None:
        find = (
            "listener=$(cat /run/sshd.pid); for folder in /proc/[0-9]*; do "
            "read -r name 2>/dev/null <$folder/comm || continue; "
            'case $name:${folder#/proc/} in *:"$listener") ;; sshd*) '
            f"kill -{name} ${{folder#/proc/}} 2>/dev/null || : ;; esac; done"
        )
        self.commander.succeed(["/bin/sh", "-c", find])

    def _signal(self, name: str, whom: str) -> None:
        self.commander.succeed(["/bin/sh", "-c", f"kill -{name} {whom}"])

    # What was seen.

    @property
    def connections(self) -> int:
        """TCP connections the runner's side made to it, since its first boot."""
        return self.door.connections

    def log(self) -> str:
        """sshd's own, over all boots."""
        return self._log_path.read_text(encoding="utf-8", errors="replace")

    def trace(self) -> str:
        """With `strace=True`: every execve on this machine that sshd led to, with its whole environment."""
        return self._trace_path.read_text(encoding="utf-8", errors="replace")

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


def _kind(key: str) -> str:
    """Of a public key line: ed25519, ecdsa or rsa."""
    return key.split()[0].removeprefix("ssh-").split("-")[0]
