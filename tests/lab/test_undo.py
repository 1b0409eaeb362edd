"""The way back of what needs a running system, over a real sshd: all that was observed is as it was before, or the plan of
the way back says what is not."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from certificates import Authority
from lab.accounts import User
from lab.apt_repository import EXAMPLES, publish
from lab.keys import KeyPair
from lab.machines import Machine, Wsl
from lab.office import Office, Ran

Boot = Callable[..., Machine]


class Desk:
    """One machine; `probe` is a shell's text that prints what matters there."""

    def __init__(self, one: Machine, office: Office, user: str) -> None:
        self.one, self.office, self.user = one, office, user

    def sh(self, text: str) -> str:
        done = self.one.run(["/bin/sh", "-c", f"exec 2>&1; {text}"])
        return done.stdout.decode()

    def run(self, command: str, *words: str) -> Ran:
        return self.office.run(command, "--all", *words)

    def declare(self, body: str) -> None:
        self.office.declares({"one": (self.one, self.user)}, body)

    def apply(self, body: str) -> None:
        self.declare(body)
        applied = self.run("apply", "--yes", "--allow-exec")
        assert applied.code == 0, applied
        verified = self.run("verify", "--strict")
        assert verified.code == 0, verified

    def observed(self) -> Mapping[str, object]:
        """What stands at each declared address."""
        planned = self.run("plan", "--format", "json")
        assert planned.code == 0, planned
        (plan,) = json.loads(planned.out)["workstations"]
        return {
            item["address"]: (item["state"], item["before"]) for target in plan["targets"] for item in target["items"]
        }

    def lead_back(self, body: str, probe: str) -> Ran:
        """Applies, and leads that back: what undo said. All is as it was; then there is nothing to lead back any more."""
        self.declare(body)
        before = self.observed(), self.sh(probe)
        self.apply(body)
        assert (self.observed(), self.sh(probe)) != before
        undone = self.run("undo", "--yes")
        assert undone.code == 0, undone
        assert self.observed() == before[0], undone
        assert self.sh(probe).splitlines() == before[1].splitlines(), undone
        self.check_nothing_is_left_to_lead_back()
        return undone

    def check_nothing_is_left_to_lead_back(self) -> None:
        again = self.run("undo", "--yes")
        assert (again.code, "every run is undone already" in again.words) == (64, True), again


@pytest.fixture
def desk(machine: Boot, key: KeyPair, tmp_path: Path) -> Callable[..., Desk]:
    def sit(root: str, user: str = "dev", **options: object) -> Desk:
        people = {"dev": User(keys=[key.public], sudo="nopasswd"), "root": User(keys=[key.public]), "eve": User()}
        one = machine(root, users=people, **options)
        office = Office(tmp_path / "office")
        office.has_key(key)
        office.knows(one)
        return Desk(one, office, user)

    return sit


# ---- packages

PACKAGES = "dpkg-query -W -f '${Package} ${Version} ${db:Status-Abbrev}\\n' hello greeter 2>/dev/null | grep -v ' un '"


@pytest.fixture
def stocked(desk: Callable[..., Desk]) -> Desk:
    here = desk("trixie")
    publish(here.one, EXAMPLES)
    return here


def test_a_package_goes_again_and_what_came_with_it_is_named(stocked: Desk) -> None:
    undone = stocked.lead_back("distro: {packages: [greeter]}", "dpkg-query -W greeter 2>/dev/null")
    assert "so do packages that came with it: apt-get autoremove lists them" in undone.words
    assert stocked.sh(PACKAGES).startswith("hello 2.0 ii")


def test_a_version_and_whether_it_is_kept_are_as_they_were(stocked: Desk) -> None:
    stocked.sh("apt-get -q update; apt-get -q -y install hello=1.0")
    stocked.lead_back("distro: {packages: {hello: {version: '2.*'}}}", PACKAGES)
    stocked.lead_back("distro: {packages: {hello: {version: '1.0'}}}", PACKAGES)
    stocked.sh("apt-mark hold hello")
    stocked.lead_back("distro: {packages: {hello: {version: '2.0', held: false}}}", PACKAGES)
    assert stocked.sh(PACKAGES) == "hello 1.0 hi \n"


