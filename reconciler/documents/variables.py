"""The variables that templates may use at a place, lowest rank first: inputs, documents, groups, workstation … `-e`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Final

from reconciler.documents import merge, reading
from reconciler.documents.grammar import VARIABLES
from reconciler.documents.inventory import SELF, Inventory, Login
from reconciler.documents.load import MOST_PROBLEMS
from reconciler.documents.machine_file import MachineFile
from reconciler.documents.merge import Rank
from reconciler.documents.repository import Repository
from reconciler.documents.sections import entries, holders
from reconciler.documents.where import Place
from reconciler.model import tree
from reconciler.model.errors import Problem
from reconciler.model.spelling import nearest
from reconciler.model.tree import Node, Origin, Scalar, Sequence

Variables = dict[str, Node]
"""By name, the merged node."""

COMMAND_LINE: Final = "-e"
INPUT_TYPES: Final = {"integer": "a whole number", "boolean": "true or false", "string": "text"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Variation:
    """All that says what variables are: documents, inventory, `machine.yaml`, and `extra` from the command line."""

    repository: Repository
    inventory: Inventory
    machine: MachineFile
    extra: Mapping[str, str]
    login: Login
    today: date

    def at(self, place: Place) -> Variables:
        """Every variable that holds at the place."""
        found: Variables = {}
        for mapping in self._mappings(place):
            for key, node in mapping:
                found[key.text] = merge.over(VARIABLES.of, found.get(key.text), node)
        found.update((name, Scalar(text, Origin(COMMAND_LINE, 1, 1))) for name, text in self.extra.items())
        return found

    def _mappings(self, place: Place) -> Iterator[tree.Mapping]:
        ranks = self._ranks(place)
        yield from (_defaults(rank.holder) for rank in ranks)
        workstation = self.inventory.workstation(place.target.workstation)
        distro = workstation.distros.get(place.target.distro or "")
        user = place.target.user
        users = distro.users if distro else {}
        above: list[Node | None] = [
            *(rank.holder for rank in ranks),
            *(self.inventory.groups.get(group) for group in place.groups),
            workstation.node,
            distro.node if distro else None,
            users.get(user) or (users.get(SELF) if user == self.login(place.target.machine) else None)
            if user
            else None,
        ]
        for holder in above:
            found = holder.get("vars") if isinstance(holder, tree.Mapping) else None
            if isinstance(found, tree.Mapping):
                yield found
        if self.machine.variables is not None:
            yield self.machine.variables

    def _ranks(self, place: Place) -> list[Rank]:
        return list(merge.counting(self.repository, place, self.today))

    def unfit(self, place: Place, variables: Variables) -> Iterator[Problem]:
        """Variables that are not of the type that an input asks for, and inputs that nobody gives."""
        for rank in self._ranks(place):
            for key, node in entries(rank.holder.get("inputs")):
                wanted = node.get("type") if isinstance(node, tree.Mapping) else None
                given = variables.get(key.text)
                if given is None:
                    fix = f"write  vars: {{{key.text}: …}}"
                    yield Problem(f"{rank.label} needs the variable {key.text}", key.origin, fix=fix)
                elif isinstance(wanted, Scalar) and not _is_of(wanted.text, given):
                    said = f'"{given.text}"' if isinstance(given, Scalar) else "no single value"
                    yield Problem(
                        f"vars.{key.text} is {said}; {rank.label} expects {INPUT_TYPES[wanted.text]}", given.origin
                    )


def check_used(
    repository: Repository, machine: MachineFile, used: frozenset[str], extra: Iterable[str] = ()
) -> Iterator[Problem]:
    """Variables that are set, and that no template reads and no input declares: misspelt, most likely.

    `extra` are the names that the command line sets.
    """
    known = used | {key.text for _, inputs in repository.sections("inputs") for key, _ in inputs}
    return islice(_unread(repository, machine, known, extra), MOST_PROBLEMS)


def _unread(
    repository: Repository, machine: MachineFile, known: frozenset[str], extra: Iterable[str]
) -> Iterator[Problem]:
    given = (Scalar(name, Origin(COMMAND_LINE, 1, 1)) for name in extra)
    for key in (*_declared(repository), *(key for key, _ in entries(machine.variables)), *given):
        if key.text not in known:
            guess = nearest(key.text, known)
            fix = f"did you mean  {guess}" if guess else "remove it, or use it as  {{ vars." + key.text + " }}"
            yield Problem(f"nothing reads the variable {key.text}", key.origin, fix=fix)


def _declared(repository: Repository) -> Iterator[Scalar]:
    for document in repository.documents:
        for holder in holders(document.root):
            yield from _names(holder)
        for section in ("groups", "workstations"):
            for _, node in entries(document.root.get(section)):
                yield from _inventory_names(node)


def _inventory_names(node: Node) -> Iterator[Scalar]:
    """Those of a workstation or group, its distros and users."""
    if isinstance(node, tree.Mapping):
        yield from _names(node)
        for key in ("distros", "users"):
            for _, inner in entries(node.get(key)):
                yield from _inventory_names(inner)


def _names(holder: tree.Mapping) -> Iterator[Scalar]:
    yield from (key for key, _ in entries(holder.get("vars")))


def plain(node: Node) -> object:
    """A variable's value: scalars keep their text as written."""
    match node:
        case Scalar(text=text):
            return text
        case Sequence(items=items):
            return [plain(item) for item in items]
        case tree.Mapping(entries=pairs):
            return {key.text: plain(value) for key, value in pairs}


def _defaults(holder: tree.Mapping) -> tree.Mapping:
    inputs = entries(holder.get("inputs"))
    given = ((key, node.get("default")) for key, node in inputs if isinstance(node, tree.Mapping))
    return tree.Mapping(tuple((key, default) for key, default in given if default is not None), holder.origin)


def _is_of(wanted: str, node: Node) -> bool:
    if not isinstance(node, Scalar):
        return False
    return {
        "integer": isinstance(reading.integer(node.text), int),
        "boolean": node.text in ("true", "false"),
        "string": True,
    }[wanted]
