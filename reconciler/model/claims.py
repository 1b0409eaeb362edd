"""What one item may need of another: planning orders changes by claims, and blocks what nobody provides."""

from __future__ import annotations

from dataclasses import dataclass, field

from reconciler.model import facts
from reconciler.model.facts import Fact, FactSheet, FileText, PathInfo, PathType
from reconciler.model.tasks import Task

WSL_CONF = "/etc/wsl.conf"
GROUP = "/etc/group"


@dataclass(frozen=True, slots=True)
class Path:
    """A directory that must be there."""

    path: str
    in_force = False

    def facts(self) -> frozenset[Fact]:
        return frozenset({PathInfo(self.path)})

    def holds(self, sheet: FactSheet) -> bool | None:
        kind = sheet.path(self.path).followed.type
        return None if kind is PathType.UNKNOWN else kind is PathType.DIRECTORY

    def __str__(self) -> str:
        return f"the directory {self.path}"


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link that must lead to what `target` names."""

    path: str
    target: str
    in_force = False

    def facts(self) -> frozenset[Fact]:
        return frozenset({PathInfo(self.path), PathInfo(self.target)})

    def holds(self, sheet: FactSheet) -> bool | None:
        state = sheet.path(self.path)
        if state.type is PathType.UNKNOWN:
            return None
        return state.behind is not None and state.behind.path == sheet.path(self.target).followed.path

    def __str__(self) -> str:
        return f"the link {self.path} to {self.target}"


@dataclass(frozen=True, slots=True)
class Account:
    """A user that must exist."""

    name: str
    in_force = False

    def facts(self) -> frozenset[Fact]:
        return frozenset({facts.Account(self.name)})

    def holds(self, sheet: FactSheet) -> bool | None:
        answer = sheet.account(self.name)
        return None if isinstance(answer, facts.Unread) else answer is not None

    def __str__(self) -> str:
        return f"the user {self.name}"


@dataclass(frozen=True, slots=True)
class Group:
    """A group that must exist."""

    name: str
    in_force = False

    def facts(self) -> frozenset[Fact]:
        return frozenset({FileText(GROUP)})

    def holds(self, sheet: FactSheet) -> bool | None:
        file = sheet.file(GROUP)
        lines = (file.data or b"").decode("utf-8", "surrogateescape").split("\n")
        return None if file.unreadable else any(line.startswith(f"{self.name}:") for line in lines)

    def __str__(self) -> str:
        return f"the group {self.name}"


@dataclass(frozen=True, slots=True)
class Program:
    """A program that must be there: a name on the machine's standard PATH, or an absolute path."""

    name: str
    in_force = False

    def facts(self) -> frozenset[Fact]:
        return frozenset({PathInfo(self.name)} if "/" in self.name else {facts.ProgramPath(self.name)})

    def holds(self, sheet: FactSheet) -> bool | None:
        if "/" not in self.name:
            return sheet.program(self.name) is not None
        state = sheet.path(self.name).followed
        if state.type is PathType.UNKNOWN:
            return None
        return state.type is PathType.FILE and bool((state.mode or 0) & 0o111)

    def __str__(self) -> str:
        return f"the program {self.name}"


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting of wsl.conf that must be written, in force or not: `Setting("boot.systemd", "true")`.

    `value` is what WSL reads, as `wsl_ini.format_value` gives it: a umask of 022 is `18`.
    """

    key: str
    value: str
    in_force = False

    def facts(self) -> frozenset[Fact]:
        return frozenset({FileText(WSL_CONF)})

    def holds(self, sheet: FactSheet) -> bool | None:
        file = sheet.file(WSL_CONF)
        if file.unreadable:
            return None
        # Every plan imports this module, few need the dialect.
        from reconciler.formats import wsl_ini

        text = (file.data or b"").decode("utf-8", "surrogateescape")
        value = wsl_ini.parse(text, wsl_ini.Dialect.WSL_CONF).effective.get(self.key)
        return value is not None and wsl_ini.format_value(value) == self.value

    def __str__(self) -> str:
        return f"wsl_conf {self.key} = {self.value}"


@dataclass(frozen=True, slots=True)
class Running:
    """Something that must run now; only `systemd` so far. What is merely switched on for the next start does not count."""

    name: str
    in_force = True

    def facts(self) -> frozenset[Fact]:
        return frozenset()

    def holds(self, sheet: FactSheet) -> bool | None:
        return sheet.host.systemd or sheet.host.at_rest

    def __str__(self) -> str:
        return f"a running {self.name}"


Claim = Path | Link | Account | Group | Program | Setting | Running


@dataclass(frozen=True, slots=True)
class Need:
    """A claim, and what to do when no item provides it and it does not hold: nothing here means that the item is blocked,
    or with `where_it_holds` not applicable."""

    claim: Claim
    otherwise: tuple[Task, ...] = field(default=())
    where_it_holds: bool = False
