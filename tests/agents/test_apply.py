"""The apply script itself, under the shells it promises, on real files.

Most tests work in a root file system below tmp_path (`--root`), as whoever runs pytest. What needs the running system
(`live`: effects, programs, users by name) gets a mount namespace in which /var/lib, /home and /etc/passwd are tmp_path's.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import signal
import stat
import struct
import termios
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from agents.apply_machine import (
    ALICE,
    DISTRO,
    IS_ROOT,
    MISSING,
    Machine,
    Shell,
    as_root,
    change,
    in_namespace,
    live,
    only,
    root_file_system,
    sent_whole,
    shell_named,
    started,
    statuses,
    wait_for,
    with_setpriv,
    with_shim,
)
from reconciler.execution.apply import Outcome, read
from reconciler.execution.parts import Batch, Part, parts_of
from reconciler.model import effects
from reconciler.model.address import Address, Target
from reconciler.model.effects import EffectRecord
from reconciler.model.facts import PathType
from reconciler.model.outcome import Status
from reconciler.model.plan import Change
from reconciler.model.states import Effect
from reconciler.model.tasks import Base, MakeDirectory, MakeLink, Remove, RunCommand, SetMode, WriteFile
from yardstick import SOON_SECONDS

# ---- what is written


AWKWARD_NAMES = (
    "plain", "with blank", " leading", "trailing ", "quote's", 'double"quote', "$HOME", "`id`", "$(id)", "back\\slash",
    "ends\\", "-rf", "--help", "*", "[a]?", "~", "#x", "a|b", "a;b&c", "%s%n", "tab\there", "grüße", "日本",
    "not-utf8-\udcff\udc80", "\x01\x7f", "x" * 200,
)  # fmt: skip
AWKWARD_CONTENTS = (
    b"", b"\n", b"\n\n\n", b"no final line end", b"dos\r\nlines\r\n", b"a\0b\0\0", bytes(range(256)), "grüße\n".encode(),
    b"\xff\xfe\x80", b"$HOME `id` $(id) ' \" \\ \\n \\\\\n", b"-n\n", b"EOF\n", b"%s\\c\n", b"x" * 300_000,
)  # fmt: skip


def test_awkward_names_and_contents_arrive_byte_for_byte_and_a_second_run_changes_nothing(machine: Machine) -> None:
    contents = [AWKWARD_CONTENTS[index % len(AWKWARD_CONTENTS)] for index in range(len(AWKWARD_NAMES))]
    planned = []
    for index, (name, content) in enumerate(zip(AWKWARD_NAMES, contents, strict=True)):
        if index % 2:
            machine.file(f"/srv/old/{name}", b"before\n", 0o640)
        folder = "/srv/old" if index % 2 else "/srv"
        planned.append(change(f"write {index}", machine.write(f"{folder}/{name}", content)))
        planned.append(change(f"link {index}", MakeLink(path=f"/srv/l{index}", target=name, base=MISSING)))

    assert set(statuses(machine.apply(*planned)).values()) == {Status.DONE}

    for index, (name, content) in enumerate(zip(AWKWARD_NAMES, contents, strict=True)):
        place = machine.at(f"/srv/old/{name}" if index % 2 else f"/srv/{name}")
        assert place.read_bytes() == content, name
        assert stat.S_IMODE(place.stat().st_mode) == (0o640 if index % 2 else 0o644)
        assert str(machine.at(f"/srv/l{index}").readlink()) == name
    after = machine.tree()
    assert set(statuses(machine.apply(*planned)).values()) == {Status.DONE}
    assert machine.tree() == after
    assert machine.leftovers() == []


def test_every_kind_of_task_is_done_in_order(machine: Machine) -> None:
    machine.file("/etc/old", b"old\n")
    machine.at("/etc/empty").mkdir()
    machine.at("/etc/link").symlink_to("nowhere")
    machine.file("/etc/mode", b"kept", 0o600)
    before = {name: machine.base(f"/etc/{name}") for name in ("old", "empty", "link", "mode")}

    found = machine.apply(
        change("directory", MakeDirectory(path="/srv/a", mode=0o750)),
        change("below", MakeDirectory(path="/srv/a/b c", mode=0o2711), needs=("directory",)),
        change("file", machine.write("/srv/a/b c/-f", b"new", mode=0o600), needs=("below",)),
        change("file removed", Remove(path="/etc/old", base=before["old"])),
        change("directory removed", Remove(path="/etc/empty", base=before["empty"])),
        change("link removed", Remove(path="/etc/link", base=before["link"])),
        change("mode", SetMode(path="/etc/mode", base=before["mode"], mode=0o644)),
        change("two", machine.write("/srv/two", b"2"), SetMode(path="/srv/two", base=MISSING, mode=0o440)),
    )

    assert set(statuses(found).values()) == {Status.DONE}, found
    assert oct(machine.at("/srv/a").stat().st_mode) == "0o40750"
    assert oct(machine.at("/srv/a/b c").stat().st_mode) == "0o42711"
    assert machine.at("/srv/a/b c/-f").read_bytes() == b"new"
    assert not any(os.path.lexists(machine.at(f"/etc/{name}")) for name in ("old", "empty", "link"))
    assert oct(machine.at("/etc/mode").stat().st_mode) == "0o100644"
    assert oct(machine.at("/srv/two").stat().st_mode) == "0o100440"


def test_modes_of_existing_files_stay_unless_declared(machine: Machine) -> None:
    modes = (0o600, 0o640, 0o444, 0o755, 0o4755, 0o2755)
    for mode in modes:
        machine.file(f"/etc/keep{mode:o}", b"old", mode)
        machine.file(f"/etc/set{mode:o}", b"old", mode)

    found = machine.apply(
        *(change(f"keep {mode:o}", machine.write(f"/etc/keep{mode:o}", b"new")) for mode in modes),
        *(change(f"set {mode:o}", machine.write(f"/etc/set{mode:o}", b"new", mode=0o604)) for mode in modes),
    )

    assert set(statuses(found).values()) == {Status.DONE}, found
    for mode in modes:
        assert stat.S_IMODE(machine.at(f"/etc/keep{mode:o}").stat().st_mode) == mode
        assert stat.S_IMODE(machine.at(f"/etc/set{mode:o}").stat().st_mode) == 0o604


def test_the_mode_of_a_directory_is_exact_whatever_its_parent_hands_down(machine: Machine) -> None:
    machine.at("/srv/team").mkdir()
    machine.at("/srv/team").chmod(0o2755)
    machine.at("/srv/old").mkdir()
    machine.at("/srv/old").chmod(0o2750)

    found = machine.apply(
        change("made", MakeDirectory(path="/srv/team/made", mode=0o755)),
        change("set", SetMode(path="/srv/old", base=machine.base("/srv/old"), mode=0o700)),
    )

    assert set(statuses(found).values()) == {Status.DONE}, found
    assert oct(machine.at("/srv/team/made").stat().st_mode) == "0o40755"
    assert oct(machine.at("/srv/old").stat().st_mode) == "0o40700"


def test_a_file_that_changed_is_seen_to_be_newer(machine: Machine) -> None:
    place = machine.file("/etc/a", b"old")
    os.utime(place, (1, 1))

    machine.apply(change("a", machine.write("/etc/a", b"new")))

    assert place.read_bytes() == b"new"
    assert place.stat().st_mtime > 1_000_000_000


@as_root
def test_owners_stay_or_become_what_the_root_s_own_passwd_says(machine: Machine) -> None:
    machine.file("/etc/kept", b"old", 0o6755, owner=4000)
    machine.file("/etc/given", b"old", 0o600, owner=4000)
    machine.file("/etc/mode", b"kept", 0o4755, owner=4000)
    mode_base = machine.base("/etc/mode")

    found = machine.apply(
        change("kept", machine.write("/etc/kept", b"new")),
        change("given", machine.write("/etc/given", b"new", owner="alice")),
        change("new", machine.write("/etc/new", b"new", owner="alice", group="developers", mode=0o4750)),
        change("number", machine.write("/etc/number", b"new", owner="77", group="78")),
        change("stranger", machine.write("/etc/stranger", b"new", owner="nobody-here")),
        change("directory", MakeDirectory(path="/srv/theirs", owner="alice", group="developers", mode=0o2770)),
        change("mode", SetMode(path="/etc/mode", base=mode_base, owner="alice", group="alice")),
    )

    places = ("etc/kept", "etc/given", "etc/new", "etc/number", "srv/theirs", "etc/mode")
    found_there = {name: machine.at(name).stat() for name in places}
    assert {name: (seen.st_uid, seen.st_gid, oct(seen.st_mode)) for name, seen in found_there.items()} == {
        "etc/kept": (4000, 4000, "0o106755"),
        "etc/given": (ALICE, 4000, "0o100600"),
        "etc/new": (ALICE, 4321, "0o104750"),
        "etc/number": (77, 78, "0o100644"),
        "srv/theirs": (ALICE, 4321, "0o42770"),
        "etc/mode": (ALICE, ALICE, "0o104755"),
    }
    assert found["stranger"] == Outcome(
        status=Status.FAILED, message="cannot write /etc/stranger: there is no user nobody-here in its /etc/passwd"
    )
    assert {name for name, outcome in found.items() if outcome.status is not Status.DONE} == {"stranger"}
    assert machine.leftovers() == []


def access_list(user: int, rights: int) -> bytes:
    """system.posix_acl_access: owner rw, `user` with `rights`, group r, mask the same, others none."""
    nobody = 0xFFFFFFFF
    entries = [
        (0x01, 6, nobody),
        (0x02, rights, user),
        (0x04, 4, nobody),
        (0x10, rights | 4, nobody),
        (0x20, 0, nobody),
    ]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def test_access_lists_and_attributes_stay(one_machine: Machine) -> None:
    place = one_machine.file("/etc/listed", b"old", 0o640)
    try:
        os.setxattr(place, "system.posix_acl_access", access_list(ALICE, 6))
        os.setxattr(place, "user.note", b"mine")
    except OSError as error:
        pytest.skip(f"this file system keeps no access lists or attributes: {error}")
    before = os.getxattr(place, "system.posix_acl_access")

    found = one_machine.apply(change("a", one_machine.write("/etc/listed", b"new")))

    assert statuses(found) == {"a": Status.DONE}, found
    assert place.read_bytes() == b"new"
    assert os.getxattr(place, "system.posix_acl_access") == before
    assert os.getxattr(place, "user.note") == b"mine"


def test_a_default_access_list_does_not_open_a_private_file(one_machine: Machine) -> None:
    default = access_list(ALICE, 7)[:-8] + struct.pack("<HHI", 0x20, 5, 0xFFFFFFFF)  # and others may read
    try:
        os.setxattr(one_machine.at("/srv"), "system.posix_acl_default", default)
    except OSError as error:
        pytest.skip(f"this file system keeps no access lists: {error}")

    one_machine.apply(change("a", one_machine.write("/srv/private", b"secret", mode=0o600)))

    assert oct(one_machine.at("/srv/private").stat().st_mode) == "0o100600"


def test_what_was_replaced_may_have_been_a_link_or_a_file(machine: Machine) -> None:
    machine.file("/srv/behind/data", b"behind the link")
    machine.at("/etc/link").symlink_to("../srv/behind/data")
    machine.file("/etc/file", b"old")
    for name in ("to directory", "to directory too"):
        machine.at(f"/etc/{name}").symlink_to("../srv/behind")
    bases = {name: machine.base(f"/etc/{name}") for name in ("link", "file", "to directory", "to directory too")}

    found = machine.apply(
        change("file for a link", WriteFile(path="/etc/link", content=b"own", base=bases["link"])),
        change("link for a file", MakeLink(path="/etc/file", target="link", base=bases["file"])),
        change("file for a folder", WriteFile(path="/etc/to directory", content=b"own", base=bases["to directory"])),
        change("other link", MakeLink(path="/etc/to directory too", target="link", base=bases["to directory too"])),
    )

    assert set(statuses(found).values()) == {Status.DONE}, found
    assert [place.name for place in machine.at("/srv/behind").iterdir()] == ["data"]
    assert machine.at("/srv/behind/data").read_bytes() == b"behind the link"
    assert machine.at("/etc/link").read_bytes() == machine.at("/etc/to directory").read_bytes() == b"own"
    assert str(machine.at("/etc/file").readlink()) == str(machine.at("/etc/to directory too").readlink()) == "link"


def test_a_directory_can_take_the_place_of_a_link_and_be_filled(machine: Machine) -> None:
    machine.at("/srv/tools").symlink_to("elsewhere")
    steps = (
        change(
            "directory", Remove(path="/srv/tools", base=machine.base("/srv/tools")), MakeDirectory(path="/srv/tools")
        ),
        change("file", WriteFile(path="/srv/tools/go", content=b"go", base=MISSING), needs=("directory",)),
        change("link", MakeLink(path="/srv/tools/gofmt", target="go", base=MISSING), needs=("directory",)),
    )

    assert set(statuses(machine.apply(*steps)).values()) == {Status.DONE}
    assert machine.at("/srv/tools/gofmt").read_bytes() == b"go"
    assert set(statuses(machine.apply(*steps)).values()) == {Status.DONE}, "the same plan once more"


# ---- what is refused


def test_what_moved_since_the_plan_is_refused_by_name_and_the_rest_goes_on(machine: Machine) -> None:
    for name in ("content", "mode", "gone", "fine"):
        machine.file(f"/etc/{name}", b"old")
    machine.at("/etc/link").symlink_to("one")
    planned = [
        *(change(name, machine.write(f"/etc/{name}", b"new")) for name in ("content", "mode", "gone", "new", "fine")),
        change("link", MakeLink(path="/etc/link", target="two", base=machine.base("/etc/link"))),
        change("reached", machine.write("/etc/reached", b"same")),
        change("behind", machine.write("/etc/behind", b"x"), needs=("content", "fine")),
        change("further behind", machine.write("/etc/further", b"x"), needs=("behind",)),
    ]
    machine.file("/etc/content", b"someone's")
    machine.at("/etc/mode").chmod(0o600)
    machine.at("/etc/gone").unlink()
    machine.file("/etc/new", b"someone's")
    machine.at("/etc/link").unlink()
    machine.at("/etc/link").symlink_to("three")
    machine.file("/etc/reached", b"same")

    found = machine.apply(*planned)

    assert found["content"].message == "moved since the plan: /etc/content (its content is another)"
    assert found["mode"].message.startswith("moved since the plan: /etc/mode (its mode and owner are 600 ")
    assert found["gone"].message == "moved since the plan: /etc/gone (it is gone)"
    assert found["new"].message == "moved since the plan: /etc/new (a file is there now)"
    assert found["link"].message == "moved since the plan: /etc/link (it leads to three now)"
    assert found["behind"] == Outcome(status=Status.SKIPPED, message="because thing content was refused")
    assert found["further behind"] == Outcome(status=Status.SKIPPED, message="because thing behind was skipped")
    refused = {name for name, outcome in found.items() if outcome.status is Status.REFUSED}
    assert refused == {"content", "mode", "gone", "new", "link"}
    assert statuses(found)["fine"] is statuses(found)["reached"] is Status.DONE
    assert machine.at("/etc/content").read_bytes() == machine.at("/etc/new").read_bytes() == b"someone's"
    assert not machine.at("/etc/gone").exists() and not machine.at("/etc/behind").exists()


@as_root
def test_an_owner_that_moved_is_refused_also_by_name(one_machine: Machine) -> None:
    one_machine.file("/etc/a", b"old", owner=ALICE)
    planned = WriteFile(path="/etc/a", content=b"new", base=Base(type=PathType.FILE, owner="alice", group="alice"))
    assert statuses(one_machine.apply(change("a", planned))) == {"a": Status.DONE}
    one_machine.file("/etc/a", b"old", owner=4000)

    assert "its mode and owner are 644 4000:4000 now" in one_machine.apply(change("a", planned))["a"].message


def put_full_directory(place: Path) -> None:
    place.mkdir()
    (place / "inside").touch()


def put_device(place: Path) -> None:
    """/dev/zero, which never ends; without root a socket."""
    if IS_ROOT:
        os.mknod(place, stat.S_IFCHR | 0o666, os.makedev(1, 5))
    else:
        os.mknod(place, stat.S_IFSOCK | 0o666)


OBSTACLES: Mapping[str, Callable[[Path], object]] = {
    "directory": Path.mkdir,
    "fifo": os.mkfifo,
    "device": put_device,
    "dangling link": lambda place: place.symlink_to("nowhere"),
    "looping link": lambda place: place.symlink_to(place.name),
    "link to a secret": lambda place: place.symlink_to("/etc/shadow"),
}


def test_what_stands_in_the_way_is_refused_and_never_opened(machine: Machine) -> None:
    file = Base(type=PathType.FILE, digest="0" * 64)
    planned = []
    for number, (obstacle, put) in enumerate(OBSTACLES.items()):
        for name in ("write", "over", "link", "directory", "remove", "mode"):
            put(machine.at(f"/srv/{name}{number}"))
        planned += [
            change(f"write {obstacle}", WriteFile(path=f"/srv/write{number}", content=b"x", base=MISSING)),
            change(f"over {obstacle}", WriteFile(path=f"/srv/over{number}", content=b"x", base=file)),
            change(f"link {obstacle}", MakeLink(path=f"/srv/link{number}", target="x", base=MISSING)),
            change(f"make {obstacle}", MakeDirectory(path=f"/srv/directory{number}")),
            change(f"remove {obstacle}", Remove(path=f"/srv/remove{number}", base=file)),
            change(f"mode {obstacle}", SetMode(path=f"/srv/mode{number}", base=file, mode=0o600)),
        ]
    before = machine.tree()

    found = machine.apply(*planned)

    assert {name for name, outcome in found.items() if outcome.status is not Status.REFUSED} == {"make directory"}
    assert machine.tree() == before


@pytest.mark.parametrize("obstacle", ["directory", "fifo"])
def test_nothing_takes_the_place_of_what_cannot_be_replaced(obstacle: str, one_machine: Machine) -> None:
    OBSTACLES[obstacle](one_machine.at("/srv/x"))
    planned = Base(type=PathType(obstacle))

    found = one_machine.apply(
        change("write", WriteFile(path="/srv/x", content=b"x", base=planned)),
        change("link", MakeLink(path="/srv/x", target="x", base=planned)),
    )

    assert {outcome.message for outcome in found.values()} == {f"/srv/x is a {obstacle}: nothing is put in its place"}


def test_a_directory_that_is_not_empty_stays(machine: Machine) -> None:
    put_full_directory(machine.at("/srv/full"))

    found = machine.apply(change("a", Remove(path="/srv/full", base=machine.base("/srv/full"))))

    assert found["a"] == Outcome(status=Status.FAILED, message="cannot remove /srv/full: Directory not empty")
    assert machine.at("/srv/full/inside").exists()


def test_the_mode_of_a_link_is_not_set(one_machine: Machine) -> None:
    one_machine.file("/srv/behind", b"x", 0o600)
    one_machine.at("/srv/link").symlink_to("behind")

    found = one_machine.apply(change("a", SetMode(path="/srv/link", base=one_machine.base("/srv/link"), mode=0o666)))

    assert found["a"] == Outcome(status=Status.REFUSED, message="/srv/link is a link: it has no mode of its own")
    assert oct(one_machine.at("/srv/behind").stat().st_mode) == "0o100600"


@as_root
def test_root_stays_out_of_what_others_can_change(machine: Machine) -> None:
    machine.file("/home/alice/.config/go/env", b"hers")
    for folder, mode in (("shared", 0o777), ("team", 0o775)):
        machine.at(f"/srv/{folder}").mkdir()
        machine.at(f"/srv/{folder}").chmod(mode)
    machine.at("/srv/trusted").mkdir()
    machine.file("/srv/victim/data", b"root's own")
    planned = [
        change("home", machine.write("/home/alice/.config/go/env", b"root's")),
        change("everyone", machine.write("/srv/shared/x", b"x")),
        change("group", MakeDirectory(path="/srv/team/x")),
        change("swapped", Remove(path="/srv/swapped/data", base=Base(type=PathType.FILE))),
        change("theirs", MakeDirectory(path="/srv/theirs", owner="alice")),
        change("in theirs", machine.write("/srv/theirs/x", b"x"), needs=("theirs",)),
        change("fine", machine.write("/srv/trusted/x", b"x")),
    ]
    machine.at("/srv/swapped").symlink_to("victim")
    kept_out_of = [machine.at(path) for path in ("/home/alice/.config/go", "/srv/shared", "/srv/team", "/srv/victim")]
    before = [place.stat().st_mtime_ns for place in kept_out_of]

    found = machine.apply(*planned)

    assert [place.stat().st_mtime_ns for place in kept_out_of] == before, "nothing came and went there"

    keep_out = "root keeps out of it"
    assert {name: outcome.message for name, outcome in found.items() if outcome.status is Status.REFUSED} == {
        "home": f"/home/alice can be written by the user number {ALICE}: declare it under user:",
        "everyone": f"/srv/shared can be written by everyone: {keep_out}",
        "group": f"/srv/team can be written by its group root: {keep_out}",
        "swapped": "/srv/swapped is a link now",
        "in theirs": f"/srv/theirs can be written by the user number {ALICE}: declare it under user:",
    }
    assert statuses(found)["fine"] is statuses(found)["theirs"] is Status.DONE
    assert machine.at("/home/alice/.config/go/env").read_bytes() == b"hers"
    assert machine.at("/srv/victim/data").exists()


@as_root
def test_a_state_folder_that_others_can_change_is_not_used(one_machine: Machine) -> None:
    one_machine.at("/var/lib").chmod(0o777)

    found = one_machine.apply(change("a", one_machine.write("/etc/a", b"x")))

    assert found["a"].status is Status.NOT_TRIED
    assert found["a"].message.startswith("no state folder can be had: /var/lib can be written by everyone")
    assert not one_machine.at("/etc/a").exists()
    assert one_machine.leftovers() == []


# ---- faults


@as_root
def test_a_read_only_file_system_fails_the_change_with_the_system_s_reason(machine: Machine) -> None:
    machine.file("/etc/a", b"old")
    machine.wrap = in_namespace('mount --bind "$1" "$1"; mount -o remount,bind,ro "$1"', machine.at("/etc"))
    before = machine.tree()

    found = machine.apply(
        change("write", machine.write("/etc/a", b"new")),
        change("new", machine.write("/etc/new", b"new")),
        change("link", MakeLink(path="/etc/link", target="x", base=MISSING)),
        change("directory", MakeDirectory(path="/etc/d")),
        change("remove", Remove(path="/etc/group", base=machine.base("/etc/group"))),
        change("mode", SetMode(path="/etc/group", base=machine.base("/etc/group"), mode=0o600)),
        change("behind", machine.write("/srv/behind", b"x"), needs=("write",)),
        change("elsewhere", machine.write("/srv/x", b"x")),
    )

    assert {name: outcome.message for name, outcome in found.items() if outcome.status is Status.FAILED} == {
        "write": "cannot write /etc/a: Read-only file system",
        "new": "cannot write /etc/new: Read-only file system",
        "link": "cannot write /etc/link: Read-only file system",
        "directory": "cannot make /etc/d: Read-only file system",
        "remove": "cannot remove /etc/group: Read-only file system",
        "mode": "cannot set the mode or owner of /etc/group: Read-only file system",
    }
    assert found["behind"] == Outcome(status=Status.SKIPPED, message="because thing write failed")
    assert statuses(found)["elsewhere"] is Status.DONE
    machine.at("/srv/x").unlink()
    assert machine.tree() == before


@as_root
def test_a_file_that_is_a_mount_point_is_written_in_place(one_machine: Machine) -> None:
    one_machine.file("/etc/resolv.conf", b"old")
    one_machine.wrap = in_namespace('mount --bind "$1" "$1"', one_machine.at("/etc/resolv.conf"))

    found = one_machine.apply(change("a", one_machine.write("/etc/resolv.conf", b"new")))

    assert found["a"].status is Status.DONE
    assert one_machine.at("/etc/resolv.conf").read_bytes() == b"new"
    assert one_machine.leftovers() == []


@as_root
def test_a_full_disk_leaves_the_old_file_and_no_rest_of_the_new(machine: Machine, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    machine.file("/srv/full/large", b"old large")
    machine.file("/srv/full/small", b"old small")
    fill = 'cp -a "$1" "$2"; mount -t tmpfs -o size=64k,mode=755 none "$1"; cp -a "$2/." "$1"; keep1=$1 keep2=$2'
    # After the script: what is on the small disk goes where the test can see it.
    after = ("/bin/sh", "-c", '"$@"; code=$?; rm -r "$0"; cp -a "$OLDROOT" "$0"; exit $code', str(copy))
    machine.wrap = (
        *in_namespace(fill, machine.at("/srv/full"), copy),
        "/usr/bin/env",
        f"OLDROOT={machine.at('/srv/full')}",
        *after,
    )
    machine.shell = Shell(machine.shell.argv, f"{machine.shell.path}:/bin")
    planned = [
        change("large", machine.write("/srv/full/large", b"x" * 200_000)),
        change("behind", machine.write("/srv/full/behind", b"x"), needs=("large",)),
        change("small", machine.write("/srv/full/small", b"new small")),
    ]

    found = machine.apply(*planned)

    assert found["large"] == Outcome(
        status=Status.FAILED, message="cannot write /srv/full/large: No space left on device"
    )
    assert statuses(found) == {"large": Status.FAILED, "behind": Status.SKIPPED, "small": Status.DONE}
    assert {place.name: place.read_bytes() for place in copy.iterdir()} == {
        "large": b"old large",
        "small": b"new small",
    }


@as_root
def test_a_full_state_folder_means_that_nothing_happens(one_machine: Machine) -> None:
    one_machine.at("/var/lib/reconcile").mkdir(mode=0o711)
    one_machine.wrap = in_namespace(
        'mount -t tmpfs -o size=16k,mode=711 none "$1"', one_machine.at("/var/lib/reconcile")
    )
    before = one_machine.tree()

    found = one_machine.apply(change("a", one_machine.write("/etc/a", b"x" * 100_000)))

    assert found["a"].status is Status.NOT_TRIED
    assert found["a"].message.startswith("the input could not be unpacked: ")
    assert one_machine.tree() == before


def test_an_input_cut_anywhere_changes_nothing(machine: Machine) -> None:
    planned = (change("a", machine.write("/etc/a", b"A" * 600)), change("b", MakeDirectory(path="/srv/b")))
    parts = parts_of([Batch(target=DISTRO, changes=planned)])
    sent = sent_whole(parts, str(machine.root))
    last = sent.rindex(b"manifest\0") + 512
    before = machine.tree()
    for length in (0, 5, 16, 40, 90, 150, 300, 800, 1024, 1700, 2600, last - 700, last, last + 100):
        found = read(parts, machine.told(sent[:length])).outcomes
        assert set(statuses(found).values()) <= {Status.NOT_TRIED, Status.UNKNOWN}, length
        assert machine.tree() == before, length
        assert machine.leftovers() == [], length


def test_an_input_changed_anywhere_changes_nothing_or_all_as_planned(one_machine: Machine) -> None:
    machine = one_machine
    parts = parts_of([Batch(target=DISTRO, changes=(change("a", machine.write("/etc/a", b"A" * 600)),))])
    sent = sent_whole(parts, str(machine.root))
    before = machine.tree()
    refused = 0
    lines_before = sent.split(b"\n", 4)[:4]
    within_each = [sum(len(line) + 1 for line in lines_before[:number]) + 2 for number in range(4)]
    for position in (*within_each, *range(len(b"\n".join(lines_before)) + 1, len(sent), len(sent) // 60)):
        hurt = sent[:position] + bytes([sent[position] ^ 0x41]) + sent[position + 1 :]
        found = read(parts, machine.told(hurt)).outcomes
        if found["a"].status is Status.DONE:  # it was the padding of the archive
            assert machine.at("/etc/a").read_bytes() == b"A" * 600
            machine.at("/etc/a").unlink()
        else:
            refused += 1
            assert found["a"].status in (Status.NOT_TRIED, Status.UNKNOWN)
        assert machine.tree() == before, position
        assert machine.leftovers() == [], position
    assert refused > 10


def test_an_archive_that_agrees_with_itself_only_changes_nothing(one_machine: Machine) -> None:
    """Another content under a manifest that says so, but not what the lines in front of it announce."""
    parts = parts_of([Batch(target=DISTRO, changes=(change("a", one_machine.write("/etc/a", b"A" * 600)),))])
    sent = sent_whole(parts, str(one_machine.root))
    start = sent.index(b"change 1\n")
    tasks = sent[start : sent.index(b"\0", start)]
    hurt = sent.replace(b"A" * 600, b"B" * 600)
    for old in (b"A" * 600, tasks):
        new = old.replace(b"A" * 600, b"B" * 600).replace(digest(b"A" * 600), digest(b"B" * 600))
        hurt = hurt.replace(old, new).replace(digest(old), digest(new))
    assert len(hurt) == len(sent)
    before = one_machine.tree()

    found = read(parts, one_machine.told(hurt)).outcomes

    assert found["a"] == Outcome(status=Status.NOT_TRIED, message="the input did not arrive as it was sent")
    assert one_machine.tree() == before


@as_root
def test_a_user_s_archive_that_agrees_with_itself_only_changes_nothing(one_machine: Machine) -> None:
    """Its manifest is not the one that the input's own part says."""
    task = one_machine.write("/home/alice/a", b"A" * 600)
    parts = parts_of([Batch(target=Target("lt", "main", "alice"), user="alice", changes=(change("a", task),))])
    sent = sent_whole(parts, str(one_machine.root))
    start = sent.index(b"change 1\n")
    tasks = sent[start : sent.index(b"\0", start)]
    begin = sent.index(b"  head\n") - 64
    manifest = sent[begin : sent.index(b"\0", begin)]
    hurt = sent.replace(b"A" * 600, b"B" * 600)
    for old in (b"A" * 600, tasks):
        new = old.replace(b"A" * 600, b"B" * 600).replace(digest(b"A" * 600), digest(b"B" * 600))
        hurt = hurt.replace(old, new).replace(digest(old), digest(new))
    new_manifest = hurt[begin : begin + len(manifest)]
    assert new_manifest != manifest and hurt.count(digest(manifest)) == 2
    last = hurt.rindex(digest(manifest))
    hurt = hurt[:last] + digest(new_manifest) + hurt[last + 64 :]
    before = one_machine.tree()

    found = read(parts, one_machine.told(hurt)).outcomes

    assert found["a"] == Outcome(status=Status.NOT_TRIED, message="the input did not arrive as it was sent")
    assert one_machine.tree() == before


