"""Who is known to the machine, as facts tell it, and the programs that change that. For the kinds `users` and `groups`.

Source: useradd(8), usermod(8), userdel(8), groupadd(8), groupmod(8), groupdel(8) of shadow; adduser, addgroup, deluser and
delgroup of busybox.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

from reconciler import agents
from reconciler.formats import account_files
from reconciler.formats.account_files import GROUP, PASSWD, Entry, GroupEntry
from reconciler.model.facts import Fact, FactSheet, FileText, ProgramPath
from reconciler.model.resource import Blocked, Fields
from reconciler.model.tasks import RunCommand

PEOPLE: Final = range(1000, 60000)
"""The numbers of people and their groups: UID_MIN to UID_MAX of login.defs, as distros set them."""


class Suite(StrEnum):
    """The programs that write passwd and group, named after the one that tells them apart."""

    SHADOW = "useradd"
    BUSYBOX = "adduser"


FACTS: Final[frozenset[Fact]] = frozenset({FileText(PASSWD), FileText(GROUP), *map(ProgramPath, Suite)})
NO_SUITE: Final = Blocked("nothing here makes accounts", fix="install the package  shadow, or  passwd  on Debian")
_INSTALL_SHADOW: Final = "add  shadow  to packages, apply, then plan again"
_IS_THERE: Final = ("sh", "-c", '[ -x "$1" ] || { echo "there is no program $1" >&2; exit 1; }', "shell")
_LEAVE: Final = 'cut -d: -f1 /etc/group | grep -Fqx -e "$2" || exit 0; exec "$0" $3 "$1" "$2"'
"""A group that has gone is nobody's any more."""
_OPTIONS: Final[Mapping[Suite, Mapping[str, str]]] = {
    Suite.SHADOW: {"shell": "-s", "home": "-d", "uid": "-u", "comment": "-c"},
    Suite.BUSYBOX: {"shell": "-s", "home": "-h", "uid": "-u", "comment": "-g"},
}


def suite_of(sheet: FactSheet) -> Suite | None:
    """Debian's adduser is another than busybox's, and never without useradd."""
    return next((suite for suite in Suite if sheet.program(suite)), None)


def unreadable(sheet: FactSheet) -> str | None:
    return sheet.file(PASSWD).unreadable or sheet.file(GROUP).unreadable


def passwd(sheet: FactSheet) -> Mapping[str, Entry]:
    return account_files.passwd(_text(sheet, PASSWD))


def groups(sheet: FactSheet) -> Mapping[str, GroupEntry]:
    return account_files.group(_text(sheet, GROUP))


def _text(sheet: FactSheet, path: str) -> str:
    return (sheet.file(path).data or b"").decode("utf-8", "surrogateescape")


# ---- groups


def new_group(name: str, number: int | None, suite: Suite, *, system: bool) -> RunCommand:
    program, option = {Suite.SHADOW: ("groupadd", "-r"), Suite.BUSYBOX: ("addgroup", "-S")}[suite]
    options = (*((option,) if system else ()), *_number(number))
    return RunCommand(argv=("sh", "-c", agents.text("new_group.sh"), program, name, *options))


def renumbered_group(name: str, number: int, suite: Suite) -> RunCommand | Blocked:
    if suite is Suite.BUSYBOX:
        return Blocked("busybox cannot change the number of a group", fix=_INSTALL_SHADOW)
    return RunCommand(argv=("groupmod", *_number(number), name))


def removed_group(name: str, suite: Suite) -> RunCommand:
    return RunCommand(argv=({Suite.SHADOW: "groupdel", Suite.BUSYBOX: "delgroup"}[suite], name))


def _number(number: int | None) -> tuple[str, ...]:
    return () if number is None else ("-g", str(number))


# ---- accounts


def shell_is_there(shell: str) -> RunCommand:
    """Whoever gets a shell that is missing is locked out; useradd and usermod only warn."""
    return RunCommand(argv=(*_IS_THERE, shell))


def new_account(name: str, fields: Fields, suite: Suite, *, has_group: bool) -> tuple[RunCommand, ...]:
    """An account with a home and a group of its own, which may be there: `has_group`."""
    options = _options(fields, suite)
    if suite is Suite.BUSYBOX:
        own = ("-G", name) if has_group else ()
        return (RunCommand(argv=("adduser", "-D", *own, *options, name)), *_joined(name, fields))
    script = agents.text("new_user.sh")
    return (RunCommand(argv=("sh", "-c", script, "useradd", name, *options, *_memberships(fields, "-G"))),)


def changed_account(name: str, fields: Fields, suite: Suite) -> tuple[RunCommand, ...] | Blocked:
    if suite is Suite.SHADOW:
        return (RunCommand(argv=("usermod", *_options(fields, suite), *_memberships(fields, "-aG"), name)),)
    others = [key for key in fields if key != "groups"]
    if others:
        return Blocked(f"busybox cannot change the {others[0]} of an account", fix=_INSTALL_SHADOW)
    return _joined(name, fields)


def left_groups(name: str, groups: Sequence[str], suite: Suite) -> tuple[RunCommand, ...]:
    program, option = {Suite.SHADOW: ("gpasswd", "-d"), Suite.BUSYBOX: ("delgroup", "")}[suite]
    return tuple(RunCommand(argv=("sh", "-c", _LEAVE, program, name, group, option)) for group in groups)


def removed_account(entry: Entry, suite: Suite) -> tuple[RunCommand, ...]:
    """The home stays. Somebody who is logged in is not removed."""
    if suite is Suite.SHADOW:
        return (RunCommand(argv=("userdel", entry.name)),)
    free = RunCommand(argv=("sh", "-c", agents.text("free_user.sh"), "user", entry.name, str(entry.uid)))
    return (free, RunCommand(argv=("deluser", entry.name)))


def _options(fields: Fields, suite: Suite) -> tuple[str, ...]:
    pairs = ((option, str(fields[key])) for key, option in _OPTIONS[suite].items() if key in fields)
    return tuple(word for pair in pairs for word in pair)


def _memberships(fields: Fields, option: str) -> tuple[str, ...]:
    names = group_names(fields)
    return (option, ",".join(names)) if names else ()


def _joined(name: str, fields: Fields) -> tuple[RunCommand, ...]:
    return tuple(RunCommand(argv=("addgroup", name, group)) for group in group_names(fields))


def group_names(fields: Fields) -> Sequence[str]:
    names = fields.get("groups")
    return [str(name) for name in names] if isinstance(names, list) else []
