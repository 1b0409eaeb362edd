"""Other lines of fstab: Windows drives, tmpfs, disks, shares."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from reconciler.formats import mountinfo
from reconciler.model.address import Layer, Target
from reconciler.model.plan import ItemPlan, Plan
from reconciler.model.secrets import SecretHole, SecretText
from reconciler.model.states import Effect, Risk, State
from reconciler.model.tasks import RunCommand
from reconciler.model.values import ABSENT
from reconciler.planning.describe import describe
from reconciler.resources.distro.bind_mounts import BindMount, BindMounts
from reconciler.resources.distro.mounts import MountedFileSystem, Mounts
from simulated import mount as mount_program

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine

DISTRO = Target("lt", "main")
DRIVE = MountedFileSystem(source="C:", type="drvfs", options=("metadata", "uid=1000", "umask=022", "nofail"))
SCRATCH = MountedFileSystem(source="tmpfs", type="tmpfs", options=("size=2g", "nofail"))
BY_WSL = (
    "0:60 / {target} rw,noatime - 9p C:\\134 rw,aname=drvfs;path=C:\\134;uid=1000;gid=1000;symlinkroot=/mnt/,trans=fd"
)


def mounts(items: dict[str, object]) -> Mounts:
    return Mounts(items=items, options={}, layer=Layer.DISTRO)


def plan(machine: Machine, item: object = DRIVE, *, name: str = "/mnt/c") -> Plan:
    return machine.plan({DISTRO: [mounts({name: item})]})


def only(found: Plan) -> ItemPlan:
    (item,) = found.items
    return item


def applied(machine: Machine, item: object = DRIVE, *, name: str = "/mnt/c", state: State = State.IN_SYNC) -> Plan:
    first = plan(machine, item, name=name)
    assert machine.apply(first) == {}
    again = plan(machine, item, name=name)
    assert again.changes == () and only(again).state is state
    return first


def programs(found: Plan) -> list[tuple[str, ...]]:
    return [task.words for change in found.changes for task in change.tasks if isinstance(task, RunCommand)]


def live(machine: Machine, line: str, target: str = "/mnt/c") -> None:
    machine.directory(target)
    mount_program.add(machine, line.format(target=target))


# ---- Windows drives


def test_a_drive_gets_its_line_and_is_mounted(machine: Machine) -> None:
    found = applied(machine)
    assert machine.text("/etc/fstab") == "C: /mnt/c drvfs metadata,uid=1000,umask=022,nofail 0 0\n"
    assert programs(found) == [("mount", "/mnt/c")]
    assert only(found).effect is Effect.TERMINATE


def test_a_drive_that_wsl_mounted_gets_its_line_and_waits_for_a_restart(machine: Machine) -> None:
    live(machine, BY_WSL)
    found = applied(machine, state=State.PENDING)
    assert programs(found) == []
    item = only(plan(machine))
    assert (item.state, item.effect) == (State.PENDING, Effect.TERMINATE)


def test_a_drive_that_has_the_options_already_waits_for_nothing(machine: Machine) -> None:
    live(machine, BY_WSL.replace("uid=1000;gid=1000", "metadata;umask=022;uid=1000"))
    assert programs(applied(machine)) == []


@pytest.mark.parametrize(
    "line",
    [
        "0:60 / {target} rw - virtiofs 6a7b-11 rw",
        "0:60 / {target} rw - drvfs C: rw,metadata",
        "0:60 / {target} rw - 9p drvfs rw,aname=drvfs;path=c:;metadata;uid=1000;umask=022,trans=virtio",
    ],
)
def test_a_drive_is_known_by_every_way_that_wsl_mounts_one(machine: Machine, line: str) -> None:
    machine.file("/etc/fstab", "C: /mnt/c drvfs metadata,uid=1000,umask=022,nofail 0 0\n")
    live(machine, line)
    assert plan(machine).changes == () and only(plan(machine)).state is State.IN_SYNC


@pytest.mark.parametrize(
    ("source", "path", "same"),
    [
        ("C:\\Users\\al", "C:/users/AL", True),
        ("C:/Users", "C:\\134Users\\134", True),
        ("//nas/go", "UNC\\134nas\\134go", True),
        ("\\\\nas\\go", "UNC\\134nas\\134go", True),
        ("D:", "C:\\134", False),
        ("//nas/go", "UNC\\134nas\\134py", False),
    ],
)
def test_windows_paths_are_compared_as_windows_does(machine: Machine, source: str, path: str, same: bool) -> None:
    item = replace(DRIVE, source=source, options=("nofail",))
    machine.directory("/mnt/c")
    applied(machine, item)
    machine.file(mount_program.MOUNTINFO, "")
    live(machine, "0:60 / {target} rw - 9p drvfs rw,aname=drvfs;path=" + path + ";symlinkroot=/mnt/")
    assert (only(plan(machine, item)).state is State.IN_SYNC) == same


def test_another_drive_takes_the_place_of_the_old(machine: Machine) -> None:
    applied(machine)
    found = applied(machine, replace(DRIVE, source="D:"))
    assert programs(found) == [("umount", "/mnt/c"), ("mount", "/mnt/c")]
    assert [(diff.name, diff.before, diff.after) for diff in only(found).diffs][-1] == (
        "mounted",
        "C: (drvfs)",
        "D: (drvfs)",
    )


def test_a_9p_file_system_of_something_else_is_no_drive(machine: Machine) -> None:
    live(machine, "0:60 / {target} rw - 9p hostshare rw,trans=virtio")
    assert only(plan(machine)).why == "hostshare (9p) is mounted there, and /etc/fstab does not say so"


def test_a_drive_exists_only_in_wsl(machine: Machine) -> None:
    machine.life = replace(machine.life, wsl=False)
    assert (only(plan(machine)).state, only(plan(machine)).why) == (State.NOT_APPLICABLE, "this is not WSL")
    machine.life = replace(machine.life, at_rest=True)
    assert programs(applied(machine)) == []


def test_a_bind_from_a_drive_goes_below_it_whoever_declares_them(machine: Machine) -> None:
    live(machine, BY_WSL)
    machine.directory("/mnt/c/tools")
    bind = BindMounts(items={"/a": BindMount(source="/mnt/c/tools")}, options={}, layer=Layer.DISTRO)
    found = machine.plan({DISTRO: [bind, mounts({"/mnt/c": DRIVE})]})
    assert machine.apply(found) == {}
    assert [line.split()[1] for line in machine.text("/etc/fstab").splitlines()] == ["/mnt/c", "/a"]


# ---- others


def test_a_tmpfs_is_mounted_and_its_new_options_come_by_a_remount(machine: Machine) -> None:
    assert programs(applied(machine, SCRATCH, name="/srv/b")) == [("mount", "/srv/b")]
    found = applied(machine, replace(SCRATCH, options=("size=4g", "nofail")), name="/srv/b")
    assert programs(found) == [("mount", "-o", "remount", "/srv/b")]
    assert only(found).effect is Effect.NOW


def test_the_source_of_a_tmpfs_is_just_a_word(machine: Machine) -> None:
    live(machine, "0:60 / {target} rw - tmpfs none rw", "/srv/b")
    assert programs(applied(machine, SCRATCH, name="/srv/b")) == []


@pytest.mark.parametrize(
    ("source", "kind", "is_now", "same"),
    [
        ("/dev/sdb1", "ext4", "ext4 /dev/sdb1", True),
        ("/dev/sdb1", "ext4", "ext4 /dev/sdc1", False),
        ("/dev/sdb1", "ext4", "xfs /dev/sdb1", False),
        ("/dev/data", "ext4", "ext4 /dev/sdb1", True),
        ("UUID=1-2", "ext4", "ext4 /dev/sdb1", True),
        ("UUID=1-2", "ext4", "ext4 /dev/sdc1", False),
        ('LABEL="my disk"', "ext3", "ext4 /dev/sdb1", True),
        ('LABEL="my disk"', "ext3", "ext4 /dev/sdc1", False),
        ("/dev/vg/lv", "ext4", "ext4 /dev/mapper/vg-lv", True),
        ("/srv/disk.img", "ext4", "ext4 /dev/loop3", True),
        ("/dev/sdb1", "auto", "vfat /dev/sdb1", True),
        ("/dev/sdb1", "ntfs-3g", "fuseblk /dev/sdb1", True),
        ("me@there:/x", "sshfs", "fuse.sshfs me@there:/x", True),
        ("nas:/x/", "nfs", "nfs4 nas:/x", True),
        ("nas:/x", "nfs", "nfs4 nas:/y", False),
        ("//nas/x", "cifs", "cifs //nas/x", True),
        ("//nas/x", "cifs", "smb3 //nas/x", False),
        ("tmpfs", "tmpfs", "fuseblk /dev/sdb1", False),
    ],
)
def test_type_and_source_are_known_under_other_names(
    machine: Machine, source: str, kind: str, is_now: str, same: bool
) -> None:
    machine.odd("/dev/sdb1", next(kind for kind in type(machine.nodes["/"].type) if kind.value == "device"))
    machine.link("/dev/data", "sdb1")
    machine.link("/dev/disk/by-uuid/1-2", "../../sdb1")
    machine.link("/dev/disk/by-label/my\\x20disk", "../../sdb1")
    live(machine, "8:17 / {target} rw - " + is_now + " rw", "/srv/b")
    item = MountedFileSystem(source=source, type=kind)
    found = mounts({"/srv/b": item})
    view = found.view(machine.sheet(found.wanted_facts()))
    assert found.is_shown(item, "/srv/b", view) == same


def test_a_disk_that_is_not_there_would_stop_the_boot(machine: Machine) -> None:
    item = MountedFileSystem(source="UUID=1-2", type="ext4", options=())
    found = only(plan(machine, item, name="/srv/b"))
    assert found.why == "UUID=1-2 is not there, and without nofail the machine would not start"
    for options in (("nofail",), ("noauto",)):
        assert only(plan(machine, replace(item, options=options), name="/srv/b")).state is State.ADD


def test_options_keep_their_order_and_nothing_means_defaults(machine: Machine) -> None:
    applied(machine, replace(SCRATCH, options=("user", "exec", "nofail"), passno=2), name="/srv/b")
    assert machine.text("/etc/fstab") == "tmpfs /srv/b tmpfs user,exec,nofail 0 2\n"
    machine.file("/etc/fstab", "tmpfs /srv/b tmpfs defaults,noatime 1 2\n")
    applied(machine, replace(SCRATCH, options=("noatime",), passno=2), name="/srv/b")
    applied(machine, replace(SCRATCH, options=()), name="/srv/b")
    assert machine.text("/etc/fstab") == "tmpfs /srv/b tmpfs defaults 1 0\n"


def test_another_type_is_not_unmounted_for(machine: Machine) -> None:
    machine.file("/etc/fstab", "tmpfs /srv/b tmpfs size=2g,nofail 0 0\n")
    live(machine, "8:17 / {target} rw - ext4 /dev/sdb1 rw", "/srv/b")
    assert only(plan(machine, SCRATCH, name="/srv/b")).why == (
        "/dev/sdb1 (ext4) is mounted there, and /etc/fstab does not say so"
    )


def test_a_place_in_use_is_refused(machine: Machine) -> None:
    machine.file("/srv/b/data")
    assert only(plan(machine, SCRATCH, name="/srv/b")).why == "the mount would hide /srv/b, which holds data"
    applied(machine, replace(SCRATCH, hides=True), name="/srv/b")


def test_absent_takes_away_what_the_line_says(machine: Machine) -> None:
    applied(machine, SCRATCH, name="/srv/b")
    found = applied(machine, ABSENT, name="/srv/b")
    assert programs(found) == [("umount", "/srv/b")] and only(found).risks == {Risk.DELETES}
    assert machine.text("/etc/fstab") == ""


def test_absent_leaves_what_wsl_mounts_by_itself(machine: Machine) -> None:
    live(machine, BY_WSL)
    assert plan(machine, ABSENT).changes == ()


def test_a_bind_is_of_the_other_kind(machine: Machine) -> None:
    machine.file("/etc/fstab", "/opt /srv/b none bind 0 0\n")
    assert only(plan(machine, SCRATCH, name="/srv/b")).state is State.BLOCKED


def test_of_a_stack_the_foreign_mount_below_stays(machine: Machine) -> None:
    live(machine, "8:17 / {target} rw - ext4 /dev/sdb1 rw", "/srv/b")
    machine.file("/etc/fstab", "tmpfs /srv/b tmpfs size=2g,nofail 0 0\n")
    mount_program.by_fstab(machine, "/srv/b")
    found = plan(machine, ABSENT, name="/srv/b")
    assert programs(found) == [("umount", "/srv/b")] and machine.apply(found) == {}
    top = mountinfo.at(mount_program.mounts(machine), "/srv/b")
    assert top is not None and top.type == "ext4"
    assert plan(machine, ABSENT, name="/srv/b").changes == ()


def test_a_line_without_nofail_is_a_risk() -> None:
    item = replace(SCRATCH, options=("size=1m",))
    assert mounts({"/srv/b": item}).want("/srv/b", item).risks == {Risk.CUTS_ACCESS}


@pytest.mark.parametrize(
    ("item", "risks"),
    [
        (MountedFileSystem(source="C:", type="drvfs"), set()),
        (MountedFileSystem(source="/dev/sdb1", type="ext4"), {Risk.GRANTS_RIGHTS}),
        (MountedFileSystem(source="/dev/sdb1", type="ext4", options=("nofail", "nosuid", "nodev")), set()),
        (MountedFileSystem(source="nas:/x", type="nfs4"), {Risk.GRANTS_RIGHTS}),
        (MountedFileSystem(source="tmpfs", type="tmpfs", options=("nofail", "dev")), {Risk.GRANTS_RIGHTS}),
        (MountedFileSystem(source="x", type="fuse.x", options=("nofail", "nosuid")), {Risk.RUNS_CODE_LATER}),
        (MountedFileSystem(source="x#y", type="auto", options=("nofail", "nosuid")), {Risk.RUNS_CODE_LATER}),
    ],
)
def test_programs_that_others_made_run_as_their_owners_unless_told(item: MountedFileSystem, risks: set[Risk]) -> None:
    assert mounts({"/srv/b": item}).want("/srv/b", item).risks == risks


def test_lines_that_mount_does_not_read_are_told(machine: Machine) -> None:
    machine.file("/etc/fstab", "# fine\n\ntmpfs /srv/b\n/a /b none bind 0 0\n")
    resource = mounts({})
    assert list(resource.remarks(machine.sheet(resource.wanted_facts()))) == [
        "/etc/fstab:3: mount does not read this line"
    ]


def test_a_machine_is_described(machine: Machine) -> None:
    applied(machine, SCRATCH, name="/srv/b")
    text = machine.text("/etc/fstab")
    machine.file(
        "/etc/fstab", f"UUID=1 / ext4 errors=remount-ro 0 1\n{text}/swap none swap sw 0 0\n/o /x none bind 0 0\n"
    )
    kinds = {"mounts": (Mounts, Mounts.schema(Layer.DISTRO))}
    (kind,) = describe(DISTRO, kinds, machine.sheet(mounts({}).wanted_facts()))
    assert [(item.path, item.value, item.reason) for item in kind.items] == [
        (("/",), None, "a document cannot name it"),
        (("/srv/b",), {"source": "tmpfs", "type": "tmpfs", "options": ["size=2g", "nofail"], "passno": 0}, None),
    ]


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"type": "swap"}, "/x is a mount point, and swap has none"),
        ({"type": "drvfs", "source": "/dev/sda1"}, "/dev/sda1 is nothing that drvfs mounts"),
        ({"type": "drvfs", "source": "C"}, "C is nothing that drvfs mounts"),
        ({"options": ("ro", "bind")}, "/x is a bind mount"),
        ({"options": ["password=x"]}, "everyone may read /etc/fstab, and a password in it"),
        (
            {"options": ["uid=0", SecretText((SecretHole("password"),))]},
            "options of /x would hold a secret, and everyone may read /etc/fstab",
        ),
        (
            {"source": SecretText((SecretHole("password"),))},
            "source of /x would hold a secret, and everyone may read /etc/fstab",
        ),
    ],
)
def test_what_cannot_be_is_told_before_any_machine_is_asked(fields: dict[str, object], what: str) -> None:
    check = Mounts.schema(Layer.DISTRO).check
    assert check is not None
    assert [complaint.what for complaint in check("/x", fields)] == [what]


@pytest.mark.parametrize("source", ["C:", "c:\\", "C:/Users", "C:\\a b", "//nas/x", "\\\\nas\\x\\y"])
def test_drives_and_shares_are_taken(source: str) -> None:
    check = Mounts.schema(Layer.DISTRO).check
    assert check is not None and check("/x", {"type": "drvfs", "source": source, "options": ("nofail",)}) == ()
