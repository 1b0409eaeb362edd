"""The main job on three machines at once: Debian as root, Debian with a sudo password and two users, busybox."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lab.accounts import User
from lab.keys import KeyPair
from lab.machines import Machine
from lab.office import Office

PASSWORD = "correct horse $HOME 'battery"
DOCUMENT = """\
    distros: {main: {users: [self, eve]}}
distro:
  files:
    /etc/hello: {content: "hello\\n", owner: root, mode: "0640"}
  directories: {/opt/team: {owner: root, mode: "0755"}}
user:
  files:
    ~/.config/git/ignore: {content: "*.test\\n"}
"""


@pytest.fixture
def office(tmp_path: Path, key: KeyPair) -> Office:
    made = Office(tmp_path / "office")
    made.has_key(key)
    return made


Boot = Callable[..., Machine]


@pytest.fixture
def three(machine: Boot, key: KeyPair, office: Office) -> dict[str, Machine]:
    lab = {
        "plain": machine("bookworm", users={"root": User(keys=[key.public]), "eve": User()}),
        "locked": machine(
            "trixie",
            users={"dev": User(keys=[key.public], password=PASSWORD, sudo="password"), "eve": User(shell="/bin/sh")},
        ),
        "tiny": machine("busybox", users={"root": User(keys=[key.public]), "eve": User()}),
    }
    office.knows(*lab.values())
    logins = {"plain": "root", "locked": "dev", "tiny": "root"}
    workstations = [
        f"  {name}:\n    ssh: {{host: {one.host}, port: {one.port}, user: {logins[name]}}}\n"
        "    distros: {main: {users: [self, eve]}}\n"
        for name, one in lab.items()
    ]
    body = DOCUMENT.partition("\n")[2]
    (office.repo / "reconcile.yaml").write_text("version: 1\nworkstations:\n" + "".join(workstations) + body)
    return lab


def test_plan_apply_verify_and_nothing_left_to_do(three: dict[str, Machine], office: Office) -> None:
    planned = office.run("plan", "--all", "--detailed-exitcode")
    assert planned.code == 2, planned
    assert "Needs: root on locked/main" in planned.words

    applied = office.converse("apply", "--all", "--yes", answers=[("sudo password on dev@", PASSWORD)])
    assert applied.code == 0, applied.out
    assert PASSWORD not in applied.out

    office.environment["RECONCILE_SECRET_SUDO_PASSWORD"] = PASSWORD
    verified = office.run("verify", "--all", "--strict")
    assert verified.code == 0, verified
    again = office.run("apply", "--all")
    assert again.code == 0 and "nothing to change" in again.out, again

    for name, login in (("plain", "root"), ("locked", "dev"), ("tiny", "root")):
        one = three[name]
        assert one.read("/etc/hello") == b"hello\n"
        assert one.run(["stat", "-c", "%U %a", "/etc/hello"]).stdout == b"root 640\n"
        for user, home in ((login, "/root" if login == "root" else f"/home/{login}"), ("eve", "/home/eve")):
            seen = one.run(["stat", "-c", "%U", f"{home}/.config/git/ignore"]).stdout.decode()
            assert seen == f"{user}\n", (name, user)


def test_one_connection_each_and_one_command_for_each_phase(three: dict[str, Machine], office: Office) -> None:
    """Counted where they arrive: by the sshd of each machine."""
    office.environment["RECONCILE_SECRET_SUDO_PASSWORD"] = PASSWORD
    runs: list[tuple[tuple[str, ...], int]] = [(("plan",), 1), (("apply", "--yes"), 2), (("verify",), 1)]
    connections = commands = 0
    for (command, *options), phases in runs:
        ran = office.run(command, "--all", *options)
        assert ran.code == 0, ran
        connections, commands = connections + 1, commands + phases
        for name, one in three.items():
            assert one.connections == connections, (name, command)
            assert one.log().count("Accepted publickey") == connections, (name, command)
            assert one.log().count("Starting session: command") == commands, (name, command)
