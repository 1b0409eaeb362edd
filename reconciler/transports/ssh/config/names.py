"""What may be a host's or a user's name, and which names are addresses.

Source: OpenSSH readconf.c, `ssh_valid_hostname` and `ssh_valid_ruser`; ssh.c, `is_addr` and `resolve_addr`.
"""

from __future__ import annotations

import re
from typing import Final

from reconciler.model.errors import Problem, ReconcileError
from reconciler.transports.ssh.config.jumps import is_none, parse_jumps
from reconciler.transports.ssh.config.syntax import lowered
from reconciler.transports.ssh.config.values import Destination

_HOST: Final = re.compile(r"(?!-)[^'`\"$\\;&<>|(){},\s\x00-\x1f\x7f]+")
_USER: Final = re.compile(r"(?!-)(?:[^'`\";&<>|(){}\\\s\x00-\x1f\x7f]|\\(?!\Z)|[ \xa0](?!-))+")
_MAYBE_ADDRESS: Final = re.compile(r"[0-9].*|.*[:%].*", re.DOTALL)
_SURELY_ADDRESS: Final = re.compile(r"[0-9.]*|.*[:%].*", re.DOTALL)


def check(destination: Destination) -> None:
    """Refuses names that a shell could take for more: ProxyCommand and Match exec put them into commands, and they
    come from documents, which may not run programs here."""
    last = destination.proxy_jump
    hops = []
    while last and not is_none(last):
        jumps = parse_jumps(last)
        if jumps is None:
            what = f"proxy_jump is {last!r}, which is neither none nor [USER@]HOST[:PORT] with commas between"
            raise ReconcileError([Problem(what, destination.origin)])
        hops.append(jumps.last)
        last = jumps.before
    for host in (destination.host, *(hop.host for hop in hops)):
        if not _HOST.fullmatch(host):
            raise ReconcileError([Problem(f"{host!r} cannot be the name of a host", destination.origin)])
    for user in (destination.user, *(hop.user for hop in hops)):
        if user is not None and not _USER.fullmatch(user):
            raise ReconcileError([Problem(f"{user!r} cannot be the name of a user", destination.origin)])


def canonical(host: str, family: str) -> str:
    """An address in its usual spelling (`127.1` is 127.0.0.1), a name in lower case."""
    if not _MAYBE_ADDRESS.fullmatch(host):
        return lowered(host)
    import socket

    wanted = {"inet": socket.AF_INET, "inet6": socket.AF_INET6}.get(family, socket.AF_UNSPEC)
    try:
        [found] = socket.getaddrinfo(host, None, wanted, socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        return socket.getnameinfo(found[4], socket.NI_NUMERICHOST)[0]
    except (OSError, ValueError):
        return host if _SURELY_ADDRESS.fullmatch(host) else lowered(host)
