"""A machine with a user who attacks his own home while root applies and looks there, and all that must not change."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from agents.apply_machine import ALICE, DISTRO, MISSING, Machine, change, started
from faults.hostile_user import FOLDER, STATE, besiege
from reconciler.execution.apply import Outcome
from reconciler.execution.gather import Caller, gather
from reconciler.execution.parts import Batch
from reconciler.model.address import Target
from reconciler.model.errors import UnreachableError
from reconciler.model.facts import FileDigest, FileText, Listing
from reconciler.model.outcome import Status
from reconciler.model.tasks import MakeDirectory, Remove, WriteFile
from reconciler.transports.exchange import Limits
from reconciler.transports.local import LocalTransport

HOME = "/home/alice"
USER = Target("lt", "main", "alice")
KEPT_OUT_OF = {"pub", "drop"}
"""The changes of root's below what the user can write."""
READ_BY_ALL = 0o004


@dataclass
class Siege:
    """One attack at work."""

    home: Path
    process: int
    told: int
    turns: int = 0

    def lift(self) -> None:
        os.kill(self.process, signal.SIGTERM)
        with os.fdopen(self.told) as told:
            said = told.read()
        os.waitpid(self.process, 0)
        assert said.isdecimal(), f"the attack ended with {said}"
        self.turns = int(said)

    def unblock(self) -> None:
        """Whoever has opened one of its pipes gets on."""
        for _ in range(20):
            for folder, _, names in os.walk(self.home):  # whatever goes meanwhile
                for place in (Path(folder) / name for name in names):
                    with contextlib.suppress(OSError):
                        if stat.S_ISFIFO(place.lstat().st_mode):
                            os.close(os.open(place, os.O_RDWR | os.O_NONBLOCK))
            time.sleep(0.01)


@dataclass(frozen=True, kw_only=True)
class Came:
    """What came of applying, and what root was told of the home."""

    outcomes: Mapping[str, Outcome]
    said: bytes
    facts: str
    apply_hung: bool
    look_hung: bool

    @property
    def was_held_up(self) -> bool:
        """Until the time of the user's part was over."""
        return any("did not end within" in outcome.message for outcome in self.outcomes.values())

    @property
    def is_disturbed(self) -> bool:
        return any(
            outcome.status is not Status.DONE for name, outcome in self.outcomes.items() if name not in KEPT_OUT_OF
        )


