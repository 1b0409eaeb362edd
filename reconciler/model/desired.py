"""What `documents/` hands to planning: the resources of each target, and where everything was written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.model.address import Address, Target
from reconciler.model.later import NoValue
from reconciler.model.resource import Resource
from reconciler.model.tree import Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredTarget:
    """The desired state of one target, built from the merged documents.

    `withheld` are items that cannot be built here because a template has no value, with the reason: they are unknown
    (a derived fact) or blocked (a secret).
    """

    target: Target
    resources: tuple[Resource, ...] = ()
    origins: Mapping[Address, Origin] = field(default_factory=dict)
    withheld: Mapping[Address, NoValue] = field(default_factory=dict)
    unmanaged: frozenset[Address] = frozenset()
