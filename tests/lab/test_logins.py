"""Every way to be let in, and every way there: keys, agents, passwords, certificates, jumps, commands, the real ssh."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.accounts import User
from lab.keys import KeyPair, make_key, sign
from lab.machines import Lab, Machine
from lab.office import Office, Ran
from lab.trouble import (
    Pause,
    Way,
    assert_is_plain,
    boot,
    declare,
    processes_of,
    scripts_on,
    section,
    wait_until,
    way,
)

PASSWORD = "correct horse 'battery"
PASSPHRASE = "staple $HOME"


@dataclass(frozen=True)
class Ring:
    """`agent` is only ever in an agent, `locked` has a passphrase, `signed` counts by its certificate only."""

    plain: KeyPair
    locked: KeyPair
    agent: KeyPair
    signed: KeyPair
    authority: KeyPair


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Ring:
    folder = tmp_path_factory.mktemp("ring")
    made = {name: make_key(folder / name) for name in ("plain", "agent", "signed", "authority")}
    ring = Ring(locked=make_key(folder / "locked", passphrase=PASSPHRASE), **made)
    sign(ring.authority, ring.signed, principals=["signed"])
    return ring


@pytest.fixture(scope="module")
def pair(lab: Lab, ring: Ring) -> Iterator[tuple[Machine, Machine]]:
    """Two machines with a user for each kind of proof."""
    users = {
        "plain": User(keys=[ring.plain.public]),
        "locked": User(keys=[ring.locked.public]),
        "agent": User(keys=[ring.agent.public]),
        "signed": User(),
        "pass": User(password=PASSWORD),
        "eve": User(),
    }
    options = {"TrustedUserCAKeys": "/etc/ssh/authority.pub"}
    made = boot(lab, users=users), boot(lab, "trixie", users=users)
    for one in made:
        one.write("/etc/ssh/authority.pub", f"{ring.authority.public}\n")
        one.configure_sshd(options)
        one.stop_sshd()
        one.start_sshd()
    yield made
    for one in made:
        one.close()


@dataclass
class Desk:
    """A person at the office who wants a file of this test's own on each machine."""

    office: Office
    content: str

    @property
    def ssh(self) -> Path:
        return self.office.ssh

    def wants(self, ways: Mapping[str, Way]) -> None:
        declare(self.office, ways, f'user:\n  files: {{~/mine: {{content: "{self.content}"}}}}\n')

    def configure(self, text: str, *, first: bool = False) -> None:
        """Adds to the person's own ssh_config."""
        file = self.ssh / "config"
        before = file.read_text()
        file.write_text(text + before if first else before + text)

    def has(self, key: KeyPair, name: str = "id_ed25519", *, parts: tuple[str, ...] = ("", ".pub")) -> Path:
        for part in parts:
            shutil.copyfile(f"{key.path}{part}", self.ssh / f"{name}{part}")
            (self.ssh / f"{name}{part}").chmod(0o600)
        return self.ssh / name

    def apply(self, *answers: tuple[str, str]) -> Ran:
        ran = self.office.converse("apply", "--all", "--yes", answers=answers)
        for secret in (PASSWORD, PASSPHRASE):
            assert secret not in ran.out
        return ran

    def is_done(self, machine: Machine, user: str) -> bool:
        return machine.run(["cat", f"/home/{user}/mine"]).stdout.decode() == self.content


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(Office(tmp_path / "office"), content=tmp_path.name)


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Callable[[Desk, Path], None]]:
    """A real ssh-agent, told to hold keys for a desk."""
    socket = tmp_path / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL)
    assert wait_until(socket.exists)

    def hold(desk: Desk, path: Path) -> None:
        desk.office.environment["SSH_AUTH_SOCK"] = str(socket)
        words = ["ssh-add", "-q", str(path)]
        subprocess.run(words, env={**os.environ, "SSH_AUTH_SOCK": str(socket)}, check=True, stdin=subprocess.DEVNULL)

    yield hold
    process.terminate()
    process.wait()


