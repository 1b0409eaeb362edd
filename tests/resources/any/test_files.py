"""Whole files: what is seen of them, and what is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.address import Layer, Target
from reconciler.model.facts import PathType
from reconciler.model.plan import ItemPlan
from reconciler.model.schema import Complaint
from reconciler.model.secrets import Secret
from reconciler.model.states import Risk, State
from reconciler.model.tasks import Remove, SetMode, Task, WriteFile
from reconciler.model.values import ABSENT, RepoFile
from reconciler.resources.any.files import File, Files, OwnedFile

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine
    from tests.resources.conftest import Reading

DISTRO = Target("lt", "main")
ALICE = Target("lt", "main", "alice")
PATH = "/etc/motd"


def files(items: dict[str, object], layer: Layer = Layer.DISTRO) -> Files:
    return Files(items=items, options={}, layer=layer)


def item(machine: Machine, wanted: object, path: str = PATH, *, elevated: bool = True) -> ItemPlan:
    layer = Layer.USER if path.startswith("~") else Layer.DISTRO
    target = ALICE if layer is Layer.USER else DISTRO
    (found,) = machine.plan({target: [files({path: wanted}, layer)]}, elevated=elevated).items
    return found


def task(machine: Machine, wanted: object, path: str = PATH) -> Task:
    plan = machine.plan({DISTRO: [files({path: wanted})]})
    (change,) = plan.changes
    (found,) = change.tasks
    assert machine.apply(plan) == {}
    assert machine.plan({DISTRO: [files({path: wanted})]}).changes == ()
    return found


# ---- written


def test_a_new_file_gets_0644_and_its_writer(machine: Machine) -> None:
    found = task(machine, OwnedFile(content="hello\n"))
    assert isinstance(found, WriteFile)
    assert (found.content, found.mode, found.owner, found.secrets) == (b"hello\n", 0o644, None, frozenset())


def test_an_old_file_keeps_the_mode_that_nobody_declares(machine: Machine) -> None:
    machine.file(PATH, "old\n", mode=0o640)
    found = task(machine, OwnedFile(content="hello\n"))
    assert isinstance(found, WriteFile)
    assert found.mode is None
    assert machine.nodes[PATH].mode == 0o640


def test_a_declared_mode_and_owner_are_set_with_the_content(machine: Machine) -> None:
    found = task(machine, OwnedFile(content="x", mode="600", owner="alice", group="alice"))
    assert isinstance(found, WriteFile)
    assert (found.mode, found.owner, found.group) == (0o600, "alice", "alice")


def test_where_only_the_mode_differs_the_content_is_not_written(machine: Machine) -> None:
    machine.file(PATH, "hello\n", mode=0o600)
    found = task(machine, OwnedFile(content="hello\n", mode="0644"))
    assert isinstance(found, SetMode)
    assert (found.mode, found.owner, found.group) == (0o644, None, None)


def test_without_content_only_mode_and_owner_are_managed(machine: Machine) -> None:
    machine.file(PATH, b"\0\xff", mode=0o644)
    found = task(machine, OwnedFile(mode="0600", owner="alice"))
    assert isinstance(found, SetMode)
    assert machine.nodes[PATH].data == b"\0\xff"


def test_without_content_a_missing_file_is_blocked_with_a_way_out(machine: Machine) -> None:
    found = item(machine, OwnedFile(mode="0600"))
    assert (found.state, found.why) == (State.BLOCKED, "/etc/motd does not exist, and no content is declared")
    assert found.fix == "add  content:, source:, template: or url:"


@pytest.mark.parametrize("mode", ["644", "0644"])
def test_a_mode_is_the_same_with_and_without_its_zero(machine: Machine, mode: str) -> None:
    machine.file(PATH, "x", mode=0o644)
    assert item(machine, OwnedFile(content="x", mode=mode)).state is State.IN_SYNC


def test_a_file_of_the_repo_is_copied_byte_by_byte(machine: Machine) -> None:
    task(machine, OwnedFile(source=RepoFile(path="files/x", data=b"\0\xff\xfe")))
    assert machine.nodes[PATH].data == b"\0\xff\xfe"


@pytest.mark.parametrize(
    ("newline", "expected"), [("lf", b"a\nb\nc\rd\n"), ("crlf", b"a\r\nb\r\nc\rd\r\n"), ("keep", b"a\r\nb\nc\rd\r\n")]
)
@pytest.mark.parametrize("key", ["source", "template"])
def test_text_of_the_repo_gets_the_line_ends_that_are_declared(
    machine: Machine, key: str, newline: str, expected: bytes
) -> None:
    file = RepoFile(path="files/x", data=b"a\r\nb\nc\rd\r\n")
    task(machine, OwnedFile(**{key: file, "newline": newline}))  # type: ignore[arg-type]
    assert machine.nodes[PATH].data == expected


@given(data=st.binary(max_size=30), newline=st.sampled_from(["lf", "crlf", "keep"]))
def test_what_is_written_is_in_sync_whatever_its_bytes(machines: type[Machine], data: bytes, newline: str) -> None:
    machine = machines()
    wanted = OwnedFile(source=RepoFile(path="x", data=data), newline=newline)
    assert machine.apply(machine.plan({DISTRO: [files({PATH: wanted})]})) == {}
    assert machine.plan({DISTRO: [files({PATH: wanted})]}).changes == ()


@given(old=st.binary(max_size=30), new=st.text(max_size=10))
def test_any_bytes_may_stand_there_before(machines: type[Machine], old: bytes, new: str) -> None:
    machine = machines()
    machine.file(PATH, old)
    wanted = OwnedFile(content=new)
    assert machine.apply(machine.plan({DISTRO: [files({PATH: wanted})]})) == {}
    assert machine.plan({DISTRO: [files({PATH: wanted})]}).changes == ()


def test_an_owner_must_exist(machine: Machine) -> None:
    found = item(machine, OwnedFile(content="x", owner="bob"))
    assert (found.state, found.why) == (State.BLOCKED, "needs the user bob, which is not there and nobody declares")


def test_an_absent_file_is_removed_whatever_is_in_it(machine: Machine) -> None:
    machine.file(PATH, b"\0")
    found = task(machine, ABSENT)
    assert isinstance(found, Remove)
    assert PATH not in machine.nodes


# ---- in the way


@pytest.mark.parametrize("kind", [PathType.DIRECTORY, PathType.FIFO, PathType.SOCKET, PathType.DEVICE])
@pytest.mark.parametrize("wanted", [OwnedFile(content="x"), OwnedFile(mode="0600"), ABSENT])
def test_something_else_in_its_place_blocks(machine: Machine, kind: PathType, wanted: object) -> None:
    machine.odd(PATH, kind)
    found = item(machine, wanted)
    assert (found.state, found.why) == (State.BLOCKED, f"/etc/motd is a {kind}, not a file")


@pytest.mark.parametrize("wanted", [OwnedFile(content="x"), ABSENT])
def test_a_link_is_not_written_through_unasked(machine: Machine, wanted: object) -> None:
    machine.file("/etc/real", "x")
    machine.link(PATH, "real")
    found = item(machine, wanted)
    assert (found.state, found.why) == (State.BLOCKED, "/etc/motd is a link to real")
    assert found.fix == "declare it under  symlinks:, or write through it with  follow: true"


def test_a_link_is_written_through_when_asked(machine: Machine) -> None:
    machine.file("/etc/real", "old")
    machine.link(PATH, "real")
    found = task(machine, OwnedFile(content="new", mode="0600", follow=True))
    assert isinstance(found, WriteFile)
    assert found.path == "/etc/real"
    assert machine.nodes[PATH].link == "real"


def test_a_dangling_link_blocks_also_when_followed(machine: Machine) -> None:
    machine.link(PATH, "nowhere")
    found = item(machine, OwnedFile(content="x", follow=True))
    assert (found.state, found.why) == (State.BLOCKED, "/etc/motd is a link to nowhere, which does not exist")


def test_a_link_to_a_directory_blocks_also_when_followed(machine: Machine) -> None:
    machine.link(PATH, "/opt")
    assert item(machine, OwnedFile(content="x", follow=True)).why == "/opt is a directory, not a file"


def test_root_keeps_out_of_homes(machine: Machine) -> None:
    found = item(machine, OwnedFile(content="x"), "/home/alice/.npmrc")
    assert found.state is State.BLOCKED
    assert found.why == "/home/alice can be written by others, so root keeps out: declare it under user:"


@pytest.mark.parametrize("wanted", [OwnedFile(content="x"), OwnedFile(block="x"), ABSENT])
def test_root_is_led_nowhere_by_a_link_in_a_home_and_says_so(machine: Machine, wanted: object) -> None:
    machine.link("/home/alice/app", "/etc")
    found = item(machine, wanted, "/home/alice/app/motd")
    assert found.state is State.BLOCKED
    assert found.why == "/home/alice can be written by others, so root keeps out: declare it under user:"


def test_the_user_writes_there(machine: Machine) -> None:
    assert item(machine, File(content="x"), "~/.npmrc").state is State.ADD


# ---- unknown


def test_content_that_only_root_may_read_is_unknown(machine: Machine) -> None:
    machine.file(PATH, "x", mode=0o600)
    machine.secretive.add(PATH)
    found = item(machine, OwnedFile(content="x"), elevated=False)
    assert (found.state, found.why, found.elevation) == (State.UNKNOWN, "needs root", True)


def test_its_mode_can_be_told_without_reading_it(machine: Machine) -> None:
    machine.file(PATH, "x", mode=0o600)
    machine.secretive.add(PATH)
    assert item(machine, OwnedFile(mode="0600"), elevated=False).state is State.IN_SYNC


def test_a_place_that_only_root_may_look_into_is_unknown(machine: Machine) -> None:
    machine.directory("/etc/closed", mode=0o700)
    machine.secretive.add("/etc/closed")
    for wanted in (OwnedFile(content="x"), OwnedFile(mode="0600"), ABSENT):
        found = item(machine, wanted, "/etc/closed/x", elevated=False)
        assert (found.state, found.why, found.elevation) == (State.UNKNOWN, "needs root", True)


# ---- secrets


def test_a_new_file_that_holds_a_secret_is_its_owners_alone(machine: Machine) -> None:
    found = task(machine, OwnedFile(content=Secret("pw\r\n", frozenset({"password"}))))
    assert isinstance(found, WriteFile)
    assert (found.mode, found.secrets, found.content) == (0o600, {"password"}, b"pw\r\n")


def test_a_declared_mode_counts_also_for_a_secret(machine: Machine) -> None:
    found = task(machine, OwnedFile(content=Secret("pw"), mode="0640"))
    assert isinstance(found, WriteFile)
    assert found.mode == 0o640


@pytest.mark.parametrize(
    "wanted", [OwnedFile(content="plain\n"), OwnedFile(content=Secret("new", frozenset({"pw"}))), ABSENT], ids=str
)
@pytest.mark.parametrize(("mode", "is_hidden"), [(0o600, True), (0o640, True), (0o644, False)])
def test_what_not_everybody_may_read_is_not_shown(machine: Machine, wanted: object, mode: int, is_hidden: bool) -> None:
    """It may be a secret that no document names any more."""
    machine.file(PATH, "canary\n", mode=mode)
    plan = machine.plan({DISTRO: [files({PATH: wanted})]})
    is_secret = is_hidden or getattr(wanted, "content", None) == Secret("new")
    assert ("canary" not in repr(plan.items)) is is_secret
    assert ("canary" not in repr([change.text for change in plan.changes])) is (is_secret or wanted is ABSENT)
    task(machine, wanted)


# ---- risks


@pytest.mark.parametrize(
    ("path", "mode", "expected"),
    [
        ("/etc/motd", None, set()),
        ("/etc/motd", "4755", {Risk.GRANTS_RIGHTS}),
        ("/etc/sudoers.d/me", None, {Risk.GRANTS_RIGHTS, Risk.CUTS_ACCESS}),
        ("/etc/nftables.conf", None, {Risk.CUTS_ACCESS}),
        ("/etc/ssh/sshd_config.d/x.conf", None, {Risk.GRANTS_RIGHTS, Risk.CUTS_ACCESS}),
        ("/etc/ssh/ssh_config.d/x.conf", None, {Risk.RUNS_CODE_LATER}),
        ("/etc/profile.d/go.sh", None, {Risk.RUNS_CODE_LATER}),
        ("/etc/cron.d/x", "0644", {Risk.RUNS_CODE_LATER}),
        ("~/.ssh/authorized_keys", None, {Risk.GRANTS_RIGHTS, Risk.CUTS_ACCESS}),
        ("~/.bashrc", None, {Risk.RUNS_CODE_LATER}),
        ("~/bin/x", None, {Risk.RUNS_CODE_LATER}),
        ("/home/alice/.config/systemd/user/x.service", None, {Risk.RUNS_CODE_LATER}),
        ("~/notes", "0644", set()),
        ("/etc/apt/sources.list.d/x.list", None, {Risk.RUNS_CODE_LATER}),
        ("/etc/sysctl.conf", None, {Risk.RUNS_CODE_LATER}),
        ("/usr/local/share/ca-certificates/x.crt", None, {Risk.GRANTS_RIGHTS}),
        ("/proc/self/root/etc/x", None, {Risk.GRANTS_RIGHTS}),
        ("~/src/app/.git/hooks/pre-commit", "0755", {Risk.RUNS_CODE_LATER}),
        ("~/src/app/.github/x", None, set()),
        ("~/.config/git/ignore", None, set()),
        ("~/.vimrc", None, {Risk.RUNS_CODE_LATER}),
    ],
)
def test_places_that_do_more_than_lie_there_are_risks(path: str, mode: str | None, expected: set[Risk]) -> None:
    assert files({}).want(path, File(content="x", mode=mode)).risks == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("~/.ssh", {Risk.GRANTS_RIGHTS, Risk.RUNS_CODE_LATER, Risk.CUTS_ACCESS}),
        ("~/.config/systemd", {Risk.RUNS_CODE_LATER}),
        ("~/go", {Risk.RUNS_CODE_LATER}),
        ("/usr/local/bin", {Risk.RUNS_CODE_LATER}),
        ("/opt/hello", set()),
    ],
)
def test_an_archive_may_hold_any_name_below_its_own(path: str, expected: set[Risk]) -> None:
    item = File(url="https://example.com/x.tar.gz", sha256="0" * 64, archive=True)
    assert files({}).want(path, item).risks == expected


def test_a_removal_deletes_and_may_cut_access() -> None:
    assert files({}).want("/etc/motd", ABSENT).risks == {Risk.DELETES}
    assert files({}).want("~/.ssh/authorized_keys", ABSENT).risks == {Risk.DELETES, Risk.CUTS_ACCESS}


# ---- documents


def test_one_file_has_one_content() -> None:
    check = Files.schema(Layer.USER).check
    assert check is not None
    assert check("~/x", {"content": "a"}) == ()
    assert check("~/x", {"content": "a", "source": "b"}) == (
        Complaint("~/x has content and source; one file has one content", field="source"),
    )


def test_a_user_has_no_owner_to_declare() -> None:
    def fields(layer: Layer) -> set[str]:
        of = getattr(Files.schema(layer).items, "of")  # noqa: B009
        return set(of.fields)

    assert fields(Layer.DISTRO) - fields(Layer.USER) == {"owner", "group"}


def test_a_document_becomes_a_file(machine: Machine, reading: Reading) -> None:
    from reconciler.resources.assemble import assemble

    desired = reading('user:\n  files:\n    ~/.npmrc: {content: "a\\r\\nb\\n", mode: "0600"}\n')
    plan = machine.plan({ALICE: assemble(desired[ALICE])})
    assert machine.apply(plan) == {}
    assert machine.text("/home/alice/.npmrc") == "a\nb\n"
