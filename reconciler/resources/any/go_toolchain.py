"""Go itself: official archives side by side, and a link to the one in use.

Manages a directory for each version (`go1.27.3`, in /usr/local/lib/go-versions, or in ~/sdk of a user) and, with `use`, the
link /usr/local/go (~/sdk/go) to one of them, which takes its place in one step. Versions are read from the directories;
no go runs. A directory that somebody unpacked by hand is left as it is, and counts when it holds the right version. An
absent version goes, unless it is in use.

Checksums are those of https://go.dev/dl/ (?mode=json), one for each architecture that your machines have. `url` may say
where archives come from: {version} and {architecture} are filled in, and file: is a file of the computer that applies.
A directory at the link's place is moved aside with `adopt`, to /usr/local/go.found; without it that blocks.
`remove_package` takes the distribution's own Go away, unless something else needs it.

Takes effect when go is started next; the editor's gopls goes on with the old one until it is reloaded. PATH and GOROOT are
not touched: put /usr/local/go/bin on the PATH with `shell_env`, and leave GOROOT unset.

    distro:
      go_toolchain:
        use: 1.26.1
        1.26.1: {sha256: {amd64: 031f088e5d955bab8657ede27ad4e3bc5b7c1ba281f05f245bcc304f327c987a}}
        1.25.9: {absent: true}

Source: https://go.dev/doc/install, https://go.dev/doc/manage-install; $GOROOT/VERSION.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, ClassVar, Final

from reconciler import agents
from reconciler.model.address import Layer
from reconciler.model.claims import Claim, Link, Need, Path, Program
from reconciler.model.facts import (
    Fact,
    FactSheet,
    Listing,
    PathInfo,
    PathState,
    PathType,
    ProgramPath,
    Unread,
)
from reconciler.model.resource import Blocked, Fields, NotApplicable, Observed, Part, Resource, Seen, Unknown, Want
from reconciler.model.schema import Boolean, Field, KindSchema, MapOf, Text, described, record_of
from reconciler.model.states import Phase, Risk
from reconciler.model.tasks import Base as TaskBase
from reconciler.model.tasks import Download, MakeLink, RemoveUnpacked, RunCommand, Unpack
from reconciler.model.values import Absent, Json
from reconciler.resources import go_packages
from reconciler.resources.base import Base, distrusted, in_the_way, parent_needs, path_name, unseen
from reconciler.resources.go_places import VERSION, GoPlaces
from reconciler.resources.privileged_paths import path_risks

USE: Final = "use"
REMOVE_PACKAGE: Final = "remove_package"
_FOLDER: Final = {Layer.DISTRO: "/usr/local/lib/go-versions", Layer.USER: "~/sdk"}
_LINK: Final = {Layer.DISTRO: "/usr/local/go", Layer.USER: "~/sdk/go"}
_URL: Final = "https://go.dev/dl/go{version}.linux-{architecture}.tar.gz"
_ARCHITECTURES: Final = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "armv6l": "armv6l",
    "armv7l": "armv6l",
    "i686": "386",
    "loongarch64": "loong64",
    "ppc64le": "ppc64le",
    "riscv64": "riscv64",
    "s390x": "s390x",
}
"""What the kernel calls an architecture, and what archives are called."""
_ON_PATH: Final = ("/usr/bin/go", "/usr/local/bin/go")
_ADOPT_SECONDS: Final = 600
"""Where a directory cannot be renamed (one of a container's image), mv copies it."""

URL: Final = Text(
    pattern=r"^(https?|file)://\S+$", expected="a URL, perhaps with {version} and {architecture}", fixed=True
)
SHA256: Final = Text(pattern=r"^[0-9a-f]{64}$", expected="a SHA-256 in 64 hexadecimal digits", fixed=True)
ARCHITECTURE: Final = Text(
    pattern=f"^({'|'.join(sorted({*_ARCHITECTURES.values()}))})$",
    expected="an architecture as Go calls it: amd64, arm64",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GoVersion:
    sha256: Annotated[Mapping[str, str], MapOf(of=SHA256, keys=ARCHITECTURE, expected="checksums by architecture")] = (
        field(default_factory=dict, metadata=described("The archive's SHA-256 for each architecture: amd64, arm64."))
    )
    url: Annotated[str | None, URL] = field(
        default=None, metadata=described("Where this archive comes from, if not from the kind's `url`.")
    )


class GoToolchain(Base):
    kind: ClassVar[str] = "go_toolchain"
    layers: ClassVar[frozenset[Layer]] = frozenset({Layer.DISTRO, Layer.USER})

    @classmethod
    def schema(cls, layer: Layer) -> KindSchema:
        place, link = path_name(layer), _LINK[layer]
        options = {
            USE: Field(schema=VERSION, description="The version that the link leads to."),
            "link": Field(schema=place, description=f"The link to the version in use; {link} unless told."),
            "folder": Field(schema=place, description=f"Where versions go; {_FOLDER[layer]} unless told."),
            "url": Field(schema=URL, description=f"Where archives come from; {_URL} unless told."),
            "adopt": Field(schema=Boolean(), description=f"Move a directory in the link's place aside: {link}.found."),
        }
        if layer is Layer.DISTRO:
            words = "Remove the distribution's own packages of Go, unless something else needs them."
            options[REMOVE_PACKAGE] = Field(schema=Boolean(), description=words)
        return KindSchema(
            items=MapOf(of=record_of(GoVersion), keys=VERSION, expected="versions of Go, each with its checksums"),
            options=options,
            description="Versions of Go side by side, from official archives, and the one in use.",
        )

    def wanted_facts(self) -> frozenset[Fact]:
        facts: set[Fact] = {Listing(self._places.folder)}
        for version in {*self.items, *([self._use] if self._use else [])}:
            facts |= self._places.version_facts(version)
        if self.items or self._use:
            facts |= {*self._places.link_facts(), ProgramPath("go"), *(PathInfo(path) for path in _ON_PATH)}
        return frozenset(facts | (go_packages.QUERIES if self._removes_package else set()))

    def implied(self, sheet: FactSheet) -> Mapping[str, object]:
        switch = {USE: self._use} if self._use else {}
        return {**switch, **({REMOVE_PACKAGE: True} if self._removes_package else {})}

    # ---- what is there

    def observe(self, sheet: FactSheet) -> Mapping[str, Observed]:
        versions = dict.fromkeys((*self._places.listed(sheet), *self.items))
        found = {version: self._seen(version, sheet) for version in versions}
        if self._use:
            found[USE] = self._seen_link(self._use, sheet)
        if self._removes_package:
            found[REMOVE_PACKAGE] = _seen_packages(sheet)
        return {name: seen for name, seen in found.items() if seen is not None}

    def _seen(self, version: str, sheet: FactSheet) -> Observed | None:
        state = sheet.answers.get(PathInfo(self._places.of(version)))
        if not isinstance(state, PathState):  # of what nobody declares only the name is known
            return Seen(fields={"version": f"go{version}"})
        if state.type is PathType.UNKNOWN:
            return unseen(state)
        if state.type is PathType.MISSING:
            return None
        if state.type is not PathType.DIRECTORY:
            return in_the_way(state, "a directory with Go")
        there, marker = self._places.version_in(version, sheet), self._places.marker(version, sheet)
        by_hand = marker is None and there == f"go{version}"
        return Seen(
            fields={"version": there, "sha256": self._checksums(version, marker, sheet)},
            notes=("unpacked by hand: nobody knows its checksum",) if by_hand else (),
        )

    def _checksums(self, version: str, marker: str | None, sheet: FactSheet) -> dict[str, Json]:
        """Those that are declared, where the archive is that of this architecture or unknown; else the archive's."""
        item, architecture = self.items.get(version), _architecture(sheet)
        declared: dict[str, Json] = {**item.sha256} if isinstance(item, GoVersion) else {}
        return declared if marker in (None, declared.get(architecture)) else {architecture: marker}

    def _seen_link(self, use: str, sheet: FactSheet) -> Observed | None:
        state = sheet.path(self._places.link)
        if state.type is PathType.UNKNOWN:
            return unseen(state)
        if state.type is PathType.MISSING:
            return None
        if state.type is PathType.LINK:
            return Seen(fields={"value": self._places.used(use, sheet)})
        if state.type is not PathType.DIRECTORY:
            return in_the_way(state, "a link to Go")
        there = f"{self._places.version_at_link(sheet) or 'nothing of Go'} in a directory"
        if self.options.get("adopt") is True:
            return Seen(fields={"value": there})
        fix = f"write  adopt: true  to have it moved to {self._places.aside}"
        return Blocked(f"{state.path} holds {there}, and should be a link to a version", fix=fix)

    # ---- what is wanted

    def want(self, name: str, item: object) -> Want:
        places = self._places
        if name == REMOVE_PACKAGE:
            return Want(fields={"value": True}, risks=frozenset({Risk.DELETES}))
        if name == USE:
            provides: set[Claim] = {Path(places.link), Link(places.link, places.of(str(item))), Program(places.program)}
            risks = path_risks(places.program, None)
            return Want(fields={"value": str(item)}, owns=(places.link,), provides=frozenset(provides), risks=risks)
        place = places.of(name)
        if isinstance(item, Absent):
            return Want(owns=(place,), risks=frozenset({Risk.DELETES}))
        assert isinstance(item, GoVersion)
        checksums: dict[str, Json] = {**item.sha256}
        return Want(
            fields={"version": f"go{name}", **({"sha256": checksums} if checksums else {})},
            owns=(place,),
            provides=frozenset({Path(place), Program(f"{place}/bin/go")}),
            risks=path_risks(f"{place}/bin/go", None),
        )

    def write(
        self, name: str, before: Seen | None, after: Fields | Absent, sheet: FactSheet
    ) -> Sequence[Part] | Blocked | NotApplicable:
        if name == REMOVE_PACKAGE:
            return self._removal_of_packages(sheet)
        state = sheet.path(self._places.link if name == USE else self._places.of(name))
        if state.distrusted:
            return Blocked(distrusted(state) or "")
        if name == USE:
            return self._switch(state, sheet)
        if isinstance(after, Absent):
            return self._removal(name, state, sheet)
        return self._unpacking(name, state, sheet)

    def _unpacking(self, version: str, state: PathState, sheet: FactSheet) -> Sequence[Part] | Blocked:
        item, marker = self.items[version], self._places.marker(version, sheet)
        assert isinstance(item, GoVersion)
        if state.type is not PathType.MISSING and marker is None:
            return Blocked(f"reconcile did not unpack what is in {state.path}", fix="move it away")
        architecture = _architecture(sheet)
        digest = item.sha256.get(architecture)
        if digest is None:
            fix = f"take it from https://go.dev/dl/?mode=json, and write  sha256: {{{architecture}: …}}"
            return Blocked(f"no checksum is declared for {architecture}", fix=fix)
        url = item.url or self._option("url", _URL)
        archive = Download(url=url.replace("{version}", version).replace("{architecture}", architecture), digest=digest)
        task = Unpack(path=state.path, archive=archive, base=replace(TaskBase.of(state), digest=marker), strip=1)
        return (Part(thing=state.path, tasks=(task,), needs=parent_needs(self._places.of(version), sheet)),)

    def _removal(self, version: str, state: PathState, sheet: FactSheet) -> Sequence[Part] | Blocked:
        marker = self._places.marker(version, sheet)
        if marker is None:
            why = f"reconcile did not unpack what is in {state.path}, so it stays"
            return Blocked(why, fix=f"rm -r {state.path}")
        needs: tuple[Need, ...] = ()
        if version == self._use or self._places.is_used(version, sheet):
            if self._use in (None, version):
                return Blocked(f"{self._places.link} leads to it", fix="name another version under  use:")
            needs = (Need(Link(self._places.link, self._places.of(self._use))),)
        task = RemoveUnpacked(path=state.path, base=replace(TaskBase.of(state), digest=marker))
        return (Part(thing=state.path, tasks=(task,), needs=needs),)

    def _switch(self, state: PathState, sheet: FactSheet) -> Sequence[Part] | Blocked:
        assert self._use is not None
        place = self._places.of(self._use)
        target = sheet.path(place).path
        needs = (*parent_needs(self._places.link, sheet), Need(Path(place)))
        if state.type is not PathType.DIRECTORY:
            link = MakeLink(path=state.path, target=target, base=TaskBase.of(state))
            return (Part(thing=state.path, tasks=(link,), needs=needs),)
        aside = sheet.path(self._places.aside)
        if aside.type is not PathType.MISSING:
            return Blocked(f"{aside.path} is there already, where {state.path} should go", fix="move it away")
        if sheet.host.at_rest:
            return Blocked(f"{state.path} is a directory, and nothing is moved at rest", fix=f"mv it to {aside.path}")
        words = ("sh", "-c", agents.text("adopt_go.sh"), "adopt-go", state.path, target, aside.path)
        return (Part(thing=state.path, tasks=(RunCommand(argv=words, timeout_seconds=_ADOPT_SECONDS),), needs=needs),)

    def _removal_of_packages(self, sheet: FactSheet) -> Sequence[Part] | NotApplicable:
        packages = go_packages.installed(sheet)
        if isinstance(packages, Unread):
            return NotApplicable("no package is removed in a root file system at rest")
        tasks = tuple(RunCommand(argv=remover, more=(name,)) for name, remover in packages.items())
        needs = (Need(Path(self._places.link)),) if self._use else ()
        return (Part(thing="packages of Go", tasks=tasks, needs=needs, phase=Phase.TOOLS),)

    def remarks(self, sheet: FactSheet) -> Sequence[str]:
        """Two Gos on one PATH: which one is found, not even people know."""
        if self._use is None or self._removes_package:
            return ()
        found = sheet.program("go")
        if found is None or self._places.holds(self._use, found, sheet):
            return ()
        way = ", or say  remove_package: true" if self.layer is Layer.DISTRO else ""
        return (f"go on the PATH is {found}: put {self._places.link}/bin before {found.removesuffix('/go')}{way}",)

    # ---- options

    @property
    def _use(self) -> str | None:
        use = self.options.get(USE)
        return use if isinstance(use, str) else None

    @property
    def _removes_package(self) -> bool:
        return self.options.get(REMOVE_PACKAGE) is True

    @property
    def _places(self) -> GoPlaces:
        return GoPlaces(self._option("folder", _FOLDER[self.layer]), self._option("link", _LINK[self.layer]))

    def _option(self, name: str, usual: str) -> str:
        value = self.options.get(name)
        return value if isinstance(value, str) else usual


def _architecture(sheet: FactSheet) -> str:
    """As archives are called; one that none are made for keeps the kernel's word."""
    return _ARCHITECTURES.get(sheet.host.architecture, sheet.host.architecture)


def _seen_packages(sheet: FactSheet) -> Observed | None:
    """True where there are none any more."""
    packages = go_packages.installed(sheet)
    if isinstance(packages, Unread):
        return None if sheet.host.at_rest else Unknown(packages.why)
    notes = (f"installed: {', '.join(packages)}",) if packages else ()
    return Seen(fields={"value": not packages}, notes=notes)


RESOURCE: Final[type[Resource]] = GoToolchain
