"""How large a journal becomes: which runs it keeps, and the bytes before of which."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Final

from reconciler.model import ledger
from reconciler.model.address import Target
from reconciler.model.facts import FactSheet
from reconciler.model.ledger import RunRecord, RunStamp
from reconciler.model.ledger.secrets import secrets_at

KEPT_GENERATIONS: Final = 20
KEPT_DAYS: Final = 90
LARGE_BYTES: Final = 256 * 1024
"""A ledger larger than this is made smaller: no file of more than 1 MiB is read."""


def outdated(runs: tuple[RunRecord, ...], now: RunStamp) -> tuple[int, ...]:
    """The generations whose bytes may go: all but the newest 20, those of the last 90 days, and those that hold the value
    from before us of an address that is ours."""
    kept = _needed(runs)
    return tuple(run.generation for run in runs if run.generation not in kept and _is_older(run.stamp, now))


def _needed(runs: tuple[RunRecord, ...]) -> set[int]:
    """The newest generations, those by which an address is ours, or no more, and those that tell where a secret stands."""
    ours = ledger.held(runs).values()
    return {
        *(each.origin_generation for each in ours),
        *(each.last_generation for each in ours),
        *(run.generation for run in runs if run.released),
        *(brought.generation for by_address in secrets_at(runs).values() for brought in by_address.values()),
        *(run.generation for run in runs[-KEPT_GENERATIONS:]),
    }


def compacted(runs: tuple[RunRecord, ...], now: RunStamp) -> bytes:
    """The ledger without what is outdated; and without the oldest that nobody needs, where it still is large."""
    gone, needed = set(outdated(runs, now)), _needed(runs)
    texts = {run.generation: ledger.rows_of(run) for run in runs if run.generation not in gone}
    for generation in [number for number in sorted(texts) if number not in needed]:
        if sum(map(len, texts.values())) > LARGE_BYTES:
            del texts[generation]
    return "".join(texts.values()).encode("ascii")


def _is_older(stamp: RunStamp, now: RunStamp) -> bool:
    return bool(stamp.time and now.time and now.time - stamp.time > timedelta(days=KEPT_DAYS))


def large(sheet: FactSheet, target: Target) -> str | None:
    """The digest of the target's ledger where that is to be made smaller."""
    data = sheet.file(ledger.path(target)).data or b""
    return hashlib.sha256(data).hexdigest() if len(data) > LARGE_BYTES else None
