"""The lab does what tests rely on: real machines, real sudo, faults that happen when asked for, nothing left over."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import paramiko
import pytest

from lab.fixtures import Ssh
from lab.keys import KeyPair, sign
from lab.machines import Lab, LabError, LabUnavailable, Machine, User
from lab.namespaces import subordinate_ids

MakeMachine = Callable[..., Machine]
ROOTS = ("bookworm", "trixie", "busybox")
DEBIAN = ("bookworm", "trixie")
PASSWORD = "s3cret pass"
PATIENCE_SECONDS = 5.0


def connect(machine: Machine) -> socket.socket:
    connection = socket.create_connection((machine.host, machine.port), timeout=PATIENCE_SECONDS)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def banner_seconds(connection: socket.socket) -> float:
    start = time.monotonic()
    assert connection.recv(4) == b"SSH-"
    return time.monotonic() - start


def test_three_kinds_of_machines_answer_root_and_users_over_ssh(
    lab: Lab, machine: MakeMachine, key: KeyPair, ssh: Ssh
) -> None:
    lab.prepare(*ROOTS)
    users = {"root": User(keys=[key.public]), "dev": User(keys=[key.public])}
    for name, system in zip(ROOTS, ("bookworm", "trixie", "Alpine"), strict=True):
        one = machine(name, users=users)
        for user, uid in (("root", "0"), ("dev", "1000")):
            done = ssh(one, user, "id -u; uname -n; echo $HOME; cat /etc/os-release; cat /proc/$$/comm; tty")
            assert done.returncode == 1, done.stderr
            lines = done.stdout.splitlines()
            assert lines[:3] == [uid, one.name, "/root" if user == "root" else f"/home/{user}"]
            assert any(system in line for line in lines)
            assert lines[-1] == "not a tty"
        assert one.connections == 2
        assert len(re.findall("Accepted publickey", one.log())) == 2
        assert len(re.findall("Starting session: command", one.log())) == 2
        assert one.read("/etc/machine-id").decode().strip() == one.machine_id


def test_the_busybox_machine_has_musl_and_shows_no_glibc(machine: MakeMachine) -> None:
    one = machine("busybox")
    look = "ls -d /lib/ld-musl-*.so.1 /lib/*gnu* /lib64 /lib/ld-linux* /lib/libc.so.6 /usr/bin/ldd 2>/dev/null"
    assert re.fullmatch(rb"/lib/ld-musl-\w+\.so\.1\n", one.run(["/bin/sh", "-c", look]).stdout)
    assert b"BusyBox" in one.run(["/bin/sh", "--help"]).stderr


def test_root_of_a_machine_is_nobody_outside_and_its_root_is_its_own(lab: Lab, machine: MakeMachine) -> None:
    one = machine()
    inner, outer, count = one.read("/proc/self/uid_map").split()
    assert (inner, count) == (b"0", b"65536")
    assert int(outer) >= 65_536
    ours, root = Path("/").stat(), one.run(["stat", "-c", "%d %i", "/"]).stdout
    assert root.split() != [b"%d" % ours.st_dev, b"%d" % ours.st_ino]
    # Whoever enters its mounts must land in the same place: with chroot that would be the runner's own root.
    enter = 'nsenter -t "$(pgrep -n -x sshd)" -m stat -c "%d %i" /'
    assert lab.namespaces.commander.run(["sh", "-c", enter]).stdout == root
    setting = "/proc/sys/fs/inotify/max_user_watches"
    assert one.run(["/bin/sh", "-c", f"cat {setting} >{setting}"]).code != 0
    assert one.run(["ls", "-A", "/mnt"]).stdout == b""
    assert one.read("/proc/mounts").count(b" / ") == 1
    assert one.read("/proc/1/comm") == b"init\n"


def test_a_machine_sees_no_network_but_the_labs(machine: MakeMachine) -> None:
    one = machine()
    assert one.run(["ip", "route"]).stdout.decode().split("\n")[0].startswith("10.77.0.0/16 dev eth0")
    assert b"default" not in one.run(["ip", "route"]).stdout


@pytest.mark.parametrize("root", DEBIAN)
def test_sudo_is_the_real_one(machine: MakeMachine, root: str) -> None:
    users = {
        "asked": User(password=PASSWORD, sudo="password", sudo_defaults=["lecture=always", "passwd_tries=1"]),
        "trusted": User(password=PASSWORD, sudo="nopasswd"),
        "terminal": User(password=PASSWORD, sudo="password", sudo_defaults=["requiretty"]),
        "expired": User(password=PASSWORD, password_expired=True, sudo="password"),
        "nobody-special": User(password=PASSWORD),
    }
    one = machine(root, users=users)

    def sudo(user: str, password: str, *words: str) -> tuple[int, str, str]:
        result = one.run(["sudo", "-S", "-p", "", *words, "id", "-u"], user=user, input=f"{password}\n".encode())
        return result.code, result.stdout.decode(), result.stderr.decode()

    code, out, err = sudo("asked", PASSWORD)
    assert (code, out) == (0, "0\n")
    assert "usual lecture" in err
    code, out, err = sudo("asked", "wrong", "-k")
    assert (code, out) == (1, "")
    assert "1 incorrect password attempt" in err
    assert sudo("trusted", "", "-n") == (0, "0\n", "")
    assert "a password is required" in sudo("asked", "", "-n", "-k")[2]
    assert "must have a tty" in sudo("terminal", PASSWORD)[2]
    code, out, err = sudo("expired", PASSWORD)
    assert code == 1
    assert "password is expired" in err
    assert "not in the sudoers file" in sudo("nobody-special", PASSWORD)[2]


@pytest.mark.parametrize("root", DEBIAN)
def test_doas_is_the_real_one(machine: MakeMachine, root: str) -> None:
    one = machine(root, users={"trusted": User(doas="nopasswd"), "asked": User(password=PASSWORD, doas="password")})
    assert one.run(["doas", "-n", "id", "-u"], user="trusted").stdout == b"0\n"
    refused = one.run(["doas", "-n", "id", "-u"], user="asked")
    assert (refused.code, refused.stdout) == (1, b"")
    assert b"Authentication required" in refused.stderr
    with paramiko.Transport(connect(one)) as transport:
        transport.start_client(timeout=PATIENCE_SECONDS)
        transport.auth_password("asked", PASSWORD)
        session = transport.open_session(timeout=PATIENCE_SECONDS)
        session.settimeout(PATIENCE_SECONDS)
        session.get_pty()
        session.exec_command("doas id -u")
        while not session.recv(100).endswith(b"password: "):
            pass
        session.sendall(f"{PASSWORD}\n".encode())
        assert session.makefile().read().split() == [b"0"]


@pytest.mark.parametrize("root", ROOTS)
def test_passwords_open_the_door_when_they_are_right(machine: MakeMachine, root: str) -> None:
    one = machine(root, users={"dev": User(password=PASSWORD)})
    with paramiko.Transport(connect(one)) as transport:
        transport.start_client(timeout=PATIENCE_SECONDS)
        assert f"{transport.get_remote_server_key().get_name()} " in one.host_keys[0]
        with pytest.raises(paramiko.AuthenticationException):
            transport.auth_password("dev", "wrong", fallback=False)
        assert transport.auth_password("dev", PASSWORD, fallback=False) == []
        session = transport.open_session(timeout=PATIENCE_SECONDS)
        session.exec_command("cat; exit 7")
        session.sendall(b"to and fro")
        session.shutdown_write()
        assert session.recv(100) == b"to and fro"
        assert session.recv_exit_status() == 7


def test_keyboard_interactive_works_through_pam(machine: MakeMachine) -> None:
    options = {"UsePAM": "yes", "KbdInteractiveAuthentication": "yes", "PasswordAuthentication": "no"}
    one = machine(users={"dev": User(password=PASSWORD)}, sshd_options=options)
    with paramiko.Transport(connect(one)) as transport:
        transport.start_client(timeout=PATIENCE_SECONDS)
        assert transport.auth_interactive("dev", lambda _title, _text, prompts: [PASSWORD for _ in prompts]) == []
        session = transport.open_session(timeout=PATIENCE_SECONDS)
        session.exec_command("id -un")
        assert session.recv(100) == b"dev\n"


def test_certificates_of_users_and_hosts_are_honoured(
    machine: MakeMachine,
    authority: KeyPair,
    key: KeyPair,
    tmp_path: Path,
    ssh: Ssh,
) -> None:
    one = machine(users={"dev": User()})
    sign(authority, key, principals=["dev"])
    host_key = tmp_path / "keys" / "host"
    host_key.with_suffix(".pub").write_text(f"{one.host_keys[0]}\n")
    certificate = sign(authority, KeyPair(path=host_key, public=""), principals=[one.host], host=True)
    one.write("/etc/ssh/authority.pub", authority.public + "\n")
    one.write("/etc/ssh/host-cert.pub", certificate.read_text())
    one.configure_sshd({"TrustedUserCAKeys": "/etc/ssh/authority.pub", "HostCertificate": "/etc/ssh/host-cert.pub"})
    one.stop_sshd()
    one.start_sshd()
    known = f"@cert-authority [{one.host}]:{one.port} {authority.public}\n"
    done = ssh(one, "dev", "id -un", "-o", "HostKeyAlgorithms=ssh-ed25519-cert-v01@openssh.com", known=known)
    assert (done.returncode, done.stdout) == (0, "dev\n"), done.stderr


@pytest.mark.parametrize("shell", ["/usr/bin/fish", "/bin/tcsh"])
def test_odd_login_shells_are_there(machine: MakeMachine, key: KeyPair, shell: str, ssh: Ssh) -> None:
    one = machine("trixie", users={"dev": User(keys=[key.public], shell=shell)})
    assert ssh(one, "dev", "echo $SHELL").stdout == f"{shell}\n"


def test_machines_reach_each_other_and_a_jump_host_works(machine: MakeMachine, key: KeyPair, tmp_path: Path) -> None:
    users = {"root": User(keys=[key.public])}
    jump, behind = machine(users=users), machine("busybox", users=users)
    known = tmp_path / "known_hosts"
    known.write_text(jump.known_hosts_line() + behind.known_hosts_line(behind.address))
    config = tmp_path / "config"
    config.write_text(
        f"Host *\n User root\n IdentityFile {key.path}\n UserKnownHostsFile {known}\n BatchMode yes\n"
        f"Host jump\n HostName {jump.host}\n Port {jump.port}\n"
        f"Host behind\n HostName {behind.address}\n ProxyJump jump\n"
    )
    done = subprocess.run(
        ["ssh", "-F", str(config), "behind", "uname -n"],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.stdout == f"{behind.name}\n", done.stderr
    assert (jump.connections, behind.connections) == (1, 0)


def test_a_cut_resets_what_is_open_and_lets_new_ones_in(machine: MakeMachine) -> None:
    one = machine()
    connection = connect(one)
    banner_seconds(connection)
    one.cut()
    with pytest.raises(ConnectionResetError):
        while connection.recv(4096):
            pass
    banner_seconds(connect(one))
    assert one.connections == 2


def test_a_cut_after_some_bytes_lets_just_these_through(machine: MakeMachine) -> None:
    one = machine()
    one.cut_after(10)
    connection = connect(one)
    received = b""
    with pytest.raises(ConnectionResetError):
        while data := connection.recv(4096):
            received += data
    assert received == b"SSH-2.0-Op"


def test_a_frozen_way_moves_nothing_until_it_is_thawed(machine: MakeMachine) -> None:
    one = machine()
    before = connect(one)
    banner_seconds(before)
    one.freeze()
    after = connect(one)
    after.settimeout(0.3)
    with pytest.raises(TimeoutError):
        after.recv(4)
    one.thaw()
    after.settimeout(PATIENCE_SECONDS)
    banner_seconds(after)


def test_delay_and_speed_are_as_asked(machine: MakeMachine) -> None:
    one = machine()
    one.delay(0.3)
    assert 0.3 <= banner_seconds(connect(one)) < 1.5
    one.heal()
    one.slow(40)
    connection, start = connect(one), time.monotonic()
    while not connection.recv(1).endswith(b"\n"):
        pass
    assert time.monotonic() - start > 0.5  # "SSH-2.0-OpenSSH_9.2p1 Debian…\r\n" is 40 bytes or so


def test_a_refused_and_a_silent_machine_are_told_apart(machine: MakeMachine) -> None:
    one = machine()
    one.refuse()
    with pytest.raises(ConnectionRefusedError):
        connect(one)
    one.heal()
    one.blackhole()
    silent = connect(one)
    silent.settimeout(0.3)
    with pytest.raises(TimeoutError):
        silent.recv(1)
    one.heal()
    banner_seconds(connect(one))


def test_a_power_cut_ends_everything_and_keeps_the_disk(machine: MakeMachine) -> None:
    one = machine()
    one.write("/etc/kept", "on disk", mode=0o640, owner="root")
    one.write("/run/lost", "in memory")
    connection = connect(one)
    banner_seconds(connection)
    one.kill()
    with pytest.raises(LabError, match="not running"):
        one.run(["true"])
    one.boot()
    assert one.run(["stat", "-c", "%a %U", "/etc/kept"]).stdout == b"640 root\n"
    assert one.run(["test", "-e", "/run/lost"]).code == 1
    banner_seconds(connect(one))


def test_a_full_disk_takes_nothing_more_until_there_is_room(machine: MakeMachine) -> None:
    one = machine(disk_mib=8)
    assert one.run(["stat", "-f", "-c", "%b %s", "/"]).stdout.split() == [b"2048", b"4096"]
    one.fill()
    full = one.run(["/bin/sh", "-c", "head -c 9 /dev/zero >/etc/new"])
    assert b"No space left" in full.stderr
    one.make_room()
    one.fill(leave_bytes=65_536)
    assert one.run(["/bin/sh", "-c", "head -c 32768 /dev/zero >/etc/new"]).code == 0
    assert one.run(["/bin/sh", "-c", "head -c 99999 /dev/zero >/etc/more"]).code != 0


@pytest.mark.parametrize("root", ROOTS)
def test_stopped_sessions_say_nothing_and_go_on_when_continued(machine: MakeMachine, key: KeyPair, root: str) -> None:
    one = machine(root, users={"dev": User(keys=[key.public])})
    with paramiko.Transport(connect(one)) as transport:
        transport.start_client(timeout=PATIENCE_SECONDS)
        transport.auth_publickey("dev", paramiko.Ed25519Key.from_private_key_file(str(key.path)))
        session = transport.open_session(timeout=PATIENCE_SECONDS)
        session.exec_command("cat")
        session.settimeout(PATIENCE_SECONDS)
        session.sendall(b"first")
        assert session.recv(5) == b"first"  # or the stop may hit the program itself, just before it is no sshd any more
        one.freeze_sessions()
        session.sendall(b"hello")
        session.settimeout(0.3)
        with pytest.raises(TimeoutError):
            session.recv(5)
        banner_seconds(connect(one))  # others are served
        one.thaw_sessions()
        session.settimeout(PATIENCE_SECONDS)
        assert session.recv(5) == b"hello"
        one.stop_sshd()
        session.sendall(b"still")
        assert session.recv(5) == b"still"


@pytest.mark.parametrize("root", ROOTS)
def test_strace_sees_every_program_with_its_whole_environment(
    machine: MakeMachine, key: KeyPair, root: str, ssh: Ssh
) -> None:
    elevated = "sudo -n sh -c 'id -u; : in-a-root-shell'" if root in DEBIAN else "sh -c 'id -u; : in-a-root-shell'"
    one = machine(root, users={"dev": User(keys=[key.public], sudo="nopasswd")}, strace=True)
    done = ssh(one, "dev", f"env CANARY={'x' * 5000} {elevated}")
    assert done.stdout.split() == ["0" if root in DEBIAN else "1000"], done.stderr
    assert f'"CANARY={"x" * 5000}"' in one.trace()
    assert "in-a-root-shell" in one.trace()
    one.stop_sshd()
    one.start_sshd()
    assert "in-a-root-shell" in one.trace()


def test_an_sshd_that_is_slow_to_end_has_ended_before_the_next_one_starts(machine: MakeMachine) -> None:
    one = machine("trixie", strace=True)
    hold = "read -r sshd </run/sshd.pid; kill -STOP $sshd; (sleep 0.3; kill -CONT $sshd) >/dev/null 2>&1 </dev/null &"
    one.commander.succeed(["/bin/sh", "-c", hold])
    one.stop_sshd()
    one.start_sshd()
    banner_seconds(connect(one))


def test_what_one_client_does_wrong_is_not_held_against_the_next(machine: MakeMachine) -> None:
    """All of them have the address of the lab's bridge: OpenSSH 9.8 and later would refuse them for a while."""
    one = machine("trixie", users={"dev": User(password=PASSWORD)})
    for _attempt in range(5):
        with paramiko.Transport(connect(one)) as transport:
            transport.start_client(timeout=PATIENCE_SECONDS)
            with pytest.raises(paramiko.AuthenticationException):
                transport.auth_password("dev", "wrong", fallback=False)
    banner_seconds(connect(one))
    assert "penalis" not in one.log()


