"""How each machine is reached by SSH, as documents say: its groups in order, its workstation, the distro itself.

`ssh:` on a workstation is its only distro's door. Of several distros each needs its own, for which the workstation's
gives what they have in common; with `windows: {ssh: …}` the others are behind the Windows host.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from reconciler.documents import merge
from reconciler.documents.grammar import SSH
from reconciler.documents.inventory import Inventory, Workstation
from reconciler.model import tree
from reconciler.model.address import Target
from reconciler.model.errors import Problem
from reconciler.model.remote import DEFAULT_CLIENT, NoRemote, Remote
from reconciler.model.tree import Node, Scalar

Groups = Mapping[str, tree.Mapping]


def remote(inventory: Inventory, machine: Target) -> Remote | NoRemote:
    """UsageError: the documents know no such machine."""
    inventory.place(machine)
    return _remote(inventory.workstation(machine.workstation), inventory.groups, machine)


def _remote(workstation: Workstation, groups: Groups, machine: Target) -> Remote | NoRemote:
    if machine.distro is None:
        return NoRemote("this version reaches no Windows host over SSH", "run it on that workstation")
    node = workstation.distros[machine.distro].node
    own, is_only = _holds_ssh(node), len(workstation.distros) == 1
    if not own and _windows(workstation) is not None and not (is_only and _holds_ssh(workstation.node)):
        why = f"{machine} is behind its Windows host, and this version does not go through wsl.exe over SSH"
        return NoRemote(why, f"give the distro an  ssh:  of its own, or run it on {workstation.name}")
    holders = [*(groups.get(name) for name in workstation.groups), workstation.node, node]
    if not (own or is_only) or not any(map(_holds_ssh, holders)):
        key = f"{{distros: {{{machine.distro}: {{ssh: {{host: …}}}}}}}}" if not is_only else "{ssh: {host: …}}"
        return NoRemote(f"no `ssh:` says how to reach {machine}", f"write  workstations: {{{workstation.name}: {key}}}")
    return _merged(workstation.name, holders)


def _merged(name: str, holders: Iterable[tree.Mapping | None]) -> Remote:
    """The highest `ssh:` over those below it. Its host is the workstation's name, if none of them names one."""
    merged: Node | None = None
    origin = None
    for holder in holders:
        key, node = (holder.key("ssh"), holder.get("ssh")) if holder else (None, None)
        if key is not None and node is not None:
            merged, origin = merge.over(SSH, merged, node), key.origin

    def text(field: str) -> str | None:
        value = merged.get(field) if isinstance(merged, tree.Mapping) else None
        return value.text if isinstance(value, Scalar) else None

    port = text("port")
    return Remote(
        host=text("host") or name,
        user=text("user"),
        port=int(port) if port else None,
        identity_file=text("identity_file"),
        proxy_jump=text("proxy_jump"),
        client=text("client") or DEFAULT_CLIENT,
        origin=origin,
    )


def _holds_ssh(node: tree.Mapping | None) -> bool:
    return node is not None and node.get("ssh") is not None


def _windows(workstation: Workstation) -> tree.Mapping | None:
    """The workstation's `windows:`, if it says how to reach the host."""
    node = workstation.node.get("windows") if workstation.node else None
    return node if isinstance(node, tree.Mapping) and _holds_ssh(node) else None


def problems(workstations: Iterable[Workstation], groups: Groups) -> Iterator[Problem]:
    """Doors that lead nowhere in particular, and addresses that two machines have."""
    first: dict[tuple[str, int, str], tuple[Target, Remote]] = {}
    for workstation in workstations:
        yield from _without_own(workstation)
        for machine, found in _remotes(workstation, groups):
            other, its = first.setdefault(found.address, (machine, found))
            if other != machine:
                host, port, _ = found.address
                what = f"{machine} has the same address as {other} ({its.origin}): {host}, port {port}"
                fix = "give each its own  host:  or  port:  (behind different jumps,  proxy_jump:  tells them apart)"
                yield Problem(what, found.origin, fix=fix)


def _remotes(workstation: Workstation, groups: Groups) -> Iterator[tuple[Target, Remote]]:
    windows = _windows(workstation)
    if windows is not None:
        yield Target(workstation.name), _merged(workstation.name, [windows])
    for key in workstation.distros:
        machine = Target(workstation.name, key)
        found = _remote(workstation, groups, machine)
        if isinstance(found, Remote):
            yield machine, found


def _without_own(workstation: Workstation) -> Iterator[Problem]:
    """A workstation's `ssh:` that one of several distros would need to share."""
    key = workstation.node.key("ssh") if workstation.node else None
    without = [distro.key for distro in workstation.distros.values() if not _holds_ssh(distro.node)]
    if key is not None and without and len(workstation.distros) > 1 and _windows(workstation) is None:
        what = f"{workstation.name} has several distros, and its ssh: does not say to which of them it leads"
        own = f"write  distros: {{{without[0]}: {{ssh: {{host: …}}}}}}"
        fix = f"{own}  (none stands at {', '.join(without)}), or  windows: {{ssh: {{host: …}}}}  for the Windows host"
        yield Problem(what, key.origin, fix=fix)
