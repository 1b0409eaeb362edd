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
from reconciler.model.schema import KindSchema
from reconciler.model.secrets import Secret
from reconciler.model.states import Effect, Phase, Risk
from reconciler.model.tasks import Task
from reconciler.model.values import Absent, Json

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
    """The kind refuses to write, and why; `fix` is what the reader may do. `elevation`: only root could."""

    why: str
    fix: str | None = None
    elevation: bool = False


Observed = Seen | Unknown | Blocked


@dataclass(frozen=True, slots=True)
class NotApplicable:
    """The item cannot exist here, and why."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """What an item means: only the declared fields. An absent item wants no fields.

    `owns` are paths that this item alone writes, `shares` those of which it writes a member: a path that two kinds
    would write is an error, whatever is on the machine.
    """

    fields: Fields = field(default_factory=dict)
    owns: tuple[str, ...] = ()
    shares: tuple[str, ...] = ()
    provides: frozenset[Claim] = frozenset()
    risks: frozenset[Risk] = frozenset()
    takes_effect: Effect = Effect.NOW
    is_check: bool = False
    """It is no state of the machine, but tried after every apply that changes something on its workstation."""


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

    `follow` writes to the file at the end of a symbolic link; without it a link blocks the item. `validate`: see
    `WriteFile`. `ours` is a file that holds nothing but our members: without any it goes. `replaces_link` puts a new file in
    place of a link, whatever is behind that. `private` leaves nobody but its owner any right to the file, new or not.
    """

    path: str
    codec: Codec
    member: str
    value: str | Secret | None
    create: Creation = Creation()
    follow: bool = False
    validate: tuple[str, ...] = ()
    ours: bool = False
    replaces_link: bool = False
    private: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Work on one thing (a file, a mount, a unit), named in `thing`: edits that planning folds, or tasks of its own.

    `before` are the bytes of a file that the tasks write anew, for showing what changes. `phase` orders parts that only
    run programs. Parts of several items with one thing become one change, in which equal tasks are done once. `asks` is
    what the person has to do afterwards, beside what the item's effect says.
    """

    thing: str
    before: bytes | None = None
    edits: tuple[FileEdit, ...] = ()
    tasks: tuple[Task, ...] = ()
    needs: tuple[Need, ...] = ()
    phase: Phase = Phase.MOUNTS
    asks: tuple[str, ...] = ()


class Resource(Protocol):
    """One kind on one target, with all its items."""

    kind: ClassVar[str]
    layers: ClassVar[frozenset[Layer]]

    @classmethod
    def schema(cls, layer: Layer) -> KindSchema:
        """What people may write under the kind's name in a section of `layer`."""

    def __init__(self, *, items: Mapping[str, object], options: Mapping[str, object], layer: Layer) -> None:
        """Each item is `ABSENT`, `UNMANAGED`, what its schema builds, or the value of an item that is one value.

        Before gathering, values may be `Later`: then only `wanted_facts` is asked.
        """

    @classmethod
    def as_declared(
        cls, layer: Layer, name: str, seen: Mapping[str, Json], data: bytes | None, after: Mapping[str, Json] | None
    ) -> object | None:
        """The item that has what was once seen of it, so that it can be led back there from what a run made of it, `after`;
        `data` are the bytes of the one file that it wrote, as they were then. None: no item can say it."""

    @classmethod
    def is_as_left(cls, seen: Mapping[str, Json] | None, after: Mapping[str, Json] | None) -> bool:
        """Whether an item that is seen so is still what a run made of it."""

    @property
    def items(self) -> Mapping[str, object]: ...

    def wanted_facts(self) -> frozenset[Fact]:
        """What it asks; with no items: all that `observe` can see."""

    def observe(self, sheet: FactSheet) -> Mapping[str, Observed]:
        """What is there, declared or not. An item that is missing here does not exist on the machine; one that is
        blocked meets something that it neither is nor may replace."""

    def implied(self, sheet: FactSheet) -> Mapping[str, object]:
        """Items that the declared ones bring along."""

    def want(self, name: str, item: object) -> Want:
        """What an item, or its absence, means. Never asked for an unmanaged one."""

    def write(
        self, name: str, before: Seen | None, after: Fields | Absent, sheet: FactSheet
    ) -> Sequence[Part] | Blocked | NotApplicable:
        """How a difference is written; planning asks only where there is one. `after` has the declared fields."""

    def remarks(self, sheet: FactSheet) -> Sequence[str]:
        """What a reader should know of the thing as it is on the machine, and that no item's state tells."""
