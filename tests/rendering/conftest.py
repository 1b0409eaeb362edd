"""Plans made by hand, and the files that hold what they look like."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.model.address import Address, Target
from reconciler.model.facts import PathType
from reconciler.model.plan import Change, FieldDiff, Finding, ItemPlan, Plan, Severity, TargetPlan, TextDiff
from reconciler.model.secrets import Secret
from reconciler.model.states import Effect, Risk, State, TargetState
from reconciler.model.tasks import Base, RunCommand, SetMode, WriteFile
from reconciler.model.tree import Origin
from reconciler.model.values import Json

GOLDEN = Path(__file__).parent.parent / "golden" / "rendering"
PASSWORD = "http://proxy:hunter2-canary@10.0.0.1:7890"

WINDOWS = Target("alice-lt")
DISTRO = Target("alice-lt", "main")
USER = Target("alice-lt", "main", "alice")


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compares a text with tests/golden/rendering/NAME; UPDATE_GOLDEN=1 writes the file instead."""

    def compare(name: str, text: str) -> None:
        file = GOLDEN / name
        if os.environ.get("UPDATE_GOLDEN") == "1":
            file.write_text(text + "\n", encoding="utf-8", newline="\n")
        assert file.read_text(encoding="utf-8") == text + "\n"

    return compare


def value(before: object, after: object, *, secret: bool = False) -> tuple[FieldDiff, ...]:
    return (FieldDiff(name="value", before=before, after=after, secret=secret),)


def field(name: str, before: object, after: object) -> FieldDiff:
    return FieldDiff(name=name, before=before, after=after)


def line(number: int, file: str = "reconcile.yaml") -> Origin:
    return Origin(file, number, 5)


def in_sync(target: Target, kind: str, *names: str) -> tuple[ItemPlan, ...]:
    fields = {"value": "as declared"}
    return tuple(
        ItemPlan(address=Address(target, kind, name), state=State.IN_SYNC, before=fields, after=fields)
        for name in names
    )


@pytest.fixture
def firewall() -> TargetPlan:
    fields: dict[str, Json | Secret] = {
        "direction": "inbound",
        "action": "allow",
        "local_ports": ["50000-50100"],
        "profiles": ["domain", "private"],
    }
    rule = ItemPlan(
        address=Address(WINDOWS, "firewall_rules", "dlv-dap"),
        state=State.ADD,
        after=fields,
        diffs=tuple(field(name, None, entry) for name, entry in fields.items()),
        origin=line(24),
    )
    return TargetPlan(
        target=WINDOWS, items=(rule, *in_sync(WINDOWS, "wslconfig", "wsl2.memory", "wsl2.networkingMode"))
    )


@pytest.fixture
def distro() -> TargetPlan:
    def item(kind: str, name: str, state: State, **more: object) -> ItemPlan:
        return ItemPlan(address=Address(DISTRO, kind, name), state=state, **more)  # type: ignore[arg-type]

    systemd, options, gobin = value(False, True), value(None, "metadata,umask=022"), "/opt/gobin/stable"
    mount = (field("source", None, gobin), field("read_only", None, True))
    terminate = Effect.TERMINATE
    return TargetPlan(
        target=DISTRO,
        notes=("/etc/resolv.conf was written by hand since the last apply",),
        items=(
            item(
                "wsl_conf", "boot.systemd", State.CHANGE, diffs=systemd, effect=terminate, origin=line(8), change="conf"
            ),
            item(
                "wsl_conf",
                "automount.options",
                State.ADD,
                diffs=options,
                effect=terminate,
                origin=line(9),
                change="conf",
            ),
            *in_sync(DISTRO, "wsl_conf", "network.hostname"),
            item(
                "directories",
                gobin,
                State.CHANGE,
                diffs=(field("mode", "0755", "0750"),),
                origin=line(10),
                change="gobin",
            ),
            item("bind_mounts", "/usr/local/gobin", State.ADD, diffs=mount, origin=line(12), change="mount"),
            item("packages", "git", State.ADD, origin=line(14), change="packages"),
            item("packages", "build-essential", State.ADD, origin=line(14), change="packages"),
            item(
                "services",
                "docker",
                State.WAITING,
                why="waits for a running systemd",
                diffs=(field("enabled", False, True),),
            ),
            item(
                "sudoers",
                "builders",
                State.BLOCKED,
                why="needs the user builder, which is not there and nobody declares",
                fix="declare it under distro.accounts, or create it with `useradd --system builder`",
                risks=frozenset({Risk.GRANTS_RIGHTS}),
                origin=line(23, "team/backend.yaml"),
            ),
            item("sysctl", "fs.inotify.max_user_watches", State.UNKNOWN, why="needs root", origin=line(25)),
            item("resolv_conf", "nameservers", State.PENDING, effect=terminate, origin=line(26)),
            item("locale", "LANG", State.WAIVED, why="waived until 2027-03-31"),
            item("binfmt", "WSLInterop", State.NOT_APPLICABLE, why="this is not WSL"),
        ),
    )


