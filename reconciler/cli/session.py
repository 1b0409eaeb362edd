"""What every command needs: who calls, from where, with which documents and doors."""

from __future__ import annotations

import os
import pwd
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

import click

from reconciler import __version__
from reconciler.cli.console import say
from reconciler.cli.doors import RemoteDoors, local_door
from reconciler.cli.passwords import (
    SUDO_SECRET,
    OnceKnown,
    SudoPasswords,
    is_terminal,
    read_password_file,
    secret_password,
)
from reconciler.documents import guards, inventory, machine_file, remotes
from reconciler.documents.desire import Documents, Source, open_documents
from reconciler.documents.grammar import RESERVED_SECRETS
from reconciler.documents.inventory import Here
from reconciler.documents.machine_file import MachineFile
from reconciler.documents.reader import Caller
from reconciler.execution.controller import Controller
from reconciler.execution.doors import Door, Doors
from reconciler.execution.downloads import Downloads
from reconciler.model.address import Target
from reconciler.model.derived_facts import DERIVED_FACTS
from reconciler.model.errors import BlockedError, UsageError
from reconciler.model.ledger import TIME_FORMAT, RunStamp
from reconciler.model.saved_plan import SavedPlan
from reconciler.pipeline import Guards, Run, Secrets
from reconciler.rendering.visible import visible
from reconciler.resources.catalogue import Catalogue

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
    confirm_within: int = 30
    """Within how many seconds another machine has to be reached anew after a change that may cut us off; 0: never."""
    timeout: int = 30
    """How many seconds a machine may say nothing."""
    sudo_password_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One run. A saved plan needs no documents: `opened` and `targets` are empty then."""

    choice: Choice
    caller: Caller
    controller: Controller
    machine: MachineFile
    doors: Doors
    remote: RemoteDoors
    opened: Documents | None = None
    guards: Guards = field(default_factory=dict)
    targets: list[Target] = field(default_factory=list)

    @property
    def documents(self) -> Documents:
        assert self.opened is not None
        return self.opened

    @property
    def secrets(self) -> Secrets:
        @cache
        def lookup(name: str) -> str | None:
            if name.lower() in RESERVED_SECRETS:  # no document says this, and a forged plan must not
                return None
            return machine_file.secret(self.machine, name, self.caller, os.environ)

        return Secrets(lookup=lookup, key=self.controller.key())

    def run(self, *, may_ask: bool = False, allow: tuple[str, ...] | None = None, prune: bool = False) -> Run:
        """What the pipeline goes by. `may_ask`: for a sudo password, where there is somebody to ask."""
        file = self.choice.sudo_password_file
        in_file = read_password_file(file) if file else None
        look_up = OnceKnown(lambda: in_file or secret_password(self.machine, SUDO_SECRET, self.caller))
        is_known = in_file is not None or machine_file.has_secret(self.machine, SUDO_SECRET, os.environ)
        passwords = SudoPasswords(known=look_up, may_ask=may_ask and is_terminal())
        return Run(
            doors=self.doors,
            secrets=self.secrets,
            passwords=passwords if passwords.may_ask or is_known else None,
            allow=allow,
            guards=self.guards,
            cached=self.downloads.sizes(),
            prune=prune,
            confirm_seconds=self.choice.confirm_within,
        )

    def stamp(self, *, undoes: str | None = None) -> RunStamp:
        """What this run is called in the journals that it leaves."""
        now = datetime.now(UTC)
        return RunStamp(
            id=f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}",
            by=f"{self.caller.name} on {socket.gethostname()}",
            at=now.strftime(TIME_FORMAT),
            tool=__version__,
            undoes=undoes,
        )

    @property
    def downloads(self) -> Downloads:
        return Downloads(
            folder=self.controller.cache / "downloads",
            acting=self.caller.acting,
            tell=lambda url: say(visible(f"Fetching {url}"), error=True),
        )

    def require_known_machine(self) -> None:
        """BlockedError: the repo lists workstations and this is none of them, so nothing is written here."""
        found = self.documents.inventory
        is_meant = any(target.workstation == found.this.name for target in self.targets)
        if is_meant and found.lists_workstations and not found.this.declared and not self.machine.introduces:
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
    remote = RemoteDoors(who, documents.machine, lambda machine: remotes.remote(found, machine), choice.timeout)

    def login(machine: Target) -> str:
        return who.name if choice.root or found.is_here(machine) else remote.login(machine) or who.name

    documents = replace(documents, logins=login)
    targets = inventory.select(found, choice.limit, choice.everything, login, choice.user)
    name = targets[0].workstation if choice.root and targets else found.this.name
    here = Target(name, found.distro if name == found.this.name else next(iter(found.workstation(name).distros)))
    guarded = {target.machine: guards.guard(found, target.workstation) for target in targets}
    return Session(
        choice=choice,
        caller=who,
        controller=keeper,
        machine=documents.machine,
        opened=documents,
        targets=targets,
        guards={machine: guard for machine, guard in guarded.items() if guard is not None},
        doors=_doors(here, local_door(who, documents.machine, choice.root), remote),
        remote=remote,
    )


def session_of_saved(choice: Choice, saved: SavedPlan) -> Session:
    """For a saved plan, which brings its own desired state, and how to reach the machines it is about."""
    who = caller()
    machine = machine_file.read(who)
    remote = RemoteDoors(who, machine, saved.remotes.get, choice.timeout)
    return Session(
        choice=choice,
        caller=who,
        controller=controller(who),
        machine=machine,
        guards=saved.guards,
        doors=_doors(saved.here, local_door(who, machine, saved.root), remote),
        remote=remote,
    )


def _doors(here: Target, local: Door, remote: RemoteDoors) -> Doors:
    """All that was opened is closed when the command ends, however it ends."""
    found = Doors(here=here, local=local, remote=remote.door, give_up=remote.asked.give_up)
    command = click.get_current_context(silent=True)
    if command is not None:
        command.call_on_close(remote.close)  # the last to be named is the first to be closed
        command.call_on_close(found.close)
    return found


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
