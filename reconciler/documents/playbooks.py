"""Playbooks: documents named under `use:`, shipped with the tool or standing in the repo's own `playbooks/`."""

from __future__ import annotations

from pathlib import Path

from reconciler.documents.grammar import PLAYBOOK
from reconciler.documents.reader import shipped
from reconciler.model.errors import DocumentError, Problem
from reconciler.model.spelling import nearest
from reconciler.model.tree import Mapping, Scalar

FOLDER = "playbooks"
NOT_IN_PLAYBOOKS = ("use", "include", "where", "groups", "workstations")


def find(scalar: Scalar, top: Path) -> tuple[Path, bool]:
    """The playbook's file, and whether it is one that comes with the tool. DocumentError: there is none, or two."""
    name = scalar.text
    own, ours = top / FOLDER / f"{name}.yaml", shipped(FOLDER) / f"{name}.yaml"
    if own.is_file() and ours.is_file() and own.resolve() != ours.resolve():
        raise DocumentError(
            [Problem(f"{name} comes with reconcile", scalar.origin, fix="give your own playbook another name")]
        )
    if ours.is_file():
        return ours, True
    if own.is_file():
        return own, False
    known = available(top)
    guess = nearest(name, known)
    fix = f"did you mean  {guess}" if guess else f"there are: {', '.join(known)}"
    raise DocumentError([Problem(f"there is no playbook {name}", scalar.origin, fix=fix)])


def available(top: Path) -> list[str]:
    folders = (folder for folder in (shipped(FOLDER), top / FOLDER) if folder.is_dir())
    return sorted({path.stem for folder in folders for path in folder.glob("*.yaml") if PLAYBOOK.reads(path.stem)})


def misplaced(root: Mapping) -> list[Problem]:
    """What a playbook may not hold: it is for everybody, and stands alone."""
    keys = [key for key, _ in root if key.text in NOT_IN_PLAYBOOKS]
    return [
        Problem(f"`{key.text}` may not stand in a playbook", key.origin, fix="write it in a document of the repo")
        for key in keys
    ]
