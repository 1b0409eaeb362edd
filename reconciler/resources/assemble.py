"""Desired items become the resources of a target; and every kind of a layer at once, for describing a machine."""

from __future__ import annotations

from reconciler.model.address import Layer
from reconciler.model.desired import DesiredItems
from reconciler.model.errors import DocumentError
from reconciler.model.facts import Fact
from reconciler.model.resource import Resource
from reconciler.model.schema import KindSchema
from reconciler.resources.catalogue import Catalogue, find


def assemble(desired: DesiredItems) -> tuple[Resource, ...]:
    """One resource a kind; fields become what the kind's schema builds."""
    found = []
    for kind, entry in desired.kinds.items():
        resource = find(desired.target.layer, kind)
        if resource is None:
            raise DocumentError(f"there is no kind {kind} here", fix="install the package that it came with")
        schema = resource.schema(desired.target.layer)
        items = {name: schema.built(name, value) for name, value in entry.items.items()}
        found.append(resource(items=items, options=entry.options, layer=desired.target.layer))
    return tuple(found)


def inventory_kinds(layer: Layer) -> dict[str, tuple[type[Resource], KindSchema]]:
    """Every kind of a layer, with its schema."""
    found = {name: find(layer, name) for name in Catalogue().names(layer)}
    return {name: (resource, resource.schema(layer)) for name, resource in found.items() if resource is not None}


def inventory_questions(layer: Layer) -> frozenset[Fact]:
    """All that the kinds of a layer can see without being told what to look for."""
    kinds = inventory_kinds(layer).values()
    return frozenset(
        fact for resource, _ in kinds for fact in resource(items={}, options={}, layer=layer).wanted_facts()
    )
