"""bind_mounts and mounts over SSH: what is applied is mounted, stays so when it is applied again, and comes back with a start."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.keys import KeyPair
from lab.machines import Machine, User, Wsl
from lab.office import Office, Ran

MakeMachine = Callable[..., Machine]
ROOTS = ("bookworm", "trixie", "busybox")
BINDS = """\
  directories: [/opt/gobin/stable, /opt/gobin/canary]
  bind_mounts:
    /srv/gobin: {source: /opt/gobin/stable, read_only: true}
    '/srv/all "it''s" é': {source: /opt/gobin/canary, options: [nofail, nosuid, noexec]}
"""
MOUNTS = "  mounts: {/srv/scratch: {source: tmpfs, type: tmpfs, options: [size=1m, nofail]}}\n"
GONE = """\
  bind_mounts: {/srv/gobin: {absent: true}, '/srv/all "it''s" é': {absent: true}}
  mounts: {/srv/scratch: {absent: true}}
"""


@dataclass
class Desk:
    office: Office
    machine: Machine

    def declare(self, body: str) -> None:
        self.office.declares({"lt": (self.machine, "root")}, f"distro:\n{body}")

    def run(self, command: str, code: int = 0) -> Ran:
        more = ("--yes", "--allow-exec") if command == "apply" else ()
        ran = self.office.run(command, "--all", *more)
        assert ran.code == code, ran
        return ran

    def apply(self, body: str) -> Ran:
        self.declare(body)
        ran = self.run("apply")
        self.run("verify")
        return ran

    def sh(self, text: str, code: int = 0) -> str:
        """What root's shell prints there, errors included."""
        done = self.machine.run(["/bin/sh", "-c", f"exec 2>&1; {text}"])
        assert done.code == code, done
        return done.stdout.decode()

    def mounts(self) -> list[tuple[str, str, str]]:
        """Target, root and own options of what is mounted in /srv, as the kernel lists it."""
        rows = [line.split() for line in self.sh("cat /proc/self/mountinfo").splitlines()]
        return [(row[4], row[3], row[5].split(",")[0]) for row in rows if row[4].startswith("/srv/")]


@pytest.fixture
def desk(machine: MakeMachine, key: KeyPair, tmp_path: Path) -> Callable[..., Desk]:
    def make(root: str, **options: object) -> Desk:
        one = machine(root, users={"root": User(keys=[key.public])}, **options)
        office = Office(tmp_path / "office")
        office.has_key(key)
        office.knows(one)
        return Desk(office, one)

    return make


@pytest.mark.parametrize("root", ROOTS)
def test_all_is_mounted_once_and_taken_away_again(desk: Callable[..., Desk], root: str) -> None:
    here = desk(root, wsl=Wsl())
    here.machine.write("/etc/fstab", "# mine\n")
    here.apply(BINDS + MOUNTS)
    assert [(target, mode) for target, _, mode in here.mounts()] == [
        ('/srv/all\\040"it\'s"\\040é', "rw"),
        ("/srv/gobin", "ro"),
        ("/srv/scratch", "rw"),
    ]
    here.sh("touch /opt/gobin/stable/gopls; test -e /srv/gobin/gopls; cd /srv/all*; touch x /srv/scratch/x")
    assert "Read-only file system" in here.sh("touch /srv/gobin/x", code=1)
    before = here.sh("cat /proc/self/mountinfo /etc/fstab")
    assert "nothing to change" in here.run("apply").words
    assert here.sh("cat /proc/self/mountinfo /etc/fstab") == before

    here.apply(GONE)
    assert here.mounts() == [] and here.sh("cat /etc/fstab") == "# mine\n"
    assert here.sh("ls /srv/gobin /srv/scratch; ls /opt/gobin/stable") == "/srv/gobin:\n\n/srv/scratch:\ngopls\n"


@pytest.mark.parametrize("root", ["bookworm", "trixie"])
def test_findmnt_agrees_and_a_start_of_wsl_gives_the_same(desk: Callable[..., Desk], root: str) -> None:
    here = desk(root, wsl=Wsl())
    here.apply(BINDS + MOUNTS)
    said = json.loads(here.sh("findmnt --json --list -o TARGET,FSROOT,FSTYPE,VFS-OPTIONS"))["filesystems"]
    seen = {row["target"]: (row["fsroot"], row["vfs-options"].split(",")) for row in said}
    assert seen["/srv/gobin"][0] == "/opt/gobin/stable" and "ro" in seen["/srv/gobin"][1]
    assert {"nosuid", "noexec"} <= set(seen['/srv/all "it\'s" é'][1])
    here.sh("findmnt --verify")
    before = sorted(here.mounts())
    here.machine.reboot()
    assert sorted(here.mounts()) == before
    here.run("verify")


