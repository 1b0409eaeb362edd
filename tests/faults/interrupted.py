"""A machine that real commands reach over SSH and are interrupted at, and what has to hold there afterwards."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from faults.slow_tools import SWITCHES
from lab.machines import Machine
from lab.office import PATIENCE_SECONDS, Office, Ran
from lab.trouble import Way, assert_is_plain, declare, scripts_on, wait_until, way

FILES = 4
SLOWED = ("cp", "exch", "ln", "mv", "perl")
"""Not what the questions before a plan are answered with, nor what tests hold."""
SLOW = "/run/slow"
MOUNT = {"x86_64": 165, "aarch64": 40}
"""The number of the system call."""
FLAGS = {"bind": 4096, "read-only": 32 | 4096 | 1, "writable": 32 | 4096}


def body(more: str = "") -> str:
    files = "".join(f"    ~/f{number}: {{source: f{number}}}\n" for number in range(FILES))
    return f"user:\n  files:\n{files}{more}"


@dataclass
class Desk:
    """One machine, on which root and a plain user want the same new files in their homes: two runs, two state folders."""

    one: Machine
    office: Office
    homes: tuple[str, ...] = ("/root", "/home/dev")
    lines: int = 60
    old: str = "old"

    @property
    def count(self) -> int:
        return FILES * len(self.homes)

    def content(self, kind: str, number: int) -> str:
        return f"{kind} content of file {number}\n" * self.lines

    def declare(self, more: str = "", ways: dict[str, Way] | None = None) -> None:
        for number in range(FILES):
            (self.office.repo / f"f{number}").write_text(self.content("new", number))
        declare(self.office, ways or {"root": way(self.one), "dev": way(self.one, "dev")}, body(more))

    def put_slow_tools(self, seconds: float) -> None:
        """So long before each step that writes, while it is slow; longer before a file takes another's place."""
        for tool in SLOWED:
            found = self.one.run(["/bin/sh", "-c", f"command -v {tool}"]).stdout.decode().strip()
            if found:
                wait = 3 * seconds if tool in SWITCHES else seconds
                script = f'#!/bin/sh\n[ ! -e {SLOW} ] || sleep {wait}\nexec {found} "$@"\n'
                self.one.write(f"/usr/local/sbin/{tool}", script, mode=0o755)

    def is_slow(self, *, wanted: bool) -> None:
        self.one.commander.succeed(["touch", SLOW] if wanted else ["rm", "-f", SLOW])

    def make_old(self, round_number: int) -> None:
        """Contents that no other round had."""
        self.old = f"old {round_number}"
        script = f"set -eu; n=0; while [ $n -lt {FILES} ]; do i=0; "
        script += (
            f'while [ $i -lt {self.lines} ]; do echo "{self.old} content of file $n"; i=$((i + 1)); done >/root/f$n; '
        )
        script += "n=$((n + 1)); done"
        for home in self.homes[1:]:
            owner = home.rpartition("/")[2]
            script += f"; cp /root/f? {home}; chown {owner}:{owner} {home}/f?"
        self.one.commander.succeed(["/bin/sh", "-c", script])

    def mount(self, path: str, how: str) -> None:
        """As a mount point of its own (`bind`), which is then `read-only` or `writable`."""
        mount = f"my ($path, $kind) = @ARGV; syscall({MOUNT[os.uname().machine]}, $path, $path, $kind, {FLAGS[how]}, 0) == 0 or die $!"
        self.one.commander.succeed(["perl", "-e", mount, path, "none"])

    def is_at_work(self) -> bool:
        """Whether a script has begun to write there and has not ended."""
        return (
            self.one.run(
                ["/bin/sh", "-c", "ls -d /var/lib/reconcile/stage.* /home/dev/.local/state/reconcile/stage.*"]
            ).stdout
            != b""
        )

    def await_end(self) -> None:
        assert wait_until(lambda: not scripts_on(self.one), PATIENCE_SECONDS), scripts_on(self.one)

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        return self.office.start(*(words or ("apply", "--all", "--yes")))

    # ---- what holds

    def check_whole(self) -> list[str]:
        """Each file is as it was or as it is to be; those that are new."""
        new = []
        paths = [f"{home}/f{number}" for home in self.homes for number in range(FILES)]
        for path, found in zip(paths, self.read(paths), strict=True):
            wanted = self.content("new", int(path[-1]))
            assert found in (self.content(self.old, int(path[-1])), wanted), f"{path} is torn: {found!r}"
            if found == wanted:
                new.append(path)
        return new

    def read(self, paths: Sequence[str]) -> list[str]:
        between = "=====next=====\n"
        show = f"for file; do cat \"$file\"; printf '{between[:-1]}\\n'; done"
        return self.one.commander.succeed(["/bin/sh", "-ec", show, "sh", *paths]).decode().split(between)[:-1]

    def state_folder(self, home: str) -> str:
        return "/var/lib/reconcile" if home == "/root" else f"{home}/.local/state/reconcile"

    def unkept(self, changed: Sequence[str]) -> list[str]:
        """Of the changed files, those whose old bytes are in no copy."""
        missing = []
        for home in self.homes:
            find = 'cat "$1"/before/*/* 2>/dev/null || :'
            kept = self.one.commander.succeed(["/bin/sh", "-c", find, "sh", self.state_folder(home)]).decode()
            for number in range(FILES):
                if f"{home}/f{number}" in changed and self.content(self.old, number) not in kept:
                    missing.append(f"{home}/f{number}")
        return missing

    def leftovers(self) -> str:
        look = "find /root /home /etc /opt /var/lib -name '.reconcile.*' -o -name 'stage.*' 2>/dev/null || :"
        return self.one.commander.succeed(["/bin/sh", "-c", look]).decode()

    def check_converges(self) -> None:
        """One run, and no step by hand."""
        ran = self.office.run("apply", "--all", "--yes")
        assert ran.code == 0, ran.words[-1500:]
        assert_is_plain(ran)
        new, left = self.check_whole(), self.leftovers()
        assert len(new) == self.count, f"only {new} are as declared"
        assert not left, f"left beside the files: {left}"


def ended(process: subprocess.Popen[bytes]) -> Ran:
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    return Ran(process.returncode, out.decode(), err.decode())


def until(holds: Callable[[], bool], process: subprocess.Popen[bytes]) -> bool:
    """Waits for it, at most until the command has ended; whether it came."""
    while process.poll() is None:
        if holds():
            return True
        time.sleep(0.01)
    return False
