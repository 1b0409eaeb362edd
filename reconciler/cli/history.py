"""`reconcile history`: the runs that the machines' own journals tell of."""

from __future__ import annotations

import sys
from typing import Any

import click

from reconciler.cli import options, output
from reconciler.cli.console import look, say
from reconciler.cli.journals import open_journals, require_any
from reconciler.cli.session import Choice


@click.command("history")
@options.documents
@options.selection
@options.verbose
@options.connections
@click.option("--format", "form", type=click.Choice(output.DATA_FORMATS), default="text", help="How to print it.")
def command(form: str, verbose: bool, **choice: Any) -> int:
    """Show what runs have done on a machine, the latest first, whoever applied from wherever.

    The record lives with the machine. What a run did can be led back by its name: `reconcile undo RUN`.

    \b
    Exit codes: 0 done, 1 error, 4 a machine was not reached, 5 no run is known.
    """
    journals = open_journals(Choice(**choice))
    require_any(journals)
    if form != "text":
        from reconciler.rendering.history import history_data

        output.show_data(history_data(journals.runs), form)
        return 0
    from reconciler.rendering.history import history_text

    say(history_text(journals.runs, journals.unread, verbose=verbose, **look(sys.stdout)))
    return 0
