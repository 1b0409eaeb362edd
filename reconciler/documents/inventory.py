"""Which workstations, distros and users there are, which of them this is, and which are meant."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Final

from reconciler.documents.globs import is_glob
from reconciler.documents.where import Place
from reconciler.model import tree
from reconciler.model.address import Target
from reconciler.model.errors import DocumentError, Problem, UsageError
from reconciler.model.spelling import nearest

DEFAULT_DISTRO: Final = "main"
SELF: Final = "self"

Login = Callable[[Target], str]
"""Who `self` is on a machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Distro:
    """`names` are the distro's possible names in WSL; `users` in order, `self` among them; a user's node has its vars."""

    key: str
    names: tuple[str, ...] = ()
    users: Mapping[str, tree.Mapping | None] = field(default_factory=lambda: {SELF: None})
    node: tree.Mapping | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Workstation:
    """`declared` is false for one that no document lists: the machine we are on, under its host name."""

    name: str
    groups: tuple[str, ...] = ()
    distros: Mapping[str, Distro] = field(default_factory=lambda: {DEFAULT_DISTRO: Distro(key=DEFAULT_DISTRO)})
    node: tree.Mapping | None = None
    declared: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Here:
    """The machine the tool runs on. `distro_name` is WSL's name of the distro we are in, where we are in one."""

    hostname: str
    user: str
    distro_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """All workstations by name, as documents list them; `this` is the one we are on."""

    workstations: Mapping[str, Workstation]
    groups: Mapping[str, tree.Mapping]
    this: Workstation
    here: Here
    introduced: bool
    """Whether this machine has a `machine.yaml`."""

    @property
    def lists_workstations(self) -> bool:
        return bool(self.workstations)

    @property
    def every(self) -> Mapping[str, Workstation]:
        """Those that are listed, and this one, unless it only happens to run the tool, as a CI runner does."""
        is_one = self.this.declared or self.introduced or not self.lists_workstations
        return {**self.workstations, **({self.this.name: self.this} if is_one else {})}

    @property
    def distro(self) -> str:
        """The key of the distro we are in. DocumentError: it cannot be told."""
        key = self._distro_or_none
        if key is not None:
            return key
        name = self.here.distro_name
        called = f"none is called {name}" if name else "this one has no name (WSL_DISTRO_NAME is not set)"
        what = f"{self.this.name} has the distros {', '.join(self.this.distros)}, and {called}"
        raise DocumentError(
            [Problem(what, self.this.node.origin if self.this.node else None, fix="give each its  name: in WSL")]
        )

    @property
    def _distro_or_none(self) -> str | None:
        distros = self.this.distros.values()
        name = (self.here.distro_name or "").lower()
        fitting = (
            distro.key for distro in distros if name in [known.lower() for known in distro.names or (distro.key,)]
        )
        return next(fitting, next(iter(self.this.distros)) if len(distros) == 1 else None)

    def is_here(self, machine: Target) -> bool:
        """Whether it is the distro that we are in. Where that cannot be told, of several none is."""
        return machine.workstation == self.this.name and machine.distro == self._distro_or_none

    def place(self, target: Target) -> Place:
        """UsageError: the documents know no such target."""
        workstation = self.workstation(target.workstation)
        if target.distro is not None and target.distro not in workstation.distros:
            fix = nearest_fix(target.distro, workstation.distros)
            raise UsageError(f"{workstation.name} has no distro {target.distro}", fix=fix)
        return Place(target=target, groups=workstation.groups)

    def workstation(self, name: str) -> Workstation:
        every = {**self.workstations, self.this.name: self.this}
        if name not in every:
            raise UsageError(f"no workstation {name}", fix=nearest_fix(name, every))
        return every[name]


def select(inventory: Inventory, limit: str | None, everything: bool, login: Login, user: str | None) -> list[Target]:
    """The targets that are meant. Without a choice: this workstation's host, the distro we are in and the caller's user."""
    if limit is None and not everything:
        machine = Target(inventory.this.name, inventory.distro)
        return [Target(machine.workstation), machine, replace(machine, user=user or login(machine))]
    chosen = inventory.every.values() if limit is None else _chosen(inventory, limit)
    return [target for entry in chosen for target in targets_of(entry, login, user)]


def targets_of(entry: Workstation, login: Login, user: str | None = None) -> Iterator[Target]:
    yield Target(entry.name)
    for distro in entry.distros.values():
        machine = Target(entry.name, distro.key)
        yield machine
        names = [user] if user else (login(machine) if name == SELF else name for name in distro.users)
        yield from (replace(machine, user=name) for name in dict.fromkeys(names))


def _chosen(inventory: Inventory, limit: str) -> Collection[Workstation]:
    every = {**inventory.workstations, inventory.this.name: inventory.this}
    if is_glob(limit):
        found = [entry for entry in inventory.every.values() if fnmatchcase(entry.name.lower(), limit.lower())]
    else:
        found = [
            entry for entry in every.values() if limit.lower() in (entry.name.lower(), *map(str.lower, entry.groups))
        ]
    if found:
        return found
    if spelt(limit, inventory.groups):
        raise UsageError(f"no workstation is in the group {limit}", fix=f"write  groups: [{limit}]  at a workstation")
    raise UsageError(f"no workstation or group {limit}", fix=nearest_fix(limit, [*every, *inventory.groups]))


def spelt(name: str, known: Iterable[str]) -> str | None:
    """The known name that is the same but for its case: names compare without."""
    return next((other for other in known if other.lower() == name.lower()), None)


def nearest_fix(word: str, known: Iterable[str]) -> str | None:
    names = sorted(known)
    guess = nearest(word, names)
    return f"did you mean  {guess}" if guess else f"declared: {', '.join(names)}" if names else None
