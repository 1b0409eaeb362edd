"""dnf: rpm tells what is there, dnf changes it; its versionlock keeps versions, in dnf 4 a plugin of its own.

What somebody asked for is told by dnf alone, which takes seconds and writes while it looks: it is not asked.
Source: rpm(8), dnf(8), dnf-plugins-core versionlock; dnf5-versionlock(8) for its file.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import ClassVar, Final

from reconciler import agents
from reconciler.model.facts import (
    CommandResult,
    CommandText,
    Fact,
    FactSheet,
    FileText,
    PathInfo,
    PathType,
    ProgramPath,
    Unread,
)
from reconciler.model.resource import Blocked, Unknown
from reconciler.model.tasks import RunCommand
from reconciler.resources.package_managers.contract import INSTALL_SECONDS, Installed, Packages

_FORMAT: Final = "%{NAME}\\t%{EVR}\\t[%{PROVIDENAME} ]\\n"
PLUGIN: Final = "/etc/dnf/plugins/versionlock.conf"
LOCKS_OF_4: Final = "/etc/dnf/plugins/versionlock.list"
LOCKS_OF_5: Final = "/etc/dnf/versionlock.toml"
_LOCK_OF_4: Final = re.compile(r"(?P<name>[^!#\s]\S*)-(\d+:)?[^-\s]+-[^-\s]+")


class Dnf:
    program: ClassVar[str] = "dnf"
    families: ClassVar[frozenset[str]] = frozenset({"fedora", "rhel", "centos"})
    sources: ClassVar[str] = "/etc/yum.repos.d"
    stays: ClassVar[str] = "packages that came with it stay: dnf autoremove lists them"

    def facts(self, names: frozenset[str]) -> frozenset[Fact]:
        found: set[Fact] = {CommandText(_query(names))} if names else set()
        return frozenset({*found, ProgramPath("dnf5"), PathInfo(PLUGIN), FileText(LOCKS_OF_4), FileText(LOCKS_OF_5)})

    def installed(self, names: frozenset[str], sheet: FactSheet) -> Packages | Unknown:
        """rpm ends with the number of names that it does not know."""
        answer = sheet.command(*_query(names))
        match answer:
            case Unread(why=why):
                return Unknown(why)
            case CommandResult(text=text):
                return _parsed(text, frozenset(_locked(sheet)))
            case _:
                return Unknown("rpm does not tell which packages are installed")

    def chosen(self, sheet: FactSheet) -> Packages | Unknown:
        return {}

    def is_at(self, installed: Installed, version: str) -> bool:
        """By the version alone, with its release, or with its epoch too."""
        whole = installed.version or ""
        release = whole.rpartition(":")[2]
        return any(name and fnmatchcase(name, version) for name in (whole, release, release.partition("-")[0]))

    def pin_refusal(self, version: str, sheet: FactSheet) -> Blocked | None:
        if sheet.program("dnf5") or sheet.path(PLUGIN).followed.type is PathType.FILE:
            return None
        what = "dnf cannot keep a package at a version here: its versionlock is missing"
        return Blocked(what, fix="add  python3-dnf-plugin-versionlock  to packages, apply, then plan again")

    def install(self, name: str) -> RunCommand:
        return _run("install", name)

    def pin(self, name: str, version: str) -> RunCommand:
        return _run("pin", f"{name}={version}")

    def hold(self, name: str, version: str) -> RunCommand:
        return _run("hold", name)

    def release(self, name: str) -> RunCommand:
        return RunCommand(argv=("dnf", "-q", "versionlock", "delete"), more=(name,))

    def remove(self, name: str) -> RunCommand:
        return _run("remove", name)


def _run(verb: str, word: str) -> RunCommand:
    argv = ("sh", "-c", agents.text("dnf_packages.sh"), "dnf", verb)
    return RunCommand(argv=argv, more=(word,), timeout_seconds=INSTALL_SECONDS)


def _query(names: frozenset[str]) -> tuple[str, ...]:
    return ("rpm", "-q", "--whatprovides", "--queryformat", _FORMAT, *sorted(names))


def _parsed(text: str, locked: frozenset[str]) -> Packages:
    """What rpm does not know it says in words, in a line without tabs."""
    lines = [parts for line in text.splitlines() if len(parts := line.split("\t")) == 3]
    found = {name: Installed(version=version, held=name in locked) for name, version, _ in lines}
    provided = {other: Installed(provider=name) for name, _, others in lines for other in others.split()}
    return provided | found


def _locked(sheet: FactSheet) -> Iterator[str]:
    """The names of packages that are kept at their versions, by either dnf's file."""
    for line in _text(sheet, LOCKS_OF_4).splitlines():
        lock = _LOCK_OF_4.fullmatch(line.strip())
        if lock:
            yield lock["name"]
    try:
        entries = tomllib.loads(_text(sheet, LOCKS_OF_5)).get("packages", [])
    except tomllib.TOMLDecodeError:
        return
    for entry in entries if isinstance(entries, list) else []:
        match entry:
            case {"name": str(name), "conditions": [*conditions]} if any(map(_keeps, conditions)):
                yield name


def _keeps(condition: object) -> bool:
    return isinstance(condition, Mapping) and condition.get("comparator") != "!="


def _text(sheet: FactSheet, path: str) -> str:
    return (sheet.file(path).data or b"").decode("utf-8", "replace")
