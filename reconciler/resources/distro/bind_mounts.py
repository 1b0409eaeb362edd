"""Directories shown a second time at another place, such as a folder of tools that all may run and nobody may change.

Manages the line in /etc/fstab and the mount itself as one item: in sync when both are right. Makes a missing mount point
(root, 0755). Never mounts over what is in use or mounted by somebody else; `hides: true` allows a mount point that is not
empty. With another source the old mount is taken away first, never by force: programs that run from it must have ended.
Absent takes away the mount and its line, and leaves the mount point. Leaves alone lines that do not say `bind`.

Takes effect at once, in the mount namespace of this session; WSL has a second one for windows opened as administrator,
which gets it at the next start. A new line has `nofail`, unless `options` says otherwise: without it, a source that is
missing stops the boot under systemd. WSL mounts fstab before the Windows drives: a bind from /mnt/c needs a line for that
drive too, see `mounts`; it goes above. busybox's mount makes no bind of fstab read-only when the machine starts.

    distro:
      bind_mounts:
        /usr/local/gobin: {source: /opt/gobin/stable, read_only: true}
        /srv/models: {source: /mnt/c/models, options: [nofail, noexec]}

Source: mount(8), fstab(5) of util-linux; mount(2), MS_BIND; proc_pid_mountinfo(5).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Final

from reconciler.formats import mountinfo
from reconciler.formats.fstab import Entry, normal_path
from reconciler.formats.mountinfo import Mount
from reconciler.model.address import Layer
from reconciler.model.claims import Need, Path
from reconciler.model.facts import Fact, FactSheet, PathInfo, PathState
from reconciler.model.resource import Fields, Resource
from reconciler.model.schema import Complaint, KindSchema, MapOf, described, record_of
from reconciler.model.states import Risk
from reconciler.model.tasks import RunCommand, Task
from reconciler.resources.base import ABSOLUTE_PATH
from reconciler.resources.fstab_kind import FstabKind
from reconciler.resources.mount_points import NOFAIL, OPTIONS, View, keeps_rights, secrets
from reconciler.resources.privileged_paths import folder_risks

_BIND: Final = ("bind", "rbind")
_SAID_OTHERWISE: Final = ("bind", "ro", "rw", "defaults", "remount")
_OWN_OPTIONS: Final = ("nodev", "noexec", "nosuid", "nosymfollow")
"""What one mount alone may be, beside read-only, whatever its file system is elsewhere."""
_MOUNT: Final = "/bin/mount"


@dataclass(frozen=True, slots=True, kw_only=True)
class BindMount:
    source: Annotated[str, ABSOLUTE_PATH] = field(metadata=described("The directory that is shown."))
    read_only: bool = field(default=False, metadata=described("Whether nobody, root included, may write there."))
    options: Annotated[tuple[str, ...], OPTIONS] = field(
        default=(NOFAIL,), metadata=described("More options of mount(8); [nofail] unless told.")
    )
    hides: bool = field(
        default=False, metadata=described("Mount it even over a directory that is not empty, or where programs look.")
    )


class BindMounts(FstabKind[BindMount]):
    kind: ClassVar[str] = "bind_mounts"
    layers: ClassVar[frozenset[Layer]] = frozenset({Layer.DISTRO})

    @classmethod
    def schema(cls, layer: Layer) -> KindSchema:
        return KindSchema(
            items=MapOf(of=record_of(BindMount), keys=ABSOLUTE_PATH, expected="bind mounts by mount point"),
            description="Directories shown at a second place, by fstab and at once.",
            check=_check,
        )

    def declared(self, name: str) -> BindMount | None:
        item = self.items.get(name)
        return item if isinstance(item, BindMount) else None

    def is_mine(self, entry: Entry) -> bool:
        return not set(_BIND).isdisjoint(entry.options)

    def item_of(self, entry: Entry) -> BindMount:
        modes = [option for option in entry.options if option in ("ro", "rw")]
        return BindMount(
            source=normal_path(entry.source),
            read_only=modes[-1:] == ["ro"],
            options=tuple(option for option in entry.options if option not in _SAID_OTHERWISE),
        )

    def line(self, target: str, item: BindMount, old: Entry | None) -> Entry:
        bind = () if "rbind" in item.options else ("bind",)
        options = (*bind, *(("ro",) if item.read_only else ()), *item.options)
        return Entry(source=item.source, target=target, type="none", options=options)

    def fields(self, item: BindMount) -> Fields:
        return {"source": item.source, "read_only": item.read_only, "options": [*item.options]}

    def source_facts(self, item: BindMount) -> frozenset[Fact]:
        return frozenset({PathInfo(item.source), PathInfo(_MOUNT)})

    def source_risks(self, item: BindMount) -> frozenset[Risk]:
        """Where it can be written, the source has a second name; what that name hides, another kind would not see."""
        behind = frozenset[Risk]() if item.read_only else folder_risks(item.source) - {Risk.CUTS_ACCESS}
        return behind | ({Risk.GRANTS_RIGHTS} if keeps_rights(item) else frozenset())

    def live_needs(self, item: BindMount) -> tuple[Need, ...]:
        return (Need(Path(item.source)),)

    # ---- the mount itself

    def is_shown(self, item: BindMount, target: str, view: View) -> bool:
        return mountinfo.shows(view.mounts, target, _end(item.source, view.sheet))

    def is_like(self, mount: Mount, entry: Entry | None, view: View) -> bool:
        same = (other for other in view.mounts if other.device == mount.device and other.target != mount.target)
        return mount.root != "/" or any(same)

    def meant(self, item: BindMount) -> str:
        return _words(item.source, item.read_only, _own(item))

    def shown(self, item: BindMount | None, target: str, view: View) -> str:
        top = view.top(target)
        assert top is not None
        if item is not None and self.is_shown(item, target, view):
            return _words(item.source, "ro" in top.options, [word for word in _own(item) if word in top.options])
        what = mountinfo.shown_path(view.mounts, target) or f"{top.source} ({top.type})"
        return _words(what, "ro" in top.options, [word for word in _OWN_OPTIONS if word in top.options])

    def mounting(self, target: str, item: BindMount, view: View) -> tuple[Task, ...]:
        by_fstab = RunCommand(argv=("mount", target))
        options = [*(["ro"] if item.read_only else []), *_own(item)]
        return (by_fstab, _remount(target, options)) if options and _is_busybox(view.sheet) else (by_fstab,)

    def remounting(self, target: str, item: BindMount, view: View) -> tuple[Task, ...]:
        """The mount keeps what it has from its source, and loses what only the old line said."""
        top, old = view.top(target), view.entries.get(target)
        has = set(top.options) if top else set()
        lost = set(_own(self.item_of(old)) if old else ()).difference(item.options)
        if self.shown(item, target, view) == self.meant(item) and not has & lost:
            return ()
        own = [option for option in _OWN_OPTIONS if option in item.options or option in has - lost]
        return (_remount(target, ["ro" if item.read_only else "rw", *own]),)

    def remarks(self, sheet: FactSheet) -> Sequence[str]:
        found = [*super().remarks(sheet)]
        if any(item.read_only for name in self.items if (item := self.declared(name))) and _is_busybox(sheet):
            found.append(f"{_MOUNT} is busybox's: after a start, read-only binds can be written until the next apply")
        return found


def _own(item: BindMount) -> list[str]:
    return [option for option in _OWN_OPTIONS if option in item.options]


def _words(what: str, read_only: bool, own: Sequence[str]) -> str:
    return ", ".join((what, "read-only" if read_only else "writable", *own))


def _remount(target: str, options: Sequence[str]) -> Task:
    return RunCommand(argv=("mount", "-o", ",".join(("remount", "bind", *options)), target))


def _end(path: str, sheet: FactSheet) -> str:
    """Where a path leads, as far as somebody asked."""
    state = sheet.answers.get(PathInfo(path))
    return state.followed.path if isinstance(state, PathState) else path


def _is_busybox(sheet: FactSheet) -> bool:
    """Whether `mount` heeds the options of a bind only when it is told a second time."""
    return _end(_MOUNT, sheet).endswith("/busybox")


def _check(name: str, fields: Mapping[str, object]) -> tuple[Complaint, ...]:
    options = fields.get("options")
    said = [word for word in options if word in _SAID_OTHERWISE] if isinstance(options, list | tuple) else []
    found = [
        Complaint(f"{name} is a bind mount: {word} is no option of its own", fix="write  read_only:", field="options")
        for word in said
    ]
    return (*found, *secrets(name, fields))


RESOURCE: Final[type[Resource]] = BindMounts