Pair = tuple[Machine, Machine]
Hold = Callable[[Desk, Path], None]


# ---- Keys.


def test_a_key_of_the_agent(desk: Desk, pair: Pair, ring: Ring, agent: Hold) -> None:
    agent(desk, ring.agent.path)
    desk.wants({"box": way(pair[0], "agent")})
    ran = desk.office.run("apply", "--all", "--yes")
    assert ran.code == 0, ran
    assert desk.is_done(pair[0], "agent")


def test_a_passphrase_is_asked_for_once_for_all_machines(desk: Desk, pair: Pair, ring: Ring) -> None:
    desk.has(ring.locked)
    desk.wants({"box": way(pair[0], "locked"), "other": way(pair[1], "locked")})
    ran = desk.apply(("Passphrase for ~/.ssh/id_ed25519", PASSPHRASE))
    assert ran.code == 0, ran.out
    assert ran.out.count("Passphrase for") == 1
    assert desk.is_done(pair[0], "locked") and desk.is_done(pair[1], "locked")


def test_a_wrong_passphrase_is_named_and_not_asked_for_again(desk: Desk, pair: Pair, ring: Ring) -> None:
    desk.has(ring.locked)
    desk.has(ring.plain, "plain")
    desk.wants({"box": way(pair[0], "locked"), "other": way(pair[1], "plain", config="IdentityFile ~/.ssh/plain")})
    ran = desk.apply(("Passphrase for ~/.ssh/id_ed25519", "no"), ("password", ""))
    assert ran.code == 4, ran.out
    assert "was not opened by the passphrase that was given" in ran.words
    assert ran.out.count("Passphrase for") == 1
    assert desk.is_done(pair[1], "plain")


@pytest.mark.parametrize("parts", [("", ".pub"), ("",)], ids=["with its public part", "alone"])
def test_a_passphrase_that_nobody_can_be_asked_for(desk: Desk, pair: Pair, ring: Ring, parts: tuple[str, ...]) -> None:
    desk.has(ring.locked, parts=parts)
    desk.has(ring.plain, "plain")
    desk.wants({"box": way(pair[0], "locked"), "other": way(pair[1], "plain", config="IdentityFile ~/.ssh/plain")})
    ran = desk.office.run("apply", "--all", "--yes")
    assert ran.code == 4, ran
    assert_is_plain(ran)
    assert "~/.ssh/id_ed25519 has a passphrase, and nobody could be asked for it" in section(ran, "box")
    assert "fix: run it on a terminal, or add the key to the agent with ssh-add" in section(ran, "box")
    assert desk.is_done(pair[1], "plain")


def test_a_key_that_others_may_read_is_not_used(desk: Desk, pair: Pair, ring: Ring) -> None:
    desk.has(ring.plain).chmod(0o644)
    desk.wants({"box": way(pair[0], "plain")})
    ran = desk.office.run("plan", "--all")
    assert ran.code == 4, ran
    assert "~/.ssh/id_ed25519 may be read by others (mode 0644)" in section(ran, "box")
    assert "chmod 600 ~/.ssh/id_ed25519" in section(ran, "box")


def test_only_the_named_keys_are_shown_where_that_is_said(desk: Desk, pair: Pair, ring: Ring, agent: Hold) -> None:
    agent(desk, ring.agent.path)
    desk.has(ring.plain, "plain")
    only = "IdentityFile ~/.ssh/plain\n IdentitiesOnly yes"
    desk.wants({"box": way(pair[0], "plain", config=only), "shut": way(pair[1], "agent", config=only)})
    before = [one.log() for one in pair]
    ran = desk.office.run("apply", "--all", "--yes")
    assert ran.code == 4, ran
    assert desk.is_done(pair[0], "plain")
    assert "tried: ~/.ssh/plain;" in section(ran, "shut")
    for one, log in zip(pair, before, strict=True):
        tried = re.findall(r"(?:Accepted|Failed) publickey", one.log()[len(log) :])
        assert len(tried) == 1


