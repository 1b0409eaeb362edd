"""Packages of the distro, by apt, apk or dnf, whichever is its own.

Manages whether a package is there and, where `version` says so, at which version it is kept (held against upgrades; with
`held: false` upgrades may move it from there). Leaves alone what else is installed, the newest versions, and the
configuration of what is removed; nothing goes with a package that is not named, but what apk drops by itself. What several
packages need is one run of the package manager. A package that another one provides is there. `name` says what it is called
where it is called otherwise: by os-release's ID, else the distros it is like, else `default`, else the item's own name.
`programs` are those it brings, for others that need them. Takes effect at once.

    distro:
      packages:                           # or only names: [git, curl]
        git: {}
        golang: {name: {debian: golang-go, fedora: golang, alpine: go}, programs: [go]}
        nodejs: {version: "18.*"}
        vim-tiny: {absent: true}

Source: apt-get(8), apt-mark(8), dpkg-query(1); apk(8); dnf(8), rpm(8); os-release(5).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Final

from reconciler.model.address import Layer
from reconciler.model.claims import Claim, Need, Path, Program
from reconciler.model.facts import Fact, FactSheet, PathType
from reconciler.model.resource import Blocked, Fields, NotApplicable, Observed, Part, Resource, Seen, Unknown, Want
from reconciler.model.schema import Complaint, KindSchema, ListOf, MapOf, Text, described, record_of
from reconciler.model.secrets import SecretText
from reconciler.model.states import Phase, Risk
from reconciler.model.tasks import RunCommand
from reconciler.model.values import Absent, Json
from reconciler.resources import package_managers
from reconciler.resources.base import Base
from reconciler.resources.package_managers import Installed, PackageManager

NAME: Final = Text(
    pattern=r"^[A-Za-z0-9]([A-Za-z0-9+._-]*[A-Za-z0-9+_])?(:[a-z0-9-]+)?$", expected="a package's name", fixed=True
)
VERSION: Final = Text(
    pattern=r"^[0-9A-Za-z*?][0-9A-Za-z.+:~^_*?-]*$", expected='a version, or one such as "18.*"', empty=False
)
PROGRAM: Final = Text(pattern=r"^/?([^/\s]+/)*[^/\s]+$", expected="a program's name or path", fixed=True)
_WAYS_IN: Final = frozenset({"openssh-server", "openssh", "sudo", "doas", "opendoas"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    name: Annotated[
        Mapping[str, str],
        MapOf(
            of=NAME,
            keys=Text(pattern=r"^[a-z0-9][a-z0-9._-]*$", expected="an ID of os-release, or default", fixed=True),
            expected="names by distro",
        ),
    ] = field(default_factory=dict, metadata=described("What the package is called, by distro."))
    version: Annotated[str | None, VERSION] = field(
        default=None, metadata=described("The version it is kept at; may be a glob.")
    )
    held: bool | None = field(
        default=None,
        metadata=described(
            "false: upgrades may move it, also from the version that is declared. Else it is kept there."
        ),
    )
    programs: Annotated[tuple[str, ...], ListOf(of=PROGRAM, single=True)] = field(
        default=(), metadata=described("Programs that come with it.")
    )


class Packages(Base):
    kind: ClassVar[str] = "packages"
    layers: ClassVar[frozenset[Layer]] = frozenset({Layer.DISTRO})

    @classmethod
    def is_as_left(cls, seen: Mapping[str, Json] | None, after: Mapping[str, Json] | None) -> bool:
        """At a version that fits a glob."""
        if seen is None or after is None or not package_managers.fits(str(seen["version"]), str(after.get("version"))):
            return super().is_as_left(seen, after)
        return super().is_as_left(seen, {**after, "version": seen["version"]})

    @classmethod
    def schema(cls, layer: Layer) -> KindSchema:
        return KindSchema(
            items=MapOf(of=record_of(Package), keys=NAME, names=True, expected="packages by name, or a list of names"),
            description="Packages of the distro, by apt, apk or dnf.",
            check=_check,
        )

    def wanted_facts(self) -> frozenset[Fact]:
        return package_managers.facts(self._names)

    @property
    def _names(self) -> frozenset[str]:
        """All that the items are called on some distro: which one this is, is a fact too."""
        others = (item.name.values() for item in self.items.values() if isinstance(item, Package))
        return frozenset([*self.items, *(name for names in others for name in names)])

    def observe(self, sheet: FactSheet) -> Mapping[str, Observed]:
        if sheet.host.at_rest:
            return {name: Seen(fields={}) for name, item in self.items.items() if isinstance(item, Absent)}
        manager = package_managers.manager_of(sheet)
        if manager is None:
            return dict.fromkeys(
                self.items, Blocked("neither apt, apk nor dnf is here", fix="leave it out with  where:")
            )
        if not self.items:
            chosen = manager.chosen(sheet)
            return {} if isinstance(chosen, Unknown) else {name: _chosen(entry) for name, entry in chosen.items()}
        installed = manager.installed(self._names, sheet)
        if isinstance(installed, Unknown):
            return dict.fromkeys(self.items, installed)
        found: dict[str, Observed] = {}
        for name, item in self.items.items():
            entry = installed.get(self.real_name(name, sheet))
            # What another package provides cannot go by itself.
            if entry is not None and not (entry.provider and isinstance(item, Absent)):
                found[name] = _seen(item, entry, manager)
        return found

    def real_name(self, name: str, sheet: FactSheet) -> str:
        """What the package is called on this distro."""
        item = self.items[name]
        names = item.name if isinstance(item, Package) else {}
        words = (*package_managers.distro_names(sheet), "default")
        return next((names[word] for word in words if word in names), name)

    def want(self, name: str, item: object) -> Want:
        if isinstance(item, Absent):
            cuts = {Risk.CUTS_ACCESS} if name in _WAYS_IN else set()
            return Want(risks=frozenset({Risk.DELETES, *cuts}))
        assert isinstance(item, Package)
        provides: set[Claim] = set()
        for program in item.programs:
            places = () if "/" in program else (f"/usr/bin/{program}", f"/bin/{program}")
            provides |= {Program(program), *map(Program, places)}
        fields: dict[str, Json] = {} if item.version is None else {"version": item.version, "held": True}
        if item.held is not None:
            fields["held"] = item.held
        return Want(fields=fields, provides=frozenset(provides))

    def write(
        self, name: str, before: Seen | None, after: Fields | Absent, sheet: FactSheet
    ) -> Sequence[Part] | Blocked | NotApplicable:
        if sheet.host.at_rest:
            return NotApplicable("nothing is installed into a root file system at rest")
        manager = package_managers.manager_of(sheet)
        assert manager is not None
        real = self.real_name(name, sheet)
        if isinstance(after, Absent):
            installed = manager.installed(self._names, sheet)
            kept = None if isinstance(installed, Unknown) else installed[real].kept
            if kept:
                return Blocked(f"{real} cannot be removed: {kept}", fix="take it out of the document")
            return (_part("absent packages", manager.remove(real), manager, sheet),)
        released = (_part("released packages", manager.release(real), manager, sheet),)
        if "version" not in after:
            return (_part("packages", manager.install(real), manager, sheet),) if before is None else released
        version, is_held = str(after["version"]), after["held"] is True
        refusal = manager.pin_refusal(version, sheet)
        if refusal:
            return refusal
        if before is not None and before.fields["version"] == version:
            return (_part("held packages", manager.hold(real, version), manager, sheet),) if is_held else released
        return (_part("pinned packages", manager.pin(real, version), manager, sheet), *(() if is_held else released))


def _seen(item: object, entry: Installed, manager: PackageManager) -> Seen:
    """A version that fits is the one that is declared, glob or not."""
    wanted = item.version if isinstance(item, Package) else None
    version = wanted if wanted and manager.is_at(entry, wanted) else entry.version
    notes = (manager.stays,) if isinstance(item, Absent) else ()
    return Seen(fields={"version": version, "held": entry.held}, notes=notes)


def _chosen(entry: Installed) -> Seen:
    """As a document would say it: a version only where it is kept."""
    return Seen(fields={"version": entry.version} if entry.held else {})


def _part(thing: str, task: RunCommand, manager: PackageManager, sheet: FactSheet) -> Part:
    """What others write into the folder of package sources comes first."""
    there = sheet.path(manager.sources).followed.type is PathType.DIRECTORY
    needs = (Need(Path(manager.sources)),) if there else ()
    return Part(thing=thing, tasks=(task,), needs=needs, phase=Phase.PACKAGES)


def _check(name: str, fields: Mapping[str, object]) -> tuple[Complaint, ...]:
    if isinstance(fields.get("version"), SecretText):
        what = f"the version of {name} would be a secret, and other users see the words of programs"
        return (Complaint(what, field="version"),)
    if fields.get("held") is True and fields.get("version") is None:
        return (Complaint(f"{name} is to be held at no version", fix="write the  version  too", field="held"),)
    return ()


RESOURCE: Final[type[Resource]] = Packages
