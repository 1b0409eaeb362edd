"""This very machine, with the rights of whoever runs the tool."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler import agents
from reconciler.model.errors import GivenUpError
from reconciler.transports.exchange import Limits, PipeExchange
from reconciler.transports.processes import ProcessPipe


@dataclass(frozen=True, slots=True)
class LocalTransport:
    """Runs scripts with `shell`. `environment` is all that they see of the caller's, beside PATH and LC_ALL unless it
    names them too; None stands for `agents.SESSION_VARIABLES`."""

    shell: tuple[str, ...] = ("/bin/sh",)
    environment: Mapping[str, str] | None = None
    limits: Limits = field(default_factory=Limits)
    name: str = "this machine"
    _started: list[PipeExchange] = field(default_factory=list, init=False, repr=False, compare=False)
    _is_closed: threading.Event = field(default_factory=threading.Event, init=False, repr=False, compare=False)

    def start(self) -> PipeExchange:
        own = self.environment
        if own is None:
            own = {name: os.environ[name] for name in agents.SESSION_VARIABLES if name in os.environ}
        environment = {"PATH": agents.PATH, "LC_ALL": "C", **own}
        pipe = ProcessPipe([*self.shell, "-c", agents.BOOT], environment, fix="a POSIX sh is needed")
        exchange = PipeExchange(pipe, self.name, self.limits)
        self._started.append(exchange)
        if self._is_closed.is_set():  # whose turn came when all had been told to end
            exchange.close()
            raise GivenUpError(f"{self.name} was given up")
        return exchange

    def renew(self) -> None:
        """There is no connection."""

    def close(self) -> None:
        self._is_closed.set()
        for exchange in self._started:
            exchange.close()
