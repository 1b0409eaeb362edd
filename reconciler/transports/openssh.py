"""`client: openssh`: the user's own `ssh`, with all that it can do and its configuration says; one connection for a run."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from typing import Final

from reconciler import agents
from reconciler.model.errors import GivenUpError
from reconciler.model.remote import Remote
from reconciler.transports.exchange import Limits, PipeExchange
from reconciler.transports.openssh_complaints import explained
from reconciler.transports.processes import ProcessPipe

_FAILED: Final = 255
"""What ssh itself exits with. No agent does."""
_MOST_WORDS: Final = 8192
_EXIT_SECONDS: Final = 5
_PERSIST_SECONDS: Final = 60
"""How long the connection outlives a controller that could not end it."""
_LONGEST_SOCKET: Final = 104 - 18
"""What a Unix socket's name may have everywhere, without what ssh appends while it makes one."""

_OPTIONS: Final = {
    "StrictHostKeyChecking": "yes",  # whatever the configuration says: nothing is learned silently,
    "UpdateHostKeys": "no",  # not even from a host that is known
    "ControlMaster": "auto",
    "ControlPersist": str(_PERSIST_SECONDS),
    "ForwardAgent": "no",
    "ForwardX11": "no",
    "ClearAllForwardings": "yes",
    "PermitLocalCommand": "no",
    "RequestTTY": "no",
    "RemoteCommand": "none",
    "SessionType": "default",
    "StdinNull": "no",
    "ForkAfterAuthentication": "no",
    "LogLevel": "INFO",  # its complaints are what we explain
}


class OpenSshTransport:
    """See `model.transport.Transport`. ssh has no terminal here. It asks for passphrases and passwords only where the
    environment names a program for that (SSH_ASKPASS, with a display or SSH_ASKPASS_REQUIRE); else BatchMode is on."""

    def __init__(
        self,
        remote: Remote,
        limits: Limits,
        *,
        name: str,
        connect_seconds: int = 10,
        environment: Mapping[str, str] | None = None,
        config_file: str | None = None,
    ) -> None:
        """`name` is what messages call the machine. `environment` is that of the person in whose name ssh runs, None: the caller's. `config_file` stands in place
        of that person's own and the system's."""
        own = os.environ if environment is None else environment
        self._connect_seconds, self._config_file = connect_seconds, config_file
        self._environment = {**own, "LC_ALL": "C"}
        self._remote, self._limits = remote, limits
        self.name = name
        self._folder = tempfile.TemporaryDirectory(prefix="reconcile-", dir=_short_folder(own))
        self._lock, self._is_closed = threading.Lock(), False

    def start(self) -> PipeExchange:
        with self._lock:
            if self._is_closed:
                raise GivenUpError(f"the connection to {self.name} was given up")
            argv = ["ssh", *self._arguments(), "--", self._remote.host, agents.COMMAND]
            pipe = _SshPipe(argv, self._environment, self.name)
        return PipeExchange(pipe, self.name, self._limits)

    def _arguments(self) -> list[str]:
        remote = self._remote
        options = {**_OPTIONS, "ControlPath": f"{self._folder.name}/s".replace("%", "%%")}
        options["ConnectTimeout"] = str(self._connect_seconds)
        options["BatchMode"] = "no" if _can_ask(self._environment) else "yes"
        arguments = ["-T", *(word for name, value in options.items() for word in ("-o", f"{name}={value}"))]
        given = {
            "-F": self._config_file,
            "-p": None if remote.port is None else str(remote.port),
            "-l": remote.user,
            "-i": remote.identity_file,
            "-J": remote.proxy_jump,  # `none` too
        }
        return [*arguments, *(word for flag, value in given.items() if value is not None for word in (flag, value))]

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            self._hang_up()
            self._folder.cleanup()

    def renew(self) -> None:
        with self._lock:
            if not self._is_closed:
                self._hang_up()

    def _hang_up(self) -> None:
        """Ends the connection that ssh keeps."""
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(
                ["ssh", *self._arguments(), "-O", "exit", "--", self._remote.host],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=_EXIT_SECONDS,
                check=False,
            )


class _SshPipe(ProcessPipe):
    """Knows when it was ssh that failed, not the command."""

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str], name: str) -> None:
        super().__init__(argv, environment, fix="install openssh-client, or leave out  client: openssh")
        self._name, self._complaints = name, b""
        self._has_spoken = False

    def read(self) -> tuple[bytes, bytes]:
        stdout, stderr = super().read()
        self._has_spoken = self._has_spoken or bool(stdout)
        self._complaints = (self._complaints + stderr)[-_MOST_WORDS:]
        if self.at_end and self.code(_EXIT_SECONDS) == _FAILED:
            raise explained(self._complaints.decode("utf-8", "replace"), self._name, has_spoken=self._has_spoken)
        return stdout, stderr


def _can_ask(environment: Mapping[str, str]) -> bool:
    """Whether ssh can put a question without a terminal. Source: OpenSSH readpass.c, `read_passphrase`."""
    if not environment.get("SSH_ASKPASS"):
        return False
    require = environment.get("SSH_ASKPASS_REQUIRE", "").lower()
    has_display = bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))
    return require == "force" or (require != "never" and has_display)


def _short_folder(environment: Mapping[str, str]) -> str | None:
    """Where nobody else looks, and the socket's name does not get too long."""
    folder = environment.get("XDG_RUNTIME_DIR")
    if folder and len(folder) + len("/reconcile-12345678/s") < _LONGEST_SOCKET and os.access(folder, os.W_OK):
        return folder
    return "/tmp" if len(tempfile.gettempdir()) + len("/reconcile-12345678/s") >= _LONGEST_SOCKET else None