# ---- Passwords.


def test_a_password_is_asked_for_on_a_terminal(desk: Desk, pair: Pair) -> None:
    desk.wants({"box": way(pair[0], "pass")})
    ran = desk.apply(("pass@", PASSWORD))
    assert ran.code == 0, ran.out
    assert ran.out.count("password:") == 1
    assert desk.is_done(pair[0], "pass")


def test_ctrl_c_at_a_question_ends_the_run(desk: Desk, pair: Pair) -> None:
    """The question is put by one of several threads, and Ctrl-C reaches another."""
    desk.wants({"box": way(pair[0], "pass"), "other": way(pair[1], "pass")})
    began = time.monotonic()
    ran = desk.office.converse("apply", "--all", "--yes", answers=[("password:", "\x03")])
    assert ran.code == 130 and "interrupted" in ran.out, ran.out
    assert ran.out.count("password:") == 1, "asked again after Ctrl-C"
    assert time.monotonic() - began < 10
    assert not desk.is_done(pair[0], "pass") and not desk.is_done(pair[1], "pass")


def test_a_password_stands_among_the_secrets_of_the_person(desk: Desk, pair: Pair) -> None:
    file = desk.office.folder / "password"
    file.write_text(PASSWORD)
    (desk.office.config / "machine.yaml").write_text(f"secrets: {{ssh_password: {{file: {file}}}}}\n")
    desk.wants({"box": way(pair[0], "pass"), "other": way(pair[1], "pass")})
    ran = desk.office.run("apply", "--all", "--yes")
    assert ran.code == 0, ran
    assert desk.is_done(pair[0], "pass") and desk.is_done(pair[1], "pass")
    assert PASSWORD not in ran.out + ran.err


def test_a_password_that_nobody_can_be_asked_for(desk: Desk, pair: Pair) -> None:
    desk.wants({"box": way(pair[0], "pass")})
    ran = desk.office.run("apply", "--all", "--yes")
    assert ran.code == 4, ran
    assert "nobody could be asked for it" in section(ran, "box")
    assert "ssh_password among the secrets in machine.yaml" in section(ran, "box")


def test_a_wrong_password_is_named(desk: Desk, pair: Pair) -> None:
    desk.wants({"box": way(pair[0], "pass")})
    desk.office.environment["RECONCILE_SECRET_SSH_PASSWORD"] = "wrong"
    ran = desk.office.run("apply", "--all", "--yes")
    assert ran.code == 4, ran
    assert "tried: password" in section(ran, "box")
    assert "fix: check the password, and that pass is the right user" in section(ran, "box")


def test_questions_of_the_server_are_answered_with_the_password(
    machine: Callable[..., Machine], desk: Desk, pair: Pair
) -> None:
    options = {"UsePAM": "yes", "KbdInteractiveAuthentication": "yes", "PasswordAuthentication": "no"}
    one = machine(users={"pass": User(password=PASSWORD)}, sshd_options=options)
    desk.wants({"box": way(one, "pass")})
    ran = desk.apply(("pass@", PASSWORD))
    assert ran.code == 0, ran.out
    assert desk.is_done(one, "pass")
    assert "keyboard-interactive" in one.log()


# ---- Certificates.


@pytest.mark.parametrize("where", ["file", "agent", "certificate file and agent"])
def test_a_certificate_of_the_person(desk: Desk, pair: Pair, ring: Ring, agent: Hold, where: str) -> None:
    config = ""
    if where == "file":
        desk.has(ring.signed, parts=("", ".pub", "-cert.pub"))
    elif where == "agent":
        agent(desk, ring.signed.path)  # ssh-add takes the certificate beside it
    else:
        key = desk.has(ring.signed, "only-here")
        agent(desk, key)
        key.unlink()
        shutil.copyfile(f"{ring.signed.path}-cert.pub", desk.ssh / "signed.crt")
        config = "CertificateFile ~/.ssh/signed.crt"
    desk.wants({"box": way(pair[0], "signed", config=config)})
    ran = desk.office.run("apply", "--all", "--yes")
    assert ran.code == 0, ran
    assert desk.is_done(pair[0], "signed")
    assert "ED25519-CERT" in pair[0].log()


