"""A command on an SSH connection as a pipe."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import Final

from reconciler.model.errors import UnreachableError
from reconciler.transports.ssh import troubles
from reconciler.transports.ssh.connection import Connection
from reconciler.transports.ssh.library import paramiko

_CHUNK: Final = 65536
_TICK_SECONDS: Final = 0.02
"""How late room to write may be noticed: nothing tells of it."""
_NO_STATUS: Final = -1
_GONE: Final = (OSError, EOFError, paramiko.SSHException)
"""How paramiko says, in whatever thread sends something, that the connection has broken. Whoever reads finds out why."""


class ChannelPipe:
    """See `exchange.Pipe`. Closing it before the command has ended closes the whole connection: a server that keeps us
    waiting would not heed a polite word either."""

    def __init__(self, connection: Connection, command: str) -> None:
        self._connection = connection
        self._stirred = threading.Event()
        self._is_over = False
        self._channel = channel = connection.open_channel()
        channel.settimeout(0.0)
        for inlet in (channel.in_buffer, channel.in_stderr_buffer):
            inlet.set_event(self._stirred)
        try:
            connection.session.execute(channel, command)
        except _GONE as error:
            raise troubles.lost(connection.name, "a command was started", connection.session) from error

    @property
    def at_end(self) -> bool:
        """A channel that was closed without a word that this is all has not ended before `read` has looked why."""
        return (bool(self._channel.eof_received) or self._is_over) and not self._has_more

    @property
    def _has_more(self) -> bool:
        return self._channel.recv_ready() or self._channel.recv_stderr_ready()

    def wait(self, seconds: float, *, to_write: bool) -> None:
        if to_write:
            seconds = min(seconds, _TICK_SECONDS)
        self._stirred.clear()
        if not self._has_more and not self._channel.eof_received and not self._channel.closed:
            self._stirred.wait(seconds)

    def read(self) -> tuple[bytes, bytes]:
        channel = self._channel
        was_closed = channel.closed and not channel.eof_received
        stdout = channel.recv(_CHUNK) if channel.recv_ready() else b""
        stderr = channel.recv_stderr(_CHUNK) if channel.recv_stderr_ready() else b""
        if was_closed and not stdout and not stderr:
            self._explain()
            self._is_over = True
        return stdout, stderr

    def _explain(self) -> None:
        """Raises for a channel that broke or was refused; some servers just do not say that this is all."""
        session = self._connection.session
        if session.has_ended():
            raise troubles.lost(self._connection.name, "a command ran there", session)
        if not self._channel.event_ready:
            raise UnreachableError(
                f"{self._connection.name} does not run commands",
                fix="see ForceCommand and Subsystem in its sshd_config, and the login shell",
            )

    def write(self, data: memoryview) -> int:
        channel = self._channel
        if channel.closed or channel.eof_sent:
            return len(data)
        if not self._connection.session.wire.has_room or not channel.send_ready():
            return 0
        try:
            return channel.send(data[:_CHUNK].tobytes())
        except TimeoutError:
            return 0
        except _GONE:
            return len(data)

    def end_input(self) -> None:
        if not self._channel.closed:
            with contextlib.suppress(*_GONE):
                self._channel.shutdown(socket.SHUT_WR)

    def code(self, seconds: float) -> int | None:
        """-1 for a command that was ended by a signal: paramiko does not tell by which."""
        until = time.monotonic() + seconds
        channel = self._channel
        while not channel.status_event.wait(min(0.5, max(until - time.monotonic(), 0))):
            if time.monotonic() >= until:
                return None
        if channel.exit_status == _NO_STATUS and self._connection.session.has_ended():
            raise troubles.lost(self._connection.name, "a command ended there", self._connection.session)
        return channel.exit_status

    def close(self) -> None:
        if self.at_end and self._channel.status_event.is_set():
            with contextlib.suppress(*_GONE):
                self._channel.close()
        else:
            self._connection.close()
