"""Files that WSL itself writes, each for as long as wsl.conf does not turn that off: /etc/hosts and /etc/resolv.conf."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from reconciler.model.claims import Need, Setting
from reconciler.model.facts import Fact, FactSheet
from reconciler.model.resource import Part


@dataclass(frozen=True, slots=True)
class Generator:
    """`switch` is the setting that turns it off."""

    switch: Setting

    def facts(self) -> frozenset[Fact]:
        return self.switch.facts()

    def is_on(self, sheet: FactSheet) -> bool:
        """Whether WSL writes the file at the next start, by what wsl.conf says now. Who is at rest may be no WSL."""
        return sheet.host.wsl and not sheet.host.at_rest and self.switch.holds(sheet) is not True

    def guarded(self, parts: Sequence[Part], sheet: FactSheet) -> Sequence[Part]:
        """The parts, which wait until it is off."""
        if not sheet.host.wsl or sheet.host.at_rest:
            return parts
        return [replace(part, needs=(*part.needs, Need(self.switch))) for part in parts]
