"""A base for kinds whose items are mount points: a line of /etc/fstab and the mount itself, shown as one item.

An item is in sync when both say what is declared: what is mounted stands in words in the field `mounted`, beside the fields
of the line. At rest there is only the line. A kind says which lines are its own, how a line reads as an item and back,
and when a mount is what an item says.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Final, Generic, TypeVar

from reconciler import agents
from reconciler.formats import fstab, mountinfo
from reconciler.formats.fstab import Entry
from reconciler.formats.mountinfo import Mount
from reconciler.model.claims import WSL_CONF, Need, Path
from reconciler.model.facts import NEEDS_ROOT, Fact, FactSheet, FileText, Listing, PathInfo, PathState, PathType
from reconciler.model.resource import Blocked, Fields, FileEdit, NotApplicable, Observed, Part, Seen, Unknown, Want
from reconciler.model.states import Effect, Phase, Risk
from reconciler.model.tasks import RunCommand, Task
from reconciler.model.values import Absent
from reconciler.resources.base import in_the_way, parent_facts, parent_needs
from reconciler.resources.members import MemberKind
from reconciler.resources.mount_points import (
    FSTAB,
    FstabCodec,
    MountPoint,
    View,
    hidden_by,
    is_on_demand,
    read_at_start,
    state_of,
    stops_the_boot,
    unmounting,
)
from reconciler.resources.privileged_paths import folder_risks, home_risks

MOUNTED: Final = "mounted"
_MOUNTINFO: Final = "/proc/self/mountinfo"
_READ_BY_SYSTEMD: Final = RunCommand(argv=("systemctl", "daemon-reload"))

Item = TypeVar("Item", bound=MountPoint)


class FstabKind(MemberKind, Generic[Item]):
    path = FSTAB
    codec = FstabCodec()

    # ---- what a kind says

    @abstractmethod
    def declared(self, name: str) -> Item | None:
        """The item of that name, None where it is absent or nobody declares it."""

    @abstractmethod
    def is_mine(self, entry: Entry) -> bool:
        """Whether a line is of this kind."""

    @abstractmethod
    def item_of(self, entry: Entry) -> Item:
        """What a document would say of a line."""

    @abstractmethod
    def line(self, target: str, item: Item, old: Entry | None) -> Entry:
        """The line of an item; what no document says of it stays as in the old one."""

    @abstractmethod
    def fields(self, item: Item) -> Fields:
        """The fields of a line."""

    @abstractmethod
    def is_shown(self, item: Item, target: str, view: View) -> bool:
        """Whether what is mounted at the target is what the item says, its options aside."""

    @abstractmethod
    def is_like(self, mount: Mount, entry: Entry | None, view: View) -> bool:
        """Whether a mount is such as a line of fstab stands for, so that it may be unmounted when that says so."""

    @abstractmethod
    def meant(self, item: Item) -> str:
        """The mount that an item asks for, in words."""

    @abstractmethod
    def shown(self, item: Item | None, target: str, view: View) -> str:
        """What is mounted at the target: the same words where it is what the item asks for."""

    @abstractmethod
    def mounting(self, target: str, item: Item, view: View) -> tuple[Task, ...]: ...

    @abstractmethod
    def remounting(self, target: str, item: Item, view: View) -> tuple[Task, ...]:
        """What brings new options of the mount into force; nothing where only a restart does."""

    def effect(self, item: Item) -> Effect:
        """When new options of what is mounted already are in force."""
        return Effect.NOW

    def source_facts(self, item: Item) -> frozenset[Fact]:
        return frozenset()

    def source_risks(self, item: Item) -> frozenset[Risk]:
        """What may come of what is mounted, wherever that is."""
        return frozenset()

    def live_needs(self, item: Item) -> tuple[Need, ...]:
        return ()

    def refusal(self, item: Item, view: View) -> Blocked | NotApplicable | None:
        """Why an item cannot be had on this machine."""
        return None

    def running(self, entry: Entry, view: View) -> Fields | None:
        """The fields that are in force in place of those of the line, where only a restart changes that."""
        return None

    # ---- what is there

    def wanted_facts(self) -> frozenset[Fact]:
        facts = {*super().wanted_facts(), FileText(_MOUNTINFO), FileText(WSL_CONF)}
        for name in self.items:
            facts |= {PathInfo(name), Listing(name), *parent_facts(name)}
            item = self.declared(name)
            facts |= self.source_facts(item) if item else frozenset()
        return frozenset(facts)

    def view(self, sheet: FactSheet) -> View:
        """Raises ValueError where the kernel's list of mounts is none."""
        entries: dict[str, Entry] = {}
        for _, entry in fstab.entries(self.text(sheet)):
            if entry.target.startswith("/"):
                entries.setdefault(entry.target, entry)
        live = b"" if sheet.host.at_rest else sheet.file(_MOUNTINFO).data or b""
        return View(entries=entries, mounts=mountinfo.parse(live.decode("utf-8", "surrogateescape")), sheet=sheet)

    def seen(self, text: str, sheet: FactSheet) -> Mapping[str, Observed]:
        try:
            view = self.view(sheet)
        except ValueError as error:
            return {name: Unknown(str(error)) for name in self.items}
        mine = [target for target, entry in view.entries.items() if self.is_mine(entry)]
        found = {name: self._seen(name, view) for name in dict.fromkeys((*mine, *self.items))}
        return {name: seen for name, seen in found.items() if seen is not None}

    def _seen(self, name: str, view: View) -> Observed | None:
        entry, item = view.entries.get(name), self.declared(name)
        obstacle = self._obstacle(name, entry, view.sheet) if item else None
        if obstacle is not None:
            return obstacle
        if entry is None or not self.is_mine(entry):
            entry, top = None, view.top(name)
            if not (item and self.is_shown(item, name, view)) and not (top and self.is_like(top, None, view)):
                return None
        line = self.item_of(entry) if entry else None
        meant = item or line
        layers = len(mountinfo.stack(view.mounts, name))
        return Seen(
            fields={**(self.fields(line) if line else {}), MOUNTED: self._mounted(meant, name, view)},
            running=self.running(entry, view) if entry else None,
            notes=(f"mounted {layers} times, one on the other",) if layers > 1 else (),
        )

    def _mounted(self, item: Item | None, name: str, view: View) -> str:
        if item is not None and view.sheet.host.at_rest:
            return self.meant(item)
        return "no" if view.top(name) is None else self.shown(item, name, view)

    def _obstacle(self, name: str, entry: Entry | None, sheet: FactSheet) -> Blocked | Unknown | None:
        state = state_of(name, sheet)
        if state is not None and state.type is PathType.UNKNOWN:
            return _distrusted(state) or Unknown(NEEDS_ROOT)
        if state is not None and state.path != name:
            return Blocked(f"{name} leads through a link to {state.path}", fix=f"name it {state.path}")
        if state is not None and state.type not in (PathType.DIRECTORY, PathType.MISSING):
            return in_the_way(state, "a directory")
        if entry is not None and not self.is_mine(entry):
            what = f"{FSTAB} mounts {entry.source} there: {entry.type} {','.join(entry.options)}"
            return Blocked(what, fix="declare it under the kind that it is of, or take that line out")
        return None

    # ---- what is wanted

    def want(self, name: str, item: object) -> Want:
        mine = self.declared(name)
        if mine is None:
            return Want(shares=(FSTAB,), risks=frozenset({Risk.DELETES}))
        return Want(
            fields={**self.fields(mine), **({} if is_on_demand(mine) else {MOUNTED: self.meant(mine)})},
            shares=(FSTAB,),
            provides=frozenset({Path(name)}),
            risks=self._risks(name, mine),
            takes_effect=self.effect(mine),
        )

    def _risks(self, name: str, item: Item) -> frozenset[Risk]:
        cuts = {Risk.CUTS_ACCESS} if stops_the_boot(item) else frozenset[Risk]()
        return folder_risks(name) | home_risks(name) | self.source_risks(item) | cuts

    def write(
        self, name: str, before: Seen | None, after: Fields | Absent, sheet: FactSheet
    ) -> Sequence[Part] | Blocked | NotApplicable:
        view, item = self.view(sheet), self.declared(name)
        if item is None or isinstance(after, Absent):
            return self._taken_away(name, view)
        refusal = self.refusal(item, view) or self._refusal(name, item, view)
        if refusal is not None:
            return refusal
        asked = state_of(name, sheet) is not None
        needs = parent_needs(f"{name}/.", sheet) if asked else ()
        parts: list[Part] = []
        old = view.entries.get(name)
        if old is None or self.fields(self.item_of(old)) != self.fields(item):
            line = fstab.line_of(self.line(name, item, old))
            parts += self._line_parts(name, line, (*needs, *read_at_start(sheet)), sheet)
        tasks = self._live_tasks(name, item, view)
        if tasks:
            parts.append(Part(thing=name, tasks=tasks, needs=(*needs, *(self.live_needs(item) if asked else ()))))
        return parts

    def _refusal(self, name: str, item: Item, view: View) -> Blocked | None:
        state = state_of(name, view.sheet)
        refusal = _distrusted(state) if state is not None else None
        if refusal is not None:
            return refusal
        top = view.top(name)
        if top is None:
            return None if item.hides else hidden_by(name, view.sheet)
        entry = view.entries.get(name)
        if self.is_shown(item, name, view) or (entry is not None and self.is_like(top, entry, view)):
            return None
        return Blocked(
            f"{self.shown(None, name, view)} is mounted there, and {FSTAB} does not say so", fix=f"umount {name}"
        )

    def _live_tasks(self, name: str, item: Item, view: View) -> tuple[Task, ...]:
        if view.sheet.host.at_rest or is_on_demand(item):
            return ()
        layers = mountinfo.stack(view.mounts, name)
        if not layers:
            return self.mounting(name, item, view)
        if not self.is_shown(item, name, view):
            return (unmounting(name, len(layers)), *self.mounting(name, item, view))
        return self.remounting(name, item, view)

    def _taken_away(self, name: str, view: View) -> Sequence[Part]:
        """First the mount: what is in use keeps its line."""
        entry = view.entries.get(name)
        mine = entry if entry is not None and self.is_mine(entry) else None
        from_top = reversed(mountinfo.stack(view.mounts, name))
        layers = len(list(takewhile(lambda mount: self.is_like(mount, mine, view), from_top)))
        live = (Part(thing=name, tasks=(unmounting(name, layers),)),) if layers else ()
        return (*live, *(self._line_parts(name, None, (), view.sheet) if mine else ()))

    def _line_parts(self, name: str, line: str | None, needs: tuple[Need, ...], sheet: FactSheet) -> tuple[Part, ...]:
        check = ("sh", "-c", agents.text("check_fstab.sh"), "check-fstab")
        edit = FileEdit(path=FSTAB, codec=self.codec, member=name, value=line, validate=check)
        file = Part(thing=FSTAB, edits=(edit,), needs=(*(parent_needs(FSTAB, sheet) if line else ()), *needs))
        if not sheet.host.systemd or sheet.host.at_rest:
            return (file,)
        return (file, Part(thing="units of fstab", tasks=(_READ_BY_SYSTEMD,), phase=Phase.RELOADS))

    def remarks(self, sheet: FactSheet) -> Sequence[str]:
        lines = self.text(sheet)
        entries = dict(fstab.entries(lines))
        return [
            f"{FSTAB}:{number}: it is mounted before line {other}, which it needs"
            for number, other in fstab.misplaced(lines)
            if self.is_mine(entries[number]) and entries[other].target != "/"
        ]


def _distrusted(state: PathState) -> Blocked | None:
    if not state.distrusted:
        return None
    why = f"{state.distrusted} can be written by others, so root mounts nothing below it"
    return Blocked(why, fix="mount it elsewhere, and declare a link to it under user:")
