"""/etc/passwd and /etc/group of the simulated machine, as the programs that change them do. No program itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from reconciler.formats import account_files

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine

FIRST, FIRST_OF_THE_SYSTEM = 1000, 100


def users(machine: Machine) -> dict[str, list[str]]:
    """The fields of passwd by name."""
    return _lines(machine, "/etc/passwd")


def groups(machine: Machine) -> dict[str, list[str]]:
    return _lines(machine, "/etc/group")


def write(machine: Machine, path: str, lines: dict[str, list[str]]) -> None:
    machine.file(path, "".join(":".join(fields) + "\n" for fields in lines.values()))


def free(taken: Sequence[str], first: int) -> int:
    return next(number for number in range(first, first + 9999) if str(number) not in taken)


def add_group(machine: Machine, name: str, number: int | None = None, *, system: bool = False) -> None:
    known = groups(machine)
    assert name not in known, f"groupadd: group '{name}' already exists"
    taken = [fields[2] for fields in known.values()]
    assert str(number) not in taken, f"groupadd: GID '{number}' already exists"
    gid = number if number is not None else free(taken, FIRST_OF_THE_SYSTEM if system else FIRST)
    write(machine, "/etc/group", {**known, name: [name, "x", str(gid), ""]})


def join(machine: Machine, user: str, names: Sequence[str]) -> None:
    known = groups(machine)
    for name in names:
        assert name in known, f"usermod: group '{name}' does not exist"
        members = [member for member in known[name][3].split(",") if member]
        known[name][3] = ",".join(dict.fromkeys([*members, user]))
    write(machine, "/etc/group", known)


def add_user(machine: Machine, name: str, group: str, given: dict[str, str]) -> None:
    known = users(machine)
    assert name not in known and name not in machine.accounts, f"useradd: user '{name}' already exists"
    uid = given.get("uid") or str(free([fields[2] for fields in known.values()], FIRST))
    home = given.get("home", f"/home/{name}")
    gid = groups(machine)[group][2]
    line = [name, "x", uid, gid, given.get("comment", ""), home, given.get("shell", "/bin/sh")]
    write(machine, "/etc/passwd", {**known, name: line})
    machine.accounts[name] = home
    if home not in machine.nodes:
        machine.directory(home, owner=name)


def remove_user(machine: Machine, name: str) -> None:
    """With the group of that name, unless others are in it."""
    known = users(machine)
    assert name in known, f"userdel: user '{name}' does not exist"
    del known[name], machine.accounts[name]
    write(machine, "/etc/passwd", known)
    left = groups(machine)
    if name in left and not left[name][3]:
        del left[name]
    for fields in left.values():
        fields[3] = ",".join(member for member in fields[3].split(",") if member not in ("", name))
    write(machine, "/etc/group", left)


def options(argv: tuple[str, ...], flags: str, values: str) -> tuple[dict[str, str], list[str]]:
    """As getopt reads them: by letter, a flag's value is its letter; and the words that are left."""
    found: dict[str, str] = {}
    words: list[str] = []
    ahead = list(argv[1:])
    while ahead:
        word = ahead.pop(0)
        if not word.startswith("-"):
            words.append(word)
            continue
        for letter in word[1:]:
            assert letter in flags + values, f"invalid option -- '{letter}'"
            found[letter] = ahead.pop(0) if letter in values else letter
    return found, words


def _lines(machine: Machine, path: str) -> dict[str, list[str]]:
    text = machine.text(path) if path in machine.nodes else ""
    assert path in (account_files.PASSWD, account_files.GROUP)
    return {line.split(":")[0]: line.split(":") for line in text.splitlines()}
