"""Saved plans: read, planned again from their own values, and held against what the machine is now."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from reconciler import __version__, pipeline
from reconciler.cli.session import Choice, Session, session_of_saved
from reconciler.documents.reader import MAIN_FILE, read_regular
from reconciler.model.errors import BlockedError, UsageError
from reconciler.model.plan import Change
from reconciler.model.saved_plan import SavedPlan, from_text
from reconciler.pipeline import Planned
from reconciler.planning.restrict import Reason, without


def planned_from_file(path: Path, choice: Choice, allow: tuple[str, ...] | None) -> tuple[Session, Planned]:
    """The plan of the file as it holds now: changes that the machine has moved away from are blocked by name."""
    saved = _read(path)
    if saved.tool != __version__:
        raise BlockedError(f"{path} was made by reconcile {saved.tool}; this is {__version__}", fix="plan again")
    session = session_of_saved(choice, saved)
    desired = {items.target: items for items in saved.desired}
    allowed = (*allow, *session.machine.allow) if allow is not None else None
    planned = pipeline.plan_saved(desired, session.run(may_ask=True, allow=allowed))
    plans = tuple(without(plan, _moved(plan.changes, saved)) for plan in planned.plans)
    return session, replace(planned, plans=plans)


def _read(path: Path) -> SavedPlan:
    if path.suffix in (".yaml", ".yml"):
        fix = f"`reconcile apply` reads {MAIN_FILE} here by itself; for another document write  -f {path}"
        raise UsageError(f"{path} is a document; apply takes a saved plan", fix=fix)
    data = read_regular(path, str(path), None)
    return from_text(data.decode("utf-8", "replace"), str(path))


def _moved(changes: tuple[Change, ...], saved: SavedPlan) -> dict[str, Reason]:
    """The changes that are not as they were saved."""
    fix = "plan again and look at what is different"
    reasons: dict[str, Reason] = {}
    for change in changes:
        if change.id not in saved.changes or saved.unknown & set(change.addresses):
            reasons[change.id] = ("it is not in the saved plan", fix)
        elif saved.changes[change.id] != change.fingerprint:
            reasons[change.id] = ("it has moved since the plan", fix)
    return reasons