@dataclass
class Besieged:
    """Longer than `patience_seconds` is a hang."""

    machine: Machine
    patience_seconds: float = 120.0
    canary: str = field(default_factory=lambda: secrets.token_hex(16))

    def __post_init__(self) -> None:
        for name in ("private", "settings", "tool/settings"):
            self.machine.file(f"/srv/victim/{name}", self.secret, 0o600)
        self.machine.file("/srv/victim/readable", b"everybody may read this\n")
        self.machine.at("/srv/drop").mkdir()
        self.machine.at("/srv/drop").chmod(0o1777)
        self.machine.file("/srv/drop/settings", b"old\n", owner=ALICE)
        self.machine.file("/etc/managed", b"old\n")

    @property
    def secret(self) -> bytes:
        return f"canary {self.canary}\n".encode()

    @property
    def home(self) -> Path:
        return self.machine.at(HOME)

    def rebuild(self) -> None:
        """The home as it was before anybody did anything."""
        shutil.rmtree(self.home, ignore_errors=True)
        for name in (f"{FOLDER}/settings", "pub/settings", "old", ".profile"):
            self.machine.file(f"{HOME}/{name}", b"old\n")
        for name in (STATE, "loot"):
            (self.home / name).mkdir(parents=True)
        for place in (self.home, *self.home.rglob("*")):
            os.chown(place, ALICE, ALICE, follow_symlinks=False)
            place.chmod(0o755 if place.is_dir() else 0o644)

    def batches(self, number: int) -> tuple[Batch, ...]:
        """Root's own file, two that root must keep out of, and what the user wants in the home."""
        new, write = f"new {number}\n".encode(), self.machine.write
        base = self.machine.base(f"{HOME}/old")
        own = (
            change("managed", write("/etc/managed", new)),
            change("pub", write(f"{HOME}/pub/settings", new)),
            change("drop", write("/srv/drop/settings", new)),
        )
        mine = (
            change("settings", write(f"{HOME}/{FOLDER}/settings", new)),
            change("new", write(f"{HOME}/{FOLDER}/new", new)),
            change("made", MakeDirectory(path=f"{HOME}/.config/made")),
            change("in made", WriteFile(path=f"{HOME}/.config/made/x", content=new, base=MISSING), needs=("made",)),
            change("old", Remove(path=f"{HOME}/old", base=base)),
        )
        return Batch(target=DISTRO, changes=own), Batch(target=USER, user="alice", changes=mine)

    def attack(self, name: str, seed: int) -> Siege:
        told, tell = os.pipe()
        process = besiege(self.home, ALICE, name, seed, tell)
        os.close(tell)
        assert os.read(told, 1) == b"\n"
        return Siege(self.home, process, told)

    def work(self, batches: tuple[Batch, ...], siege: Siege) -> Came:
        """Applies, then looks as before a plan."""
        process, read = started(self.machine, *batches)
        apply_hung = look_hung = False
        try:
            said, _ = process.communicate(timeout=self.patience_seconds)
        except subprocess.TimeoutExpired:
            apply_hung = True
            siege.unblock()
            said, _ = process.communicate(timeout=30)
        facts = ""
        try:
            facts = self.look()
        except UnreachableError:
            look_hung = True
            siege.unblock()
        return Came(outcomes=read(said), said=said, facts=facts, apply_hung=apply_hung, look_hung=look_hung)

    def look(self) -> str:
        """All that root's own section and the user's say of the home, and all that came over the line for it."""
        limits = Limits(deadline_seconds=self.patience_seconds)
        shell, line = self.machine.shell, self.machine.root.parent / "line"
        overheard = ("/bin/sh", "-c", 'line=$1; shift; "$@" | tee "$line"', "sh", str(line), *shell.argv)
        door = LocalTransport(overheard, {"PATH": shell.path, "HOME": "/root"}, limits=limits)
        paths = (f"{HOME}/{FOLDER}/settings", f"{HOME}/pub/settings", f"{HOME}/{STATE}/ledger")
        facts = frozenset(fact for path in paths for fact in (FileText(path), FileDigest(path), Listing(path)))
        told = gather(
            door,
            {DISTRO: facts, USER: facts},
            caller=Caller(user="root", uid=0, home="/root"),
            root=str(self.machine.root),
        )
        assert DISTRO in told.sheets and {*told.sheets, *told.reasons} == {DISTRO, USER}, told.reasons
        return repr(told) + line.read_bytes().decode(errors="replace")

    # ---- what must not happen

    def census(self) -> dict[str, object]:
        """All that is not the user's nor to be written: inode, type, mode, owner, content."""
        seen: dict[str, object] = {}
        for place in self._outside():
            found = place.lstat()
            content = hashlib.sha256(place.read_bytes()).hexdigest() if stat.S_ISREG(found.st_mode) else None
            name = str(place.relative_to(self.machine.root))
            seen[name] = (found.st_ino, found.st_mode, found.st_uid, found.st_gid, content)
        return seen

    def _outside(self) -> Iterator[Path]:
        left_out = (self.home, self.machine.at("/var/lib/reconcile"), self.machine.at("/etc/managed"))
        for place in self.machine.root.rglob("*"):
            if not any(place == each or each in place.parents for each in left_out):
                yield place

    def disclosed(self) -> list[Path]:
        """What the user can read, or made somebody write, with the canary in it."""
        digest = hashlib.sha256(self.secret).hexdigest().encode()
        found = []
        for place in self.machine.root.rglob("*"):
            mode = place.lstat().st_mode
            if stat.S_ISREG(mode) and (self.home in place.parents or mode & READ_BY_ALL):
                content = place.read_bytes()
                if self.canary.encode() in content or digest in content:
                    found.append(place)
        return found

    def is_told(self, text: str) -> bool:
        return self.canary in text or hashlib.sha256(self.secret).hexdigest() in text
