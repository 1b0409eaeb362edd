"""dpkg-query: `-W -f FORMAT`, all that is installed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reconciler.model.facts import CommandResult
from simulated import package_archive

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine


def answer(machine: Machine, argv: tuple[str, ...], user: str) -> CommandResult:
    assert argv[1:3] == ("-W", "-f")
    known = package_archive.installed(machine)
    return CommandResult(0, "".join(_record(argv[3], name, known[name]) for name in sorted(known)))


def _record(form: str, name: str, package: package_archive.Package) -> str:
    offer = package_archive.ARCHIVE[name]
    fields = {
        "Package": name,
        "Architecture": "amd64",
        "Version": package.version,
        "db:Status-Abbrev": "hi " if package.held else "ii ",
        "Essential": "yes" if offer.essential else "no",
        "Priority": offer.priority,
        "Provides": ", ".join(offer.provides),
    }
    text = re.sub(r"\$\{([^}]+)\}", lambda found: fields.get(found[1], ""), form)
    return text.replace("\\t", "\t").replace("\\n", "\n")
