"""What root of a machine does there by hand is possible: mounts, sysctl, users, packages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lab.apt_repository import EXAMPLES, Package, publish
from lab.fixtures import Ssh
from lab.keys import KeyPair
from lab.machines import Machine, User

MakeMachine = Callable[..., Machine]
DEBIAN = ("bookworm", "trixie")
ONCE = pytest.mark.parametrize("one", ["trixie"], indirect=True)
TABLE = {"/srv/nowhere": "/srv/to2", "/srv/from": "/srv/to3"}
QUIET = "export DEBIAN_FRONTEND=noninteractive; exec 2>&1; "

Root = Callable[[str], tuple[int, str]]


@pytest.fixture(params=DEBIAN)
def one(machine: MakeMachine, key: KeyPair, request: pytest.FixtureRequest) -> Machine:
    users = {"root": User(keys=[key.public]), "dev": User(keys=[key.public])}
    return machine(request.param, users=users, sshd_options={"UsePAM": "yes"})


@pytest.fixture
def root(one: Machine, ssh: Ssh) -> Root:
    """Runs a command over SSH: its code and all it printed."""

    def run(command: str) -> tuple[int, str]:
        done = ssh(one, "root", QUIET + command)
        return done.returncode, done.stdout

    return run


def test_mounts_over_ssh_are_seen_by_every_session_and_end_with_umount(one: Machine, root: Root, ssh: Ssh) -> None:
    one.write("/srv/from/file", "here\n")
    assert root("mkdir -p /srv/to; mount --bind /srv/from /srv/to; cat /srv/to/file") == (0, "here\n")
    assert ssh(one, "dev", "cat /srv/to/file; findmnt -n -o FSROOT /srv/to").stdout == "here\n/srv/from\n"
    assert root("touch /srv/to/new; umount /srv/to; findmnt /srv/to; ls /srv/to") == (0, "")
    code, said = root("mount -o bind,ro /srv/from /srv/to; touch /srv/to/more; findmnt -n -o OPTIONS /srv/to")
    assert code == 0 and "Read-only file system" in said and "\nro," in said
    code, said = root("mount -o remount,bind,rw /srv/to && touch /srv/to/more && ls /srv/from")
    assert (code, said) == (0, "file\nmore\nnew\n")
    assert one.read("/srv/to/file") == b"here\n"
    assert ssh(one, "dev", "umount /srv/to").returncode != 0
    assert root("cd /srv/to; umount /srv/to")[0] == 32  # somebody is in there
    command = "umount --lazy /srv/to; mount -t tmpfs -o size=1m small /srv/to; stat -f -c %T /srv/to"
    assert root(command) == (0, "tmpfs\n")


def test_a_table_of_mounts_is_mounted_and_verified(one: Machine, root: Root) -> None:
    one.write("/srv/from/file", "here\n")
    one.write("/etc/fstab", "/srv/from /srv/to none bind,ro,X-mount.mkdir 0 0\n")
    lines = (f"{source} {target} none bind,X-mount.mkdir 0 0\n" for source, target in TABLE.items())
    one.write("/srv/table", "".join(lines))
    assert root("findmnt --verify")[0] == 1  # it does not know that mount makes the folder
    assert root("mkdir /srv/to; findmnt --verify")[0] == 0
    assert root("mount -a && cat /srv/to/file")[1] == "here\n"
    assert root("mount -a -T /srv/table")[0] == 64  # some of them
    assert root("cat /srv/to3/file; findmnt -n -o TARGET /srv/to2") == (1, "here\n")


def test_settings_of_the_network_are_the_machines_own(one: Machine, root: Root) -> None:
    ours = Path("/proc/sys/net/ipv4/tcp_keepalive_time").read_text()
    assert root("sysctl -q -w net.ipv4.tcp_keepalive_time=654; sysctl -n net.ipv4.tcp_keepalive_time") == (0, "654\n")
    assert Path("/proc/sys/net/ipv4/tcp_keepalive_time").read_text() == ours


@ONCE
def test_settings_of_the_whole_computer_are_pretended(one: Machine, root: Root) -> None:
    read, write = "sysctl -n vm.max_map_count", "sysctl -q -w vm.max_map_count=262144"
    assert "permission denied" in root(write)[1]
    one.pretend_setting("vm.max_map_count", "65530")
    assert root(f"{read}; {write}; {read}") == (0, "65530\n262144\n")
    one.reboot()
    assert root(read) == (0, "65530\n")


def test_users_and_groups_are_made_changed_and_removed(one: Machine, root: Root, key: KeyPair, ssh: Ssh) -> None:
    assert root("groupadd -g 4000 builders") == (0, "")
    assert root("useradd -m -u 4001 -g builders -s /bin/bash -c 'A. Nna' ann") == (0, "")
    assert root("id ann") == (0, "uid=4001(ann) gid=4000(builders) groups=4000(builders)\n")
    assert root("usermod -aG sudo ann; gpasswd -a ann staff; gpasswd -d ann sudo")[0] == 0
    assert root("id -nG ann") == (0, "builders staff\n")
    assert root("getent passwd ann")[1] == "ann:x:4001:4000:A. Nna:/home/ann:/bin/bash\n"
    one.write("/home/ann/.ssh/authorized_keys", key.public + "\n", owner="ann")
    assert ssh(one, "ann", "echo $SHELL").stdout == "/bin/bash\n"
    assert root("echo 'ann:s3cret' | chpasswd && passwd -S ann")[1].split()[1] == "P"
    assert root("usermod -s /bin/sh -L ann; getent passwd ann; passwd -S ann")[1].split()[-6] == "L"
    assert root("userdel -r ann; groupdel builders; id ann; ls /home")[1].endswith("no such user\ndev\n")


def test_rules_for_sudo_are_checked_and_in_force(one: Machine, root: Root, ssh: Ssh) -> None:
    assert ssh(one, "dev", "sudo -n id -u").returncode == 1
    one.write("/etc/sudoers.d/dev", "dev ALL=(root) NOPASSWD: /usr/bin/id\n", mode=0o440)
    assert root("visudo -c")[0] == 0
    assert ssh(one, "dev", "sudo -n /usr/bin/id -u").stdout == "0\n"
    assert ssh(one, "dev", "sudo -n /usr/bin/whoami").returncode == 1
    one.write("/root/rules", "dev ALL=(root NOPASSWD: ALL\n")
    code, said = root("visudo -c -f /root/rules")
    assert code == 1 and "syntax error" in said


def test_packages_are_installed_held_pinned_and_removed(one: Machine, root: Root) -> None:
    publish(one)
    assert root("apt-get update")[0] == 0
    code, said = root("apt-get install -y greeter hello=1.0 && greeter")
    assert code == 0 and said.endswith("\none\n"), said
    assert root("apt-mark hold hello; apt-get upgrade -y; hello")[1].endswith("\none\n")
    assert root("apt-get install -y hello")[0] == 100  # held
    assert root("apt-mark unhold hello")[0] == 0
    one.write("/etc/apt/preferences.d/hello", "Package: hello\nPin: version 1.*\nPin-Priority: 1001\n")
    assert "Candidate: 1.0\n" in root("apt-cache policy hello")[1]
    assert root("apt-get upgrade -y; hello")[1].endswith("\none\n")
    assert root("rm /etc/apt/preferences.d/hello; apt-get upgrade -y; hello")[1].endswith("\ntwo\n")
    assert root("apt-get remove -y hello")[0] == 0
    assert root("dpkg-query -W -f '${db:Status-Abbrev}' hello") == (0, "rc ")
    assert root("dpkg-query -W greeter")[0] == 1
    assert root("apt-get purge -y hello && ls /etc/hello.conf")[0] == 2


@ONCE
def test_packages_that_cannot_be_installed_say_so(one: Machine, root: Root) -> None:
    publish(one)
    root("apt-get update")
    code, said = root("apt-get install -y broken")
    assert code == 100 and "it cannot be configured" in said
    assert "half configured" in root("dpkg --audit")[1]
    assert root("apt-get purge -y broken")[0] == 0
    assert root("dpkg --audit") == (0, "")
    code, said = root("apt-get install -y lonely")
    assert code == 100 and "nothing-has-this-name" in said


@ONCE
def test_a_repository_is_replaced_and_a_second_one_stands_beside_it(one: Machine, root: Root) -> None:
    line = publish(one, EXAMPLES[:1])
    assert one.read("/etc/apt/sources.list.d/lab.list").decode() == f"{line}\n"
    publish(one, [Package(name="hello", version="3.0~rc1")], suite="lab-next", origin="Next")
    assert root("apt-get update")[0] == 0
    assert "Candidate: 3.0~rc1\n" in root("apt-cache policy hello")[1]
    one.write("/etc/apt/preferences.d/next", "Package: *\nPin: release n=lab-next\nPin-Priority: 100\n")
    assert "Candidate: 1.0\n" in root("apt-cache policy hello")[1]
    publish(one, EXAMPLES[1:2])
    assert root("apt-get update")[0] == 0
    assert "Candidate: 2.0\n" in root("apt-cache policy hello")[1]


@ONCE
def test_apt_has_no_source_that_leads_out(one: Machine, root: Root) -> None:
    assert root("apt-get update && apt-cache policy | grep -c -e http -e cdrom")[1].endswith("\n0\n")
