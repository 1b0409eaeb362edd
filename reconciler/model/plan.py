"""The plan: what would be written, in order, and what is said of every address. Plain data, made by `planning/`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from reconciler.model.address import Address, Target
from reconciler.model.claims import Claim
from reconciler.model.resource import Fields
from reconciler.model.states import Effect, Exit, Phase, Risk, State, TargetState
from reconciler.model.tasks import Task
from reconciler.model.tree import Origin
from reconciler.model.values import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDiff:
    """One field of an item, old and new in normal form; None: not there. `secret` hides both."""

    name: str
    before: object
    after: object
    secret: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemPlan:
    """What the plan says of one address. `why` is always there for unknown, blocked, waiting and not applicable."""

    address: Address
    state: State
    why: str | None = None
    fix: str | None = None
    origin: Origin | None = None
    before: Fields | None = None
    after: Fields | None = None
    diffs: tuple[FieldDiff, ...] = ()
    effect: Effect = Effect.NOW
    risks: frozenset[Risk] = frozenset()
    notes: tuple[str, ...] = ()
    change: str | None = None
    """The id of the change that writes it."""
    options: Mapping[str, object] = field(default_factory=dict)
    """What its kind was told beside the items."""
    elevation: bool = False
    """Only root or administrator can write it, or could have read it, and this run is neither."""

    @property
    def is_idle_check(self) -> bool:
        """It is a check, and nothing changes that it would be tried after."""
        return self.state is State.CHECK and self.change is None


def tally(items: Iterable[ItemPlan]) -> Counter[State]:
    """How many items are in each state; checks that are not due do not count."""
    return Counter(item.state for item in items if not item.is_idle_check)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDiff:
    """The text of a file before and after, as shown; None: there is no file, or bytes that are no text."""

    path: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """All that is written on one thing, for one or several addresses.

    `id` is unique in the plan and stable between plans of the same thing. `needs` are ids of changes that come first;
    when one of them fails, this one is not tried. `fingerprint` covers what the change was planned against and what it
    writes: a saved plan is applied only where it is the same again.
    """

    id: str
    target: Target
    thing: str
    addresses: tuple[Address, ...]
    tasks: tuple[Task, ...]
    needs: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()
    effect: Effect = Effect.NOW
    risks: frozenset[Risk] = frozenset()
    phase: Phase = Phase.MOUNTS
    """When its programs run, where nothing else decides."""
    asks: tuple[str, ...] = ()
    """What the person has to do once it is written, beside what `effect` says."""
    text: TextDiff | None = None
    fingerprint: str = ""
    digests: Mapping[Address, str] = field(default_factory=dict)
    """Of each address as it will be: what an effect record remembers."""
    unkept: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By path, the names of secrets in the bytes that it replaces: only their hash is kept."""


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a conflict rule has to say. An error blocks the addresses it names."""

    rule: str
    severity: Severity
    what: str
    addresses: tuple[Address, ...] = ()
    origins: tuple[Origin, ...] = ()
    ways_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What a run of ours wrote and nobody declares any more. `before`: its fields before us; None: it was not there."""

    address: Address
    before: Mapping[str, Json] | None
    at: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetPlan:
    """One target: its state, and its items in the order of the documents; what is left of ours stands beside them."""

    target: Target
    state: TargetState = TargetState.REACHED
    why: str | None = None
    fix: str | None = None
    items: tuple[ItemPlan, ...] = ()
    notes: tuple[str, ...] = ()
    left: tuple[Left, ...] = ()
    unfinished: bool = False
    """A run there has not come to its end: an apply clears up after it, also with nothing to change."""
    released: tuple[Address, ...] = ()
    """What is ours and declared unmanaged: an apply notes that it is not any more, also with nothing to change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The plan of one workstation."""

    workstation: str
    targets: tuple[TargetPlan, ...] = ()
    changes: tuple[Change, ...] = ()
    findings: tuple[Finding, ...] = ()
    needs: tuple[str, ...] = ()
    """What an apply of this plan asks of the person, in words: a restart, root."""
    notes: tuple[str, ...] = ()

    @property
    def items(self) -> tuple[ItemPlan, ...]:
        return tuple(item for target in self.targets for item in target.items)

    @property
    def work(self) -> tuple[Target, ...]:
        """The targets where an apply has something to do, in order."""
        others = (entry.target for entry in self.targets if entry.unfinished or entry.released)
        return tuple(dict.fromkeys([*(change.target for change in self.changes), *others]))

    def counts(self) -> Counter[State]:
        return tally(self.items)

    def verdict(self, *, running: bool = False, strict: bool = False) -> Exit:
        """The exit code of `verify`; `plan --detailed-exitcode` has the same but for `blocked`, see the command."""
        counts = self.counts()
        exits = {Exit.DONE}
        if any(counts[state] for state in (State.ADD, State.CHANGE, State.REMOVE, State.WAITING)):
            exits.add(Exit.CHANGES)
        if running and counts[State.PENDING]:
            exits.add(Exit.CHANGES)
        if counts[State.BLOCKED] or any(finding.severity is Severity.ERROR for finding in self.findings):
            exits.add(Exit.BLOCKED)
        if any(target.state is TargetState.UNREACHABLE for target in self.targets):
            exits.add(Exit.UNREACHABLE)
        if strict and (counts[State.UNKNOWN] or self.unseen):
            exits.add(Exit.BLOCKED)
        return Exit.first(exits)

    @property
    def unseen(self) -> tuple[TargetPlan, ...]:
        """The targets that were not looked at."""
        return tuple(entry for entry in self.targets if entry.state in (TargetState.STOPPED, TargetState.NOT_HERE))
