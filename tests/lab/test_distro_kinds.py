"""The distro's own files, kernel parameters and registrations, over SSH on a machine that is taken for a WSL distro.

The kernel is the real one: the machine has a network and, since Linux 6.7, a binfmt_misc of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from certificates import Authority
from lab.keys import KeyPair
from lab.machines import Machine, User, Wsl
from lab.office import Office, Ran

MakeMachine = Callable[..., Machine]
BINFMT = "/proc/sys/fs/binfmt_misc"
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
WSL_CONF = "  wsl_conf: {network: {generateHosts: false, generateResolvConf: false}}\n"
ITEMS = """\
  resolv_conf: {nameservers: [192.0.2.53], search: [corp.example], options: ["ndots:2"]}
  hosts: {db.internal: 10.0.0.5, dual.internal: [10.0.0.6, "fd00::6"]}
  environment: {EDITOR: vim, GREETING: it's $HOME}
  sysctl: {net.core.somaxconn: 4444, net.ipv4.ip_local_port_range: 10000 60999}
  ca_certificates: {corp-root: {source: root.pem}}
  binfmt:
    WSLInterop: {magic: MZ, interpreter: /srv/init, flags: P}
    masked: {magic: '\\x7fEL:', mask: '\\xff\\xff\\xff\\x00', offset: 2, interpreter: /srv/init, flags: OC}
    jar: {extension: jar, interpreter: /srv/init}
"""
GONE = """\
  resolv_conf: {search: {absent: true}}
  hosts: {db.internal: {absent: true}}
  environment: {EDITOR: {absent: true}}
  sysctl: {net.core.somaxconn: {absent: true}, net.ipv4.ip_local_port_range: {absent: true}}
  ca_certificates: {corp-root: {absent: true}}
  binfmt: {WSLInterop: {absent: true}, masked: {absent: true}, jar: {absent: true}}
"""


class Desk:
    """A person at the office, and the one machine that the document names."""

    def __init__(self, office: Office, machine: Machine) -> None:
        self.office, self.machine = office, machine

    def declare(self, body: str) -> None:
        self.office.declares({"lt": (self.machine, "root")}, f"distro:\n{body}")

    def run(self, *words: str) -> Ran:
        return self.office.run(words[0], "--all", *words[1:])

    def apply(self) -> Ran:
        """After which all is in sync."""
        ran = self.run("apply", "--yes", "--allow-exec")
        assert ran.code == 0, ran
        verified = self.run("verify")
        assert verified.code == 0, verified
        return ran

    def says(self, command: str) -> str:
        """What a shell there prints, blanks run together."""
        return " ".join(self.machine.run(["/bin/sh", "-c", command]).stdout.decode().split())


@pytest.fixture
def desk(machine: MakeMachine, key: KeyPair, tmp_path: Path) -> Desk:
    one = machine("bookworm", users={"root": User(keys=[key.public])}, wsl=Wsl())
    one.write("/srv/init", "#!/bin/sh\necho ran $*\n")
    one.write("/srv/tool.exe", "MZ\n")
    one.commander.succeed(["chmod", "755", "/srv/init", "/srv/tool.exe"])
    office = Office(tmp_path / "office")
    office.has_key(key)
    office.knows(one)
    (office.repo / "root.pem").write_text(Authority("Corp Root").pem)
    return Desk(office, one)


def has_binfmt(desk: Desk) -> None:
    if desk.machine.run(["mount", "-t", "binfmt_misc", "binfmt_misc", BINFMT]).code != 0:
        pytest.skip("this kernel has no binfmt_misc for a user namespace: it came with Linux 6.7")


def test_all_of_them_are_planned_applied_in_force_and_taken_back(desk: Desk) -> None:
    has_binfmt(desk)
    desk.declare(WSL_CONF + ITEMS)
    planned = desk.run("plan", "--detailed-exitcode")
    assert planned.code == 2 and "blocked" not in planned.words, planned

    applied = desk.apply()
    assert "now, before opening another WSL window: wsl --terminate" in applied.words
    again = desk.run("apply", "--yes")
    assert again.code == 0 and "nothing to change" in again.words, again

    assert desk.says("getent ahosts db.internal").split()[0] == "10.0.0.5"
    assert desk.says("cat /etc/resolv.conf") == "nameserver 192.0.2.53 search corp.example options ndots:2"
    assert desk.says("sysctl -n net.core.somaxconn net.ipv4.ip_local_port_range") == "4444 10000 60999"
    corp_root = "/usr/local/share/ca-certificates/corp-root.crt"
    assert desk.says(f"openssl verify -CAfile {BUNDLE} {corp_root}") == f"{corp_root}: OK"
    assert desk.says("readlink /etc/ssl/certs/corp-root.pem") == corp_root
    assert desk.says("/srv/tool.exe one") == "ran /srv/tool.exe /srv/tool.exe one"
    assert "mask ffffff00" in desk.says(f"cat {BINFMT}/masked")

    desk.declare(WSL_CONF + GONE)
    desk.apply()
    assert desk.says("cat /etc/resolv.conf") == "nameserver 192.0.2.53 options ndots:2"
    assert desk.says("getent hosts db.internal; grep EDITOR /etc/environment; ls /etc/binfmt.d") == ""
    assert desk.says(f"ls -d /etc/sysctl.d/99-reconcile.conf /etc/ssl/certs/corp-root.pem {corp_root}") == ""
    assert desk.says(f"ls {BINFMT}") == "register status"


def test_what_drifts_in_the_kernel_comes_back_though_status_is_read_only(desk: Desk) -> None:
    """As systemd's distros leave it, and as WSL mounts it since 2.8.9."""
    has_binfmt(desk)
    desk.declare(ITEMS[ITEMS.index("  sysctl") :])
    desk.apply()
    desk.machine.commander.succeed(["sysctl", "-q", "-w", "net.core.somaxconn=128"])
    desk.machine.commander.succeed(["/bin/sh", "-c", f"echo -1 >{BINFMT}/jar; echo 0 >{BINFMT}/WSLInterop"])
    desk.machine.write("/run/status", "enabled\n")
    desk.machine.commander.succeed(["mount", "--bind", "-o", "ro", "/run/status", f"{BINFMT}/status"])
    drifted = desk.run("verify")
    assert drifted.code == 2 and "switched off" in drifted.words and '"128" → "4444"' in drifted.words, drifted
    desk.apply()
    assert desk.says(f"sysctl -n net.core.somaxconn; head -n 1 {BINFMT}/jar {BINFMT}/WSLInterop").count("enabled") == 2


def test_at_the_next_start_the_files_are_there_and_the_kernel_is_told_anew(desk: Desk) -> None:
    desk.declare(WSL_CONF + ITEMS)
    first = desk.apply()
    assert "binfmt_misc is not mounted" in first.words and "without systemd nothing reads /etc/sysctl.d" in first.words
    desk.machine.reboot()
    assert desk.says("cat /etc/resolv.conf").startswith("nameserver 192.0.2.53")
    desk.machine.commander.succeed(["sysctl", "-q", "-w", "net.core.somaxconn=128"])
    assert desk.says("sysctl -q --system; sysctl -n net.core.somaxconn") == "4444"
    desk.apply()


def test_what_the_kernel_does_not_let_it_do_is_said(desk: Desk) -> None:
    desk.declare("  sysctl: {vm.max_map_count: 1048576}\n")
    refused = desk.run("apply", "--yes")
    assert refused.code == 3 and 'permission denied on key "vm.max_map_count"' in refused.words, refused
    assert desk.run("verify").code == 2
    desk.declare("  sysctl: {net.ipv4.route.flush: 1}\n")
    assert "is an order to the kernel" in desk.run("plan").words
    desk.declare("  sysctl: {net.nowhere.at_all: 1}\n")
    assert "this kernel has no net.nowhere.at_all" in desk.run("plan").words
