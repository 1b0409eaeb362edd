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
    desired = session.documents.desired(_targets(session, address))
    found = [entry for entry in _addresses(address, desired) if _value(entry, desired) is not None]
    if not found:
        every = [str(entry) for items in desired.values() for entry in items.origins]
        short = [name.split(":", 1)[1] for name in every]
        guess = nearest(address, [*every, *short])
        raise UsageError(f"no document speaks of {address}", fix=f"did you mean  {guess}" if guess else None)
    texts = [
        explain_text(explain(session.documents, entry, _value(entry, desired)), **look(sys.stdout)) for entry in found
    ]
    say("\n\n".join(texts))
    return 0


def _targets(session: Session, address: str) -> list[Target]:
    if address.count(":") < 2 or "/" not in address.split(":", 1)[0]:
        return session.targets
    try:
        return [Address.parse(address).target]
    except ValueError:
        raise UsageError(f"{address} is no address", fix="write TARGET:KIND:ITEM, or KIND:ITEM") from None


def _addresses(address: str, desired: Mapping[Target, DesiredItems]) -> list[Address]:
    if "/" in address.split(":", 1)[0]:
        return [Address.parse(address)]
    kind, colon, item = address.partition(":")
    if not colon:
        raise UsageError(f"{address} is no address", fix="write TARGET:KIND:ITEM, or KIND:ITEM")
    return [Address(target, kind, item) for target in desired]


def _value(address: Address, desired: Mapping[Target, DesiredItems]) -> object:
    items = desired.get(address.target)
    kind = items.kinds.get(address.kind) if items else None
    return kind.items.get(address.item) if kind else None
