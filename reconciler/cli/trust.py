"""`reconcile trust`: the keys that a host shows, added to the person's known hosts once somebody has compared them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import options
from reconciler.cli.console import say
from reconciler.cli.doors import UNDER_SUDO, RemoteDoors
from reconciler.cli.session import Choice, caller, controller, open_source
from reconciler.documents import machine_file, remotes, repository
from reconciler.documents.desire import Documents
from reconciler.documents.machine_file import MachineFile
from reconciler.documents.reader import Caller
from reconciler.model.address import Target
from reconciler.model.errors import BlockedError, DocumentError, UsageError
from reconciler.model.remote import HOST, NoRemote, Remote
from reconciler.rendering.visible import visible

if TYPE_CHECKING:
    from reconciler.transports.ssh.config import Settings
    from reconciler.transports.ssh.host_keys import KeysOfHost
    from reconciler.transports.ssh.trust import OfferedKey


@click.command("trust")
@click.argument("host")
@options.documents
@click.option("--fingerprint", metavar="SHA256:…", help="Add the key that has this fingerprint, without asking.")
def command(host: str, fingerprint: str | None, **choice: Any) -> int:
    """Show the keys of HOST, and add them to your known_hosts once you agree.

    HOST is a workstation of the documents, or a name or address as ssh takes it.
    """
    who = caller()
    machine, remote = _meant(host, Choice(**choice), who)
    doors = RemoteDoors(who, machine, lambda target: remote)
    if doors.is_sudo:
        raise UsageError(UNDER_SUDO, fix="run it without sudo: the known hosts are yours")
    route = doors.route(remote, label=host)
    from reconciler.transports.ssh.trust import offered_keys

    settings = route[-1]
    known = doors.client.known_hosts.of(settings)
    new = _unknown(offered_keys(doors.client, route), known, settings)
    if not new:
        say(f"{host} is known already, by each key that it shows.")
        return 0
    chosen = [key for key in new if fingerprint in (None, key.fingerprint)]
    if not chosen:
        raise BlockedError(f"{host} has no key {fingerprint}; it shows {', '.join(key.fingerprint for key in new)}")
    say(_shown(settings, chosen))
    if fingerprint is None:
        _ask(known)
    _add(chosen, known, settings)
    return 0


def _meant(host: str, choice: Choice, who: Caller) -> tuple[MachineFile, Remote]:
    """As documents say, where there are some that name the host; else as ssh itself would take it."""
    try:
        repository.find(choice.directory, choice.directory / choice.file if choice.file else None)
    except DocumentError:
        if choice.file:
            raise
    else:
        documents = open_source(choice, who, controller(who))
        name, _, distro = host.partition("/")
        workstation = documents.inventory.workstations.get(name)
        if workstation is not None:
            return documents.machine, _declared(documents, Target(name, distro or next(iter(workstation.distros))))
    if not HOST.reads(host):
        raise UsageError(f"{host} is no host name or address, and no workstation of the documents")
    return machine_file.read(who), Remote(host=host)


def _declared(documents: Documents, machine: Target) -> Remote:
    found = remotes.remote(documents.inventory, machine)
    if isinstance(found, NoRemote):
        raise UsageError(found.why, fix=found.fix)
    return found


def _unknown(offered: Sequence[OfferedKey], known: KeysOfHost, settings: Settings) -> list[OfferedKey]:
    """The keys to add. BlockedError: one that is known is another, or revoked."""
    from reconciler.transports.ssh.host_keys import Marker

    for key in offered:
        for line in known.keys:
            if line.marker is Marker.REVOKED and line.blob == key.blob:
                raise BlockedError(f"{settings.label} shows the key {key.fingerprint}, which {line.place} revokes")
            if line.marker is Marker.KEY and line.type == key.key_type and line.blob != key.blob:
                what = f"{line.place} has another {key.type} key for {settings.label}; it now shows {key.fingerprint}"
                raise BlockedError(what, fix="ask who runs it; only if it was set up anew, take out that line first")
    blobs = {line.blob for line in known.marked(Marker.KEY)}
    return [key for key in offered if key.blob not in blobs]


def _shown(settings: Settings, keys: Sequence[OfferedKey]) -> str:
    rows = "\n".join(f"  {key.type:<8}{key.fingerprint}" for key in keys)
    place = visible(f"{settings.label} ({settings.hostname} port {settings.port})")
    compare = (
        "Compare with what its owner says, or what  ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub  prints there."
    )
    return f"{place} shows:\n{rows}\n{compare}"


def _ask(known: KeysOfHost) -> None:
    if not sys.stdin.isatty():
        raise BlockedError("there is no terminal to ask on, and nothing was added", fix="add  --fingerprint SHA256:…")
    if not click.confirm(f"Add them to your known hosts as {known.name}?", default=False):
        raise BlockedError("nothing was added")


def _add(keys: Sequence[OfferedKey], known: KeysOfHost, settings: Settings) -> None:
    from reconciler.transports.ssh.host_keys import shown
    from reconciler.transports.ssh.trust import add_to_known_hosts

    if not settings.user_known_hosts_files:
        raise UsageError("your ssh_config names no known_hosts file of your own (UserKnownHostsFile none)")
    path = settings.user_known_hosts_files[0]
    added = add_to_known_hosts(path, [known.name], keys, hashed=settings.hash_known_hosts)
    say(f"Added {added} key{'s' if added > 1 else ''} to {shown(path)}.")
