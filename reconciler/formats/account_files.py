"""/etc/passwd and /etc/group: accounts and groups by name. Reading only: programs write these files, under a lock.

A line that is none is passed over, as the C library does; the first of several with one name counts.
Source: passwd(5), group(5).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

PASSWD: Final = "/etc/passwd"
GROUP: Final = "/etc/group"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line of passwd. `comment` is the whole field, with its commas."""

    name: str
    uid: int
    gid: int
    comment: str
    home: str
    shell: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupEntry:
    """A line of group. `members` are those it names: whoever has it as the first group is not among them."""

    name: str
    gid: int
    members: tuple[str, ...]


def passwd(text: str) -> Mapping[str, Entry]:
    found: dict[str, Entry] = {}
    for name, _, uid, gid, comment, home, shell in _lines(text, 7):
        if _is_number(uid) and _is_number(gid):
            entry = Entry(name=name, uid=int(uid), gid=int(gid), comment=comment, home=home, shell=shell)
            found.setdefault(name, entry)
    return found


def group(text: str) -> Mapping[str, GroupEntry]:
    found: dict[str, GroupEntry] = {}
    for name, _, gid, members in _lines(text, 4):
        if _is_number(gid):
            named = tuple(member for member in members.split(",") if member)
            found.setdefault(name, GroupEntry(name=name, gid=int(gid), members=named))
    return found


def groups_of(entry: Entry, groups: Mapping[str, GroupEntry]) -> tuple[str, ...]:
    """The names of all groups that somebody is in, sorted; the first one too."""
    return tuple(sorted(one.name for one in groups.values() if entry.gid == one.gid or entry.name in one.members))


def _lines(text: str, count: int) -> Iterator[list[str]]:
    """A line that begins with `+` or `-` speaks of another directory of names."""
    lines = (line.split(":") for line in text.split("\n") if not line.startswith(("#", "+", "-", ":")))
    return (parts for parts in lines if len(parts) == count)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 10
