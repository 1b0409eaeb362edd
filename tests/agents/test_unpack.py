"""What the apply script does with bytes that are not in the plan: large files, archives, and what it fetches itself."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import os
import re
import shutil
import signal
import stat
import tarfile
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from agents.apply_machine import (
    ALICE,
    DISTRO,
    MISSING,
    Machine,
    Shell,
    as_root,
    change,
    in_namespace,
    started,
    statuses,
    wait_for,
    with_setpriv,
    with_shim,
)
from reconciler.execution.apply import Outcome
from reconciler.execution.blobs import Unavailable
from reconciler.execution.parts import Batch
from reconciler.model.address import Target
from reconciler.model.outcome import Status
from reconciler.model.tasks import (
    MARKER,
    Download,
    Remove,
    RemoveUnpacked,
    RunCommand,
    Unpack,
    WriteBlob,
)

COMPRESSED: Mapping[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "xz": lzma.compress,
    "bzip2": bz2.compress,
}
AWKWARD = (
    "with blank",
    "quote's",
    "$HOME `id`",
    "back\\slash",
    "-rf",
    "*",
    "grüße",
    "not-utf8-\udcff",
    "x" * 200,
    ".dot",
)


def file(name: str, data: bytes = b"", mode: int = 0o644) -> tuple[tarfile.TarInfo, bytes]:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), mode
    return entry, data


def entry(name: str, kind: bytes, link: str = "", mode: int = 0o755) -> tuple[tarfile.TarInfo, bytes]:
    found = tarfile.TarInfo(name)
    found.type, found.linkname, found.mode = kind, link, mode
    return found, b""


def tar(*entries: tuple[tarfile.TarInfo, bytes], uid: int = 4000) -> bytes:
    """An archive whose members all belong to somebody else."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for info, data in entries:
            info.uid = info.gid = uid
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def tool(version: str = "1") -> bytes:
    return tar(
        entry("tool", tarfile.DIRTYPE),
        file("tool/bin/run", f"version {version}\n".encode(), 0o755),
        file("tool/README", b"read me\n"),
        entry("tool/current", tarfile.SYMTYPE, "bin/run"),
    )


def shown(folder: Path) -> dict[str, object]:
    """What is below a directory: content or link, and mode."""
    found: dict[str, object] = {}
    for place in sorted(folder.rglob("*")):
        name = os.fsencode(place.relative_to(folder)).decode("utf-8", "surrogateescape")
        mode = stat.S_IMODE(place.lstat().st_mode)
        if place.is_symlink():
            found[name] = f"-> {place.readlink()}"
        elif place.is_dir():
            found[name] = oct(mode)
        else:
            found[name] = (place.read_bytes(), oct(mode))
    return found


# ---- large files


def test_a_blob_is_written_as_a_file_is(machine: Machine) -> None:
    old = machine.file("/etc/old", b"old", 0o640)
    data = os.urandom(700_001)

    planned = (
        change("new", machine.blob("/etc/new", data, mode=0o755)),
        change("old", machine.blob("/etc/old", b"")),
    )
    found = machine.apply(*planned)

    assert statuses(found) == {"new": Status.DONE, "old": Status.DONE}, found
    assert machine.at("/etc/new").read_bytes() == data
    assert (old.read_bytes(), stat.S_IMODE(old.stat().st_mode)) == (b"", 0o640)
    assert stat.S_IMODE(machine.at("/etc/new").stat().st_mode) == 0o755
    after = machine.tree()
    assert statuses(machine.apply(*planned)) == {"new": Status.DONE, "old": Status.DONE}
    assert machine.tree() == after
    assert machine.leftovers() == []


def test_what_could_not_be_had_fails_its_change_and_what_needs_it(machine: Machine) -> None:
    gone, refused = machine.blob("/etc/gone", b"1"), machine.unpack("/srv/refused", b"2")
    machine.supplies |= {gone: Unavailable(why="404: not found"), refused: Unavailable(why="a bomb", is_refused=True)}

    found = machine.apply(
        change("gone", gone),
        change("refused", refused),
        change("behind", machine.write("/etc/behind", b"x"), needs=("gone",)),
        change("free", machine.write("/etc/free", b"x")),
    )

    assert found["gone"] == Outcome(status=Status.FAILED, message="404: not found")
    assert found["refused"] == Outcome(status=Status.REFUSED, message="a bomb")
    assert found["behind"] == Outcome(status=Status.SKIPPED, message="because thing gone failed")
    assert statuses(found)["free"] is Status.DONE


# ---- archives