@pytest.mark.parametrize("trusts", ["the authority", "another authority"])
def test_a_certificate_of_the_host(
    machine: Callable[..., Machine], desk: Desk, ring: Ring, tmp_path: Path, trusts: str
) -> None:
    one = machine(users={"plain": User(keys=[ring.plain.public])})
    host = KeyPair(path=tmp_path / "host", public="")
    host.path.with_suffix(".pub").write_text(f"{one.host_keys[0]}\n")
    certificate = sign(ring.authority, host, principals=["box.lab"], host=True)
    one.write("/etc/ssh/host-cert.pub", certificate.read_text())
    one.configure_sshd({"HostCertificate": "/etc/ssh/host-cert.pub"})
    one.stop_sshd()
    one.start_sshd()
    desk.has(ring.plain)
    desk.wants({"box": way(one, "plain")})
    authority = ring.authority if trusts == "the authority" else ring.agent
    (desk.ssh / "known_hosts").write_text(f"@cert-authority *.lab {authority.public}\n")
    ran = desk.office.run("apply", "--all", "--yes")
    assert_is_plain(ran)
    if trusts == "the authority":
        assert ran.code == 0, ran
        assert desk.is_done(one, "plain")
    else:
        assert ran.code == 4, ran
        assert "~/.ssh/known_hosts:1" in section(ran, "box") and "authority SHA256:" in section(ran, "box")
        assert not desk.is_done(one, "plain")


# ---- The way there.


def behind(machine: Machine, user: str = "plain", *, ssh: str = "", config: str = "") -> Way:
    """Where only the other machines get to it."""
    return Way(host=machine.address, port=22, user=user, known=machine.host_keys[0], ssh=ssh, config=config)


def gates(*machines: Machine) -> str:
    """For ssh_config: the machines as gate0, gate1, … The first can be reached from here, the others from the one before."""
    text = ""
    for number, one in enumerate(machines):
        host, port = (one.host, one.port) if number == 0 else (one.address, 22)
        jump = f" ProxyJump gate{number - 1}\n" if number else ""
        text += f"Host gate{number}\n HostName {host}\n Port {port}\n User plain\n HostKeyAlias gate{number}\n{jump}"
    return text


def knows_gates(desk: Desk, *machines: Machine) -> None:
    with (desk.ssh / "known_hosts").open("a") as file:
        file.writelines(f"gate{number} {one.host_keys[0]}\n" for number, one in enumerate(machines))
    desk.configure(gates(*machines))


@pytest.fixture
def third(lab: Lab, machine: Callable[..., Machine], ring: Ring) -> Machine:
    return machine("busybox", users={"plain": User(keys=[ring.plain.public])})


@pytest.mark.parametrize("said_by", ["ssh_config", "document"])
def test_through_another_machine(desk: Desk, pair: Pair, third: Machine, ring: Ring, said_by: str) -> None:
    desk.has(ring.plain)
    jump = {"config": "ProxyJump gate0"} if said_by == "ssh_config" else {"ssh": ", proxy_jump: gate0"}
    desk.wants({"box": behind(third, **jump), "other": behind(pair[1], **jump)})
    knows_gates(desk, pair[0])
    before = pair[0].connections
    ran = desk.office.run("apply", "--all", "--yes")
    assert ran.code == 0, ran
    assert desk.is_done(third, "plain") and desk.is_done(pair[1], "plain")
    assert (pair[0].connections - before, third.connections) == (1, 0)


