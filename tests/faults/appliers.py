"""Several who apply to one machine at once, each with contents of its own, and some killed at it."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path

from agents.apply_machine import DISTRO, Machine, Shell, change, started
from faults.slow_tools import Marks, SlowTools
from reconciler.execution.apply import Outcome
from reconciler.execution.parts import Batch
from reconciler.model.outcome import Status
from reconciler.model.plan import Change

FILES = tuple(f"/srv/f{number}" for number in range(3))
APPLIERS_AT_MOST = 4
WATCHED = '*"/srv/"*'
PATIENCE_SECONDS = 30.0


@dataclass(kw_only=True)
class Applier:
    """One run. `killed` says which signal was for it alone (`itself`) or for all its processes (`all of it`)."""

    name: str
    process: subprocess.Popen[bytes]
    read: Callable[[bytes], Mapping[str, Outcome]]
    stdout: bytes = b""
    killed: str = ""

    def end(self) -> None:
        """With all that a dead one left at work."""
        self.stdout, _ = self.process.communicate(timeout=PATIENCE_SECONDS)
        until = time.monotonic() + PATIENCE_SECONDS
        while any(group == self.process.pid for group in groups_alive()):
            assert time.monotonic() < until, f"something of {self.name} is still at work"
            time.sleep(0.01)

    @property
    def is_busy(self) -> bool:
        """It was told who is at work before it began, and nothing else."""
        words = [line.split()[1:2] for line in self.stdout.splitlines() if line]
        return [b"busy"] in words and [b"start"] not in words

    @property
    def outcomes(self) -> Mapping[str, Outcome]:
        return self.read(self.stdout)

    @property
    def statuses(self) -> set[Status]:
        return {outcome.status for outcome in self.outcomes.values()}


@dataclass(frozen=True, kw_only=True)
class Contest:
    """What a round comes to. `order` are the appliers that touched the files, each named once for every turn it had."""

    appliers: tuple[Applier, ...]
    order: tuple[str, ...]
    contents: tuple[bytes, ...]

    @property
    def losers(self) -> list[Applier]:
        return [one for one in self.appliers if one.is_busy]

    @property
    def robbed(self) -> list[Applier]:
        """Those whose input somebody cleared away who took them for dead."""
        nothing = {Status.NOT_TRIED, Status.UNKNOWN}
        return [one for one in self.appliers if not one.killed and one.statuses <= nothing]

    @property
    def misled(self) -> list[Applier]:
        """Losers who were told of nobody, or of somebody who was not among them."""
        names = [f"process {one.process.pid}," for one in self.appliers]
        return [one for one in self.losers if not any(name in one.stdout.decode() for name in names)]

    @property
    def is_interleaved(self) -> bool:
        return len(set(self.order)) < len(self.order)

    @property
    def is_mixed(self) -> bool:
        """The files are of several appliers, and that although none was killed."""
        return len({content.split()[0] for content in self.contents}) > 1 and not any(
            one.killed for one in self.appliers
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """Who is to start, and how."""

    name: str
    planned: tuple[Change, ...]
    shell: Shell
    wrap: tuple[str, ...]
    delay_seconds: float


@dataclass
class Arena:
    """A machine whose files several appliers want to be theirs. `wraps` are ways to start one, of which each draws."""

    machine: Machine
    marks: Marks
    folder: Path
    draw: random.Random
    hidden: tuple[str, ...] = ()
    wraps: tuple[tuple[str, ...], ...] = ((),)
    kills: tuple[str, ...] = ("itself", "all of it")
    shells: list[Shell] = field(default_factory=list)
    later: Shell = field(init=False)
    """Of who comes when all have ended, and has the same programs."""
    seconds: float = 0.0
    """How long one takes who is alone."""

    def prepare(self) -> None:
        for number in range(APPLIERS_AT_MOST):
            tools = SlowTools(
                folder=self.folder / f"a{number}", marks=self.marks, watched=WATCHED, who=f"a{number}", hidden=self.hidden,
                switch_seconds=0.01,
            )  # fmt: skip
            self.shells.append(Shell(self.machine.shell.argv, tools.path()))
        tools = SlowTools(
            folder=self.folder / "later", marks=self.marks, watched=WATCHED, who="later", hidden=self.hidden,
            pause_seconds=0, switch_seconds=0,
        )  # fmt: skip
        self.later = Shell(self.machine.shell.argv, tools.path())
        for path in FILES:
            self.machine.file(path, b"nobody's\n")
        began = time.monotonic()
        alone = self.start("a0", self.plan("a0", "alone"), self.shells[0])
        alone.end()
        assert alone.statuses == {Status.DONE}, alone.outcomes
        self.seconds = time.monotonic() - began

    @property
    def state_folder(self) -> Path:
        return self.machine.at("/var/lib/reconcile")

    def plan(self, name: str, what: object) -> tuple[Change, ...]:
        """All files are to be that one's, and are as they are now."""
        content = f"{name} wrote {what}\n".encode() * 100
        return tuple(change(path, self.machine.write(path, content)) for path in FILES)

    def start(self, name: str, planned: tuple[Change, ...], shell: Shell, wrap: tuple[str, ...] = ()) -> Applier:
        machine = replace(self.machine, shell=shell, wrap=wrap)
        process, read = started(machine, Batch(target=DISTRO, changes=planned))
        return Applier(name=name, process=process, read=read)

    def contest(self, what: object) -> Contest:
        """Two to four at once; most times one is killed, most often who writes right then."""
        self.marks.forget()
        count = self.draw.randint(2, APPLIERS_AT_MOST)
        wraps = [self.draw.choice(self.wraps) for _ in range(count)]
        entries = [
            Entry(f"a{n}", self.plan(f"a{n}", what), self.shells[n], wraps[n], self.draw.uniform(0, self.seconds / 3))
            for n in range(count)
        ]
        with ThreadPoolExecutor(count) as pool:
            appliers = tuple(pool.map(self._enter, entries))
            ending = [pool.submit(one.end) for one in appliers]
            if self.draw.random() < 0.75:
                time.sleep(self.draw.uniform(0, 0.8 * self.seconds))
                self._kill(appliers, [not wrap for wrap in wraps])
            for each in ending:
                each.result()
        order = tuple(who for who, _ in groupby(mark.who for mark in self.marks.all))
        return Contest(appliers=appliers, order=order, contents=self.contents())

    def _enter(self, entry: Entry) -> Applier:
        time.sleep(entry.delay_seconds)
        return self.start(entry.name, entry.planned, entry.shell, entry.wrap)

    def _kill(self, appliers: Sequence[Applier], may_die: Sequence[bool]) -> None:
        alive = [one for one, may in zip(appliers, may_die, strict=True) if may and one.process.poll() is None]
        writing = [one for one in alive if self.marks.all and self.marks.all[-1].who == one.name]
        victims = writing if writing and self.draw.random() < 0.8 else alive
        if not victims:
            return
        victim = self.draw.choice(victims)
        victim.killed = self.draw.choice(self.kills)
        if victim.killed == "itself":
            os.kill(victim.process.pid, signal.SIGKILL)
        else:
            os.killpg(victim.process.pid, signal.SIGKILL)

    def contents(self) -> tuple[bytes, ...]:
        return tuple(self.machine.at(path).read_bytes() for path in FILES)

    def converge(self, what: object) -> tuple[Applier, float]:
        """One plain run after all have ended; how many seconds the lock was still held for, if at all."""
        died = time.monotonic()
        while True:
            began = time.monotonic()
            one = self.start("later", self.plan("later", what), self.later)
            one.end()
            if not one.is_busy or began - died > 5:
                return one, began - died


def groups_alive() -> Iterator[int]:
    """The process group of everyone who is not dead."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                state, _, group = (folder / "stat").read_text().rpartition(")")[2].split()[:3]
                if state not in "ZX":
                    yield int(group)


def is_whole(content: bytes) -> bool:
    lines = content.splitlines()
    return len(lines) in (1, 100) and len(set(lines)) == 1 and content.endswith(b"\n")


def generations(ledger: Path) -> Iterator[int]:
    """Of each row, in order. One that was cut off is passed over."""
    for line in ledger.read_bytes().splitlines():
        with contextlib.suppress(ValueError):
            yield json.loads(line)["generation"]
