"""Packages over a real sshd, by the real apt and dpkg, from a repository on the machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lab.accounts import User
from lab.apt_repository import EXAMPLES, Package, publish
from lab.keys import KeyPair
from lab.machines import Machine
from lab.office import Office, Ran

Boot = Callable[..., Machine]
ARCHIVE = (
    *EXAMPLES,
    Package(name="lib-new", fields={"Provides": "lib-old"}),
    Package(name="rival", fields={"Conflicts": "hello"}),
    Package(name="py3x1", version="9"),
)


class Desk:
    """One machine, and what is declared of its packages. Its lists are empty at first."""

    def __init__(self, one: Machine, office: Office) -> None:
        self.one, self.office = one, office

    def declare(self, packages: str) -> None:
        self.office.declares({"one": (self.one, "dev")}, f"distro:\n  packages: {packages}")

    def apply(self, packages: str) -> Ran:
        self.declare(packages)
        return self.office.run("apply", "--all", "--yes")

    def reach(self, packages: str) -> None:
        """Applied, verified, and nothing left to change."""
        applied = self.apply(packages)
        assert applied.code == 0, applied
        verified = self.office.run("verify", "--all", "--strict")
        assert verified.code == 0 and "nothing to change" in verified.words, verified

    def installed(self) -> dict[str, str]:
        """Of the packages of these tests: version and status by name."""
        names = sorted({package.name for package in ARCHIVE})
        form = "${Package} ${Version} ${db:Status-Abbrev}\\n"
        text = self.one.run(["dpkg-query", "-W", "-f", form, *names]).stdout.decode()
        lines = [line.split() for line in text.splitlines()]
        return {words[0]: " ".join(words[1:]) for words in lines if words[-1] not in ("un", "rc")}


both_suites = pytest.mark.parametrize("desk", ["bookworm", "trixie"], indirect=True)


@pytest.fixture
def desk(request: pytest.FixtureRequest, machine: Boot, key: KeyPair, tmp_path: Path) -> Desk:
    one = machine(getattr(request, "param", "trixie"), users={"dev": User(keys=[key.public], sudo="nopasswd")})
    office = Office(tmp_path / "office")
    office.has_key(key)
    office.knows(one)
    publish(one, ARCHIVE)
    return Desk(one, office)


@both_suites
def test_packages_come_from_empty_lists_and_go_again(desk: Desk) -> None:
    desk.declare("[greeter, lib-old]")
    planned = desk.office.run("plan", "--all", "--detailed-exitcode")
    assert planned.code == 2 and "apt-get install greeter lib-old" in planned.words, planned
    desk.reach("[greeter, lib-old]")
    assert desk.installed() == {"greeter": "1.0 ii", "hello": "2.0 ii", "lib-new": "1.0 ii"}
    desk.reach("{greeter: {absent: true}}")
    assert desk.installed() == {"hello": "2.0 ii", "lib-new": "1.0 ii"}  # nothing else went with it
    desk.reach("{hello: {absent: true}}")
    assert desk.one.read("/etc/hello.conf") == b"two\n"  # nor was it purged


@both_suites
def test_a_version_is_kept_up_and_down_and_so_is_a_changed_file(desk: Desk) -> None:
    desk.reach("{hello: {version: '1.*'}}")
    assert desk.installed() == {"hello": "1.0 hi"}
    desk.one.write("/etc/hello.conf", "mine\n")
    desk.reach("{hello: {version: '2.0'}}")
    assert desk.installed() == {"hello": "2.0 hi"}
    assert desk.one.read("/etc/hello.conf") == b"mine\n"
    desk.reach("{hello: {version: '1.*'}, greeter: {}}")
    assert desk.installed() == {"hello": "1.0 hi", "greeter": "1.0 ii"}
    desk.one.run(["apt-mark", "unhold", "hello"])
    desk.declare("{hello: {version: '1.*'}}")
    assert "held: false → true" in desk.office.run("plan", "--all").words
    desk.reach("{hello: {version: '1.*'}}")
    desk.reach("{hello: {absent: true}, greeter: {absent: true}}")
    assert desk.installed() == {}


@both_suites
def test_nothing_goes_that_is_not_named(desk: Desk) -> None:
    desk.reach("[greeter]")
    for packages, reason in (
        ("{hello: {absent: true}}", "hello cannot go alone, others need it or would take its place: greeter"),
        ("[rival]", "that would remove greeter hello; declare what shall go as absent"),
    ):
        refused = desk.apply(packages)
        assert refused.code == 3 and reason in refused.words, refused
        assert desk.installed() == {"greeter": "1.0 ii", "hello": "2.0 ii"}
    desk.reach("{hello: {absent: true}, greeter: {absent: true}, rival: {}}")
    assert desk.installed() == {"rival": "1.0 ii"}
    essential = desk.apply("{base-files: {absent: true}}")
    assert essential.code == 5 and "base-files cannot be removed: it is marked essential" in essential.words


@both_suites
def test_what_cannot_be_had_fails_with_apts_own_words_and_changes_nothing(desk: Desk) -> None:
    for packages, reason in (
        ("[hello, no-such-package]", "Unable to locate package no-such-package"),
        ("{hello: {version: '3.*'}}", "Version '3.*' for 'hello' was not found"),
        ("[lonely]", "nothing-has-this-name"),
        ("[py3.1]", "Unable to locate package py3.1"),
    ):
        failed = desk.apply(packages)
        assert failed.code == 3 and reason in failed.words, failed
        assert desk.installed() == {}


def test_what_fails_half_way_is_as_it_was_or_told(desk: Desk) -> None:
    desk.reach("{hello: {version: '1.*'}}")
    assert desk.apply("{hello: {version: '3.*'}}").code == 3
    assert desk.installed() == {"hello": "1.0 hi"}
    broken = desk.apply("[broken]")
    assert broken.code == 3 and "it cannot be configured" in broken.words, broken
    verified = desk.office.run("verify", "--all")
    assert verified.code == 2 and "1 to add" in verified.words, verified


def test_lists_that_cannot_be_fetched_are_told_of(desk: Desk) -> None:
    desk.one.write("/etc/apt/sources.list.d/far.list", "deb [trusted=yes] http://127.0.0.1:9/far ./\n")
    failed = desk.apply("[no-such-package]")
    assert failed.code == 3 and "Failed to fetch http://127.0.0.1:9/far" in failed.words, failed
    desk.reach("[hello]")
