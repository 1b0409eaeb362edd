"""Versions of Go side by side, and the link to the one in use."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from reconciler.model.address import Layer, Target
from reconciler.model.claims import Link
from reconciler.model.facts import CommandResult, PathType
from reconciler.model.plan import ItemPlan, Plan
from reconciler.model.states import Risk, State
from reconciler.model.tasks import MARKER, Unpack
from reconciler.model.values import ABSENT
from reconciler.planning.describe import describe
from reconciler.resources.any.go_toolchain import GoToolchain, GoVersion
from reconciler.resources.any.go_tools import GoTools, Tool

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine
    from tests.resources.conftest import Reading

DISTRO = Target("lt", "main")
ALICE = Target("lt", "main", "alice")
FOLDER = "/usr/local/lib/go-versions"
LINK = "/usr/local/go"
QUERY = ("dpkg-query", "-W", "-f", "${db:Status-Abbrev} ${Package}\\n", "golang*")


def digest(version: str, architecture: str = "amd64") -> str:
    return hashlib.sha256(f"{version} {architecture}".encode()).hexdigest()


def go(version: str, **more: str) -> GoVersion:
    return GoVersion(sha256={name: digest(version, name) for name in ("amd64", "arm64")}, **more)


OLD, NEW = go("1.26.5"), go("1.27.3")


@pytest.fixture
def machine(machine: Machine) -> Machine:
    for version in ("1.26.5", "1.27.3"):
        for architecture in ("amd64", "arm64"):
            machine.downloads[f"https://go.dev/dl/go{version}.linux-{architecture}.tar.gz"] = archive(version)
    return machine


def archive(version: str) -> dict[str, bytes]:
    return {"go/VERSION": f"go{version}\ntime 2026-08-05T00:00:00Z\n".encode(), "go/bin/go": b"a program"}


def kind(items: dict[str, object], layer: Layer = Layer.DISTRO, **options: object) -> GoToolchain:
    return GoToolchain(items=items, options=options, layer=layer)


def plan(machine: Machine, items: dict[str, object], **options: object) -> Plan:
    return machine.plan({DISTRO: [kind(items, **options)]})


def applied(machine: Machine, items: dict[str, object], **options: object) -> Plan:
    first = plan(machine, items, **options)
    assert machine.apply(first) == {}
    again = plan(machine, items, **options)
    assert again.changes == () and {item.state for item in again.items} == {State.IN_SYNC}
    return first


def item(found: Plan, name: str) -> ItemPlan:
    return next(item for item in found.items if item.address.item == name)


def by_hand(machine: Machine, version: str, place: str | None = None) -> None:
    for name, data in archive(version).items():
        machine.file(f"{place or f'{FOLDER}/go{version}'}/{name.removeprefix('go/')}", data)


# ---- versions


def test_a_version_is_unpacked_into_a_directory_of_its_own(machine: Machine) -> None:
    found = applied(machine, {"1.27.3": NEW})
    task = next(task for change in found.changes for task in change.tasks if isinstance(task, Unpack))
    assert task.archive.url == "https://go.dev/dl/go1.27.3.linux-amd64.tar.gz"
    assert (task.archive.digest, task.strip) == (digest("1.27.3"), 1)
    assert machine.text(f"{FOLDER}/go1.27.3/bin/go") == "a program"
    assert LINK not in machine.nodes
    assert item(found, "1.27.3").risks == {Risk.RUNS_CODE_LATER}


def test_each_architecture_has_its_own_archive(machine: Machine) -> None:
    machine.life = replace(machine.life, architecture="aarch64")
    applied(machine, {"1.27.3": NEW})
    assert machine.text(f"{FOLDER}/go1.27.3/{MARKER}").startswith(digest("1.27.3", "arm64"))


def test_without_a_checksum_of_the_architecture_nothing_is_unpacked(machine: Machine) -> None:
    machine.life = replace(machine.life, architecture="riscv64")
    found = item(plan(machine, {"1.27.3": NEW}), "1.27.3")
    assert (found.state, found.why) == (State.BLOCKED, "no checksum is declared for riscv64")
    assert found.fix == "take it from https://go.dev/dl/?mode=json, and write  sha256: {riscv64: …}"


@pytest.mark.parametrize(
    ("version", "options"),
    [
        (replace(NEW, url="file:///srv/go-{architecture}/{version}.tgz"), {}),
        (NEW, {"url": "file:///srv/go-{architecture}/{version}.tgz"}),
        (replace(NEW, url="file:///srv/go-amd64/1.27.3.tgz"), {"url": "https://nowhere.example.com/{version}"}),
    ],
)
def test_archives_may_come_from_elsewhere(machine: Machine, version: GoVersion, options: dict[str, str]) -> None:
    machine.downloads["file:///srv/go-amd64/1.27.3.tgz"] = archive("1.27.3")
    applied(machine, {"1.27.3": version}, **options)


def test_what_somebody_unpacked_counts_with_a_note(machine: Machine) -> None:
    by_hand(machine, "1.27.3")
    found = plan(machine, {"1.27.3": NEW})
    assert found.changes == ()
    assert item(found, "1.27.3").notes == ("unpacked by hand: nobody knows its checksum",)
    assert plan(machine, {"1.27.3": GoVersion()}).changes == ()


@pytest.mark.parametrize("text", ["go1.26.5", "", "devel +3f4a", "go1.27.30\n"])
def test_what_somebody_unpacked_and_is_something_else_stays(machine: Machine, text: str) -> None:
    machine.file(f"{FOLDER}/go1.27.3/VERSION", text)
    found = item(plan(machine, {"1.27.3": NEW}), "1.27.3")
    assert (found.state, found.why) == (State.BLOCKED, f"reconcile did not unpack what is in {FOLDER}/go1.27.3")


def test_an_old_version_file_has_no_line_end(machine: Machine) -> None:
    machine.file(f"{FOLDER}/go1.19.8/VERSION", "go1.19.8")
    assert plan(machine, {"1.19.8": go("1.19.8")}).changes == ()


def test_another_archive_of_the_version_is_unpacked_anew(machine: Machine) -> None:
    applied(machine, {"1.27.3": NEW})
    other = GoVersion(sha256={"amd64": digest("rebuilt")})
    found = applied(machine, {"1.27.3": other})
    assert [(diff.name, diff.before, diff.after) for diff in item(found, "1.27.3").diffs] == [
        ("sha256", {"amd64": digest("1.27.3")}, {"amd64": digest("rebuilt")})
    ]


def test_a_directory_that_lost_its_go_is_unpacked_anew(machine: Machine) -> None:
    applied(machine, {"1.27.3": NEW})
    del machine.nodes[f"{FOLDER}/go1.27.3/VERSION"]
    applied(machine, {"1.27.3": NEW})


def test_a_file_in_its_place_blocks(machine: Machine) -> None:
    machine.file(f"{FOLDER}/go1.27.3")
    assert item(plan(machine, {"1.27.3": NEW}), "1.27.3").why == f"{FOLDER}/go1.27.3 is a file, not a directory with Go"


# ---- the one in use


def test_the_link_is_set_once_the_version_is_there(machine: Machine) -> None:
    found = applied(machine, {"1.27.3": NEW}, use="1.27.3")
    assert [change.thing for change in found.changes][-2:] == [f"{FOLDER}/go1.27.3", LINK]
    assert machine.nodes[LINK].link == f"{FOLDER}/go1.27.3"
    assert item(found, "use").risks == {Risk.RUNS_CODE_LATER}


def test_a_switch_is_shown_as_one(machine: Machine) -> None:
    applied(machine, {"1.26.5": OLD, "1.27.3": NEW}, use="1.26.5")
    found = applied(machine, {"1.26.5": OLD, "1.27.3": NEW}, use="1.27.3")
    assert [(diff.before, diff.after) for diff in item(found, "use").diffs] == [("1.26.5", "1.27.3")]
    assert len(found.changes) == 1


def test_a_version_that_nobody_declares_may_be_in_use(machine: Machine) -> None:
    found = item(plan(machine, {}, use="1.27.3"), "use")
    assert found.why == f"needs the directory {FOLDER}/go1.27.3, which is not there and nobody declares"
    by_hand(machine, "1.27.3")
    applied(machine, {}, use="1.27.3")


@pytest.mark.parametrize("text", ["lib/go-versions/go1.27.3", f"{FOLDER}/go1.27.3"])
def test_a_link_that_leads_there_is_right_however_it_is_written(machine: Machine, text: str) -> None:
    by_hand(machine, "1.27.3")
    machine.link(LINK, text)
    assert plan(machine, {}, use="1.27.3").changes == ()


@pytest.mark.parametrize(
    ("text", "shown"), [("/opt/go", "/opt/go"), ("lib/go-versions/go1.25.1", "1.25.1"), ("/nowhere", "/nowhere")]
)
def test_a_link_that_leads_elsewhere_is_set_anew(machine: Machine, text: str, shown: str) -> None:
    machine.directory("/opt/go")
    machine.link(LINK, text)
    found = applied(machine, {"1.27.3": NEW}, use="1.27.3")
    assert [diff.before for diff in item(found, "use").diffs] == [shown]


def test_a_directory_in_its_place_blocks_until_it_may_be_moved(machine: Machine) -> None:
    by_hand(machine, "1.24.1", LINK)
    found = item(plan(machine, {"1.27.3": NEW}, use="1.27.3"), "use")
    assert (found.state, found.why, found.fix) == (
        State.BLOCKED,
        f"{LINK} holds go1.24.1 in a directory, and should be a link to a version",
        f"write  adopt: true  to have it moved to {LINK}.found",
    )
    applied(machine, {"1.27.3": NEW}, use="1.27.3", adopt=True)
    assert machine.nodes[LINK].link == f"{FOLDER}/go1.27.3"
    assert machine.text(f"{LINK}.found/VERSION").startswith("go1.24.1\n")


def test_what_was_moved_aside_before_is_not_lost(machine: Machine) -> None:
    by_hand(machine, "1.24.1", LINK)
    by_hand(machine, "1.23.1", f"{LINK}.found")
    found = item(plan(machine, {"1.27.3": NEW}, use="1.27.3", adopt=True), "use")
    assert found.why == f"{LINK}.found is there already, where {LINK} should go"


def test_at_rest_nothing_is_moved(machine: Machine) -> None:
    machine.life = replace(machine.life, at_rest=True)
    by_hand(machine, "1.24.1", LINK)
    assert item(plan(machine, {"1.27.3": NEW}, use="1.27.3", adopt=True), "use").state is State.BLOCKED
    applied(machine, {"1.27.3": NEW}, use="1.27.3", link="/opt/go")


def test_tools_are_built_by_the_go_that_comes(machine: Machine) -> None:
    tool = Tool(package="golang.org/x/tools/gopls", version="v0.20.0")
    tools = GoTools(items={"gopls": tool}, options={"go": f"{LINK}/bin/go"}, layer=Layer.USER)
    found = machine.plan({DISTRO: [kind({"1.27.3": NEW}, use="1.27.3")], ALICE: [tools]})
    assert {entry.state for entry in found.items} == {State.ADD}
    assert [change.thing for change in found.changes][-1].endswith("/gopls")
    assert machine.apply(found) == {}


def test_a_user_has_versions_of_his_own(machine: Machine) -> None:
    found = machine.plan({ALICE: [kind({"1.27.3": NEW}, Layer.USER, use="1.27.3")]})
    assert machine.apply(found) == {}
    assert machine.nodes["/home/alice/sdk/go"].link == "/home/alice/sdk/go1.27.3"
    assert machine.nodes["/home/alice/sdk/go1.27.3"].owner == "alice"
    assert machine.plan({ALICE: [kind({"1.27.3": NEW}, Layer.USER, use="1.27.3")]}).changes == ()


# ---- taking away


def test_a_version_goes_once_another_is_in_use(machine: Machine) -> None:
    applied(machine, {"1.26.5": OLD}, use="1.26.5")
    found = applied(machine, {"1.26.5": ABSENT, "1.27.3": NEW}, use="1.27.3")
    assert [change.thing for change in found.changes] == [f"{FOLDER}/go1.27.3", LINK, f"{FOLDER}/go1.26.5"]
    assert f"{FOLDER}/go1.26.5" not in machine.nodes
    assert item(found, "1.26.5").risks == {Risk.DELETES}


def test_a_version_stays_when_the_switch_cannot_be_made(machine: Machine) -> None:
    applied(machine, {"1.26.5": OLD}, use="1.26.5")
    found = plan(machine, {"1.26.5": ABSENT, "1.27.3": GoVersion()}, use="1.27.3")
    assert {entry.address.item: entry.state for entry in found.items} == {
        "1.26.5": State.BLOCKED,
        "1.27.3": State.BLOCKED,
        "use": State.BLOCKED,
    }
    assert (item(found, "1.26.5").why or "").startswith(
        f"needs the link {LINK} to {FOLDER}/go1.27.3, and lt/main:go_tool"
    )


@pytest.mark.parametrize("options", [{"use": "1.26.5"}, {}])
def test_what_is_in_use_does_not_go(machine: Machine, options: dict[str, str]) -> None:
    applied(machine, {"1.26.5": OLD}, use="1.26.5")
    found = plan(machine, {"1.26.5": ABSENT}, **options)
    assert (item(found, "1.26.5").state, item(found, "1.26.5").why) == (State.BLOCKED, f"{LINK} leads to it")


def test_what_somebody_unpacked_does_not_go(machine: Machine) -> None:
    by_hand(machine, "1.26.5")
    found = item(plan(machine, {"1.26.5": ABSENT}), "1.26.5")
    assert found.why == f"reconcile did not unpack what is in {FOLDER}/go1.26.5, so it stays"


def test_what_is_not_there_need_not_go(machine: Machine) -> None:
    applied(machine, {"1.26.5": ABSENT})


# ---- the distribution's own


def test_two_gos_on_one_path_are_told(machine: Machine) -> None:
    by_hand(machine, "1.27.3")
    machine.programs["go"] = "/usr/bin/go"
    machine.link("/usr/bin/go", "../lib/go-1.19/bin/go")
    assert plan(machine, {}, use="1.27.3").targets[0].notes == (
        "go on the PATH is /usr/bin/go: put /usr/local/go/bin before /usr/bin, or say  remove_package: true",
    )
    machine.link("/usr/bin/go", "/usr/local/go/bin/go")
    machine.link(LINK, f"{FOLDER}/go1.27.3")
    assert plan(machine, {}, use="1.27.3").targets[0].notes == ()
    machine.programs["go"] = f"{LINK}/bin/go"
    assert plan(machine, {}, use="1.27.3").targets[0].notes == ()


LISTED = """\
ii  golang-1.19-go
ii  golang-1.19-src
ii  golang-doc
ii  golang-github-pkg-errors-dev
rc  golang-1.15-go
un  golang
ii  golang-go
"""


def test_the_package_goes_once_the_link_is_there(machine: Machine) -> None:
    machine.commands[QUERY] = CommandResult(0, LISTED)
    found = plan(machine, {"1.27.3": NEW}, use="1.27.3", remove_package=True)
    assert item(found, "remove_package").notes == ("installed: golang-1.19-go, golang-1.19-src, golang-doc, golang-go",)
    last = found.changes[-1]
    assert [task.words for task in last.tasks] == [  # type: ignore[union-attr]
        ("dpkg", "--remove", "golang-1.19-go", "golang-1.19-src", "golang-doc", "golang-go")
    ]
    assert last.needs == (f"lt/main:{LINK}",)
    assert item(found, "remove_package").risks == {Risk.DELETES}


@pytest.mark.parametrize(
    ("argv", "text", "removes"),
    [
        (("apk", "info", "-e", "go"), "go\n", ("apk", "del", "go")),
        (
            ("rpm", "-q", "--qf", "%{NAME}\\n", "golang", "golang-bin", "golang-src"),
            "golang\ngolang-bin\npackage golang-src is not installed\n",
            ("rpm", "-e", "golang", "golang-bin"),
        ),
    ],
)
def test_other_package_managers_are_asked_as_well(
    machine: Machine, argv: tuple[str, ...], text: str, removes: tuple[str, ...]
) -> None:
    machine.commands[argv] = CommandResult(0, text)
    (change,) = plan(machine, {}, remove_package=True).changes
    assert [task.words for task in change.tasks] == [removes]  # type: ignore[union-attr]


def test_where_no_package_is_there_is_nothing_to_remove(machine: Machine) -> None:
    applied(machine, {}, remove_package=True)
    machine.commands[QUERY] = CommandResult(1, "")
    applied(machine, {}, remove_package=True)


# ---- what is said


def test_a_machine_is_described(machine: Machine) -> None:
    by_hand(machine, "1.27.3", "/home/alice/sdk/go1.27.3")
    machine.directory("/home/alice/sdk/go1.27rc1")
    machine.file("/home/alice/sdk/go1.26.5.linux-amd64.tar.gz")
    machine.directory("/home/alice/sdk/gopath")
    kinds = {"go_toolchain": (GoToolchain, GoToolchain.schema(Layer.USER))}
    (found,) = describe(ALICE, kinds, machine.sheet(kind({}, Layer.USER).wanted_facts(), "alice"))
    assert [(entry.path, entry.value, entry.reason) for entry in found.items] == [
        (("1.27.3",), {}, None),
        (("1.27rc1",), {}, None),
    ]


def test_a_document_says_it_with_versions_beside_options(reading: Reading) -> None:
    text = f"""\
