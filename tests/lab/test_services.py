"""Units over a real sshd, with systemd as process 1, and a user's own systemd."""

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
UNIT = """\
        content: |
          [Service]
          ExecStart=/usr/bin/sleep infinity
          [Install]
          WantedBy={target}
"""


class Desk:
    def __init__(self, one: Machine, office: Office) -> None:
        self.one, self.office = one, office

    def apply(self, body: str) -> Ran:
        self.office.declares({"one": (self.one, "dev")}, body)
        return self.office.run("apply", "--all", "--yes", "--allow-exec")

    def reach(self, body: str) -> None:
        """Applied, verified, and nothing left to change."""
        applied = self.apply(body)
        assert applied.code == 0, applied
        verified = self.office.run("verify", "--all", "--strict")
        assert verified.code == 0 and "nothing to change" in verified.words, verified

    def is_(self, question: str, *units: str) -> list[str]:
        return self.one.run(["systemctl", f"is-{question}", *units]).stdout.decode().split()

    def users(self, *words: str) -> str:
        own = 'XDG_RUNTIME_DIR=/run/user/$(id -u) exec systemctl --user "$@"'
        return (
            self.one.run(["runuser", "-u", "dev", "--", "sh", "-c", own, "systemctl", *words]).stdout.decode().strip()
        )


@pytest.fixture
def desk(machine: Boot, key: KeyPair, tmp_path: Path) -> Desk:
    one = machine("trixie-systemd", users={"dev": User(keys=[key.public], sudo="nopasswd")})
    office = Office(tmp_path / "office")
    office.has_key(key)
    office.knows(one)
    return Desk(one, office)


def test_units_come_with_files_run_and_go_again(desk: Desk) -> None:
    nap, tpl = (
        f"    /etc/systemd/system/{name}.service:\n{UNIT.format(target='multi-user.target')}" for name in ("nap", "t@")
    )
    desk.reach(
        f"distro:\n  files:\n{nap}{tpl}"
        "  services:\n    nap: {}\n    t@one: {}\n    man-db.timer: {masked: true, running: false}\n"
        "    nothere.socket: {enabled: false, running: false}\n"
    )
    assert desk.is_("active", "nap", "t@one", "man-db.timer") == ["active", "active", "inactive"]
    assert desk.is_("enabled", "nap", "t@one", "man-db.timer") == ["enabled", "enabled", "masked"]
    desk.reach(
        "distro:\n  files: {/etc/systemd/system/nap.service: {absent: true}}\n"
        "  services:\n    nap: {absent: true}\n    t@one: {absent: true}\n"
        "    man-db.timer: {masked: false, enabled: true, running: true}\n"
    )
    assert desk.is_("active", "nap", "t@one", "man-db.timer") == ["inactive", "inactive", "active"]


def test_what_is_enabled_comes_up_after_a_reboot(desk: Desk) -> None:
    nap = f"    /etc/systemd/system/nap.service:\n{UNIT.format(target='multi-user.target')}"
    desk.reach(f"distro:\n  files:\n{nap}  services: [nap]\n")
    desk.one.reboot()
    assert desk.is_("active", "nap") == ["active"]
    assert desk.office.run("verify", "--all", "--strict").code == 0


def test_a_unit_comes_and_goes_with_its_package(desk: Desk) -> None:
    unit = "[Service]\nExecStart=/usr/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\nAlias=other.service\n"
    publish(desk.one, [Package(name="daemon", files={"/usr/lib/systemd/system/daemon.service": unit})])
    desk.reach("distro: {packages: [daemon], services: [daemon]}")
    desk.reach("distro: {services: [other]}")  # by its alias
    assert desk.is_("active", "daemon") == ["active"]
    desk.reach("distro: {packages: {daemon: {absent: true}}, services: {daemon: {absent: true}}}")
    assert desk.is_("active", "daemon") == ["inactive"]


def test_a_users_unit_runs_in_their_own_systemd(desk: Desk) -> None:
    unit = f"    ~/.config/systemd/user/mine.service:\n{UNIT.format(target='default.target')}"
    desk.one.run(["loginctl", "enable-linger", "dev"])
    desk.reach(f"user:\n  files:\n{unit}  services: [mine]\n")
    assert (desk.users("is-active", "mine"), desk.users("is-enabled", "mine")) == ("active", "enabled")
    desk.reach(
        "user:\n  files: {~/.config/systemd/user/mine.service: {absent: true}}\n  services: {mine: {absent: true}}\n"
    )
    assert desk.users("is-active", "mine") == "inactive"


def test_what_cannot_be_done_is_refused_or_told(desk: Desk) -> None:
    desk.one.write("/etc/systemd/system/helper.service", "[Service]\nExecStart=/bin/sleep infinity\n")
    desk.one.write("/etc/systemd/system/once.service", "[Service]\nType=oneshot\nExecStart=/bin/true\n")
    refused = desk.apply("distro: {services: [helper, once, nothere]}")
    assert refused.code in (3, 5), refused
    assert "helper.service cannot be enabled (static)" in refused.words
    assert "once.service cannot be enabled (static)" in refused.words
    assert "Unit nothere.service does not exist" in refused.words
    desk.one.run(["systemctl", "mask", "cron.service"])
    assert "cron.service is masked" in desk.apply("distro: {services: [cron]}").words


def test_a_changed_unit_is_read_anew(desk: Desk) -> None:
    nap = f"    /etc/systemd/system/nap.service:\n{UNIT.format(target='multi-user.target')}"
    body = f"distro:\n  files:\n{nap}  services: [nap]\n"
    desk.reach(body)
    changed = body.replace("sleep infinity", "sleep 123456")
    assert desk.apply(changed).code == 0
    planned = desk.office.run("plan", "--all")
    assert "running: as an older unit file says → true" in planned.words, planned
    desk.reach(changed)
    assert desk.one.run(["systemctl", "show", "--property=NeedDaemonReload", "nap"]).stdout == b"NeedDaemonReload=no\n"
