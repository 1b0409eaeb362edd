"""Runs a program, counts the changes that it and all its children make to files, and lets one of them go wrong.

Counted is each system call of `system_calls` on a file below given folders, in the order in which the kernel is asked,
through all processes. The fault falls where the call begins: the file system has not seen it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from faults import ptrace
from faults.apart import apart
from faults.system_calls import BY_NUMBER, touched

_PIPE_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class KillAt:
    """All processes end by SIGKILL where the call of this number, from 1, begins."""

    number: int


@dataclass(frozen=True, slots=True)
class FailAt:
    """The call of this number, from 1, fails; with `forever` all that follow as well."""

    number: int
    error: int
    forever: bool = False


@dataclass(frozen=True, slots=True)
class HoldUp:
    """Nothing goes wrong, but each call on this very path waits so long before it begins. Of the first one the descriptor
    `tell` is told, by a byte."""

    path: str
    seconds: float
    tell: int


Fault = KillAt | FailAt | HoldUp


@dataclass(frozen=True, slots=True)
class Call:
    name: str
    paths: tuple[str, ...]


@dataclass(slots=True)
class Trace:
    """`code` is that of the first process, negative for a signal. The last of `calls` that a killed run has was not made."""

    calls: list[Call] = field(default_factory=list)
    code: int = 0
    stdout: bytes = b""
    stderr: bytes = b""
    hung: bool = False
    """It did not end in time, and was killed then."""

    @property
    def count(self) -> int:
        return len(self.calls)


def run(
    argv: Sequence[str],
    stdin: bytes,
    env: Mapping[str, str],
    cwd: Path,
    prefixes: Sequence[Path],
    fault: Fault | None = None,
    *,
    seconds: float = 60,
) -> Trace:
    """Input and output are pipes that hold a megabyte. AssertionError: it could not be traced."""
    # It waits for any child, so it must have no others; and ptrace wants always the same thread.
    return apart(partial(_Tracing(prefixes, fault).run, argv, stdin, env, cwd, seconds))


class _Tracing:
    def __init__(self, prefixes: Sequence[Path], fault: Fault | None) -> None:
        self._prefixes = tuple(f"{prefix}/" for prefix in prefixes)
        self._fault = fault
        self._alive: set[int] = set()
        self._killed = False
        self._is_told = False
        self._trace = Trace()

    def run(self, argv: Sequence[str], stdin: bytes, env: Mapping[str, str], cwd: Path, seconds: float) -> Trace:
        ptrace.bury_orphans()
        (read, tell), (hear, out), (listen, error) = (_pipe() for _ in range(3))
        assert len(stdin) <= _PIPE_BYTES, "the input does not fit into a pipe"
        os.write(tell, stdin)
        os.close(tell)
        first = subprocess.Popen(
            argv, stdin=read, stdout=out, stderr=error, env=env, cwd=cwd, start_new_session=True,
            preexec_fn=ptrace.become_traced,
        )  # fmt: skip
        for descriptor in (read, out, error):
            os.close(descriptor)
        os.waitpid(first.pid, 0)
        ptrace.follow(first.pid)
        self._alive = {first.pid}
        signal.signal(signal.SIGALRM, self._too_late)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        self._hear(first.pid)
        first.returncode = self._trace.code  # it was waited for here
        self._trace.stdout, self._trace.stderr = (os.fdopen(pipe, "rb").read() for pipe in (hear, listen))
        return self._trace

    def _hear(self, first: int) -> None:
        """Until all have ended."""
        while True:
            try:
                process, status = os.waitpid(-1, ptrace.ANY_CHILD)
            except ChildProcessError:
                return
            if os.WIFSTOPPED(status):
                with contextlib.suppress(ProcessLookupError):  # killed meanwhile by another
                    self._stopped(process, os.WSTOPSIG(status), status >> 16)
            else:
                self._alive.discard(process)
                if process == first:
                    self._trace.code = os.waitstatus_to_exitcode(status)

    def _stopped(self, process: int, number: int, event: int) -> None:
        is_born = process not in self._alive  # and stopped for the tracer's sake
        self._alive.add(process)
        if event == ptrace.EVENT_SECCOMP and not self._killed:
            self._asked(process)
        if self._killed:
            os.kill(process, signal.SIGKILL)
        else:
            ptrace.go_on(process, 0 if event or is_born else number)

    def _asked(self, process: int) -> None:
        number, arguments = ptrace.system_call(process)
        call = BY_NUMBER[number]
        paths = tuple(touched(call, process, arguments))
        if call.places and not any(f"{path}/".startswith(self._prefixes) for path in paths):
            return
        self._trace.calls.append(Call(call.name, paths))
        match self._fault:
            case KillAt(number=at) if at == self._trace.count:
                self._kill()
            case FailAt(number=at, forever=forever) if at == self._trace.count or (forever and at < self._trace.count):
                ptrace.fail(process, self._fault.error)
            case HoldUp(path=path, seconds=seconds, tell=tell) if path in paths:
                if not self._is_told:
                    os.write(tell, b".")
                self._is_told = True
                time.sleep(seconds)

    def _too_late(self, *_: object) -> None:
        self._trace.hung = True
        self._kill()

    def _kill(self) -> None:
        self._killed = True
        for process in self._alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)


def _pipe() -> tuple[int, int]:
    ends = os.pipe()
    fcntl.fcntl(ends[1], fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return ends
