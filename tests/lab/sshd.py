"""A computer with an sshd: its configuration, its log, its sessions."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab.commander import LabError, Process
from lab.computer import Computer, Hardware
from lab.namespaces import Namespaces
from lab.roots import Recipe

BOOT_SECONDS = 60.0
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


class SshServer(Computer):
    sshd_defaults = SSHD_DEFAULTS

    def __init__(
        self, namespaces: Namespaces, hardware: Hardware, *, recipe: Recipe, folder: Path, strace: bool
    ) -> None:
        """`folder` is outside: what is there outlives the computer."""
        super().__init__(namespaces, hardware)
        self.recipe, self.folder, self.strace = recipe, folder, strace
        self.host_keys: list[str] = []
        self._log_path = folder / f"{hardware.number}.log"
        self._trace_path = folder / f"{hardware.number}.trace"
        self._sshd: Process | None = None

    def configure_sshd(self, options: SshdOptions) -> None:
        """In force at the next start. What is given comes first, and sshd takes the first value it meets."""
        text = ""
        for name, value in [*options.items(), *self.recipe.sshd_options.items(), *self.sshd_defaults.items()]:
            text += "".join(f"{name} {each}\n" for each in ([value] if isinstance(value, str) else value))
        if "HostKey" not in options:
            text += "".join(f"HostKey /etc/ssh/ssh_host_{_kind(key)}_key\n" for key in self.host_keys)
        self.write(SSHD_CONFIG, text)

    def start_sshd(self) -> None:
        """Returns when it listens; raises LabError with its log when it does not."""
        already = self._log_size()
        command = [self.recipe.sshd, "-D", "-e", "-f", SSHD_CONFIG]
        log = self._open_for_all(self._log_path)
        descriptors = [os.open(os.devnull, os.O_RDONLY), log, os.dup(log)]
        if self.strace:
            descriptors.append(self._open_for_all(self._trace_path))
            options = ["-f", "-A", "-e", "trace=execve", "-v", "-s", "100000", "-o", "/proc/self/fd/3"]
            command = [self.recipe.strace, *options, *command]
        self.commander.succeed(["mkdir", "-p", "-m", "755", "/run/sshd"])
        self._sshd = self.commander.start(command, descriptors)
        self._await_sshd(already)

    def _await_sshd(self, already: int) -> None:
        """`already` is how long the log was."""
        end = time.monotonic() + BOOT_SECONDS
        while b"Server listening on 0.0.0.0" not in self._log_path.read_bytes()[already:]:
            if self._sshd_has_ended() or time.monotonic() > end:
                raise LabError(f"{self.name}: sshd does not listen; its log:\n{self.log()[-4000:]}")
            time.sleep(0.005)
        # Its last step before it serves, and what `stop_sshd` goes by.
        self.commander.succeed(["/bin/sh", "-c", "until [ -s /run/sshd.pid ]; do sleep 0.01; done"])

    def _sshd_has_ended(self) -> bool:
        assert self._sshd is not None
        self._sshd.listen_briefly(0)
        return "code" in self._sshd.heard

    def _log_size(self) -> int:
        return self._log_path.stat().st_size if self._log_path.exists() else 0

    def _open_for_all(self, path: Path) -> int:
        """For appending. Root of the machine may have to open it anew, through /proc: only the folder keeps others out."""
        path.touch()
        path.chmod(0o666)
        return os.open(path, os.O_WRONLY | os.O_APPEND)

    def stop_sshd(self) -> None:
        """Nobody listens any more; sessions go on, and a tracer with them."""
        find = "read -r listener </run/sshd.pid; kill -TERM $listener"
        self.commander.succeed(["/bin/sh", "-ec", f"{find}; while [ -e /proc/$listener ]; do sleep 0.01; done"])

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

    def log(self) -> str:
        """sshd's own, over all boots."""
        return self._log_path.read_text(encoding="utf-8", errors="replace")

    def trace(self) -> str:
        """With `strace=True`: every execve on this machine that sshd led to, with its whole environment."""
        return self._trace_path.read_text(encoding="utf-8", errors="replace")


def _kind(key: str) -> str:
    """Of a public key line: ed25519, ecdsa or rsa."""
    return key.split()[0].removeprefix("ssh-").split("-")[0]
