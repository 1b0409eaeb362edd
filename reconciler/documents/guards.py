"""What documents ask of each workstation before anything is written there: its groups in order, then its own `guard:`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from reconciler.documents import merge
from reconciler.documents.grammar import GUARD
from reconciler.documents.inventory import Inventory, Workstation
from reconciler.model import tree
from reconciler.model.errors import Problem
from reconciler.model.guard import Guard
from reconciler.model.tree import Node, Scalar

Groups = Mapping[str, tree.Mapping]


def guard(inventory: Inventory, workstation: str) -> Guard | None:
    """None where nothing is asked. UsageError: the documents know no such workstation."""
    return _guard(inventory.workstation(workstation), inventory.groups)


def _guard(workstation: Workstation, groups: Groups) -> Guard | None:
    merged: Node | None = None
    for holder in (*(groups.get(name) for name in workstation.groups), workstation.node):
        node = holder.get("guard") if holder else None
        merged = merged if node is None else merge.over(GUARD, merged, node)
    fields = {
        key.text: value
        for key, value in (merged if isinstance(merged, tree.Mapping) else ())
        if isinstance(value, Scalar)
    }
    if not fields:
        return None
    asked = {name: value.text for name, value in fields.items()}
    return Guard(**asked, origins={name: value.origin for name, value in fields.items()})


def problems(workstations: Iterable[Workstation], groups: Groups) -> Iterator[Problem]:
    """A machine id that several distros would have to share: each has its own."""
    for workstation in workstations:
        found = _guard(workstation, groups)
        if found is not None and found.machine_id is not None and len(workstation.distros) > 1:
            what = f"the guard of {workstation.name} asks for one machine_id, and each of its distros has its own"
            yield Problem(
                what, found.origins["machine_id"], fix="take machine_id out; host_key, os, arch and libc may stay"
            )
