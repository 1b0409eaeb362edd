"""The contract of a kind: what it asks, sees, wants and writes. Comparing is not its business: planning does that, once.

A kind is one class in one file of `resources/`; one instance holds all its items on one target. It is pure: the same
items and facts give the same answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from reconciler.model.address import Layer
from reconciler.model.claims import Claim, Need
from reconciler.model.facts import Fact, FactSheet
from reconciler.model.later import Later
from reconciler.model.schema import KindSchema
from reconciler.model.secrets import Secret
from reconciler.model.states import Effect, Risk
from reconciler.model.tasks import Task
from reconciler.model.values import Absent, Json, Unmanaged

Fields = Mapping[str, "Json | Secret"]
"""An item in normal form, in the document's own terms. An item that is one value has the one field `value`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An item on the machine. `running` is what is in force where that can be seen and differs from what is on disk."""

    fields: Fields
    running: Fields | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unknown:
    """The item could not be read, and why."""

    why: str


@dataclass(frozen=True, slots=True)
class Blocked:
    """The kind refuses to write, and why; `fix` is what the reader may do."""

    why: str
    fix: str | None = None


@dataclass(frozen=True, slots=True)
class NotApplicable:
    """The item cannot exist here, and why."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """What an item means: only the declared fields. An absent item wants no fields."""

    fields: Fields = field(default_factory=dict)
    provides: frozenset[Claim] = frozenset()
    risks: frozenset[Risk] = frozenset()
    takes_effect: Effect = Effect.NOW
    notes: tuple[str, ...] = ()


class Codec(Protocol):
    """Changes members of a text and keeps every other byte. Text is UTF-8 with surrogateescape."""

    def members(self, text: str) -> Mapping[str, str]: ...

    def edit(self, text: str, changes: Mapping[str, str | None]) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Creation:
    """Mode and owner of a file that an edit brings into being."""

    mode: int = 0o644
    owner: str | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEdit:
    """One member of a file that several items, even several kinds, share. `value` None removes the member.

    `follow` writes to the file at the end of a symbolic link; without it a link blocks the item.
    """

    path: str
    codec: Codec
    member: str
    value: str | Secret | None
    create: Creation = Creation()
    follow: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Work on one thing (a file, a mount, a unit), named in `thing`: edits that planning folds, or tasks of its own."""

    thing: str
    edits: tuple[FileEdit, ...] = ()
    tasks: tuple[Task, ...] = ()
    needs: tuple[Need, ...] = ()


class Resource(Protocol):
    """One kind on one target, with all its items. See DESIGN-like notes in `resources/README` of the docs."""

    kind: ClassVar[str]
    layers: ClassVar[frozenset[Layer]]

    @classmethod
    def schema(cls, layer: Layer) -> KindSchema: ...

    def __init__(self, items: Mapping[str, object], options: Mapping[str, object], layer: Layer) -> None: ...

    @property
    def items(self) -> Mapping[str, object]: ...

    def wanted_facts(self) -> frozenset[Fact]:
        """What it asks; with no items: all that `observe` can see."""

    def observe(self, sheet: FactSheet) -> Mapping[str, Seen | Unknown]:
        """What is there, declared or not. An item that is missing here does not exist on the machine."""

    def implied(self, sheet: FactSheet) -> Mapping[str, object]:
        """Items that the declared ones bring along."""

    def want(self, name: str, item: object) -> Want:
        """What an item, or its absence, means."""

    def write(self, name: str, before: Seen | None, after: Fields | Absent) -> Sequence[Part] | Blocked | NotApplicable:
        """How a difference is written. Planning calls it only where there is one."""


__all__ = [
    "Absent", "Blocked", "Codec", "Creation", "Fields", "FileEdit", "Later", "Need", "NotApplicable", "Part", "Resource",
    "Seen", "Unknown", "Unmanaged", "Want",
]
