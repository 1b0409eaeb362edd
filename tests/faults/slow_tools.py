"""The programs that the apply script uses, slowed down and watched, so that whoever races it hits every gap between two.

Each stands in front of the real one in PATH. One with a watched path among its words says so when it begins and when it
ends. One that may put something in the place of a file waits for long before it does: most of the time is spent there.
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
from typing import Self

from reconciler import agents

SLOWED = ("cp", "exch", "ln", "mv", "perl", "rm", "sha256sum", "stat", "sync")
SWITCHES = ("exch", "ln", "mv", "perl")
"""Those that may put something in the place of a file."""
EXCHANGES = ("exch", "perl")
"""What can exchange two names; mv can from coreutils 9.5 on."""
OVER = b"over"


@dataclass(frozen=True, slots=True)
class Mark:
    """A program of somebody that was given a watched path: `begin` or `end`."""

    when: float
    who: str
    what: str
    program: str


class Marks:
    """All marks in order, while it is open. `pipe` is where the programs make them."""

    def __init__(self, pipe: Path) -> None:
        self.pipe = pipe
        self.all: list[Mark] = []
        os.mkfifo(pipe)
        pipe.chmod(0o666)
        self._file = os.open(pipe, os.O_RDWR)  # also for writing: no writer waits, and there is no end
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._listen)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        os.write(self._file, OVER + b"\n")
        self._thread.join()
        os.close(self._file)

    def _listen(self) -> None:
        pending = b""
        while True:
            *lines, pending = (pending + os.read(self._file, 65536)).split(b"\n")
            now = time.monotonic()
            with self._changed:
                self.all += [Mark(now, *line.decode().split()) for line in lines if line != OVER]
                self._changed.notify_all()
            if OVER in lines:
                return

    def forget(self) -> None:
        """What was marked in runs before."""
        with self._changed:
            self.all.clear()

    @property
    def switches(self) -> list[tuple[float, float]]:
        """When a program that may put something in a watched place began and ended; without an end: for ever."""
        spans: list[tuple[float, float]] = []
        for mark in self.all:
            if mark.program not in SWITCHES:
                continue
            if mark.what == "begin":
                spans.append((mark.when, math.inf))
            elif spans:
                spans[-1] = (spans[-1][0], mark.when)
        return spans

    def wait_for_switch(self, nth: int, seconds: float) -> bool:
        """Until the nth such program has begun, 0 being the first; not longer than that. Whether it has."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self.switches) > nth, seconds)


@dataclass(frozen=True, kw_only=True)
class SlowTools:
    """`watched` is a shell's pattern for a program's words, with a blank behind them; `who` marks. Nothing switches while
    there is a `gate`. Programs that are `hidden` cannot be found, nor, if so wished, any that exchanges two names.
    """

    folder: Path
    marks: Marks
    watched: str
    who: str = "apply"
    pause_seconds: float = 0.002
    switch_seconds: float = 0.025
    gate: Path | None = None
    can_exchange: bool = True
    hidden: tuple[str, ...] = ()

    def path(self) -> str:
        """Makes them; what goes into PATH."""
        hidden = self.hidden if self.can_exchange else (*self.hidden, *EXCHANGES)
        self.folder.mkdir(parents=True)
        self.folder.chmod(0o755)
        for tool in SLOWED:
            real = shutil.which(tool, path=agents.PATH)
            if real and tool not in hidden:
                (self.folder / tool).write_text(self._script(tool, real))
                (self.folder / tool).chmod(0o755)
        return f"{self.folder}:{_without(self.folder / 'others', hidden) if hidden else agents.PATH}"

    def _script(self, tool: str, real: str) -> str:
        pipe = quote(str(self.marks.pipe))
        wait = f"/bin/sleep {self.switch_seconds if tool in SWITCHES else self.pause_seconds}"
        if self.gate and tool in SWITCHES:
            wait = f"while [ -e {quote(str(self.gate))} ]; do /bin/sleep 0.01; done"
        refuse = ""
        if tool == "mv" and not self.can_exchange:
            refuse = 'case " $* " in *" --exchange "* | *" --help "*) echo "mv: no such option" >&2; exit 1 ;; esac\n'
        return (
            f"#!/bin/sh\n{refuse}"
            f'case "$* " in {self.watched}) ;; *) /bin/sleep {self.pause_seconds}; exec {real} "$@" ;; esac\n'
            f"echo {self.who} begin {tool} >{pipe}\n"
            f'{wait}; {real} "$@"; code=$?\n'
            f"echo {self.who} end {tool} >{pipe}\n"
            "exit $code\n"
        )


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
