"""Becoming root, in every way that machines have; with real sudo and doas, and a password that must be nowhere.

Source: the failures of other tools, such as passwords in command lines and in files that ask for them.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.accounts import User
from lab.keys import KeyPair
from lab.machines import Machine
from lab.office import Office, Ran

PASSWORD = "canary-7f3a $(id) 'x"
BODY = """\
distro:
  files: {/etc/hello: {content: "hello\\n", mode: "0600"}}
user:
  files: {~/mine: {content: "mine\\n"}}
"""

Boot = Callable[..., Machine]


@dataclass
class Desk:
    """A person at the office, and the one machine that the document names."""

    office: Office
    machine: Machine
    trace: Path

    @property
    def wrap(self) -> tuple[str, ...]:
        return ("strace", "-f", "-qq", "-A", "-e", "trace=execve", "-v", "-s", "100000", "-o", str(self.trace))

    def apply(self, *answers: tuple[str, str]) -> Ran:
        ran = self.office.converse("apply", "--all", "--yes", answers=answers, wrap=self.wrap)
        self.search(ran)
        return ran

    def search(self, ran: Ran) -> None:
        """Every word that either end said, logged or started a program with."""
        assert "execve" in self.trace.read_text() and "execve" in self.machine.trace(), "nothing was traced"
        logs = self.machine.run(["/bin/sh", "-c", "cat /var/log/* /var/log/*/* 2>/dev/null || :"]).stdout.decode()
        places = {
            "output": ran.out,
            "sshd": self.machine.log(),
            "logs": logs,
            "there": self.machine.trace(),
            "here": self.trace.read_text(),
        }
        for place, text in places.items():
            assert "canary-7f3a" not in text, place
        files = ["/bin/sh", "-c", "grep -rl canary-7f3a /etc /home /root /tmp /var /run /dev/shm 2>/dev/null || :"]
        assert self.machine.run(files).stdout == b""

    def is_written(self) -> tuple[bool, bool]:
        """Root's file, and the user's own."""
        check = "test -f /etc/hello; echo $?; test -f /home/dev/mine; echo $?"
        first, second = self.machine.run(["/bin/sh", "-c", check]).stdout.split()
        return first == b"0", second == b"0"


@pytest.fixture
def desk(machine: Boot, key: KeyPair, tmp_path: Path) -> Callable[..., Desk]:
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")

    def make(root: str = "bookworm", **user: object) -> Desk:
        one = machine(root, users={"dev": User(keys=[key.public], **user)}, strace=True)  # type: ignore[arg-type]
        office = Office(tmp_path / "office")
        office.has_key(key)
        office.knows(one)
        office.declares({"box": (one, "dev")}, BODY)
        return Desk(office, one, tmp_path / "trace")

    return make


ASKED = "sudo password on dev@"


@pytest.mark.parametrize("root", ["bookworm", "trixie"])
@pytest.mark.parametrize("defaults", [[], ["lecture=always"], ["timestamp_timeout=0"]], ids=str)
def test_the_password_is_asked_for_once(desk: Callable[..., Desk], root: str, defaults: list[str]) -> None:
    one = desk(root, password=PASSWORD, sudo="password", sudo_defaults=defaults)
    ran = one.apply((ASKED, PASSWORD))
    assert ran.code == 0, ran.out
    assert ran.out.count("sudo password") == 1
    assert one.is_written() == (True, True)


@pytest.mark.parametrize("root", ["bookworm", "trixie"])
def test_where_no_password_is_needed_none_is_asked_for_or_run(desk: Callable[..., Desk], root: str) -> None:
    one = desk(root, password=PASSWORD, sudo="nopasswd")
    secret = one.office.folder / "secret"
    secret.write_text(PASSWORD)
    (one.office.config / "machine.yaml").write_text(f"secrets: {{sudo_password: {{file: {secret}}}}}\n")
    ran = one.office.converse("apply", "-l", "box", "--yes", answers=[], wrap=one.wrap)
    one.search(ran)
    assert ran.code == 0, ran.out
    assert "sudo password" not in ran.out
    assert one.is_written() == (True, True)


def test_a_wrong_password_may_be_typed_again(desk: Callable[..., Desk]) -> None:
    one = desk(password=PASSWORD, sudo="password")
    ran = one.apply((ASKED, "wrong"), (ASKED, PASSWORD))
    assert ran.code == 0, ran.out
    assert "That is not the password." in ran.out
    assert one.is_written() == (True, True)


def test_three_wrong_passwords_are_enough(desk: Callable[..., Desk]) -> None:
    one = desk(password=PASSWORD, sudo="password")
    ran = one.apply((ASKED, "wrong"), (ASKED, "canary"), (ASKED, "again"))
    assert ran.code == 5, ran.out
    assert "/etc/hello blocked: needs root" in ran.words
    assert one.is_written() == (False, True)


def test_without_a_password_the_users_own_is_done(desk: Callable[..., Desk]) -> None:
    one = desk(password=PASSWORD, sudo="password")
    ran = one.apply((ASKED, ""))
    assert ran.code == 5, ran.out
    assert "/etc/hello blocked: needs root: sudo: a password is required" in ran.words
    assert one.is_written() == (False, True)


@pytest.mark.parametrize(
    ("user", "said"),
    [
        ({"sudo": "none"}, "dev is not in the sudoers file"),
        ({"sudo": "password", "password_expired": True}, "expired"),
    ],
    ids=["not allowed", "expired"],
)
def test_sudo_says_why_it_refuses(desk: Callable[..., Desk], user: dict[str, object], said: str) -> None:
    one = desk(password=PASSWORD, **user)
    ran = one.apply((ASKED, PASSWORD))
    assert ran.code == 5, ran.out
    assert "needs root: " in ran.words and said in ran.words, ran.out
    assert one.is_written() == (False, True)


def test_a_terminal_that_sudo_wants_is_named(desk: Callable[..., Desk]) -> None:
    one = desk(password=PASSWORD, sudo="nopasswd", sudo_defaults=["requiretty"])
    ran = one.apply()
    assert ran.code == 5, ran.out
    assert "needs root: sudo: sorry, you must have a tty to run sudo" in ran.words
    assert one.is_written() == (False, True)


def test_a_password_in_a_file_needs_nobody(desk: Callable[..., Desk], tmp_path: Path) -> None:
    one = desk(password=PASSWORD, sudo="password")
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n")
    file.chmod(0o644)
    refused = one.office.run("apply", "--all", "--yes", "--sudo-password-file", str(file))
    assert refused.code == 64 and f"chmod 600 {file}" in refused.words, refused
    file.chmod(0o600)
    assert one.office.run("plan", "--all", "--sudo-password-file", str(file)).code == 0
    ran = one.office.run("apply", "--all", "--yes", "--sudo-password-file", str(file))
    assert ran.code == 0, ran
    assert one.is_written() == (True, True)


def test_a_wrong_password_of_a_file_is_tried_once(desk: Callable[..., Desk]) -> None:
    one = desk(password=PASSWORD, sudo="password")
    one.office.environment["RECONCILE_SECRET_SUDO_PASSWORD"] = "wrong"
    ran = one.office.run("apply", "--all", "--yes")
    assert ran.code == 5, ran
    assert one.machine.trace().count('["sudo", "-S"') == 1
    assert one.is_written() == (False, True)


def test_plan_never_asks(desk: Callable[..., Desk]) -> None:
    one = desk(password=PASSWORD, sudo="password")
    one.machine.write("/etc/hello", "kept from others\n", mode=0o600)
    ran = one.office.converse("plan", "--all", answers=[])
    assert ran.code == 0
    assert "sudo password" not in ran.out
    assert "/etc/hello unknown: needs root" in ran.words


@pytest.mark.parametrize(("doas", "codes"), [("nopasswd", 0), ("password", 5), ("none", 5)])
def test_doas_stands_in_for_sudo(desk: Callable[..., Desk], doas: str, codes: int) -> None:
    one = desk(password=PASSWORD, doas=doas)
    one.machine.run(["/bin/sh", "-c", "rm -f /usr/bin/sudo"])
    ran = one.apply()
    assert ran.code == codes, ran.out
    assert one.is_written() == (codes == 0, True)
    if doas == "password":
        assert "needs root: doas takes a password from a terminal only" in ran.words


def test_a_machine_with_neither_says_so(desk: Callable[..., Desk]) -> None:
    one = desk("busybox", password=PASSWORD)
    ran = one.apply()
    assert ran.code == 5, ran.out
    assert "needs root: neither sudo nor doas is there" in ran.words
    assert one.is_written() == (False, True)


def test_sudo_is_left_alone_where_machine_yaml_says_so(desk: Callable[..., Desk]) -> None:
    one = desk(password=PASSWORD, sudo="nopasswd")
    (one.office.config / "machine.yaml").write_text("become: none\n")
    ran = one.office.run("apply", "-l", "box", "--yes")
    assert ran.code == 5, ran
    assert '"sudo"' not in one.machine.trace()
    assert one.is_written() == (False, True)
