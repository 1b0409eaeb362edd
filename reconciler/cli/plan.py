"""`reconcile plan`: what would change, and nothing more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from reconciler import __version__, pipeline
from reconciler.cli import options, output
from reconciler.cli.console import say
from reconciler.cli.session import Choice, Session, open_session
from reconciler.execution.controller import write_private
from reconciler.model.address import Target
from reconciler.model.errors import ReconcileError, UsageError
from reconciler.model.guard import Guard
from reconciler.model.saved_plan import SavedPlan, to_text
from reconciler.model.states import Exit, State
from reconciler.pipeline import Planned
from reconciler.rendering.visible import visible


@click.command("plan")
@options.documents
@options.selection
@options.prune
@options.verbose
@options.connections
@options.confirm
@click.option(
    "-o",
    "--output",
    "saved",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Save the plan, for `reconcile apply FILE`.",
)
@click.option("--format", "form", type=click.Choice(output.FORMATS), default="text", help="How to print it.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 where something would change.")
def command(saved: Path | None, form: str, detailed_exitcode: bool, prune: bool, verbose: bool, **choice: Any) -> int:
    """Show what would change, and change nothing.

    \b
    Exit codes: 0 done, 1 error, 4 a machine was not reached, 5 something is blocked;
    with --detailed-exitcode 2 where something would change.
    """
    if prune and saved is not None:
        raise UsageError("a saved plan does not prune", fix="leave out -o, and apply with  --prune")
    session = open_session(Choice(**choice))
    planned = pipeline.plan_documents(session.documents, session.targets, session.run(prune=prune))
    if saved is not None:
        _save(session, planned, saved)
    if form == "script":
        from reconciler.execution.machines import Manner, script

        manner = Manner(confirm_seconds=session.choice.confirm_within)
        shown = script(planned.plans, planned.observed, session.doors, session.downloads.sizes(), manner)
        say(visible(shown, multiline=True))
    else:
        output.show_plans(planned.plans, form, verbose=verbose)
    exits = {plan.verdict() for plan in planned.plans}
    if not detailed_exitcode:
        exits.discard(Exit.CHANGES)
    return Exit.first(exits)


def _save(session: Session, planned: Planned, path: Path) -> None:
    try:
        with session.caller.acting():
            write_private(path, to_text(saved_plan(session, planned)).encode())
    except OSError as error:
        raise ReconcileError(f"the plan cannot be saved to {path}: {error.strerror}") from None


def _pinned(machine: Target, session: Session, planned: Planned) -> Guard:
    """What is declared of a machine, and what it was found to be."""
    sheets = [sheet for target, sheet in planned.observed.sheets.items() if target.machine == machine]
    declared = session.guards.get(machine, Guard())
    return declared.pinned(sheets, planned.observed.access[machine].host_key)


def saved_plan(session: Session, planned: Planned) -> SavedPlan:
    """What `apply FILE` needs; targets that nobody looked at stay out."""
    return SavedPlan(
        tool=__version__,
        root=session.choice.root,
        here=session.doors.here,
        remotes=session.remote.used,
        guards={machine: _pinned(machine, session, planned) for machine in planned.observed.access},
        desired=tuple(items for target, items in planned.desired.items() if target in planned.observed.sheets),
        changes={change.id: change.fingerprint for plan in planned.plans for change in plan.changes},
        unknown=frozenset(item.address for plan in planned.plans for item in plan.items if item.state is State.UNKNOWN),
    )