def test_out_of_band_commands_are_bounded_and_binary_clean(machine: MakeMachine) -> None:
    one = machine(users={"dev": User()})
    data = bytes(range(256)) * 10_000
    assert one.run(["cat"], user="dev", input=data).stdout == data
    assert one.run(["/bin/sh", "-c", "pwd; echo $HOME; echo oops >&2; exit 3"], user="dev").stderr == b"oops\n"
    start = time.monotonic()
    with pytest.raises(TimeoutError, match="sleep 60"):
        one.run(["sleep", "60"], timeout=0.2)
    assert time.monotonic() - start < 3
    assert b"sleep 60" not in one.run(["ps", "-e", "-o", "args"]).stdout


def test_an_sshd_that_does_not_start_shows_its_log(lab: Lab) -> None:
    with pytest.raises(LabError, match=r"(?s)does not listen.*Bad configuration option: Nonsense"):
        lab.machine(sshd_options={"Nonsense": "yes"})


def test_a_user_without_spare_ids_is_told_which_line_is_missing(tmp_path: Path) -> None:
    table = tmp_path / "subuid"
    table.write_text("somebody:100000:65536\n")
    with pytest.raises(LabUnavailable, match=r"subuid has no line for \S+ with 65536 ids"):
        subordinate_ids(table)