def digest(data: bytes) -> bytes:
    return hashlib.sha256(data).hexdigest().encode()


SHIMS = {
    "cp that loses bytes": ("cp", 'real "$@"; case $last in *.reconcile.*) printf x >"$last" ;; esac'),
    "chmod that does nothing": ("chmod", ":"),
    "ln that loses bytes": ("ln", 'real "$@"; printf x >"$last"'),
    "perl that loses bytes": ("perl", 'real "$@"; case $last in */etc/*) printf x >"$last" ;; esac'),
}


@pytest.mark.parametrize("shim", SHIMS)
def test_what_does_not_read_back_is_a_failure(shim: str, one_machine: Machine, tmp_path: Path) -> None:
    machine = one_machine
    tool, script = SHIMS[shim]
    with_shim(machine, tmp_path / "shims", tool, script)
    machine.file("/etc/old", b"old", 0o600)

    found = machine.apply(
        change("new", machine.write("/etc/new", b"content", mode=0o640)),
        change("old", machine.write("/etc/old", b"content", mode=0o640)),
    )

    hit = {"ln": {"new"}, "perl": {"old"}}.get(tool, {"new", "old"})
    assert {name for name, status in statuses(found).items() if status is Status.FAILED} == hit, found
    if tool not in ("ln", "perl"):
        assert machine.at("/etc/old").read_bytes() == b"old" and not machine.at("/etc/new").exists()
    assert machine.leftovers() == []


