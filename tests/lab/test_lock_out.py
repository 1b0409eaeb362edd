"""Changes that cut off whoever makes them: the machine leads them back by itself, unless a new connection confirms them.

Real sshd, sudo and account files; what is left alone stands beside, to see that no more is led back than what cuts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.accounts import User
from lab.keys import KeyPair, make_key
from lab.machines import Lab, Machine
from lab.office import Office, Ran
from lab.trouble import assert_is_plain, boot, declare, scripts_on, wait_until, way

SECONDS = 4
WITHIN = ("--confirm-within", str(SECONDS))
BESIDE = "/etc/beside: {content: beside}"
LEADS_BACK = "has led it back: no new connection could be made within"


@dataclass
class Desk:
    machine: Machine
    office: Office

    def apply(self, body: str, user: str = "root", *words: str, ssh: str = "") -> Ran:
        declare(self.office, {"lt": way(self.machine, user, ssh=ssh)}, body)
        ran = self.office.run("apply", "--all", "--yes", "--allow-exec", *(words or WITHIN))
        assert_is_plain(ran)
        return ran

    def read(self, path: str) -> str | None:
        ran = self.machine.run(["cat", path])
        return None if ran.code else ran.stdout.decode()

    def watches(self) -> str:
        folders = "ls -d /var/lib/reconcile/watch.* /home/*/.local/state/reconcile/watch.* 2>/dev/null || :"
        return self.machine.commander.succeed(["/bin/sh", "-c", folders]).decode()

    def check_nothing_is_left(self) -> None:
        assert wait_until(lambda: not scripts_on(self.machine), 20), scripts_on(self.machine)
        assert self.watches() == ""


@pytest.fixture(scope="module")
def key_pair(tmp_path_factory: pytest.TempPathFactory) -> KeyPair:
    return make_key(tmp_path_factory.mktemp("keys") / "id_ed25519")


@pytest.fixture(scope="module")
def desk(lab: Lab, key_pair: KeyPair, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    keys = [key_pair.public]
    users = {
        "root": User(keys=keys),
        "dev": User(keys=keys, sudo="nopasswd"),
        "plain": User(keys=keys),
    }
    office = Office(tmp_path_factory.mktemp("desk") / "office")
    office.has_key(key_pair)
    machine = boot(lab, users=users)
    yield Desk(machine, office)
    machine.close()


@pytest.mark.parametrize(
    ("path", "item"),
    [
        ("/etc/hosts.deny", '{content: "sshd: ALL\\n"}'),
        ("/root/.ssh/authorized_keys", '{content: "# nobody\\n", mode: "0600"}'),
        ("/etc/passwd", '{content: "nobody:x:65534:65534::/:/bin/false\\n"}'),
    ],
)
def test_what_keeps_new_connections_out_is_led_back(desk: Desk, path: str, item: str) -> None:
    before = desk.read(path)
    ran = desk.apply(f"distro:\n  files:\n    {BESIDE}\n    {path}: {item}\n")
    assert ran.code == 3, ran.words
    assert LEADS_BACK in ran.words
    assert desk.read(path) == before
    assert desk.read("/etc/beside") == "beside"
    desk.check_nothing_is_left()


def test_what_keeps_nobody_out_is_confirmed_and_stays(desk: Desk) -> None:
    body = 'distro:\n  files: {/etc/hosts.deny: {content: "cupsd: ALL\\n"}}\n'
    declare(desk.office, {"lt": way(desk.machine)}, body)
    plan = desk.office.run("plan", "--all", *WITHIN)
    assert f"unless a new connection can be made within {SECONDS} s after it" in plan.words
    ran = desk.apply(body)
    assert ran.code == 0, ran.words
    desk.check_nothing_is_left()
    assert desk.read("/etc/hosts.deny") == "cupsd: ALL\n"


def test_sudo_that_is_gone_is_led_back(desk: Desk) -> None:
    rule = desk.machine.commander.succeed(["/bin/sh", "-c", "grep -l dev /etc/sudoers.d/*"]).decode().strip()
    before = desk.read(rule)
    ran = desk.apply(f"distro:\n  files: {{{rule}: {{absent: true}}}}\n", "dev")
    assert ran.code == 3, ran.words
    assert "root's rights are gone" in ran.words
    assert desk.read(rule) == before
    desk.check_nothing_is_left()


def test_a_user_who_locks_himself_out_is_let_in_again(desk: Desk) -> None:
    path = "/home/plain/.ssh/authorized_keys"
    before = desk.read(path)
    ran = desk.apply('user:\n  files: {~/.ssh/authorized_keys: {content: "", mode: "0600"}}\n', "plain")
    assert ran.code == 3, ran.words
    assert LEADS_BACK in ran.words
    assert desk.read(path) == before
    desk.check_nothing_is_left()


def test_the_journal_tells_of_the_way_back_and_undo_leads_back_the_rest(desk: Desk) -> None:
    ran = desk.apply('distro:\n  files: {/etc/rest: {content: rest}, /etc/hosts.deny: {content: "ALL: ALL\\n"}}\n')
    assert ran.code == 3, ran.words
    history = desk.office.run("history", "--all")
    assert "the machine itself (leads back a part of" in history.words
    assert "(what cut access was led back)" in history.words
    undo = desk.office.run("undo", "--all", "--yes")
    assert undo.code == 0, undo.words
    assert desk.read("/etc/rest") is None
    assert desk.read("/etc/hosts.deny") == "cupsd: ALL\n"


def test_with_nobody_to_watch_it_stays(desk: Desk) -> None:
    ran = desk.apply('distro:\n  files: {/etc/hosts.deny: {content: "ALL: ALL\\n"}}\n', "root", "--confirm-within", "0")
    assert ran.code == 0, ran.words
    assert desk.read("/etc/hosts.deny") == "ALL: ALL\n"
    desk.machine.commander.succeed(["rm", "/etc/hosts.deny"])
    desk.check_nothing_is_left()


def test_it_is_led_back_also_when_the_controller_dies(desk: Desk) -> None:
    declare(desk.office, {"lt": way(desk.machine)}, 'distro:\n  files: {/etc/hosts.deny: {content: "ALL: ALL\\n"}}\n')
    process = desk.office.start("apply", "--all", "--yes", "--allow-exec", *WITHIN)
    assert wait_until(lambda: desk.read("/etc/hosts.deny") == "ALL: ALL\n", 20)
    process.kill()
    process.wait()
    assert wait_until(lambda: desk.read("/etc/hosts.deny") is None, 30)
    ran = desk.apply("distro:\n  files: {/etc/later: {content: later}}\n")
    assert ran.code == 0, ran.words
    assert "was led back" in ran.words
    desk.check_nothing_is_left()


def test_a_server_that_is_stopped_is_started_again(lab: Lab, key_pair: KeyPair, tmp_path: Path) -> None:
    """By a process that outlives its session, whatever systemd makes of the end of that."""
    office = Office(tmp_path / "office")
    office.has_key(key_pair)
    user = User(keys=[key_pair.public], sudo="nopasswd")
    machine = boot(lab, "trixie-systemd", users={"root": User(keys=[key_pair.public]), "dev": user})
    try:
        ran = Desk(machine, office).apply("distro:\n  services: {ssh: {running: false}}\n", "dev")
        assert ran.code == 3, ran.words
        assert LEADS_BACK in ran.words
        assert machine.run(["systemctl", "is-active", "ssh.service"]).stdout == b"active\n"
    finally:
        machine.close()
