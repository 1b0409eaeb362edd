"""Machines and networks in trouble: each is named with what is wrong and what to do, and costs nobody else anything."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.accounts import User
from lab.keys import KeyPair, make_key
from lab.machines import Lab, Machine
from lab.office import Office, Ran
from lab.relay import Direction, Door
from lab.trouble import (
    Impostor,
    Pause,
    Way,
    assert_is_plain,
    at_the_third_switch,
    boot,
    census,
    declare,
    drips,
    fate,
    floods,
    processes_of,
    says,
    scripts_on,
    section,
    wait_until,
    way,
)

MINE = 'user:\n  files: {~/mine: {content: "mine\\n"}}\n'
ESCAPES = b"\x1b]0;owned\x07 \x1b[2J \xc2\x9b31m \xe2\x80\xae gpj.exe \xe2\x81\xa6 \r\n"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[KeyPair, KeyPair]:
    """The person's, and another one's."""
    folder = tmp_path_factory.mktemp("keys")
    return make_key(folder / "id_ed25519"), make_key(folder / "other")


@pytest.fixture(scope="module")
def sound(lab: Lab, keys: tuple[KeyPair, KeyPair]) -> Iterator[Machine]:
    """The one that nothing is wrong with: whatever happens elsewhere, it is planned and written to."""
    machine = boot(lab, users={"root": User(keys=[keys[0].public])})
    yield machine
    machine.close()


@pytest.fixture
def office(tmp_path: Path, keys: tuple[KeyPair, KeyPair], sound: Machine) -> Office:
    made = Office(tmp_path / "office")
    made.has_key(keys[0])
    sound.commander.succeed(["/bin/sh", "-c", "rm -rf /root/* /etc/hello /opt/*"])
    return made


# ---- All who do not even begin, in one run.

SHELLS = {
    "nologin": ("/usr/sbin/nologin", b""),
    "false": ("/bin/false", b""),
    "motd": ("/usr/local/bin/motd", b"#!/bin/sh\necho 'Welcome to this machine'; echo 'go away' >&2\n"),
    "zero": ("/usr/local/bin/zero", b"#!/bin/sh\nexec cat /dev/zero\n"),
    "endless": ("/usr/local/bin/endless", b"#!/bin/sh\nwhile :; do echo chatter; sleep 0.1; done\n"),
    "mute": ("/usr/local/bin/mute", b"#!/bin/sh\nexec sleep 60\n"),
    "escapes": ("/usr/local/bin/escapes", b"#!/bin/sh\nprintf '%s' '" + ESCAPES + b"' >&2; exit 7\n"),
}
SSHD = "Match User forced\n ForceCommand echo 'only this'\nMatch User stranger\n Banner /etc/ssh/banner\n"


@dataclass(frozen=True)
class Misery:
    ran: Ran
    is_untouched: bool
    sound_has_it: bool


@pytest.fixture(scope="module")
def odd(lab: Lab, keys: tuple[KeyPair, KeyPair]) -> Iterator[Machine]:
    """A machine with an odd user for each way to be odd."""
    users = {name: User(keys=[keys[0].public], shell=shell) for name, (shell, _) in SHELLS.items()}
    users |= {"forced": User(keys=[keys[0].public]), "stranger": User(keys=[keys[1].public])}
    machine = boot(lab, users=users, sshd_options={"Include": "/etc/ssh/odd.conf"})
    for shell, text in SHELLS.values():
        if text:
            machine.write(shell, text, mode=0o755)
    machine.write("/etc/ssh/banner", b"Keep out " + ESCAPES)
    machine.write("/etc/ssh/odd.conf", SSHD)
    machine.stop_sshd()
    machine.start_sshd()
    yield machine
    machine.close()


@pytest.fixture(scope="module")
def misery(
    odd: Machine, sound: Machine, keys: tuple[KeyPair, KeyPair], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Misery]:
    """One `apply` for them all."""
    office = Office(tmp_path_factory.mktemp("misery") / "office")
    office.has_key(keys[0])
    impostors = {
        "garbage": Impostor(says(b"220 mail.example.org ESMTP " + ESCAPES)),
        "flood": Impostor(floods),
        "drip": Impostor(drips),
        "hole": Impostor(says(b"")),
        "rude": Impostor(says(b"", ends=True)),
    }
    ways = {"sound": way(sound), **{name: each.way() for name, each in impostors.items()}}
    ways |= {name: way(odd, name) for name in (*SHELLS, "forced", "stranger")}
    ways["closed"] = Way(host="127.0.0.1", port=closed_port(), known=odd.host_keys[0])
    ways["nameless"] = Way(host="nowhere.invalid", port=22, known=odd.host_keys[0])
    ways["unknown"] = Way(host=odd.host, port=odd.port, user="motd")
    ways["changed"] = Way(host=odd.host, port=odd.port, user="motd", known=sound.host_keys[0])
    declare(office, ways, MINE)
    before = census(odd)
    ran = office.run("apply", "--all", "--yes", "--timeout", "3")
    yield Misery(ran, census(odd) == before, sound.read("/root/mine") == b"mine\n")
    for each in impostors.values():
        each.close()


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_those_in_trouble_are_left_alone_and_the_others_are_written_to(misery: Misery) -> None:
    assert misery.ran.code == 4, misery.ran
    assert misery.is_untouched
    assert misery.sound_has_it
    assert fate(misery.ran, "sound").startswith("done /root/mine")
    assert "Applied: 1 changed, 0 failed on sound" in misery.ran.words


def test_nothing_that_machines_say_acts_on_the_terminal(misery: Misery) -> None:
    assert_is_plain(misery.ran)


NO_SHELL = "did not start a shell for us: what it started ended with status "
LOOK = "fix: see the login shell of that user there, and ForceCommand"
IS_SAID = {
    "closed": ("closed/main (127.0.0.1 port ", "refused the connection", "fix: see that sshd runs there"),
    "nameless": ("the name nowhere.invalid does not resolve", "fix: check ssh.host of nameless/main"),
    "hole": ("hole/main (127.0.0.1", "no SSH server said anything within 3 seconds", "fix: see that it runs"),
    "rude": ("rude/main (127.0.0.1", "closed the connection before it said anything", "MaxStartups"),
    "drip": ("drip/main (127.0.0.1", "did not finish", "within 3 seconds", "fix: see that it runs"),
    "garbage": ("does not speak SSH; it began with: 220 mail.example.org", "\\x1b]0;owned", "fix: check the port"),
    "flood": ("flood/main (127.0.0.1", "more than any SSH server says", "fix: check the port"),
    "unknown": ("the host key of unknown/main is not known", "SHA256:", "fix: compare", "reconcile trust unknown/main"),
    "changed": ("known_hosts:", "has another ed25519 key for changed/main", "reconcile trust changed/main"),
    "stranger": (
        "stranger/main does not let stranger in; tried: ~/.ssh/id_ed25519",
        "ssh-copy-id",
        "it says: Keep out",
    ),
    "nologin": (f"nologin/main {NO_SHELL}1 (This account is currently not available.)", LOOK),
    "false": (f"false/main {NO_SHELL}1", LOOK),
    "motd": (f"motd/main {NO_SHELL}0 (Welcome to this machine", "go away", LOOK),
    "forced": (f"forced/main {NO_SHELL}0 (only this)", LOOK),
    "escapes": (f"escapes/main {NO_SHELL}7", "\\x1b]0;owned\\x07", "\\u202e", LOOK),
    "zero": ("zero@zero/main ", "fix: see what its login shell prints"),
    "endless": ("endless@endless/main printed for 3 seconds", "fix: see what its login shell prints"),
    "mute": ("mute@mute/main has said nothing for 3 seconds", "fix: "),
}


@pytest.mark.parametrize("name", IS_SAID)
def test_each_trouble_is_told_apart_with_what_to_do(misery: Misery, name: str) -> None:
    told = section(misery.ran, name)
    assert "unreachable" in told, told
    for words in IS_SAID[name]:
        assert words in told, told


def test_a_command_in_a_fix_is_one_that_ssh_takes(misery: Misery) -> None:
    assert re.search(r"ssh-copy-id (-p \d+ )?stranger@stranger\.lab ", section(misery.ran, "stranger")), misery.ran


# ---- Machines that can be reached and are odd.

Boot = Callable[..., Machine]


@pytest.fixture
def both(office: Office, sound: Machine) -> Callable[..., None]:
    """Declares the machine under test, `box`, beside the sound one."""

    def declare_both(one: Machine, user: str = "root", *, body: str = MINE, **more: str) -> None:
        declare(office, {"sound": way(sound), "box": way(one, user, **more)}, body)

    return declare_both


@pytest.fixture
def root(keys: tuple[KeyPair, KeyPair]) -> User:
    return User(keys=[keys[0].public])


@pytest.mark.parametrize(
    ("tool", "said"),
    [
        ("dd", "did not read our script fix: see that it has dd"),
        ("stat", "there is no stat here"),
        ("sha256sum", "there is no sha256sum here"),
        ("tar", "there is no tar here"),
        ("mv", "there is no mv here"),
    ],
)
def test_a_machine_without_a_program_is_told_which(
    machine: Boot, office: Office, both: Callable[..., None], root: User, tool: str, said: str
) -> None:
    one = machine("trixie", users={"root": root})
    both(one)
    before = census(one)
    place = f"/usr/bin/{tool}"
    one.commander.succeed(["perl", "-e", "rename $ARGV[0], $ARGV[1] or die", place, "/.gone"])
    ran = office.run("apply", "--all", "--yes", "--timeout", "3")
    one.commander.succeed(["perl", "-e", "rename $ARGV[0], $ARGV[1] or die", "/.gone", place])
    assert_is_plain(ran)
    assert ran.code in (3, 4), ran
    assert said in ran.words, ran
    assert fate(ran, "sound").startswith("done"), ran
    assert census(one) == before


@pytest.mark.parametrize(
    ("pam", "fix"), [("no", "log in there once by hand and choose a new password"), ("yes", "log in once with ")]
)
def test_an_expired_password_is_named(
    machine: Boot, office: Office, both: Callable[..., None], pam: str, fix: str
) -> None:
    one = machine(users={"late": User(password="a b", password_expired=True)}, sshd_options={"UsePAM": pam})
    both(one, "late")
    office.environment["RECONCILE_SECRET_SSH_PASSWORD"] = "a b"
    before = census(one)
    ran = office.run("apply", "--all", "--yes", "--timeout", "3")
    assert_is_plain(ran)
    assert ran.code == 4, ran
    assert re.search("password .*has expired", section(ran, "box")), ran
    assert f"fix: {fix}" in section(ran, "box"), ran
    assert fate(ran, "sound").startswith("done"), ran
    assert census(one) == before


def test_one_session_a_connection_is_enough(
    machine: Boot, office: Office, both: Callable[..., None], root: User
) -> None:
    one = machine(users={"root": root}, sshd_options={"MaxSessions": "1"})
    both(one)
    assert office.run("apply", "--all", "--yes").code == 0
    assert one.connections == 1
    assert one.read("/root/mine") == b"mine\n"


def test_no_text_of_a_machine_acts_on_the_terminal(
    machine: Boot, office: Office, both: Callable[..., None], root: User
) -> None:
    """Not its name, the content of a file, a link, a fact, nor the errors of its programs."""
    evil = ESCAPES.decode()
    one = machine(users={"root": root, "dev": User()})
    one.commander.succeed(["perl", "-e", f'my $n="{evil[:10]}"; syscall(170, $n, length $n)'])
    one.write("/root/mine", ESCAPES)
    one.write("/root/.config/go/env", b"GOPROXY=" + ESCAPES + b"\n")
    one.commander.succeed(["ln", "-s", f"/{evil}", "/root/link"])
    one.write("/etc/os-release", b"ID=debian\nPRETTY_NAME='" + ESCAPES + b"'\n")
    one.write("/usr/local/sbin/cp", b"#!/bin/sh\nprintf %s 'cp: " + ESCAPES + b"' >&2; exit 1\n", mode=0o755)
    body = "user:\n  files: {~/mine: {content: x}, ~/link: {content: x}}\n  go_env: {GOPROXY: direct}\n"
    both(one, body=body)
    for words in (["plan", "--all", "-v"], ["apply", "--all", "--yes", "-v"]):
        ran = office.run(*words)
        assert_is_plain(ran)
        assert "\\x1b]0;owned\\x07" in section(ran, "box"), ran
    assert ran.code == 3, ran
    assert "cannot write /root/mine: \\x1b]0;owned" in ran.words
    for form in ("json", "yaml", "script"):
        ran = office.run("plan", "--all", "--format", form)
        assert_is_plain(ran)


# ---- Machines that stop answering, and lines that break.

SECONDS = 3
"""--timeout in what follows; who hangs is given up at most so long after the last sign of life."""
GRACE_SECONDS = 6.0
FOUR = "user:\n  files:\n" + "".join(f'    ~/f{number}: {{content: "new {number}\\n"}}\n' for number in range(4))


@dataclass
class Going:
    """A command at work, which is to end within the grace."""

    process: subprocess.Popen[bytes]

    def end(self, seconds: float) -> Ran:
        try:
            out, err = self.process.communicate(timeout=seconds)
        finally:
            self.process.kill()
        return Ran(self.process.returncode, out.decode(), err.decode())


@pytest.fixture
def go(office: Office) -> Callable[..., Going]:
    return lambda *words: Going(office.start(*words, "--timeout", str(SECONDS)))


@pytest.fixture
def three(machine: Boot, office: Office, sound: Machine, root: User) -> tuple[Machine, Machine]:
    """Two beside the sound one, with old files."""
    box, line = machine(users={"root": root}), machine("trixie", users={"root": root})
    for one in (box, line):
        for number in range(4):
            one.write(f"/root/f{number}", f"old {number}\n")
    declare(office, {"box": way(box), "sound": way(sound), "line": way(line)}, FOUR)
    return box, line


def test_machines_that_freeze_while_they_are_asked_are_given_up(
    three: tuple[Machine, Machine], go: Callable[..., Going]
) -> None:
    """One sshd is stopped, the line to the other machine carries nothing any more."""
    box, line = three
    before = census(box), census(line)
    pauses = [Pause(one, "stat") for one in three]
    going = go("apply", "--all", "--yes")
    for pause in pauses:
        pause.wait()
    box.freeze_sessions()
    line.freeze()
    ran = going.end(SECONDS + GRACE_SECONDS)
    assert ran.code == 4, ran
    assert_is_plain(ran)
    for name in ("box", "line"):
        assert f"root@{name}/main has said nothing for {SECONDS} seconds" in section(ran, name), ran
    assert fate(ran, "sound").count("done") == 4, ran
    box.thaw_sessions()
    line.heal()
    for pause in pauses:
        pause.let_go()
    assert wait_until(lambda: not scripts_on(box) and not scripts_on(line)), (scripts_on(box), scripts_on(line))
    assert (census(box), census(line)) == before


def test_machines_that_freeze_while_they_are_written_to_are_unknown_and_nothing_is_torn(
    three: tuple[Machine, Machine], office: Office, go: Callable[..., Going]
) -> None:
    box, line = three
    pauses = [at_the_third_switch(one) for one in three]
    going = go("apply", "--all", "--yes")
    for pause in pauses:
        pause.wait()
    box.freeze_sessions()
    line.freeze()
    ran = going.end(SECONDS + GRACE_SECONDS)
    assert ran.code == 4, ran
    assert_is_plain(ran)
    for name, one in (("box", box), ("line", line)):
        assert fate(ran, name).count("unknown") == 4, ran
        assert f"root@{name}/main has said nothing for {SECONDS} seconds" in ran.words, ran
        assert_old_or_new(one)
    assert fate(ran, "sound").count("done") == 4, ran
    box.thaw_sessions()
    line.heal()
    for pause in pauses:
        pause.let_go()
    assert wait_until(lambda: not scripts_on(box) and not scripts_on(line)), (scripts_on(box), scripts_on(line))
    assert_converges(office, box, line)


def assert_old_or_new(one: Machine, home: str = "/root") -> None:
    for number in range(4):
        assert one.read(f"{home}/f{number}") in (b"old %d\n" % number, b"new %d\n" % number)


def assert_converges(office: Office, *machines: Machine) -> None:
    """A run more does what is left."""
    again = office.run("apply", "--all", "--yes")
    assert again.code == 0, again
    verified = office.run("verify", "--all", "--strict")
    assert verified.code == 0, verified
    for one in machines:
        assert leftovers(one) == b""


def leftovers(one: Machine) -> bytes:
    look = "find /root /home /var/lib/reconcile -name '.reconcile*' -o -name 'stage.*' 2>/dev/null || :"
    return one.commander.succeed(["/bin/sh", "-c", look])


def test_a_power_cut_while_it_is_written_to_tears_nothing(
    three: tuple[Machine, Machine], office: Office, go: Callable[..., Going]
) -> None:
    pauses = [at_the_third_switch(one) for one in three]
    going = go("apply", "--all", "--yes")
    for pause, one in zip(pauses, three, strict=True):
        pause.wait()
        one.kill()
    ran = going.end(SECONDS + GRACE_SECONDS)
    assert ran.code == 4, ran
    for name in ("box", "line"):
        assert fate(ran, name).count("unknown") == 4, ran
    assert fate(ran, "sound").count("done") == 4, ran
    for one in three:
        one.boot()
        assert_old_or_new(one)
    again = office.run("apply", "--all", "--yes")
    assert again.code == 0, again
    verified = office.run("verify", "--all", "--strict")
    assert verified.code == 0, verified


def test_wherever_the_line_breaks_what_is_said_is_true(
    lab: Lab, machine: Boot, office: Office, sound: Machine, root: User
) -> None:
    """Many users of one machine, the line of each cut at another byte, on the way there or back."""
    cuts = [(False, direction, part) for direction in Direction for part in (0.001, 0.1, 0.5, 0.97)]
    cuts += [(True, Direction.TO_MACHINE, part) for part in (0.001, 0.3, 0.9)]
    cuts += [(True, Direction.FROM_MACHINE, part) for part in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.9)]
    names = [f"u{number:02}" for number in range(len(cuts) + 1)]
    one = machine(users=dict.fromkeys(names, root))
    fill = 'for home in /home/u*; do for n in 0 1 2 3; do echo "old $n" >$home/f$n; u=${home#/home/}; chown $u:$u $home/f$n; done; done'
    one.commander.succeed(["/bin/sh", "-c", fill])
    doors = {name: Door(lab.relay, f"127.78.0.{number + 1}", one.address) for number, name in enumerate(names)}
    model = doors[names[-1]]
    declare(office, {"sound": way(sound), **{name: way(one, name, door=door) for name, door in doors.items()}}, FOUR)
    assert office.run("plan", "-l", names[-1]).code == 0
    asked = dict(model.bytes)
    assert office.run("apply", "-l", names[-1], "--yes").code == 0
    written = {direction: model.bytes[direction] - 2 * asked[direction] for direction in Direction}
    for name, (is_applied, direction, part) in zip(names, cuts, strict=False):
        count = int(asked[direction] + part * written[direction] if is_applied else part * asked[direction])
        doors[name].cut_after(max(1, count), direction)
    ran = office.run("apply", "--all", "--yes", "--timeout", str(SECONDS))
    assert ran.code == 4, ran
    assert_is_plain(ran)
    assert fate(ran, "sound").count("done") == 4, ran
    assert wait_until(lambda: not scripts_on(one)), scripts_on(one)
    for name, (is_applied, direction, part) in zip(names, cuts, strict=False):
        told = fate(ran, name)
        new = [one.read(f"/home/{name}/f{number}") == b"new %d\n" % number for number in range(4)]
        where = f"{name} {is_applied} {direction} {part}: {told} {new}"
        assert_old_or_new(one, f"/home/{name}")
        if not told:
            assert "unreachable" in section(ran, name), where
            assert not any(new), where
        for number in range(4):
            status = told.partition(f" /home/{name}/f{number}")[0].split()[-1] if told else "untried"
            assert status in ("done", "unknown", "untried", "offline"), where
            assert status == "unknown" or new[number] == (status == "done"), where
    for door in doors.values():
        door.heal()
    assert_converges(office, one)
    for door in doors.values():
        door.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
@pytest.mark.parametrize("phase", ["asked", "written to"])
def test_ctrl_c_ends_it_at_once_and_leaves_no_process(
    three: tuple[Machine, Machine], office: Office, go: Callable[..., Going], phase: str, number: int
) -> None:
    pauses = [Pause(one, "stat") if phase == "asked" else at_the_third_switch(one) for one in three]
    going = go("apply", "--all", "--yes")
    for pause in pauses:
        pause.wait()
    going.process.send_signal(number)
    ran = going.end(3)
    assert ran.code == 130, ran
    assert_is_plain(ran)
    assert "interrupted" in ran.err
    assert processes_of(office) == []
    for pause in pauses:
        pause.let_go()
    for one in three:
        assert wait_until(lambda one=one: not scripts_on(one)), scripts_on(one)  # type: ignore[misc]
        assert_old_or_new(one)
        assert leftovers(one) == b""
    if phase == "written to":
        assert_converges(office, *three)


def test_ctrl_c_does_not_wait_for_who_does_not_answer(office: Office, sound: Machine) -> None:
    hole = Impostor(says(b""))
    reached = threading.Event()
    late = Impostor(lambda connection: (reached.set(), says(b"SSH-2.0-")(connection))[1])
    declare(office, {"sound": way(sound), "hole": hole.way(), "late": late.way()}, MINE)
    config = office.ssh / "config"
    config.write_text(config.read_text().replace("ConnectTimeout 3", "ConnectTimeout 30"))
    going = Going(office.start("apply", "--all", "--yes"))
    assert reached.wait(10)
    time.sleep(0.3)
    going.process.send_signal(signal.SIGINT)
    ran = going.end(3)
    assert ran.code == 130, ran
    assert_is_plain(ran)
    hole.close()
    late.close()


# ---- Disks, clocks, and machines that are not those of yesterday.

ETC = 'distro:\n  files: {/etc/hello: {content: "hello\\n"}, /opt/big: {content: "' + "x" * 20_000 + '"}}\n'


@pytest.mark.parametrize("left_bytes", [0, 8192, 28672])
def test_a_full_disk_is_named_and_nothing_is_written(
    machine: Boot, office: Office, both: Callable[..., None], root: User, left_bytes: int
) -> None:
    one = machine(users={"root": root}, disk_mib=8)
    both(one, body=ETC)
    one.fill(leave_bytes=left_bytes)
    before = census(one, "/var/lib")
    ran = office.run("apply", "--all", "--yes")
    assert ran.code == 3, ran
    assert_is_plain(ran)
    assert re.search("No space left on device|Wrote only", fate(ran, "box")), ran
    assert fate(ran, "sound").count("done") == 2, ran
    for path in ("/etc/hello", "/opt/big"):
        assert "done" not in fate(ran, "box").partition(path)[0] or one.run(["test", "-s", path]).code == 0
    if "done" not in fate(ran, "box"):
        assert census(one, "/var/lib") == before
    assert one.commander.succeed(["find", "/etc", "/opt", "-name", ".reconcile*"]) == b""
    one.make_room()
    assert_converges(office, one)


MOUNT = {"x86_64": 165, "aarch64": 40}
"""The number of the system call: these roots have no mount(8)."""
READ_ONLY, REMOUNT, BIND = 1, 32, 4096


def test_a_read_only_etc_is_named_and_the_rest_is_written(
    machine: Boot, office: Office, both: Callable[..., None], root: User
) -> None:
    one = machine(users={"root": root})
    both(one, body=ETC)
    for flags in (BIND, REMOUNT | BIND | READ_ONLY):
        mount = f"my ($etc, $kind) = @ARGV; syscall({MOUNT[os.uname().machine]}, $etc, $etc, $kind, {flags}, 0) == 0 or die $!"
        one.commander.succeed(["perl", "-e", mount, "/etc", "none"])
    ran = office.run("apply", "--all", "--yes")
    assert ran.code == 3, ran
    assert_is_plain(ran)
    assert "failed /etc/hello cannot write /etc/hello: Read-only file system" in fate(ran, "box"), ran
    assert "done /opt/big" in fate(ran, "box"), ran
    assert fate(ran, "sound").count("done") == 2, ran


def test_who_is_busy_for_long_is_not_given_up(
    machine: Boot, office: Office, both: Callable[..., None], root: User
) -> None:
    """Longer than the silence that is allowed, in what it is asked and in what is written; also over a slow line."""
    one = machine(users={"root": root})
    one.write("/root/.profile", "sleep 3\n")
    one.write("/usr/local/sbin/ln", '#!/bin/sh\nsleep 3\nexec /bin/ln "$@"\n', mode=0o755)
    one.slow(40_000)
    both(one, body="user:\n  go_env: {GOPROXY: direct}\n")
    ran = office.run("apply", "--all", "--yes", "--timeout", "2")
    assert ran.code == 0, ran
    assert fate(ran, "box").endswith("done /root/.config/go/env GOPROXY")


SECRET = "canary-51c9"
SAVED = "secrets: {token: {}}\nuser:\n  files: {~/mine: {content: '{{ secrets.token }}'}}\n"


@pytest.fixture
def saved(machine: Boot, office: Office, both: Callable[..., None], root: User) -> tuple[Machine, Path]:
    """A plan for the machine and the sound one."""
    one = machine(users={"root": root})
    both(one, body=SAVED)
    office.environment["RECONCILE_SECRET_TOKEN"] = SECRET
    file = office.folder / "plan"
    ran = office.run("plan", "--all", "-o", str(file))
    assert ran.code == 0, ran
    assert SECRET not in file.read_text() + ran.out + ran.err
    return one, file


def test_a_saved_plan_reaches_the_same_machines(saved: tuple[Machine, Path], office: Office) -> None:
    one, file = saved
    (office.repo / "reconcile.yaml").unlink()
    ran = office.run("apply", str(file), "--yes")
    assert ran.code == 0, ran
    assert one.read("/root/mine") == SECRET.encode()
    assert SECRET not in ran.out + ran.err
    assert one.connections == 2


def test_a_saved_plan_is_not_for_a_machine_with_another_id(saved: tuple[Machine, Path], office: Office) -> None:
    one, file = saved
    one.write("/etc/machine-id", "0" * 31 + "1\n")
    assert_refused(office.run("apply", str(file), "--yes"), one, f"machine_id is {'0' * 31}1, not {one.machine_id}")


def test_a_saved_plan_is_not_for_another_machine_at_the_same_address(
    saved: tuple[Machine, Path], office: Office, tmp_path: Path
) -> None:
    """Not even when the person knows its key by now."""
    one, file = saved
    other = make_key(tmp_path / "host" / "other")
    one.write("/etc/ssh/other", other.path.read_bytes(), mode=0o600)
    one.configure_sshd({"HostKey": "/etc/ssh/other"})
    one.stop_sshd()
    one.start_sshd()
    ran = office.run("apply", str(file), "--yes")
    assert ran.code == 4 and "has another ed25519 key" in ran.words, ran
    assert fate(ran, "sound").startswith("done")
    known = office.ssh / "known_hosts"
    known.write_text(known.read_text().replace(one.host_keys[0], " ".join(other.public.split()[:2])))
    ran = office.run("apply", str(file), "--yes")
    assert ran.code == 5, ran
    assert "host_key is SHA256:" in ran.words, ran
    assert one.run(["test", "-e", "/root/mine"]).code == 1


def assert_refused(ran: Ran, one: Machine, why: str) -> None:
    assert ran.code == 5, ran
    assert_is_plain(ran)
    assert why in section(ran, "box"), ran
    assert fate(ran, "sound").startswith("done"), ran
    assert one.run(["test", "-e", "/root/mine"]).code == 1


def test_a_machine_that_freezes_while_it_lets_us_in_is_given_up(
    machine: Boot, both: Callable[..., None], go: Callable[..., Going], root: User
) -> None:
    slow = {"AuthorizedKeysCommand": "/usr/local/bin/slow", "AuthorizedKeysCommandUser": "root"}
    one = machine(users={"root": root}, sshd_options={**slow, "AuthorizedKeysFile": "none"})
    one.write("/usr/local/bin/slow", "#!/bin/sh\nexec sleep 60\n", mode=0o755)
    both(one)
    ran = go("apply", "--all", "--yes").end(SECONDS + GRACE_SECONDS)
    assert ran.code == 4, ran
    assert "while logging in" in section(ran, "box"), ran
    assert fate(ran, "sound").startswith("done"), ran
