"""The opened documents of a run, and what they desire of each target."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Final

from reconciler.documents import machine_file, merge, remotes, repository, workstations
from reconciler.documents.build import Builder, Names
from reconciler.documents.grammar import Kinds
from reconciler.documents.inventory import Here, Inventory, Login, targets_of
from reconciler.documents.load import MOST_PROBLEMS
from reconciler.documents.machine_file import MachineFile
from reconciler.documents.reader import Caller, RepoReader
from reconciler.documents.repository import ReadingError, Repository
from reconciler.documents.templates import Allowance
from reconciler.documents.variables import Variation, check_used, plain
from reconciler.model.address import Target
from reconciler.model.desired import DesiredItems
from reconciler.model.errors import DocumentError, Problem
from reconciler.model.remote import Remote

STEPS_OF_A_TARGET: Final = 5_000
"""What each target adds to the steps that templates may take together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the documents of a run come from, and all that is not in them. `today` is the day in UTC."""

    start: Path
    file: Path | None
    extra: Mapping[str, str]
    caller: Caller
    here: Here
    today: date
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What gathering told of one target: the values of derived facts, and the user's home."""

    facts: Mapping[str, object]
    home: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Documents:
    repository: Repository
    inventory: Inventory
    machine: MachineFile
    kinds: Kinds
    source: Source
    used: dict[Target, frozenset[str]] = field(default_factory=dict)
    """By target, the names that its templates use; filled by `desired`."""
    logins: Login | None = None
    """Who `self` is on each machine, by those who know the user's ssh_config. None: as far as documents tell."""

    def desired(
        self, targets: Iterable[Target], known: Mapping[Target, Known] | None = None
    ) -> dict[Target, DesiredItems]:
        """The items of each target; before gathering (`known` None) what depends on facts is `Later`.

        ReadingError holds all problems of all targets.
        """
        found: dict[Target, DesiredItems] = {}
        problems: list[Problem] = []
        allowance = Allowance()
        for target in targets:
            if len(problems) < MOST_PROBLEMS:
                allowance.steps_left += STEPS_OF_A_TARGET
                builder = self._builder(target, (known or {}).get(target), allowance)
                found[target] = self._built(target, builder)
                problems += builder.problems
        if problems:
            raise ReadingError(dict.fromkeys(problems), self.repository.reader)
        return found

    def _built(self, target: Target, builder: Builder) -> DesiredItems:
        kinds, notes = merge.merged(self.repository, self.inventory.place(target), self.kinds, self.source.today)
        items = builder.build(kinds, notes)
        self.used[target] = frozenset(builder.used)
        return items

    @property
    def variation(self) -> Variation:
        return Variation(
            repository=self.repository,
            inventory=self.inventory,
            machine=self.machine,
            extra=self.source.extra,
            login=self.login,
            today=self.source.today,
        )

    def _builder(self, target: Target, known: Known | None, allowance: Allowance) -> Builder:
        place = self.inventory.place(target)
        values = self.variation.at(place)
        workstation = self.inventory.workstation(target.workstation)
        distro = workstation.distros.get(target.distro or "")
        names = Names(
            variables={name: plain(node) for name, node in values.items()},
            workstation={"name": workstation.name, "groups": list(workstation.groups)},
            distro={"key": distro.key, "name": distro.names[0] if distro.names else distro.key} if distro else {},
            user={"name": target.user, **({"home": known.home} if known else {})} if target.user else {},
            facts=known.facts if known else None,
        )
        unfit = list(self.variation.unfit(place, values))
        return Builder(target=target, reader=self.repository.reader, names=names, allowance=allowance, problems=unfit)

    def unread(self) -> list[Problem]:
        """Variables that are set and that nothing reads, for lint."""
        names = self.repository.template_names
        used = frozenset(name.removeprefix("vars.") for name in names if name.startswith("vars."))
        return list(check_used(self.repository, self.machine, used, self.source.extra))

    def every_target(self) -> Iterator[Target]:
        """Every target that there may be, for lint: the same wherever it runs, if the documents list workstations."""
        for entry in self.inventory.every.values():
            yield from targets_of(entry, self.login)

    def login(self, machine: Target) -> str:
        """Who `self` is there: who called, and where SSH leads to the machine, the name it is entered with."""
        if self.logins is not None:
            return self.logins(machine)
        found = None if self.inventory.is_here(machine) else remotes.remote(self.inventory, machine)
        return found.user or self.source.caller.name if isinstance(found, Remote) else self.source.caller.name


def open_documents(source: Source, kinds: Kinds, known_facts: frozenset[str], good: set[str]) -> Documents:
    """Reads everything there is to read; ReadingError names all that is wrong. `good`: the digests of good documents."""
    problems: list[Problem] = []
    texts: dict[str, bytes] = {}
    machine, opened = MachineFile(path=source.caller.config), None
    try:
        machine = machine_file.read(source.caller, good)
    except ReadingError as error:
        problems += error.problems
        texts |= error.reader.texts
    try:
        main = repository.find(source.start, source.file)
        opened = repository.open_repository(main, source.caller, kinds, good, source.version, known_facts)
        found = workstations.build(opened, machine, source.here)
    except DocumentError as error:
        reader = error.reader if isinstance(error, ReadingError) else opened.reader if opened else None
        texts |= reader.texts if reader else {}
        problems += error.problems
    if problems or opened is None:
        raise ReadingError(problems, RepoReader(top=source.start, texts=texts))
    return Documents(repository=opened, inventory=found, machine=machine, kinds=kinds, source=source)
