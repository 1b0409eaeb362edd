"""All machines of a run are asked at once, and those that need a password for root's answers once more."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, Protocol

from reconciler.execution.doors import Access, Door, Doors, NoDoor
from reconciler.execution.fleet import at_once
from reconciler.execution.gather import Gathered, Gathering
from reconciler.execution.session import Password, Refused, Rights
from reconciler.model.address import Target
from reconciler.model.errors import UnreachableError
from reconciler.model.facts import NEEDS_ROOT, Fact, FactSheet
from reconciler.model.states import TargetState

Questions = Mapping[Target, Mapping[Target, frozenset[Fact]]]
"""By machine, then by target."""

_TRIES: Final = 3
_NOT_TAKEN: Final = "sudo did not take the password"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen:
    """Why there are no facts of a target; `elevation`: root would have them."""

    state: TargetState
    why: str
    fix: str | None = None
    elevation: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What was found of each target: its facts, or why there are none; and with whose rights each machine was asked."""

    sheets: Mapping[Target, FactSheet] = field(default_factory=dict)
    unseen: Mapping[Target, Unseen] = field(default_factory=dict)
    access: Mapping[Target, Access] = field(default_factory=dict)


class Passwords(Protocol):
    """Where sudo passwords come from."""

    def password(self, machines: Mapping[Target, str], *, again: bool) -> Password | None:
        """For machines, each with the name that messages call it; `again`: the last one was wrong. None: there is
        none, or nobody to ask."""


class Visit:
    """The machines of a run, while they are being asked."""

    def __init__(self, questions: Questions, doors: Doors, *, may_unlock: bool) -> None:
        self._questions, self._doors = questions, doors
        self._rights = Rights.ASK if may_unlock else Rights.FREE
        self._open: dict[Target, Gathering] = {}
        self._found: dict[Target, _Found] = {}

    def __enter__(self) -> Visit:
        doors = {machine: self._doors.door(machine) for machine in self._questions}
        work = {machine: partial(self._ask, machine, door) for machine, door in doors.items()}
        try:
            self._found = at_once(work, self._doors.close)
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *trouble: object) -> None:
        self._close()

    def _close(self) -> None:
        for gathering in self._open.values():
            gathering.close()

    def _ask(self, machine: Target, door: Door | NoDoor) -> _Found:
        if isinstance(door, NoDoor):
            return door
        rights = self._rights if door.may_become_root else Rights.OWN
        try:
            gathering = Gathering(self._questions[machine], caller=door.caller, root=door.root, rights=rights)
            gathered = gathering.ask(door.transport)
        except UnreachableError as error:
            return _no_answer(error)
        if gathering.is_locked:
            self._open[machine] = gathering
        return gathered

    @property
    def locked(self) -> Collection[Target]:
        """The machines that would give root's answers for a password."""
        return [machine for machine in self._questions if machine in self._open]

    def unlock(self, machines: Iterable[Target], passwords: Passwords) -> bool:
        """Asks those machines again with root's rights; whether anything new was found."""
        left, tries, news = list(machines), 0, False
        while left and tries < _TRIES:
            names = {machine: self._doors.way_in(machine).transport.name for machine in left}
            password = passwords.password(names, again=tries > 0)
            if password is None:
                break
            work = {machine: partial(self._ask_again, machine, password) for machine in left}
            answers = at_once(work, self._doors.close)
            self._found |= {machine: found for machine, found in answers.items() if found is not None}
            news = news or any(answers.values())
            left, tries = [machine for machine in left if answers[machine] is None], tries + 1
        return news

    def _ask_again(self, machine: Target, password: Password) -> _Found | None:
        """None: the password is wrong."""
        gathering, before = self._open[machine], self._found[machine]
        assert isinstance(before, Gathered)
        try:
            return replace(gathering.unlock(password), password=password)
        except Refused as error:
            if not error.wrong:
                return replace(before, no_root=error.why)
            self._found[machine] = replace(before, no_root=_NOT_TAKEN)
            return None
        except UnreachableError as error:
            return _no_answer(error)

    @property
    def observed(self) -> Observed:
        sheets: dict[Target, FactSheet] = {}
        unseen: dict[Target, Unseen] = {}
        access: dict[Target, Access] = {}
        for machine, found in self._found.items():
            if isinstance(found, NoDoor):
                reason = Unseen(state=found.state, why=found.why, fix=found.fix)
                unseen.update(dict.fromkeys(self._questions[machine], reason))
            else:
                sheets.update(found.sheets)
                unseen.update((target, _without_sheet(why)) for target, why in found.reasons.items())
                access[machine] = self._access(machine, found)
        return Observed(sheets=sheets, unseen=unseen, access=access)

    def _access(self, machine: Target, found: Gathered) -> Access:
        door = self._doors.way_in(machine)
        rights = Rights.OWN
        if found.password is not None:
            rights = Rights.PASSWORD
        elif found.is_root and door.caller.uid != 0:
            rights = Rights.FREE
        return Access(
            is_root=found.is_root,
            rights=rights,
            password=found.password,
            no_root=found.no_root,
            host_key=door.host_key(),
        )


_Found = Gathered | NoDoor


def _no_answer(error: UnreachableError) -> NoDoor:
    return NoDoor(why=str(error), fix=next((problem.fix for problem in error.problems if problem.fix), None))


def _without_sheet(why: str) -> Unseen:
    """A user whom root could have asked is here; one whom nobody can ask is not."""
    elevation = why == NEEDS_ROOT
    return Unseen(state=TargetState.REACHED if elevation else TargetState.NOT_HERE, why=why, elevation=elevation)


def observe(questions: Questions, doors: Doors) -> Observed:
    """One look, with the best rights that take no password."""
    with Visit(questions, doors, may_unlock=False) as visit:
        return visit.observed
