"""The programs that the apply script uses, slowed down and watched, so that whoever races it hits every gap between two.

Each stands in front of the real one in PATH. One that is given the watched name as a path's end says so when it begins and
ends, and waits for long before it acts: the moments between the last look and the switch are most of the time then.
"""

from __future__ import annotations

import math
import os
import shutil
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from agents.apply_machine import Shell
from reconciler import agents

SLOWED = ("cp", "exch", "ln", "mv", "perl", "rm", "sha256sum", "stat", "sync")
SWITCHES = ("exch", "ln", "mv", "perl")
"""Those that may put something in the place of a file."""
EXCHANGES = ("exch", "perl")
"""What can exchange two names; mv can from coreutils 9.5 on."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A program that was given the watched path: `begin` or `end`."""

    when: float
    what: str
    program: str


class SlowTools:
    """A folder for PATH, and the marks of what ran out of it."""

    def __init__(
        self,
        folder: Path,
        watched: str,
        *,
        pause_seconds: float = 0.002,
        switch_seconds: float = 0.025,
        can_exchange: bool = True,
        hidden: Sequence[str] = (),
    ) -> None:
        """`watched` is the name of a file. Programs that are `hidden` cannot be found, nor, if so wished, any that
        exchanges two names."""
        if not can_exchange:
            hidden = (*hidden, *EXCHANGES)
        self.folder, self.pause_seconds, self.switch_seconds = folder, pause_seconds, switch_seconds
        folder.mkdir()
        folder.chmod(0o755)
        self.marks: list[Mark] = []
        self._marked = threading.Condition()
        self._pipe = folder / "marks"
        os.mkfifo(self._pipe)
        self._pipe.chmod(0o666)
        self._reading = os.open(self._pipe, os.O_RDWR)  # also for writing: no writer waits, and there is no end
        for tool in SLOWED:
            real = shutil.which(tool, path=agents.PATH)
            if real and tool not in hidden:
                self._slow(tool, real, watched, can_exchange=can_exchange)
        self.path = f"{folder}:{_without(folder / 'others', hidden) if hidden else agents.PATH}"
        threading.Thread(target=self._listen, daemon=True).start()

    def _slow(self, tool: str, real: str, watched: str, *, can_exchange: bool) -> None:
        refuse = ""
        if tool == "mv" and not can_exchange:
            refuse = 'case " $* " in *" --exchange "* | *" --help "*) echo "mv: no such option" >&2; exit 1 ;; esac\n'
        wait = self.switch_seconds if tool in SWITCHES else self.pause_seconds
        script = (
            f'#!/bin/sh\n{refuse}case "$* " in *"/"{quote(watched)}" "*) ;; *)\n'
            f'  /bin/sleep {self.pause_seconds}; exec {real} "$@" ;;\nesac\n'
            f"echo begin {tool} >{quote(str(self._pipe))}\n/bin/sleep {wait}\n"
            f'{real} "$@"\ncode=$?\necho end {tool} >{quote(str(self._pipe))}\nexit $code\n'
        )
        (self.folder / tool).write_text(script)
        (self.folder / tool).chmod(0o755)

    def _listen(self) -> None:
        pending = b""
        while data := os.read(self._reading, 65536):
            now = time.monotonic()
            *lines, pending = (pending + data).split(b"\n")
            with self._marked:
                self.marks += [Mark(now, *line.decode().split()) for line in lines]
                self._marked.notify_all()

    def forget(self) -> None:
        """What was marked in runs before."""
        with self._marked:
            self.marks.clear()

    def shell(self, shell: Shell) -> Shell:
        return Shell(shell.argv, self.path)

    @property
    def switches(self) -> list[tuple[float, float]]:
        """When a program that may put something in the file's place began and ended, in order; without an end: for ever."""
        spans: list[tuple[float, float]] = []
        for mark in self.marks:
            if mark.program not in SWITCHES:
                continue
            if mark.what == "begin":
                spans.append((mark.when, math.inf))
            elif spans:
                spans[-1] = (spans[-1][0], mark.when)
        return spans

    def wait_for_switch(self, nth: int, seconds: float) -> None:
        """Until the nth such program of this run has begun, 0 being the first; not longer than that."""
        with self._marked:
            self._marked.wait_for(lambda: len(self.switches) > nth, seconds)


def _without(folder: Path, hidden: Sequence[str]) -> Path:
    """All programs there are but some, by links. Earlier folders win, as in PATH."""
    folder.mkdir()
    folder.chmod(0o755)
    for each in agents.PATH.split(":"):
        for program in Path(each).iterdir() if Path(each).is_dir() else ():
            if program.name not in hidden and not (folder / program.name).exists():
                (folder / program.name).symlink_to(program)
    return folder


def is_exchange_here() -> bool:
    """Whether something that can exchange two names is installed."""
    return any(shutil.which(tool, path=agents.PATH) for tool in EXCHANGES)