DISK_ERROR = "echo \"sync: error syncing 'x': Input/output error\" >&2; exit 1"


@pytest.mark.parametrize(("what", "pattern"), [("file", "*.reconcile.*.1"), ("directory", "*/etc/")])
def test_what_cannot_be_made_durable_is_a_failure(
    what: str, pattern: str, one_machine: Machine, tmp_path: Path
) -> None:
    machine = one_machine
    with_shim(
        machine, tmp_path / "shims", "sync", f'for one do case $one in {pattern}) {DISK_ERROR} ;; esac; done; real "$@"'
    )
    machine.file("/etc/a", b"old")

    found = machine.apply(change("a", machine.write("/etc/a", b"new")), change("b", machine.write("/srv/b", b"new")))

    assert found["a"] == Outcome(status=Status.FAILED, message="cannot make /etc/a durable: Input/output error")
    assert found["b"].status is Status.DONE
    assert machine.at("/etc/a").read_bytes() == (b"old" if what == "file" else b"new")
    assert machine.leftovers() == []


def test_what_cannot_be_looked_at_in_one_go_is_looked_at_one_by_one(one_machine: Machine, tmp_path: Path) -> None:
    machine = one_machine
    with_shim(machine, tmp_path / "shims", "stat", '[ $# -le 4 ] && real "$@"')
    with_shim(machine, tmp_path / "shims", "sha256sum", 'case $#:$1 in 0:* | 2:*) real "$@" ;; *) exit 1 ;; esac')
    for name in ("a", "b", "c"):
        machine.file(f"/etc/{name}", b"old")
    planned = [change(name, machine.write(f"/etc/{name}", b"new")) for name in ("a", "b", "c")]
    machine.at("/etc/b").write_bytes(b"moved")

    assert statuses(machine.apply(*planned)) == {"a": Status.DONE, "b": Status.REFUSED, "c": Status.DONE}


