"""One run of the agent with a fault in it, what it left, and the plain run after it."""

from __future__ import annotations

import errno
import itertools
import os
import random
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from agents.apply_machine import IS_ROOT, Shell, sent_whole
from faults import tracer
from faults.apply_scenario import FILES, LISTED, WATCHED, Plan, build, planned
from faults.tracer import FailAt, Fault, KillAt, Trace
from faults.witness import Findings, Seen, State, at_rest, bytes_of, has_ledger, look, states, whole
from reconciler import agents
from reconciler.execution.apply import AGENT, Outcome, read
from reconciler.execution.parts import parts_of
from reconciler.model.outcome import Status
from reconciler.model.transport import Result

USER: Final = 1000 if IS_ROOT else os.geteuid()


def program(before: str = "") -> bytes:
    """The agent as the boot line takes it, with other shell text in front of its own."""
    text = f"{before}\n{agents.script(AGENT)}".lstrip("\n").encode("ascii")
    return f"=reconcile= {len(text)}\n".encode() + text


@dataclass(frozen=True)
class Ran:
    trace: Trace
    told: Mapping[str, Outcome]
    """By path; what was not told of before the end is unknown."""

    @property
    def done(self) -> list[str]:
        return [path for path, outcome in self.told.items() if outcome.status is Status.DONE]


@dataclass(frozen=True)
class Reference:
    """A run that nothing went wrong in."""

    calls: Sequence[tracer.Call]
    old: Mapping[str, Seen]
    new: Mapping[str, Seen]
    ledger: bool
    """Whether this agent keeps one, and before-images with it: then they are asked of it after every fault."""

    @property
    def switches(self) -> frozenset[int]:
        """The calls at the watched places themselves, and those right after."""
        hits = [number for number, call in enumerate(self.calls, 1) if any(map(_is_watched, call.paths))]
        return frozenset(itertools.chain(hits, (number + 1 for number in hits)))


def _is_watched(path: str) -> bool:
    return path.endswith(WATCHED)