distro:
  go_toolchain:
    use: 1.27.3
    folder: /opt/go
    1.27.3: {{sha256: {{amd64: {digest("1.27.3")}}}}}
    1.20: {{absent: true}}
"""
    found = reading(text)[DISTRO].kinds["go_toolchain"]
    assert dict(found.options) == {"use": "1.27.3", "folder": "/opt/go"}
    assert found.items["1.20"] == ABSENT and set(found.items) == {"1.20", "1.27.3"}


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("use: latest", "expected a version of Go"),
        ("1.27.x: {}", "is not a version of Go"),
        ("1.27.3: {sha256: {x86_64: aa}}", "is not an architecture as Go calls it"),
        ("1.27.3: {sha256: {amd64: aa}}", "a SHA-256 in 64 hexadecimal digits"),
        ("1.27.3: {url: ftp://x}", "a URL"),
        ("folder: sdk", "an absolute path"),
    ],
)
def test_what_cannot_be_is_told_before_any_machine_is_asked(reading: Reading, line: str, what: str) -> None:
    with pytest.raises(Exception, match=what):
        reading(f"distro:\n  go_toolchain:\n    {line}\n")


def test_a_users_layer_removes_no_packages() -> None:
    assert "remove_package" not in GoToolchain.schema(Layer.USER).options


# ---- the claim


def test_a_link_holds_where_both_names_lead_to_one_place(machine: Machine) -> None:
    claim = Link(LINK, f"{FOLDER}/go1.27.3")
    by_hand(machine, "1.27.3")
    assert claim.holds(machine.sheet(claim.facts())) is False
    machine.link(LINK, "lib/go-versions/go1.27.3")
    assert claim.holds(machine.sheet(claim.facts())) is True
    machine.link(LINK, "lib/go-versions/go1.26.5")
    assert claim.holds(machine.sheet(claim.facts())) is False
    machine.secretive.add("/usr/local")
    assert claim.holds(machine.sheet(claim.facts(), "alice")) is None
    assert machine.nodes[f"{FOLDER}/go1.27.3"].type is PathType.DIRECTORY
