"""All edits of one file are one write; what goes live is a change of its own, after the file's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from reconciler.model.address import Address, Layer, Target
from reconciler.model.errors import DocumentError
from reconciler.model.facts import FileText, PathType
from reconciler.model.plan import TextDiff
from reconciler.model.resource import Creation, FileEdit, Part, Seen
from reconciler.model.secrets import Secret
from reconciler.model.states import Effect, State
from reconciler.model.tasks import Base, MakeDirectory, Remove, RunCommand, SetMode, WriteFile
from reconciler.model.values import ABSENT
from reconciler.resources.any.directories import Directories, OwnedDirectory
from reconciler.resources.any.files import File, Files, OwnedFile
from reconciler.resources.distro.wsl_conf import WslConf

if TYPE_CHECKING:
    from tests.planning.conftest import Toys
    from tests.planning.simulated_machine import Machine

DISTRO = Target("lt", "main")
ALICE = Target("lt", "main", "alice")


def problem(error: pytest.ExceptionInfo[DocumentError]) -> tuple[str, str]:
    (found,) = error.value.problems
    return found.what, str(found.origin)


def files(items: dict[str, object], layer: Layer = Layer.DISTRO) -> Files:
    return Files(items=items, options={}, layer=layer)


# ---- one file, one write


def test_edits_of_two_kinds_are_one_write(machine: Machine, toys: Toys) -> None:
    machine.file(toys.SHARED, "# by hand\ncolor=blue\nkept=1\n", mode=0o644)
    plan = machine.plan({DISTRO: [toys.lines({"color": "red"}), toys.lines({"size": "9"}, kind="toy_others")]})
    (change,) = plan.changes
    assert (change.id, change.thing) == ("lt/main:/etc/shared.conf", "/etc/shared.conf")
    assert [str(address) for address in change.addresses] == ["lt/main:toy_lines:color", "lt/main:toy_others:size"]
    (task,) = change.tasks
    assert isinstance(task, WriteFile)
    assert (task.content, task.mode, task.owner) == (b"# by hand\nkept=1\ncolor=red\nsize=9\n", None, None)
    assert task.base == Base(type=task.base.type, digest=task.base.digest, mode=0o644, owner="root", group="root")
    assert change.text == TextDiff(
        path=toys.SHARED, before="# by hand\ncolor=blue\nkept=1\n", after=task.content.decode()
    )
    assert {item.change for item in plan.items} == {change.id}


def test_a_removal_and_an_addition_are_one_write(machine: Machine, toys: Toys) -> None:
    machine.file(toys.SHARED, "color=blue\n")
    plan = machine.plan({DISTRO: [toys.lines({"color": ABSENT, "size": "9"})]})
    assert [item.state for item in plan.items] == [State.REMOVE, State.ADD]
    assert machine.apply(plan) == {}
    assert machine.text(toys.SHARED) == "size=9\n"


def test_a_file_that_is_reached_by_two_names_is_written_once(machine: Machine, toys: Toys) -> None:
    machine.directory("/data/conf")
    machine.link("/opt/conf", "/data/conf")
    one = toys.lines({"color": "red"}, path="/opt/conf/shared")
    other = toys.lines({"size": "9"}, kind="toy_others", path="/data/conf/shared")
    (change,) = machine.plan({DISTRO: [one, other]}).changes
    assert change.thing == "/data/conf/shared"
    assert [task.content for task in change.tasks] == [b"color=red\nsize=9\n"]


def test_a_file_that_is_reached_through_a_link_at_its_end_is_written_once(machine: Machine, toys: Toys) -> None:
    machine.file("/data/real", "kept=1\n")
    machine.link("/opt/link", "/data/real")
    one = toys.lines({"color": "red"}, path="/opt/link", follow=True)
    other = toys.lines({"size": "9"}, kind="toy_others", path="/data/real")
    plan = machine.plan({DISTRO: [one, other]})
    assert [change.thing for change in plan.changes] == ["/data/real"]
    assert machine.apply(plan) == {}
    assert machine.text("/opt/link") == "kept=1\ncolor=red\nsize=9\n"


def test_bytes_that_are_no_utf8_stay_as_they_are(machine: Machine, toys: Toys) -> None:
    machine.file(toys.SHARED, b"\xff\xfe=1\n")
    (change,) = machine.plan({DISTRO: [toys.lines({"color": "red"})]}).changes
    assert change.tasks[0].content == b"\xff\xfe=1\ncolor=red\n"


def test_equal_wishes_merge(machine: Machine, toys: Toys) -> None:
    plan = machine.plan({DISTRO: [toys.lines({"color": "red"}), toys.lines({"color": "red"}, kind="toy_others")]})
    (change,) = plan.changes
    assert len(change.addresses) == 2
    assert change.tasks[0].content == b"color=red\n"


@pytest.mark.parametrize("other", ["blue", ABSENT])
def test_different_wishes_are_an_error_that_names_both(machine: Machine, toys: Toys, other: object) -> None:
    machine.file(toys.SHARED, "color=green\n")
    with pytest.raises(DocumentError) as error:
        machine.plan({DISTRO: [toys.lines({"color": "red"}), toys.lines({"color": other}, kind="toy_others")]})
    assert problem(error) == (
        "lt/main:toy_lines:color (reconcile.yaml:1:3) and lt/main:toy_others:color (reconcile.yaml:2:3) "
        "want different values of color in /etc/shared.conf",
        "reconcile.yaml:2:3",
    )


def test_a_new_file_gets_no_more_rights_than_each_of_its_kinds_would_give(machine: Machine, toys: Toys) -> None:
    def mode(*creations: Creation) -> int | None:
        kinds = [toys.lines({f"m{n}": "x"}, kind=f"toy_{n}", creation=each) for n, each in enumerate(creations)]
        (change,) = machine.plan({DISTRO: kinds}).changes
        (task,) = change.tasks
        assert isinstance(task, WriteFile)
        return task.mode

    assert mode(Creation()) == 0o644
    assert mode(Creation(), Creation(mode=0o640)) == mode(Creation(mode=0o640), Creation()) == 0o640


def test_a_new_file_that_holds_a_secret_is_its_owners_alone(machine: Machine, toys: Toys) -> None:
    (change,) = machine.plan(
        {DISTRO: [toys.lines({"proxy": Secret("x", frozenset({"password"})), "color": "red"})]}
    ).changes
    (task,) = change.tasks
    assert isinstance(task, WriteFile)
    assert (task.mode, task.secrets) == (0o600, {"password"})


@pytest.mark.parametrize(("mode", "after"), [(0o644, 0o600), (0o755, 0o700), (0o600, None), (0o400, None)])
def test_a_file_that_gets_a_secret_becomes_its_owners_alone(
    machine: Machine, toys: Toys, mode: int, after: int | None
) -> None:
    machine.file(toys.SHARED, "color=blue\n", mode=mode)
    secret = Secret("hunter2-canary", frozenset({"password"}))
    (change,) = machine.plan({DISTRO: [toys.lines({"password": secret})]}).changes
    (task,) = change.tasks
    assert isinstance(task, WriteFile)
    assert task.mode == after
    (other,) = machine.plan({DISTRO: [toys.lines({"color": "red"})]}).changes
    assert isinstance(other.tasks[0], WriteFile) and other.tasks[0].mode is None


def test_the_parents_of_a_new_file_are_made_once_for_all_its_members(machine: Machine, toys: Toys) -> None:
    plan = machine.plan({DISTRO: [toys.lines({"a": "1", "b": "2"}, path="/opt/new/deep/conf")]})
    assert [type(task) for change in plan.changes for task in change.tasks] == [MakeDirectory, MakeDirectory, WriteFile]
    assert machine.apply(plan) == {}


def test_the_latest_effect_of_its_items_is_that_of_the_change(machine: Machine, toys: Toys) -> None:
    soon = toys.lines({"a": "1"}, effect=Effect.NEW_SESSION)
    late = toys.lines({"b": "1"}, kind="toy_others", effect=Effect.TERMINATE)
    plan = machine.plan({DISTRO: [soon, late]})
    assert [change.effect for change in plan.changes] == [Effect.TERMINATE]
    assert [item.effect for item in plan.items] == [Effect.NEW_SESSION, Effect.TERMINATE]


# ---- a file and its mode


def test_a_files_mode_and_its_members_are_one_change(machine: Machine) -> None:
    machine.file("/etc/wsl.conf", "[boot]\nsystemd=false\n", mode=0o600)
    conf = WslConf(items={"boot.systemd": True}, options={}, layer=Layer.DISTRO)
    resources = [files({"/etc/wsl.conf": OwnedFile(mode="0644")}), conf]
    plan = machine.plan({DISTRO: resources})
    (change,) = plan.changes
    assert [type(task) for task in change.tasks] == [WriteFile, SetMode]
    assert machine.apply(plan) == {}
    assert machine.nodes["/etc/wsl.conf"].mode == 0o644
    assert machine.plan({DISTRO: resources}).changes == ()


# ---- two for one path


def test_two_names_that_lead_to_one_whole_file_are_an_error_that_names_both(machine: Machine) -> None:
    machine.file("/data/real", "old")
    machine.link("/opt/link", "/data/real")
    items = {"/opt/link": File(content="a", follow=True), "/data/real": File(content="b")}
    with pytest.raises(DocumentError) as error:
        machine.plan({DISTRO: [files(items)]})
    assert problem(error) == (
        "two items would write /data/real: lt/main:files:/opt/link (reconcile.yaml:1:3) and "
        "lt/main:files:/data/real (reconcile.yaml:2:3)",
        "reconcile.yaml:2:3",
    )


def test_a_whole_file_and_a_member_of_it_by_another_name_are_an_error(machine: Machine, toys: Toys) -> None:
    machine.file("/data/real", "old")
    machine.link("/opt/link", "/data/real")
    whole = files({"/opt/link": File(content="a", follow=True)})
    with pytest.raises(DocumentError, match="two items would write /data/real"):
        machine.plan({DISTRO: [toys.lines({"color": "red"}, path="/data/real"), whole]})


# ---- what goes live


def test_a_mount_goes_live_after_its_line_is_written(machine: Machine, toys: Toys) -> None:
    machine.directory("/opt/bin")
    plan = machine.plan({DISTRO: [toys.mounts({"/opt/bin": "/opt/stable"})]})
    assert [(change.id, change.thing) for change in plan.changes] == [
        ("lt/main:/etc/fstab", "/etc/fstab"),
        ("lt/main:/opt/bin (live)", "/opt/bin"),
    ]
    assert plan.changes[1].needs == ("lt/main:/etc/fstab",)
    assert plan.changes[1].tasks == (RunCommand(argv=("toy-mount", "/opt/bin")),)
    assert {address.item for change in plan.changes for address in change.addresses} == {"/opt/bin"}


def test_a_mount_and_its_directory_share_a_path_and_stay_two_changes(machine: Machine, toys: Toys) -> None:
    mount = toys.mounts({"/opt/bin": "/opt/stable"})
    directory = Directories(items={"/opt/bin": OwnedDirectory(mode="0700")}, options={}, layer=Layer.DISTRO)
    plan = machine.plan({DISTRO: [mount, directory]})
    order = [change.id for change in plan.changes]
    assert set(order) == {"lt/main:/etc/fstab", "lt/main:/opt/bin", "lt/main:/opt/bin (live)"}
    assert order[-1] == "lt/main:/opt/bin (live)"
    assert machine.apply(plan) == {}
    assert machine.nodes["/opt/bin"].mode == 0o700


def test_several_mounts_share_the_file_and_are_mounted_one_by_one(machine: Machine, toys: Toys) -> None:
    machine.directory("/opt/a/inner")
    plan = machine.plan({DISTRO: [toys.mounts({"/opt/a/inner": "/x", "/opt/a": "/y"})]})
    assert [change.thing for change in plan.changes] == ["/etc/fstab", "/opt/a", "/opt/a/inner"]
    assert [change.tasks[0].content for change in plan.changes[:1]] == [b"/opt/a/inner=/x\n/opt/a=/y\n"]


def test_unmounting_goes_the_other_way_round(machine: Machine, toys: Toys) -> None:
    """What is below first, and each directory after the mount on it."""
    machine.directory("/opt/a/inner")
    machine.file(toys.FSTAB, "/opt/a=/y\n/opt/a/inner=/x\n")
    directory = Directories(items={"/opt/a": ABSENT, "/opt/a/inner": ABSENT}, options={}, layer=Layer.DISTRO)
    plan = machine.plan({DISTRO: [directory, toys.mounts({"/opt/a": ABSENT, "/opt/a/inner": ABSENT})]})
    assert [change.id.partition(":")[2] for change in plan.changes] == [
        "/etc/fstab",
        "/opt/a/inner (live)",
        "/opt/a/inner",
        "/opt/a (live)",
        "/opt/a",
    ]


def test_a_file_and_what_reloads_it_may_be_named_after_the_same_path(machine: Machine, toys: Toys) -> None:
    parts = (
        Part(thing="/etc/toy", tasks=(WriteFile(path="/etc/toy", content=b"x", base=Base(type=PathType.MISSING)),)),
        Part(thing="/etc/toy", tasks=(RunCommand(argv=("reload",)),)),
    )
    plan = machine.plan({DISTRO: [toys.Scripted({"x": toys.Item(parts=parts)})]})
    assert [change.id for change in plan.changes] == ["lt/main:/etc/toy", "lt/main:/etc/toy (live)"]
    assert plan.changes[1].needs == ("lt/main:/etc/toy",)


def test_equal_commands_of_several_items_run_once(machine: Machine, toys: Toys) -> None:
    reload = Part(thing="units", tasks=(RunCommand(argv=("systemctl", "daemon-reload")),))
    plan = machine.plan({DISTRO: [toys.Scripted({"a": toys.Item(parts=(reload,)), "b": toys.Item(parts=(reload,))})]})
    machine.apply(plan)
    assert machine.ran == [("systemctl", "daemon-reload")]


def test_each_layer_runs_its_own_commands(machine: Machine, toys: Toys) -> None:
    part = Part(thing="units", tasks=(RunCommand(argv=("systemctl", "daemon-reload")),))
    toy = toys.Scripted({"a": toys.Item(parts=(part,))})
    plan = machine.plan({DISTRO: [toy], ALICE: [toy]})
    assert [str(change.target) for change in plan.changes] == ["lt/main", "lt/main/alice"]


# ---- whole files


def test_the_text_of_a_whole_file_is_shown_old_and_new(machine: Machine) -> None:
    machine.file("/etc/motd", "old\n")
    (change,) = machine.plan({DISTRO: [files({"/etc/motd": OwnedFile(content="new\n")})]}).changes
    assert change.text == TextDiff(path="/etc/motd", before="old\n", after="new\n")


def test_bytes_are_not_shown_as_text(machine: Machine) -> None:
    machine.file("/etc/motd", b"\0old")
    (change,) = machine.plan({DISTRO: [files({"/etc/motd": OwnedFile(content="new\n")})]}).changes
    assert change.text == TextDiff(path="/etc/motd", before=None, after="new\n")


def test_a_removed_file_has_no_new_text(machine: Machine) -> None:
    machine.file("/etc/motd", "old\n")
    (change,) = machine.plan({DISTRO: [files({"/etc/motd": ABSENT})]}).changes
    assert [type(task) for task in change.tasks] == [Remove]
    assert change.text is None


def test_a_whole_file_that_is_secret_shows_nothing(machine: Machine) -> None:
    machine.file("/etc/netrc", "old hunter2-canary\n")
    secret = Secret("new hunter2-canary\n", frozenset({"password"}))
    plan = machine.plan({DISTRO: [files({"/etc/netrc": OwnedFile(content=secret)})]})
    (change,) = plan.changes
    (task,) = change.tasks
    assert isinstance(task, WriteFile)
    assert (task.content, task.secrets, task.mode) == (b"new hunter2-canary\n", {"password"}, None)
    assert change.text is None
    assert "canary" not in repr(plan.targets)


def test_the_last_change_of_an_item_is_the_one_it_names(machine: Machine, toys: Toys) -> None:
    machine.directory("/opt/bin")
    plan = machine.plan({DISTRO: [toys.mounts({"/opt/bin": "/opt/stable"})]})
    assert [item.change for item in plan.items] == ["lt/main:/opt/bin (live)"]


def test_an_item_that_is_in_sync_names_no_change(machine: Machine, toys: Toys) -> None:
    seen = Seen(fields={"value": "wanted"})
    plan = machine.plan({DISTRO: [toys.Scripted({"x": toys.Item(seen=seen)})]})
    assert plan.items[0].change is None
    assert plan.items[0].address == Address(DISTRO, "toy", "x")


# ---- files of ours, and links that are replaced


def edit_of(toys: Toys, path: str, value: str | None, **more: Any) -> Part:
    return Part(thing=path, edits=(FileEdit(path=path, codec=toys.Lines(), member="a", value=value, **more),))


def test_a_file_of_ours_goes_with_its_last_member(machine: Machine, toys: Any) -> None:
    machine.file("/etc/ours", "a=1\n")
    item = toys.Item(
        value=None,
        seen=Seen(fields={"value": "1"}),
        parts=(edit_of(toys, "/etc/ours", None, ours=True),),
        asks=(FileText("/etc/ours"),),
    )
    plan = machine.plan({DISTRO: [toys.Scripted({"a": item})]})
    assert machine.apply(plan) == {}
    assert "/etc/ours" not in machine.nodes


def test_a_file_that_is_not_ours_stays_when_it_is_empty(machine: Machine, toys: Any) -> None:
    machine.file("/etc/theirs", "a=1\n")
    item = toys.Item(
        value=None,
        seen=Seen(fields={"value": "1"}),
        parts=(edit_of(toys, "/etc/theirs", None),),
        asks=(FileText("/etc/theirs"),),
    )
    assert machine.apply(machine.plan({DISTRO: [toys.Scripted({"a": item})]})) == {}
    assert machine.text("/etc/theirs") == ""


def test_a_file_takes_the_place_of_a_link_and_what_is_behind_stays(machine: Machine, toys: Any) -> None:
    machine.file("/mnt/wsl/resolv.conf", "a=theirs\n")
    machine.link("/etc/resolv.conf", "/mnt/wsl/resolv.conf")
    part = edit_of(toys, "/etc/resolv.conf", "1", replaces_link=True)
    item = toys.Item(parts=(part,), asks=(FileText("/etc/resolv.conf"),))
    plan = machine.plan({DISTRO: [toys.Scripted({"a": item})]})
    assert machine.apply(plan) == {}
    assert machine.nodes["/etc/resolv.conf"].data == b"a=1\n"
    assert machine.text("/mnt/wsl/resolv.conf") == "a=theirs\n"


def test_a_link_that_is_not_to_be_replaced_blocks(machine: Machine, toys: Any) -> None:
    machine.file("/mnt/wsl/resolv.conf", "a=theirs\n")
    machine.link("/etc/resolv.conf", "/mnt/wsl/resolv.conf")
    item = toys.Item(parts=(edit_of(toys, "/etc/resolv.conf", "1"),), asks=(FileText("/etc/resolv.conf"),))
    plan = machine.plan({DISTRO: [toys.Scripted({"a": item})]})
    assert [item.state for item in plan.items] == [State.BLOCKED]
