"""`machine.yaml`: what only this machine knows. Never committed; it stands above every document.

It names the workstation, its groups and variables, where secrets come from, and what may run code without asking.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from reconciler.documents.check import check_machine_file
from reconciler.documents.load import load
from reconciler.documents.reader import Caller, RepoReader, read_regular
from reconciler.documents.repository import ReadingError
from reconciler.documents.secret_sources import value_of
from reconciler.documents.sections import entries, scalars
from reconciler.model import tree
from reconciler.model.errors import DocumentError, Problem
from reconciler.model.tree import Origin, Scalar

FILE_NAME: Final = "machine.yaml"
SECRET_PREFIX: Final = "RECONCILE_SECRET_"


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineFile:
    """What is not said is empty, as where there is no such file.

    `become` says how root's rights are had on the machines that this one acts on: `auto` (by sudo, else doas) or `none`.
    """

    path: Path
    workstation: Scalar | None = None
    groups: tuple[Scalar, ...] = ()
    variables: tree.Mapping | None = None
    secrets: Mapping[str, tree.Mapping] = field(default_factory=dict)
    allow: tuple[str, ...] = ()
    become: str = "auto"

    @property
    def introduces(self) -> bool:
        """Whether it says which workstation this is: a file of secrets alone, as on a CI runner, does not."""
        return self.workstation is not None or bool(self.groups)


def read(caller: Caller, known: set[str] | None = None) -> MachineFile:
    """Read with the caller's own rights; ReadingError names what is wrong in it. `known`: see `open_repository`."""
    path = caller.config / FILE_NAME
    shown = str(path)
    texts: dict[str, bytes] = {}
    try:
        with caller.acting():
            if not os.path.lexists(path):
                return MachineFile(path=path)
            texts[shown] = read_regular(path, shown, None)
        root = _checked(texts[shown], shown, set() if known is None else known)
    except DocumentError as error:
        raise ReadingError(error.problems, RepoReader(top=path.parent, texts=texts)) from None
    workstation, variables, become = root.get("workstation"), root.get("vars"), root.get("become")
    return MachineFile(
        path=path,
        workstation=workstation if isinstance(workstation, Scalar) else None,
        groups=scalars(root.get("groups")),
        variables=variables if isinstance(variables, tree.Mapping) else None,
        secrets={key.text: node for key, node in entries(root.get("secrets")) if isinstance(node, tree.Mapping)},
        allow=tuple(scalar.text for scalar in scalars(root.get("allow"))),
        become=become.text if isinstance(become, Scalar) else "auto",
    )


def _checked(data: bytes, shown: str, known: set[str]) -> tree.Mapping:
    start = Origin(shown, 1, 1)
    root = load(data, shown) or tree.Mapping((), start)
    if not isinstance(root, tree.Mapping):
        raise DocumentError([Problem("the file is not a mapping", start, fix="write  workstation: NAME")])
    problems = check_machine_file(root, known)
    for key, source in entries(root.get("secrets")):
        if isinstance(source, tree.Mapping) and len(source.entries) != 1 and not problems:
            what = f"the secret {key.text} needs one source"
            problems.append(
                Problem(what, key.origin, fix="write one of  {env: NAME}, {file: PATH}, {command: [PROGRAM, …]}")
            )
    if problems:
        raise DocumentError(problems)
    return root


def has_secret(machine: MachineFile, name: str, environment: Mapping[str, str]) -> bool:
    """Whether a secret has a source here, which may be slow to ask."""
    return name in machine.secrets or SECRET_PREFIX + name.upper() in environment


def for_programs(machine: MachineFile, environment: Mapping[str, str]) -> dict[str, str]:
    """What programs that are started may see of an environment: all but the variables that secrets come from."""
    sources = {
        node.text
        for source in machine.secrets.values()
        for kind, node in source.entries
        if kind.text == "env" and isinstance(node, Scalar)
    }
    return {
        name: value
        for name, value in environment.items()
        if not name.upper().startswith(SECRET_PREFIX) and name not in sources
    }


def secret(machine: MachineFile, name: str, caller: Caller, environment: Mapping[str, str]) -> str | None:
    """A secret's text; None where it has no source here. DocumentError: its source failed."""
    source = machine.secrets.get(name)
    if source is None:
        return environment.get(SECRET_PREFIX + name.upper())
    return value_of(name, source, caller, environment, for_programs(machine, environment))
