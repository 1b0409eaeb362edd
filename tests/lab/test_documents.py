"""Every example and every playbook on a real machine over SSH: planned, applied, in sync, and then nothing to do."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import example_downloads
from lab.accounts import User
from lab.apt_repository import Package, publish
from lab.keys import KeyPair
from lab.machines import Machine
from lab.office import Office
from lab.wsl import Wsl

TOP = Path(__file__).resolve().parent.parent.parent
EXAMPLES = sorted((TOP / "examples/kinds").glob("*.yaml"))
PLAYBOOKS = sorted(path.stem for path in (TOP / "playbooks").glob("*.yaml"))
ELSEWHERE = {
    "services": "systemd has a machine of its own: test_services_converge_where_systemd_runs",
    "ca_certificates": "the lab has no certificates to begin with: tests/resources/distro/test_ca_certificates.py",
    "mounts": "the lab has no Windows drives: tests/resources/distro/test_mounts_for_real.py",
    "checks": "nothing of it is written, so nothing is tried: tests/cli/test_go_tools.py",
    "go_tools": "go itself is too large for the lab: tests/cli/test_go_tools.py",
    "vscode_extensions": "there is no server before VS Code was here: tests/resources/user/test_vscode_extensions.py",
}
"""Examples that need what no lab machine has, with where they are proved."""
PACKAGES = (
    *(Package(name=name) for name in ("ca-certificates", "cron", "curl", "gcc", "git", "golang-go", "jq")),
    Package(name="nodejs", version="18.19.1"),
    Package(name="zsh", files={"/usr/bin/zsh": '#!/bin/sh\nexec /bin/sh "$@"\n'}),
)
SETTINGS = {
    "fs.inotify.max_user_watches": "65536",
    "fs.inotify.max_user_instances": "128",
    "vm.max_map_count": "65530",
}

Boot = Callable[..., Machine]


@pytest.fixture
def office(tmp_path: Path, key: KeyPair) -> Office:
    made = Office(tmp_path / "office")
    made.has_key(key)
    made.environment["RECONCILE_SECRET_PROXY_PASSWORD"] = "not-for-anybody"
    return made


@pytest.fixture
def one(machine: Boot, key: KeyPair, office: Office) -> Machine:
    """A WSL distro with root's key, a user dev, packages to be had, and settings of the kernel to be set."""
    users = {"root": User(keys=[key.public]), "dev": User(shell="/bin/bash")}
    made = machine("trixie", wsl=Wsl(networking_mode="mirrored"), users=users)
    publish(made, PACKAGES)
    for name, value in SETTINGS.items():
        made.pretend_setting(name, value)
    office.knows(made)
    return made


def is_here(document: str, one: Machine, name: str = "lt") -> str:
    """The document for a workstation that is the machine."""
    place = (
        f"  {name}: {{ssh: {{host: {one.host}, port: {one.port}, user: root}}, distros: {{main: {{users: [dev]}}}}}}\n"
    )
    return f"{document}\nworkstations:\n{place}"


def converge(office: Office, *words: str) -> None:
    planned = office.run("plan", "-l", "lt", "--detailed-exitcode", *words)
    assert planned.code == 2, planned
    assert "blocked" not in planned.out, planned
    applied = office.run("apply", "-l", "lt", "--yes", "--allow-exec", *words)
    assert applied.code == 0, applied
    assert "not-for-anybody" not in planned.out + applied.out
    verified = office.run("verify", "-l", "lt", *words)
    assert verified.code == 0, verified
    again = office.run("apply", "-l", "lt", "--yes", *words)
    assert again.code == 0 and "nothing to change" in again.out, again


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_converges(one: Machine, office: Office, example: Path) -> None:
    if example.stem in ELSEWHERE:
        pytest.skip(ELSEWHERE[example.stem])
    shutil.copytree(example.parent, office.repo, dirs_exist_ok=True)
    document = example_downloads.served(example.read_text(), office.folder / "home/.cache/reconcile/downloads")
    (office.repo / "reconcile.yaml").write_text(is_here(document, one))
    converge(office)


def test_services_converge_where_systemd_runs(machine: Boot, key: KeyPair, office: Office) -> None:
    one = machine("trixie-systemd", users={"root": User(keys=[key.public]), "dev": User(shell="/bin/bash")})
    unit = "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n"
    publish(one, [Package(name="cron", files={"/usr/lib/systemd/system/cron.service": unit})])
    assert one.run(["loginctl", "enable-linger", "dev"]).code == 0
    office.knows(one)
    document = (TOP / "examples/kinds/services.yaml").read_text()
    (office.repo / "reconcile.yaml").write_text(is_here(document, one))
    converge(office)
    assert one.run(["systemctl", "is-active", "cron.service"]).stdout == b"active\n"


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_a_playbook_converges(one: Machine, office: Office, playbook: str) -> None:
    (office.repo / "reconcile.yaml").write_text(is_here(f"version: 1\nuse: ['{playbook}']\n", one))
    converge(office)


def test_the_laptop_converges(one: Machine, office: Office) -> None:
    (office.repo / "reconcile.yaml").write_text(is_here((TOP / "examples/laptop/reconcile.yaml").read_text(), one))
    converge(office)
    shell = one.run(["su", "-", "dev", "-c", 'echo "$PATH $HTTPS_PROXY"']).stdout.decode()
    assert shell.startswith("/usr/local/gobin:") and shell.endswith(" http://127.0.0.1:7890\n")
    mount = one.run(["findmnt", "-n", "-o", "OPTIONS", "/usr/local/gobin"]).stdout.decode()
    assert mount.startswith("ro,")
