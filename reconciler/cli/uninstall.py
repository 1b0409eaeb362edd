"""`reconcile uninstall`: everything that is ours is led back, and what the tool keeps for itself on a machine goes."""

from __future__ import annotations

import sys
from typing import Any

import click

from reconciler.cli import options
from reconciler.cli.console import say
from reconciler.cli.journals import open_journals, require_any
from reconciler.cli.session import Choice
from reconciler.cli.undo import lead_back
from reconciler.execution.machines import forget
from reconciler.model.errors import BlockedError
from reconciler.model.states import Exit
from reconciler.planning import undo_steps
from reconciler.rendering.visible import visible


@click.command("uninstall")
@options.documents
@options.selection
@options.verbose
@options.connections
@options.confirm
@click.option("--keep", is_flag=True, help="Leave everything as it is now, and only forget it.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def command(keep: bool, yes: bool, verbose: bool, **choice: Any) -> int:
    """Give a machine back: every address gets its value from before us, and the journal goes.

    It is planned and shown like everything else. While something cannot be led back, because somebody has moved it since,
    the journal stays; with --keep everything stays as it is, and only the journal goes.

    \b
    Exit codes: 0 done, 1 error, 3 something failed, 4 a machine was not reached, 5 something was refused.
    """
    journals = open_journals(Choice(**choice))
    require_any(journals)
    steps = undo_steps.origins(journals.each)
    if steps and not keep:
        code = lead_back(journals, steps, undoes=None, yes=yes, verbose=verbose, heading="Uninstall")
        if code != Exit.DONE:
            return code
    elif not yes:
        _ask()
    targets = [target for target, runs in journals.runs.items() if runs]
    for note in forget(targets, journals.observed, journals.session.doors):
        say(visible(f"note: {note}"))
    say(f"Forgotten: the journal on {', '.join(map(str, targets))}.")
    return Exit.DONE


def _ask() -> None:
    if not sys.stdin.isatty():
        raise BlockedError("there is no terminal to ask on, and nothing was changed", fix="add --yes to go on")
    if not click.confirm("\nForget what runs did here?", default=False):
        raise BlockedError("nothing was changed")