@dataclass(frozen=True)
class Ground:
    """Where faults fall: with which shell the agent runs, whose the root file system is, and where it is built."""

    name: str
    shell: Shell
    owner: int
    folder: Path
    sabotage: str = ""
    """Shell text in front of the agent's: a function there stands in for the program of its name."""

    @property
    def identity(self) -> str:
        return "user" if self.owner else "root"

    @property
    def root(self) -> Path:
        return self.folder / "root"

    def fresh(self) -> Path:
        shutil.rmtree(self.root, ignore_errors=True)
        build(self.root, self.owner)
        return self.root

    def plan(self) -> Plan:
        return planned(self.root, parts=self.owner == 0)

    def run(self, fault: Fault | None = None, plan: Plan | None = None) -> Ran:
        """What the plan of this moment comes to."""
        plan = plan or self.plan()
        parts = parts_of(plan.batches)
        stdin = program(self.sabotage) + b"session own 0 nonce 0\n" + sent_whole(parts, str(self.root), plan.supplies)
        words = [*self._become(), *self.shell.argv, "-c", agents.BOOT]
        environment = {"PATH": self.shell.path, "LC_ALL": "C", "HOME": "/nowhere"}
        trace = tracer.run(words, stdin, environment, Path("/"), [self.root], fault)
        return Ran(trace, read(parts, Result(code=trace.code, stdout=trace.stdout, stderr=trace.stderr)).outcomes)

    def _become(self) -> list[str]:
        if self.owner in (0, os.geteuid()):
            return []
        return [
            shutil.which("setpriv") or "setpriv",
            f"--reuid={self.owner}",
            f"--regid={self.owner}",
            "--clear-groups",
        ]

    @cached_property
    def reference(self) -> Reference:
        old = look(self.fresh())
        ran = self.run()
        undone = {path: outcome for path, outcome in ran.told.items() if outcome.status is not Status.DONE}
        assert len(ran.told) == len(self.plan().changes) + len(ran.done) and not undone, (undone, ran.trace.stderr)
        new = look(self.root)
        for wanted in FILES:
            assert bytes_of(new[wanted.path]) == wanted.new, f"{wanted.path} is not as wanted without any fault"
            if wanted.old and wanted.new and not wanted.new_mode and not self._may_lose(wanted.path):
                kept = [(seen or ())[1:3] for seen in (old[wanted.path], new[wanted.path])]
                assert kept[0] == kept[1], f"{wanted.path} has not kept its mode, owner and attributes"
        return Reference(ran.trace.calls, old, new, has_ledger(self.root))

    def _may_lose(self, path: str) -> bool:
        """busybox has no way to copy an access list, nor to see that there is one."""
        return self.name == "busybox" and path == LISTED

    def judged(self, ran: Ran, found: Findings) -> None:
        """What a fault left: each place old or new, nothing lost, each change with a before-image, and done what was
        said to be done."""
        reference = self.reference
        whole(self.root, reference.old, reference.new, backups=reference.ledger, into=found)
        if ran.trace.hung:
            found.not_converged.append("the run with the fault did not end")
        seen = self._states()
        found.untrue += [f"{path} is told to be done and is {seen[path]}" for path in ran.done if seen[path] != "new"]

    def mended(self, found: Findings) -> None:
        """One plain run, which plans anew: all is as wanted then, and nothing is left behind."""
        again = self.run()
        found.not_converged += [
            f"the run after it says of {path}: {outcome.status} {outcome.message}"
            for path, outcome in again.told.items()
            if outcome.status is not Status.DONE
        ]
        if again.trace.hung:
            found.not_converged.append("the run after it did not end")
        elif again.trace.code != 0:
            found.not_converged.append(f"the run after it ended with {again.trace.code}: {again.trace.stderr!r}")
        at_rest(self.root, self._states(), found)

    def _states(self) -> Mapping[str, State]:
        return states(look(self.root), self.reference.old, self.reference.new)


# ---- what falls


def killed(ground: Ground, number: int) -> Findings:
    found = Findings()
    ground.fresh()
    ground.judged(ground.run(KillAt(number)), found)
    ground.mended(found)
    return found


def killed_in_recovery(ground: Ground, seed: int, deep: int = 3) -> Findings:
    """Each run plans anew and is killed in its turn. Half of the first kills fall on the switches, half of the later ones
    at the beginning, where recovery stands."""
    found, dice = Findings(), random.Random(seed)
    count, switches = len(ground.reference.calls), sorted(ground.reference.switches)
    ground.fresh()
    for nth in range(deep):
        rare = switches if nth == 0 else range(1, count // 5)
        number = dice.choice(rare if dice.random() < 0.5 else range(1, count + 1))
        ground.judged(ground.run(KillAt(number)), found)
    ground.mended(found)
    return found


def failed(ground: Ground, fault: FailAt) -> Findings:
    found = Findings()
    ground.fresh()
    ran = ground.run(fault)
    ground.judged(ran, found)
    found.untrue += _unclear(ran)
    ground.mended(found)
    return found


def _unclear(ran: Ran) -> Iterator[str]:
    """Whoever reads what went wrong needs to know where, and why. What is said of all at once is about the run."""
    told = Counter(outcome.message for outcome in ran.told.values())
    for path, outcome in ran.told.items():
        message = outcome.message
        if outcome.status is Status.UNKNOWN:
            yield f"nothing is told of {path}: {message} {ran.trace.stderr[-300:]!r}"
        elif outcome.status in (Status.FAILED, Status.REFUSED, Status.NOT_TRIED):
            if "no reason was given" in message or len(message.replace(path, "")) < 10:
                yield f"no reason is told for {path}: {message!r}"
            elif path not in message and told[message] == 1:
                yield f"{message!r} does not name {path}"


ERRORS: Final = (errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT, errno.EACCES)
