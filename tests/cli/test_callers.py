"""Who calls: root under sudo, and somebody who changes their mind."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reconciler.cli.doors import UNDER_SUDO, RemoteDoors
from reconciler.documents.machine_file import MachineFile
from reconciler.documents.reader import Caller
from reconciler.execution.doors import NoDoor
from reconciler.model.address import Target
from reconciler.model.remote import Remote

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="plays sudo: needs root")


@as_root
def test_under_sudo_the_callers_user_layer_is_meant_and_written_with_the_callers_rights(
    machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = pwd.getpwnam("daemon")
    with machine.at("/etc/passwd").open("a") as file:
        file.write(f"daemon:x:{caller.pw_uid}:{caller.pw_gid}::/home/daemon:/bin/sh\n")
    home = machine.at("/home/daemon")
    home.mkdir()
    os.chown(home, caller.pw_uid, caller.pw_gid)
    monkeypatch.setenv("SUDO_USER", "daemon")
    applied = machine.command("apply", "-C", str(machine.repo), "--root", str(machine.root), "--yes")
    assert applied.code == 0, applied.out + applied.err
    assert "demo-laptop/main/daemon" in applied.out and "demo-laptop/main/root" not in applied.out
    written = home / ".config/go/env"
    assert written.stat().st_uid == caller.pw_uid
    assert machine.at("/etc/wsl.conf").stat().st_uid == 0


@as_root
def test_under_sudo_the_callers_ssh_is_left_alone(machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root neither reads what somebody else may have linked to anything, nor writes there."""
    machine.write(
        "version: 1\nworkstations: {box: {ssh: {host: 127.0.0.1, port: 9}}}\nuser: {files: {~/x: {content: x}}}\n"
    )
    monkeypatch.setenv("SUDO_USER", "daemon")
    planned = machine.command("plan", "-C", str(machine.repo), "-l", "box")
    assert planned.code == 4 and "under sudo no other machine is reached" in planned.out, planned
    trusted = machine.command("trust", "-C", str(machine.repo), "box")
    assert trusted.code == 64 and "run it without sudo" in trusted.err, trusted

    (tmp_path / ".ssh").mkdir()
    os.mkfifo(tmp_path / ".ssh/config")  # whoever opens it waits for ever
    who = Caller(name="daemon", uid=1, gid=1, home=str(tmp_path), config=tmp_path)
    doors = RemoteDoors(who, MachineFile(path=tmp_path), lambda target: Remote(host="box"))
    assert doors.login(Target("box", "main")) is None
    assert doors.door(Target("box", "main")) == NoDoor(why=UNDER_SUDO, fix="run it without sudo: it asks where it must")


def test_ctrl_c_while_a_machine_is_asked_is_130_and_what_hangs_is_ended_by_its_own_time_limit(
    machine, trusted_home: Path
) -> None:
    machine.write("version: 1\nuser: {go_env: {GOPROXY: direct}}\n")
    (trusted_home / ".profile").write_text("sleep 4321\n")
    argv = [sys.executable, "-m", "reconciler", "plan", "-C", str(machine.repo)]
    environment = {**os.environ, "HOME": str(trusted_home), "SHELL": "/bin/sh"}
    with subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        time.sleep(2)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 130, err
    assert err.strip() == "interrupted"
    deadline = time.monotonic() + 10
    while is_running() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not is_running()


def is_running() -> bool:
    return any(b"sleep\x004321" in read(path / "cmdline") for path in Path("/proc").iterdir() if path.name.isdigit())


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