def test_busybox_forgets_what_is_read_only_and_is_reminded(desk: Callable[..., Desk]) -> None:
    here = desk("busybox", wsl=Wsl())
    assert "read-only binds can be written until the next apply" in here.apply(BINDS).words
    here.machine.reboot()
    here.sh("touch /srv/gobin/x")
    assert "mounted: /opt/gobin/stable, writable → /opt/gobin/stable, read-only" in here.run("verify", code=2).words
    here.run("apply")
    here.run("verify")
    assert "Read-only file system" in here.sh("touch /srv/gobin/y", code=1)


def test_systemd_knows_of_them_at_once_and_mounts_them_when_it_starts(desk: Callable[..., Desk]) -> None:
    here = desk("trixie-systemd")
    here.apply(BINDS + MOUNTS)
    assert here.sh("systemctl show -p ActiveState -p NeedDaemonReload srv-gobin.mount srv-scratch.mount").split() == [
        "ActiveState=active",
        "NeedDaemonReload=no",
        "ActiveState=active",
        "NeedDaemonReload=no",
    ]
    here.machine.reboot()
    here.run("verify")
    # systemd makes a source that is missing, if it can.
    here.sh("umount /srv/gobin /srv/all*; rm -r /opt/gobin; touch /opt/gobin")
    here.machine.reboot()
    assert here.sh("systemctl is-active srv-gobin.mount", code=3) == "failed\n"
    assert here.sh("systemctl is-active multi-user.target") == "active\n"
    here.run("verify", code=5)
    here.sh("rm /opt/gobin")
    here.run("apply")
    here.run("verify")
    here.apply(GONE)
    assert here.sh("systemctl is-active srv-gobin.mount", code=4) == "inactive\n"


@pytest.mark.parametrize("root", ["trixie", "busybox"])
def test_another_source_waits_for_what_runs_from_the_old(desk: Callable[..., Desk], root: str) -> None:
    here = desk(root)
    here.apply(BINDS)
    here.sh("printf '#!/bin/sh\\nread -r line\\n' >/opt/gobin/stable/tool; chmod 755 /opt/gobin/stable/tool")
    here.sh("mkfifo /run/pipe; cd /srv/gobin; ./tool <>/run/pipe >/dev/null & echo $! >/run/tool.pid")
    here.declare(BINDS.replace("{source: /opt/gobin/stable", "{source: /opt/gobin/canary"))
    assert "busy" in here.run("apply", code=3).words
    here.sh("test -e /srv/gobin/tool; kill $(cat /run/tool.pid)")
    here.run("apply")
    here.run("verify")
    assert [root for target, root, _ in here.mounts() if target == "/srv/gobin"] == ["/opt/gobin/canary"]


@pytest.mark.parametrize("root", ["trixie", "busybox"])
def test_what_is_there_already_is_taken_up_or_left_alone(desk: Callable[..., Desk], root: str) -> None:
    here = desk(root)
    here.sh("mkdir -p /opt/gobin/stable /opt/gobin/canary /srv/gobin /srv/scratch /srv/other; touch /srv/scratch/mine")
    here.sh("mount -o bind /opt/gobin/stable /srv/gobin; mount -t tmpfs theirs /srv/other")
    other = "    /srv/other: {source: /opt/gobin/canary}\n"
    here.declare(BINDS + other + MOUNTS)
    said = here.run("apply", code=5).words
    assert "theirs (tmpfs), writable is mounted there, and /etc/fstab does not say so" in said
    assert "the mount would hide /srv/scratch, which holds mine" in said
    assert sorted(here.mounts())[1:] == [("/srv/gobin", "/opt/gobin/stable", "ro"), ("/srv/other", "/", "rw")]
    here.sh("mount /srv/gobin")
    assert "mounted 2 times, one on the other" in here.office.run("plan", "--all", "-v").words
    here.declare(GONE)
    here.run("apply")
    assert here.mounts() == [("/srv/other", "/", "rw")]


def test_wsl_that_does_not_read_the_table_is_told_first(desk: Callable[..., Desk]) -> None:
    here = desk("bookworm", wsl=Wsl(conf="[automount]\nmountFsTab = false\n"))
    here.declare(BINDS)
    assert "needs wsl_conf automount.mountFsTab = true" in here.run("apply", code=5).words
    here.declare(f"{BINDS}  wsl_conf: {{automount: {{mountFsTab: true}}}}\n")
    here.run("apply")
    here.machine.reboot()
    here.run("verify")
