"""Users and groups over a real sshd: shadow's programs, and the real sudo and visudo."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lab.accounts import User
from lab.apt_repository import Package, publish
from lab.keys import KeyPair
from lab.machines import Machine
from lab.office import Office, Ran

Boot = Callable[..., Machine]


class Desk:
    """One machine, and what is declared of its distro."""

    def __init__(self, one: Machine, office: Office) -> None:
        self.one, self.office = one, office

    def apply(self, distro: str) -> Ran:
        self.office.declares({"one": (self.one, "dev")}, f"distro:\n{distro}")
        return self.office.run("apply", "--all", "--yes", "--allow-exec")

    def reach(self, distro: str) -> Ran:
        """Applied, verified, and nothing left to change."""
        applied = self.apply(distro)
        assert applied.code == 0, applied
        verified = self.office.run("verify", "--all", "--strict")
        assert verified.code == 0 and "nothing to change" in verified.words, verified
        return applied

    def said(self, *words: str) -> str:
        return self.one.run([*words]).stdout.decode().strip()


@pytest.fixture
def desk(machine: Boot, key: KeyPair, tmp_path: Path) -> Callable[..., Desk]:
    def sit(root: str) -> Desk:
        one = machine(root, users={"dev": User(keys=[key.public], sudo="nopasswd"), "eve": User()})
        office = Office(tmp_path / "office")
        office.has_key(key)
        office.knows(one)
        return Desk(one, office)

    return sit


MAKE = """\
  groups: {builders: {gid: 4000}}
  users:
    new: {shell: /bin/sh, groups: [builders, users], comment: "Née Example, room 5"}
    ci: {uid: 1500, home: /srv/ci}
    eve: {groups: [builders]}
"""
UNMAKE = """\
  groups: {builders: {absent: true}}
  users: {new: {absent: true}, ci: {absent: true}}
