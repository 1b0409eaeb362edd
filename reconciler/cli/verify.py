"""`reconcile verify`: gather and plan again; is there nothing left to change?"""

from __future__ import annotations

from typing import Any

import click

from reconciler import pipeline
from reconciler.cli import options, output
from reconciler.cli.session import Choice, open_session
from reconciler.model.states import Exit


@click.command("verify")
@options.documents
@options.selection
@options.verbose
@options.connections
@click.option("--format", "form", type=click.Choice(output.DATA_FORMATS), default="text", help="How to print it.")
@click.option("--running", is_flag=True, help="Also exit 2 for what is written and not in force yet.")
@click.option("--strict", is_flag=True, help="Also exit 5 for what could not be read, or was not looked at.")
def command(form: str, running: bool, strict: bool, verbose: bool, **choice: Any) -> int:
    """Exit 0 when the machine is as declared, 2 when it is not.

    \b
    Exit codes: 0 in sync, 1 error, 2 drift, 4 a machine was not reached, 5 something is blocked.
    """
    session = open_session(Choice(**choice))
    planned = pipeline.plan_documents(session.documents, session.targets, session.run())
    output.show_plans(planned.plans, form, verbose=verbose, heading="Verify")
    return Exit.first(plan.verdict(running=running, strict=strict) for plan in planned.plans)