def test_what_stands_where_a_file_is_staged_is_left_alone(one_machine: Machine) -> None:
    """As if somebody could guess the nonce."""
    part = Part(
        number=0, user=None, changes={1: change("a", one_machine.write("/etc/a", b"A"))}, records=(), nonce="guessed"
    )
    one_machine.file("/srv/victim", b"kept")
    one_machine.at("/etc/.reconcile.guessed.1").symlink_to("../srv/victim")

    found = read([part], one_machine.told(sent_whole([part], str(one_machine.root)))).outcomes

    assert found["a"].status is Status.FAILED
    assert one_machine.at("/srv/victim").read_bytes() == b"kept" and not one_machine.at("/etc/a").exists()
    assert one_machine.at("/etc/.reconcile.guessed.1").is_symlink()


def test_the_stages_of_dead_runs_go(machine: Machine) -> None:
    state = machine.at("/var/lib/reconcile")
    state.mkdir(mode=0o711)
    state.chmod(0o711)
    life = Path("/proc/1/stat").read_text().rpartition(") ")[2].split()[19]
    for name in (f"stage.999999999.5.{life}.ab", f"stage.{os.getpid()}.1.{life}.ab"):
        (state / name).mkdir()
        (state / name / "secret").write_text("x")

    machine.apply(change("a", machine.write("/etc/a", b"x")))

    assert not [place.name for place in state.iterdir() if place.name.startswith("stage.")]


