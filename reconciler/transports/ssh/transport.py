"""Machines over SSH: what all connections of a run share, and the door to one machine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from reconciler import agents
from reconciler.model.errors import GivenUpError
from reconciler.transports.exchange import Limits, PipeExchange
from reconciler.transports.ssh import dialling
from reconciler.transports.ssh.channel import ChannelPipe
from reconciler.transports.ssh.config.values import Local, Settings
from reconciler.transports.ssh.connection import Connection, Dial
from reconciler.transports.ssh.host_keys import KnownHosts
from reconciler.transports.ssh.identities import Identities
from reconciler.transports.ssh.questions import Ask, Questions
from reconciler.transports.ssh.session import Session

LoginPassword = Callable[[Settings], str | None]
"""The login password that is already known for a machine. Never asked for the hops on the way to one."""


def nobody(question: str) -> str | None:
    """The `Ask` of a run that has nobody to ask."""
    return None


class SshClient:
    """One for a run, for all threads. Keys and known hosts are read once, questions put once, and hops on the way to
    machines are connected to once."""

    def __init__(
        self,
        local: Local,
        ask: Ask = nobody,
        login_password: LoginPassword = lambda settings: None,
        patience_seconds: float = 30.0,
    ) -> None:
        """`patience_seconds`: how long a server may take over each answer while it lets us in."""
        self.local, self._login_password, self._patience_seconds = local, login_password, patience_seconds
        self._questions = Questions(ask)
        self.known_hosts = KnownHosts()
        self._identities = Identities(self._questions)
        self._hops: dict[tuple[Settings, ...], _Door] = {}
        self._lock = threading.Lock()

    def transport(self, route: Sequence[Settings], limits: Limits) -> SshTransport:
        """`route` is what `SshConfig.route` gives: the hops in the order of travel, then the machine."""
        return SshTransport(_Door(self, tuple(route), is_hop=False), limits)

    def hop(self, route: tuple[Settings, ...]) -> Connection:
        with self._lock:
            door = self._hops.setdefault(route, _Door(self, route, is_hop=True))
        return door.connection()

    def dial(self, route: Sequence[Settings]) -> Dial:
        *hops, settings = route
        if hops:
            return lambda seconds: self.hop(tuple(hops)).way_to(settings)
        if settings.proxy_command:
            return lambda seconds: dialling.command(settings, self.local)
        return lambda seconds: dialling.tcp(settings, seconds)

    def connect(self, route: Sequence[Settings], *, is_hop: bool, tell: Callable[[Session], None]) -> Connection:
        settings = route[-1]
        return Connection(
            settings,
            self.known_hosts.of(settings),
            self.dial(route),
            lambda: self._identities.of(settings),
            password=lambda: self._password(settings, is_hop=is_hop),
            answer=lambda text: self._answer(settings, text),
            tell=tell,
            patience_seconds=self._patience_seconds,
        )

    def _password(self, settings: Settings, *, is_hop: bool) -> str | None:
        known = None if is_hop else self._login_password(settings)
        if known is not None or settings.batch_mode:
            return known
        who = f"{settings.user}@{settings.label}"
        return self._questions.answer(
            ("password", settings.user, settings.hostname, settings.port), f"{who}'s password: "
        )

    def _answer(self, settings: Settings, text: str) -> str | None:
        if settings.batch_mode:
            return None
        about = ("answer", settings.user, settings.hostname, settings.port, text)
        return self._questions.answer(about, f"{settings.user}@{settings.label}: {text}")

    def close(self) -> None:
        """When all transports are done: ends the connections to hops."""
        with self._lock:
            doors = list(self._hops.values())
        for door in doors:
            door.close()
        self._identities.close()


class _Door:
    """A connection that is made when it is needed, and made anew when it has broken."""

    def __init__(self, client: SshClient, route: tuple[Settings, ...], *, is_hop: bool) -> None:
        self._client, self._route, self._is_hop = client, route, is_hop
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._session: Session | None = None
        self._is_closed = False

    @property
    def settings(self) -> Settings:
        return self._route[-1]

    def connection(self) -> Connection:
        with self._lock:
            if self._connection is None or not self._connection.is_alive:
                self._connection = self._client.connect(self._route, is_hop=self._is_hop, tell=self._hear_of)
            return self._connection

    @property
    def host_key(self) -> str | None:
        return self._connection.session.host_fingerprint() if self._connection else None

    def _hear_of(self, session: Session) -> None:
        self._session = session
        if self._is_closed:
            raise GivenUpError(f"the connection to {self.settings.label} was given up")

    def renew(self) -> None:
        with self._lock:
            if self._session is not None:
                self._session.hang_up()
            self._connection = None

    def close(self) -> None:
        """Without the lock, which whoever connects holds."""
        self._is_closed = True
        if self._session is not None:
            self._session.hang_up()


class SshTransport:
    """See `model.transport.Transport`."""

    def __init__(self, door: _Door, limits: Limits) -> None:
        self._door, self._limits = door, limits
        self.name = f"{door.settings.user}@{door.settings.label}"

    @property
    def host_key(self) -> str | None:
        """The fingerprint of the key that the machine proved itself with; None before it was reached."""
        return self._door.host_key

    def start(self) -> PipeExchange:
        pipe = ChannelPipe(self._door.connection(), agents.COMMAND)
        return PipeExchange(pipe, self.name, self._limits)

    def renew(self) -> None:
        self._door.renew()

    def close(self) -> None:
        self._door.close()
