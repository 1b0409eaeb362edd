"""`reconcile apply`: plan, show, ask, write. Also a saved plan, exactly or not at all, change by change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from reconciler import pipeline
from reconciler.cli import options
from reconciler.cli.carrying import carry_through
from reconciler.cli.console import say
from reconciler.cli.saved import planned_from_file
from reconciler.cli.session import Choice, open_session
from reconciler.model.errors import UsageError


@click.command("apply")
@click.argument("plan_file", required=False, metavar="[FILE]", type=click.Path(path_type=Path))
@options.documents
@options.selection
@options.prune
@options.verbose
@options.connections
@options.confirm
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--allow-exec",
    is_flag=False,
    flag_value="*",
    multiple=True,
    metavar="[ADDRESS]",
    help="With --yes: also write what runs code later or grants rights; all of it, or the address or glob given.",
)
def command(
    plan_file: Path | None, yes: bool, allow_exec: tuple[str, ...], prune: bool, verbose: bool, **choice: Any
) -> int:
    """Make the machine as the documents say: plan, show, ask, write.

    With FILE, a plan saved by `reconcile plan -o FILE`: each change is written exactly as it was planned, or refused
    where the machine has moved since.

    \b
    Exit codes: 0 done, 1 error, 3 something failed, 4 a machine was not reached, 5 something was refused.
    """
    chosen = Choice(**choice)
    if plan_file is not None and prune:
        raise UsageError("a saved plan does not prune", fix="apply without FILE")
    if plan_file is not None:
        session, planned = planned_from_file(plan_file, chosen, allow_exec if yes else None)
    else:
        session = open_session(chosen)
        session.require_known_machine()
        allow = (*allow_exec, *session.machine.allow) if yes else None
        planned = pipeline.plan_documents(
            session.documents, session.targets, session.run(may_ask=True, allow=allow, prune=prune)
        )
    stamp = session.stamp()
    carried = carry_through(session, planned, stamp, yes=yes, verbose=verbose)
    if carried.asks_for_undo:
        _lead_back(stamp.id, chosen, verbose=verbose)
    return carried.code


def _lead_back(run: str, choice: Choice, *, verbose: bool) -> None:
    from reconciler.cli.journals import open_journals
    from reconciler.cli.undo import lead_back
    from reconciler.planning.undo_steps import steps_of_run

    say(f"\nA check failed that asks for it: this run ({run}) is led back.\n")
    journals = open_journals(choice)
    lead_back(journals, steps_of_run(run, journals.each), undoes=run, yes=True, verbose=verbose)
