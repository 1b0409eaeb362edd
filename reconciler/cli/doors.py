"""The doors of a run: to this machine, and by SSH to those that documents or a saved plan name."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

from reconciler.cli.console import say
from reconciler.cli.passwords import SSH_SECRET, Asked, OnceKnown, secret_password
from reconciler.documents.machine_file import MachineFile, for_programs
from reconciler.documents.reader import Caller
from reconciler.execution.doors import Door, NoDoor
from reconciler.execution.gather import Caller as Asker
from reconciler.model.address import Target
from reconciler.model.remote import NoRemote, Remote
from reconciler.rendering.visible import visible
from reconciler.transports.exchange import Limits
from reconciler.transports.local import LocalTransport

if TYPE_CHECKING:
    from reconciler.transports.ssh.config import Destination, Local, Remark, Settings, SshConfig
    from reconciler.transports.ssh.transport import SshClient

UNDER_SUDO: Final = "under sudo no other machine is reached"
_ROOT_USER: Final = "root"
_NO_ROOT: Final = "none"


def local_door(who: Caller, machine: MachineFile, root: str | None) -> Door:
    asker = Asker(user=who.name, uid=os.geteuid(), home=who.home, environment=dict(os.environ))
    may_become_root = machine.become != _NO_ROOT and root is None
    return Door(transport=LocalTransport(), caller=asker, root=root, may_become_root=may_become_root)


@dataclass
class RemoteDoors:
    """`remote` says how documents reach a machine. What is slow to load is loaded when the first door opens."""

    who: Caller
    machine: MachineFile
    remote: Callable[[Target], Remote | NoRemote | None]
    timeout_seconds: int = 30
    used: dict[Target, Remote] = field(default_factory=dict)
    """The machines that a door was made for."""
    asked: Asked = field(default_factory=Asked)
    remarks: set[Remark] = field(default_factory=set)
    """What of the user's ssh_config is not honoured, and has been named."""

    @property
    def is_sudo(self) -> bool:
        """Then the ssh_config, keys and known hosts are somebody else's, which root neither reads nor writes."""
        return os.geteuid() != self.who.uid

    def login(self, machine: Target) -> str | None:
        """Who `self` is there; None where nothing says how to reach it, or nobody will."""
        remote = None if self.is_sudo else self.remote(machine)
        return self._config.resolve(_destination(remote)).user if isinstance(remote, Remote) else None

    def door(self, machine: Target) -> Door | NoDoor:
        remote = self.remote(machine)
        if not isinstance(remote, Remote):
            why, fix = (remote.why, remote.fix) if remote else ("the saved plan does not say how to reach it", None)
            return NoDoor(why=why, fix=fix)
        if self.is_sudo:
            return NoDoor(why=UNDER_SUDO, fix="run it without sudo: it asks where it must")
        self.used[machine] = remote
        limits = Limits(silence_seconds=self.timeout_seconds)
        route = self.route(remote, label=str(machine))
        user = route[-1].user
        asker = Asker(user=user, uid=0 if user == _ROOT_USER else None)
        may_become_root = self.machine.become != _NO_ROOT
        if remote.client == "openssh":
            from reconciler.transports.openssh import OpenSshTransport

            seconds = route[-1].connect_timeout_seconds or 10
            environment = for_programs(self.machine, os.environ)
            own = OpenSshTransport(
                remote, limits, name=f"{user}@{machine}", connect_seconds=seconds, environment=environment
            )
            return Door(transport=own, caller=asker, may_become_root=may_become_root, is_remote=True)
        self._name_remarks(route)
        transport = self.client.transport(route, limits)
        return Door(
            transport=transport,
            caller=asker,
            may_become_root=may_become_root,
            is_remote=True,
            host_key=lambda: transport.host_key,
        )

    def route(self, remote: Remote, label: str) -> tuple[Settings, ...]:
        """The hops to a machine and itself, which messages call by `label`. ReconcileError: what is wrong in ssh_config."""
        *hops, last = self._config.route(_destination(remote))
        return (*hops, replace(last, label=label))

    def _name_remarks(self, route: tuple[Settings, ...]) -> None:
        for remark in dict.fromkeys(remark for settings in route for remark in settings.remarks):
            if remark not in self.remarks:
                self.remarks.add(remark)
                problem = remark.problem
                say(visible(f"note: {problem.origin}: {problem.what}; {problem.fix}"), error=True)

    def close(self) -> None:
        """After the doors: what they share."""
        if "client" in self.__dict__:
            self.client.close()

    @property
    def _local(self) -> Local:
        """What ssh_config goes by; its commands see no secret."""
        from reconciler.transports.ssh.config import Local

        return Local(
            user=self.who.name,
            uid=self.who.uid,
            gid=self.who.gid,
            home=self.who.home,
            hostname=socket.gethostname(),
            environment=for_programs(self.machine, os.environ),
        )

    @cached_property
    def _config(self) -> SshConfig:
        from reconciler.transports.ssh.config import ConfigFiles, SshConfig

        return SshConfig(ConfigFiles(user=f"{self.who.home}/.ssh/config"), self._local)

    @cached_property
    def client(self) -> SshClient:
        from reconciler.transports.ssh.transport import SshClient

        password = OnceKnown(lambda: secret_password(self.machine, SSH_SECRET, self.who))
        return SshClient(
            self._local,
            ask=self.asked,
            login_password=lambda settings: password(),
            patience_seconds=self.timeout_seconds,
        )


def _destination(remote: Remote) -> Destination:
    from reconciler.transports.ssh.config import Destination

    return Destination(
        host=remote.host,
        user=remote.user,
        port=remote.port,
        identity_file=remote.identity_file,
        proxy_jump=remote.proxy_jump,
        origin=remote.origin,
    )
