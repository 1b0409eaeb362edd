"""`mount TARGET` as fstab says, and `mount -o remount,… TARGET`. What the bind of a directory holds is not shown at its target."""

from __future__ import annotations

from typing import Any

from reconciler.formats import fstab, mountinfo
from reconciler.formats.fstab import Entry
from reconciler.formats.octal_escapes import encode
from reconciler.model.facts import PathType

MOUNTINFO = "/proc/self/mountinfo"
OWN = ("ro", "nosuid", "nodev", "noexec", "nosymfollow")


def run(machine: Any, argv: tuple[str, ...], stdin: bytes, user: str) -> None:
    assert user == "root", "only root can do that"
    if argv[1] == "-o":
        remount(machine, argv[3], argv[2].split(","))
    else:
        by_fstab(machine, argv[1])


def by_fstab(machine: Any, target: str) -> None:
    entries = [entry for _, entry in fstab.entries(machine.text("/etc/fstab")) if entry.target == target]
    assert entries, f"can't find {target} in /etc/fstab"
    assert machine.nodes[target].type is PathType.DIRECTORY, f"{target}: mount point does not exist"
    entry = entries[0]
    bound = "bind" in entry.options
    own = ",".join([*(option for option in entry.options if option in OWN), "relatime"])
    own = own if "ro" in entry.options else f"rw,{own}"
    if not bound:
        add(machine, f"0:{100 + len(mounts(machine))} / {encode(target)} {own} - {live(entry)}")
        return
    source = machine.walk(entry.source)
    assert machine.nodes[source].type is PathType.DIRECTORY, f"{target}: special device {entry.source} does not exist"
    holder = mountinfo.holding(mounts(machine), source)
    device, root = (holder.device, holder.root) if holder else ("8:1", "/")
    inside = source.removeprefix(holder.target.rstrip("/") if holder else "")
    back = f"{holder.type} {encode(holder.source)} rw" if holder else "ext4 /dev/sda1 rw"
    add(machine, f"{device} {encode(root.rstrip('/') + inside or '/')} {encode(target)} {own} - {back}")


def live(entry: Entry) -> str:
    """Type, source and options of the file system that a line makes; a Windows drive is 9p."""
    if entry.type != "drvfs":
        return f"{entry.type} {encode(entry.source)} rw"
    told = "".join(f";{option}" for option in entry.options if option != "nofail")
    return f"9p drvfs rw,aname=drvfs;path={encode(entry.source)}{told};symlinkroot=/mnt/,trans=virtio"


def remount(machine: Any, target: str, options: list[str]) -> None:
    assert mountinfo.at(mounts(machine), target), f"{target} is not mounted"
    lines = machine.text(MOUNTINFO).splitlines()
    number = max(index for index, line in enumerate(lines) if line.split(" ")[4] == encode(target))
    fields = lines[number].split(" ")
    if "bind" in options:
        fields[5] = ",".join([*(option for option in options if option in ("rw", *OWN)), "relatime"])
    lines[number] = " ".join(fields)
    machine.file(MOUNTINFO, "".join(f"{line}\n" for line in lines))


def mounts(machine: Any) -> tuple[mountinfo.Mount, ...]:
    return mountinfo.parse(machine.text(MOUNTINFO)) if MOUNTINFO in machine.nodes else ()


def add(machine: Any, line: str) -> None:
    """`line` lacks the numbers of the mount and of its parent."""
    known = mounts(machine)
    if not known:
        machine.file(MOUNTINFO, "20 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n")
    known = mounts(machine)
    target = mountinfo.parse(f"1 1 {line}\n")[0].target
    parent = mountinfo.holding(known, target)
    number = max(mount.id for mount in known) + 1
    machine.file(MOUNTINFO, f"{machine.text(MOUNTINFO)}{number} {parent.id if parent else 1} {line}\n")
