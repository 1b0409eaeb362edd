"""A base for kinds whose items stand in a file, for the next start, and in the kernel, which has them now.

Such an item is in sync when both agree. Beside its own fields it has the field `live`, which is what the kernel has. At
rest only the file counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from reconciler.model.claims import Need
from reconciler.model.facts import FactSheet
from reconciler.model.resource import Blocked, Fields, FileEdit, NotApplicable, Observed, Part, Seen, Unknown
from reconciler.model.values import Absent
from reconciler.resources.base import Base

LIVE: Final = "live"


class KernelKind(Base):
    """A kind says what file and kernel have of an item, as text in normal form, and how each is written."""

    def names(self, sheet: FactSheet) -> Iterable[str]:
        """The items to look for."""
        raise NotImplementedError

    def kept(self, name: str, sheet: FactSheet) -> str | Unknown | Blocked | None:
        """What the file says of an item; None: nothing."""
        raise NotImplementedError

    def live(self, name: str, sheet: FactSheet) -> str | Unknown | Blocked | None:
        """What the kernel has of an item, None where it has none."""
        raise NotImplementedError

    def declared(self, name: str) -> str | None:
        """The same of an item as it was declared; None where it shall be absent."""
        raise NotImplementedError

    def fields(self, name: str, normal: str) -> Fields:
        return {"value": normal}

    def live_field(self, name: str, kept: str | None, live: str | None) -> str | None:
        """What the field `live` tells."""
        return live

    def edit(self, name: str, normal: str | None) -> FileEdit:
        raise NotImplementedError

    def edit_needs(self, sheet: FactSheet) -> tuple[Need, ...]:
        raise NotImplementedError

    def load(self, name: str, normal: str | None, sheet: FactSheet) -> Sequence[Part] | Blocked:
        """How the kernel is brought to the value, or to having none."""
        raise NotImplementedError

    def has_kernel(self, sheet: FactSheet) -> bool:
        return not sheet.host.at_rest

    def removed_live(self, name: str) -> bool:
        """Whether what the kernel has, and no file says, shall be absent."""
        return False

    def start_remarks(self, folder: str, command: str, sheet: FactSheet) -> Sequence[str]:
        """Inside WSL it is systemd that reads such files, or nobody."""
        if not sheet.host.wsl or sheet.host.systemd or sheet.host.at_rest:
            return ()
        how = f"wsl_conf: {{boot: {{systemd: true}}}}, or without it {{boot: {{command: {command}}}}}"
        return (f"without systemd nothing reads {folder} at the next start: declare {how}",)

    def observe(self, sheet: FactSheet) -> Mapping[str, Observed]:
        found = {name: self._seen(name, sheet) for name in self.names(sheet)}
        return {name: seen for name, seen in found.items() if seen is not None}

    def _seen(self, name: str, sheet: FactSheet) -> Observed | None:
        kept = self.kept(name, sheet)
        live = self.live(name, sheet) if self.has_kernel(sheet) else kept
        for answer in (kept, live):
            if isinstance(answer, Unknown | Blocked):
                return answer
        assert not isinstance(kept, Unknown | Blocked) and not isinstance(live, Unknown | Blocked)
        told = {LIVE: self.live_field(name, kept, live)}
        if kept is None:
            return Seen(fields=told) if live is not None and self.removed_live(name) else None
        return Seen(fields={**self.fields(name, kept), **told})

    def write(
        self, name: str, before: Seen | None, after: Fields | Absent, sheet: FactSheet
    ) -> Sequence[Part] | Blocked | NotApplicable:
        wanted = self.declared(name)
        parts: list[Part] = []
        if self.kept(name, sheet) != wanted:
            edit = self.edit(name, wanted)
            needs = self.edit_needs(sheet) if wanted is not None else ()
            parts.append(Part(thing=edit.path, edits=(edit,), needs=needs))
        if self.has_kernel(sheet) and self.live(name, sheet) != wanted:
            loaded = self.load(name, wanted, sheet)
            if isinstance(loaded, Blocked):
                return loaded
            parts += loaded
        return parts
