"""Machines that boot systemd: services, users' own ones, units that mount, and an order in which all starts and stops."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import kernel
from lab.control_groups import ControlGroups
from lab.fixtures import Ssh
from lab.keys import KeyPair, make_key
from lab.machines import Lab, LabError, LabUnavailable, SystemdMachine, User
from lab.trouble import boot, wait_until

SERVICE = """\
[Service]
ExecStart=sleep infinity
[Install]
WantedBy={target}
"""


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> KeyPair:
    return make_key(tmp_path_factory.mktemp("keys") / "id_ed25519")


@pytest.fixture(scope="module")
def one(lab: Lab, key: KeyPair) -> Iterator[SystemdMachine]:
    users = {"root": User(keys=[key.public]), "dev": User(keys=[key.public], sudo="nopasswd"), "eve": User()}
    machine = boot(lab, "trixie-systemd", users=users)
    assert isinstance(machine, SystemdMachine)
    yield machine
    machine.close()


def test_systemd_is_process_1_and_nothing_failed(one: SystemdMachine) -> None:
    assert one.read("/proc/1/comm") == b"systemd\n"
    assert one.run(["systemctl", "is-system-running"]).stdout == b"running\n", one.journal("-p", "warning")
    assert one.read("/proc/1/uid_map").split()[1] != b"0"
    assert one.run(["stat", "-f", "-c", "%T", "/sys/fs/cgroup"]).stdout == b"cgroup2fs\n"
    assert one.run(["/bin/sh", "-c", "ls -d /sys/fs/cgroup/*lab*"]).stdout == b""  # it sees its own folder as the top


def test_services_are_made_enabled_started_and_restarted_over_ssh(one: SystemdMachine, ssh: Ssh) -> None:
    one.write("/etc/systemd/system/nap.service", SERVICE.format(target="multi-user.target"))
    done = ssh(one, "root", "systemctl daemon-reload && systemctl enable --now nap && systemctl is-active nap")
    assert (done.returncode, done.stdout) == (0, "active\n"), done.stderr
    assert ssh(one, "dev", "sudo systemctl restart ssh && systemctl is-active ssh").stdout == "active\n"
    assert ssh(one, "dev", "systemctl stop nap").returncode != 0
    assert ssh(one, "dev", "systemctl is-active nap").stdout == "active\n"
    assert one.log().count("Server listening on 0.0.0.0") >= 2


def test_a_sandbox_that_a_service_asks_for_is_real(one: SystemdMachine) -> None:
    options = ("DynamicUser=yes", "ProtectSystem=strict", "PrivateTmp=yes", "ProtectHome=yes", "MemoryMax=64M")
    words = [word for option in options for word in ("--property", option)]
    command = ["systemd-run", "--wait", "--pipe", "--quiet", *words, "sh", "-c", "touch /etc/x; echo $?; ls /home"]
    assert one.run(command).stdout == b"1\n"


def test_who_logs_in_has_a_systemd_of_their_own(one: SystemdMachine, ssh: Ssh) -> None:
    one.write("/home/dev/.config/systemd/user/nap.service", SERVICE.format(target="default.target"))
    one.commander.succeed(["chown", "-R", "dev:dev", "/home/dev/.config"])
    command = "echo $XDG_RUNTIME_DIR; systemctl --user enable --now nap; systemctl --user is-active nap"
    done = ssh(one, "dev", command)
    assert done.stdout == "/run/user/1000\nactive\n", done.stderr


def test_a_user_who_lingers_needs_no_login(one: SystemdMachine) -> None:
    one.commander.succeed(["loginctl", "enable-linger", "eve"])
    status = ["systemctl", "--user", "--machine=eve@.host", "is-system-running", "--wait"]
    assert wait_until(lambda: one.run(status).stdout == b"running\n"), one.run(status)


def test_what_is_enabled_is_there_after_a_reboot(one: SystemdMachine, ssh: Ssh) -> None:
    one.write("/etc/systemd/system/kept.service", SERVICE.format(target="multi-user.target"))
    one.write("/etc/systemd/system/lost.service", SERVICE.format(target="multi-user.target"))
    one.write("/srv/from/file", "here\n")
    one.write("/etc/fstab", "/srv/from /srv/to none bind,ro,X-mount.mkdir 0 0\n")
    one.write("/etc/sysctl.d/90-lab.conf", "net.ipv4.tcp_keepalive_time = 654\nfs.inotify.max_user_watches = 654321\n")
    one.pretend_setting("fs.inotify.max_user_watches", "8192")
    one.commander.succeed(["systemctl", "daemon-reload"])
    one.commander.succeed(["systemctl", "enable", "--now", "kept"])
    one.commander.succeed(["systemctl", "start", "lost"])
    one.reboot()
    assert one.run(["systemctl", "is-active", "kept", "lost"]).stdout == b"active\ninactive\n"
    assert one.read("/srv/to/file") == b"here\n"
    assert one.read("/proc/sys/net/ipv4/tcp_keepalive_time") == b"654\n"
    assert one.read("/proc/sys/fs/inotify/max_user_watches") == b"654321\n"
    done = ssh(one, "dev", "sudo systemctl reboot")
    assert done.returncode in (0, 255), done.stderr
    one.await_power_off()
    one.boot()
    assert ssh(one, "dev", "systemctl is-active kept").stdout == "active\n"


def test_a_power_cut_is_not_the_end(one: SystemdMachine) -> None:
    one.write("/etc/kept", "on disk")
    one.kill()
    one.boot()
    assert one.read("/etc/kept") == b"on disk"
    assert one.run(["systemctl", "is-active", "ssh"]).stdout == b"active\n"


def test_sshd_stops_and_starts_and_a_bad_configuration_is_shown(one: SystemdMachine, ssh: Ssh) -> None:
    one.stop_sshd()
    assert ssh(one, "dev", "true").returncode == 255
    one.configure_sshd({"Nonsense": "yes"})
    with pytest.raises(LabError, match="Bad configuration option: Nonsense"):
        one.start_sshd()
    one.configure_sshd({})
    one.commander.succeed(["systemctl", "reset-failed", "ssh.service"])
    one.start_sshd()
    assert ssh(one, "dev", "id -un").stdout == "dev\n"


@pytest.fixture
def top() -> Iterator[int]:
    """The uppermost folder of this computer's control groups."""
    descriptor = kernel.mount_nowhere("cgroup2")
    yield descriptor
    os.close(descriptor)


