"""`reconcile lint`: all documents, for all workstations, without looking at any machine."""

from __future__ import annotations

from typing import Any

import click

from reconciler.cli import options
from reconciler.cli.console import say
from reconciler.cli.session import Choice, caller, controller, open_source
from reconciler.documents.desire import Documents, Known
from reconciler.documents.fill import filled
from reconciler.documents.repository import ReadingError
from reconciler.model.derived_facts import DERIVED_FACTS
from reconciler.model.errors import DocumentError
from reconciler.model.later import NoValue
from reconciler.planning import owners
from reconciler.resources.assemble import assemble


@click.command("lint")
@options.documents
def command(**choice: Any) -> int:
    """Check all documents for all workstations, offline. Exit 1 where something is wrong."""
    who = caller()
    documents = open_source(Choice(**choice), who, controller(who))
    lint(documents)
    repository = documents.repository
    own = [document.name for document in repository.documents if not document.is_playbook]
    targets = len(list(documents.every_target()))
    say(f"Lint: nothing wrong in {', '.join(own)} ({targets} targets).")
    return 0


def lint(documents: Documents) -> None:
    """ReadingError: all that is wrong. What only a machine can tell is left out, homes and secrets have stand-ins."""
    problems = documents.unread()
    try:
        owners.check(_writers(documents))
    except DocumentError as error:
        problems = [*error.problems, *problems]
    if problems:
        raise ReadingError(problems, documents.repository.reader)


def _writers(documents: Documents) -> list[owners.Writer]:
    targets = list(documents.every_target())
    no_facts = dict.fromkeys(DERIVED_FACTS, NoValue("lint asks no machine"))
    known = {target: Known(facts=no_facts, home=f"/home/{target.user}") for target in targets}
    desired = {target: filled(items, lambda name: name) for target, items in documents.desired(targets, known).items()}
    return [
        writer
        for items in desired.values()
        for writer in owners.writers(items, assemble(items), f"/home/{items.target.user}")
    ]
