"""Why an address is what it is: every place in the documents that speaks of it, low rank to high."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.documents import merge, reading
from reconciler.documents.desire import Documents
from reconciler.documents.where import Place
from reconciler.model.address import Address
from reconciler.model.explanation import Declaration, Explanation
from reconciler.model.tree import Node


def explain(documents: Documents, address: Address, value: object) -> Explanation:
    """`value` is what counts in the end, as built; None where no document speaks of the address."""
    place = documents.inventory.place(address.target)
    chain = tuple(_declarations(documents, address, place))
    return Explanation(address=address, value=value, chain=chain)


def _declarations(documents: Documents, address: Address, place: Place) -> Iterator[Declaration]:
    """Also those that do not count here, with the reason."""
    for rank in merge.ranks(documents.repository, place, documents.source.today):
        for entry in merge.written(rank, place, documents.kinds):
            if (entry.kind, entry.name) == (address.kind, address.item):
                yield Declaration(
                    rank=rank.label, origin=entry.key.origin, value=said(entry.node), ignored=rank.ignored
                )


def said(node: Node) -> object:
    """A node as it is written, templates and all."""
    word = reading.reserved(node)
    return word if word is not None else reading.free(node)
