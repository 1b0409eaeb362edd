"""Machines that are in the way: what is refused (5), what fails (3), and that nothing is torn."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounts in a mount namespace of its own: needs root")
WSL_CONF = "/etc/wsl.conf"


def only(machine, section: str) -> None:
    machine.write(f"version: 1\nworkstations: {{demo-laptop: {{match: {{hostname: '*'}}}}}}\n{section}\n")


@pytest.mark.parametrize("kind", ["directory", "fifo", "dangling link", "link"])
@pytest.mark.parametrize("what", ["files", "wsl_conf"])
def test_something_else_where_a_file_should_be_blocks_by_name(machine, kind: str, what: str) -> None:
    only(
        machine,
        "distro: {wsl_conf: {boot: {systemd: true}}}"
        if what == "wsl_conf"
        else "distro: {files: {/etc/wsl.conf: {content: x}}}",
    )
    path = machine.at(WSL_CONF)
    path.unlink()
    match kind:
        case "directory":
            path.mkdir()
        case "fifo":
            os.mkfifo(path)
        case "dangling link":
            path.symlink_to("/no/such/file")
        case "link":
            path.symlink_to("/etc/os-release")
    before = machine.at("/etc/os-release").read_bytes()
    applied = machine.run("apply", "--yes")
    assert applied.code == 5, applied.out + applied.err
    assert WSL_CONF in applied.out and "Traceback" not in applied.err
    assert not path.is_file() or path.is_symlink()
    assert machine.at("/etc/os-release").read_bytes() == before


def test_the_rest_is_written_where_one_thing_is_blocked(machine) -> None:
    only(machine, "distro: {files: {/etc/one: {content: '1'}, /etc/two: {content: '2'}}}")
    machine.at("/etc/one").mkdir()
    assert machine.run("apply", "--yes").code == 5
    assert machine.at("/etc/two").read_text() == "2"


def test_links_never_lead_out_of_the_root_file_system(machine, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    only(machine, "distro: {files: {/srv/data/file: {content: x}}}\nuser: {go_env: {GOPROXY: direct}}")
    machine.at("/srv").mkdir()
    machine.at("/srv/data").symlink_to(outside)
    env = machine.at("~/.config/go/env")
    env.unlink()
    env.symlink_to(outside / "stolen")
    machine.run("apply", "--yes")
    assert list(outside.iterdir()) == []


@as_root
def test_root_keeps_out_of_folders_that_others_can_write(machine) -> None:
    only(machine, "distro: {files: {/home/dev/notes: {content: x}, /tmp/x: {content: y}}}")
    machine.at("/tmp").mkdir(mode=0o1777)
    machine.at("/tmp").chmod(0o1777)
    applied = machine.run("apply", "--yes")
    assert applied.code == 5
    assert "declare it under user:" in applied.out
    assert not machine.at("/home/dev/notes").exists() and not machine.at("/tmp/x").exists()


def in_namespace(machine, script: str, *words: str) -> subprocess.CompletedProcess[str]:
    """The command after a shell script, in a mount namespace: what is mounted there goes with it."""
    run = [
        sys.executable,
        "-m",
        "reconciler",
        words[0],
        "-C",
        str(machine.repo),
        "--root",
        str(machine.root),
        "--user",
        "dev",
        *words[1:],
    ]
    shell = f'set -e; {script}; exec "$@"'
    argv = ["unshare", "-m", "--propagation", "private", "sh", "-c", shell, "sh", *run]
    return subprocess.run(
        argv, capture_output=True, text=True, timeout=60, env={**os.environ, "HOME": str(machine.home)}
    )


@as_root
@pytest.mark.skipif(shutil.which("unshare") is None, reason="no unshare here")
def test_a_read_only_file_system_fails_and_tears_nothing(machine) -> None:
    before = machine.at(WSL_CONF).read_bytes()
    script = f"mount --bind {machine.root}/etc {machine.root}/etc; mount -o remount,ro,bind {machine.root}/etc"
    ran = in_namespace(machine, script, "apply", "--yes")
    assert ran.returncode == 3, ran.stdout + ran.stderr
    assert "Read-only file system" in ran.stdout and WSL_CONF in ran.stdout
    assert machine.at(WSL_CONF).read_bytes() == before
    assert machine.at("~/.config/git/ignore").exists()


@as_root
@pytest.mark.skipif(shutil.which("unshare") is None, reason="no unshare here")
def test_no_space_fails_and_tears_nothing(machine) -> None:
    only(machine, "distro: {files: {/srv/big: {source: big}, /etc/small: {content: s}}}")
    (machine.repo / "big").write_bytes(b"x" * 900_000)
    machine.at("/srv").mkdir()
    ran = in_namespace(machine, f"mount -t tmpfs -o size=64k,mode=755 none {machine.root}/srv", "apply", "--yes")
    assert ran.returncode == 3, ran.stdout + ran.stderr
    assert "No space left on device" in ran.stdout
    assert machine.at("/etc/small").read_text() == "s"


def test_bytes_that_are_no_utf8_and_windows_line_ends_go_through(machine) -> None:
    only(machine, "user: {go_env: {GOPROXY: direct}}\ndistro: {wsl_conf: {boot: {systemd: true}}}")
    machine.at("~/.config/go/env").write_bytes(b"# caf\xe9\r\nGOPRIVATE=\xff\r\n")
    machine.at(WSL_CONF).write_bytes(b"# caf\xe9\r\n[automount]\r\nenabled = true\r\n")
    assert machine.run("apply", "--yes").code == 0
    assert machine.at("~/.config/go/env").read_bytes() == b"# caf\xe9\r\nGOPRIVATE=\xff\r\nGOPROXY=direct\n"
    assert machine.at(WSL_CONF).read_bytes().startswith(b"# caf\xe9\r\n[automount]\r\nenabled = true\r\n")
    assert machine.run("verify").code == 0
