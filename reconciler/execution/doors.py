"""Which machine is reached how from here. So far: this machine, and a root file system at rest."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.execution.gather import Caller
from reconciler.model.address import Target
from reconciler.model.states import TargetState
from reconciler.model.transport import Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """How to reach a machine; without a transport, `state` and `why` say what is in the way."""

    transport: Transport | None = None
    state: TargetState = TargetState.REACHED
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """`here` is the distro the tool runs in. `root` is `--root`: then `here` is what stands in that folder."""

    here: Target
    local: Transport
    caller: Caller
    root: str | None = None

    def acting_user(self, target: Target) -> str | None:
        """Whose rights a target's changes need; None: those that the door gives."""
        own = self.root is None and self.caller.uid != 0
        return None if target.user is None or own else target.user

    def door(self, machine: Target) -> Door:
        if machine == self.here:
            return Door(transport=self.local)
        if machine.workstation == self.here.workstation:
            return Door(state=TargetState.NOT_HERE, why="run reconcile inside it")
        return Door(state=TargetState.UNREACHABLE, why="this version reaches only the machine it runs on")
