"""`reconcile undo`: an ordinary plan back, from the journals of the machines themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from reconciler import pipeline
from reconciler.cli import options
from reconciler.cli.carrying import carry_through
from reconciler.cli.journals import Journals, open_journals, require_any
from reconciler.cli.session import Choice
from reconciler.model.address import Address
from reconciler.model.errors import UsageError
from reconciler.planning import undo_steps
from reconciler.planning.undo_steps import Step


@click.command("undo")
@click.argument("what", required=False, metavar="[RUN|ADDRESS]")
@options.documents
@options.selection
@options.verbose
@options.connections
@options.confirm
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def command(what: str | None, yes: bool, verbose: bool, **choice: Any) -> int:
    """Lead back what a run did: the last one, the RUN that `reconcile history` names, or one ADDRESS.

    It is planned and shown like everything else. Files get the very bytes back that they had, from the copies on the
    machine; what somebody has moved since stays as it is, item by item. No documents are needed for this machine.

    \b
    Exit codes: 0 done, 1 error, 3 something failed, 4 a machine was not reached, 5 something was refused.
    """
    journals = open_journals(Choice(**choice))
    require_any(journals)
    run, steps = _chosen(what, journals)
    return lead_back(journals, steps, undoes=run, yes=yes, verbose=verbose)


def lead_back(
    journals: Journals,
    steps: Mapping[Address, Step],
    *,
    undoes: str | None,
    yes: bool,
    verbose: bool,
    heading: str = "Undo",
) -> int:
    session = journals.session
    planned = pipeline.plan_reversal(pipeline.reversal_of(steps, {}), session.run(may_ask=True))
    return carry_through(session, planned, session.stamp(undoes=undoes), yes=yes, verbose=verbose, heading=heading).code


def _chosen(what: str | None, journals: Journals) -> tuple[str | None, Mapping[Address, Step]]:
    """The run that is undone, None where it is an address, and its steps."""
    if what is None:
        last = undo_steps.last_run(journals.each)
        if last is None:
            raise UsageError("every run is undone already", fix="name one that  reconcile history  lists")
        return last.stamp.id, undo_steps.steps_of_run(last.stamp.id, journals.each)
    if ":" in what:
        return None, _of_address(what, journals)
    runs = {run.stamp.id for journal in journals.each for run in journal if run.stamp.id.startswith(what)}
    if len(runs) != 1:
        how = "no run" if not runs else f"{len(runs)} runs"
        raise UsageError(f"{how} in the journal begin with {what}", fix="name one that  reconcile history  lists")
    (run,) = runs
    return run, undo_steps.steps_of_run(run, journals.each)


def _of_address(what: str, journals: Journals) -> Mapping[Address, Step]:
    """`lt/main:wsl_conf:boot.systemd`, or without its target where only one has it."""
    known = {
        item.address
        for journal in journals.each
        for run in journal
        for change in run.changes
        if change.is_done
        for item in change.items
    }
    meant = [address for address in known if what in (str(address), f"{address.kind}:{address.item}")]
    if len(meant) != 1:
        names = ", ".join(sorted(map(str, meant)))
        raise UsageError(
            f"no run has written {what}" if not meant else f"{what} is meant on several targets: {names}",
            fix="write it as the plan does, as in  lt/main:wsl_conf:boot.systemd",
        )
    return undo_steps.step_of_address(meant[0], journals.each)