# ---- users


@as_root
def test_a_user_s_part_has_that_user_s_rights_and_nothing_of_root(machine: Machine) -> None:
    machine.file("/home/alice/.profile", b"old", 0o640, owner=ALICE)
    machine.file("/home/alice/root's", b"old")
    machine.file("/etc/private", b"root's", 0o600)
    gone = WriteFile(path="/etc/b", content=b"", base=Base(type=PathType.FILE))
    planned = (
        Batch(target=DISTRO, changes=(change("distro", machine.write("/etc/a", b"x")), change("bad", gone))),
        Batch(
            target=Target("lt", "main", "alice"),
            user="alice",
            changes=(
                change("profile", machine.write("/home/alice/.profile", b"new")),
                change("folder", MakeDirectory(path="/home/alice/.config", mode=0o700), needs=("distro",)),
                change(
                    "file", WriteFile(path="/home/alice/.config/x", content=b"\0\n", base=MISSING), needs=("folder",)
                ),
                change("root's", machine.write("/home/alice/root's", b"new")),
                change("etc", machine.write("/etc/c", b"x")),
                change("private", Remove(path="/etc/private", base=Base(type=PathType.FILE))),
                change("skipped", machine.write("/home/alice/y", b""), needs=("bad",)),
            ),
        ),
        Batch(
            target=Target("lt", "main", "bob"), user="bob", changes=(change("bob", machine.write("/home/bob", b"")),)
        ),
        Batch(
            target=Target("lt", "main", "toor"), user="toor", changes=(change("toor", machine.write("/root/x", b"")),)
        ),
    )
    machine.shell = with_setpriv(machine.shell, machine.root.parent)

    found = machine.apply_batches(*planned)

    assert found["root's"].status is Status.FAILED
    assert found["root's"].message.startswith("cannot write /home/alice/root's: it"), "it would not be root's any more"
    assert machine.at("/home/alice/root's").read_bytes() == b"old"
    assert found["etc"] == Outcome(status=Status.REFUSED, message="cannot write /etc/c: Permission denied")
    assert found["private"] == Outcome(status=Status.REFUSED, message="cannot remove /etc/private: Permission denied")
    assert found["skipped"] == Outcome(status=Status.SKIPPED, message="because thing bad was refused")
    assert found["bob"] == Outcome(status=Status.NOT_TRIED, message="there is no user bob here")
    assert found["toor"] == Outcome(status=Status.NOT_TRIED, message="toor is root: declare it under distro:")
    assert {name for name, outcome in found.items() if outcome.status is Status.DONE} == {
        "distro",
        "profile",
        "folder",
        "file",
    }
    for name in (".profile", ".config", ".config/x", ".local/state/reconcile"):
        assert machine.at(f"/home/alice/{name}").stat().st_uid == ALICE, name
    assert oct(machine.at("/home/alice/.profile").stat().st_mode) == "0o100640"
    assert oct(machine.at("/home/alice/.local/state/reconcile").stat().st_mode) == "0o40700"
    assert oct(machine.at("/var/lib/reconcile").stat().st_mode) == "0o40711"
    assert machine.leftovers() == []


