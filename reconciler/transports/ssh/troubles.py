"""Why a connection does not come about, or breaks. Text of the server is quoted as it is, and short."""

from __future__ import annotations

import errno
import os
import socket
from typing import Final

from reconciler.model.errors import UnreachableError
from reconciler.transports.ssh.algorithms import Algorithms
from reconciler.transports.ssh.config.values import Settings
from reconciler.transports.ssh.library import paramiko
from reconciler.transports.ssh.session import Session

_LONGEST_QUOTE: Final = 120
_TOO_BUSY: Final = ("Exceeded MaxStartups", "Not allowed at this time")
"""What sshd says instead of its version. Source: OpenSSH sshd.c."""
_LISTS: Final = {"kex": "key exchanges", "keys": "host keys", "ciphers": "ciphers", "macs": "MACs"}


def place(settings: Settings) -> str:
    return f"{settings.label} ({settings.hostname} port {settings.port})"


def unresolved(settings: Settings, error: OSError) -> UnreachableError:
    return UnreachableError(
        f"the name {settings.hostname} does not resolve: {error.strerror or error}",
        fix=f"check  ssh.host  of {settings.label}, its HostName in ssh_config, and your name server or VPN",
    )


def unconnected(settings: Settings, error: OSError, seconds: float) -> UnreachableError:
    if isinstance(error, TimeoutError | socket.timeout) or error.errno == errno.ETIMEDOUT:
        return silent(settings, "nothing answered", seconds)
    if error.errno == errno.ECONNREFUSED:
        return UnreachableError(
            f"{place(settings)} refused the connection",
            fix=f"see that sshd runs there and listens on port {settings.port}",
        )
    return UnreachableError(
        f"{place(settings)} cannot be reached: {os.strerror(error.errno) if error.errno else error}",
        fix="check the address, the network and the VPN",
    )


def silent(settings: Settings, what: str, seconds: float) -> UnreachableError:
    return UnreachableError(
        f"{place(settings)}: {what} within {seconds:g} seconds",
        fix="see that it runs and that no firewall drops the connection; ConnectTimeout in ssh_config gives it longer",
    )


def not_begun(settings: Settings, session: Session, algorithms: Algorithms, seconds: float) -> UnreachableError:
    """The exchange of keys did not come to its end."""
    error = session.get_exception()
    opening = session.wire.opening.decode("utf-8", "replace")
    if isinstance(error, paramiko.ssh_exception.IncompatiblePeer) and session.offered:
        return _nothing_in_common(settings, session, algorithms)
    if session.wire.is_flooded:
        return _not_ssh(settings, "sent more than any SSH server says before it proves who it is", opening)
    if opening.startswith(_TOO_BUSY):
        return UnreachableError(
            f"{place(settings)} turned us away: {_quoted(opening)}",
            fix="try again in a while; see MaxStartups and PerSourcePenalties in its sshd_config",
        )
    if "SSH-" not in opening:
        if session.is_active() and not opening:
            return silent(settings, "the connection came about, but no SSH server said anything", seconds)
        if opening:
            return _not_ssh(settings, "does not speak SSH", opening)
        return UnreachableError(
            f"{place(settings)} closed the connection before it said anything",
            fix="its sshd may be too busy (MaxStartups), or a firewall or fail2ban shuts you out; try again, or look at its log",
        )
    if session.is_active():
        return silent(settings, "the SSH server did not finish the exchange of keys", seconds)
    return UnreachableError(
        f"{place(settings)} broke off the exchange of keys{_reason(session)}", fix="look at the log of its sshd"
    )


def lost(name: str, doing: str, session: Session) -> UnreachableError:
    return UnreachableError(
        f"the connection to {name} was lost while {doing}{_reason(session)}",
        fix="see whether the machine runs and the network holds, then run it again",
    )


def _not_ssh(settings: Settings, what: str, opening: str) -> UnreachableError:
    return UnreachableError(
        f"{place(settings)} {what}; it began with: {_quoted(opening)}",
        fix=f"check the port: something else than sshd listens on {settings.port}",
    )


def _nothing_in_common(settings: Settings, session: Session, algorithms: Algorithms) -> UnreachableError:
    ours = {
        "kex": algorithms.kex,
        "keys": algorithms.host_keys,
        "ciphers": algorithms.ciphers,
        "macs": algorithms.macs,
    }
    for kind, words in _LISTS.items():
        theirs = session.offered.get(kind, ())
        if not set(theirs) & set(ours[kind]):
            what = f"{place(settings)} has no {words} in common with us; it offers: {_quoted(', '.join(theirs))}"
            return UnreachableError(what, fix="write  ssh: {client: openssh}  for this machine, or renew its sshd")
    return UnreachableError(
        f"{place(settings)} has no algorithms in common with us", fix="write  ssh: {client: openssh}  for this machine"
    )


def _reason(session: Session) -> str:
    if session.farewell:
        return f": {_quoted(session.farewell)}"
    error = session.saved_exception
    return f": {_quoted(str(error))}" if error is not None and str(error) else ""


def _quoted(text: str) -> str:
    return " ".join(text.split())[:_LONGEST_QUOTE]
