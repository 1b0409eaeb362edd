"""Mounts of a process, as /proc/PID/mountinfo lists them.

A line does not tell whether its mount can be reached: a later one may cover it, or a folder above it. So a path is looked
up as the kernel does, from parent to child. Paths here have no symbolic links, `.`, `..` or doubled slashes.

Source: proc_pid_mountinfo(5).
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from reconciler.formats.octal_escapes import decode

_DELETED: Final = "//deleted"
"""What the kernel puts behind a root that was deleted since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A mount: `root`, a path in the file system of `device` (major:minor), is seen at `target`.

    `options` are the mount's own, `super_options` the file system's: a read-only bind has `ro` only in the first.
    """

    id: int
    parent: int
    device: str
    root: str
    target: str
    options: tuple[str, ...]
    type: str
    source: str
    super_options: tuple[str, ...]


def parse(text: str) -> tuple[Mount, ...]:
    """All mounts in their order. Raises ValueError for a line that no kernel writes."""
    return tuple(_mount(line) for line in text.split("\n") if line)


def at(mounts: Sequence[Mount], path: str) -> Mount | None:
    """The mount that is seen at exactly `path`; None where there is none."""
    return next(reversed(stack(mounts, path)), None)


def stack(mounts: Sequence[Mount], path: str) -> tuple[Mount, ...]:
    """The mounts at exactly `path`, one on the other, of which the last is seen: as many as there are to unmount."""
    return tuple(mount for mount in _way(mounts, path) if mount.target == path)


def holding(mounts: Sequence[Mount], path: str) -> Mount | None:
    """The mount in which `path` lies; None in a root directory that is no mount."""
    return next(reversed(list(_way(mounts, path))), None)


def shows(mounts: Sequence[Mount], target: str, source: str) -> bool:
    """Whether the mount at `target` is a bind of `source`, as `source` is now without that mount."""
    mount = at(mounts, target)
    if mount is None:
        return False
    holder = holding([other for other in mounts if other is not mount], source)
    return holder is not None and holder.device == mount.device and _within(holder, source) == mount.root


def shown_path(mounts: Sequence[Mount], target: str) -> str | None:
    """The path of which the mount at `target` is a bind; None where it is none, or its source is out of sight.

    Of two mounts of the same directory the kernel does not tell which was first: the one listed earlier counts as source.
    """
    mount = at(mounts, target)
    if mount is None or mount.root.endswith(_DELETED):
        return None
    for other in mounts[: mounts.index(mount)]:
        inside = _relative(mount.root, other.root)
        if other.device == mount.device and inside is not None:
            path = other.target.rstrip("/") + inside or "/"
            if holding([each for each in mounts if each is not mount], path) is other:
                return path
    return None


def _way(mounts: Sequence[Mount], path: str) -> Iterator[Mount]:
    """The mounts that are entered on the way to `path`, in this order."""
    listed = {mount.id for mount in mounts}
    children = {(_parent(mount, listed), mount.target): mount for mount in mounts}
    current: int | None = None
    for folder in _folders(path):
        while (mount := children.get((current, folder))) is not None:
            yield mount
            current = mount.id


def _parent(mount: Mount, listed: Container[int]) -> int | None:
    """None for what lies on nothing we see: the first root is its own parent, or its parent is outside of a chroot."""
    return mount.parent if mount.parent in listed and mount.parent != mount.id else None


def _folders(path: str) -> Iterable[str]:
    parts = [part for part in path.split("/") if part]
    return ("/" + "/".join(parts[:count]) for count in range(len(parts) + 1))


def _within(mount: Mount, path: str) -> str | None:
    """The path in the mount's file system of a path that lies in the mount."""
    inside = _relative(path, mount.target)
    return None if inside is None else mount.root.rstrip("/") + inside or "/"


def _relative(path: str, above: str) -> str | None:
    """The rest of `path` below `above`, empty or with its slash; None where it is not below."""
    if path == above:
        return ""
    above = above.rstrip("/") + "/"
    return "/" + path.removeprefix(above) if path.startswith(above) else None


def _mount(line: str) -> Mount:
    front, _, back = line.partition(" - ")
    # Windows paths of WSL's 9p mounts have been seen with bare blanks in the last field.
    fields, rest = front.split(" "), back.split(" ", 2)
    if len(fields) < 6 or len(rest) != 3 or not (fields[0] + fields[1]).isdecimal():
        raise ValueError(f"no line of mountinfo: {line!r}")
    return Mount(
        id=int(fields[0]),
        parent=int(fields[1]),
        device=fields[2],
        root=decode(fields[3]),
        target=decode(fields[4]),
        options=tuple(fields[5].split(",")),
        type=decode(rest[0]),
        source=decode(rest[1]),
        super_options=tuple(decode(rest[2]).split(",")),
    )
