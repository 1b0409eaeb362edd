"""apt: dpkg tells what is there, apt-get changes it.

Source: dpkg-query(1), apt-get(8), apt-mark(8); /var/lib/apt/extended_states is what apt-mark reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import ClassVar, Final

from reconciler import agents
from reconciler.model.facts import CommandResult, CommandText, Fact, FactSheet, FileText, Unread
from reconciler.model.resource import Blocked, Unknown
from reconciler.model.tasks import RunCommand
from reconciler.resources.package_managers.contract import INSTALL_SECONDS, Installed, Packages

_FIELDS: Final = (
    "Package",
    "Architecture",
    "Version",
    "db:Status-Abbrev",
    "Essential",
    "Protected",
    "Priority",
    "Provides",
)
QUERY: Final = ("dpkg-query", "-W", "-f", "\\t".join(f"${{{name}}}" for name in _FIELDS) + "\\n")
AUTOMATIC: Final = "/var/lib/apt/extended_states"
_BASE: Final = frozenset({"required", "important"})
"""Priorities of what every installation has: nobody asked for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Record:
    name: str
    architecture: str
    version: str
    held: bool
    essential: bool
    priority: str
    provides: tuple[str, ...]


class Apt:
    program: ClassVar[str] = "apt-get"
    families: ClassVar[frozenset[str]] = frozenset({"debian", "ubuntu"})
    sources: ClassVar[str] = "/etc/apt/sources.list.d"
    stays: ClassVar[str] = (
        "its settings in /etc stay, and so do packages that came with it: apt-get autoremove lists them"
    )

    def facts(self, names: frozenset[str]) -> frozenset[Fact]:
        return frozenset({CommandText(QUERY)} if names else {CommandText(QUERY), FileText(AUTOMATIC)})

    def installed(self, names: frozenset[str], sheet: FactSheet) -> Packages | Unknown:
        records = _records(sheet)
        if isinstance(records, Unknown):
            return records
        native = next((record.architecture for record in records if record.name == "dpkg"), "")
        found: dict[str, Installed] = {}
        for record in records:
            entry = _installed(record)
            found[f"{record.name}:{record.architecture}"] = entry
            if record.architecture in ("all", native):
                found[record.name] = entry
        for record in records:
            for name in record.provides:
                found.setdefault(name, Installed(provider=record.name))
        return found

    def chosen(self, sheet: FactSheet) -> Packages | Unknown:
        records = _records(sheet)
        if isinstance(records, Unknown):
            return records
        automatic = _automatic((sheet.file(AUTOMATIC).data or b"").decode("utf-8", "surrogateescape"))
        base = {record.name for record in records if record.essential or record.priority in _BASE}
        return {record.name: _installed(record) for record in records if record.name not in automatic | base}

    def is_at(self, installed: Installed, version: str) -> bool:
        return installed.version is not None and fnmatchcase(installed.version, version)

    def pin_refusal(self, version: str, sheet: FactSheet) -> Blocked | None:
        return None

    def install(self, name: str) -> RunCommand:
        return _run("install", name)

    def pin(self, name: str, version: str) -> RunCommand:
        return _run("pin", f"{name}={version}")

    def hold(self, name: str, version: str) -> RunCommand:
        return _run("hold", name)

    def release(self, name: str) -> RunCommand:
        return RunCommand(argv=("apt-mark", "unhold"), more=(name,))

    def remove(self, name: str) -> RunCommand:
        return _run("remove", name)


def _run(verb: str, word: str) -> RunCommand:
    argv = ("sh", "-c", agents.text("apt_packages.sh"), "apt-get", verb)
    return RunCommand(argv=argv, more=(word,), timeout_seconds=INSTALL_SECONDS)


def _records(sheet: FactSheet) -> list[_Record] | Unknown:
    answer = sheet.command(*QUERY)
    match answer:
        case Unread(why=why):
            return Unknown(why)
        case CommandResult(code=0, text=text):
            return list(_parsed(text))
        case _:
            return Unknown("dpkg-query does not tell which packages are installed")


def _parsed(text: str) -> Iterator[_Record]:
    """The packages that are whole; `hi ` is one that is held."""
    for line in text.splitlines():
        parts = line.split("\t")
        if len(parts) == len(_FIELDS) and parts[3][1:2] == "i":
            yield _Record(
                name=parts[0],
                architecture=parts[1],
                version=parts[2],
                held=parts[3].startswith("h"),
                essential="yes" in parts[4:6] or parts[0] == "apt",
                priority=parts[6],
                provides=tuple(name.split()[0].partition(":")[0] for name in parts[7].split(",") if name.strip()),
            )


def _installed(record: _Record) -> Installed:
    kept = "it is marked essential, no system does without it" if record.essential else None
    return Installed(version=record.version, held=record.held, kept=kept)


def _automatic(text: str) -> set[str]:
    """The packages that came along with others."""
    found: set[str] = set()
    name = ""
    for line in text.splitlines():
        key, _, value = line.partition(": ")
        name = value if key == "Package" else name
        if (key, value) == ("Auto-Installed", "1"):
            found.add(name)
    return found
