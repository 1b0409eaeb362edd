"""The ways to a machine's SSH server, as streams of bytes: TCP, a command, a channel through another server."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import subprocess
import threading
from collections.abc import Callable
from typing import Final, Protocol

from reconciler.transports.ssh.config.commands import rights
from reconciler.transports.ssh.config.values import Local
from reconciler.transports.ssh.library import paramiko

_QUICKACK: Final = getattr(socket, "TCP_QUICKACK", None)
_LAST_WORDS: Final = 500
_END_SECONDS: Final = 0.5
_WORDS_SECONDS: Final = 0.5


class Stream(Protocol):
    def receive(self, size: int, seconds: float) -> bytes:
        """Empty where it has ended. TimeoutError: nothing came."""

    def send(self, data: bytes) -> int:
        """How much was taken at once; 0 where there is no room. OSError: it is gone."""

    def wait_for_room(self, seconds: float) -> None: ...

    def close(self) -> None:
        """Ends what waits in it, from any thread."""


class SocketStream:
    """A TCP connection, or one end of a pair.

    Small packets leave at once, and what arrives is acknowledged at once: sshd holds its second small packet back until
    its first one is acknowledged, which Linux does after 40 ms, unless asked anew around every reception.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._is_tcp = connection.family != socket.AF_UNIX
        connection.setblocking(False)
        if self._is_tcp:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def receive(self, size: int, seconds: float) -> bytes:
        self._acknowledge_at_once()
        self._wait(select.POLLIN, seconds)
        try:
            data = self._socket.recv(size)
        except BlockingIOError:
            raise TimeoutError from None
        self._acknowledge_at_once()
        return data

    def _acknowledge_at_once(self) -> None:
        if self._is_tcp and _QUICKACK is not None:
            self._socket.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)

    def send(self, data: bytes) -> int:
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0

    def wait_for_room(self, seconds: float) -> None:
        self._wait(select.POLLOUT, seconds)

    def _wait(self, what: int, seconds: float) -> None:
        number = self._socket.fileno()
        if number >= 0:
            poll = select.poll()
            poll.register(number, what)
            poll.poll(seconds * 1000)

    def close(self) -> None:
        with contextlib.suppress(OSError):  # this wakes those who wait; closing alone does not
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


class CommandStream(SocketStream):
    """A `ProxyCommand` of the user's own ssh_config, run by their shell and with their rights, as ssh does it."""

    def __init__(self, command: str, local: Local) -> None:
        """OSError: it cannot be started."""
        user, group, groups = rights(local)
        ours, theirs = socket.socketpair()
        self._last_words = b""
        try:
            with theirs:
                self._process = subprocess.Popen(
                    [local.environment.get("SHELL") or "/bin/sh", "-c", f"exec {command}"],
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    stderr=subprocess.PIPE,
                    env=local.environment,
                    start_new_session=True,
                    user=user,
                    group=group,
                    extra_groups=groups,
                )
        except OSError:
            ours.close()
            raise
        super().__init__(ours)
        self._listener = threading.Thread(target=self._listen, name="ssh-proxy", daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        assert self._process.stderr
        with self._process.stderr as stderr:
            while words := os.read(stderr.fileno(), _LAST_WORDS):
                self._last_words = (self._last_words + words)[-_LAST_WORDS:]
        self._process.wait()

    def last_words(self) -> str:
        """On standard error. A command that fails ends its connection before they are read."""
        self._listener.join(_WORDS_SECONDS)
        return self._last_words.decode("utf-8", "replace").strip()

    def close(self) -> None:
        """A command that does not end at once, or has been stopped, is ended."""
        super().close()
        for end in (self._process.terminate, self._process.kill):
            with contextlib.suppress(OSError):
                end()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_END_SECONDS)
                return


class ChannelStream:
    """A connection that another SSH server makes for us. `has_room` is that of the way to that server."""

    def __init__(self, channel: paramiko.Channel, has_room: Callable[[], bool]) -> None:
        self._channel, self._has_room = channel, has_room

    def receive(self, size: int, seconds: float) -> bytes:
        self._channel.settimeout(seconds)
        return self._channel.recv(size)

    def send(self, data: bytes) -> int:
        if not self._has_room() or not self._channel.send_ready():
            return 0
        try:
            return self._channel.send(data)
        except (EOFError, paramiko.SSHException) as error:
            raise OSError("the way to it has broken") from error

    def wait_for_room(self, seconds: float) -> None:
        with self._channel.lock:
            if not self._channel.closed:
                self._channel.out_buffer_cv.wait(seconds)

    def close(self) -> None:
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            self._channel.close()
