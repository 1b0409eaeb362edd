"""The journals of machines, for the commands that look back: `history`, `undo`, `uninstall`."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from reconciler.cli.doors import RemoteDoors, local_door
from reconciler.cli.session import Choice, Session, caller, controller, open_session
from reconciler.documents import machine_file
from reconciler.execution.doors import Doors
from reconciler.execution.visit import Observed, observe
from reconciler.model import ledger
from reconciler.model.address import Layer, Target
from reconciler.model.errors import BlockedError, DocumentError, UnreachableError
from reconciler.model.facts import FileText
from reconciler.model.ledger import RunRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Journals:
    """What the machines' journals tell, by target; `unread` says of whom nothing is known, and why."""

    session: Session
    runs: Mapping[Target, tuple[RunRecord, ...]]
    unread: Mapping[Target, str]
    observed: Observed

    @property
    def each(self) -> Iterable[tuple[RunRecord, ...]]:
        return self.runs.values()


def open_journals(choice: Choice) -> Journals:
    """Of the machines and users that are meant. What happened here needs no documents to be told."""
    session = _session(choice)
    asked: dict[Target, dict[Target, frozenset[FileText]]] = {}
    for target in (target for target in session.targets if target.layer is not Layer.WINDOWS):
        asked.setdefault(target.machine, {})[target] = frozenset({FileText(ledger.path(target))})
    observed = observe(asked, session.doors)
    if not observed.sheets:
        reasons = ", ".join(f"{target}: {unseen.why}" for target, unseen in observed.unseen.items())
        raise UnreachableError(f"no journal could be read ({reasons or 'nothing is declared for this machine'})")
    unread = {target: unseen.why for target, unseen in observed.unseen.items()}
    runs = {}
    for target, sheet in observed.sheets.items():
        why = sheet.file(ledger.path(target)).unreadable
        if why is None:
            runs[target] = ledger.of_sheet(sheet, target)
        else:
            unread[target] = why
    return Journals(session=_as_recorded(session, runs), runs=runs, unread=unread, observed=observed)


def _session(choice: Choice) -> Session:
    try:
        return open_session(choice)
    except DocumentError:
        if choice.limit or choice.everything or choice.file or choice.extra:
            raise
    who = caller()
    machine = machine_file.read(who)
    name = machine.workstation.text if machine.workstation else socket.gethostname().lower()
    here = Target(name, "main")
    return Session(
        choice=choice,
        caller=who,
        controller=controller(who),
        machine=machine,
        targets=[here, Target(name, "main", choice.user or who.name)],
        doors=Doors(here=here, local=local_door(who, machine, choice.root)),
        remote=RemoteDoors(who, machine, lambda target: None, choice.timeout),
    )


def _as_recorded(session: Session, runs: Mapping[Target, tuple[RunRecord, ...]]) -> Session:
    """Without documents, this machine is called what its journal calls it."""
    if session.opened is not None:
        return session
    names = [change.target.machine for journal in runs.values() for run in journal[-1:] for change in run.changes]
    return replace(session, doors=replace(session.doors, here=names[-1])) if names else session


def require_any(journals: Journals) -> None:
    """BlockedError: nothing is known of any run."""
    if any(journals.each):
        return
    reasons = "; ".join(f"{target}: {why}" for target, why in journals.unread.items())
    fix = "run it as root, or with sudo" if os.geteuid() != 0 and reasons else None
    raise BlockedError(f"no run is in the journal{f' ({reasons})' if reasons else ''}", fix=fix)