@as_root
@pytest.mark.parametrize("door", ["setpriv", "runuser", "su"])
def test_each_door_to_a_user_leads_to_that_user(door: str, tmp_path: Path, applets: Path) -> None:
    machine = live(tmp_path / "root", shell_named("busybox", applets))
    machine.shell = Shell(machine.shell.argv, f"{only(door, tmp_path)}:{applets}")
    planned = (change("a", machine.write("/home/alice/x", b"x")), change("b", machine.write("/home/x", b"")))

    found = machine.apply_batches(Batch(target=DISTRO, user="alice", changes=planned))

    assert statuses(found) == {"a": Status.DONE, "b": Status.REFUSED}, found
    assert machine.at("/home/alice/x").stat().st_uid == ALICE


@as_root
def test_a_door_that_does_not_change_the_rights_leads_nowhere(tmp_path: Path, dash: Shell) -> None:
    machine = live(tmp_path / "root", dash)
    shim = tmp_path / "shim/setpriv"
    shim.parent.mkdir()
    shim.write_text('#!/bin/sh\nuntil [ "$1" = env ] || [ "$1" = true ]; do shift; done\nexec "$@"\n')
    shim.chmod(0o755)
    machine.shell = Shell(dash.argv, f"{shim.parent}:{dash.path}")
    planned = change("a", machine.write("/home/alice/x", b"x"))

    found = machine.apply_batches(Batch(target=DISTRO, user="alice", changes=(planned,)))

    assert found["a"] == Outcome(status=Status.NOT_TRIED, message=f"this runs as the user number 0 instead of {ALICE}")


@as_root
def test_a_user_s_programs_gain_no_rights_and_have_no_terminal(tmp_path: Path, dash: Shell) -> None:
    machine = live(tmp_path / "root", dash)
    ask = "grep NoNewPrivs /proc/self/status >/home/alice/rights; if (: </dev/tty) 2>/dev/null; then touch /home/alice/terminal; fi"
    planned = Batch(target=DISTRO, user="alice", changes=(change("ask", RunCommand(argv=("sh", "-c", ask))),))
    master, slave = os.openpty()
    process, read = started(machine, planned, before=lambda: fcntl.ioctl(slave, termios.TIOCSCTTY))
    stdout, _ = process.communicate(timeout=20)
    os.close(master)
    os.close(slave)

    assert statuses(read(stdout)) == {"ask": Status.DONE}
    assert machine.at("/home/alice/rights").read_text().split() == ["NoNewPrivs:", "1"]
    assert not machine.at("/home/alice/terminal").exists()


@as_root
def test_without_a_door_to_a_user_the_part_is_not_tried(tmp_path: Path, applets: Path) -> None:
    machine = live(tmp_path / "root", shell_named("busybox", applets))

    planned = change("a", machine.write("/home/alice/x", b"x"))
    found = machine.apply_batches(Batch(target=DISTRO, user="alice", changes=(planned,)))

    assert found["a"] == Outcome(status=Status.NOT_TRIED, message="setpriv, runuser or su is needed to act for alice")


@as_root
def test_nobody_acts_for_others_without_root(tmp_path: Path, dash: Shell) -> None:
    machine = live(tmp_path / "root", dash)
    machine.wrap += ("/usr/bin/setpriv", "--reuid", str(ALICE), "--regid", str(ALICE), "--clear-groups")
    machine.environment["HOME"] = "/home/alice"

    found = machine.apply_batches(
        Batch(target=DISTRO, changes=(change("self", WriteFile(path="/home/alice/x", content=b"x", base=MISSING)),)),
        Batch(target=DISTRO, user="root", changes=()),
        Batch(target=DISTRO, user="daemon", changes=(change("other", machine.write("/home/x", b"")),)),
    )

    assert found["self"].status is Status.DONE
    assert found["other"].status is Status.NOT_TRIED
    assert machine.at("/home/alice/.local/state/reconcile").stat().st_uid == ALICE


@pytest.mark.skipif(IS_ROOT, reason="is about a plain user")
def test_a_root_file_system_of_one_s_own_needs_no_root(machine: Machine) -> None:
    hers = change("hers", machine.write("/home/alice/x", b"x"))

    found = machine.apply_batches(
        Batch(target=DISTRO, changes=(change("distro", machine.write("/etc/a", b"x")),)),
        Batch(target=DISTRO, user="alice", changes=(hers,)),
    )

    assert statuses(found) == {"distro": Status.DONE, "hers": Status.DONE}
    assert machine.at("/home/alice/.local/state/reconcile").is_dir()


# ---- effects


def record(item: str) -> EffectRecord:
    return EffectRecord(
        address=str(Address(DISTRO, "files", item)),
        effect=Effect.TERMINATE,
        digest="d",
        boot="b",
        init_started=1,
        started=2,
    )


def began(pid: str) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[19])


@as_root
def test_what_takes_effect_later_is_noted_for_each_identity(live_machine: Machine) -> None:
    machine = live_machine
    machine.file("/var/lib/reconcile/effects.json", b"[]")
    machine.at("/var/lib/reconcile").chmod(0o711)
    old = WriteFile(path="/home/refused", content=b"", base=Base(type=PathType.FILE))
    before = began("self")

    found = machine.apply_batches(
        Batch(
            target=DISTRO,
            changes=(
                change("anew", machine.write("/home/anew", b"x"), effect=Effect.REBOOT),
                change("at once", machine.write("/home/now", b"x")),
                change("refused", old, effect=Effect.NEW_SESSION),
            ),
            records=(record("other"), record("anew"), record("at once"), record("refused")),
        ),
        Batch(
            target=DISTRO,
            user="alice",
            changes=(change("hers", machine.write("/home/alice/x", b"x"), effect=Effect.EDITOR_RELOAD),),
        ),
    )

    assert statuses(found) == {
        "anew": Status.DONE,
        "at once": Status.DONE,
        "refused": Status.REFUSED,
        "hers": Status.DONE,
    }
    file = machine.at("/var/lib/reconcile/effects.json")
    kept = effects.read(file.read_bytes())
    assert {(row.address.rpartition(":")[2], row.effect) for row in kept} == {
        ("other", Effect.TERMINATE), ("refused", Effect.TERMINATE), ("anew", Effect.REBOOT),
    }  # fmt: skip
    assert [row for row in kept if row.effect is Effect.TERMINATE] == [record("other"), record("refused")]
    new = next(row for row in kept if row.effect is Effect.REBOOT)
    assert new.boot == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert new.init_started == began("1")
    assert new.started > before
    assert new.digest == "digest of anew"
    hers = machine.at("/home/alice/.local/state/reconcile/effects.json")
    assert [row.effect for row in effects.read(hers.read_bytes())] == [Effect.EDITOR_RELOAD]
    assert (oct(file.stat().st_mode), oct(hers.stat().st_mode)) == ("0o100644", "0o100600")
    assert (file.stat().st_uid, hers.stat().st_uid) == (0, ALICE)
    assert machine.leftovers() == []


@as_root
def test_the_note_is_not_touched_where_nothing_waits(one_live_machine: Machine) -> None:
    note = one_live_machine.file("/var/lib/reconcile/effects.json", b"[ ]")
    one_live_machine.at("/var/lib/reconcile").chmod(0o711)
    before = note.stat()

    one_live_machine.apply_batches(
        Batch(
            target=DISTRO, changes=(change("a", one_live_machine.write("/home/a", b"x")),), records=(record("other"),)
        )
    )

    assert (note.read_bytes(), note.stat().st_ino, note.stat().st_mtime_ns) == (
        b"[ ]",
        before.st_ino,
        before.st_mtime_ns,
    )


@as_root
def test_a_note_that_cannot_be_kept_is_said(one_live_machine: Machine) -> None:
    put_full_directory_below(one_live_machine.at("/var/lib/reconcile/effects.json"))
    one_live_machine.at("/var/lib/reconcile").chmod(0o711)

    planned = change("a", one_live_machine.write("/home/a", b"x"), effect=Effect.REBOOT)
    found = one_live_machine.applied(Batch(target=DISTRO, changes=(planned,)))

    assert found.outcomes["a"].status is Status.DONE
    (note,) = found.notes
    assert note.startswith("what waits for a restart or a new session could not be noted: ")