@pytest.mark.parametrize("how", ["close", "SIGKILL"])
def test_nothing_outlives_the_run(lab: Lab, tmp_path: Path, how: str) -> None:
    assert lab  # where there is none, this is skipped too
    program = (
        "import sys; from pathlib import Path; from lab.machines import Lab\n"
        f"lab = Lab(Path({str(tmp_path)!r})); lab.machine('busybox')\n"
        "print('ready', flush=True); sys.stdin.readline(); lab.close()"
    )
    mounts = Path("/proc/self/mountinfo").read_text()
    child = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
    )
    assert child.stdin
    assert child.stdout
    assert child.stdout.readline()
    started = descendants(child.pid)
    used = namespaces_of(started) - namespaces_of([os.getpid()])
    assert len(started) >= 5  # itself, the lab's two, the machine's first and its sshd
    assert len(used) >= 6  # only root sees more than the first of them
    if how == "SIGKILL":
        child.send_signal(signal.SIGKILL)
    else:
        child.stdin.write(b"\n")
        child.stdin.close()
    child.wait(timeout=10)
    end = time.monotonic() + PATIENCE_SECONDS
    while (left := (started & {*every_process()}, used & namespaces_of(every_process()))) != (set(), set()):
        assert time.monotonic() < end, left
        time.sleep(0.02)
    assert Path("/proc/self/mountinfo").read_text() == mounts


def every_process() -> dict[int, int]:
    """Each with its parent; without the dead that the computer's own process 1 has yet to bury."""
    found: dict[int, int] = {}
    for process in (path.name for path in Path("/proc").glob("[0-9]*")):
        with contextlib.suppress(OSError):
            state, parent = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[:2]
            if state != "Z":
                found[int(process)] = int(parent)
    return found


def descendants(process: int) -> set[int]:
    found, size = {process}, 0
    while size < len(found):
        size = len(found)
        found |= {child for child, parent in every_process().items() if parent in found}
    return found


def namespaces_of(processes: Iterable[int]) -> set[str]:
    found: set[str] = set()
    for process in processes:
        for name in ("user", "mnt", "pid", "net", "ipc", "uts"):
            with contextlib.suppress(OSError):
                found.add(str(Path(f"/proc/{process}/ns/{name}").readlink()))
    return found