"""


@pytest.mark.parametrize("root", ["bookworm", "trixie"])
def test_accounts_are_made_joined_and_removed(desk: Callable[..., Desk], root: str) -> None:
    here = desk(root)
    here.reach(MAKE)
    assert set(here.said("id", "-Gn", "new").split()) == {"new", "builders", "users"}
    assert here.said("id", "-u", "ci") == here.said("id", "-g", "ci") == "1500"
    assert "builders" in here.said("id", "-Gn", "eve").split()
    passwd = here.one.read("/etc/passwd").decode()
    assert "Née Example, room 5:/home/new:/bin/sh\n" in passwd and ":/srv/ci:" in passwd
    assert here.said("stat", "-c", "%U:%G", "/home/new", "/srv/ci").split() == ["new:new", "ci:ci"]

    here.reach(UNMAKE)
    assert here.said("id", "-Gn", "eve") == "eve"
    assert here.one.run(["id", "new"]).code == 1
    assert here.said("ls", "/home").split() == ["dev", "eve", "new"]


def test_an_account_is_changed_and_its_home_stays(desk: Callable[..., Desk]) -> None:
    here = desk("trixie")
    here.reach("  users: {eve: {shell: /usr/bin/fish, comment: Eve, uid: 1234, home: /home/elsewhere}}\n")
    assert here.said("getent", "passwd", "eve").split(":")[2:3] == ["1234"]
    assert here.said("getent", "passwd", "eve").split(":")[4:] == ["Eve", "/home/elsewhere", "/usr/bin/fish"]
    assert "elsewhere" not in here.said("ls", "/home")


@pytest.mark.parametrize("root", ["bookworm", "trixie"])
def test_sudo_does_what_the_rule_says(desk: Callable[..., Desk], root: str) -> None:
    here = desk(root)

    def sudo(user: str, *words: str) -> str:
        return here.said("runuser", "-u", user, "--", "sudo", "-n", *words)

    here.reach(
        '  users: {eve: {sudo: nopasswd}, first.last: {sudo: "ALL=(root) NOPASSWD: /usr/bin/id -u"}, UPPER: {sudo: nopasswd}}\n'
    )
    assert (sudo("eve", "id", "-u"), sudo("UPPER", "id", "-u")) == ("0", "0")
    assert (sudo("first.last", "/usr/bin/id", "-u"), sudo("first.last", "/usr/bin/id", "-g")) == ("0", "")
    assert here.said("stat", "-c", "%a %U:%G", "/etc/sudoers.d/reconcile-eve") == "440 root:root"
    assert here.one.run(["visudo", "-c"]).code == 0

    here.reach("  users: {eve: {sudo: password}, first.last: {sudo: {absent: true}}, UPPER: {absent: true}}\n")
    assert (sudo("eve", "id", "-u"), sudo("first.last", "/usr/bin/id", "-u")) == ("", "")
    assert "(ALL : ALL) ALL" in here.said("sudo", "-l", "-U", "eve")
    assert "reconcile-UPPER" not in here.said("ls", "/etc/sudoers.d")


def test_a_rule_that_visudo_finds_wrong_is_not_written(desk: Callable[..., Desk]) -> None:
    here = desk("trixie")
    here.reach("  users: {eve: {sudo: password}}\n")
    failed = here.apply('  users: {eve: {sudo: "ALL=(root) NOPASSWD:"}, new: {sudo: "ALL=("}}\n')
    assert failed.code == 3 and "syntax error" in failed.words, failed
    assert here.one.read("/etc/sudoers.d/reconcile-eve") == b"eve ALL=(ALL:ALL) ALL\n"
    assert here.one.run(["test", "-e", "/etc/sudoers.d/reconcile-new"]).code == 1
    assert here.one.run(["visudo", "-c"]).code == 0


def test_a_shell_and_a_group_may_come_with_a_package_of_the_same_apply(desk: Callable[..., Desk]) -> None:
    here = desk("trixie")
    shell = {"/usr/bin/newsh": 'exec /bin/sh "$@"\n'}
    scripts = {"postinst": "groupadd -r engine; useradd -r -g engine -d /var/lib/engine engine"}
    publish(here.one, [Package(name="newsh", files=shell), Package(name="engine", scripts=scripts)])
    here.reach(
        "  packages: {newsh: {programs: [newsh]}, engine: {}}\n"
        "  groups: {engine: {system: true}}\n"
        "  users:\n    eve: {shell: /bin/newsh, groups: [engine]}\n    engine: {groups: [users], comment: The engine}\n"
    )
    assert here.said("getent", "passwd", "engine").split(":")[4:6] == ["The engine", "/var/lib/engine"]
    assert here.said("id", "-Gn", "engine") == "engine users"
    assert here.said("getent", "passwd", "eve").endswith(":/bin/newsh")
    assert "engine" in here.said("id", "-Gn", "eve").split()


def test_nobody_gets_a_shell_that_a_package_did_not_bring(desk: Callable[..., Desk]) -> None:
    here = desk("trixie")
    publish(here.one, [Package(name="newsh")])
    failed = here.apply("  packages: {newsh: {programs: [newsh]}}\n  users: {eve: {shell: /bin/newsh}}\n")
    assert failed.code == 3 and "there is no program /bin/newsh" in failed.words, failed
    assert here.said("getent", "passwd", "eve").endswith(":/bin/sh")


def test_who_asks_is_not_removed(desk: Callable[..., Desk]) -> None:
    here = desk("trixie")
    failed = here.apply("  users: {dev: {absent: true}}\n")
    assert failed.code == 3 and "used by process" in failed.words, failed
    assert here.one.run(["id", "dev"]).code == 0


def test_what_shadow_refuses_is_told_in_its_own_words(desk: Callable[..., Desk]) -> None:
    here = desk("trixie")
    failed = here.apply("  groups: {one: {gid: 4711}, two: {gid: 4711}}\n")
    assert failed.code == 3 and "GID '4711' already exists" in failed.words, failed


def test_an_unprivileged_plan_does_not_know_of_rules(desk: Callable[..., Desk]) -> None:
    here = desk("trixie")
    here.one.run(["rm", "/etc/sudoers.d/dev"])
    here.one.run(["chmod", "750", "/etc/sudoers.d"])
    here.office.declares({"one": (here.one, "dev")}, "distro:\n  users: {eve: {sudo: password}}")
    planned = here.office.run("plan", "--all")
    assert "1 unknown" in planned.words and "Needs: root on one/main" in planned.words, planned
