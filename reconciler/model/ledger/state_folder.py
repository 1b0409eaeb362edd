"""Where a target keeps its ledger."""

from __future__ import annotations

from typing import Final

from reconciler.model.address import Target
from reconciler.model.facts import FactSheet
from reconciler.model.ledger.records import RunRecord
from reconciler.model.ledger.rows import read

FILE_NAME: Final = "ledger"


def folder(target: Target) -> str:
    """The state folder of a target's journal: root's with the distro's, for root writes both."""
    return "/var/lib/reconcile" if target.user in (None, "root") else "~/.local/state/reconcile"


def path(target: Target) -> str:
    return f"{folder(target)}/{FILE_NAME}"


def of_sheet(sheet: FactSheet, target: Target) -> tuple[RunRecord, ...]:
    """The journal of the target that the sheet is of; empty where it may not be read."""
    return read(sheet.file(path(target)).data)
