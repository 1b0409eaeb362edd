"""Other lines of /etc/fstab and what they mount: Windows drives, shares, tmpfs, disks. Binds are `bind_mounts`; swap is not.

Manages the line (source, type, options, passno) and the mount itself as one item. Of what is mounted only type and source
are compared; new options of what is mounted already come into force by a remount. Makes a missing mount point (root, 0755).
Never mounts over what is in use or mounted by somebody else; `hides: true` allows a mount point that is not empty. With
`noauto` or `x-systemd.automount` there is only the line. Absent takes away the mount, never by force, and its line.

A Windows drive (`drvfs`) is 9p or virtiofs once it is mounted. WSL mounts fstab before its own automounting, which then
leaves a drive alone that is at its place already. New options of a mounted drive are in force after `wsl --terminate`;
everything else takes effect at once, in the mount namespace of this session (see `bind_mounts`). A new line has `nofail`,
unless `options` says otherwise: without it, a source that is missing stops the boot under systemd.

    distro:
      mounts:
        /mnt/c: {source: "C:", type: drvfs, options: [metadata, uid=1000, "umask=022", nofail]}
        /var/cache/builds: {source: tmpfs, type: tmpfs, options: [size=2g, nofail]}

Source: fstab(5), mount(8) of util-linux; microsoft/WSL src/linux/init/drvfs.cpp.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Final

from reconciler.formats import fstab
from reconciler.formats.fstab import Entry
from reconciler.formats.mountinfo import Mount
from reconciler.model.address import Layer
from reconciler.model.facts import Fact, FactSheet, PathInfo, PathState, PathType
from reconciler.model.resource import Blocked, Fields, NotApplicable, Resource
from reconciler.model.schema import Complaint, Integer, KindSchema, MapOf, Text, described, record_of
from reconciler.model.states import Effect, Risk
from reconciler.model.tasks import RunCommand, Task
from reconciler.resources.base import ABSOLUTE_PATH
from reconciler.resources.fstab_kind import FstabKind
from reconciler.resources.mount_points import FSTAB, NOFAIL, OPTIONS, View, keeps_rights, secrets, stops_the_boot

DRVFS: Final = "drvfs"
_WINDOWS: Final = re.compile(r"[A-Za-z]:([\\/].*)?|(\\\\|//)[^\\/]+[\\/].+")
_TAGS: Final = {"UUID": "uuid", "LABEL": "label", "PARTUUID": "partuuid", "PARTLABEL": "partlabel"}
_OF_THIS_MACHINE: Final = frozenset(
    {DRVFS, "tmpfs", "ramfs", "proc", "sysfs", "securityfs", "debugfs", "tracefs", "bpf"}
)
"""Types that bring no programs of their own: what is in them has Windows' rights, or was put there by root since."""
_OF_DRVFS: Final = ("metadata", "case=", "uid=", "gid=", "umask=", "dmask=", "fmask=")
"""Options that a drive mounted by 9p tells of."""

