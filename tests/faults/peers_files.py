"""The four files that other tools were measured on, declared as a user of ours would, and applied by the real command.

A tool is one with its controller here, as the others were: all processes are traced from `reconcile apply` on, and every
call counts that changes something below the root file system, the controller's home or its folder for temporary files.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

from faults import tracer
from faults.power_loss import UNAIDED, Disks
from faults.sweep import USER
from faults.tracer import Fault, HoldUp, Trace
from faults.witness import Seen, State, bytes_of, leftovers, see, states

HOME: Final = "/home/dev"
WSL_CONF: Final = "/etc/wsl.conf"
RESOLV_CONF: Final = "/etc/resolv.conf"
GO_ENV: Final = f"{HOME}/.config/go/env"
SETTINGS: Final = f"{HOME}/.vscode-server/data/Machine/settings.json"
DOCUMENT: Final = """\
version: 1
workstations: {lt: {match: {hostname: "*"}}}
distro:
  wsl_conf: {boot: {systemd: true}, network: {generateResolvConf: false}}
  resolv_conf: {nameservers: [192.0.2.53, 192.0.2.54], search: [corp.example], options: ["ndots:2"]}
user:
  go_env: {GOPROXY: "https://goproxy.example,direct", GOTOOLCHAIN: local, GOPRIVATE: git.example}
  vscode_settings:
    machine: {editor.tabSize: 4, go.useLanguageServer: true, files.autoSave: afterDelay}
"""
CALLER: Final = Path(__file__).resolve().parents[2]
_RUN: Final = re.compile(r"\d{8}-\d{6}-\w+")
_IMAGE: Final = re.compile(r"(?<=/before/)\d+(/\d+)?$")


def _wsl_conf(systemd: str, generate: str) -> str:
    """With 45 comments that are nobody's business, between what is."""
    notes = [f"# note {number}: kept by hand, see the page on this machine" for number in range(45)]
    settings = (
        f"[boot]\nsystemd={systemd}\n[network]\nhostname=lt\ngenerateResolvConf={generate}\n[interop]\nenabled=true"
    )
    return "\n".join([*notes[:20], settings, *notes[20:], ""])


def _go_env(more: Mapping[str, str]) -> str:
    """With 160 lines of others; in the order of their names, as go itself keeps them."""
    variables = {f"GOX{number:03}": f"/srv/{number}" for number in range(160)} | more
    return "".join(f"{name}={value}\n" for name, value in sorted(variables.items()))


def _settings(comments: bool, tab_size: int, more: str) -> str:
    """With 200 settings of others."""
    note = "  // why: see the page on this machine\n" if comments else ""
    others = "".join(f'  "example.setting{number:03}": "value of setting {number}",\n' for number in range(200))
    end = "," if comments else ""
    return f'{{\n{note}{others}  "editor.tabSize": {tab_size},\n  "window.zoomLevel": 0{more}{end}\n}}\n'


_OLD_SERVERS: Final = "".join(f"# {number}: as the installer left it in this file\n" for number in range(45))
_PRESENT: Final = {"GOPROXY": "direct", "GOTOOLCHAIN": "auto"}
_WANTED: Final = {"GOPROXY": "https://goproxy.example,direct", "GOTOOLCHAIN": "local", "GOPRIVATE": "git.example"}
_ADDED: Final = ',\n  "go.useLanguageServer": true,\n  "files.autoSave": "afterDelay"'
OLD: Final[Mapping[str, str]] = {
    WSL_CONF: _wsl_conf("false", "true"),
    RESOLV_CONF: f"{_OLD_SERVERS}nameserver 10.0.0.1\n",
    GO_ENV: _go_env(_PRESENT),
    SETTINGS: _settings(False, 2, ""),
}
NEW: Final[Mapping[str, str]] = {
    WSL_CONF: _wsl_conf("true", "false"),
    RESOLV_CONF: "nameserver 192.0.2.53\nnameserver 192.0.2.54\nsearch corp.example\noptions ndots:2\n",
    GO_ENV: _go_env(_WANTED),
    SETTINGS: _settings(False, 4, _ADDED),
}
COMMENTED: Final = (_settings(True, 2, ""), _settings(True, 4, _ADDED))
"""Settings with a comment and a comma behind the last one, before and after."""