@pytest.mark.parametrize("how", COMPRESSED)
def test_an_archive_becomes_a_directory(machine: Machine, how: str) -> None:
    planned = change("tool", machine.unpack("/srv/tool", COMPRESSED[how](tool()), strip=1, mode=0o750))

    found = machine.apply(planned)

    assert statuses(found) == {"tool": Status.DONE}, found
    digest = planned.tasks[0].archive.digest  # type: ignore[union-attr]
    assert shown(machine.at("/srv/tool")) == {
        MARKER: (f"{digest} 1\n".encode(), "0o644"),
        "README": (b"read me\n", "0o644"),
        "bin": "0o755",
        "bin/run": (b"version 1\n", "0o755"),
        "current": "-> bin/run",
    }
    assert stat.S_IMODE(machine.at("/srv/tool").stat().st_mode) == 0o750
    assert {place.lstat().st_uid for place in machine.at("/srv/tool").rglob("*")} == {os.geteuid()}
    after = machine.tree()
    assert statuses(machine.apply(planned)) == {"tool": Status.DONE}
    assert machine.tree() == after, "a second run changes nothing"
    assert machine.leftovers() == []


def test_names_and_modes_are_the_archive_s_but_for_what_gives_rights(machine: Machine) -> None:
    archive = tar(
        *(file(f"top/{name}", name.encode("utf-8", "surrogateescape")) for name in AWKWARD),
        file("top/set", b"s", 0o6777),
        file("top/closed", b"c", 0o400),
        entry("top/sticky", tarfile.DIRTYPE, mode=0o1777),
        entry("top/shut", tarfile.DIRTYPE, mode=0o555),
        entry("top/hard", tarfile.LNKTYPE, "top/set"),
        entry("top/up", tarfile.SYMTYPE, "../top/sticky"),
    )

    found = machine.apply(change("a", machine.unpack("/srv/a b'", archive)))

    assert statuses(found) == {"a": Status.DONE}, found
    seen = shown(machine.at("/srv/a b'/top"))
    assert {name: seen.pop(name) for name in AWKWARD} == {
        name: (name.encode("utf-8", "surrogateescape"), "0o644") for name in AWKWARD
    }
    assert seen == {
        "set": (b"s", "0o755"),
        "closed": (b"c", "0o600"),
        "sticky": "0o755",
        "shut": "0o755",
        "hard": (b"s", "0o755"),
        "up": "-> ../top/sticky",
    }


def test_the_top_of_the_archive_is_the_directory_itself(machine: Machine) -> None:
    archive = tar(entry("./", tarfile.DIRTYPE, mode=0o700), file("./a", b"a"))

    found = machine.apply(change("a", machine.unpack("/srv/a", archive, mode=0o711)))

    assert statuses(found) == {"a": Status.DONE}, found
    assert stat.S_IMODE(machine.at("/srv/a").stat().st_mode) == 0o711
    assert machine.at("/srv/a/a").read_bytes() == b"a"


def test_another_archive_takes_the_place_of_the_old_one_and_of_all_that_was_in_it(machine: Machine) -> None:
    machine.apply(change("tool", machine.unpack("/srv/tool", tool("1"), strip=1)))
    machine.file("/srv/tool/bin/other", b"added by hand")
    machine.at("/srv/tool/bin").chmod(0o555)

    found = machine.apply(change("tool", machine.unpack("/srv/tool", gzip.compress(tool("2")), strip=1)))

    assert statuses(found) == {"tool": Status.DONE}, found
    assert machine.at("/srv/tool/bin/run").read_bytes() == b"version 2\n"
    assert not machine.at("/srv/tool/bin/other").exists()
    assert machine.leftovers() == []


def test_the_same_archive_is_unpacked_anew_where_less_was_stripped(machine: Machine) -> None:
    machine.apply(change("tool", machine.unpack("/srv/tool", tool())))
    assert machine.at("/srv/tool/tool/README").exists()

    found = machine.apply(change("tool", machine.unpack("/srv/tool", tool(), strip=1)))

    assert statuses(found) == {"tool": Status.DONE}, found
    assert machine.at("/srv/tool/README").exists() and not machine.at("/srv/tool/tool").exists()


def test_an_empty_directory_is_replaced(machine: Machine) -> None:
    machine.at("/srv/tool").mkdir()

    found = machine.apply(change("tool", machine.unpack("/srv/tool", tool())))

    assert statuses(found) == {"tool": Status.DONE}, found
    assert machine.at("/srv/tool/tool/README").exists()


def test_a_tree_comes_after_the_link_that_stood_there(machine: Machine) -> None:
    machine.file("/srv/old/kept", b"kept")
    machine.at("/srv/tool").symlink_to("old")
    gone = Remove(path="/srv/tool", base=machine.base("/srv/tool"))

    found = machine.apply(change("tool", gone, machine.unpack("/srv/tool", tool(), base=MISSING)))

    assert statuses(found) == {"tool": Status.DONE}, found
    assert machine.at("/srv/tool/tool/README").exists() and machine.at("/srv/old/kept").exists()


