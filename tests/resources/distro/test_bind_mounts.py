"""Bind mounts: the line in fstab and the mount itself are one item."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from reconciler.formats import mountinfo
from reconciler.model.address import Layer, Target
from reconciler.model.facts import PathType
from reconciler.model.plan import ItemPlan, Plan
from reconciler.model.resource import Unknown
from reconciler.model.secrets import SecretHole, SecretText
from reconciler.model.states import Risk, State
from reconciler.model.tasks import MakeDirectory, RunCommand, WriteFile
from reconciler.model.values import ABSENT, UNMANAGED
from reconciler.planning.describe import describe
from reconciler.resources.any.directories import Directories, OwnedDirectory
from reconciler.resources.any.files import File, Files
from reconciler.resources.distro.bind_mounts import BindMount, BindMounts
from reconciler.resources.distro.wsl_conf import WslConf
from simulated import mount as mount_program

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine

DISTRO = Target("lt", "main")
GOBIN = "/usr/local/gobin"
STABLE = "/opt/gobin/stable"
LINE = f"{STABLE} {GOBIN} none bind,ro,nofail 0 0\n"
READ_ONLY = BindMount(source=STABLE, read_only=True)


@pytest.fixture
def machine(machine: Machine) -> Machine:
    machine.directory(STABLE)
    machine.file(f"{STABLE}/gopls", mode=0o755)
    machine.directory("/opt/gobin/canary")
    machine.directory("/usr/local")
    return machine


def binds(items: dict[str, object]) -> BindMounts:
    return BindMounts(items=items, options={}, layer=Layer.DISTRO)


def plan(machine: Machine, item: object = READ_ONLY, *, name: str = GOBIN, elevated: bool = True) -> Plan:
    return machine.plan({DISTRO: [binds({name: item})]}, elevated=elevated)


def only(found: Plan) -> ItemPlan:
    (item,) = found.items
    return item


def applied(machine: Machine, item: object = READ_ONLY, *, name: str = GOBIN) -> Plan:
    """What was planned; planning again finds nothing to do."""
    first = plan(machine, item, name=name)
    assert machine.apply(first) == {}
    again = plan(machine, item, name=name)
    assert again.changes == () and only(again).state is State.IN_SYNC
    return first


def programs(found: Plan) -> list[tuple[str, ...]]:
    return [task.words for change in found.changes for task in change.tasks if isinstance(task, RunCommand)]


def mounted(machine: Machine, target: str = GOBIN) -> tuple[str, bool] | None:
    """What is seen there, and whether read-only."""
    mounts = mount_program.mounts(machine)
    top = mountinfo.at(mounts, target)
    return (mountinfo.shown_path(mounts, target) or top.source, "ro" in top.options) if top else None


def by_hand(machine: Machine, source: str = STABLE, target: str = GOBIN, options: str = "rw,relatime") -> None:
    """As `mount --bind` does, without a line in fstab."""
    machine.directory(target)
    mount_program.add(machine, f"8:1 {source} {target} {options} - ext4 /dev/sda1 rw")


# ---- mounting


def test_the_line_and_the_mount_are_made_with_the_mount_point(machine: Machine) -> None:
    found = applied(machine)
    assert only(found).state is State.ADD
    assert machine.text("/etc/fstab") == LINE
    assert mounted(machine) == (STABLE, True)
    assert machine.nodes[GOBIN].mode == 0o755 and machine.nodes[GOBIN].owner == "root"
    assert programs(found) == [("mount", GOBIN)]


def test_the_table_is_checked_before_it_takes_its_place(machine: Machine) -> None:
    write = next(task for change in plan(machine).changes for task in change.tasks if isinstance(task, WriteFile))
    assert write.validate[0] == "sh" and "findmnt --verify" in write.validate[2]


def test_other_lines_and_comments_stay(machine: Machine) -> None:
    machine.file("/etc/fstab", "# mine\nUUID=1 / ext4 defaults 0 1\nbroken\n")
    applied(machine)
    assert machine.text("/etc/fstab") == f"# mine\nUUID=1 / ext4 defaults 0 1\nbroken\n{LINE}"


@pytest.mark.parametrize("name", ["/srv/go tools", "/srv/a\\040b", "/srv/größe", "/srv/#x"])
def test_names_are_escaped_in_fstab(machine: Machine, name: str) -> None:
    machine.directory("/opt/all of it#")
    applied(machine, BindMount(source="/opt/all of it#"), name=name)
    assert mounted(machine, name) == ("/opt/all of it#", False)
    assert len(machine.text("/etc/fstab").split()) == 6


def test_a_bind_goes_below_the_line_of_its_drive(machine: Machine) -> None:
    machine.directory("/mnt/c/tools")
    machine.file("/etc/fstab", "C: /mnt/c drvfs metadata 0 0\n/swap none swap sw 0 0\n")
    applied(machine, BindMount(source="/mnt/c/tools"))
    assert machine.text("/etc/fstab").splitlines()[2] == f"/mnt/c/tools {GOBIN} none bind,nofail 0 0"


def test_own_options_of_the_mount_count(machine: Machine) -> None:
    item = BindMount(source=STABLE, read_only=True, options=("noexec", "nosuid", "x-gvfs-hide", "nofail"))
    applied(machine, item)
    machine.file(mount_program.MOUNTINFO, machine.text(mount_program.MOUNTINFO).replace("ro,noexec", "ro"))
    found = plan(machine, item)
    assert only(found).before == {**only(found).after, "mounted": f"{STABLE}, read-only, nosuid"}  # type: ignore[dict-item]
    assert programs(found) == [("mount", "-o", "remount,bind,ro,noexec,nosuid", GOBIN)]
    assert machine.apply(found) == {}
    assert plan(machine, item).changes == ()


def test_an_option_that_is_taken_out_is_out_of_force(machine: Machine) -> None:
    applied(machine, replace(READ_ONLY, options=("nofail", "noexec", "nosuid")))
    found = applied(machine, replace(READ_ONLY, options=("nofail", "nosuid")))
    assert programs(found) == [("mount", "-o", "remount,bind,ro,nosuid", GOBIN)]
    assert "noexec" not in machine.text(mount_program.MOUNTINFO)
    assert programs(applied(machine, replace(READ_ONLY, options=("nosuid",)))) == []


def test_busybox_needs_to_be_told_twice(machine: Machine) -> None:
    machine.file("/bin/busybox", mode=0o755)
    machine.link("/bin/mount", "/bin/busybox")
    found = applied(machine)
    assert programs(found) == [("mount", GOBIN), ("mount", "-o", "remount,bind,ro", GOBIN)]
    assert "/bin/mount is busybox's" in found.targets[0].notes[0]
    assert programs(plan(machine, BindMount(source=STABLE), name="/srv/x")) == [("mount", "/srv/x")]


@pytest.mark.parametrize("option", ["noauto", "x-systemd.automount"])
def test_what_is_mounted_on_demand_has_only_its_line(machine: Machine, option: str) -> None:
    found = applied(machine, BindMount(source=STABLE, options=(option,)))
    assert programs(found) == [] and mounted(machine) is None
    mount_program.by_fstab(machine, GOBIN)
    assert plan(machine, BindMount(source=STABLE, options=(option,))).changes == ()


def test_systemd_reads_the_new_table_before_the_mount(machine: Machine) -> None:
    machine.life = replace(machine.life, systemd=True)
    assert programs(applied(machine)) == [("systemctl", "daemon-reload"), ("mount", GOBIN)]


def test_at_rest_there_is_only_the_line(machine: Machine) -> None:
    machine.life = replace(machine.life, at_rest=True, systemd=True)
    del machine.nodes[f"{STABLE}/gopls"], machine.nodes[STABLE]
    found = applied(machine)
    assert machine.text("/etc/fstab") == LINE and programs(found) == []
    assert machine.nodes[GOBIN].type is PathType.DIRECTORY


# ---- what is there already


def test_what_is_mounted_by_hand_gets_its_line(machine: Machine) -> None:
    by_hand(machine, options="ro,relatime")
    found = applied(machine)
    assert programs(found) == []
    assert machine.text("/etc/fstab") == LINE


def test_what_is_only_in_fstab_is_mounted(machine: Machine) -> None:
    machine.file("/etc/fstab", LINE)
    machine.directory(GOBIN)
    found = applied(machine)
    assert [(diff.name, diff.before, diff.after) for diff in only(found).diffs] == [
        ("mounted", "no", f"{STABLE}, read-only")
    ]
    assert [change.thing for change in found.changes] == [GOBIN]


def test_a_line_by_hand_keeps_its_blanks_and_its_comment(machine: Machine) -> None:
    machine.file("/etc/fstab", f"# tools\n{STABLE}\t{GOBIN}\tnone\trw,bind\n")
    applied(machine, BindMount(source=STABLE, options=()))
    assert machine.text("/etc/fstab") == f"# tools\n{STABLE}\t{GOBIN}\tnone\trw,bind\n"
    applied(machine)
    assert machine.text("/etc/fstab") == f"# tools\n{STABLE}\t{GOBIN}\tnone\tbind,ro,nofail\n"


@pytest.mark.parametrize(("is_now", "wanted", "option"), [("ro,relatime", False, "rw"), ("rw,relatime", True, "ro")])
def test_a_wrong_mode_is_remounted_in_place(machine: Machine, is_now: str, wanted: bool, option: str) -> None:
    by_hand(machine, options=is_now)
    assert programs(applied(machine, BindMount(source=STABLE, read_only=wanted))) == [
        ("mount", "-o", f"remount,bind,{option}", GOBIN)
    ]


def test_a_remount_keeps_what_the_mount_has_from_its_source(machine: Machine) -> None:
    by_hand(machine, options="rw,nosuid,nodev,relatime")
    assert programs(plan(machine)) == [("mount", "-o", "remount,bind,ro,nodev,nosuid", GOBIN)]


def test_another_source_takes_the_place_of_the_old(machine: Machine) -> None:
    applied(machine, replace(READ_ONLY, source="/opt/gobin/canary"))
    found = applied(machine)
    assert programs(found) == [("umount", GOBIN), ("mount", GOBIN)]
    assert mounted(machine) == (STABLE, True) and machine.text("/etc/fstab") == LINE
    assert len(mount_program.mounts(machine)) == 2


def test_a_source_that_was_made_anew_is_mounted_anew(machine: Machine) -> None:
    applied(machine)
    text = machine.text(mount_program.MOUNTINFO)
    machine.file(mount_program.MOUNTINFO, text.replace(f"{STABLE} {GOBIN}", f"{STABLE}//deleted {GOBIN}"))
    assert programs(applied(machine)) == [("umount", GOBIN), ("mount", GOBIN)]


def test_a_source_behind_a_link_follows_the_link(machine: Machine) -> None:
    machine.directory("/opt/gobin/7")
    machine.directory("/opt/gobin/8")
    machine.link("/opt/gobin/now", "7")
    item = BindMount(source="/opt/gobin/now")
    applied(machine, item)
    assert mounted(machine) == ("/opt/gobin/7", False)
    machine.link("/opt/gobin/now", "8")
    applied(machine, item)
    assert mounted(machine) == ("/opt/gobin/8", False)


def test_what_is_in_use_stays_and_the_next_apply_goes_on(machine: Machine) -> None:
    applied(machine, replace(READ_ONLY, source="/opt/gobin/canary"))
    machine.memory["umount"] = {"busy": (GOBIN,)}
    failed = machine.apply(plan(machine))
    assert failed == {f"lt/main:{GOBIN} (live)": f"{GOBIN}: target is busy."}
    assert mounted(machine) == ("/opt/gobin/canary", True)
    machine.memory.clear()
    applied(machine)
    assert mounted(machine) == (STABLE, True)


def test_of_a_stack_the_top_counts_and_it_is_told(machine: Machine) -> None:
    applied(machine)
    mount_program.by_fstab(machine, GOBIN)
    found = plan(machine)
    assert found.changes == ()
    assert only(found).notes == ("mounted 2 times, one on the other",)
    assert programs(applied(machine, replace(READ_ONLY, source="/opt/gobin/canary"))) == [
        ("umount", GOBIN, GOBIN),
        ("mount", GOBIN),
    ]


@pytest.mark.parametrize("line", ["", f"/opt/gobin/canary {GOBIN} none bind 0 0\n"])
def test_a_foreign_mount_is_left_alone(machine: Machine, line: str) -> None:
    machine.file("/etc/fstab", line)
    machine.directory(GOBIN)
    mount_program.add(machine, f"0:77 / {GOBIN} rw - tmpfs scratch rw")
    item = only(plan(machine))
    assert (item.state, item.why, item.fix) == (
        State.BLOCKED,
        "scratch (tmpfs), writable is mounted there, and /etc/fstab does not say so",
        f"umount {GOBIN}",
    )


def test_a_bind_that_no_line_names_is_left_alone(machine: Machine) -> None:
    by_hand(machine, source="/opt/gobin/canary")
    item = only(plan(machine))
    assert item.state is State.BLOCKED
    assert item.why == "/opt/gobin/canary, writable is mounted there, and /etc/fstab does not say so"


def test_a_line_of_another_kind_is_left_alone(machine: Machine) -> None:
    machine.file("/etc/fstab", f"tmpfs {GOBIN} tmpfs size=1m 0 0\n")
    item = only(plan(machine))
    assert (item.state, item.why) == (State.BLOCKED, "/etc/fstab mounts tmpfs there: tmpfs size=1m")
    assert plan(machine, ABSENT).changes == ()


def test_a_list_of_mounts_that_is_none_makes_it_unknown(machine: Machine) -> None:
    machine.file(mount_program.MOUNTINFO, "rubbish\n")
    assert binds({GOBIN: READ_ONLY}).observe(machine.sheet(binds({GOBIN: READ_ONLY}).wanted_facts())) == {
        GOBIN: Unknown("no line of mountinfo: 'rubbish'")
    }


# ---- what it would hide


def test_a_mount_point_that_is_not_empty_is_refused(machine: Machine) -> None:
    for name in ("go", "gofmt", "vet", "x"):
        machine.file(f"/usr/local/go/bin/{name}")
    item = only(plan(machine, name="/usr/local/go/bin"))
    assert (item.state, item.why) == (
        State.BLOCKED,
        "the mount would hide /usr/local/go/bin, which holds go, gofmt, vet and more",
    )
    applied(machine, replace(READ_ONLY, hides=True), name="/usr/local/go/bin")


@pytest.mark.parametrize("name", ["/usr/local/bin", "/home", "/root", "/etc"])
def test_a_place_where_programs_look_is_refused_even_empty(machine: Machine, name: str) -> None:
    machine.directory(name)
    assert only(plan(machine, name=name)).state is State.BLOCKED


def test_what_is_mounted_already_hides_no_more_than_it_did(machine: Machine) -> None:
    applied(machine, replace(READ_ONLY, source="/opt/gobin/canary"))
    machine.file(f"{GOBIN}/seen-through-the-mount")
    applied(machine)


def test_a_directory_that_others_can_write_is_none_of_roots(machine: Machine) -> None:
    item = only(plan(machine, name="/home/alice/tools"))
    assert item.state is State.BLOCKED
    assert item.why == "/home/alice can be written by others, so root mounts nothing below it"


def test_a_mount_point_behind_a_link_is_named_as_it_is(machine: Machine) -> None:
    machine.directory("/run/x")
    machine.link("/var/run", "/run")
    item = only(plan(machine, name="/var/run/x"))
    assert (item.state, item.fix) == (State.BLOCKED, "name it /run/x")
    machine.link("/srv/link", "/run/x")
    assert only(plan(machine, name="/srv/link")).why == "/srv/link is a link to /run/x, not a directory"


# ---- who needs what


def test_a_missing_source_blocks(machine: Machine) -> None:
    item = only(plan(machine, BindMount(source="/opt/nowhere")))
    assert (item.state, item.why) == (
        State.BLOCKED,
        "needs the directory /opt/nowhere, which is not there and nobody declares",
    )


def test_a_file_is_no_source(machine: Machine) -> None:
    assert only(plan(machine, BindMount(source=f"{STABLE}/gopls"))).state is State.BLOCKED


def test_source_and_mount_point_may_be_directories_of_the_same_plan(machine: Machine) -> None:
    folders = Directories(
        items={"/opt/new": OwnedDirectory(), GOBIN: OwnedDirectory(mode="0750")}, options={}, layer=Layer.DISTRO
    )
    found = machine.plan({DISTRO: [binds({GOBIN: BindMount(source="/opt/new")}), folders]})
    order = [change.id.split(":")[1] for change in found.changes]
    assert sorted(order) == ["/etc/fstab", "/opt/new", GOBIN, f"{GOBIN} (live)"]
    assert order[-1] == f"{GOBIN} (live)" and order.index(GOBIN) < order.index("/etc/fstab")
    assert machine.apply(found) == {}
    assert machine.nodes[GOBIN].mode == 0o750 and mounted(machine) == ("/opt/new", False)


def test_what_lies_below_it_comes_after_the_mount(machine: Machine) -> None:
    files = Files(items={f"{GOBIN}/version": File(content="1\n")}, options={}, layer=Layer.DISTRO)
    found = machine.plan({DISTRO: [files, binds({GOBIN: BindMount(source=STABLE)})]})
    assert found.changes[-1].thing == f"{GOBIN}/version"
    assert [task for change in found.changes for task in change.tasks if isinstance(task, MakeDirectory)] == [
        MakeDirectory(path=GOBIN)
    ]


def test_two_mounts_share_one_write_of_the_table(machine: Machine) -> None:
    found = machine.plan({DISTRO: [binds({GOBIN: READ_ONLY, "/srv/b": BindMount(source=STABLE)})]})
    assert [change.thing for change in found.changes].count("/etc/fstab") == 1
    assert machine.apply(found) == {}


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("[automount]\nmountFsTab=false\n", State.BLOCKED),
        ("[automount]\nmountFsTab=false\n[boot]\nsystemd=true\n", State.ADD),
        ("[automount]\nmountFsTab=true\n", State.ADD),
        ("", State.ADD),
    ],
)
def test_wsl_must_read_the_table_when_it_starts(machine: Machine, text: str, state: State) -> None:
    machine.file("/etc/wsl.conf", text)
    item = only(plan(machine))
    assert item.state is state
    if state is State.BLOCKED:
        assert item.why == "needs wsl_conf automount.mountFsTab = true, which is not there and nobody declares"
        conf = WslConf(items={"automount.mountFsTab": True}, options={}, layer=Layer.DISTRO)
        found = machine.plan({DISTRO: [binds({GOBIN: READ_ONLY}), conf]})
        assert machine.apply(found) == {} and mounted(machine) == (STABLE, True)


def test_a_user_sees_what_there_is_to_do(machine: Machine) -> None:
    item = only(plan(machine, elevated=False))
    assert item.state is State.ADD and item.elevation


# ---- taking away


def test_absent_takes_away_the_mount_and_its_line(machine: Machine) -> None:
    machine.file("/etc/fstab", "# mine\n")
    applied(machine)
    found = applied(machine, ABSENT)
    assert programs(found) == [("umount", GOBIN)]
    assert only(found).risks == {Risk.DELETES}
    assert mounted(machine) is None and machine.text("/etc/fstab") == "# mine\n"
    assert machine.nodes[GOBIN].type is PathType.DIRECTORY


def test_what_is_in_use_keeps_its_line(machine: Machine) -> None:
    applied(machine)
    machine.memory["umount"] = {"busy": (GOBIN,)}
    assert set(machine.apply(plan(machine, ABSENT))) == {f"lt/main:{GOBIN} (live)", "lt/main:/etc/fstab"}
    assert machine.text("/etc/fstab") == LINE


def test_absent_takes_away_a_whole_stack(machine: Machine) -> None:
    applied(machine)
    mount_program.by_fstab(machine, GOBIN)
    assert programs(applied(machine, ABSENT)) == [("umount", GOBIN, GOBIN)]


def test_absent_takes_away_a_bind_made_by_hand(machine: Machine) -> None:
    by_hand(machine)
    assert programs(applied(machine, ABSENT)) == [("umount", GOBIN)]


def test_absent_leaves_other_mounts_alone(machine: Machine) -> None:
    machine.directory(GOBIN)
    mount_program.add(machine, f"0:77 / {GOBIN} rw - tmpfs scratch rw")
    assert plan(machine, ABSENT).changes == ()
    machine.file("/etc/fstab", LINE)
    assert programs(plan(machine, ABSENT)) == []


def test_below_one_another_the_inner_goes_first(machine: Machine) -> None:
    items: dict[str, object] = {"/srv/a": BindMount(source=STABLE), "/srv/a/b": BindMount(source="/opt/gobin/canary")}
    machine.directory("/srv/a/b")
    assert (
        machine.apply(machine.plan({DISTRO: [binds({"/srv/a": replace(BindMount(source=STABLE), hides=True)})]})) == {}
    )
    first = machine.plan({DISTRO: [binds(items)]})
    assert machine.apply(first) == {}
    gone = machine.plan({DISTRO: [binds(dict.fromkeys(items, ABSENT))]})
    assert programs(gone) == [("umount", "/srv/a/b"), ("umount", "/srv/a")]
    assert machine.apply(gone) == {}


def test_unmanaged_is_left_as_it_is(machine: Machine) -> None:
    machine.file("/etc/fstab", LINE)
    assert plan(machine, UNMANAGED).changes == () and plan(machine, UNMANAGED).items == ()


# ---- what is said


@pytest.mark.parametrize(
    ("item", "risks"),
    [
        (READ_ONLY, set()),
        (replace(READ_ONLY, options=()), {Risk.CUTS_ACCESS}),
        (replace(READ_ONLY, options=("noauto",)), set()),
    ],
)
def test_a_line_that_can_stop_the_boot_is_a_risk(item: BindMount, risks: set[Risk]) -> None:
    assert binds({GOBIN: item}).want(GOBIN, item).risks == risks


@pytest.mark.parametrize(
    ("target", "item", "risks"),
    [
        ("/etc/cron.d", READ_ONLY, {Risk.RUNS_CODE_LATER}),
        ("/etc", READ_ONLY, {Risk.GRANTS_RIGHTS, Risk.RUNS_CODE_LATER, Risk.CUTS_ACCESS}),
        ("/usr", READ_ONLY, {Risk.GRANTS_RIGHTS, Risk.RUNS_CODE_LATER}),
        ("/home", READ_ONLY, {Risk.RUNS_CODE_LATER}),
        ("/srv/b", replace(READ_ONLY, source="/etc/sudoers.d"), set()),
        ("/srv/b", replace(READ_ONLY, source="/etc/sudoers.d", read_only=False), {Risk.GRANTS_RIGHTS}),
        ("/srv/b", replace(READ_ONLY, options=("nofail", "suid")), {Risk.GRANTS_RIGHTS}),
        ("/srv/b", replace(READ_ONLY, options=("nofail", "suid", "nosuid", "nodev")), set()),
    ],
)
def test_a_mount_that_hides_or_gives_what_does_more_is_a_risk(target: str, item: BindMount, risks: set[Risk]) -> None:
    assert binds({target: item}).want(target, item).risks == risks


def test_lines_in_the_wrong_order_are_told(machine: Machine) -> None:
    machine.file("/etc/fstab", f"/mnt/c/x {GOBIN} none bind 0 0\nC: /mnt/c drvfs metadata 0 0\n/dev/sda1 / ext4\n")
    resource = binds({})
    assert list(resource.remarks(machine.sheet(resource.wanted_facts()))) == [
        "/etc/fstab:1: it is mounted before line 2, which it needs"
    ]


def test_a_machine_is_described(machine: Machine) -> None:
    applied(machine)
    machine.file(
        "/etc/fstab", f"{machine.text('/etc/fstab')}/opt /srv/opt none defaults,bind 0 0\ntmpfs /t tmpfs rw 0 0\n"
    )
    kinds = {"bind_mounts": (BindMounts, BindMounts.schema(Layer.DISTRO))}
    (kind,) = describe(DISTRO, kinds, machine.sheet(binds({}).wanted_facts()))
    assert [(item.path, item.value, item.reason) for item in kind.items] == [
        ((GOBIN,), {"source": STABLE, "read_only": True, "options": ["nofail"]}, None),
        (("/srv/opt",), None, "it would not be in sync: change"),
    ]


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"options": ("ro",)}, f"{GOBIN} is a bind mount: ro is no option of its own"),
        ({"options": ["nofail", "bind"]}, f"{GOBIN} is a bind mount: bind is no option of its own"),
        (
            {"options": (SecretText((SecretHole("password"),)),)},
            f"options of {GOBIN} would hold a secret, and everyone may read /etc/fstab",
        ),
    ],
)
def test_what_cannot_be_is_told_before_any_machine_is_asked(fields: dict[str, object], what: str) -> None:
    check = BindMounts.schema(Layer.DISTRO).check
    assert check is not None
    assert [complaint.what for complaint in check(GOBIN, fields)] == [what]
    assert check(GOBIN, {"source": STABLE, "options": ("nofail", "x-y=1")}) == ()


def test_options_are_words_without_commas() -> None:
    from reconciler.resources.mount_points import OPTIONS

    assert all(OPTIONS.of.reads(word) for word in ("nofail", 'context="a,b"', "x-a=b"))  # type: ignore[union-attr]
    assert not any(OPTIONS.of.reads(word) for word in ("a,b", "a b", "", "a\tb", 'x="'))  # type: ignore[union-attr]
