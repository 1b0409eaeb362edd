"""The order of changes: needs first, parents before children, backwards for what goes; then one table."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from reconciler.model.address import Layer, Target
from reconciler.model.claims import Need, Path
from reconciler.model.errors import DocumentError
from reconciler.model.facts import PathType
from reconciler.model.plan import Change
from reconciler.model.tasks import Base, MakeDirectory, MakeLink, Remove, RunCommand, Task, WriteFile
from reconciler.model.values import ABSENT
from reconciler.planning.order import ordered
from reconciler.resources.any.directories import Directories, OwnedDirectory
from reconciler.resources.any.files import File, Files

if TYPE_CHECKING:
    from tests.planning.conftest import Toys
    from tests.planning.simulated_machine import Machine

DISTRO = Target("lt", "main")
ALICE = Target("lt", "main", "alice")
MISSING = Base(type=PathType.MISSING)


def change(thing: str, task: Task | None = None, *, target: Target = DISTRO, needs: tuple[str, ...] = ()) -> Change:
    return Change(
        id=f"{target}:{thing}", target=target, thing=thing, addresses=(), tasks=(task or made(thing),), needs=needs
    )


def made(path: str) -> Task:
    return MakeDirectory(path=path)


def written(path: str) -> Task:
    return WriteFile(path=path, content=b"", base=MISSING)


def names(changes: list[Change], removals: set[str] | None = None) -> list[str]:
    return [change.thing for change in ordered(changes, removals or set())]


def test_parents_come_before_children(machine: Machine) -> None:
    folders = ["/opt/b/c/d", "/opt/a", "/opt/b", "/opt/b/c"]
    plan = machine.plan(
        {DISTRO: [Directories(items=dict.fromkeys(folders, OwnedDirectory()), options={}, layer=Layer.DISTRO)]}
    )
    assert [entry.thing for entry in plan.changes] == ["/opt/a", "/opt/b", "/opt/b/c", "/opt/b/c/d"]


def test_of_what_goes_children_come_before_parents(machine: Machine) -> None:
    machine.directory("/opt/b/c/d")
    folders = ["/opt/b", "/opt/b/c", "/opt/b/c/d"]
    plan = machine.plan({DISTRO: [Directories(items=dict.fromkeys(folders, ABSENT), options={}, layer=Layer.DISTRO)]})
    assert [entry.thing for entry in plan.changes] == ["/opt/b/c/d", "/opt/b/c", "/opt/b"]
    assert machine.apply(plan) == {}


def test_a_parent_is_needed_not_only_earlier() -> None:
    """Where it fails, what is below is not tried."""
    changes = ordered([change("/opt/b/c"), change("/opt/b")], set())
    assert changes[1].needs == ("lt/main:/opt/b",)


def test_a_grandparent_is_waited_for_also_where_no_parent_is_changed() -> None:
    assert names([change("/opt/b/c/d", written("/opt/b/c/d")), change("/opt/b")]) == ["/opt/b", "/opt/b/c/d"]


def test_names_that_only_begin_alike_are_no_parents() -> None:
    (first, second) = ordered([change("/opt/b"), change("/opt/bc")], set())
    assert (first.needs, second.needs) == ((), ())


def test_what_is_no_path_has_no_parents() -> None:
    assert names([change("units"), change("a/b")]) == ["a/b", "units"]


def test_the_root_is_above_everything() -> None:
    assert names([change("/opt"), change("/", written("/"))]) == ["/", "/opt"]


def test_ties_go_by_what_is_done_then_by_name() -> None:
    changes = [
        change("/x/5", Remove(path="/x/5", base=MISSING)),
        change("run", RunCommand(argv=("x",))),
        change("/x/4", MakeLink(path="/x/4", target="/", base=MISSING)),
        change("/x/3", written("/x/3")),
        change("/x/2"),
        change("/x/1"),
    ]
    assert names(changes, {"lt/main:/x/5"}) == ["/x/1", "/x/2", "/x/3", "/x/4", "run", "/x/5"]


def test_the_distro_comes_before_its_users() -> None:
    assert names([change("/a", target=ALICE), change("/z")]) == ["/z", "/a"]


def test_a_need_outweighs_the_table_within_a_layer() -> None:
    last = change("/a", needs=("lt/main:run",))
    assert names([last, change("run", RunCommand(argv=("x",)))]) == ["run", "/a"]


def test_no_layer_waits_for_a_path_of_a_later_one() -> None:
    """Layers are changed one after the other, whatever the paths say."""
    (first, second) = ordered([change("/opt/a", target=ALICE), change("/opt/a/b")], set())
    assert (first.thing, first.needs) == ("/opt/a/b", ())
    assert second.needs == ()


def test_a_later_layer_waits_for_the_paths_of_an_earlier_one() -> None:
    (_, second) = ordered([change("/opt/a/b", target=ALICE), change("/opt/a")], set())
    assert second.needs == ("lt/main:/opt/a",)


def test_a_mount_comes_after_its_directory_and_before_its_removal() -> None:
    mount = change("/opt/m", RunCommand(argv=("mount",)))
    live = Change(id="live", target=DISTRO, thing="/opt/m", addresses=(), tasks=mount.tasks)
    made_first = ordered([live, change("/opt/m")], set())
    assert [(entry.id, entry.needs) for entry in made_first] == [("lt/main:/opt/m", ()), ("live", ("lt/main:/opt/m",))]
    gone = change("/opt/m", Remove(path="/opt/m", base=MISSING))
    gone_last = ordered([gone, live], {"live", gone.id})
    assert [(entry.id, entry.needs) for entry in gone_last] == [("live", ()), ("lt/main:/opt/m", ("live",))]


@pytest.mark.parametrize("seed", range(20))
def test_the_order_does_not_depend_on_the_order_of_writing(seed: int) -> None:
    paths = [f"/{a}/{b}" for a in "abc" for b in "xyz"] + ["/a", "/b", "/c"]
    changes = [change(path, written(path) if "x" in path else None) for path in paths]
    expected = names(changes)
    random.Random(seed).shuffle(changes)
    assert names(changes) == expected


def test_what_needs_each_other_is_an_error_that_names_the_chain(machine: Machine, toys: Toys) -> None:
    """In the order of the chain, and from its smallest name, so that it reads the same every time."""
    items = {
        "a": toys.Item(provides=(Path("/p/a"),), needs=(Need(Path("/p/b")),)),
        "b": toys.Item(provides=(Path("/p/b"),), needs=(Need(Path("/p/c")),)),
        "c": toys.Item(provides=(Path("/p/c"),), needs=(Need(Path("/p/a")),)),
        "outside": toys.Item(needs=(Need(Path("/p/a")),)),
        "free": toys.Item(),
    }
    with pytest.raises(DocumentError) as error:
        machine.plan({DISTRO: [toys.Scripted(items)]})
    (found,) = error.value.problems
    assert found.what == (
        "these changes need each other: lt/main:toy a → lt/main:toy b → lt/main:toy c → lt/main:toy a"
    )
    assert found.fix == "take one of them out of the circle"


def test_what_only_hangs_on_a_circle_is_not_named(machine: Machine, toys: Toys) -> None:
    items = {
        "a": toys.Item(needs=(Need(Path("/p/x")),)),
        "x": toys.Item(provides=(Path("/p/x"),), needs=(Need(Path("/p/y")),)),
        "y": toys.Item(provides=(Path("/p/y"),), needs=(Need(Path("/p/x")),)),
    }
    with pytest.raises(DocumentError) as error:
        machine.plan({DISTRO: [toys.Scripted(items)]})
    assert error.value.problems[0].what.endswith("lt/main:toy x → lt/main:toy y → lt/main:toy x")


def test_an_item_that_provides_what_it_needs_is_no_circle(machine: Machine, toys: Toys) -> None:
    need = Need(Path("/p"), otherwise=(MakeDirectory(path="/p"),))
    plan = machine.plan({DISTRO: [toys.Scripted({"a": toys.Item(provides=(Path("/p"),), needs=(need,))})]})
    assert [entry.thing for entry in plan.changes] == ["/p", "toy a"]


def test_a_file_is_written_after_the_directory_it_needs_in_the_other_layer(machine: Machine) -> None:
    """What both layers need is made by the first."""
    own = Files(items={"/opt/shared/alice/x": File(content="x")}, options={}, layer=Layer.USER)
    folder = OwnedDirectory(owner="alice")
    theirs = Directories(items={"/opt/shared/alice": folder}, options={}, layer=Layer.DISTRO)
    plan = machine.plan({DISTRO: [theirs], ALICE: [own]})
    assert [(str(entry.target), entry.thing) for entry in plan.changes] == [
        ("lt/main", "/opt/shared"),
        ("lt/main", "/opt/shared/alice"),
        ("lt/main/alice", "/opt/shared/alice/x"),
    ]
    assert plan.changes[2].needs == (plan.changes[0].id, plan.changes[1].id)
    assert machine.apply(plan) == {}