_SOURCE: Final = Text(pattern=r"^[^\s]", expected="what is mounted: a drive, a share, a device, UUID=…", fixed=True)
_TYPE: Final = Text(pattern=r"^[A-Za-z0-9_.,-]+$", expected="a type of file system", fixed=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class MountedFileSystem:
    source: Annotated[str, _SOURCE] = field(
        metadata=described("What is mounted: C:, a share, a device, UUID=…, tmpfs.")
    )
    type: Annotated[str, _TYPE] = field(metadata=described("The type of file system: drvfs, tmpfs, ext4, nfs …"))
    options: Annotated[tuple[str, ...], OPTIONS] = field(
        default=(NOFAIL,), metadata=described("Options of mount(8); [nofail] unless told.")
    )
    passno: Annotated[int, Integer(minimum=0, maximum=2)] = field(
        default=0, metadata=described("When it is checked as the machine starts: 0 never, 1 first, 2 afterwards.")
    )
    hides: bool = field(
        default=False, metadata=described("Mount it even over a directory that is not empty, or where programs look.")
    )


class Mounts(FstabKind[MountedFileSystem]):
    kind: ClassVar[str] = "mounts"
    layers: ClassVar[frozenset[Layer]] = frozenset({Layer.DISTRO})

    @classmethod
    def schema(cls, layer: Layer) -> KindSchema:
        return KindSchema(
            items=MapOf(of=record_of(MountedFileSystem), keys=ABSOLUTE_PATH, expected="file systems by mount point"),
            description="File systems by mount point, by fstab and at once: Windows drives, shares, tmpfs, disks.",
            check=_check,
        )

    def declared(self, name: str) -> MountedFileSystem | None:
        item = self.items.get(name)
        return item if isinstance(item, MountedFileSystem) else None

    def is_mine(self, entry: Entry) -> bool:
        return entry.type != "swap" and {"bind", "rbind"}.isdisjoint(entry.options)

    def item_of(self, entry: Entry) -> MountedFileSystem:
        options = entry.options[1:] if entry.options[:1] == ("defaults",) else entry.options
        return MountedFileSystem(source=entry.source, type=entry.type, options=options, passno=entry.passno)

    def line(self, target: str, item: MountedFileSystem, old: Entry | None) -> Entry:
        return Entry(
            source=item.source,
            target=target,
            type=item.type,
            options=item.options or ("defaults",),
            dump=old.dump if old else 0,
            passno=item.passno,
        )

    def fields(self, item: MountedFileSystem) -> Fields:
        return {"source": item.source, "type": item.type, "options": [*item.options], "passno": item.passno}

    def source_facts(self, item: MountedFileSystem) -> frozenset[Fact]:
        path = _device(item.source)
        return frozenset({PathInfo(path)} if path else ())

    def source_risks(self, item: MountedFileSystem) -> frozenset[Risk]:
        """Who makes a disk or share decides what runs as root there, and FUSE starts the program that it names."""
        brings = item.type not in _OF_THIS_MACHINE and "nosuid" not in item.options
        rights = {Risk.GRANTS_RIGHTS} if brings or keeps_rights(item) else set()
        runs = {Risk.RUNS_CODE_LATER} if item.type.startswith("fuse") or "#" in item.source else set()
        return frozenset(rights | runs)

    def refusal(self, item: MountedFileSystem, view: View) -> Blocked | NotApplicable | None:
        if item.type == DRVFS:
            host = view.sheet.host
            return None if host.wsl or host.at_rest else NotApplicable("this is not WSL")
        path = _device(item.source)
        state = view.sheet.answers.get(PathInfo(path)) if path else None
        missing = isinstance(state, PathState) and state.followed.type is PathType.MISSING
        if not missing or not stops_the_boot(item) or view.sheet.host.at_rest:
            return None
        why = f"{item.source} is not there, and without {NOFAIL} the machine would not start"
        return Blocked(why, fix=f"plug it in, or add {NOFAIL} to the options")

    def effect(self, item: MountedFileSystem) -> Effect:
        return Effect.TERMINATE if item.type == DRVFS else Effect.NOW

    def running(self, entry: Entry, view: View) -> Fields | None:
        """The options of a drive, where 9p tells them and they are others than those of the line."""
        top = view.top(entry.target)
        told = _options_of_drive(top) if top and entry.type == DRVFS else None
        if told is None:
            return None
        declared = self.item_of(entry).options
        wanted = (_as_9p_says(option) for option in declared if option.startswith(_OF_DRVFS))
        agree = sorted(wanted) == sorted(told)
        return {"options": [*declared] if agree else [*told]}

    # ---- the mount itself

    def is_shown(self, item: MountedFileSystem, target: str, view: View) -> bool:
        top = view.top(target)
        return top is not None and _is_of_type(item.type, top) and _is_from(item, top, view.sheet)

    def is_like(self, mount: Mount, entry: Entry | None, view: View) -> bool:
        return entry is not None and _is_of_type(entry.type, mount)

    def meant(self, item: MountedFileSystem) -> str:
        return f"{item.source} ({item.type})"

    def shown(self, item: MountedFileSystem | None, target: str, view: View) -> str:
        top = view.top(target)
        assert top is not None
        if item is not None and self.is_shown(item, target, view):
            return self.meant(item)
        return f"{_drive(top) or top.source} ({DRVFS if _is_of_type(DRVFS, top) else top.type})"

    def mounting(self, target: str, item: MountedFileSystem, view: View) -> tuple[Task, ...]:
        return (RunCommand(argv=("mount", target)),)

    def remounting(self, target: str, item: MountedFileSystem, view: View) -> tuple[Task, ...]:
        old = view.entries.get(target)
        if item.type == DRVFS or old is None or self.item_of(old).options == item.options:
            return ()
        return (RunCommand(argv=("mount", "-o", "remount", target)),)

    def remarks(self, sheet: FactSheet) -> Sequence[str]:
        ignored = fstab.ignored_lines(self.text(sheet))
        return [*super().remarks(sheet), *(f"{FSTAB}:{number}: mount does not read this line" for number, _ in ignored)]


def _is_of_type(type_: str, mount: Mount) -> bool:
    """Whether a mount is what `type_` in fstab makes: some types have another name, or several, once they are mounted."""
    if type_ == DRVFS:
        return mount.type in (DRVFS, "virtiofs") or (mount.type == "9p" and _drive(mount) is not None)
    if mount.type == "fuseblk":
        return type_.startswith(("ntfs", "exfat", "fuse", "auto"))
    family = type_.rstrip("0123456789")
    return type_ == "auto" or mount.type in (*type_.split(","), f"fuse.{type_}") or mount.type.startswith(family)


def _is_from(item: MountedFileSystem, mount: Mount, sheet: FactSheet) -> bool:
    """Whether the source is the item's, as far as can be told: the source of a tmpfs is just a word."""
    if item.type == DRVFS:
        drive = _drive(mount)
        return drive is None or _windows_path(drive) == _windows_path(item.source)
    device = _device(item.source)
    if device:
        state = sheet.answers.get(PathInfo(device))
        end = state.followed.path if isinstance(state, PathState) else mount.source
        # Mapped and looped devices bear another name than the file that leads to them.
        return mount.source in (item.source, end) or mount.source.startswith(("/dev/mapper/", "/dev/loop", "/dev/root"))
    return mount.source.rstrip("/") == item.source.rstrip("/") or not re.search("[:/]", item.source)


def _device(source: str) -> str | None:
    """The path of a device, or of a file that holds a file system; None for other sources. A label's blanks are udev's."""
    tag, equals, value = source.partition("=")
    if equals and tag in _TAGS:
        named = re.sub(r"[^\w#+.:=@-]", lambda found: f"\\x{ord(found[0]):02x}", value.strip('"'))
        return f"/dev/disk/by-{_TAGS[tag]}/{named}"
    return source if source.startswith("/") and not source.startswith("//") else None


def _told(mount: Mount) -> list[str]:
    r"""What 9p was told of a Windows drive, its path first: `path=C:\`, `metadata`, `uid=1000`. Nothing of other mounts."""
    prefix = "aname=drvfs;"
    told = (option.removeprefix(prefix) for option in mount.super_options if option.startswith(prefix))
    return next(told, "").split(";")


def _options_of_drive(mount: Mount) -> list[str] | None:
    """The options of a mounted drive; None where the mount does not tell."""
    told = _told(mount)
    return [option for option in told if option.startswith(_OF_DRVFS)] if mount.type == "9p" and told[0] else None


def _as_9p_says(option: str) -> str:
    return "case=dir" if option == "case=force" else option


def _drive(mount: Mount) -> str | None:
    """The Windows path of a mounted drive, None for virtiofs, which has a number in its place, and for other mounts."""
    if mount.type == DRVFS:
        return mount.source
    path = _told(mount)[0].removeprefix("path=") if mount.type == "9p" else ""
    return path or None


def _windows_path(path: str) -> str:
    """One spelling of a Windows path; 9p calls `\\\\server\\share` `UNC\\server\\share`."""
    plain = path.replace("/", "\\").rstrip("\\").upper()
    return "\\\\" + plain.removeprefix("UNC\\") if plain.startswith("UNC\\") else plain


def _check(name: str, fields: Mapping[str, object]) -> tuple[Complaint, ...]:
    found = [*secrets(name, fields)]
    kind, source, options = (fields.get(key) for key in ("type", "source", "options"))
    if kind == "swap":
        found.append(Complaint(f"{name} is a mount point, and swap has none", field="type"))
    if kind == DRVFS and isinstance(source, str) and not _WINDOWS.fullmatch(source):
        fix = 'write a drive such as  "C:"  or a share such as  //server/share'
        found.append(Complaint(f"{source} is nothing that drvfs mounts", fix=fix, field="source"))
    for option in options if isinstance(options, list | tuple) else ():
        if option in ("bind", "rbind"):
            found.append(Complaint(f"{name} is a bind mount", fix="declare it under bind_mounts:", field="options"))
        if isinstance(option, str) and option.startswith(("password=", "pass=")):
            fix = "write  credentials=FILE"
            found.append(Complaint(f"everyone may read {FSTAB}, and a password in it", fix=fix, field="options"))
    return tuple(found)


RESOURCE: Final[type[Resource]] = Mounts
