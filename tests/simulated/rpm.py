"""rpm: `-q --whatprovides --queryformat FORMAT NAMES...`; it ends with the number of names that it does not know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.model.facts import CommandResult
from simulated import package_archive

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine


def answer(machine: Machine, argv: tuple[str, ...], user: str) -> CommandResult:
    if argv[1:4] != ("-q", "--whatprovides", "--queryformat"):
        return CommandResult(1, "")
    assert argv[4] == "%{NAME}\\t%{EVR}\\t[%{PROVIDENAME} ]\\n"
    known = package_archive.installed(machine)
    lines, missing = [], 0
    for name in argv[5:]:
        found = [each for each in known if name in (each, *package_archive.ARCHIVE[each].provides)]
        missing += not found
        lines += [_line(each, known[each].version) for each in found] or [f"no package provides {name}\n"]
    return CommandResult(missing, "".join(lines))


def _line(name: str, version: str) -> str:
    return f"{name}\t{version}\t{''.join(f'{each} ' for each in (name, *package_archive.ARCHIVE[name].provides))}\n"