def test_a_package_that_was_taken_away_comes_back_with_its_settings(stocked: Desk) -> None:
    stocked.sh("apt-get -q update; apt-get -q -y install hello=1.0")
    stocked.one.write("/etc/hello.conf", "mine\n")
    stocked.lead_back("distro: {packages: {hello: {absent: true}}}", f"{PACKAGES}; cat /etc/hello.conf")


# ---- users and groups

ACCOUNTS = "cat /etc/passwd /etc/group; stat -c '%n %a %U' /etc/sudoers.d/*; cat /etc/sudoers.d/*"
GIVEN = """\
distro:
  groups: {builders: {gid: 4000}, older: {gid: 4002}}
  users:
    new: {shell: /bin/sh, groups: [builders, users], comment: "Née, room 5"}
    ruled: {sudo: password}
    eve: {groups: [builders, users, dialout], shell: /usr/bin/bash, sudo: nopasswd, comment: Other, uid: 1777, home: /srv}
    ann: {sudo: nopasswd, groups: [users]}
"""


def test_accounts_memberships_and_rules_are_as_they_were(desk: Callable[..., Desk]) -> None:
    here = desk("trixie")
    here.sh("groupadd -g 4001 older; usermod -aG older,dialout eve; usermod -c 'Eve E' eve")
    here.sh("useradd -m -G users ann; install -m 440 /dev/null /etc/sudoers.d/reconcile-ann")
    here.one.write("/etc/sudoers.d/reconcile-ann", "# mine\nann ALL=(ALL:ALL) ALL\n", mode=0o440)
    here.lead_back(GIVEN, f"{ACCOUNTS}; id eve; id ann")
    assert here.sh("ls /home").split() == ["ann", "dev", "eve", "new", "ruled"], "homes stay"


def test_an_account_that_was_removed_comes_back_without_its_password_and_that_is_said(
    desk: Callable[..., Desk],
) -> None:
    here = desk("trixie")
    here.sh("groupadd -g 4001 older; usermod -aG older,users eve; usermod -c 'Eve E' eve; echo eve:secret | chpasswd")
    undone = here.lead_back(
        "distro:\n  groups: {older: {absent: true}}\n  users: {eve: {absent: true}}\n", f"({ACCOUNTS}) | sort; id eve"
    )
    assert "eve: a new account has no password, also one that had one before" in undone.words
    assert here.sh("getent shadow eve").split(":")[1] == "!"


# ---- units

UNITS = "for u in nap two man-db.timer; do systemctl is-active $u; systemctl is-enabled $u; done"
UNIT = "[Service]\\nExecStart=/usr/bin/sleep infinity\\n[Install]\\nWantedBy=multi-user.target\\n"


def test_units_are_as_they_were_and_nothing_of_them_is_left(desk: Callable[..., Desk]) -> None:
    here = desk("trixie-systemd")
    here.one.write("/etc/systemd/system/nap.service", UNIT.replace("\\n", "\n"))
    here.sh("systemctl daemon-reload; systemctl start nap")
    body = (
        "distro:\n"
        f'  files: {{/etc/systemd/system/two.service: {{content: "{UNIT}"}}}}\n'
        "  services:\n    two: {}\n    nap: {}\n    man-db.timer: {masked: true, running: false}\n"
    )
    here.lead_back(body, f"{UNITS}; ls /etc/systemd/system /etc/systemd/system/multi-user.target.wants")
    here.lead_back("distro: {services: {nap: {running: false}}}", UNITS)
    here.declare("distro: {services: {ssh: {running: true}}}")
    assert "left: " not in here.run("plan").words