def put_full_directory_below(place: Path) -> None:
    place.parent.mkdir()
    put_full_directory(place)


def test_nothing_is_noted_in_a_root_file_system_at_rest(one_machine: Machine) -> None:
    one_machine.apply(change("a", one_machine.write("/etc/a", b"x"), effect=Effect.REBOOT))

    assert one_machine.at("/etc/a").exists()
    assert not one_machine.at("/var/lib/reconcile/effects.json").exists()


# ---- programs


WORDS = (
    "",
    " ",
    "-n",
    "$HOME `id` $(id)",
    'it\'s "it"',
    "back\\slash\\n",
    "*",
    "two\nlines\n",
    "grüße",
    "\udcff",
    "%s",
)


@as_root
def test_a_program_gets_its_words_and_its_input_and_nothing_else(live_machine: Machine) -> None:
    script = 'printf "%s|" "$@" >/home/words; cat >/home/input; pwd >/home/where'
    planned = RunCommand(argv=("sh", "-c", script, "sh", *WORDS), stdin=b"a\0b\nno end")

    found = live_machine.apply(
        change("first", live_machine.write("/home/before", b"x")),
        change("program", planned, needs=("first",)),
        change("no input", RunCommand(argv=("sh", "-c", "cat >/home/nothing"))),
        change("after", live_machine.write("/home/after", b"x"), needs=("program",)),
    )

    assert set(statuses(found).values()) == {Status.DONE}, found
    assert os.fsdecode(live_machine.at("/home/words").read_bytes()) == "".join(f"{word}|" for word in WORDS)
    assert live_machine.at("/home/input").read_bytes() == b"a\0b\nno end"
    assert live_machine.at("/home/nothing").read_bytes() == b""
    assert live_machine.at("/home/where").read_text() == "/\n"
    assert live_machine.leftovers() == []


@as_root
@pytest.mark.parametrize(
    ("words", "title"),
    [
        (("env", "A=1", "B=x y", "no-such-program", "x"), "no-such-program"),
        (("sh", "-l", "-c", "exit 4", "check", "~"), "check"),
        (("sh", "-c", "exit 4"), "sh"),
    ],
)
def test_a_program_is_called_what_people_call_it(live_machine: Machine, words: tuple[str, ...], title: str) -> None:
    found = live_machine.apply(change("it", RunCommand(argv=words, timeout_seconds=20)))
    assert found["it"].message.startswith(f"{title} ended with "), found


@as_root
def test_a_program_that_fails_stops_what_needs_it(live_machine: Machine) -> None:
    noisy = "echo more; echo first >&2; echo 'E: the last: line' >&2; exit 3"

    found = live_machine.apply(
        change("failing", RunCommand(argv=("sh", "-c", noisy)), live_machine.write("/home/same", b"x")),
        change("missing", RunCommand(argv=("no-such-program", "x"))),
        change("pipe", RunCommand(argv=("sh", "-c", "kill -PIPE $$; exit 0"))),
        change("needing", live_machine.write("/home/needing", b"x"), needs=("failing",)),
        change("free", live_machine.write("/home/free", b"x")),
    )

    last_words = "sh ended with 3:\nfirst\nE: the last: line"
    assert found["failing"] == Outcome(status=Status.FAILED, message=last_words)
    assert found["missing"].message.startswith("no-such-program ended with 127: ")
    assert found["pipe"].message.startswith("sh ended with 141"), "programs must not inherit an ignored SIGPIPE"
    assert found["needing"] == Outcome(status=Status.SKIPPED, message="because thing failing failed")
    assert statuses(found)["free"] is Status.DONE
    assert not live_machine.at("/home/same").exists() and not live_machine.at("/home/needing").exists()


@as_root
def test_a_file_can_be_written_where_a_program_made_the_directory(one_live_machine: Machine) -> None:
    found = one_live_machine.apply(
        change("staged early", one_live_machine.write("/home/early", b"x")),
        change("install", RunCommand(argv=("sh", "-c", "mkdir /home/made; test ! -e /home/made/x"))),
        change("configure", one_live_machine.write("/home/made/x", b"x"), needs=("install",)),
    )

    assert set(statuses(found).values()) == {Status.DONE}, found


@as_root
def test_a_file_that_moves_while_changes_are_made_is_refused_as_well(one_live_machine: Machine) -> None:
    one_live_machine.file("/home/moved", b"old")

    found = one_live_machine.apply(
        change("program", RunCommand(argv=("sh", "-c", "echo mine >/home/moved; echo mine >/home/came"))),
        change("moved", one_live_machine.write("/home/moved", b"new")),
        change("came", one_live_machine.write("/home/came", b"new")),
    )

    assert statuses(found) == {"program": Status.DONE, "moved": Status.REFUSED, "came": Status.REFUSED}
    assert (
        one_live_machine.at("/home/moved").read_bytes() == one_live_machine.at("/home/came").read_bytes() == b"mine\n"
    )
    assert one_live_machine.leftovers() == []


@as_root
def test_a_program_has_a_minute(live_machine: Machine, tmp_path: Path) -> None:
    """The minute is cut to a fifth of a second by a `timeout` of our own."""
    real = shutil.which("timeout", path=live_machine.shell.path)
    shim = tmp_path / "shim/timeout"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\n[ "$1 $2 $3" = "-k 5 60" ] || exit 9\nshift 3\nexec {real} -k 1 0.2 "$@"\n')
    shim.chmod(0o755)
    if "busybox" in live_machine.shell.argv[0]:
        shim.write_text(shim.read_text().replace("1 0.2", "1 1"))
    live_machine.shell = Shell(live_machine.shell.argv, f"{shim.parent}:{live_machine.shell.path}")

    found = live_machine.apply(change("slow", RunCommand(argv=("sleep", "20"))))

    assert found["slow"] == Outcome(status=Status.FAILED, message="sleep did not end within 60 s")


def test_no_program_runs_in_a_root_file_system_at_rest(one_machine: Machine, tmp_path: Path) -> None:
    found = one_machine.apply(change("a", RunCommand(argv=("touch", str(tmp_path / "ran")))))

    assert found["a"].status is Status.REFUSED
    assert not (tmp_path / "ran").exists()