@dataclass(frozen=True)
class Found:
    """What stands there after something. `left`: by what its name is without numbers, files that nobody asked for."""

    states: Mapping[str, State]
    beside: frozenset[str]
    """In the folders of the four files."""
    left: frozenset[str]

    def count(self, state: State) -> int:
        return sum(found is state for found in self.states.values())

    @property
    def is_new(self) -> bool:
        return self.count(State.NEW) == len(NEW)

    @property
    def is_whole(self) -> bool:
        return self.count(State.NEW) + self.count(State.OLD) == len(NEW)


@dataclass(frozen=True)
class Reference:
    """Two runs that nothing went wrong in."""

    calls: tuple[tracer.Call, ...]
    old: Mapping[str, Seen]
    new: Mapping[str, Seen]
    names: frozenset[str]
    """What the tool keeps for itself, as `Found.left` names it."""


@dataclass(frozen=True)
class Workplace:
    """`disk` is what a fault can reach: the root file system, the home and the temporary folder of who applies."""

    folder: Path
    document: str = DOCUMENT
    known: Reference | None = None
    """What another one has found out already."""

    @property
    def disk(self) -> Path:
        return self.folder / "disk"

    @property
    def root(self) -> Path:
        return self.disk / "root"

    def at(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def fresh(self) -> None:
        before = self.folder / "before"
        if not before.exists():
            before.mkdir()
            self._furnish(before)
        shutil.rmtree(self.disk, ignore_errors=True)
        subprocess.run(["cp", "-a", "--", before, self.disk], check=True)

    def _furnish(self, disk: Path) -> None:
        for name in ("root", "home", "tmp"):
            (disk / name).mkdir(parents=True)
        group, user_group = os.getegid(), USER if os.geteuid() == 0 else os.getegid()
        accounts = f"root:x:{os.geteuid()}:{group}::/root:/bin/sh\ndev:x:{USER}:{user_group}::{HOME}:/bin/sh\n"
        own = {"/etc/passwd": accounts, "/etc/group": f"root:x:{group}:\ndev:x:{user_group}:\n"}
        for path, text in {**OLD, **own}.items():
            place = disk / "root" / path.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
            place.chmod(0o640 if path == GO_ENV else 0o644)
        for place in (disk, *disk.rglob("*")):
            if place.is_dir():
                place.chmod(0o755)
            if os.geteuid() == 0 and f"root{HOME}" in str(place.relative_to(disk)):
                os.chown(place, USER, USER)
        self.folder.chmod(0o755)
        (self.folder / "repo").mkdir(exist_ok=True)
        (self.folder / "repo/reconcile.yaml").write_text(self.document)

    def apply(self, fault: Fault | None = None) -> Trace:
        """The real command, traced; a plain one where there is no fault."""
        program = "from reconciler.cli.main import main; main()"
        words = [sys.executable, "-c", program, "apply", "--yes", "-C", str(self.folder / "repo")]
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.disk / "home"),
            "TMPDIR": str(self.disk / "tmp"),
            "PYTHONPATH": str(CALLER),
            "COLUMNS": "500",
            "LC_ALL": "C.UTF-8",
        }
        return tracer.run(
            [*words, "--root", str(self.root), "--user", "dev"], b"", environment, Path("/"), [self.disk], fault
        )

    @cached_property
    def reference(self) -> Reference:
        if self.known is not None:
            return self.known
        self.fresh()
        old = self._look()
        assert {path: bytes_of(seen) for path, seen in old.items()} == _bytes(OLD)
        first = self.apply()
        assert first.code == 0, first
        new = self._look()
        assert {path: bytes_of(seen) for path, seen in new.items()} == _bytes(NEW), "not as wanted without any fault"
        assert [(seen or ())[1:3] for seen in old.values()] == [(seen or ())[1:3] for seen in new.values()]
        again = self.apply()
        assert again.code == 0 and b"nothing to change" in again.stdout, again
        return Reference(tuple(first.calls), old, new, frozenset(self._names()))

    @property
    def switches(self) -> list[int]:
        """The calls on one of the four files, by number, and those behind them."""
        ends = tuple(NEW)
        hits = [n for n, call in enumerate(self.reference.calls, 1) if any(path.endswith(ends) for path in call.paths)]
        return sorted({*hits, *(number + 1 for number in hits)})

    @property
    def near(self) -> list[int]:
        """The calls on anything in the folders of the four files."""
        ends = tuple(str(Path(path).parent) for path in NEW)
        return [
            number
            for number, call in enumerate(self.reference.calls, 1)
            if any(path.endswith(ends) or str(Path(path).parent).endswith(ends) for path in call.paths)
        ]

    def look(self) -> Found:
        reference = self.reference
        folders = {self.at(path).parent for path in NEW}
        known = {self.at(path) for path in (*NEW, "/etc/passwd", "/etc/group")}
        beside = {place.name for folder in folders for place in folder.iterdir() if place.is_file()}
        return Found(
            states=states(self._look(), reference.old, reference.new),
            beside=frozenset(beside - {place.name for place in known}),
            left=(frozenset(self._names()) - reference.names) | {str(place) for place in leftovers(self.root)},
        )

    def _look(self) -> dict[str, Seen]:
        return {path: see(self.at(path)) for path in NEW}

    def _names(self) -> Iterator[str]:
        for place in self.disk.rglob("*"):
            yield _IMAGE.sub(r"N", _RUN.sub("RUN", str(place.relative_to(self.disk))))

    def holds(self, token: bytes) -> bool:
        """Whether that stands in any file."""
        return any(token in place.read_bytes() for place in self.disk.rglob("*") if place.is_file())

    def kept(self) -> int:
        """How many of the old contents stand somewhere, each as it was."""
        files = {place.read_bytes() for place in self.disk.rglob("*") if place.is_file() and not place.is_symlink()}
        return sum(text.encode() in files for text in OLD.values())


