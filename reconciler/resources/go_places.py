"""Where versions of Go are on a machine, and the link to the one in use; each is known by what stands in its directory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reconciler.model.facts import Fact, FactSheet, FileText, Listing, PathInfo, PathState
from reconciler.model.schema import Text
from reconciler.model.tasks import MARKER
from reconciler.resources.base import parent_facts

VERSION = Text(pattern=r"^\d+\.\d+(\.\d+)?((rc|beta)\d+)?$", expected="a version of Go such as 1.27.3", fixed=True)


@dataclass(frozen=True, slots=True)
class GoPlaces:
    """`folder` holds a directory for each version; `link` leads to one of them."""

    folder: str
    link: str

    def of(self, version: str) -> str:
        return f"{self.folder}/go{version}"

    @property
    def program(self) -> str:
        return f"{self.link}/bin/go"

    @property
    def aside(self) -> str:
        """Where a directory goes that is at the link's place: beside it, so that it can be renamed."""
        return f"{self.link}.found"

    def version_facts(self, version: str) -> frozenset[Fact]:
        place = self.of(version)
        return frozenset(
            {PathInfo(place), FileText(f"{place}/VERSION"), FileText(f"{place}/{MARKER}"), *parent_facts(place)}
        )

    def link_facts(self) -> frozenset[Fact]:
        paths = (self.link, self.aside, self.program)
        return frozenset({FileText(f"{self.link}/VERSION"), *map(PathInfo, paths), *parent_facts(self.link)})

    def listed(self, sheet: FactSheet) -> Iterator[str]:
        """The versions that have a directory, by its name."""
        names = sheet.answers.get(Listing(self.folder))
        versions = (
            (name.removeprefix("go") for name in names if name.startswith("go")) if isinstance(names, tuple) else ()
        )
        return filter(VERSION.reads, versions)

    def version_in(self, version: str, sheet: FactSheet) -> str | None:
        """What the directory of a version says itself, such as go1.27.3."""
        return _first_line(f"{self.of(version)}/VERSION", sheet) or None

    def version_at_link(self, sheet: FactSheet) -> str | None:
        return _first_line(f"{self.link}/VERSION", sheet) or None

    def marker(self, version: str, sheet: FactSheet) -> str | None:
        """The digest of the archive that was unpacked there; None where nobody knows."""
        words = _first_line(f"{self.of(version)}/{MARKER}", sheet).split()
        return words[0] if words else None

    def is_used(self, version: str, sheet: FactSheet) -> bool:
        """Whether the link leads to the directory of a version."""
        behind = sheet.path(self.link).behind
        return behind is not None and behind.path == sheet.path(self.of(version)).path

    def used(self, version: str, sheet: FactSheet) -> str:
        """The version that the link leads to, or where else it leads. `version` is the one that facts were asked of."""
        link = sheet.path(self.link)
        folder, _, name = (link.behind.path if link.behind else "").rpartition("/")
        is_version = folder == sheet.path(self.of(version)).path.rpartition("/")[0] and name.startswith("go")
        return name.removeprefix("go") if is_version and VERSION.reads(name.removeprefix("go")) else str(link.link)

    def holds(self, version: str, path: str, sheet: FactSheet) -> bool:
        """Whether a program on the PATH is that of the version in use."""
        state = sheet.answers.get(PathInfo(path))
        ends = {path, state.followed.path} if isinstance(state, PathState) else {path}
        places = (sheet.path(self.link).path, sheet.path(self.of(version)).path)
        return any(end.startswith(f"{place}/") for end in ends for place in places)


def _first_line(path: str, sheet: FactSheet) -> str:
    data = sheet.file(path).data or b""
    return data.decode("utf-8", "replace").partition("\n")[0].strip()
