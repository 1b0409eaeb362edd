"""One connection to one SSH server: reached, recognised, logged in to; then used for any number of commands."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Final

from reconciler.model.errors import UnreachableError
from reconciler.transports.ssh import host_check, troubles
from reconciler.transports.ssh.algorithms import Algorithms, algorithms
from reconciler.transports.ssh.config.values import Settings
from reconciler.transports.ssh.host_keys import KeysOfHost
from reconciler.transports.ssh.identities import Choice
from reconciler.transports.ssh.library import paramiko
from reconciler.transports.ssh.login import Answer, Login, Password
from reconciler.transports.ssh.session import Session
from reconciler.transports.ssh.streams import ChannelStream, CommandStream, Stream
from reconciler.transports.ssh.wire import Wire

CONNECT_SECONDS: Final = 10.0
_ALIVE_SECONDS: Final = 15
"""So that no router forgets the connection while a person reads a plan."""
_LAST_ONE_SECONDS: Final = 3.0
_MOST_BUFFERED: Final = 4 * 1024 * 1024
"""Twice what we let a server send before we have read it."""

Dial = Callable[[float], Stream]
"""Makes the way to the server within so many seconds."""


def connect_seconds(settings: Settings) -> float:
    return float(settings.connect_timeout_seconds or CONNECT_SECONDS)


def meet(settings: Settings, host_keys: Sequence[str], dial: Dial, tell: Callable[[Session], None]) -> Session:
    """A session with a server that has proved to hold the key it shows, whichever that is. UnreachableError.

    `host_keys` are the algorithms for its key, the preferred ones first.
    `tell` hears of the session before there is anything to wait for, so that it can be ended from elsewhere.
    """
    seconds = connect_seconds(settings)
    until = time.monotonic() + seconds
    offer = algorithms(settings, host_keys)
    stream = dial(seconds)
    session = Session(Wire(stream), offer, compression=settings.compression)
    try:
        tell(session)
        if session.begin(max(until - time.monotonic(), 0.1)):
            session.wire.trust()
            return session
        raise _not_begun(settings, session, offer, stream, seconds)
    except BaseException:
        session.hang_up()
        raise


def _not_begun(
    settings: Settings, session: Session, offer: Algorithms, stream: Stream, seconds: float
) -> UnreachableError:
    if isinstance(stream, CommandStream) and not session.wire.opening and (words := stream.last_words()):
        return UnreachableError(
            f"the ProxyCommand for {settings.label} failed: {words}",
            fix=f"try it by hand:  {settings.proxy_command}",
        )
    return troubles.not_begun(settings, session, offer, seconds)


class _Inlet(paramiko.buffered_pipe.BufferedPipe):  # type: ignore[type-arg]  # it takes none when it runs
    """paramiko takes in whatever comes, also from a server that sends more than it was allowed to."""

    def feed(self, data: bytes) -> None:
        if len(self) + len(data) > _MOST_BUFFERED:
            raise paramiko.SSHException("it sent more than it was allowed to")
        super().feed(data)


class Connection:
    """Open from the start. Nothing is said to the server about who we are before its key was recognised."""

    def __init__(
        self,
        settings: Settings,
        known: KeysOfHost,
        dial: Dial,
        choose: Callable[[], Choice],
        *,
        password: Password,
        answer: Answer,
        tell: Callable[[Session], None],
        patience_seconds: float,
    ) -> None:
        """`patience_seconds`: how long the server may take over each answer."""
        self._settings, self._patience_seconds = settings, patience_seconds
        self._has_had_one = False
        self.name = f"{settings.user}@{settings.label}"
        self.session = meet(settings, known.algorithms(), dial, tell)
        try:
            host_check.check(known, self.session.host_key_blob(), settings)
            Login(
                self.session, settings, choose(), password=password, answer=answer, patience_seconds=patience_seconds
            ).run()
            self.session.set_keepalive(settings.server_alive_interval_seconds or _ALIVE_SECONDS)
        except BaseException:
            self.close()
            raise

    @property
    def is_alive(self) -> bool:
        return self.session.is_active()

    def open_channel(self) -> paramiko.Channel:
        """For one command. A server that allows one at a time may not have noticed yet that the last one is over."""
        until = time.monotonic() + _LAST_ONE_SECONDS
        while self._has_had_one and time.monotonic() < until:
            with contextlib.suppress(UnreachableError):
                return self._fitted(self._open("session", None))
            if not self.is_alive:
                break
            time.sleep(0.1)
        return self._fitted(self._open("session", None))

    def _fitted(self, channel: paramiko.Channel) -> paramiko.Channel:
        self._has_had_one = True
        channel.in_buffer, channel.in_stderr_buffer = _Inlet(), _Inlet()  # nothing is said on it yet
        return channel

    def way_to(self, settings: Settings) -> Stream:
        """Through this server to another one."""
        channel = self._open("direct-tcpip", (settings.hostname, settings.port))
        return ChannelStream(channel, lambda: self.session.wire.has_room)

    def _open(self, kind: str, target: tuple[str, int] | None) -> paramiko.Channel:
        source = ("127.0.0.1", 0) if target else None
        try:
            return self.session.open_channel(kind, target, source, timeout=self._patience_seconds)
        except paramiko.ChannelException as error:
            what = f"to connect to {target[0]} port {target[1]}" if target else "to start another command"
            raise UnreachableError(
                f"{self.name} refused {what}: {error.text.lower()}",
                fix="see AllowTcpForwarding, and whether the target runs"
                if target
                else "see MaxSessions in its sshd_config",
            ) from None
        except (paramiko.SSHException, EOFError, OSError) as error:
            self.session.saved_exception = self.session.saved_exception or error
            self.close()
            raise troubles.lost(self.name, "a command was started", self.session) from error

    def close(self) -> None:
        """From any thread, and at once: the socket is closed, not only the channel."""
        self.session.hang_up()
