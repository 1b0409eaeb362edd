"""`reconcile trust`: a host's keys are shown, compared, and only then known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lab.accounts import User
from lab.keys import KeyPair
from lab.machines import Machine
from lab.office import Office
from reconciler.model.guard import fingerprint

BODY = "user:\n  files: {~/mine: {content: mine}}\n"


@pytest.fixture
def office(tmp_path: Path, key: KeyPair) -> Office:
    made = Office(tmp_path / "office")
    made.has_key(key)
    return made


@pytest.fixture
def box(machine: Callable[..., Machine], key: KeyPair, office: Office) -> Machine:
    one = machine(users={"root": User(keys=[key.public])}, host_key_kinds=["ed25519", "ecdsa", "rsa"])
    office.declares({"box": (one, "root")}, BODY)
    return one


def prints(box: Machine) -> list[str]:
    return [str(fingerprint(line)) for line in box.host_keys]


def test_an_unknown_host_is_trusted_once_somebody_agrees(box: Machine, office: Office) -> None:
    known = office.ssh / "known_hosts"
    unknown = office.run("plan", "--all")
    assert unknown.code == 4 and "reconcile trust box" in unknown.words, unknown
    assert not known.exists()

    declined = office.converse("trust", "box", answers=[("[y/N]", "n")])
    assert declined.code == 5 and not known.exists(), declined.out
    assert all(text in declined.out for text in prints(box)), declined.out

    agreed = office.converse("trust", "box", answers=[("[y/N]", "y")])
    assert agreed.code == 0 and "Added 3 keys to ~/.ssh/known_hosts" in agreed.words, agreed.out
    assert "Accepted" not in box.log(), "it was told who asks"
    assert known.stat().st_mode & 0o777 == 0o600
    assert office.run("plan", "--all").code == 0
    again = office.run("trust", "box")
    assert again.code == 0 and "known already" in again.out, again


def test_a_fingerprint_stands_for_consent_to_its_key_alone(box: Machine, office: Office) -> None:
    wrong = office.run("trust", "box", "--fingerprint", "SHA256:" + "A" * 43)
    assert wrong.code == 5 and prints(box)[0] in wrong.words, wrong
    right = office.run("trust", "box", "--fingerprint", prints(box)[0])
    assert right.code == 0 and "Added 1 key " in right.out, right
    assert office.run("plan", "--all").code == 0


def test_nothing_is_added_where_nobody_can_be_asked(box: Machine, office: Office) -> None:
    ran = office.run("trust", "box")
    assert ran.code == 5 and "--fingerprint" in ran.words, ran
    assert not (office.ssh / "known_hosts").exists()


def test_a_changed_key_is_not_trusted_beside_the_old_one(box: Machine, office: Office) -> None:
    other = "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
    before = f"# kept\n[{box.host}]:{box.port} ssh-ed25519 {other}\n"
    (office.ssh / "known_hosts").write_text(before)
    ran = office.converse("trust", "box", answers=[])
    assert ran.code == 5 and "~/.ssh/known_hosts:2 has another ed25519 key for box" in ran.words, ran.out
    assert (office.ssh / "known_hosts").read_text() == before


def test_a_host_outside_the_documents_is_taken_as_ssh_takes_it(box: Machine, office: Office) -> None:
    (office.ssh / "config").write_text(f"Host elsewhere\n HostName {box.host}\n Port {box.port}\n HashKnownHosts yes\n")
    (office.ssh / "config").chmod(0o600)
    ran = office.run("trust", "elsewhere", "--fingerprint", prints(box)[0])
    assert ran.code == 0, ran
    assert (office.ssh / "known_hosts").read_text().startswith("|1|")
    assert office.run("plan", "--all").code == 0


@pytest.mark.parametrize("name", ["-oProxyCommand=x", "a b", "box/none", "$(id)"])
def test_what_is_no_host_is_an_error_of_the_command_line(box: Machine, office: Office, name: str) -> None:
    ran = office.run("trust", "--", name)
    assert ran.code == 64, ran
    assert "Traceback" not in ran.err
