"""What `documents/` hands on: the desired items of one target, typed and rendered, and where each was written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.model.address import Address, Target
from reconciler.model.tree import Origin


@dataclass(frozen=True, slots=True)
class Withheld:
    """An item that cannot be told here: a derived fact has no value (unknown), or a secret is missing (blocked)."""

    why: str
    blocked: bool = False
    fix: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredKind:
    """Items by name: `ABSENT`, `UNMANAGED`, fields by name, or the value of an item that is one value.

    Values may be `Later` (before gathering) and `SecretText` (before secrets are filled in). `options` are the kind's
    reserved keys.
    """

    items: Mapping[str, object]
    options: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredItems:
    """All desired items of one target, by kind."""

    target: Target
    kinds: Mapping[str, DesiredKind]
    origins: Mapping[Address, Origin] = field(default_factory=dict)
    withheld: Mapping[Address, Withheld] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
