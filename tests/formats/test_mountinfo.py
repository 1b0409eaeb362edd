from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from reconciler.formats.mountinfo import Mount, at, holding, parse, shown_path, shows, stack

ROOT = "27 1 254:0 / / rw,relatime shared:1 master:2 - ext4 /dev/vda rw,discard\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace:
    """What the kernel says in a mount namespace: its list, and the number of the mount in which each path lies."""

    mounts: tuple[Mount, ...]
    holders: dict[str, int]


def after(script: str, folder: Path, paths: Sequence[str] = ()) -> Namespace:
    """A namespace of its own with a tmpfs at `folder`, where the script has run."""
    if os.geteuid() != 0 or not shutil.which("unshare"):
        pytest.skip("mounts in a namespace of its own: needs root and unshare")
    program = f"""set -e; cd /; mount -t tmpfs tmpfs "$1"; (cd "$1"; {script}); shift
        cat /proc/self/mountinfo; echo; umask 022
        for path; do (exec 3<"$path"; sed -n 's/^mnt_id:[[:blank:]]*//p' /proc/self/fdinfo/3); done"""
    argv = ["unshare", "--mount", "--propagation", "private", "sh", "-c", program, "sh", str(folder), *paths]
    run = subprocess.run(argv, capture_output=True, check=False, timeout=60)
    error = run.stderr.decode()
    if "unshare failed" in error:
        pytest.skip(f"no mount namespace can be had: {error}")
    assert run.returncode == 0 and not error, error
    listed, _, numbers = run.stdout.decode("utf-8", "surrogateescape").partition("\n\n")
    return Namespace(
        mounts=parse(listed), holders=dict(zip(paths, (int(number) for number in numbers.split()), strict=True))
    )


def test_a_line_has_its_fields_whatever_the_number_of_optional_ones() -> None:
    text = ROOT + r"36 27 0:5 /a\040b /c\011\134 ro - fuse.a\040b a\040\043b ro,x" + "\n37 27 0:6 / /d rw - tmpfs  rw\n"
    assert parse(text) == (
        Mount(
            id=27,
            parent=1,
            device="254:0",
            root="/",
            target="/",
            options=("rw", "relatime"),
            type="ext4",
            source="/dev/vda",
            super_options=("rw", "discard"),
        ),
        Mount(
            id=36,
            parent=27,
            device="0:5",
            root="/a b",
            target="/c\t\\",
            options=("ro",),
            type="fuse.a b",
            source="a #b",
            super_options=("ro", "x"),
        ),
        Mount(
            id=37,
            parent=27,
            device="0:6",
            root="/",
            target="/d",
            options=("rw",),
            type="tmpfs",
            source="",
            super_options=("rw",),
        ),
    )


def test_a_windows_path_with_blanks_is_part_of_the_last_field() -> None:
    (mount,) = parse(r"9 1 0:7 / /d rw - 9p C:\134P rw,aname=drvfs;path=C:\Program Files;uid=0,trans=fd")
    assert mount.source == "C:\\P"
    assert mount.super_options == ("rw", r"aname=drvfs;path=C:\Program Files;uid=0", "trans=fd")


@pytest.mark.parametrize("line", ["x", "1 2 3:4 / / rw shared:1", "1 2 3:4 / /x - ext4 a rw", "a 2 3:4 / / rw - a b c"])
def test_a_line_that_no_kernel_writes_is_an_error(line: str) -> None:
    with pytest.raises(ValueError, match="no line of mountinfo"):
        parse(ROOT + line)


def test_the_first_root_may_be_its_own_parent() -> None:
    mounts = parse("1 1 0:2 / / rw - rootfs rootfs rw\n27 1 0:3 / / rw - ext4 a rw\n30 27 0:4 / /a rw - tmpfs b rw\n")
    assert [mount.id for mount in stack(mounts, "/")] == [1, 27]
    assert holding(mounts, "/a/b") == mounts[2]


def test_in_a_root_directory_that_is_no_mount_the_mounts_are_found_all_the_same() -> None:
    mounts = parse("30 27 0:4 / /a rw - tmpfs b rw\n31 30 0:5 / /a/b rw - tmpfs c rw\n")
    assert holding(mounts, "/c") is None
    assert at(mounts, "/") is None
    assert at(mounts, "/a/b") == mounts[1]


def test_a_bind_shows_its_source_whatever_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "ä b\n\t\\#,ü"
    folder.mkdir()
    source, target = f"{folder}/s \\040 ß", f"{folder}/t\n:"
    made = after("mkdir 's \\040 ß' 't\n:'; mount --bind 's \\040 ß' 't\n:'", folder)
    mount = at(made.mounts, target)
    assert mount is not None
    assert (mount.root, mount.type) == ("/s \\040 ß", "tmpfs")
    assert shows(made.mounts, target, source)
    assert not shows(made.mounts, target, str(folder))
    assert shown_path(made.mounts, target) == source


def test_a_read_only_bind_is_read_only_in_its_own_options_alone(tmp_path: Path) -> None:
    made = after("mkdir s t; mount --bind s t; mount -o remount,bind,ro t", tmp_path)
    mount = at(made.mounts, f"{tmp_path}/t")
    assert mount is not None
    assert "ro" in mount.options and "ro" not in mount.super_options