def test_a_users_units_are_as_they_were(desk: Callable[..., Desk]) -> None:
    here = desk("trixie-systemd")
    here.sh("loginctl enable-linger dev")
    own = "runuser -u dev -- env XDG_RUNTIME_DIR=/run/user/$(id -u dev) systemctl --user"
    body = f'user:\n  files: {{~/.config/systemd/user/mine.service: {{content: "{UNIT}"}}}}\n  services: [mine]\n'
    body = body.replace("multi-user", "default")
    here.lead_back(
        body,
        f"{own} is-active mine; {own} is-enabled mine; cd /home/dev; find . -type f -o -type l | grep -v local/state",
    )


# ---- mounts and the kernel

MOUNTS = """\
distro:
  directories: [/opt/stable]
  bind_mounts: {/srv/gobin: {source: /opt/stable, read_only: true}}
  mounts: {/srv/scratch: {source: tmpfs, type: tmpfs, options: [size=1m, nofail]}, /srv/old: {absent: true}}
"""
MOUNTED = "cat /etc/fstab; cut -d' ' -f4-6 /proc/self/mountinfo | grep /srv; ls /srv /opt"


@pytest.mark.parametrize("root", ["trixie", "trixie-systemd", "busybox"])
def test_mounts_are_as_they_were(desk: Callable[..., Desk], root: str) -> None:
    here = desk(root, user="root")
    here.one.write("/etc/fstab", "# mine\ntmpfs /srv/old tmpfs size=2m,nofail 0 0\n")
    here.sh("mkdir -p /srv/old; mount /srv/old")
    here.lead_back(MOUNTS, MOUNTED)


def test_the_kernel_keeps_what_it_was_told_and_that_is_said(desk: Callable[..., Desk]) -> None:
    here = desk("bookworm", user="root", wsl=Wsl())
    undone = here.lead_back("distro: {sysctl: {net.core.somaxconn: 4444}}", "ls /etc/sysctl.d")
    assert "the kernel keeps net.core.somaxconn = 4444 until wsl --shutdown" in undone.words


def test_a_kernel_parameter_that_a_file_sets_is_as_it_was_in_both(desk: Callable[..., Desk]) -> None:
    here = desk("bookworm", user="root", wsl=Wsl())
    here.one.write("/etc/sysctl.d/99-reconcile.conf", "net.core.somaxconn = 4444\n")
    here.one.commander.succeed(["sysctl", "-q", "-w", "net.core.somaxconn=4444"])
    here.lead_back("distro: {sysctl: {net.core.somaxconn: 5555}}", "sysctl -n net.core.somaxconn; cat /etc/sysctl.d/*")


FILES_THAT_ARE_LOADED = """\
distro:
  wsl_conf: {network: {generateHosts: false, generateResolvConf: false}}
  resolv_conf: {nameservers: [192.0.2.53], search: [corp.example]}
  hosts: {db.internal: 10.0.0.5}
  environment: {EDITOR: vim}
  ca_certificates: {corp-root: {source: root.pem}}
  binfmt: {jar: {extension: jar, interpreter: /srv/init}}
"""
LOADED = """\
cat /etc/wsl.conf /etc/hosts /etc/environment; ls -l /etc/resolv.conf | cut -c1; ls /etc/binfmt.d /proc/sys/fs/binfmt_misc
ls /usr/local/share/ca-certificates; sha256sum /etc/ssl/certs/ca-certificates.crt; ls /etc/ssl/certs | grep corp
"""


def test_what_is_loaded_from_files_is_as_it_was(desk: Callable[..., Desk]) -> None:
    here = desk("bookworm", user="root", wsl=Wsl())
    here.one.write("/srv/init", "#!/bin/sh\n", mode=0o755)
    (here.office.repo / "root.pem").write_text(Authority("Corp Root").pem)
    here.sh("mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc; update-ca-certificates")
    here.lead_back(FILES_THAT_ARE_LOADED, LOADED)
