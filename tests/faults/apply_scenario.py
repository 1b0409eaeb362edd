"""What the faults fall on: a root file system, ten resources that are wanted otherwise there, and a plan to get there.

The plan is made from what is there, as a real one is: after a fault the next run plans anew.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
import struct
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from agents.apply_machine import ALICE, DISTRO, Machine, Shell, change, root_file_system
from reconciler.execution.blobs import Supplies
from reconciler.execution.parts import Batch
from reconciler.model.facts import PathType
from reconciler.model.plan import Change
from reconciler.model.tasks import MakeDirectory, MakeLink, Remove, SetMode, Task

DEVELOPERS: Final = 4321
HOME: Final = "/home/alice"
LISTED: Final = "/etc/listed"
"""It has an access list and an attribute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One resource. `old` None: nothing stands there; `new` None: nothing is to."""

    name: str
    path: str
    old: bytes | None
    new: bytes | None
    mode: int = 0o644
    owner: int = 0
    group: int = 0
    new_mode: int | None = None
    user: bool = False
    """It is alice's, and her part writes it."""


def _text(name: str, what: str, lines: int) -> bytes:
    """Long enough that half of it is not all of it, with one line in the middle that differs."""
    body = [f"# {name}: line {number} of a file that somebody keeps by hand\n" for number in range(lines)]
    body[lines // 2] = f"setting = {what}\n"
    return "".join(body).encode()


def _edit(name: str, path: str, *, lines: int = 40, **how: object) -> Wanted:
    return Wanted(name=name, path=path, old=_text(name, "old", lines), new=_text(name, "new", lines), **how)  # type: ignore[arg-type]


FILES: Final = (
    _edit("plain", "/etc/wsl.conf"),
    _edit("shared", "/etc/resolver.conf", mode=0o640, group=DEVELOPERS),
    _edit("private", "/etc/token", mode=0o600),
    _edit("listed", LISTED),
    _edit("large", "/srv/large.conf", lines=2000),
    Wanted(name="new", path="/srv/new/below/file", old=None, new=_text("new", "new", 40), new_mode=0o600),
    Wanted(name="gone", path="/etc/gone", old=_text("gone", "old", 40), new=None),
    Wanted(name="mode", path="/etc/mode", old=_text("mode", "old", 5), new=_text("mode", "old", 5), new_mode=0o600),
    _edit("alice", f"{HOME}/.config/app/settings", mode=0o640, owner=ALICE, group=ALICE, user=True),
    Wanted(
        name="alice new", path=f"{HOME}/.profile", old=None, new=b"export A=1\n", owner=ALICE, group=ALICE, user=True
    ),
)
"""The regular files among them."""
LINK: Final = "/etc/localtime"
TREE: Final = "/opt/tool"
FOLDERS: Final = ("/srv/new", "/srv/new/below")
NEIGHBOUR: Final = "/etc/neighbour"
WATCHED: Final = (*(wanted.path for wanted in FILES), LINK, TREE, *FOLDERS, NEIGHBOUR)


@cache
def _archive(version: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, mode in (("tool/bin/tool", 0o755), ("tool/LICENSE", 0o644), (f"tool/only-{version}", 0o644)):
            data = f"{name} of {version}\n".encode() * 20
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), mode
            archive.addfile(entry, io.BytesIO(data))
        link = tarfile.TarInfo("tool/latest")
        link.type, link.linkname = tarfile.SYMTYPE, "bin/tool"
        archive.addfile(link)
    return packed.getvalue()


ACCESS_LIST: Final = struct.pack("<I", 2) + b"".join(
    struct.pack("<HHI", tag, rights, who)
    for tag, rights, who in (
        (1, 6, 0xFFFFFFFF),
        (2, 6, ALICE),
        (4, 4, 0xFFFFFFFF),
        (16, 6, 0xFFFFFFFF),
        (32, 4, 0xFFFFFFFF),
    )
)
"""user::rw, alice:rw, group::r, mask::rw, other::r as the kernel keeps it."""


def build(root: Path, owner: int) -> None:
    """The root file system before; everything is the user number `owner`'s where that is not root."""
    machine = Machine(root_file_system(root), _NO_SHELL)
    for wanted in FILES:
        if wanted.old is not None:
            place = machine.file(wanted.path, wanted.old, wanted.mode)
            if owner == 0:
                os.chown(place, wanted.owner, wanted.group)
    listed = machine.at(LISTED)
    os.setxattr(listed, "user.note", b"keep me")
    os.setxattr(listed, "system.posix_acl_access", ACCESS_LIST)
    machine.at(LINK).symlink_to("zone/Old")
    machine.file(NEIGHBOUR, b"nobody's business\n")
    tree = machine.at(TREE)
    tree.parent.mkdir(exist_ok=True)
    subprocess.run(["tar", "-xzf", "-", "-C", tree.parent], input=_archive("1"), check=True)
    (tree / ".reconcile-archive").write_text(f"{hashlib.sha256(_archive('1')).hexdigest()} 1\n")
    for place in (root, *root.rglob("*")):
        theirs = machine.at(HOME) in (place, *place.parents)
        if stat.S_ISDIR(place.lstat().st_mode):
            place.chmod(0o755)
        if owner:
            os.chown(place, owner, owner, follow_symlinks=False)
        elif theirs:
            os.chown(place, ALICE, ALICE, follow_symlinks=False)


_NO_SHELL: Final = Shell((), "")


# ---- the plan


@dataclass(frozen=True)
class Plan:
    batches: tuple[Batch, ...]
    supplies: Supplies

    @property
    def changes(self) -> Mapping[str, Change]:
        return {change.id: change for batch in self.batches for change in batch.changes}


def planned(root: Path, *, parts: bool) -> Plan:
    """What has to change there, against what stands there now. `parts`: alice's files are her part's."""
    machine = Machine(root, _NO_SHELL)
    own = [*_folders(machine), *_files(machine, user=False), *_others(machine)]
    hers = list(_files(machine, user=True))
    batches = [Batch(target=DISTRO, changes=tuple(own if parts else [*own, *hers]))]
    if parts:
        batches.append(Batch(target=DISTRO, user="alice", changes=tuple(hers)))
    return Plan(tuple(batches), machine.supplies)


def _folders(machine: Machine) -> Iterator[Change]:
    for path in FOLDERS:
        base = machine.base(path)
        if base.type is PathType.MISSING:
            yield change(path, MakeDirectory(path=path, mode=0o755))
        elif base.mode != 0o755:  # a run that was killed between making it and opening it
            yield change(path, SetMode(path=path, base=base, mode=0o755))


def _files(machine: Machine, *, user: bool) -> Iterator[Change]:
    for wanted in (wanted for wanted in FILES if wanted.user == user):
        tasks = _tasks(machine, wanted)
        if tasks:
            needs = tuple(path for path in FOLDERS if wanted.path.startswith(f"{path}/"))
            yield change(wanted.path, *tasks, needs=needs)


def _tasks(machine: Machine, wanted: Wanted) -> list[Task]:
    base = machine.base(wanted.path)
    if wanted.new is None:
        return [] if base.type is PathType.MISSING else [Remove(path=wanted.path, base=base)]
    if base.digest != hashlib.sha256(wanted.new).hexdigest():
        return [machine.write(wanted.path, wanted.new, mode=wanted.new_mode)]
    if wanted.new_mode not in (None, base.mode):
        return [SetMode(path=wanted.path, base=base, mode=wanted.new_mode)]
    return []


def _others(machine: Machine) -> Iterator[Change]:
    base = machine.base(LINK)
    if base.link != "zone/New":
        yield change(LINK, MakeLink(path=LINK, target="zone/New", base=base))
    archive = _archive("2")
    if machine.tree_base(TREE).digest != hashlib.sha256(archive).hexdigest():
        yield change(TREE, machine.unpack(TREE, archive, strip=1))