@as_root
def test_a_user_who_holds_up_his_own_part_holds_up_the_others_for_so_long_only(
    live_machine: Machine, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a pipe, say, in place of a file between a look and the opening."""
    monkeypatch.setattr("reconciler.execution.payload.PART_SECONDS", 1)
    with_shim(live_machine, open_folder, "sha256sum", 'case $HOME$1 in */alice--) sleep 60 ;; esac; real "$@"')
    found = live_machine.apply_batches(
        Batch(target=DISTRO, changes=(change("root", live_machine.write("/home/root", b"x")),)), hers(live_machine)
    )

    assert statuses(found) == {"root": Status.DONE, "hers": Status.UNKNOWN}, found
    assert found["hers"].message == "the part of alice did not end within 1 s"


@as_root
def test_a_user_s_time_is_over_also_where_timeout_cannot_tell_first(
    live_machine: Machine, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As busybox's of before 1.34."""
    monkeypatch.setattr("reconciler.execution.payload.PART_SECONDS", 1)
    with_shim(live_machine, open_folder, "sha256sum", 'case $HOME$1 in */alice--) sleep 60 ;; esac; real "$@"')
    with_shim(live_machine, open_folder, "timeout", '[ "$1" != -k ] || exit 1; real "$@"')

    found = live_machine.apply_batches(hers(live_machine))

    assert found["hers"].message == "the part of alice did not end within 1 s"


@as_root
@pytest.mark.parametrize(("tool", "streams"), [("rm", "</dev/null"), ("tar", "</dev/null >/dev/null 2>&1")])
def test_what_a_user_leaves_running_holds_neither_our_streams_nor_our_lock(
    tool: str, streams: str, live_machine: Machine, open_folder: Path
) -> None:
    """rm has the part's own streams, and tar runs before the part has a lock of its own."""
    stays = f'case $HOME in */alice) sleep 60 {streams} & echo $! >>"$HOME/pids" ;; esac; real "$@"'
    with_shim(live_machine, open_folder, tool, stays)
    process, read_outcomes = started(live_machine, hers(live_machine))
    try:
        said, _ = process.communicate(timeout=30)
        again = live_machine.apply(change("root", live_machine.write("/home/root", b"x")))
    finally:
        pids = live_machine.at("/home/alice/pids").read_text().split()
        for pid in map(int, pids):
            os.kill(pid, signal.SIGKILL)

    assert pids and statuses(read_outcomes(said)) == {"hers": Status.DONE}
    assert statuses(again) == {"root": Status.DONE}, again


@as_root
def test_a_user_speaks_for_his_own_part_only(live_machine: Machine, open_folder: Path) -> None:
    """What root's part begins its records with is in names of files that everybody may see."""
    state = live_machine.at("/var/lib/reconcile")
    state.mkdir()
    state.chmod(0o755)
    forged = 'for s in /var/lib/reconcile/stage.*; do printf "\\n%s note forged\\n" "${s##*.}"; done'
    with_shim(live_machine, open_folder, "rm", f'case $HOME in */alice) {forged} ;; esac; real "$@"')

    told = live_machine.applied(hers(live_machine))

    assert (statuses(told.outcomes), told.notes) == ({"hers": Status.DONE}, ())


def hers(machine: Machine) -> Batch:
    wanted = change("hers", machine.write("/home/alice/x", b"x"))
    return Batch(target=Target("lt", "main", "alice"), user="alice", changes=(wanted,))


# ---- signals


@as_root
@pytest.mark.parametrize("user", [None, "alice"])
def test_a_signal_ends_the_run_soon_and_leaves_nothing_behind(user: str | None, live_machine: Machine) -> None:
    number = signal.SIGINT if "bash" in live_machine.shell.argv[0] else signal.SIGTERM
    machine = live_machine
    wait = "touch /home/alice/started; sleep 30; touch /home/alice/ended"
    process, read = started(
        machine,
        Batch(
            target=DISTRO,
            user=user,
            changes=(
                change("before", machine.write("/home/alice/before" if user else "/home/before", b"x")),
                change(
                    "program",
                    RunCommand(argv=("sh", "-c", wait)),
                    machine.write("/home/alice/z" if user else "/home/z", b"z"),
                ),
                change("after", machine.write("/home/alice/after" if user else "/home/after", b"x")),
            ),
        ),
    )
    wait_for(machine.at("/home/alice/started"))
    begin = time.monotonic()
    process.send_signal(number)
    stdout, _ = process.communicate(timeout=20)

    assert time.monotonic() - begin < SOON_SECONDS
    assert statuses(read(stdout)) == {"before": Status.DONE, "program": Status.FAILED, "after": Status.NOT_TRIED}
    assert not machine.at("/home/alice/ended").exists()
    assert machine.leftovers() == []


def test_a_run_that_nobody_listens_to_any_more_is_finished(machine: Machine) -> None:
    planned = [change(f"{number}", machine.write(f"/etc/{number}", b"x")) for number in range(12)]
    process, _ = started(machine, Batch(target=DISTRO, changes=tuple(planned)))
    assert process.stdout
    process.stdout.close()
    wait_for(machine.at("/var/lib/reconcile"))
    process.send_signal(signal.SIGHUP)
    process.wait(20)

    assert all(machine.at(f"/etc/{number}").read_bytes() == b"x" for number in range(12))
    assert machine.leftovers() == []


# ---- what it costs, and in which order things become durable


def trace(machine: Machine, tmp_path: Path, calls: str, *planned: Change) -> str:
    strace = shutil.which("strace") or pytest.skip("strace is not installed")
    out = tmp_path / "trace"
    machine.wrap = (strace, "-f", "-y", "-qq", "-s", "200", "-e", f"trace={calls}", "-o", str(out))
    assert set(statuses(machine.apply(*planned)).values()) == {Status.DONE}
    return out.read_text()


def written(machine: Machine, count: int, content: bytes) -> tuple[Change, ...]:
    return tuple(change(f"{number}", machine.write(f"/etc/f{number}", content)) for number in range(count))


def processes(text: str) -> int:
    return len(re.findall(r"\b(?:clone|clone3|v?fork)(?:\([^<\n]*| resumed>.*)= \d+", text))


def programs(text: str) -> list[str]:
    return [name.rpartition("/")[2] for name in re.findall(r'execve\("([^"]+)"', text)]


@pytest.mark.parametrize(("name", "kinds"), [("dash", ("new", "old", "same")), ("busybox", ("old",))])
def test_processes_grow_by_a_handful_for_each_changed_file_only(
    name: str, kinds: tuple[str, ...], tmp_path: Path, applets: Path
) -> None:
    seen: dict[tuple[str, int], str] = {}
    for kind in kinds:
        for count in (2, 20):
            folder = tmp_path / f"{kind}{count}"
            machine = Machine(root_file_system(folder / "root"), shell_named(name, applets))
            for number in range(count if kind != "new" else 0):
                machine.file(f"/etc/f{number}", b"old")
            planned = written(machine, count, b"old" if kind == "same" else b"new")
            seen[kind, count] = trace(machine, folder, "execve,clone,clone3,fork,vfork", *planned)

    for kind in kinds:
        most = 0 if kind == "same" else 5 if name == "dash" else 7
        assert processes(seen[kind, 20]) - processes(seen[kind, 2]) <= 18 * most, kind
        for program in ("stat", "sync", "tar", "rm", "mkdir"):
            assert programs(seen[kind, 2]).count(program) == programs(seen[kind, 20]).count(program), (kind, program)
        assert processes(seen[kind, 2]) <= (16 if kind == "same" else 36 + 2 * most), kind


def test_every_file_is_durable_before_it_takes_its_place_and_all_are_staged_before_the_first(
    machine: Machine, tmp_path: Path
) -> None:
    machine.file("/etc/f0", b"old")
    below = change("in it", machine.write("/srv/d/f", b"x"), needs=("directory",))
    link = change("link", MakeLink(path="/etc/link", target="f0", base=MISSING))
    planned = (*written(machine, 3, b"new"), change("directory", MakeDirectory(path="/srv/d")), below, link)

    lines = trace(machine, tmp_path, "fsync,rename,renameat,renameat2,link,linkat,openat,open", *planned).splitlines()

    def at(*patterns: str) -> list[int]:
        return [nth for nth, line in enumerate(lines) if all(re.search(pattern, line) for pattern in patterns)]

    switch = r"rename|link|syscall_0x13c"
    renames = [nth for nth in at(switch, r"\.reconcile\.", r"= 0$") if not re.search(r'unlink|\.old"', lines[nth])]
    assert len(renames) == 5
    assert at(switch, r'/etc/link"', r"= 0$")
    for task, folder, name in ((1, "etc", "f0"), (2, "etc", "f1"), (3, "etc", "f2"), (5, "srv/d", "f")):
        (made,) = at(rf"\.reconcile\.[0-9a-f]+\.{task}\".*O_CREAT")
        renamed = at(switch, rf'/{folder}/{name}"', r"= 0$")[-1]
        assert re.search(r"\b0(100)?600\b", lines[made]), "nobody else may read it before it is whole"
        assert made < renames[0]
        assert at(r"fsync", rf"\.{task}>", r"= 0$")[0] < renamed
        assert at(r"fsync", rf"/{folder}>", r"= 0$")[-1] > renamed