@pytest.fixture
def user() -> TargetPlan:
    def item(kind: str, name: str, state: State, **more: object) -> ItemPlan:
        return ItemPlan(address=Address(USER, kind, name), state=state, **more)  # type: ignore[arg-type]

    program = "package main\n\nfunc main() {\n\tprintln(1)\n}\n"
    settings = {"GOPATH": "/home/alice/go", "GOFLAGS": "-mod=mod"}
    grown = {"GOPATH": "/home/alice/.go", "GOFLAGS": "-mod=mod", "GOPRIVATE": "*.corp.example.com"}
    proxies = value("https://proxy.golang.org,direct", "https://goproxy.cn,https://mirror.corp.example.com,direct")
    content = field("content", program, program.replace("1", "2") + "\n// end  \n")
    return TargetPlan(
        target=USER,
        items=(
            item("go_env", "GOPROXY", State.CHANGE, diffs=proxies, origin=line(16)),
            item("go_env", "GO111MODULE", State.ADD, diffs=value(None, "on"), origin=line(17)),
            item(
                "go_env",
                "GOFLAGS",
                State.REMOVE,
                diffs=value("-toolexec=/tmp/x -mod=mod", None),
                origin=line(18),
                risks=frozenset({Risk.DELETES}),
                notes=("set by hand: no apply wrote it",),
            ),
            *in_sync(USER, "go_env", "GOSUMDB", "GOPATH", "GOMODCACHE"),
            item(
                "shell_env",
                "variables.HTTPS_PROXY",
                State.CHANGE,
                before={"value": PASSWORD},
                after={"value": Secret(PASSWORD.replace("10.", "11."), frozenset({"proxy_password"}))},
                diffs=value(None, None, secret=True),
                effect=Effect.NEW_SESSION,
                origin=line(20),
                change="env",
            ),
            item(
                "files", "~/demo/main.go", State.CHANGE, diffs=(content, field("mode", "0644", "0600")), origin=line(30)
            ),
            item(
                "vscode_settings",
                "machine.go.toolsEnvVars",
                State.CHANGE,
                diffs=value(settings, grown),
                effect=Effect.EDITOR_RELOAD,
                risks=frozenset({Risk.RUNS_CODE_LATER}),
                origin=line(41),
            ),
        ),
    )


