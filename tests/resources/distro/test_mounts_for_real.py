"""bind_mounts and mounts with the real mount, in a mount namespace of their own: planned, applied, and mounted as fstab says."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from private_etc import PATIENCE_SECONDS, PrivateEtc, private_etc

SCRIPT = Path(__file__).resolve().parents[3] / "reconciler/agents/check_fstab.sh"
ITEMS = """\
version: 1
distro:
  directories: [/srv/tools/stable]
  bind_mounts:
    /srv/gobin: {source: /srv/tools/stable, read_only: true}
    /srv/it's all "here" é: {source: /srv/tools/stable, options: [nofail, nosuid, noexec]}
  mounts:
    /srv/scratch: {source: tmpfs, type: tmpfs, options: [size=1m, nofail]}
"""


@dataclass
class Place:
    etc: PrivateEtc
    folder: Path

    def sh(self, text: str) -> str:
        """What a script prints; with everything else it failed."""
        argv = [*self.etc.root, "sh", "-euc", text]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def fails(self, text: str) -> str:
        done = subprocess.run(
            [*self.etc.root, "sh", "-c", text], capture_output=True, text=True, timeout=PATIENCE_SECONDS
        )
        assert done.returncode != 0, done.stdout
        return done.stderr

    def reconcile(self, *words: str, code: int = 0) -> str:
        argv = self.etc.reconcile(words[0], "-C", "/srv/repo", *words[1:], user=False)
        done = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def apply(self, document: str, code: int = 0) -> str:
        self.etc.at("/srv/repo/reconcile.yaml").write_text(document, encoding="utf-8")
        return self.reconcile("apply", "--yes", "--allow-exec", code=code)

    def mounts(self) -> list[dict[str, str]]:
        """What findmnt sees in /srv, topmost last."""
        said = self.sh("findmnt --json --list -o TARGET,SOURCE,FSTYPE,VFS-OPTIONS")
        return [row for row in json.loads(said)["filesystems"] if row["target"].startswith("/srv/")]

    def options(self, target: str) -> list[str]:
        (row,) = (row for row in self.mounts() if row["target"] == target)
        return row["vfs-options"].split(",")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    if not shutil.which("findmnt"):
        pytest.skip("findmnt is not installed")
    with private_etc({}) as etc:
        etc.environment["HOME"] = "/srv/home"
        etc.as_root("mount -t tmpfs -o mode=755 private /srv; mkdir /srv/home /srv/repo; : >/etc/fstab")
        yield Place(etc, tmp_path)


def test_all_of_it_is_mounted_as_declared(place: Place) -> None:
    place.apply(ITEMS)
    assert {"ro"} <= set(place.options("/srv/gobin"))
    assert {"rw", "nosuid", "noexec"} <= set(place.options('/srv/it\'s all "here" é'))
    place.sh("touch /srv/tools/stable/gopls; test -e /srv/gobin/gopls")
    assert "Read-only file system" in place.fails("touch /srv/gobin/x")
    assert [row["fstype"] for row in place.mounts() if row["target"] == "/srv/scratch"] == ["tmpfs"]
    place.sh("findmnt --verify --tab-file /etc/fstab")
    before = place.sh("cat /proc/self/mountinfo /etc/fstab")
    assert "nothing to change" in place.apply(ITEMS)
    assert place.sh("cat /proc/self/mountinfo /etc/fstab") == before


def test_mount_a_gives_the_same_after_a_start(place: Place) -> None:
    place.apply(ITEMS)
    before = sorted((row["target"], row["source"], row["vfs-options"]) for row in place.mounts())
    place.sh(
        'cut -d\' \' -f5 /proc/self/mountinfo | grep ^/srv/ | while read -r it; do umount "$(printf %b "$it")"; done'
    )
    assert place.mounts() == []
    place.sh("mount -a")
    assert sorted((row["target"], row["source"], row["vfs-options"]) for row in place.mounts()) == before
    place.reconcile("verify")


def test_what_was_mounted_by_hand_is_taken_up(place: Place) -> None:
    place.sh("mkdir -p /srv/tools/stable /srv/gobin; mount --bind /srv/tools/stable /srv/gobin")
    place.apply(ITEMS)
    assert len([row for row in place.mounts() if row["target"] == "/srv/gobin"]) == 1
    place.sh("mount -o remount,bind,rw /srv/gobin")
    assert "mounted: /srv/tools/stable, writable → /srv/tools/stable, read-only" in place.reconcile("verify", code=2)
    place.apply(ITEMS)
    assert {"ro"} <= set(place.options("/srv/gobin"))


def test_a_promotion_waits_for_what_runs(place: Place) -> None:
    place.apply(ITEMS)
    place.sh("mkdir /srv/tools/new; cp /bin/sleep /srv/tools/stable/busy")
    holder = subprocess.Popen([*place.etc.root, "/srv/gobin/busy", "60"])
    try:
        place.sh("until grep -qs /srv/gobin/busy /proc/[0-9]*/maps; do :; done")
        newer = ITEMS.replace("/srv/gobin: {source: /srv/tools/stable", "/srv/gobin: {source: /srv/tools/new")
        newer = newer.replace("[/srv/tools/stable]", "[/srv/tools/stable, /srv/tools/new]")
        assert "target is busy" in place.apply(newer, code=3)
        place.sh("test -e /srv/gobin/busy")
    finally:
        holder.kill()
        holder.wait()
    place.apply(newer)
    place.fails("test -e /srv/gobin/busy")
    assert len([row for row in place.mounts() if row["target"] == "/srv/gobin"]) == 1


def test_foreign_and_hidden_things_are_left_alone(place: Place) -> None:
    place.sh("mkdir -p /srv/gobin /srv/scratch; touch /srv/scratch/mine; mount -t tmpfs theirs /srv/gobin")
    before = place.sh("cat /proc/self/mountinfo")
    said = place.apply(ITEMS, code=5)
    assert "theirs (tmpfs), writable is mounted there, and /etc/fstab does not say so" in said
    assert "the mount would hide /srv/scratch, which holds mine" in said
    new = set(place.sh("cat /proc/self/mountinfo").splitlines()) - set(before.splitlines())
    assert [line.split()[4] for line in new] == ['/srv/it\'s\\040all\\040"here"\\040é']


def test_a_stack_is_told_and_taken_down(place: Place) -> None:
    place.apply(ITEMS)
    place.sh("mount /srv/gobin; mount /srv/gobin")
    assert "mounted 3 times, one on the other" in place.reconcile("plan", "-v")
    place.apply(ITEMS)
    gone = ITEMS[: ITEMS.index("  bind_mounts:")] + (
        '  bind_mounts: {/srv/gobin: {absent: true}, "/srv/it\'s all \\"here\\" é": {absent: true}}\n'
        "  mounts: {/srv/scratch: {absent: true}}\n"
    )
    place.apply(gone)
    assert place.mounts() == [] and place.sh("cat /etc/fstab") == ""
    place.sh("test -d /srv/gobin && test -d /srv/scratch")


def test_a_machine_is_described_as_it_is(place: Place) -> None:
    place.apply(ITEMS)
    place.sh("rm /srv/repo/reconcile.yaml")
    place.reconcile("init", "--user", "root")
    text = place.etc.at("/srv/repo/reconcile.yaml").read_text(encoding="utf-8")
    assert "/srv/gobin:" in text and "read_only: true" in text and "/srv/scratch:" in text
    assert "nothing to change" in place.reconcile("verify")


# ---- the check of a new table


def checked(place: Place, old: str, new: str) -> subprocess.CompletedProcess[str]:
    place.etc.at("/etc/fstab").write_text(old, encoding="utf-8")
    place.etc.at("/srv/new").write_text(new, encoding="utf-8")
    argv = [*place.etc.root, "env", "LC_ALL=C", "sh", "-c", SCRIPT.read_text(), "check-fstab", "/srv/new"]
    return subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE_SECONDS)


GOOD = "tmpfs /srv/home tmpfs size=1m 0 0\n"


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("", GOOD, None),
        ("", "", None),
        ("", "broken\n", "parse error at line 1 -- ignored"),
        ("broken\n", f"broken\n{GOOD}", None),
        ("broken\n", "broken\nworse\n", "parse error at line 2 -- ignored"),
        ("", "/srv/home /srv/nowhere none bind,nofail 0 0\n", "unreachable on boot required target"),
        ("", "UUID=1234-5678 /srv/home ext4 nofail 0 2\n", None),
        ("", "C: /srv/home drvfs metadata,nofail 0 0\n", None),
    ],
)
def test_a_new_table_may_not_be_worse_than_the_old(place: Place, old: str, new: str, why: str | None) -> None:
    done = checked(place, old, new)
    assert (done.returncode != 0) == (why is not None), done
    assert (why or "") in done.stderr.strip().rpartition("\n")[2]


def test_without_findmnt_every_table_is_good(place: Place) -> None:
    path = place.etc.programs_without("findmnt")
    argv = [*place.etc.root, "env", f"PATH={path}", "sh", "-c", SCRIPT.read_text(), "check-fstab", "/srv/new"]
    place.etc.at("/srv/new").write_text("broken\n")
    assert subprocess.run(argv, timeout=PATIENCE_SECONDS).returncode == 0
