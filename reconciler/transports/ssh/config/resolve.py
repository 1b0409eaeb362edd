"""From the files to what counts for one destination, as `ssh -G` says it.

Source: OpenSSH ssh.c, `main`; readconf.c, `fill_default_options`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from reconciler.model.errors import Problem, ReconcileError
from reconciler.transports.ssh.config import names
from reconciler.transports.ssh.config.blocks import Directive
from reconciler.transports.ssh.config.expansion import expand
from reconciler.transports.ssh.config.settings import settings
from reconciler.transports.ssh.config.sources import Sources
from reconciler.transports.ssh.config.values import ConfigFiles, Destination, Local, Settings
from reconciler.transports.ssh.config.walk import Place, Walk

MOST_HOPS: Final = 16


@dataclass(slots=True)
class SshConfig:
    """The configuration of one person on this machine. Keep it for a whole run: it reads each file once.

    It reads, and it runs the commands of `Match exec`, with the rights it finds; under sudo, take the person's.
    """

    files: ConfigFiles
    local: Local
    _sources: Sources = field(init=False)

    def __post_init__(self) -> None:
        self._sources = Sources(self.local)

    def resolve(self, destination: Destination) -> Settings:
        """Raises ReconcileError with all that is wrong in the files, or with names that are refused."""
        names.check(destination)
        walk = Walk(self._sources, original_host=destination.host, host=destination.host)
        _take_command_line(walk, destination)
        self._read(walk)
        named = walk.values.get("hostname")
        host = expand(named.values[0], {"%": "%", "h": walk.host}, named.origin) if named else walk.host
        walk.host = names.canonical(host, walk.text("addressfamily") or "any")
        canonicalize = walk.values.setdefault("canonicalizehostname", Directive("canonicalizehostname", ("no",), None))
        if walk.wants_final_pass or canonicalize.values[0].lower() not in ("no", "false"):
            walk.final = True
            # The resolved name is the host's name from here on: a later HostName comes too late.
            walk.values["hostname"] = Directive("hostname", (walk.host,), None)
            self._read(walk)
        return settings(walk, destination)

    def route(self, destination: Destination) -> tuple[Settings, ...]:
        """The hops of ProxyJump in the order of travel, then the destination itself."""
        route = [self.resolve(destination)]
        while route[0].proxy_jump:
            if len(route) > MOST_HOPS:
                what = f"{destination.host} is more than {MOST_HOPS} hops away: ProxyJump goes in circles"
                raise ReconcileError(
                    [Problem(what, destination.origin, fix="write  ProxyJump none  for the first hop")]
                )
            route.insert(0, self.resolve(route[0].proxy_jump))
        return tuple(route)

    def _read(self, walk: Walk) -> None:
        if self.files.user is not None:
            walk.read(
                self.files.user, Place(folder=f"{self.local.home.rstrip('/')}/.ssh", from_user=True, checked=True)
            )
        if self.files.system is not None:
            walk.read(
                self.files.system, Place(folder=self.files.system.rpartition("/")[0], from_user=False, checked=False)
            )
        if walk.problems:
            raise ReconcileError(sorted(dict.fromkeys(walk.problems), key=_place))


def _place(problem: Problem) -> tuple[str, int]:
    return (problem.origin.file, problem.origin.line) if problem.origin else ("", 0)


def _take_command_line(walk: Walk, destination: Destination) -> None:
    """What documents say wins as options of ssh do."""
    given = {
        "user": destination.user,
        "port": None if destination.port is None else str(destination.port),
        "proxyjump": destination.proxy_jump,
    }
    for keyword, value in given.items():
        if value is not None:
            walk.values[keyword] = Directive(keyword, (value,), destination.origin)
    if destination.identity_file is not None:
        key = ("identityfile", destination.identity_file, True)
        walk.named_files[key] = Directive("identityfile", (destination.identity_file,), destination.origin)
