"""apk: /etc/apk/world holds what was asked for, each with its version where it has one to keep; apk itself knows what is
installed. What only a removed package needed goes with it: apk knows no other way.

Source: apk-add(8), apk-del(8), apk-info(8), apk-world(5).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import ClassVar, Final

from reconciler import agents
from reconciler.model.facts import CommandResult, CommandText, Fact, FactSheet, FileText, Unread
from reconciler.model.resource import Blocked, Unknown
from reconciler.model.tasks import RunCommand
from reconciler.resources.package_managers.contract import INSTALL_SECONDS, Installed, Packages

QUERY: Final = ("apk", "info", "-v")
WORLD: Final = "/etc/apk/world"
_PACKAGE: Final = re.compile(r"(?P<name>\S+)-(?P<version>\d[^-\s]*-r\d+)")
_WISH: Final = re.compile(r"(?P<name>[^\s!@=~<>][^\s@=~<>]*)(@[^\s=~<>]+)?(?P<constraint>[=~<>]\S*)?")
_PREFIX: Final = re.compile(r"(?P<numbers>\d+(\.\d+)*)\.\*")
"""The one kind of glob that apk has a word for: `3.20.*`."""


class Apk:
    program: ClassVar[str] = "apk"
    families: ClassVar[frozenset[str]] = frozenset({"alpine"})
    sources: ClassVar[str] = "/etc/apk"
    stays: ClassVar[str] = "what only it needed goes with it"

    def facts(self, names: frozenset[str]) -> frozenset[Fact]:
        return frozenset({CommandText(QUERY), FileText(WORLD)})

    def installed(self, names: frozenset[str], sheet: FactSheet) -> Packages | Unknown:
        """What the world names and no package is called is there by another package: else apk would not have it."""
        answer = sheet.command(*QUERY)
        match answer:
            case Unread(why=why):
                return Unknown(why)
            case CommandResult(code=0, text=text):
                versions = dict(_packages(text))
            case _:
                return Unknown("apk does not tell which packages are installed")
        world = _world(sheet)
        found = {name: _installed(name, version, world) for name, version in versions.items()}
        return {name: Installed(provider="another package") for name in world} | found

    def chosen(self, sheet: FactSheet) -> Packages | Unknown:
        found, world = self.installed(frozenset(), sheet), _world(sheet)
        return found if isinstance(found, Unknown) else {name: found[name] for name in world}

    def is_at(self, installed: Installed, version: str) -> bool:
        return installed.version is not None and fnmatchcase(installed.version, version)

    def pin_refusal(self, version: str, sheet: FactSheet) -> Blocked | None:
        if "*" not in version or _PREFIX.fullmatch(version):
            return None
        return Blocked(f"apk cannot keep a package at {version}", fix='write a whole version, or one such as "3.20.*"')

    def install(self, name: str) -> RunCommand:
        return _run("add", name)

    def pin(self, name: str, version: str) -> RunCommand:
        prefix = _PREFIX.fullmatch(version)
        return _run("add", f"{name}~{prefix['numbers']}" if prefix else f"{name}={version}")

    def hold(self, name: str, version: str) -> RunCommand:
        return self.pin(name, version)

    def release(self, name: str) -> RunCommand:
        return _run("add", name)

    def remove(self, name: str) -> RunCommand:
        return _run("del", name)


def _run(verb: str, word: str) -> RunCommand:
    argv = ("sh", "-c", agents.text("apk_packages.sh"), "apk", verb)
    return RunCommand(argv=argv, more=(word,), timeout_seconds=INSTALL_SECONDS)


def _packages(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        package = _PACKAGE.fullmatch(line.strip())
        if package:
            yield package["name"], package["version"]


def _world(sheet: FactSheet) -> dict[str, str | None]:
    """What was asked for, each with what keeps its version."""
    words = (sheet.file(WORLD).data or b"").decode("utf-8", "surrogateescape").split()
    wishes = filter(None, map(_WISH.fullmatch, words))
    return {wish["name"]: wish["constraint"] for wish in wishes}


def _installed(name: str, version: str, world: Mapping[str, str | None]) -> Installed:
    held = (world.get(name) or "").startswith(("=", "~"))
    return Installed(version=version, held=held, kept=None if name in world else "other packages need it")
