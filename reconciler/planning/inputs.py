"""All that a plan is made of. Planning looks at nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.model.address import Address, Target
from reconciler.model.desired import DesiredItems
from reconciler.model.effects import EffectRecord
from reconciler.model.facts import FactSheet
from reconciler.model.ledger import RunRecord
from reconciler.model.resource import Resource
from reconciler.model.secrets import Secret
from reconciler.model.states import TargetState


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why nothing may be written to a whole workstation, and what the reader may do."""

    why: str
    fix: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetInput:
    """One target: its resources with their values, and its facts. Without a sheet, `why` says what is in the way, or
    `refusal` that nobody may look for a difference."""

    target: Target
    desired: DesiredItems
    resources: tuple[Resource, ...] = ()
    sheet: FactSheet | None = None
    state: TargetState = TargetState.REACHED
    why: str | None = None
    fix: str | None = None
    elevation: bool = False
    refusal: Refusal | None = None
    effects: Mapping[Address, EffectRecord] = field(default_factory=dict)
    journal: tuple[RunRecord, ...] = ()
    confirm_seconds: int | None = None
    """Within what time a new connection has to be made after what may cut it off, see `way_back`; None: there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """One workstation, its targets in the order windows, distros, users.

    `allow` are globs of addresses that may run code later or grant rights without being asked about; None: somebody
    is asked, so nothing is withheld. `secrets` are those that the documents name.
    """

    workstation: str
    targets: tuple[TargetInput, ...]
    notes: tuple[str, ...] = ()
    allow: tuple[str, ...] | None = None
    secrets: tuple[Secret, ...] = ()
