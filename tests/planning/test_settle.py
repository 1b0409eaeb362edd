"""Claims: what an item needs of others, and what becomes of it where that is not there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from reconciler.model.address import Layer, Target
from reconciler.model.claims import Account, Need, Path, Running, Setting
from reconciler.model.plan import ItemPlan, Plan
from reconciler.model.resource import Blocked, NotApplicable, Seen, Unknown
from reconciler.model.states import Effect, Risk, State
from reconciler.model.tasks import MakeDirectory, RunCommand
from reconciler.model.values import ABSENT
from reconciler.resources.any.directories import Directories, Directory, OwnedDirectory
from reconciler.resources.any.files import File, Files
from reconciler.resources.any.symlinks import Symlinks
from reconciler.resources.distro.wsl_conf import WslConf

if TYPE_CHECKING:
    from tests.planning.conftest import Toys
    from tests.planning.simulated_machine import Machine

DISTRO = Target("lt", "main")
ALICE = Target("lt", "main", "alice")
BOB = Account("bob")


def states(plan: Plan) -> dict[str, State]:
    return {item.address.item: item.state for item in plan.items}


def item(plan: Plan, name: str) -> ItemPlan:
    return next(item for item in plan.items if item.address.item == name)


def things(plan: Plan) -> list[str]:
    return [change.thing for change in plan.changes]


def directories(items: dict[str, object], layer: Layer = Layer.DISTRO) -> Directories:
    made = {name: ABSENT if value is ABSENT else value or OwnedDirectory() for name, value in items.items()}
    return Directories(items=made, options={}, layer=layer)


def files(*paths: str, layer: Layer = Layer.DISTRO) -> Files:
    return Files(items={path: File(content="x\n") for path in paths}, options={}, layer=layer)


def wsl_conf(items: dict[str, object]) -> WslConf:
    return WslConf(items=items, options={}, layer=Layer.DISTRO)


# ---- who provides


def test_an_item_does_not_wait_for_what_it_provides_itself(machine: Machine, toys: Toys) -> None:
    """A mount provides its directory, and needs it to be there."""
    mount = toys.Item(provides=(Path("/p"),), needs=(Need(Path("/p")),))
    plan = machine.plan({DISTRO: [toys.Scripted({"x": mount})]})
    assert item(plan, "x").why == "needs the directory /p, which is not there and nobody declares"
    plan = machine.plan({DISTRO: [toys.Scripted({"x": mount}), directories({"/p": None})]})
    assert states(plan) == {"x": State.ADD, "/p": State.ADD}
    assert things(plan) == ["/p", "toy x"]


def test_what_holds_needs_nobody(machine: Machine, toys: Toys) -> None:
    machine.accounts["bob"] = "/home/bob"
    plan = machine.plan({DISTRO: [toys.Scripted({"x": toys.Item(needs=(Need(BOB),))})]})
    assert states(plan) == {"x": State.ADD}
    assert plan.changes[0].claims == (BOB,)


def test_what_does_not_hold_and_nobody_provides_blocks(machine: Machine, toys: Toys) -> None:
    plan = machine.plan({DISTRO: [toys.Scripted({"x": toys.Item(needs=(Need(BOB),))})]})
    assert states(plan) == {"x": State.BLOCKED}
    assert item(plan, "x").why == "needs the user bob, which is not there and nobody declares"
    assert plan.changes == ()


def test_what_another_item_will_provide_comes_first(machine: Machine, toys: Toys) -> None:
    needing = toys.Scripted({"a needing": toys.Item(needs=(Need(BOB),))}, kind="toy_needing")
    providing = toys.Scripted({"z providing": toys.Item(provides=(BOB,))}, kind="toy_providing")
    plan = machine.plan({DISTRO: [needing, providing]})
    assert things(plan) == ["toy_providing z providing", "toy_needing a needing"]
    assert plan.changes[1].needs == (plan.changes[0].id,)


def test_what_holds_and_is_about_to_change_comes_first_too(machine: Machine, toys: Toys) -> None:
    machine.accounts["bob"] = "/home/bob"
    needing = toys.Scripted({"a": toys.Item(needs=(Need(BOB),))}, kind="toy_needing")
    changing = toys.Scripted({"z": toys.Item(provides=(BOB,), seen=Seen(fields={"value": "old"}))}, kind="toy_users")
    plan = machine.plan({DISTRO: [needing, changing]})
    assert things(plan) == ["toy_users z", "toy_needing a"]
    assert plan.changes[1].needs == (plan.changes[0].id,)


def test_what_holds_is_not_undone_by_a_provider_that_is_blocked(machine: Machine, toys: Toys) -> None:
    machine.accounts["bob"] = "/home/bob"
    blocked = toys.Scripted({"bob": toys.Item(provides=(BOB,), parts=Blocked("no way"))}, kind="toy_users")
    plan = machine.plan({DISTRO: [toys.Scripted({"x": toys.Item(needs=(Need(BOB),))}), blocked]})
    assert states(plan) == {"x": State.ADD, "bob": State.BLOCKED}


def test_an_item_in_sync_provides_what_the_facts_of_the_needing_one_cannot_tell(machine: Machine, toys: Toys) -> None:
    """Nobody asked whether bob exists."""
    seen = Seen(fields={"value": "wanted"})
    providing = toys.Scripted({"bob": toys.Item(provides=(BOB,), seen=seen)}, kind="toy_providing")
    toy = toys.Scripted({"x": toys.Item(needs=(Need(BOB),))})
    toy.wanted_facts = frozenset  # type: ignore[method-assign]
    assert states(machine.plan({DISTRO: [toy, providing]}))["x"] is State.ADD


def test_what_nobody_asked_for_and_nobody_provides_is_unknown_not_a_crash(machine: Machine, toys: Toys) -> None:
    toy = toys.Scripted({"x": toys.Item(needs=(Need(BOB),))})
    toy.wanted_facts = frozenset  # type: ignore[method-assign]
    plan = machine.plan({DISTRO: [toy]})
    assert (item(plan, "x").state, item(plan, "x").why) == (State.UNKNOWN, "the user bob could not be read")


def test_a_claim_that_cannot_be_read_makes_the_item_unknown(machine: Machine, toys: Toys) -> None:
    machine.directory("/etc/closed/inner")
    machine.secretive.add("/etc/closed")
    toy = toys.Scripted({"x": toys.Item(needs=(Need(Path("/etc/closed/inner")),))})
    plan = machine.plan({DISTRO: [toy]}, elevated=False)
    assert item(plan, "x").state is State.UNKNOWN
    assert item(plan, "x").why == "the directory /etc/closed/inner could not be read"


@pytest.mark.parametrize(
    ("provider", "state", "why"),
    [
        (
            {"parts": Blocked("no way")},
            State.BLOCKED,
            "needs the user bob, and lt/main:toy_providing:bob is blocked: no way",
        ),
        (
            {"parts": NotApplicable("not here")},
            State.BLOCKED,
            "needs the user bob, and lt/main:toy_providing:bob is not applicable: not here",
        ),
        (
            {"seen": Unknown("too large")},
            State.UNKNOWN,
            "needs the user bob, and lt/main:toy_providing:bob is unknown: too large",
        ),
    ],
)
def test_what_becomes_of_the_provider_is_passed_on(
    machine: Machine, toys: Toys, provider: dict[str, object], state: State, why: str
) -> None:
    needing = toys.Scripted({"x": toys.Item(needs=(Need(BOB, otherwise=(RunCommand(argv=("useradd",)),)),))})
    providing = toys.Scripted({"bob": toys.Item(provides=(BOB,), **provider)}, kind="toy_providing")
    plan = machine.plan({DISTRO: [needing, providing]})
    assert (item(plan, "x").state, item(plan, "x").why) == (state, why)
    assert plan.changes == ()


def test_unknown_for_want_of_root_is_passed_on_with_the_want(machine: Machine, toys: Toys) -> None:
    own = toys.Scripted({"x": toys.Item(needs=(Need(BOB),))}, kind="toy_needing")
    providing = toys.Scripted({"bob": toys.Item(provides=(BOB,), seen=Unknown("needs root"))}, kind="toy_providing")
    assert item(machine.plan({DISTRO: [own, providing]}, elevated=False), "x").elevation


def test_a_chain_of_needs_falls_as_a_whole(machine: Machine, toys: Toys) -> None:
    """Whatever the order in which they are written down."""
    names = [f"{number:02}" for number in range(30)]
    items = {
        name: toys.Item(
            provides=(Path(f"/p/{name}"),),
            needs=(Need(Path(f"/p/{names[index + 1]}")),) if index + 1 < len(names) else (),
            parts=Blocked("the last") if index + 1 == len(names) else None,
        )
        for index, name in enumerate(names)
    }
    plan = machine.plan({DISTRO: [toys.Scripted(items)]})
    assert set(states(plan).values()) == {State.BLOCKED}


def test_a_removed_item_provides_nothing(machine: Machine, toys: Toys) -> None:
    gone = toys.Scripted(
        {"bob": toys.Item(value=None, seen=Seen(fields={"value": "x"}), provides=(BOB,))}, kind="toy_users"
    )
    plan = machine.plan({DISTRO: [gone, toys.Scripted({"x": toys.Item(needs=(Need(BOB),))})]})
    assert states(plan) == {"bob": State.REMOVE, "x": State.BLOCKED}


def test_what_a_later_layer_provides_comes_too_late(machine: Machine, toys: Toys) -> None:
    """The distro is changed before its users."""
    needing = toys.Scripted({"x": toys.Item(needs=(Need(BOB, otherwise=(RunCommand(argv=("useradd",)),)),))})
    providing = toys.Scripted({"bob": toys.Item(provides=(BOB,))}, kind="toy_providing")
    plan = machine.plan({DISTRO: [needing], ALICE: [providing]})
    assert states(plan) == {"x": State.BLOCKED, "bob": State.ADD}
    assert item(plan, "x").why == "needs the user bob, which lt/main/alice:toy_providing:bob provides only later"


def test_what_an_earlier_layer_provides_is_waited_for(machine: Machine, toys: Toys) -> None:
    needing = toys.Scripted({"x": toys.Item(needs=(Need(BOB),))})
    providing = toys.Scripted({"bob": toys.Item(provides=(BOB,))}, kind="toy_providing")
    plan = machine.plan({DISTRO: [providing], ALICE: [needing]})
    assert plan.changes[1].needs == (plan.changes[0].id,)


def test_another_machine_provides_nothing(machine: Machine, toys: Toys) -> None:
    needing = toys.Scripted({"x": toys.Item(needs=(Need(BOB),))})
    providing = toys.Scripted({"bob": toys.Item(provides=(BOB,))}, kind="toy_providing")
    plan = machine.plan({DISTRO: [needing], Target("lt", "second"): [providing]})
    assert states(plan)["x"] is State.BLOCKED


# ---- in force


def test_what_needs_systemd_now_waits_for_the_restart_that_brings_it(machine: Machine, toys: Toys) -> None:
    plan = machine.plan({DISTRO: [toys.service(), wsl_conf({"boot.systemd": True})]})
    assert states(plan) == {"docker": State.WAITING, "boot.systemd": State.ADD}
    assert item(plan, "docker").why == (
        "waits for a running systemd: lt/main:wsl_conf:boot.systemd takes effect at wsl --terminate"
    )
    assert things(plan) == ["/etc/wsl.conf"]


def test_it_waits_also_when_the_setting_is_written_and_pending(machine: Machine, toys: Toys) -> None:
    machine.file("/etc/wsl.conf", "[boot]\nsystemd=true\n")
    plan = machine.plan({DISTRO: [toys.service(), wsl_conf({"boot.systemd": True})]})
    assert states(plan) == {"docker": State.WAITING, "boot.systemd": State.PENDING}


def test_once_it_runs_it_goes_ahead(machine: Machine, toys: Toys) -> None:
    machine.file("/etc/wsl.conf", "[boot]\nsystemd=true\n")
    machine.life = replace(machine.life, systemd=True)
    plan = machine.plan({DISTRO: [toys.service(), wsl_conf({"boot.systemd": True})]})
    assert states(plan) == {"docker": State.ADD, "boot.systemd": State.IN_SYNC}


def test_without_anybody_who_switches_it_on_it_is_blocked(machine: Machine, toys: Toys) -> None:
    plan = machine.plan({DISTRO: [toys.service()]})
    assert item(plan, "docker").why == "needs a running systemd, which is not there and nobody declares"


def test_at_rest_nothing_waits(machine: Machine, toys: Toys) -> None:
    machine.life = replace(machine.life, at_rest=True)
    plan = machine.plan({DISTRO: [toys.service(), wsl_conf({"boot.systemd": True})]})
    assert set(states(plan).values()) == {State.ADD}


def test_waiting_is_passed_on(machine: Machine, toys: Toys) -> None:
    waiting = toys.Scripted(
        {"docker": toys.Item(needs=(Need(Running("systemd")),), provides=(BOB,))}, kind="toy_services"
    )
    needing = toys.Scripted({"image": toys.Item(needs=(Need(BOB),))})
    plan = machine.plan({DISTRO: [needing, waiting, wsl_conf({"boot.systemd": True})]})
    assert states(plan) == {"image": State.WAITING, "docker": State.WAITING, "boot.systemd": State.ADD}


def test_a_setting_counts_once_it_is_written(machine: Machine, toys: Toys) -> None:
    """In force or not: the reader comes after the file, in the same apply."""
    plan = machine.plan({DISTRO: [toys.reader(), wsl_conf({"boot.systemd": True})]})
    assert states(plan) == {"reader": State.ADD, "boot.systemd": State.ADD}
    assert things(plan) == ["/etc/wsl.conf", "toy_readers reader"]
    assert plan.changes[1].claims == (Setting("boot.systemd", "true"),)


def test_a_setting_with_another_value_does_not_count(machine: Machine, toys: Toys) -> None:
    machine.file("/etc/wsl.conf", "[boot]\nsystemd=false\n")
    plan = machine.plan({DISTRO: [toys.reader()]})
    assert item(plan, "reader").why == "needs wsl_conf boot.systemd = true, which is not there and nobody declares"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("boot.systemd", True),
        ("filesystem.umask", "022"),
        ("filesystem.umask", "0077"),
        ("automount.root", "/mnt"),
        ("automount.root", "/drives/"),
        ("automount.options", "metadata,umask=022"),
        ("boot.command", 'echo "a # b" \\ c'),
        ("automount.cgroups", "v1"),
        ("boot.initTimeout", 5000),
        ("network.hostname", "lt"),
    ],
)
def test_a_setting_that_is_provided_holds_once_it_is_written(
    machine: Machine, toys: Toys, name: str, value: object
) -> None:
    conf = wsl_conf({name: value})
    (claim,) = (claim for claim in conf.want(name, value).provides if isinstance(claim, Setting))
    assert machine.apply(machine.plan({DISTRO: [conf]})) == {}
    assert claim.holds(machine.sheet(claim.facts()))


# ---- tasks for what nobody provides


def test_missing_parents_are_made_from_the_top_down(machine: Machine) -> None:
    plan = machine.plan({DISTRO: [files("/opt/a/b/c.txt")]})
    assert things(plan) == ["/opt/a", "/opt/a/b", "/opt/a/b/c.txt"]
    assert machine.apply(plan) == {}
    assert machine.nodes["/opt/a"].mode == 0o755


def test_several_files_make_their_common_parents_once(machine: Machine) -> None:
    plan = machine.plan({DISTRO: [files("/opt/a/1", "/opt/a/2", "/opt/a/b/3")]})
    assert things(plan) == ["/opt/a", "/opt/a/b", "/opt/a/1", "/opt/a/2", "/opt/a/b/3"]
    assert [len(change.tasks) for change in plan.changes] == [1] * 5
    assert [address.item for address in plan.changes[0].addresses] == ["/opt/a/1", "/opt/a/2", "/opt/a/b/3"]
    assert {change.thing: change.needs for change in plan.changes}["/opt/a/b/3"] == (
        "lt/main:/opt/a",
        "lt/main:/opt/a/b",
    )
    assert machine.apply(plan) == {}


def test_what_is_made_on_the_way_is_in_force_at_once_and_risks_nothing(machine: Machine, toys: Toys) -> None:
    risky = toys.lines(
        {"a": "1"}, path="/opt/new/conf", effect=Effect.TERMINATE, risks=frozenset({Risk.RUNS_CODE_LATER})
    )
    plan = machine.plan({DISTRO: [risky]})
    made, written = plan.changes
    assert (made.thing, made.effect, made.risks, made.digests) == ("/opt/new", Effect.NOW, frozenset(), {})
    assert (written.effect, len(written.digests)) == (Effect.TERMINATE, 1)
    assert plan.items[0].change == written.id


def test_a_program_that_is_due_runs_first_and_once(machine: Machine, toys: Toys) -> None:
    need = Need(BOB, otherwise=(RunCommand(argv=("useradd", "bob")),))
    plan = machine.plan({DISTRO: [toys.Scripted({"a": toys.Item(needs=(need,)), "b": toys.Item(needs=(need,))})]})
    assert things(plan) == ["the user bob", "toy a", "toy b"]
    assert [change.needs for change in plan.changes] == [(), ("lt/main:the user bob",), ("lt/main:the user bob",)]
    assert machine.apply(plan) == {}
    assert machine.ran == [("useradd", "bob"), ("write", "a"), ("write", "b")]


def test_a_directory_item_provides_its_path_to_what_is_below(machine: Machine) -> None:
    """Nobody makes it with other rights before it is made."""
    plan = machine.plan({DISTRO: [files("/opt/a/b/c.txt"), directories({"/opt/a": OwnedDirectory(mode="0700")})]})
    assert things(plan) == ["/opt/a", "/opt/a/b", "/opt/a/b/c.txt"]
    made = [task for change in plan.changes for task in change.tasks if isinstance(task, MakeDirectory)]
    assert [(task.path, task.mode) for task in made] == [("/opt/a", 0o700), ("/opt/a/b", 0o755)]


@pytest.mark.parametrize("folder", ["~/src", "/home/alice/src"])
@pytest.mark.parametrize("below", ["~/src/notes.txt", "/home/alice/src/notes.txt"])
def test_a_home_may_be_written_either_way(machine: Machine, folder: str, below: str) -> None:
    """What is in a home is meant by its full name."""
    resources = [files(below, layer=Layer.USER), directories({folder: Directory(mode="0700")}, Layer.USER)]
    plan = machine.plan({ALICE: resources})
    assert things(plan) == ["/home/alice/src", "/home/alice/src/notes.txt"]
    assert [type(task) for task in plan.changes[1].tasks if isinstance(task, MakeDirectory)] == []


def test_a_directory_item_provides_its_path_under_every_name_of_it(machine: Machine) -> None:
    machine.directory("/data")
    machine.link("/opt/data", "/data")
    resources = [files("/opt/data/a/x"), directories({"/data/a": OwnedDirectory(mode="0700")})]
    plan = machine.plan({DISTRO: resources})
    assert [len(change.tasks) for change in plan.changes] == [1, 1]
    assert machine.apply(plan) == {}
    assert machine.nodes["/data/a"].mode == 0o700


@pytest.mark.parametrize("folder", ["/data/a", "/opt/data/a"])
def test_a_blocked_directory_blocks_under_every_name_of_it(machine: Machine, folder: str) -> None:
    machine.directory("/data")
    machine.link("/opt/data", "/data")
    plan = machine.plan({DISTRO: [files("/opt/data/a/x"), directories({folder: OwnedDirectory(owner="nobody-here")})]})
    assert plan.changes == ()
    assert item(plan, "/opt/data/a/x").state is State.BLOCKED


@pytest.mark.parametrize("folder", ["~/src", "/home/alice/src"])
def test_a_blocked_directory_in_a_home_blocks_either_way(machine: Machine, toys: Toys, folder: str) -> None:
    blocked = toys.Scripted({"src": toys.Item(provides=(Path(folder),), parts=Blocked("no way"))})
    for below in ("~/src/notes.txt", "/home/alice/src/notes.txt"):
        plan = machine.plan({ALICE: [files(below, layer=Layer.USER), blocked]})
        assert (plan.changes, item(plan, below).state) == ((), State.BLOCKED)


def test_what_is_below_a_blocked_directory_is_blocked_and_does_not_make_it(machine: Machine) -> None:
    plan = machine.plan(
        {DISTRO: [files("/opt/a/b/c.txt"), directories({"/opt/a": OwnedDirectory(owner="nobody-here")})]}
    )
    assert states(plan) == {"/opt/a/b/c.txt": State.BLOCKED, "/opt/a": State.BLOCKED}
    assert plan.changes == ()


def test_a_directory_that_is_there_and_only_cannot_be_changed_blocks_nobody(machine: Machine, toys: Toys) -> None:
    machine.directory("/opt/a")
    seen = Seen(fields={"value": "old"})
    folder = toys.Item(seen=seen, provides=(Path("/opt/a"),), parts=Blocked("no way"))
    plan = machine.plan({DISTRO: [files("/opt/a/x"), toys.Scripted({"a": folder})]})
    assert states(plan) == {"/opt/a/x": State.ADD, "a": State.BLOCKED}


@pytest.mark.parametrize("path", ["/opt/a/x", "/opt/a/b/x"])
def test_a_file_in_place_of_a_parent_blocks(machine: Machine, path: str) -> None:
    machine.file("/opt/a", "I am a file")
    plan = machine.plan({DISTRO: [files(path)]})
    assert (item(plan, path).state, item(plan, path).why) == (
        State.BLOCKED,
        "needs the directory /opt/a, which is a file",
    )


def test_a_dangling_link_in_place_of_a_parent_blocks(machine: Machine) -> None:
    machine.link("/opt/a", "/nowhere")
    plan = machine.plan({DISTRO: [files("/opt/a/x")]})
    assert item(plan, "/opt/a/x").state is State.BLOCKED
    assert item(plan, "/opt/a/x").why == "needs the directory /opt/a, which is a link to /nowhere"


# ---- links


def links(items: dict[str, str], layer: Layer = Layer.DISTRO) -> Symlinks:
    return Symlinks(items=items, options={}, layer=layer)


def test_a_link_in_sync_that_leads_nowhere_provides_nothing(machine: Machine) -> None:
    machine.link("/opt/go", "/opt/gone")
    plan = machine.plan({DISTRO: [files("/opt/go/VERSION"), links({"/opt/go": "/opt/gone"})]})
    assert states(plan) == {"/opt/go/VERSION": State.BLOCKED, "/opt/go": State.IN_SYNC}
    assert item(plan, "/opt/go/VERSION").why == "needs the directory /opt/go, which is a link to /opt/gone"


def test_a_link_below_a_directory_item_comes_after_it(machine: Machine) -> None:
    plan = machine.plan({DISTRO: [links({"/opt/a/link": "/etc"}), directories({"/opt/a": OwnedDirectory()})]})
    assert things(plan) == ["/opt/a", "/opt/a/link"]
    assert machine.apply(plan) == {}