def test_through_a_chain_of_machines(desk: Desk, pair: Pair, third: Machine, ring: Ring) -> None:
    desk.has(ring.plain)
    desk.wants({"box": behind(third, config="ProxyJump gate1"), "sound": way(pair[0], "plain")})
    knows_gates(desk, *pair)
    ran = desk.office.run("apply", "--all", "--yes")
    assert ran.code == 0, ran
    assert desk.is_done(third, "plain") and desk.is_done(pair[0], "plain")
    assert desk.office.run("verify", "--all", "--strict").code == 0


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        ("unknown", "the host key of gate0 is not known"),
        ("shut", "refused to connect to"),
        ("down", "refused to connect to"),
        ("refused", "refused the connection"),
    ],
)
def test_who_is_in_the_way_is_named(
    machine: Callable[..., Machine], desk: Desk, pair: Pair, third: Machine, ring: Ring, trouble: str, said: str
) -> None:
    forwarding = {"AllowTcpForwarding": "no"} if trouble == "shut" else {}
    gate = machine(users={"plain": User(keys=[ring.plain.public])}, sshd_options=forwarding)
    desk.has(ring.plain)
    desk.wants({"box": behind(third, config="ProxyJump gate0"), "sound": way(pair[0], "plain")})
    if trouble == "unknown":
        desk.configure(gates(gate))
    else:
        knows_gates(desk, gate)
    if trouble == "down":
        third.stop_sshd()
    if trouble == "refused":
        gate.refuse()
    ran = desk.office.run("apply", "--all", "--yes", "--timeout", "3")
    assert ran.code == 4, ran
    assert_is_plain(ran)
    assert "gate0" in section(ran, "box") and said in section(ran, "box"), ran
    assert desk.is_done(pair[0], "plain")


PROXY = """\
import os, socket, sys, threading
open(sys.argv[3], "a").write("used\\n")
way = socket.create_connection((sys.argv[1], int(sys.argv[2])))
def back():
    while data := way.recv(65536):
        os.write(1, data)
threading.Thread(target=back, daemon=True).start()
while data := os.read(0, 65536):
    way.sendall(data)
"""


def test_a_proxy_command_of_the_persons_own_file_is_run(desk: Desk, pair: Pair, ring: Ring) -> None:
    desk.has(ring.plain)
    script, used = desk.office.folder / "proxy.py", desk.office.folder / "used"
    script.write_text(PROXY)
    desk.wants({"box": way(pair[0], "plain", config=f"ProxyCommand {sys.executable} {script} %h %p {used}")})
    ran = desk.office.run("apply", "--all", "--yes")
    assert ran.code == 0, ran
    assert desk.is_done(pair[0], "plain")
    assert used.read_text() == "used\n"
    assert wait_until(lambda: processes_of(desk.office) == []), processes_of(desk.office)


@pytest.mark.parametrize("key", ["proxy_command", "ProxyCommand", "match_exec", "local_command", "options"])
def test_no_command_of_the_repo_is_run(desk: Desk, pair: Pair, ring: Ring, key: str) -> None:
    desk.has(ring.plain)
    used = desk.office.folder / "used"
    desk.wants({"box": way(pair[0], "plain", ssh=f", {key}: 'touch {used}'"), "sound": way(pair[1], "plain")})
    before = [one.connections for one in pair]
    ran = desk.office.run("apply", "--all", "--yes")
    assert ran.code == 1, ran
    assert re.search(r"reconcile\.yaml:3:\d+: ", ran.err) and key in ran.err, ran
    assert not used.exists()
    assert [one.connections for one in pair] == before


@pytest.mark.parametrize(
    "jump", ["-oProxyCommand=touch${IFS}USED", "gate0;touch USED", "$(touch USED)", "`touch USED`"]
)
@pytest.mark.parametrize("client", ["", ", client: openssh"], ids=["own", "openssh"])
def test_a_jump_of_the_repo_is_a_host_and_nothing_else(
    desk: Desk, pair: Pair, ring: Ring, jump: str, client: str
) -> None:
    desk.has(ring.plain)
    used = desk.office.folder / "used"
    ssh = f", proxy_jump: '{jump.replace('USED', str(used))}'{client}"
    desk.wants({"box": way(pair[0], "plain", ssh=ssh)})
    ran = desk.office.run("plan", "--all")
    assert ran.code == 1, ran
    assert not used.exists()