def test_nothing_else_is_ever_replaced(machine: Machine) -> None:
    machine.file("/srv/full/inside", b"x")
    machine.file("/srv/file", b"x")
    machine.at("/srv/link").symlink_to("full")
    machine.file("/srv/dotted/.hidden", b"x")
    os.mkfifo(machine.at("/srv/fifo"))
    machine.apply(change("tool", machine.unpack("/srv/tool", tool("1"))))
    planned = [
        change(name, machine.unpack(f"/srv/{name}", tool("2")))
        for name in ("full", "file", "link", "dotted", "fifo", "tool", "gone", "came")
    ]
    machine.at(f"/srv/tool/{MARKER}").write_text("0" * 64 + " 0\n")
    machine.at("/srv/came").mkdir()
    before = machine.tree()

    found = machine.apply(*planned)

    assert {name: outcome.message for name, outcome in found.items() if outcome.status is Status.REFUSED} == {
        "full": "/srv/full is not empty and was not unpacked by reconcile: it stays",
        "dotted": "/srv/dotted is not empty and was not unpacked by reconcile: it stays",
        "file": "/srv/file is a file: nothing is unpacked in its place",
        "link": "/srv/link is a link: nothing is unpacked in its place",
        "fifo": "/srv/fifo is a fifo: nothing is unpacked in its place",
        "tool": "moved since the plan: /srv/tool (its content is another)",
        "came": "moved since the plan: /srv/came (a directory is there now)",
    }
    assert statuses(found)["gone"] is Status.DONE
    shutil.rmtree(machine.at("/srv/gone"))
    assert machine.tree() == before


def test_a_directory_that_filled_while_the_archive_was_unpacked_stays(one_machine: Machine, tmp_path: Path) -> None:
    machine = one_machine
    machine.at("/srv/tool").mkdir()
    with_shim(machine, tmp_path / "shims", "sync", f'real "$@"; echo mine >"{machine.at("/srv/tool")}/late"')

    found = machine.apply(change("tool", machine.unpack("/srv/tool", tool())))

    assert found["tool"].status is Status.REFUSED
    assert [place.name for place in machine.at("/srv/tool").iterdir()] == ["late"]
    assert machine.leftovers() == []


def test_an_unpacked_directory_is_removed_with_all_that_is_in_it(machine: Machine) -> None:
    machine.apply(change("tool", machine.unpack("/srv/tool", tool(), strip=1)))
    machine.file("/srv/tool/bin/other", b"added by hand")
    planned = change("gone", RemoveUnpacked(path="/srv/tool", base=machine.tree_base("/srv/tool")))

    assert statuses(machine.apply(planned)) == {"gone": Status.DONE}
    assert not machine.at("/srv/tool").exists()
    assert statuses(machine.apply(planned)) == {"gone": Status.DONE}, "it is gone already"
    assert machine.leftovers() == []


def test_only_what_was_unpacked_and_has_not_moved_is_removed(machine: Machine) -> None:
    for name in ("moved", "unmarked", "mode"):
        machine.apply(change(name, machine.unpack(f"/srv/{name}", tool())))
    machine.file("/srv/full/inside", b"x")
    machine.file("/srv/file", b"x")
    planned = [
        change(name, RemoveUnpacked(path=f"/srv/{name}", base=machine.tree_base(f"/srv/{name}")))
        for name in ("moved", "unmarked", "mode", "full", "file")
    ]
    machine.at(f"/srv/moved/{MARKER}").write_text("1" * 64 + " 0\n")
    machine.at(f"/srv/unmarked/{MARKER}").unlink()
    machine.at(f"/srv/unmarked/{MARKER}").symlink_to("tool/README")
    machine.at("/srv/mode").chmod(0o700)
    before = machine.tree()

    found = machine.apply(*planned)

    assert set(statuses(found).values()) == {Status.REFUSED}
    assert found["full"].message == "/srv/full is not empty and was not unpacked by reconcile: it stays"
    assert found["file"].message == "/srv/file is a file, no directory that was unpacked"
    assert machine.tree() == before


@as_root
def test_root_keeps_out_of_trees_that_others_can_change(machine: Machine) -> None:
    places = ("theirs", "open", "deep")
    for name in places:
        machine.apply(change(name, machine.unpack(f"/srv/{name}", tool())))
    os.chown(machine.at("/srv/theirs"), ALICE, ALICE)
    machine.at("/srv/open").chmod(0o775)
    os.chown(machine.at("/srv/deep/tool/bin"), ALICE, ALICE)
    planned = [change(name, machine.unpack(f"/srv/{name}", tool("2"))) for name in places]
    planned += [
        change(f"remove {name}", RemoveUnpacked(path=f"/srv/{name}", base=machine.tree_base(f"/srv/{name}")))
        for name in places
    ]
    before = machine.tree()

    for entry in planned:
        found = machine.apply(entry)
        assert found[entry.id].status is Status.REFUSED
        where = "/srv/deep/tool/bin" if "deep" in entry.id else f"/srv/{entry.id.split()[-1]}"
        assert found[entry.id].message in (
            f"{where} can be changed by others: root keeps out of it",
            f"moved since the plan: {where} (its content is another)",
        )
    assert machine.tree() == before


def test_root_gives_no_tree_away(one_machine: Machine) -> None:
    found = one_machine.apply(change("a", one_machine.unpack("/srv/a", tool(), owner="alice")))

    assert found["a"] == Outcome(
        status=Status.REFUSED, message="/srv/a would be alice's, and root keeps out of what others can change"
    )