@pytest.mark.parametrize("how", ["close", "SIGKILL"])
def test_its_control_groups_are_gone_with_the_runner(one: SystemdMachine, top: int, tmp_path: Path, how: str) -> None:
    assert one  # where there is none, this is skipped too
    program = (
        "import sys; from pathlib import Path; from lab.machines import Lab\n"
        f"lab = Lab(Path({str(tmp_path)!r})); lab.machine('trixie-systemd')\n"
        "print('ready', flush=True); sys.stdin.readline(); lab.close()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
    )
    assert child.stdin and child.stdout
    assert child.stdout.readline() == b"ready\n"
    (name,) = (each for each in folders(top) if each.startswith(f"reconcile-lab-{child.pid}-"))
    assert processes_about(name)
    if how == "SIGKILL":
        child.send_signal(signal.SIGKILL)
    else:
        child.stdin.write(b"\n")
        child.stdin.close()
    child.wait(timeout=60)
    assert wait_until(lambda: name not in folders(top))
    assert wait_until(lambda: not processes_about(name))


def processes_about(word: str) -> list[bytes]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found.append(path.read_bytes())
    return [words for words in found if word.encode() in words]


def folders(top: int) -> set[str]:
    return {name for name in os.listdir(top) if name.startswith("reconcile-lab-")}


def test_a_folder_is_removed_with_all_below_and_whoever_is_in_it(one: SystemdMachine, top: int) -> None:
    assert one
    groups = ControlGroups(owner=1_000_000)
    way_in = groups.found("box")
    os.mkdir(f"{groups.name}/box/inner", dir_fd=top)
    with subprocess.Popen(["sh", "-c", "echo 0 >&0; echo in; exec sleep 60"], stdin=way_in, stdout=-1) as sleeper:
        os.close(way_in)
        assert sleeper.stdout and sleeper.stdout.readline() == b"in\n"
        groups.remove("box")
        assert sleeper.wait(timeout=60) == -signal.SIGKILL
    groups.remove("box")  # which is not there any more
    groups.close()
    assert groups.name not in folders(top)


def test_who_is_not_root_hears_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(LabUnavailable, match="needs root here"):
        ControlGroups(owner=1_000_000)
