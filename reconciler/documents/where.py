"""Conditions over the inventory: who a section is for. Facts have no say here, so merging works offline."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from reconciler.documents.globs import is_glob
from reconciler.documents.sections import scalars
from reconciler.model.address import WINDOWS_KEY, Target
from reconciler.model.tree import Mapping, Node, Scalar


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A target as conditions see it. A workstation's groups hold for all its targets."""

    target: Target
    groups: tuple[str, ...] = ()

    def values(self, key: str) -> tuple[str, ...]:
        match key:
            case "workstation":
                return (self.target.workstation,)
            case "groups":
                return self.groups
            case "distro":
                return (self.target.distro or WINDOWS_KEY,)
            case _:
                return (self.target.user,) if self.target.user else ()


def matches(where: Node | None, place: Place) -> bool:
    """All keys must hold; in a list any; `not` holds when what is under it does not."""
    if not isinstance(where, Mapping):
        return True
    for key, node in where:
        if key.text == "not":
            if matches(node, place):
                return False
        elif not any(_fits(pattern.text, place.values(key.text)) for pattern in scalars(node)):
            return False
    return True


def _fits(pattern: str, values: tuple[str, ...]) -> bool:
    return any(fnmatchcase(value.lower(), pattern.lower()) for value in values)


def named(where: Node | None) -> Iterator[tuple[str, Scalar]]:
    """Every plain name a condition uses, with its key."""
    if not isinstance(where, Mapping):
        return
    for key, node in where:
        if key.text == "not":
            yield from named(node)
        else:
            yield from ((key.text, scalar) for scalar in scalars(node) if not is_glob(scalar.text))
