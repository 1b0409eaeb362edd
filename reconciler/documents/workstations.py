"""The inventory as documents and `machine.yaml` give it: read, merged, and held to what is declared."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase

from reconciler.documents import guards, merge, remotes, where
from reconciler.documents.grammar import GROUP, WORKSTATION
from reconciler.documents.inventory import (
    DEFAULT_DISTRO,
    SELF,
    Distro,
    Here,
    Inventory,
    Workstation,
    nearest_fix,
    spelt,
)
from reconciler.documents.machine_file import MachineFile
from reconciler.documents.repository import Repository
from reconciler.documents.sections import entries, holders, scalars
from reconciler.model import tree
from reconciler.model.address import WINDOWS_KEY
from reconciler.model.errors import DocumentError, Problem
from reconciler.model.schema import Schema
from reconciler.model.tree import Node, Scalar


def build(repository: Repository, machine: MachineFile, here: Here) -> Inventory:
    """DocumentError names what is used and nowhere declared, what cannot be told apart, and what cannot be reached."""
    groups = _declared(repository, "groups", GROUP)
    listed = {
        name: _workstation(name, node, groups)
        for name, node in _declared(repository, "workstations", WORKSTATION).items()
    }
    problems = [
        *_alike(repository),
        *_undeclared(repository, machine, listed, groups),
        *remotes.problems(listed.values(), groups),
        *guards.problems(listed.values(), groups),
    ]
    if problems:
        raise DocumentError(problems)
    this = _this(listed, machine, here, groups)
    return Inventory(workstations=listed, groups=groups, this=this, here=here, introduced=machine.introduces)


def _declared(repository: Repository, section: str, schema: Schema) -> dict[str, tree.Mapping]:
    """The entries of a section of all documents, merged like everything else."""
    found: dict[str, tree.Mapping] = {}
    for _, mapping in repository.sections(section):
        for key, node in mapping:
            both = merge.over(schema, found.get(key.text), node)
            assert isinstance(both, tree.Mapping)
            found[key.text] = both
    return found


def _workstation(name: str, node: tree.Mapping, groups: Mapping[str, tree.Mapping]) -> Workstation:
    member = _members(scalars(node.get("groups")), groups)
    users = next((given for group in member if group in groups and (given := groups[group].get("users"))), None)
    distros = {
        key.text: _distro(key.text, inner, users)
        for key, inner in entries(node.get("distros"))
        if isinstance(inner, tree.Mapping)
    }
    default = Distro(key=DEFAULT_DISTRO, users=_users(users))
    return Workstation(name=name, groups=member, distros=distros or {DEFAULT_DISTRO: default}, node=node)


def _distro(key: str, node: tree.Mapping, group_users: Node | None) -> Distro:
    names = tuple(scalar.text for scalar in scalars(node.get("name")))
    return Distro(key=key, names=names, users=_users(node.get("users") or group_users), node=node)


def _users(node: Node | None) -> Mapping[str, tree.Mapping | None]:
    if isinstance(node, tree.Mapping):
        return {key.text: value if isinstance(value, tree.Mapping) else None for key, value in node}
    return {scalar.text: None for scalar in scalars(node)} or {SELF: None}


def _members(names: Iterable[Scalar], groups: Iterable[str]) -> tuple[str, ...]:
    """The groups that are meant, as they are declared; the others are named elsewhere."""
    meant = (spelt(name.text, groups) for name in names)
    return tuple(dict.fromkeys(group for group in meant if group is not None))


def _this(listed: Mapping[str, Workstation], machine: MachineFile, here: Here, groups: Iterable[str]) -> Workstation:
    """machine.yaml's word, else the workstation whose host name fits, else one by our host name, in no group but its own."""
    if machine.workstation is not None:
        name = machine.workstation.text
        found = listed.get(spelt(name, listed) or "")
        if found is None and listed:
            what = f"no document lists the workstation {name}"
            raise DocumentError([Problem(what, machine.workstation.origin, fix=nearest_fix(name, listed))])
    else:
        name = re.sub(r"[^a-z0-9._-]", "-", here.hostname.lower()).lstrip("._-") or "localhost"
        fitting = [entry for entry in listed.values() if _hostname_fits(entry, here.hostname)]
        if len(fitting) > 1:
            names = " and ".join(entry.name for entry in fitting)
            fix = "name this one: `reconcile init --workstation NAME`"
            raise DocumentError(f"the host name {here.hostname} fits {names}", fix=fix)
        found = fitting[0] if fitting else None
    own = _members(machine.groups, groups)
    if found is None:
        return Workstation(name=name, groups=own, declared=False)
    return replace(found, groups=tuple(dict.fromkeys([*found.groups, *own])))


def _hostname_fits(workstation: Workstation, hostname: str) -> bool:
    match_node = workstation.node.get("match") if workstation.node else None
    named = match_node.get("hostname") if isinstance(match_node, tree.Mapping) else None
    wanted = [scalar.text for scalar in scalars(named)] if named else [workstation.name]
    return any(fnmatchcase(hostname.lower(), pattern.lower()) for pattern in wanted)


def _alike(repository: Repository) -> Iterator[Problem]:
    """Workstations whose names differ only in case: names compare without."""
    first: dict[str, Scalar] = {}
    for _, section in repository.sections("workstations"):
        for key, _ in section:
            other = first.setdefault(key.text.lower(), key)
            if other.text != key.text:
                what = f'workstation "{key.text}" differs from "{other.text}" only in case'
                yield Problem(what, key.origin, fix="spell both alike, or give one another name")


def _undeclared(
    repository: Repository, machine: MachineFile, listed: Mapping[str, Workstation], groups: Mapping[str, object]
) -> Iterator[Problem]:
    """Names in conditions and group lists that nothing declares."""
    known = {
        "workstation": set(listed),
        "groups": set(groups),
        "distro": {DEFAULT_DISTRO, WINDOWS_KEY, *(key for entry in listed.values() for key in entry.distros)},
    }
    spellings = {key: {name.lower() for name in names} for key, names in known.items()}
    for key, scalar in _used(repository, machine):
        if key == "user" and scalar.text == SELF:
            what = "`self` stands for whoever calls; a condition needs a name"
            yield Problem(what, scalar.origin, fix="write the user's name")
        elif key in known and scalar.text.lower() not in spellings[key]:
            word = {"groups": "group"}.get(key, key)
            what = f'no {word} "{scalar.text}" is declared'
            yield Problem(what, scalar.origin, fix=nearest_fix(scalar.text, known[key]))


def _used(repository: Repository, machine: MachineFile) -> Iterator[tuple[str, Scalar]]:
    """Every name that stands for a part of the inventory, with the key of conditions that it would stand under."""
    yield from (("groups", scalar) for scalar in machine.groups)
    for document in repository.documents:
        for _, node in entries(document.root.get("workstations")):
            if isinstance(node, tree.Mapping):
                yield from (("groups", scalar) for scalar in scalars(node.get("groups")))
        for holder in holders(document.root):
            yield from where.named(holder.get("where"))