@as_root
def test_the_owner_of_a_tree_is_root_whoever_packed_it(machine: Machine) -> None:
    found = machine.apply(change("a", machine.unpack("/srv/a", tool(), owner="root", group="developers")))

    assert statuses(found) == {"a": Status.DONE}, found
    owners = {(place.lstat().st_uid, place.lstat().st_gid) for place in machine.at("/srv/a").rglob("*")}
    assert owners | {(0, machine.at("/srv/a").stat().st_gid)} == {(0, 4321)}


# ---- archives that the controller would not have sent


HOSTILE: Mapping[str, tuple[bytes, str]] = {
    "link to a file outside": (tar(entry("out", tarfile.SYMTYPE, "/etc/passwd")), "out"),
    "link up and out": (tar(entry("a/out", tarfile.SYMTYPE, "../../x")), "a/out"),
    "link down and out": (tar(entry("a", tarfile.SYMTYPE, "."), entry("out", tarfile.SYMTYPE, "a/../..")), "out"),
    "link up twice": (tar(entry("a/b/out", tarfile.SYMTYPE, "..//../../x")), "a/b/out"),
    "fifo": (tar(entry("pipe", tarfile.FIFOTYPE)), "pipe"),
    "marker": (tar(file(MARKER, b"0" * 64 + b" 0\n")), MARKER),
    "marker that is a link": (tar(file("a"), entry(MARKER, tarfile.SYMTYPE, "a")), MARKER),
    "link with a line end": (tar(entry("a\nb", tarfile.SYMTYPE, "/etc/passwd")), "a"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_an_archive_that_reaches_out_is_not_put_in_place(machine: Machine, name: str) -> None:
    archive, culprit = HOSTILE[name]
    before = machine.tree()

    found = machine.apply(change("a", machine.unpack("/srv/a", archive)))

    assert found["a"].status is Status.FAILED
    assert culprit in found["a"].message
    assert machine.tree() == before
    assert machine.leftovers() == []


@pytest.mark.parametrize("target", ["../victim", "{root}/srv/victim", "../../srv/victim"])
def test_a_hard_link_that_reaches_out_changes_nothing_there(machine: Machine, target: str) -> None:
    """GNU tar cuts the name and finds nothing; busybox makes the link."""
    victim = machine.file("/srv/victim", b"kept", 0o600)
    before = victim.stat()
    archive = tar(entry("a", tarfile.LNKTYPE, target.format(root=machine.root), 0o777))

    found = machine.apply(change("a", machine.unpack("/srv/a", archive)))

    assert found["a"].status is Status.FAILED
    assert not machine.at("/srv/a").exists()
    after = victim.stat()
    assert (victim.read_bytes(), after.st_mode, after.st_uid, after.st_nlink) == (
        b"kept",
        before.st_mode,
        before.st_uid,
        1,
    )
    assert machine.leftovers() == []


@pytest.mark.parametrize("name", ["../out", "a/../../out", "{root}/srv/out"])
def test_a_name_that_reaches_out_writes_nothing_there(machine: Machine, name: str) -> None:
    archive = tar(file("inside", b"x"), file(name.format(root=machine.root), b"out"))

    machine.apply(change("a", machine.unpack("/srv/a", archive)))

    assert not machine.at("/srv/out").exists()
    assert machine.leftovers() == []


BROKEN = {
    "cut gzip": gzip.compress(tool() + os.urandom(5000))[:3000],
    "cut xz": lzma.compress(os.urandom(5000))[:3000],
    "cut tar": tar(file("a", os.urandom(5000)))[:3000],
    "no archive": b"<html>404</html>\n" * 100,
    "short": b"x",
    "nothing": b"",
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_whole_archive_fails(machine: Machine, name: str) -> None:
    machine.apply(change("a", machine.unpack("/srv/a", tool())))
    before = machine.tree()

    found = machine.apply(change("a", machine.unpack("/srv/a", BROKEN[name])))

    assert found["a"].status is Status.FAILED
    assert found["a"].message.startswith("cannot unpack /srv/a: ")
    assert machine.tree() == before
    assert machine.leftovers() == []


def test_an_archive_of_which_nothing_is_left_fails(machine: Machine) -> None:
    found = machine.apply(change("a", machine.unpack("/srv/a", tool(), strip=7)))

    assert found["a"] == Outcome(
        status=Status.FAILED,
        message="cannot unpack /srv/a: the archive holds nothing below 7 leading components",
    )
    assert machine.leftovers() == []


# ---- faults


@as_root
@pytest.mark.parametrize("what", ["tree", "blob"])
def test_a_full_disk_leaves_what_was_there(machine: Machine, what: str, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    machine.at("/srv/full").mkdir()
    machine.apply(change("a", machine.unpack("/srv/full/a", tool())))
    machine.file("/srv/full/b", b"old")
    large = os.urandom(200_000)
    planned = (
        machine.unpack("/srv/full/a", tar(file("large", large)))
        if what == "tree"
        else machine.blob("/srv/full/b", large)
    )
    fill = 'cp -a "$1" "$2"; mount -t tmpfs -o size=64k,mode=755 none "$1"; cp -a "$2/." "$1"'
    after = ("/bin/sh", "-c", '"$@"; code=$?; rm -r "$0"; cp -a "$OLDROOT" "$0"; exit $code', str(copy))
    full = machine.at("/srv/full")
    machine.wrap = (*in_namespace(fill, full, copy), "/usr/bin/env", f"OLDROOT={full}", *after)
    machine.shell = Shell(machine.shell.argv, f"{machine.shell.path}:/bin")

    found = machine.apply(change("x", planned))

    assert found["x"].status is Status.FAILED
    assert found["x"].message.endswith("No space left on device")
    assert (copy / "b").read_bytes() == b"old"
    assert (copy / "a/tool/bin/run").read_bytes() == b"version 1\n"
    assert {place.name for place in copy.iterdir()} == {"a", "b"}


@as_root
def test_what_is_mounted_in_a_tree_keeps_it(machine: Machine) -> None:
    machine.apply(change("a", machine.unpack("/srv/a b", tool())))
    machine.file("/srv/precious/data", b"kept")
    machine.wrap = in_namespace('mount --bind "$1" "$2"', machine.at("/srv/precious"), machine.at("/srv/a b/tool/bin"))

    found = machine.apply(
        change("a", machine.unpack("/srv/a b", tool("2"))),
        change("b", RemoveUnpacked(path="/srv/a b", base=machine.tree_base("/srv/a b"))),
    )

    assert found["a"] == Outcome(status=Status.REFUSED, message="something is mounted on /srv/a b or below it")
    assert machine.at("/srv/precious/data").exists()
    assert machine.leftovers() == []


def test_when_the_new_tree_cannot_take_the_place_the_old_one_goes_back(one_machine: Machine, tmp_path: Path) -> None:
    machine = one_machine
    machine.apply(change("a", machine.unpack("/srv/a", tool())))
    before = machine.tree()
    wrong = "echo \"mv: cannot move 'x' to 'y': Input/output error\" >&2; exit 1"
    with_shim(
        machine, tmp_path / "shims", "mv", f'case "$3:$4" in *.reconcile.*[0-9]:*/srv/a) {wrong} ;; esac; real "$@"'
    )

    found = machine.apply(change("a", machine.unpack("/srv/a", tool("2"))))

    assert found["a"] == Outcome(status=Status.FAILED, message="cannot unpack /srv/a: Input/output error")
    assert machine.tree() == before
    assert machine.leftovers() == []


def test_what_of_the_old_tree_cannot_be_removed_is_said(one_machine: Machine, tmp_path: Path) -> None:
    machine = one_machine
    machine.apply(change("a", machine.unpack("/srv/a", tool())))
    with_shim(
        machine,
        tmp_path / "shims",
        "rm",
        'case $* in *.old*) echo "rm: cannot remove \'x\': Operation not permitted" >&2; exit 1 ;; esac; real "$@"',
    )

    found = machine.apply(change("a", machine.unpack("/srv/a", tool("2"))))

    assert found["a"].message == "cannot remove all that was at /srv/a: Operation not permitted"
    assert machine.at("/srv/a/tool/bin/run").read_bytes() == b"version 2\n"


@pytest.mark.parametrize("tool_at_work", ["tar", "sync"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_no_half_tree(
    one_machine: Machine, tmp_path: Path, tool_at_work: str, number: signal.Signals
) -> None:
    machine = one_machine
    machine.apply(change("a", machine.unpack("/srv/a", tool())))
    before = machine.tree()
    slow = {
        "tar": 'case $1 in -xof) case $2 in -) ;; *) wait ;; esac ;; esac; real "$@"',
        "sync": 'case $1 in -f) wait ;; esac; real "$@"',
    }
    script = slow[tool_at_work].replace("wait", f"echo >{tmp_path}/at-work; exec sleep 20")
    with_shim(machine, tmp_path / "shims", tool_at_work, script)
    planned = Batch(target=DISTRO, changes=(change("a", machine.unpack("/srv/a", tool("2"))),))

    process, read = started(machine, planned)
    wait_for(tmp_path / "at-work")
    process.send_signal(number)
    stdout, _ = process.communicate(timeout=10)

    assert read(stdout)["a"].message.endswith("interrupted")
    assert machine.tree() == before
    assert machine.leftovers() == []


KILLED_AT = {
    "before the switch": "*.reconcile.*:*/srv/a | */srv/a:* | *:*/etc/b",
    "between the renames": "*.reconcile.*:*/srv/a",
}


@pytest.mark.parametrize("moment", KILLED_AT)
def test_what_a_killed_run_left_is_cleared_by_the_next(machine: Machine, moment: str, tmp_path: Path) -> None:
    kind, shell = KILLED_AT[moment], machine.shell
    machine.apply(change("a", machine.unpack("/srv/a", tool())))
    planned = (change("b", machine.write("/etc/b", b"b")), change("a", machine.unpack("/srv/a", tool("2"))))
    killed = f"until [ -s {tmp_path}/pid ]; do sleep 0.01; done; kill -9 $(cat {tmp_path}/pid); exit 1"
    with_shim(machine, tmp_path / "shims", "mv", f'case "$3:$4" in {kind}) {killed} ;; esac; real "$@"')

    process, _ = started(machine, Batch(target=DISTRO, changes=planned))
    (tmp_path / "pid").write_text(str(process.pid))
    process.communicate(timeout=20)
    assert process.returncode == -signal.SIGKILL
    assert machine.at("/srv/a").exists() == (moment == "before the switch")
    assert len(machine.leftovers()) >= 2

    machine.shell = shell
    found = machine.apply(*planned)

    assert statuses(found) == {"b": Status.DONE, "a": Status.DONE}, found
    assert machine.at("/srv/a/tool/bin/run").read_bytes() == b"version 2\n"
    assert machine.leftovers() == []


def test_a_killed_removal_is_finished_by_the_next_run(machine: Machine, tmp_path: Path) -> None:
    shell = machine.shell
    machine.apply(change("a", machine.unpack("/srv/a", tool())))
    planned = change("a", RemoveUnpacked(path="/srv/a", base=machine.tree_base("/srv/a")))
    killed = f"until [ -s {tmp_path}/pid ]; do sleep 0.01; done; kill -9 $(cat {tmp_path}/pid); exit 1"
    with_shim(machine, tmp_path / "shims", "rm", f'case $* in *.old*) {killed} ;; esac; real "$@"')
    process, _ = started(machine, Batch(target=DISTRO, changes=(planned,)))
    (tmp_path / "pid").write_text(str(process.pid))
    process.communicate(timeout=20)
    assert len(machine.leftovers()) >= 2

    machine.shell = shell
    assert statuses(machine.apply(planned)) == {"a": Status.DONE}
    assert machine.leftovers() == [] and not machine.at("/srv/a").exists()


@as_root
def test_what_a_killed_run_left_where_root_keeps_out_now_stays(one_machine: Machine) -> None:
    machine = one_machine
    machine.file("/home/alice/.reconcile.n.1/x", b"x", owner=ALICE)
    dead = machine.at("/var/lib/reconcile/stage.999999999.5.1.n")
    dead.mkdir(parents=True)
    machine.at("/var/lib/reconcile").chmod(0o711)
    (dead / "parents").write_text("/\n/home\n/home/alice\n")
    (dead / "generation").write_text("1\n")
    (dead / "head").write_text("reconcile-apply\nn\n\nsomebody\n")
    (dead / "tasks").write_text("change 1\ntask unpack\npath /home/alice/x\ndirectory /home/alice/\nbase missing\n")

    machine.apply(change("a", machine.write("/etc/a", b"x")))

    assert machine.at("/home/alice/.reconcile.n.1/x").exists() and not dead.exists()


# ---- users


@as_root
def test_a_user_s_blobs_and_trees_are_made_with_that_user_s_rights(machine: Machine) -> None:
    machine.shell = with_setpriv(machine.shell, machine.root.parent)
    data = os.urandom(300_000)
    mine, hers = machine.blob("/etc/mine", data), machine.blob("/home/alice/hers", data, mode=0o755)
    tree = machine.unpack("/home/alice/tool", gzip.compress(tool()), strip=1)
    closed = machine.unpack("/srv/closed", tool())

    found = machine.apply_batches(
        Batch(target=DISTRO, changes=(change("mine", mine),)),
        Batch(
            target=Target("lt", "main", "alice"),
            user="alice",
            changes=(change("hers", hers), change("tree", tree), change("closed", closed)),
        ),
    )

    assert statuses(found) == {
        "mine": Status.DONE,
        "hers": Status.DONE,
        "tree": Status.DONE,
        "closed": Status.REFUSED,
    }, found
    assert found["closed"].message.endswith("Permission denied")
    assert machine.at("/etc/mine").read_bytes() == machine.at("/home/alice/hers").read_bytes() == data
    assert machine.at("/home/alice/hers").stat().st_uid == ALICE
    assert {place.lstat().st_uid for place in machine.at("/home/alice/tool").rglob("*")} == {ALICE}
    assert machine.leftovers() == []


@as_root
def test_a_user_may_leave_what_others_can_change_and_remove_it(machine: Machine) -> None:
    machine.shell = with_setpriv(machine.shell, machine.root.parent)
    tree = machine.unpack("/home/alice/tool", tool(), mode=0o775)
    alice = Target("lt", "main", "alice")
    found = machine.apply_batches(Batch(target=alice, user="alice", changes=(change("tree", tree),)))
    assert statuses(found) == {"tree": Status.DONE}, found

    gone = RemoveUnpacked(path="/home/alice/tool", base=machine.tree_base("/home/alice/tool"))
    found = machine.apply_batches(Batch(target=alice, user="alice", changes=(change("gone", gone),)))

    assert statuses(found) == {"gone": Status.DONE}, found
    assert not machine.at("/home/alice/tool").exists()


# ---- what the machine fetches by itself


@pytest.fixture
def served() -> Iterator[tuple[str, dict[str, bytes]]]:
    """A web server on this machine: its address, and what it holds by path. A value `-> URL` is a redirection."""
    held: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data = held.get(self.path)
            if data is not None and data.startswith(b"-> "):
                self.send_response(302)
                self.send_header("Location", data[3:].decode())
                self.end_headers()
                return
            self.send_response(404 if data is None else 200)
            self.end_headers()
            self.wfile.write(data or b"not here")

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", held
    server.shutdown()
    thread.join()
    server.server_close()


def with_curl(machine: Machine, folder: Path) -> None:
    curl = shutil.which("curl") or pytest.skip("curl is not installed")
    tools = folder / "curl-only"
    tools.mkdir()
    (tools / "curl").symlink_to(curl)
    machine.shell = Shell(machine.shell.argv, f"{machine.shell.path}:{tools}")


def fetched(url: str, data: bytes) -> Download:
    return Download(url=url, digest=hashlib.sha256(data).hexdigest(), by_target=True)


def test_the_machine_fetches_what_it_is_told_to(
    machine: Machine, served: tuple[str, dict[str, bytes]], tmp_path: Path
) -> None:
    with_curl(machine, tmp_path)
    (url, held), data, archive = served, os.urandom(300_000), gzip.compress(tool())
    held |= {"/a'b": data, "/moved": b"-> /tool.tgz", "/tool.tgz": archive}

    found = machine.apply(
        change("blob", WriteBlob(path="/etc/blob", content=fetched(f"{url}/a'b", data), base=MISSING, mode=0o755)),
        change("tree", Unpack(path="/srv/tool", archive=fetched(f"{url}/moved", archive), base=MISSING, strip=1)),
        change("again", Unpack(path="/srv/again", archive=fetched(f"{url}/moved", archive), base=MISSING)),
    )

    assert set(statuses(found).values()) == {Status.DONE}, found
    assert machine.at("/etc/blob").read_bytes() == data
    assert machine.at("/srv/tool/bin/run").read_bytes() == b"version 1\n"
    assert machine.at("/srv/again/tool/bin/run").exists()
    assert machine.leftovers() == []


def test_what_cannot_be_fetched_fails_with_the_reason(
    one_machine: Machine, served: tuple[str, dict[str, bytes]], tmp_path: Path
) -> None:
    machine = one_machine
    with_curl(machine, tmp_path)
    url, held = served
    held |= {"/other": b"something else", "/file": b"-> file:///etc/passwd"}
    wanted = hashlib.sha256(b"x").hexdigest()

    def blob(name: str, at: str) -> WriteBlob:
        return WriteBlob(path=f"/etc/{name}", content=fetched(at, b"x"), base=MISSING)

    found = machine.apply(
        change("missing", blob("missing", f"{url}/missing")),
        change("other", blob("other", f"{url}/other")),
        change("file", blob("file", f"{url}/file")),
        change("closed", blob("closed", "http://127.0.0.1:1/x")),
        change("free", machine.write("/etc/free", b"x")),
    )

    other = hashlib.sha256(b"something else").hexdigest()
    assert found["missing"].message == (
        f"cannot write /etc/missing: {url}/missing: (22) The requested URL returned error: 404"
    )
    assert found["other"].message == (
        f"cannot write /etc/other: {url}/other holds something else: its SHA-256 is {other} in place of {wanted}"
    )
    assert "rotocol" in found["file"].message
    assert found["closed"].message.startswith("cannot write /etc/closed: http://127.0.0.1:1/x: (7) ")
    assert {name for name, status in statuses(found).items() if status is Status.FAILED} == {
        "missing",
        "other",
        "file",
        "closed",
    }
    assert machine.leftovers() == []


def test_without_curl_nothing_is_fetched(machine: Machine, applets: Path) -> None:
    machine.shell = Shell(machine.shell.argv, str(applets))

    found = machine.apply(
        change("a", WriteBlob(path="/etc/a", content=fetched("https://example.com/a", b"x"), base=MISSING))
    )

    assert found["a"] == Outcome(
        status=Status.FAILED, message="cannot write /etc/a: there is no curl here to fetch it with"
    )


# ---- programs that judge


JUDGE = (
    "sh",
    "-c",
    'cat "$2" >>"$1/judged"; stat -c %a "$2" >>"$1/judged"; case $(cat "$2") in bad*) echo first; echo "$2:1: bad"; exit 3 ;; esac',
    "sh",
)


@as_root
def test_a_file_is_judged_as_it_will_be_before_anything_is_switched(live_machine: Machine) -> None:
    machine = live_machine
    machine.file("/home/old", b"old")
    judge = (*JUDGE, "/home")

    found = machine.apply(
        change("first", machine.write("/home/first", b"x")),
        change("good", machine.write("/home/good", b"good\n", mode=0o440, validate=judge)),
        change("bad", machine.write("/home/old", b"bad\n", validate=judge)),
        change("behind", machine.write("/home/behind", b"x"), needs=("bad",)),
        change("no judge", machine.write("/home/passed", b"x", validate=("no-such-judge", "-c"))),
    )

    assert found["bad"] == Outcome(
        status=Status.FAILED, message="cannot write /home/old: sh does not take it: first\n/home/old:1: bad"
    )
    assert statuses(found) == {
        "first": Status.DONE,
        "good": Status.DONE,
        "bad": Status.FAILED,
        "behind": Status.SKIPPED,
        "no judge": Status.DONE,
    }
    assert machine.at("/home/judged").read_text() == "good\n440\nbad\n644\n"
    assert machine.at("/home/old").read_bytes() == b"old"
    assert machine.leftovers() == []


@as_root
def test_a_judge_has_a_minute_and_nothing_to_read(one_live_machine: Machine, tmp_path: Path) -> None:
    machine = one_live_machine
    limits = (
        '[ "$1 $2 $3" = "-k 5 60" ] || exit 9; shift 3; case $* in *sleep*) real 0.2 "$@" ;; *) real 60 "$@" ;; esac'
    )
    with_shim(machine, tmp_path / "shims", "timeout", limits)
    folder = machine.at("/home")

    found = machine.apply(
        change("slow", machine.write("/home/slow", b"x", validate=("sh", "-c", "sleep 20"))),
        change("reads", machine.write("/home/reads", b"x", validate=("sh", "-c", '[ -z "$(cat)" ]'))),
    )

    assert found["slow"].message == "cannot write /home/slow: sh did not end within 60 s"
    assert statuses(found)["reads"] is Status.DONE
    assert not (folder / "slow").exists()


def test_nothing_is_judged_in_a_root_file_system_at_rest(one_machine: Machine, tmp_path: Path) -> None:
    found = one_machine.apply(change("a", one_machine.write("/etc/a", b"x", validate=("touch", str(tmp_path / "ran")))))

    assert statuses(found) == {"a": Status.DONE}
    assert not (tmp_path / "ran").exists()


@as_root
def test_visudo_keeps_bad_sudoers_out(one_live_machine: Machine) -> None:
    if not shutil.which("visudo"):
        pytest.skip("visudo is not installed")
    machine = one_live_machine
    check = ("visudo", "-cf")

    found = machine.apply(
        change("good", machine.write("/home/good", b"alice ALL=(ALL) ALL\n", mode=0o440, validate=check)),
        change("bad", machine.write("/home/bad", b"alice ALL=(ALL\n", mode=0o440, validate=check)),
    )

    assert statuses(found)["good"] is Status.DONE
    assert found["bad"].message.startswith("cannot write /home/bad: visudo does not take it: ")
    assert "/home/bad:1" in found["bad"].message and "syntax error" in found["bad"].message


# ---- time


@as_root
def test_a_program_has_as_long_as_it_is_given(one_live_machine: Machine, tmp_path: Path) -> None:
    with_shim(
        one_live_machine, tmp_path / "shims", "timeout", '[ "$1 $2 $3" = "-k 5 900" ] || exit 9; shift 3; real 0.2 "$@"'
    )

    found = one_live_machine.apply(change("slow", RunCommand(argv=("sleep", "20"), timeout_seconds=900)))

    assert found["slow"] == Outcome(status=Status.FAILED, message="sleep did not end within 900 s")


# ---- in which order things become durable


def test_a_tree_is_durable_before_it_takes_its_place_and_the_old_one_goes_after_that(
    one_machine: Machine, tmp_path: Path
) -> None:
    machine = one_machine
    machine.apply(change("a", machine.unpack("/srv/a", tool())))
    strace = shutil.which("strace") or pytest.skip("strace is not installed")
    out = tmp_path / "trace"
    machine.wrap = (
        strace, "-f", "-y", "-qq", "-s", "200", "-e", "trace=fsync,syncfs,/rename,/unlink", "-o", str(out),
    )  # fmt: skip

    found = machine.apply(change("a", machine.unpack("/srv/a", tool("2"))))

    assert statuses(found) == {"a": Status.DONE}
    lines = out.read_text().splitlines()

    def at(*patterns: str) -> list[int]:
        return [nth for nth, line in enumerate(lines) if all(re.search(pattern, line) for pattern in patterns)]

    noted = at(r"fsync", r"/stage\.[^/]*/tasks>", r"= 0$")[0]
    (synced,) = at(r"syncfs", r"/\.reconcile\.[0-9a-f]+\.1>", r"= 0$")
    (aside,) = at(r"rename", r'srv/a", .*\.1\.old"', r"= 0$")
    (placed,) = at(r"rename", r'\.reconcile\.[0-9a-f]+\.1", .*srv/a"', r"= 0$")
    made_durable = at(r"fsync", r"/srv>", r"= 0$")
    removed = at(r"unlink", r"\.1\.old|README")
    assert noted < synced < aside < placed
    assert any(placed < nth < removed[0] for nth in made_durable), "the old one goes when the new one is there for good"
    assert made_durable[-1] > at(r"unlink", r"\.1\.old", r"= 0$")[-1], (
        "and is gone for good when nothing looks for it any more"
    )
