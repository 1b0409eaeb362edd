"""What every command needs: who calls, from where, with which documents and doors."""

from __future__ import annotations

import os
import pwd
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

from reconciler import __version__
from reconciler.documents import inventory, machine_file
from reconciler.documents.desire import Documents, Source, open_documents
from reconciler.documents.inventory import Here
from reconciler.documents.machine_file import MachineFile
from reconciler.documents.reader import Caller
from reconciler.execution.controller import Controller
from reconciler.execution.doors import Doors
from reconciler.execution.gather import Caller as Asker
from reconciler.model.address import Target
from reconciler.model.derived_facts import DERIVED_FACTS
from reconciler.model.errors import BlockedError, UsageError
from reconciler.pipeline import Secrets
from reconciler.resources.catalogue import Catalogue
from reconciler.transports.local import LocalTransport

TODAY_VARIABLE = "RECONCILE_TODAY"
"""For tests: the day to go by, as 2027-03-31."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What the command line says of documents and targets."""

    directory: Path
    file: Path | None = None
    extra: Mapping[str, str] | None = None
    limit: str | None = None
    everything: bool = False
    user: str | None = None
    root: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One run. A saved plan needs no documents: `opened` and `targets` are empty then."""

    choice: Choice
    caller: Caller
    controller: Controller
    machine: MachineFile
    doors: Doors
    opened: Documents | None = None
    targets: list[Target] = field(default_factory=list)

    @property
    def documents(self) -> Documents:
        assert self.opened is not None
        return self.opened

    @property
    def secrets(self) -> Secrets:
        @cache
        def lookup(name: str) -> str | None:
            return machine_file.secret(self.machine, name, self.caller, os.environ)

        return Secrets(lookup=lookup, key=self.controller.key())

    def require_known_machine(self) -> None:
        """BlockedError: the repo lists workstations and this is none of them, so nothing is written here."""
        found = self.documents.inventory
        is_meant = any(target.workstation == found.this.name for target in self.targets)
        if is_meant and found.lists_workstations and not found.this.declared and not self.machine.exists:
            fix = "run `reconcile init --workstation NAME`, with a name that the repo lists"
            raise BlockedError(f"the repo does not list this machine ({found.this.name})", fix=fix)


def caller() -> Caller:
    """Who called: under sudo the one who typed it."""
    uid = os.geteuid()
    name = os.environ.get("SUDO_USER") if uid == 0 else None
    try:
        entry = pwd.getpwnam(name) if name and name != "root" else pwd.getpwuid(uid)
    except KeyError:
        raise UsageError(f"no account has the user id {uid}", fix="run it as a user that exists") from None
    own = entry.pw_uid == uid
    home = (os.environ.get("HOME") if own else None) or entry.pw_dir
    config = (os.environ.get("XDG_CONFIG_HOME") if own else None) or f"{home}/.config"
    return Caller(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid, home=home, config=Path(config) / "reconcile")


def controller(who: Caller) -> Controller:
    """The folders of whose rights we have: under sudo root's own, for root never writes below a caller's home."""
    own = os.geteuid() == who.uid
    home = Path(who.home if own else pwd.getpwuid(os.geteuid()).pw_dir)
    state, cache = (os.environ.get(name) if own else None for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME"))
    return Controller(
        state=Path(state or home / ".local/state") / "reconcile", cache=Path(cache or home / ".cache") / "reconcile"
    )


def today() -> date:
    given = os.environ.get(TODAY_VARIABLE)
    try:
        return date.fromisoformat(given) if given else datetime.now(UTC).date()
    except ValueError:
        raise UsageError(
            f"{TODAY_VARIABLE} is {given}, which is no date", fix="write a date such as 2027-03-31"
        ) from None


def open_session(choice: Choice) -> Session:
    """Reads the documents and finds out which targets are meant. DocumentError: all that is wrong in them."""
    who = caller()
    keeper = controller(who)
    documents = open_source(choice, who, keeper)
    found = documents.inventory
    targets = inventory.select(found, choice.limit, choice.everything, who.name, choice.user)
    name = targets[0].workstation if choice.root and targets else found.this.name
    here = Target(name, found.distro if name == found.this.name else next(iter(found.workstation(name).distros)))
    return Session(
        choice=choice,
        caller=who,
        controller=keeper,
        machine=documents.machine,
        opened=documents,
        targets=targets,
        doors=doors(who, here, choice.root),
    )


def session_without_documents(choice: Choice, here: Target, root: str | None) -> Session:
    """For a saved plan, which brings its own desired state; `here` is the machine that the plan was made on."""
    who = caller()
    machine = machine_file.read(who)
    return Session(choice=choice, caller=who, controller=controller(who), machine=machine, doors=doors(who, here, root))


def open_source(choice: Choice, who: Caller, keeper: Controller) -> Documents:
    source = Source(
        start=choice.directory,
        file=choice.directory / choice.file if choice.file else None,
        extra=choice.extra or {},
        caller=who,
        here=Here(hostname=socket.gethostname(), user=who.name, distro_name=os.environ.get("WSL_DISTRO_NAME")),
        today=today(),
        version=__version__,
    )
    before = keeper.good_documents()
    good = set(before)
    documents = open_documents(source, Catalogue(), frozenset(DERIVED_FACTS), good)
    keeper.remember_good_documents(good, before)
    return documents


def doors(who: Caller, here: Target, root: str | None) -> Doors:
    asker = Asker(user=who.name, uid=os.geteuid(), home=who.home, environment=dict(os.environ))
    return Doors(here=here, local=LocalTransport(), caller=asker, root=root)