def test_stacked_mounts_are_counted_and_the_top_one_is_seen(tmp_path: Path) -> None:
    made = after("mkdir a b t; mount --bind a t; mount --bind b t; mount --bind a t; mount --bind b t", tmp_path)
    target = f"{tmp_path}/t"
    assert [mount.root for mount in stack(made.mounts, target)] == ["/a", "/b", "/a", "/b"]
    assert shows(made.mounts, target, f"{tmp_path}/b") and not shows(made.mounts, target, f"{tmp_path}/a")
    assert shown_path(made.mounts, target) == f"{tmp_path}/b"


def test_a_mount_below_a_covered_folder_is_not_seen(tmp_path: Path) -> None:
    made = after("mkdir -p a/b s; mount --bind s a/b; mount -t tmpfs over a; mkdir a/b", tmp_path, [f"{tmp_path}/a/b"])
    assert any(mount.target == f"{tmp_path}/a/b" for mount in made.mounts)
    assert at(made.mounts, f"{tmp_path}/a/b") is None
    assert not shows(made.mounts, f"{tmp_path}/a/b", f"{tmp_path}/s")
    holder = holding(made.mounts, f"{tmp_path}/a/b")
    assert holder is not None and holder.source == "over" and holder.id == made.holders[f"{tmp_path}/a/b"]


def test_a_folder_bound_onto_itself_is_a_bind_of_itself_and_a_tmpfs_is_none(tmp_path: Path) -> None:
    made = after("mkdir a b; mount --bind a a; mount -t tmpfs t b", tmp_path)
    assert shows(made.mounts, f"{tmp_path}/a", f"{tmp_path}/a")
    assert shown_path(made.mounts, f"{tmp_path}/a") == f"{tmp_path}/a"
    assert not shows(made.mounts, f"{tmp_path}/b", f"{tmp_path}/b")
    assert shown_path(made.mounts, f"{tmp_path}/b") is None
    assert not shows(made.mounts, f"{tmp_path}/nothing", f"{tmp_path}/nothing")
    assert shown_path(made.mounts, f"{tmp_path}/nothing") is None


def test_a_bind_from_a_bind_is_one_of_both_paths(tmp_path: Path) -> None:
    made = after("mkdir -p s/x b t; mount --bind s b; mount --bind b/x t", tmp_path)
    for source in ("s/x", "b/x"):
        assert shows(made.mounts, f"{tmp_path}/t", f"{tmp_path}/{source}")
    assert shown_path(made.mounts, f"{tmp_path}/t") == f"{tmp_path}/s/x"


def test_the_mount_that_was_there_first_is_a_bind_of_nothing(tmp_path: Path) -> None:
    made = after("mkdir o t; mount -t tmpfs o o; mount --bind o t", tmp_path)
    assert shown_path(made.mounts, f"{tmp_path}/t") == f"{tmp_path}/o"
    assert shown_path(made.mounts, f"{tmp_path}/o") is None


@pytest.mark.parametrize("source", ["/", "/etc"])
def test_the_root_can_be_bound_and_what_lies_in_it(source: str) -> None:
    mounts = parse(ROOT + f"30 27 254:0 {source} /t rw - ext4 /dev/vda rw\n")
    assert shown_path(mounts, "/t") == source
    assert shows(mounts, "/t", source)


def test_a_source_in_another_file_system_of_the_same_path_is_not_it(tmp_path: Path) -> None:
    made = after("mkdir a b t; mount -t tmpfs a a; mount -t tmpfs b b; mkdir a/x b/x; mount --bind a/x t", tmp_path)
    assert shows(made.mounts, f"{tmp_path}/t", f"{tmp_path}/a/x")
    assert not shows(made.mounts, f"{tmp_path}/t", f"{tmp_path}/b/x")


def test_a_source_that_is_covered_or_deleted_is_out_of_sight(tmp_path: Path) -> None:
    made = after("mkdir -p s/x t u; mount --bind s/x t; mount -t tmpfs over s", tmp_path)
    assert not shows(made.mounts, f"{tmp_path}/t", f"{tmp_path}/s/x")
    assert shown_path(made.mounts, f"{tmp_path}/t") is None
    made = after("mkdir s t; mount --bind s t; rmdir s", tmp_path)
    assert shown_path(made.mounts, f"{tmp_path}/t") is None


def test_a_file_can_be_bound(tmp_path: Path) -> None:
    made = after("echo a >s; echo b >t; mount --bind s t", tmp_path)
    assert shows(made.mounts, f"{tmp_path}/t", f"{tmp_path}/s")


@pytest.mark.parametrize("seed", range(6))
def test_the_kernel_enters_the_same_mount_for_every_path(tmp_path: Path, seed: int) -> None:
    choice = random.Random(seed)
    folders = ["a", "a/b", "a/b/c", "d", "d/e"]
    steps = [f"mkdir -p {' '.join(folders)}"]
    for _ in range(14):
        target, source = choice.choice(folders), choice.choice(folders)
        what = choice.choice([f"--bind {source}", f"--rbind {source}", "-t tmpfs t"])
        steps.append(f"mount {what} {target}; mkdir -p {' '.join(folders)}")
        if choice.random() < 0.2:
            steps.append(f"umount -l {choice.choice(folders)} 2>/dev/null || :; mkdir -p {' '.join(folders)}")
    paths = ["/", str(tmp_path), *(f"{tmp_path}/{folder}" for folder in folders)]
    made = after("; ".join(steps), tmp_path, paths)
    holders = {path: holding(made.mounts, path) for path in paths}
    assert {path: holder and holder.id for path, holder in holders.items()} == made.holders
