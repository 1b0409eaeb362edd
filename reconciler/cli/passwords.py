"""Where passwords come from: a file, machine.yaml's secrets, or the person at the terminal, each asked once in a run."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import click

from reconciler.documents import machine_file
from reconciler.documents.machine_file import MachineFile
from reconciler.documents.reader import Caller
from reconciler.execution.session import Password
from reconciler.model.address import Target
from reconciler.model.errors import DocumentError, UsageError
from reconciler.rendering.visible import visible

SUDO_SECRET = "sudo_password"
SSH_SECRET = "ssh_password"
_LOOK_SECONDS: Final = 0.2
_LONGEST_BYTES: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class SudoPasswords:
    """`known` looks up one that needs nobody; `may_ask`: a person is there to be asked, as `plan` never does."""

    known: Callable[[], str | None]
    may_ask: bool

    def password(self, machines: Mapping[Target, str], *, again: bool) -> Password | None:
        given = None if again else self.known()
        if given is not None:
            return Password(text=given)
        if not self.may_ask:
            return None
        if again:
            click.echo("That is not the password.", err=True)
        typed = ask(f"sudo password on {', '.join(machines.values())} (nothing: go on without root)")
        return Password(text=typed) if typed else None


@dataclass(frozen=True, slots=True)
class Asked:
    """Questions of connections, from several threads: one at a time, each once."""

    answers: dict[str, str | None] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    given_up: threading.Event = field(default_factory=threading.Event)

    def __call__(self, question: str) -> str | None:
        """None: nobody can be asked, or the run has ended meanwhile."""
        if not is_terminal():
            return None
        with self.lock:
            if question not in self.answers:
                self.answers[question] = None if self.given_up.is_set() else ask(question, self.given_up)
            return self.answers[question]

    def give_up(self) -> None:
        """Whoever waits for an answer stops waiting: Ctrl-C reaches the main thread alone."""
        self.given_up.set()


class OnceKnown:
    """What is looked up when it is first wanted, by several threads, and never again."""

    def __init__(self, look_up: Callable[[], str | None]) -> None:
        self._look_up, self._lock = look_up, threading.Lock()
        self._found: list[str | None] = []

    def __call__(self) -> str | None:
        with self._lock:
            if not self._found:
                self._found.append(self._look_up())
            return self._found[0]


def is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask(question: str, given_up: threading.Event | None = None) -> str | None:
    """What is typed is not shown, and the question is not part of the output. None: it was given up."""
    import select
    import termios

    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    silent = [*before[:3], before[3] & ~termios.ECHO, *before[4:]]
    termios.tcsetattr(terminal, termios.TCSAFLUSH, silent)
    try:
        click.echo(visible(question).rstrip(": ") + ": ", nl=False, err=True)
        while not select.select([terminal], [], [], _LOOK_SECONDS)[0]:
            if given_up is not None and given_up.is_set():
                return None
        typed = os.read(terminal, _LONGEST_BYTES)
    finally:
        termios.tcsetattr(terminal, termios.TCSAFLUSH, before)
        click.echo(err=True)
    if not typed:
        raise KeyboardInterrupt  # the end of the terminal's input
    return typed.decode("utf-8", "surrogateescape").removesuffix("\n")


def secret_password(machine: MachineFile, name: str, caller: Caller) -> str | None:
    """A password among machine.yaml's secrets. DocumentError: its source failed, or it is more or less than a line."""
    found = machine_file.secret(machine, name, caller, os.environ)
    if found is not None and not _is_line(found):
        raise DocumentError(f"the secret {name} is not one line of text", fix="see what its source gives")
    return found


def _is_line(text: str) -> bool:
    return bool(text) and "\n" not in text and "\0" not in text


def read_password_file(path: Path) -> str:
    """Its first line. UsageError: it cannot be read, or others can read it."""
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    if mode & 0o077 and path.is_file():
        raise UsageError(f"{path} can be read by others", fix=f"chmod 600 {path}")
    password = text.partition("\n")[0].removesuffix("\r")
    if not _is_line(password):
        raise UsageError(f"{path} holds no password", fix="write it in the first line")
    return password
