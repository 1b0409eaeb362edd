"""pytest's way to the lab: `pytest_plugins = ["lab.fixtures"]` in tests/conftest.py."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from lab.keys import KeyPair, make_key
from lab.machines import Lab, LabUnavailable, Machine

Ssh = Callable[..., subprocess.CompletedProcess[str]]
MACHINES = pytest.StashKey[list[Machine]]()


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The lab of this run (of this worker), started by the first test that asks for it."""
    try:
        made = Lab(tmp_path_factory.mktemp("lab"))
    except LabUnavailable as error:
        not_here(error)
    yield made
    made.close()


@pytest.fixture
def machine(lab: Lab, request: pytest.FixtureRequest) -> Iterator[Callable[..., Machine]]:
    """`lab.machine`, whose machines are gone at the end of the test."""
    made: list[Machine] = []
    request.node.stash[MACHINES] = made

    def make(root: str = "bookworm", **options: object) -> Machine:
        try:
            made.append(lab.machine(root, **options))  # type: ignore[arg-type]
        except LabUnavailable as error:
            not_here(error)
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def key(tmp_path: Path) -> KeyPair:
    """A user's key, without a passphrase."""
    return make_key(tmp_path / "keys" / "id_ed25519")


@pytest.fixture
def locked_key(tmp_path: Path) -> KeyPair:
    """A user's key under the passphrase it names."""
    return make_key(tmp_path / "keys" / "id_locked", passphrase="correct horse")


@pytest.fixture
def authority(tmp_path: Path) -> KeyPair:
    """The key of a certificate authority: see keys.sign."""
    return make_key(tmp_path / "keys" / "authority")


@pytest.fixture
def ssh(tmp_path: Path, key: KeyPair) -> Ssh:
    """The real client: machine, user, command, more options."""

    def run(
        machine: Machine, user: str, command: str, *options: str, identity: Path = key.path, known: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        known_hosts = tmp_path / "known_hosts"
        known_hosts.write_text(machine.known_hosts_line() if known is None else known)
        words = ["ssh", "-F", "none", "-i", str(identity), "-p", str(machine.port), "-o", "BatchMode=yes"]
        words += ["-o", f"UserKnownHostsFile={known_hosts}", "-o", "GlobalKnownHostsFile=none", *options]
        words += [f"{user}@{machine.host}", command]
        return subprocess.run(words, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)

    return run


def not_here(error: LabUnavailable) -> NoReturn:
    if os.environ.get("RECONCILE_LAB") == "required":
        pytest.fail(f"the lab is required (RECONCILE_LAB) and not possible: {error}", pytrace=False)
    pytest.skip(f"no lab: {error}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows what the sshd of its machines had to say."""
    report = yield
    if report.failed:
        for each in item.stash.get(MACHINES, []):
            report.sections.append((f"sshd of {each.name}", each.log()[-4000:]))
    return report
