"""What was written and is not in force yet: the record that `apply` leaves in the target's state folder.

One record a change that takes effect later. It counts as pending while the thing still has the recorded digest and the
life of the machine it was written in goes on; times are clock ticks since boot, never wall clocks.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from reconciler.model.address import Target
from reconciler.model.facts import FactSheet, Host
from reconciler.model.states import Effect

FILE_NAME: Final = "effects.json"

_SESSION_KINDS: Final = {Effect.NEW_SESSION: "terminal", Effect.EDITOR_RELOAD: "editor"}


def path(target: Target) -> str:
    """Where the records of a target stand: root's with the distro's, for root writes both."""
    by_root = target.user in (None, "root")
    return f"/var/lib/reconcile/{FILE_NAME}" if by_root else f"~/.local/state/reconcile/{FILE_NAME}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectRecord:
    """`digest` is of the item as it was written (see planning); `started` is when, in ticks since boot."""

    address: str
    effect: Effect
    digest: str
    boot: str
    init_started: int
    started: int

    def is_pending(self, host: Host, digest: str, effect: Effect) -> bool:
        """Whether the change still waits on this machine, whose item now has `digest` and takes effect at `effect`.

        The recorded effect is the latest of all items that were written at once, and may be later than the item's own.
        """
        if effect is Effect.NOW or digest != self.digest:
            return False
        if (host.boot, host.init_started) != (self.boot, self.init_started):
            return False
        kind = _SESSION_KINDS.get(effect)
        if kind is None:
            return True
        return any(process.kind == kind and process.started <= self.started for process in host.processes)


def read(data: bytes | None) -> tuple[EffectRecord, ...]:
    """The records of a file's bytes. A file that is no such record holds none: it only ever adds the word pending."""
    try:
        rows = json.loads(data or b"[]")
        return tuple(
            EffectRecord(
                address=str(row["address"]),
                effect=Effect(row["effect"]),
                digest=str(row["digest"]),
                boot=str(row["boot"]),
                init_started=int(row["init_started"]),
                started=int(row["started"]),
            )
            for row in rows
        )
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return ()


def of_sheet(sheet: FactSheet, target: Target) -> tuple[EffectRecord, ...]:
    """The records of the target that the sheet is of."""
    return read(sheet.file(path(target)).data)


def fragment(address: str, effect: Effect, digest: str) -> str:
    """The part of a record that the controller knows; the apply script adds boot, init_started and started."""
    row = {"address": address, "effect": effect.value, "digest": digest}
    return json.dumps(row, ensure_ascii=True)[1:-1]


def line(record: EffectRecord) -> str:
    """A record that stays, as the apply script copies it."""
    row = {"boot": record.boot, "init_started": record.init_started, "started": record.started}
    return "{" + fragment(record.address, record.effect, record.digest) + ", " + json.dumps(row)[1:]


def kept(records: Iterable[EffectRecord], host: Host) -> tuple[EffectRecord, ...]:
    """The records worth keeping: those of this life of the machine."""
    return tuple(record for record in records if (record.boot, record.init_started) == (host.boot, host.init_started))