@pytest.fixture
def changes(distro: TargetPlan) -> tuple[Change, ...]:
    of_kind = {
        kind: tuple(item.address for item in distro.items if item.address.kind == kind)
        for kind in ("wsl_conf", "packages")
    }
    mount, gobin = Address(DISTRO, "bind_mounts", "/usr/local/gobin"), "/opt/gobin/stable"
    before, after = "[boot]\nsystemd=false\n", '[boot]\nsystemd=true\n\n[automount]\noptions="metadata,umask=022"\n'
    exports = f"export HTTPS_PROXY='{PASSWORD}'\n"
    conf_file, missing, folder = (
        Base(type=PathType.FILE, digest="ab"),
        Base(type=PathType.MISSING),
        Base(type=PathType.DIRECTORY),
    )
    install = RunCommand(argv=("apt-get", "install", "--yes", "--no-install-recommends", "git", "build-essential"))
    return (
        Change(
            id="conf",
            target=DISTRO,
            thing="/etc/wsl.conf",
            addresses=of_kind["wsl_conf"][:2],
            tasks=(WriteFile(path="/etc/wsl.conf", content=after.encode(), base=conf_file),),
            effect=Effect.TERMINATE,
            text=TextDiff(path="/etc/wsl.conf", before=before, after=after),
        ),
        Change(
            id="gobin",
            target=DISTRO,
            thing=gobin,
            addresses=(Address(DISTRO, "directories", gobin),),
            tasks=(SetMode(path=gobin, base=folder, mode=0o750, owner="root", group="dev"),),
        ),
        Change(
            id="fstab",
            target=DISTRO,
            thing="/etc/fstab",
            addresses=(mount,),
            tasks=(WriteFile(path="/etc/fstab", content=b"# caf\xe9\n", base=missing, mode=0o644),),
            text=TextDiff(path="/etc/fstab", before=None, after="# caf\udce9\n"),
        ),
        Change(
            id="mount",
            target=DISTRO,
            thing="mount /usr/local/gobin",
            addresses=(mount,),
            tasks=(RunCommand(argv=("mount", "/usr/local/gobin")),),
            needs=("fstab", "gobin"),
        ),
        Change(id="packages", target=DISTRO, thing="packages", addresses=of_kind["packages"], tasks=(install,)),
        Change(
            id="env",
            target=USER,
            thing="/home/alice/.config/reconcile/env.sh",
            addresses=(Address(USER, "shell_env", "variables.HTTPS_PROXY"),),
            tasks=(
                WriteFile(
                    path="/home/alice/.config/reconcile/env.sh",
                    content=exports.encode(),
                    base=conf_file,
                    secrets=frozenset({"proxy_password"}),
                ),
            ),
            text=TextDiff(path="/home/alice/.config/reconcile/env.sh", before=exports, after=exports),
        ),
    )


@pytest.fixture
def laptop(firewall: TargetPlan, distro: TargetPlan, user: TargetPlan, changes: tuple[Change, ...]) -> Plan:
    """One workstation with something of everything."""
    findings = (
        Finding(
            rule="resolv-conf-will-be-replaced",
            severity=Severity.WARNING,
            what="WSL replaces /etc/resolv.conf at each session while network.generateResolvConf is on",
            addresses=(Address(DISTRO, "resolv_conf", "nameservers"),),
            origins=(line(26), line(3, "team/base.yaml")),
            ways_out=(
                "distro: {wsl_conf: {network: {generateResolvConf: false}}}",
                "leave it to WSL: {unmanaged: true}",
            ),
        ),
        Finding(rule="sumdb-off", severity=Severity.ERROR, what="GOSUMDB=off also breaks toolchain downloads"),
    )
    stopped = Target("alice-lt", "musl")
    return Plan(
        workstation="alice-lt",
        targets=(
            firewall,
            distro,
            user,
            TargetPlan(target=stopped, state=TargetState.STOPPED),
            TargetPlan(target=Target("alice-lt", "musl", "alice"), state=TargetState.STOPPED),
        ),
        changes=changes,
        findings=findings,
        needs=("sudo on main", "then `wsl --terminate Ubuntu-24.04` (2 sessions open)"),
        notes=("the overlay carol keeps her own proxy ended on 2027-03-31",),
    )


@pytest.fixture
def quiet() -> Callable[[str, int], Plan]:
    """A workstation where everything is in sync."""

    def build(workstation: str, items: int) -> Plan:
        target = Target(workstation, "main")
        return Plan(
            workstation=workstation,
            targets=(
                TargetPlan(
                    target=target, items=in_sync(target, "sysctl", *(f"key{number}" for number in range(items)))
                ),
            ),
        )

    return build
