"""apt, apk and dnf, as far as the kind `packages` needs them: what is installed, and the programs that change it."""

from __future__ import annotations

from typing import Final

from reconciler.formats import os_release
from reconciler.model.facts import Fact, FactSheet, FileText, PathInfo, ProgramPath
from reconciler.resources.package_managers.apk import Apk
from reconciler.resources.package_managers.apt import Apt
from reconciler.resources.package_managers.contract import Installed, PackageManager, Packages
from reconciler.resources.package_managers.dnf import Dnf

__all__ = ["Installed", "PackageManager", "Packages", "distro_names", "facts", "fits", "manager_of"]

MANAGERS: Final[tuple[PackageManager, ...]] = (Apt(), Apk(), Dnf())


def facts(names: frozenset[str]) -> frozenset[Fact]:
    """What any of them asks: which one is there is not known before."""
    found: set[Fact] = {FileText(os_release.PATH)}
    for manager in MANAGERS:
        found |= {ProgramPath(manager.program), PathInfo(manager.sources), *manager.facts(names)}
    return frozenset(found)


def distro_names(sheet: FactSheet) -> tuple[str, ...]:
    """What the distro is, the closest name first."""
    return os_release.names((sheet.file(os_release.PATH).data or b"").decode("utf-8", "surrogateescape"))


def fits(installed: str, version: str) -> bool:
    """Whether that is the version for any of them, which may be a glob."""
    return any(manager.is_at(Installed(version=installed), version) for manager in MANAGERS)


def manager_of(sheet: FactSheet) -> PackageManager | None:
    """The distro's own one; a Debian may have dnf, and a Fedora apt."""
    there = [manager for manager in MANAGERS if sheet.program(manager.program)]
    words = distro_names(sheet)
    return next((manager for manager in there if manager.families.intersection(words)), next(iter(there), None))
