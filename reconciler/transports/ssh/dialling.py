"""Making the way to an SSH server: over TCP, or by the command of the user's own ssh_config."""

from __future__ import annotations

import socket
import threading
import time
from typing import Final

from reconciler.model.errors import UnreachableError
from reconciler.transports.ssh import troubles
from reconciler.transports.ssh.config.values import Local, Settings
from reconciler.transports.ssh.streams import CommandStream, SocketStream

_FAMILIES: Final = {"any": socket.AF_UNSPEC, "inet": socket.AF_INET, "inet6": socket.AF_INET6}
_PAUSE_SECONDS: Final = 1.0

_Address = tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]]


def tcp(settings: Settings, seconds: float) -> SocketStream:
    """Tries each address, as often as ConnectionAttempts says. UnreachableError."""
    until = time.monotonic() + seconds
    addresses = _addresses(settings, seconds)
    failure: OSError = TimeoutError()
    for attempt in range(settings.connection_attempts):
        if attempt:
            time.sleep(min(_PAUSE_SECONDS, max(until - time.monotonic(), 0)))
        for address in addresses:
            left = until - time.monotonic()
            if left <= 0:
                raise troubles.unconnected(settings, TimeoutError(), seconds)
            try:
                return SocketStream(_connected(settings, address, left))
            except OSError as error:
                failure = error
    raise troubles.unconnected(settings, failure, seconds)


def _connected(settings: Settings, address: _Address, seconds: float) -> socket.socket:
    family, place = address
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.settimeout(seconds)
        if settings.tcp_keep_alive:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if settings.bind_address:
            connection.bind((settings.bind_address, 0))
        connection.connect(place)
    except BaseException:
        connection.close()
        raise
    return connection


def _addresses(settings: Settings, seconds: float) -> list[_Address]:
    """In a thread of its own: a name server that does not answer cannot be interrupted."""
    found: list[_Address] = []
    trouble: list[OSError] = []

    def look_up() -> None:
        try:
            family = _FAMILIES[settings.address_family]
            for entry in socket.getaddrinfo(settings.hostname, settings.port, family, socket.SOCK_STREAM):
                found.append((entry[0], entry[4]))
        except (OSError, UnicodeError) as error:
            trouble.append(error if isinstance(error, OSError) else OSError(0, "it is no name"))

    thread = threading.Thread(target=look_up, name="ssh-resolve", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise troubles.unresolved(settings, TimeoutError(0, f"no name server answered within {seconds:g} seconds"))
    if trouble or not found:
        raise troubles.unresolved(settings, trouble[0] if trouble else OSError(0, "it has no address"))
    return found


def command(settings: Settings, local: Local) -> CommandStream:
    assert settings.proxy_command
    try:
        return CommandStream(settings.proxy_command, local)
    except OSError as error:
        raise UnreachableError(
            f"the ProxyCommand for {settings.label} cannot be started: {error.strerror}", fix="set SHELL to your shell"
        ) from error