def _bytes(texts: Mapping[str, str]) -> dict[str, bytes]:
    return {path: text.encode() for path, text in texts.items()}


@dataclass(frozen=True)
class PoweredWorkplace(Workplace):
    """All of it on one disk, as the others had it. Only for a process with private mounts."""

    options: str = UNAIDED

    @cached_property
    def disks(self) -> Disks:
        return Disks(self.folder, {"disk": "disk"}, self.options)

    def fresh(self) -> None:
        if not self.disks.are_furnished:
            self.disks.blank("disk")
            self._furnish(self.disk)
        self.disks.insert("before")

    def lose_power(self) -> None:
        self.disks.lose_power(["disk"])
        self.disks.insert("lost")
        for unrelated in self.disk.glob("unrelated"):
            unrelated.unlink()


# ---- who edits one of the files meanwhile


@dataclass
class Editor:
    """Reads the file, writes it anew with a token in front, and renames it: so long after the first call on the file began."""

    place: Path
    token: bytes
    seconds: float
    is_done: bool = False
    _ends: tuple[int, int] = field(default_factory=os.pipe)

    def hold_up(self, seconds: float) -> HoldUp:
        return HoldUp(str(self.place), seconds, self._ends[1])

    def __enter__(self) -> Editor:
        self._thread = threading.Thread(target=self._edit)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._ends[1])
        self._thread.join()
        os.close(self._ends[0])

    def _edit(self) -> None:
        if not os.read(self._ends[0], 1):
            return
        time.sleep(self.seconds)
        found, beside = self.place.stat(), self.place.with_name(".edited.swp")
        beside.write_bytes(self.token + self.place.read_bytes())
        beside.chmod(found.st_mode & 0o7777)
        os.chown(beside, found.st_uid, found.st_gid)
        beside.rename(self.place)
        self.is_done = True


def syncs_and_switches(calls: tuple[tracer.Call, ...], root: Path) -> dict[str, int]:
    """What a run asks the kernel to make durable, and how often something takes the place of one of the files."""
    files = {f"{root}{path}" for path in NEW}
    folders = {str(Path(file).parent) for file in files}
    synced = list(itertools.chain(*(call.paths for call in calls if call.name in ("fsync", "fdatasync"))))
    staged = [path for path in synced if str(Path(path).parent) in folders]
    return {
        "files_synced": len([path for path in synced if path in files]),
        "staged_files_synced": len([path for path in staged if path not in files]),
        "folders_synced": len([path for path in synced if path in folders]),
        "whole_file_systems_synced": sum(call.name in ("sync", "syncfs") for call in calls),
        "syncs": sum("sync" in call.name for call in calls),
        "switches": sum(call.name.startswith("rename") and bool(files & set(call.paths)) for call in calls),
    }
