"""`guard:` keeps what is meant for one machine off another that answers in its place."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.accounts import User
from lab.keys import KeyPair, make_key
from lab.machines import Lab, Machine
from lab.office import Office, Ran
from lab.trouble import assert_is_plain, boot, census, declare, fate, section, way

BODY = """\
groups:
  strangers: {guard: {os: fedora}}
  family: {guard: {os: debian, libc: glibc}}
user:
  files: {~/mine: {content: "mine\\n"}}
"""
NOT_ITS_KEY = "SHA256:" + "A" * 43
ARCHITECTURE = platform.machine()

# By workstation: its guard, and what is said of it.
WRONG: Mapping[str, tuple[str, str]] = {
    "id": (
        "guard: {machine_id: 00000000000000000000000000000001}",
        "machine_id is MACHINE_ID, not 000000000000000000000000000",
    ),
    "key": (f"guard: {{host_key: '{NOT_ITS_KEY}'}}", f"host_key is FINGERPRINT, not {NOT_ITS_KEY}"),
    "os": ("guard: {os: alpine}", "os is debian, not alpine"),
    "arch": ("guard: {arch: s390x}", "not s390x"),
    "libc": ("guard: {libc: musl}", "libc is glibc, not musl"),
    "both": ("guard: {os: debian, libc: musl}", "libc is glibc, not musl"),
    "group": ("groups: [strangers]", "os is debian, not fedora"),
}
RIGHT: Mapping[str, str] = {
    "all": f"guard: {{machine_id: MACHINE_ID, host_key: 'FINGERPRINT', os: debian, arch: {ARCHITECTURE}, libc: glibc}}",
    "relative": "groups: [family]",
    "own": "groups: [strangers], guard: {os: debian}",
}


@dataclass(frozen=True)
class Outcome:
    ran: Ran
    is_untouched: bool
    files: Mapping[str, bool]


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> KeyPair:
    return make_key(tmp_path_factory.mktemp("keys") / "id_ed25519")


@pytest.fixture(scope="module")
def one(lab: Lab, key: KeyPair) -> Iterator[Machine]:
    """A machine with a user for each workstation of the document."""
    users = {f"u-{name}": User(keys=[key.public]) for name in (*WRONG, *RIGHT, "free")}
    machine = boot(lab, users=users)
    yield machine
    machine.close()


def filled(text: str, machine: Machine) -> str:
    return text.replace("MACHINE_ID", machine.machine_id).replace("FINGERPRINT", fingerprint(machine))


def fingerprint(machine: Machine) -> str:
    said = machine.commander.succeed(["ssh-keygen", "-l", "-f", "/etc/ssh/ssh_host_ed25519_key.pub"]).decode()
    return said.split()[1]


@pytest.fixture(scope="module")
def outcome(one: Machine, key: KeyPair, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """One apply for all."""
    office = Office(tmp_path_factory.mktemp("guards") / "office")
    office.has_key(key)
    guards = {name: guard for name, (guard, _) in WRONG.items()} | dict(RIGHT)
    ways = {name: way(one, f"u-{name}", beside=f", {filled(guard, one)}") for name, guard in guards.items()}
    declare(office, {**ways, "free": way(one, "u-free")}, BODY)
    allowed = [f"/home/u-{name}" for name in (*RIGHT, "free")]
    before = census(one, *allowed)
    ran = office.run("apply", "--all", "--yes")
    files = {name: one.run(["test", "-e", f"/home/u-{name}/mine"]).code == 0 for name in (*guards, "free")}
    return Outcome(ran, census(one, *allowed) == before, files)


@pytest.mark.parametrize("name", WRONG)
def test_a_machine_that_is_another_is_not_written_to(outcome: Outcome, one: Machine, name: str) -> None:
    said = WRONG[name][1]
    told = section(outcome.ran, name)
    assert "guard: " in told and filled(said, one) in told, told
    assert "blocked" in told and "reconcile.yaml:" in told, told
    assert "fix: see that the right machine answers; if this is the one, write " in told, told
    assert fate(outcome.ran, name) == ""
    assert not outcome.files[name]


@pytest.mark.parametrize("name", [*RIGHT, "free"])
def test_who_is_meant_is_written_to_whatever_others_are(outcome: Outcome, name: str) -> None:
    assert f"done /home/u-{name}/mine" in fate(outcome.ran, name), outcome.ran
    assert outcome.files[name]


def test_it_ends_as_blocked_and_nothing_was_written_there(outcome: Outcome) -> None:
    assert outcome.ran.code == 5, outcome.ran
    assert_is_plain(outcome.ran)
    assert outcome.is_untouched


@pytest.fixture
def office(tmp_path: Path, key: KeyPair) -> Office:
    made = Office(tmp_path / "office")
    made.has_key(key)
    return made


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        ("rm /etc/machine-id", "/etc/machine-id is missing"),
        ("echo >/etc/machine-id", "/etc/machine-id is empty"),
        ("echo uninitialized >/etc/machine-id", "/etc/machine-id holds no machine id"),
        ("chmod 0 /etc/machine-id", "/etc/machine-id cannot be read"),
        ("rm /etc/machine-id; mkfifo /etc/machine-id", "/etc/machine-id "),
    ],
)
def test_what_cannot_be_checked_does_not_fit(
    machine: Callable[..., Machine], key: KeyPair, office: Office, one: Machine, spoil: str, said: str
) -> None:
    other = machine(users={"dev": User(keys=[key.public])})
    guard = f", guard: {{machine_id: {other.machine_id}}}"
    other.commander.succeed(["/bin/sh", "-c", spoil])
    declare(office, {"box": way(other, "dev", beside=guard), "free": way(one, "u-free")}, BODY)
    before = census(other)
    ran = office.run("apply", "--all", "--yes")
    assert ran.code == 5, ran
    assert_is_plain(ran)
    assert "guard: machine_id cannot be checked: " in section(ran, "box"), ran
    assert said in section(ran, "box"), ran
    assert census(other) == before


def test_one_wrong_machine_blocks_the_whole_workstation(
    machine: Callable[..., Machine], key: KeyPair, office: Office, one: Machine
) -> None:
    """A workstation with two distros and two users: a half of it is not written either."""
    users = {"root": User(keys=[key.public]), "eve": User()}
    right, wrong = machine(users=users), machine("busybox", users=users)
    office.knows(right, wrong, one)
    distros = "".join(
        f"      {name}: {{ssh: {{host: {each.host}, port: {each.port}, user: root}}, users: [self, eve]}}\n"
        for name, each in (("glibc", right), ("musl", wrong))
    )
    body = 'distro:\n  files: {/etc/hello: {content: "hello\\n"}}\nuser:\n  files: {~/mine: {content: "mine\\n"}}\n'
    free = f"  free: {{ssh: {{host: {one.host}, port: {one.port}, user: u-free}}}}\n"
    document = f"version: 1\nworkstations:\n  box:\n    guard: {{libc: glibc}}\n    distros:\n{distros}{free}{body}"
    (office.repo / "reconcile.yaml").write_text(document)
    before = census(right), census(wrong)
    ran = office.run("apply", "-l", "box", "--yes")
    assert ran.code == 5, ran
    assert_is_plain(ran)
    assert ran.words.count("guard: libc is musl, not glibc") >= 1, ran
    assert "Applied" not in ran.out
    assert (census(right), census(wrong)) == before


@pytest.mark.parametrize(("guard", "code"), [("{os: no-such-system}", 5), (f"{{arch: {ARCHITECTURE}}}", 0)])
def test_a_guard_counts_for_this_machine_too(trusted_home: Path, guard: str, code: int) -> None:
    """Reached without SSH."""
    office = Office(trusted_home / "office")
    body = 'user:\n  files: {~/mine: {content: "mine\\n"}}\n'
    (office.repo / "reconcile.yaml").write_text(f"version: 1\nworkstations:\n  here: {{guard: {guard}}}\n{body}")
    (office.config / "machine.yaml").write_text("workstation: here\n")
    ran = office.run("apply", "--yes")
    assert ran.code == code, ran
    assert_is_plain(ran)
    assert (office.folder / "home/mine").exists() == (code == 0)


def test_this_machine_is_told_by_its_host_keys(trusted_home: Path) -> None:
    office = Office(trusted_home / "office")
    body = 'user:\n  files: {~/mine: {content: "mine\\n"}}\n'
    guard = f"{{host_key: '{NOT_ITS_KEY}'}}"
    (office.repo / "reconcile.yaml").write_text(f"version: 1\nworkstations:\n  here: {{guard: {guard}}}\n{body}")
    (office.config / "machine.yaml").write_text("workstation: here\n")
    ran = office.run("apply", "--yes")
    assert ran.code == 5, ran
    assert "guard: host_key " in ran.words
    assert not (office.folder / "home/mine").exists()
