"""The controller's side of lab tests: a person's home with keys and known hosts, a repo, and the real command."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copyfile

from lab.keys import KeyPair
from lab.machines import Machine

PROGRAM = (sys.executable, "-c", "from reconciler.cli.main import main; main()")
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Ran:
    """What a run printed; on a terminal all of it is in `out`."""

    code: int
    out: str
    err: str = ""

    @property
    def words(self) -> str:
        """Everything, with all blanks run together, so that wrapping makes no difference."""
        return re.sub(r"\s+", " ", self.out + self.err)


@dataclass
class Office:
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for folder in (self.ssh, self.repo, self.config):
            folder.mkdir(parents=True, mode=0o700)
        self.environment = {
            "HOME": str(self.folder / "home"),
            "PATH": os.environ["PATH"],
            "COLUMNS": "100",
            "NO_COLOR": "1",
            "LC_ALL": "C.UTF-8",
            **self.environment,
        }

    @property
    def ssh(self) -> Path:
        return self.folder / "home/.ssh"

    @property
    def config(self) -> Path:
        return self.folder / "home/.config/reconcile"

    @property
    def repo(self) -> Path:
        return self.folder / "repo"

    def has_key(self, key: KeyPair) -> None:
        """As the key that ssh takes by itself."""
        for suffix in ("", ".pub"):
            copyfile(f"{key.path}{suffix}", self.ssh / f"id_ed25519{suffix}")
        (self.ssh / "id_ed25519").chmod(0o600)

    def knows(self, *machines: Machine) -> None:
        with (self.ssh / "known_hosts").open("a") as file:
            file.writelines(machine.known_hosts_line() for machine in machines)

    def declares(self, machines: Mapping[str, tuple[Machine, str]], body: str, *, more: str = "") -> None:
        """A document: workstations by name, each with the user to log in as, and what is desired."""
        lines = ["version: 1", "workstations:"]
        for name, (machine, user) in machines.items():
            lines.append(f"  {name}:\n    ssh: {{host: {machine.host}, port: {machine.port}, user: {user}}}{more}")
        (self.repo / "reconcile.yaml").write_text("\n".join([*lines, body]), encoding="utf-8")

    def start(self, *words: str, wrap: Sequence[str] = ()) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*wrap, *PROGRAM, words[0], "-C", str(self.repo), *words[1:]],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, *words: str, wrap: Sequence[str] = ()) -> Ran:
        process = self.start(*words, wrap=wrap)
        try:
            out, err = process.communicate(timeout=PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        return Ran(process.returncode, out.decode(), err.decode())

    def converse(self, *words: str, answers: Sequence[tuple[str, str]], wrap: Sequence[str] = ()) -> Ran:
        """On a terminal: each answer is typed when what it answers has appeared."""
        process, terminal = pty.fork()
        if process == 0:
            os.execvpe(
                (*wrap, *PROGRAM)[0], [*wrap, *PROGRAM, words[0], "-C", str(self.repo), *words[1:]], self.environment
            )
        said, searched, left = b"", 0, list(answers)
        end = time.monotonic() + PATIENCE_SECONDS
        with contextlib.suppress(OSError):  # the terminal is gone when the command is
            while time.monotonic() < end:
                if left and left[0][0].encode() in said[searched:]:
                    searched = len(said)
                    os.write(terminal, left.pop(0)[1].encode() + b"\n")
                if select.select([terminal], [], [], 0.1)[0]:
                    chunk = os.read(terminal, 65536)
                    if not chunk:
                        break
                    said += chunk
        if time.monotonic() >= end:
            os.kill(process, 9)
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        os.close(terminal)
        text = said.decode().replace("\r\n", "\n")
        assert not left, f"never asked: {left}\n{text}"
        return Ran(code, text)
