"""Which machine is reached how from here, and who comes in by that door."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from reconciler.execution.gather import Caller
from reconciler.execution.session import Password, Rights
from reconciler.model.address import Target
from reconciler.model.states import TargetState
from reconciler.model.transport import Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """How to reach a machine. `root` is `--root`: then it is what stands in that folder. `may_become_root`: whether
    root's rights may be tried where the door does not have them."""

    transport: Transport
    caller: Caller
    root: str | None = None
    may_become_root: bool = True
    is_remote: bool = False
    """Whether it is a connection, which what is changed there can cut off."""
    host_key: Callable[[], str | None] = lambda: None
    """Once it was open, the fingerprint of the host key that the machine proved itself with; None for this machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoDoor:
    """Why a machine cannot be reached from here."""

    why: str
    fix: str | None = None
    state: TargetState = TargetState.UNREACHABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """With what rights a machine was asked, so that it is written to with the same.

    `is_root`: each user's part is done with that user's rights. Without root, `no_root` may say why, in the machine's
    words. `host_key` is the fingerprint that it proved itself with.
    """

    is_root: bool
    rights: Rights = Rights.OWN
    password: Password | None = None
    no_root: str | None = None
    host_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """`here` is the distro the tool runs in; `remote` opens the doors to all other machines, each once."""

    here: Target
    local: Door
    remote: Callable[[Target], Door | NoDoor] = lambda machine: NoDoor(why="no `ssh:` says how to reach it")
    give_up: Callable[[], None] = lambda: None
    """Ends the waiting of what opens doors."""
    opened: dict[Target, Door | NoDoor] = field(default_factory=dict)

    @property
    def root(self) -> str | None:
        return self.local.root

    def door(self, machine: Target) -> Door | NoDoor:
        if machine not in self.opened:
            self.opened[machine] = self.local if machine == self.here else self.remote(machine)
        return self.opened[machine]

    def way_in(self, machine: Target) -> Door:
        """The door of a machine that was asked."""
        door = self.door(machine)
        assert isinstance(door, Door), machine
        return door

    def close(self) -> None:
        """All connections, with whatever is at work on them."""
        self.give_up()
        for door in list(self.opened.values()):
            if isinstance(door, Door):
                door.transport.close()