def test_included_files_and_aliases_count(desk: Desk, pair: Pair, ring: Ring) -> None:
    desk.has(ring.plain, "elsewhere")
    one = pair[0]
    (desk.office.repo / "reconcile.yaml").write_text(
        "version: 1\nworkstations:\n  box: {ssh: {host: nick}}\n"
        f'user:\n  files: {{~/mine: {{content: "{desk.content}"}}}}\n'
    )
    (desk.ssh / "config").write_text("Include conf.d/*.conf\nHost nick\n Port 1\n User nobody\n")
    (desk.ssh / "conf.d").mkdir()
    (desk.ssh / "conf.d/10.conf").write_text(f"Host nick\n Include {desk.ssh}/deep\n User plain\n")
    (desk.ssh / "deep").write_text(
        f"HostName {one.host}\nPort {one.port}\nHostKeyAlias an-alias\nIdentityFile %d/.ssh/elsewhere\n"
        "UserKnownHostsFile ~/.ssh/known_%k\n"
    )
    (desk.ssh / "known_an-alias").write_text(f"an-alias {one.host_keys[0]}\n")
    ran = desk.office.run("apply", "--all", "--yes")
    assert ran.code == 0, ran
    assert desk.is_done(one, "plain")


def test_what_is_not_honoured_is_named_once(desk: Desk, pair: Pair, ring: Ring) -> None:
    desk.has(ring.plain)
    desk.wants({"box": way(pair[0], "plain"), "other": way(pair[1], "plain")})
    desk.configure("Host *\n VerifyHostKeyDNS yes\n", first=False)
    ran = desk.office.run("apply", "--all", "--yes")
    assert ran.code == 0, ran
    assert ran.err.count("VerifyHostKeyDNS") == 1, ran.err
    assert re.search(r"note: .*config:\d+", ran.err), ran.err


# ---- Rights.


def test_without_root_the_own_users_items_are_applied_and_the_others_refused_by_name(
    desk: Desk, pair: Pair, ring: Ring
) -> None:
    desk.has(ring.plain)
    two = way(pair[0], "plain", beside=", distros: {main: {users: [self, eve]}}")
    declare(
        desk.office,
        {"box": two, "sound": way(pair[1], "plain")},
        f'distro:\n  files: {{/etc/of-root: {{content: x}}}}\nuser:\n  files: {{~/mine: {{content: "{desk.content}"}}}}\n',
    )
    ran = desk.office.run("apply", "--all", "--yes")
    assert ran.code == 5, ran
    assert_is_plain(ran)
    assert desk.is_done(pair[0], "plain") and desk.is_done(pair[1], "plain")
    assert pair[0].run(["test", "-e", "/home/eve/mine"]).code == 1
    assert re.search(r"box/main/eve .*needs root", ran.words), ran
    assert re.search(r"/etc/of-root .*needs root", ran.words), ran


# ---- The real ssh.


@pytest.fixture
def real(desk: Desk) -> Desk:
    """ssh finds the person's files by passwd, not by HOME: a word in front of its arguments leads it to this office."""
    folder = desk.office.folder / "bin"
    folder.mkdir()
    (folder / "ssh").write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F "$HOME/.ssh/config" "$@"\n')
    (folder / "ssh").chmod(0o755)
    desk.office.environment["PATH"] = f"{folder}:{desk.office.environment['PATH']}"
    return desk


OPENSSH = ", client: openssh"


def files_of(desk: Desk, key: str = "id_ed25519") -> str:
    return f"Host *\n IdentityFile {desk.ssh}/{key}\n UserKnownHostsFile {desk.ssh}/known_hosts\n GlobalKnownHostsFile none\n"


