"""`reconcile init`: describes this machine as it is, so that the next plan is in sync. Nothing that exists is overwritten."""

from __future__ import annotations

import socket
from pathlib import Path

import click

from reconciler import __version__
from reconciler.cli import options
from reconciler.cli.console import say
from reconciler.cli.doors import local_door
from reconciler.cli.session import Choice, caller, controller
from reconciler.documents import machine_file, repository
from reconciler.documents.machine_file import FILE_NAME
from reconciler.documents.reader import MAIN_FILE, Caller, find_main_file
from reconciler.execution.controller import write_private
from reconciler.execution.gather import gather
from reconciler.execution.session import Rights
from reconciler.model.address import Target
from reconciler.model.description import Description
from reconciler.model.errors import UsageError
from reconciler.model.spelling import nearest
from reconciler.planning import describe as describing
from reconciler.rendering.document import document_yaml
from reconciler.resources.assemble import inventory_kinds, inventory_questions
from reconciler.resources.catalogue import Catalogue


@click.command("init")
@options.selection_of_one
@click.option("--workstation", metavar="NAME", help="The name of this workstation; without it, its host name.")
@click.option("-C", "--directory", default=".", callback=options.folder, help="Where to write reconcile.yaml.")
def command(workstation: str | None, directory: Path, user: str | None, root: str | None) -> int:
    """Write machine.yaml, and a reconcile.yaml that describes this machine as it is.

    Changes nothing else, and overwrites nothing: the next `reconcile plan` is in sync.
    """
    who = caller()
    name = workstation or socket.gethostname().lower()
    main = find_main_file(directory)
    if main is not None:
        _require_listed(Choice(directory=directory), who, name)
    _introduce(who, name, chosen=workstation is not None)
    if main is not None:
        say(f"{main} is there already and stays as it is. Next: reconcile plan")
        return 0
    described = describe(who, name, user or who.name, root)
    path = directory / MAIN_FILE
    with who.acting(), path.open("x", encoding="utf-8") as file:
        file.write(document_yaml(described))
    say(f"Wrote {path}: {described.summary()}. Next: reconcile plan")
    return 0


def _introduce(who: Caller, name: str, *, chosen: bool) -> None:
    """machine.yaml tells later runs which workstation this is."""
    path = who.config / FILE_NAME
    with who.acting():
        if path.exists():
            if chosen:
                raise UsageError(f"{path} is there already", fix=f"change it there:  workstation: {name}")
            return
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(path, f"# What only this machine knows; never committed.\nworkstation: {name}\n".encode())
    say(f"Wrote {path}: this is the workstation {name}.")


def _require_listed(choice: Choice, who: Caller, name: str) -> None:
    """In a repo that lists workstations only those names are workstations."""
    keeper = controller(who)
    main = repository.find(choice.directory, None)
    found = repository.open_repository(main, who, Catalogue(), set(keeper.good_documents()), __version__)
    listed = [key.text for _, section in found.sections("workstations") for key, _ in section]
    if listed and name.lower() not in (entry.lower() for entry in listed):
        guess = nearest(name, listed)
        fix = f"did you mean  {guess}" if guess else f"it lists {', '.join(listed)}: name one with --workstation"
        raise UsageError(f"the repo lists no workstation {name}", fix=fix)


def describe(who: Caller, workstation: str, user: str, root: str | None) -> Description:
    """What every kind with an inventory sees on this machine."""
    targets = [Target(workstation, "main"), Target(workstation, "main", user)]
    door = local_door(who, machine_file.read(who), root)
    questions = {target: inventory_questions(target.layer) for target in targets}
    rights = Rights.FREE if door.may_become_root else Rights.OWN
    gathered = gather(door.transport, questions, caller=door.caller, root=root, rights=rights)
    kinds = [
        kind
        for target, sheet in gathered.sheets.items()
        for kind in describing.describe(target, inventory_kinds(target.layer), sheet)
    ]
    missing = tuple(f"{target}: {why}" for target, why in gathered.reasons.items())
    return Description(kinds=tuple(kinds), missing=missing)
