"""Finds kinds by name: a kind is the file of its name, or an entry point `reconciler.resources` of another package.

Only the kinds that documents name are imported; their names come from the files alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pkgutil import iter_modules
from typing import Final

from reconciler.model.address import Layer
from reconciler.model.resource import Resource
from reconciler.model.schema import KindSchema

ENTRY_POINTS: Final = "reconciler.resources"
_FOLDERS: Final[Mapping[Layer, tuple[str, ...]]] = {
    Layer.USER: ("user", "any"),
    Layer.DISTRO: ("distro", "any"),
    Layer.WINDOWS: (),
}


@cache
def _modules(layer: Layer) -> Mapping[str, str]:
    """Kind to module, from the folders of a layer."""
    found = {}
    for folder in _FOLDERS[layer]:
        package = import_module(f"reconciler.resources.{folder}")
        found.update({module.name: f"{package.__name__}.{module.name}" for module in iter_modules(package.__path__)})
    return found


@cache
def _foreign() -> Mapping[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=ENTRY_POINTS)}


@cache
def find(layer: Layer, kind: str) -> type[Resource] | None:
    """The class of a kind, None where the layer has none of that name."""
    if kind in _modules(layer):
        found: type[Resource] = import_module(_modules(layer)[kind]).RESOURCE
        return found
    if kind in _foreign():
        foreign: type[Resource] = _foreign()[kind].load()
        return foreign if layer in foreign.layers else None
    return None


class Catalogue:
    """What `documents/` asks: the kinds of a layer and their schemas."""

    def names(self, layer: Layer) -> Iterable[str]:
        foreign = (name for name in _foreign() if find(layer, name) is not None)
        return sorted({*_modules(layer), *foreign})

    def schema(self, layer: Layer, kind: str) -> KindSchema | None:
        return _schema(layer, kind)


@cache
def _schema(layer: Layer, kind: str) -> KindSchema | None:
    resource = find(layer, kind)
    return resource.schema(layer) if resource is not None else None