def test_the_users_own_ssh_does_it_all_over_one_connection(real: Desk, pair: Pair, ring: Ring) -> None:
    real.has(ring.plain)
    real.wants({"box": way(pair[0], "plain", ssh=OPENSSH), "other": way(pair[1], "plain", ssh=OPENSSH)})
    real.configure(files_of(real))
    for words in (["plan"], ["apply", "--yes"], ["verify", "--strict"]):
        before = [one.connections for one in pair]
        ran = real.office.run(words[0], "--all", *words[1:])
        assert ran.code == 0, ran
        assert [one.connections for one in pair] == [count + 1 for count in before]
    assert real.is_done(pair[0], "plain") and real.is_done(pair[1], "plain")
    assert wait_until(lambda: processes_of(real.office) == []), processes_of(real.office)


OF_SSH = {
    "closed": "refused the connection",
    "unknown": "host key is not known",
    "changed": "has another ed25519 key",
    "stranger": "nobody is let in with what ssh has",
    "nameless": "does not resolve",
}


def test_what_the_users_own_ssh_complains_of_is_explained(
    machine: Callable[..., Machine], real: Desk, pair: Pair, ring: Ring
) -> None:
    one = machine(users={"plain": User(keys=[ring.plain.public])})
    real.has(ring.plain)
    ways = {
        "closed": Way(host="127.0.0.1", port=1, ssh=OPENSSH),
        "unknown": Way(host=one.host, port=one.port, user="plain", ssh=OPENSSH),
        "changed": Way(host=one.host, port=one.port, user="plain", known=pair[0].host_keys[0], ssh=OPENSSH),
        "stranger": way(pair[1], "eve", ssh=OPENSSH),
        "nameless": Way(host="nowhere.invalid", port=22, ssh=OPENSSH),
        "sound": way(pair[0], "plain", ssh=OPENSSH),
    }
    real.wants(ways)
    real.configure(files_of(real))
    ran = real.office.run("apply", "--all", "--yes", "--timeout", "3")
    assert ran.code == 4, ran
    assert_is_plain(ran)
    for name in ways.keys() - {"sound"}:
        told = section(ran, name)
        assert name in told and OF_SSH[name] in told and "fix: " in told, told
    assert real.is_done(pair[0], "plain")


@pytest.fixture
def held(machine: Callable[..., Machine], real: Desk, pair: Pair, ring: Ring) -> tuple[Machine, Pause]:
    """A machine that is being asked when the test begins to count, beside a sound one."""
    one = machine(users={"plain": User(keys=[ring.plain.public])})
    real.has(ring.plain)
    real.wants({"box": way(one, "plain", ssh=OPENSSH), "sound": way(pair[0], "plain", ssh=OPENSSH)})
    real.configure(files_of(real))
    return one, Pause(one, "stat")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_the_users_own_ssh_ends_with_the_run(held: tuple[Machine, Pause], real: Desk, number: int) -> None:
    one, pause = held
    process = real.office.start("apply", "--all", "--yes", "--timeout", "3")
    pause.wait()
    process.send_signal(number)
    process.communicate(timeout=5)
    assert process.returncode == 130
    assert wait_until(lambda: processes_of(real.office) == [], 3), processes_of(real.office)
    pause.let_go()
    assert wait_until(lambda: not scripts_on(one)), scripts_on(one)


def test_a_machine_that_freezes_behind_the_users_own_ssh_is_given_up(
    held: tuple[Machine, Pause], real: Desk, pair: Pair
) -> None:
    one, pause = held
    process = real.office.start("apply", "--all", "--yes", "--timeout", "2")
    pause.wait()
    one.freeze()
    out, err = process.communicate(timeout=8)
    ran = Ran(process.returncode, out.decode(), err.decode())
    assert ran.code == 4, ran
    assert "has said nothing for 2 seconds" in section(ran, "box"), ran
    assert real.is_done(pair[0], "plain")
    assert wait_until(lambda: processes_of(real.office) == []), processes_of(real.office)
