"""What the kind `packages` needs to know of a package manager."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, Protocol

from reconciler.model.facts import Fact, FactSheet
from reconciler.model.resource import Blocked, Unknown
from reconciler.model.tasks import RunCommand

INSTALL_SECONDS: Final = 1800
"""What fetching and unpacking thirty packages over a slow line may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A package that is there. `held`: no upgrade moves it. `provider` is the package that stands for it, which then has
    no version of its own; `kept` says why it cannot be removed."""

    version: str | None = None
    held: bool = False
    provider: str | None = None
    kept: str | None = None


Packages = Mapping[str, Installed]


class PackageManager(Protocol):
    """`families` are os-release's words for the distros that have it, `sources` is where it looks up where packages are,
    `stays` what a removed package leaves behind, or takes along."""

    program: ClassVar[str]
    families: ClassVar[frozenset[str]]
    sources: ClassVar[str]
    stays: ClassVar[str]

    def facts(self, names: frozenset[str]) -> frozenset[Fact]:
        """What `installed` asks about the packages of these names; with none, about all that are there."""

    def installed(self, names: frozenset[str], sheet: FactSheet) -> Packages | Unknown:
        """Those that are there, also under the names that they provide."""

    def chosen(self, sheet: FactSheet) -> Packages | Unknown:
        """Those that somebody asked for, as far as that is told without delay; asked where `facts` was told no names."""

    def is_at(self, installed: Installed, version: str) -> bool:
        """Whether it has that version, which may be a glob."""

    def pin_refusal(self, version: str, sheet: FactSheet) -> Blocked | None:
        """Why no package can be kept at that version here."""

    def install(self, name: str) -> RunCommand: ...

    def pin(self, name: str, version: str) -> RunCommand:
        """Up or down to that version, and kept there."""

    def hold(self, name: str, version: str) -> RunCommand:
        """Kept at that version, where it is."""

    def release(self, name: str) -> RunCommand:
        """Kept at no version any more, and left where it is."""

    def remove(self, name: str) -> RunCommand:
        """Fails where another package would have to go with it."""
