"""`reconcile explain ADDRESS`: offline, from the documents alone."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import click

from reconciler.cli import options
from reconciler.cli.console import look, say
from reconciler.cli.session import Choice, Session, open_session
from reconciler.documents.explain import explain
from reconciler.model.address import Address, Target
from reconciler.model.desired import DesiredItems
from reconciler.model.errors import UsageError
from reconciler.model.spelling import nearest
from reconciler.rendering.explain import explain_text


@click.command("explain")
@click.argument("address")
@options.documents
@options.selection
def command(address: str, **choice: Any) -> int:
    """Say what ADDRESS is to be, and which documents say so.

    ADDRESS is TARGET:KIND:ITEM, such as alice-lt/main/alice:go_env:GOPROXY, or KIND:ITEM for this workstation.
    """
    session = open_session(Choice(**choice))
    addresses = _addresses(session, address)
    desired = session.documents.desired(dict.fromkeys(entry.target for entry in addresses))
    found = [explain(session.documents, entry, _value(entry, desired)) for entry in addresses]
    spoken = [entry for entry in found if entry.chain]
    if not spoken:
        every = [str(entry) for items in desired.values() for entry in items.origins]
        short = [name.split(":", 1)[1] for name in every]
        guess = nearest(address, [*every, *short])
        raise UsageError(f"no document speaks of {address}", fix=f"did you mean  {guess}" if guess else None)
    say("\n\n".join(explain_text(entry, **look(sys.stdout)) for entry in spoken))
    return 0


def _addresses(session: Session, text: str) -> list[Address]:
    """The one address, or those of a KIND:ITEM on every target that is meant."""
    kind, colon, item = text.partition(":")
    try:
        if "/" in kind:
            return [Address.parse(text)]
        if colon and kind and item:
            return [Address(target, kind, item) for target in session.targets]
    except ValueError:
        pass
    raise UsageError(f"{text} is no address", fix="write TARGET:KIND:ITEM, or KIND:ITEM")


def _value(address: Address, desired: Mapping[Target, DesiredItems]) -> object:
    items = desired.get(address.target)
    kind = items.kinds.get(address.kind) if items else None
    return kind.items.get(address.item) if kind else None
