"""`reconcile facts`: what is known of this machine, as templates and kinds see it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import click

from reconciler import pipeline
from reconciler.cli import options, output
from reconciler.cli.console import look, say
from reconciler.cli.session import Choice, Session, open_session
from reconciler.execution.visit import Observed, observe
from reconciler.model import derived_facts
from reconciler.model.derived_facts import DERIVED_FACTS
from reconciler.model.errors import UnreachableError
from reconciler.model.facts import FactSheet, FileState
from reconciler.model.sheet_json import sheet_to_json


@click.command("facts")
@options.documents
@options.selection
@options.connections
@click.option("--format", "form", type=click.Choice(output.DATA_FORMATS), default="text", help="How to print them.")
def command(form: str, **choice: Any) -> int:
    """Show what is known of this machine: the host, the derived facts, and all that the documents make us ask."""
    session = open_session(Choice(**choice))
    observed = _observed(session)
    names = frozenset(DERIVED_FACTS)
    if form != "text":
        sheets = {
            str(target): {
                **sheet_to_json(_without_secrets(sheet)),
                "derived": _shown(derived_facts.values(sheet, names)),
            }
            for target, sheet in observed.sheets.items()
        }
        output.show_data(sheets, form)
        return 0
    from reconciler.rendering.facts import facts_text

    texts = [
        facts_text(target, sheet.host, derived_facts.values(sheet, names), **look(sys.stdout))
        for target, sheet in observed.sheets.items()
    ]
    say("\n\n".join(texts))
    return 0


def _observed(session: Session) -> Observed:
    desired = session.documents.desired(session.targets)
    everything = derived_facts.wanted(frozenset(DERIVED_FACTS))
    asked = pipeline.questions(desired, dict.fromkeys(desired, everything), {})
    observed = observe(asked, session.doors)
    if not observed.sheets:
        reasons = ", ".join(f"{target}: {unseen.why}" for target, unseen in observed.unseen.items())
        raise UnreachableError(f"no target could be asked ({reasons or 'nothing is declared for this machine'})")
    return observed


def _without_secrets(sheet: FactSheet) -> FactSheet:
    """What not everybody may read is not for print."""
    answers = {
        fact: replace(answer, data=None, unreadable="not everybody may read it: not shown")
        if isinstance(answer, FileState) and answer.is_closed
        else answer
        for fact, answer in sheet.answers.items()
    }
    return replace(sheet, answers=answers)


def _shown(values: Mapping[str, object]) -> dict[str, object]:
    return {
        name: value if isinstance(value, str) else {"no value": str(getattr(value, "why", ""))}
        for name, value in values.items()
    }
