"""The plan as a whole: what it writes, it leaves alone the next time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from reconciler.model.address import Address, Layer, Target
from reconciler.model.desired import DesiredItems, DesiredKind, Withheld
from reconciler.model.errors import DocumentError
from reconciler.model.facts import PathType
from reconciler.model.plan import Plan
from reconciler.model.resource import Resource
from reconciler.model.states import Exit, State, TargetState
from reconciler.model.tree import Origin
from reconciler.model.values import ABSENT, UNMANAGED
from reconciler.planning.inputs import Inputs, TargetInput
from reconciler.planning.plan import plan
from reconciler.resources.any.directories import Directories, Directory, OwnedDirectory
from reconciler.resources.any.files import File, Files, OwnedFile
from reconciler.resources.any.symlinks import Symlinks
from yardstick import yardsticks

if TYPE_CHECKING:
    from tests.planning.conftest import Toys
    from tests.planning.simulated_machine import Machine

DISTRO = Target("lt", "main")
ALICE = Target("lt", "main", "alice")
HOME = "/home/alice"
KEY = b"k" * 32

NAMES = st.sampled_from(["a", "b", "link"])


def paths(top: str) -> st.SearchStrategy[str]:
    return st.lists(NAMES, min_size=1, max_size=3).map(lambda parts: "/".join([top, *parts]))


MODES = st.sampled_from([None, "0600", "644", "0755"])
CONTENTS = st.sampled_from(["", "x\n", "y\r\nz\n"])
OWNERS = st.sampled_from([None, "root", "alice", "nobody-here"])
TARGETS = st.sampled_from(["/opt/a", "/opt/b/a", "a", "../b", "/nowhere", f"{HOME}/a"])


FOLLOW = st.booleans()
OWNED_FILES = st.one_of(
    st.builds(OwnedFile, content=CONTENTS, mode=MODES, owner=OWNERS, group=st.none(), follow=FOLLOW),
    st.builds(OwnedFile, mode=st.just("0600")),
)
OWN_FILES = st.builds(File, content=CONTENTS, mode=MODES, follow=FOLLOW)
OWNED_DIRECTORIES = st.builds(OwnedDirectory, mode=MODES, owner=OWNERS)
OWN_DIRECTORIES = st.builds(Directory, mode=MODES)


@st.composite
def resources(draw: st.DrawFn) -> dict[Target, list[Resource]]:
    """In both layers, and no path twice; what one thing makes impossible for another is left to chance."""

    def three(layer: Layer, keys: st.SearchStrategy[str], *values: st.SearchStrategy[object]) -> list[Resource]:
        items: list[dict[str, object]] = [{}, {}, {}]
        for key, kind in draw(st.dictionaries(keys, st.sampled_from([0, 1, 2, 2]), max_size=5)).items():
            items[kind][key] = draw(st.one_of(*[values[kind]] * 4, st.just(ABSENT), st.just(UNMANAGED)))
        kinds = (Files, Symlinks, Directories)
        return [kind(items=mine, options={}, layer=layer) for kind, mine in zip(kinds, items, strict=True)]

    own = st.one_of(paths("~"), paths(HOME))
    return {
        DISTRO: three(Layer.DISTRO, paths("/opt"), OWNED_FILES, TARGETS, OWNED_DIRECTORIES),
        ALICE: three(Layer.USER, own, OWN_FILES, TARGETS, OWN_DIRECTORIES),
    }


THINGS = st.dictionaries(
    st.one_of(paths("/opt"), paths(HOME)),
    st.one_of(
        st.tuples(st.just("directory"), st.sampled_from([0o755, 0o700, 0o777])),
        st.tuples(st.just("file"), CONTENTS),
        st.tuples(st.just("link"), TARGETS),
        st.tuples(st.just("odd"), st.just(PathType.FIFO)),
    ),
    max_size=6,
)


def furnish(machine: Machine, things: dict[str, tuple[str, object]]) -> None:
    """Only what fits: nothing stands below what is no directory."""
    for path, (kind, what) in sorted(things.items()):
        above = path.rsplit("/", 1)[0]
        if above in machine.nodes and machine.nodes[above].type is PathType.DIRECTORY:
            getattr(machine, kind)(path, what)


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(wanted=resources(), things=THINGS)
def test_what_a_plan_writes_is_in_sync_in_the_next(
    machines: type[Machine], wanted: dict[Target, list[Resource]], things: dict[str, tuple[str, object]]
) -> None:
    machine = machines()
    furnish(machine, things)
    try:
        first = machine.plan(wanted)
    except DocumentError:
        event("the documents contradict themselves")
        return
    failed = machine.apply(first)
    check_failures(machine, first, failed)
    if failed:
        event("a directory was not empty")
        return
    try:
        second = machine.plan(wanted)
    except DocumentError:
        assert any(item.address.kind == "symlinks" and item.state.is_write for item in first.items)
        event("a new link leads two items to one place")
        return
    before = {item.address: item.state for item in first.items}
    after = {item.address: item for item in second.items}
    written = [address for address, state in before.items() if state.is_write]
    event(f"{min(len(written), 3)} or more written" if written else "nothing written")
    assert {address: after[address].state for address in written} == dict.fromkeys(written, State.IN_SYNC)
    # What was blocked behind something that now stands may go ahead; nothing that was in sync is touched.
    assert all(before[item.address] in (State.BLOCKED, State.UNKNOWN) for item in second.items if item.state.is_write)


def check_failures(machine: Machine, planned: Plan, failed: dict[str, str]) -> None:
    """Whether a directory is empty is not known before; everything else is."""
    reasons = [why for why in failed.values() if not why.startswith("needs ")]
    assert all(why.endswith("is not empty") for why in reasons), failed


@settings(max_examples=200, deadline=None)
@given(wanted=resources(), things=THINGS)
def test_the_same_inputs_give_the_same_plan(
    machines: type[Machine], wanted: dict[Target, list[Resource]], things: dict[str, tuple[str, object]]
) -> None:
    machine = machines()
    furnish(machine, things)
    try:
        assert machine.plan(wanted) == machine.plan(wanted)
    except DocumentError as first:
        with pytest.raises(DocumentError) as second:
            machine.plan(wanted)
        assert second.value.problems == first.problems


# ---- targets


def test_what_is_withheld_is_unknown_or_blocked_with_its_reason(machine: Machine) -> None:
    addresses = [Address(DISTRO, "files", "/opt/a"), Address(DISTRO, "files", "/opt/b")]
    desired = DesiredItems(
        target=DISTRO,
        kinds={},
        origins={address: Origin("a.yaml", number, 1) for number, address in enumerate(addresses, start=1)},
        withheld={
            addresses[0]: Withheld("there is no default route"),
            addresses[1]: Withheld("no secret", blocked=True, fix="name it"),
        },
    )
    found = plan(
        Inputs(workstation="lt", targets=(TargetInput(target=DISTRO, desired=desired, sheet=machine.sheet(())),)), KEY
    )
    assert [(item.state, item.why, item.fix, item.origin.line if item.origin else 0) for item in found.items] == [
        (State.UNKNOWN, "there is no default route", None, 1),
        (State.BLOCKED, "no secret", "name it", 2),
    ]
    assert found.verdict() is Exit.BLOCKED


def unseen(state: TargetState, *, elevation: bool) -> Plan:
    items = {"/opt/a": File(content="x"), "/opt/b": UNMANAGED, "/opt/c": ABSENT}
    desired = DesiredItems(target=DISTRO, kinds={"files": DesiredKind(items=items)})
    entry = TargetInput(target=DISTRO, desired=desired, state=state, why="no sudo", elevation=elevation)
    return plan(Inputs(workstation="lt", targets=(entry,)), KEY)


def test_a_target_that_only_root_may_read_has_unknown_items() -> None:
    found = unseen(TargetState.REACHED, elevation=True)
    assert [(item.address.item, item.state, item.why) for item in found.items] == [
        ("/opt/a", State.UNKNOWN, "no sudo"),
        ("/opt/c", State.UNKNOWN, "no sudo"),
    ]
    assert found.needs == ("root on lt/main (apply has sudo ask)",)


@pytest.mark.parametrize(
    ("state", "expected", "strict"),
    [
        (TargetState.STOPPED, Exit.DONE, Exit.BLOCKED),
        (TargetState.NOT_HERE, Exit.DONE, Exit.BLOCKED),
        (TargetState.UNREACHABLE, Exit.UNREACHABLE, Exit.UNREACHABLE),
    ],
)
def test_a_target_that_was_not_looked_at_is_named_and_has_no_items(
    state: TargetState, expected: Exit, strict: Exit
) -> None:
    found = unseen(state, elevation=False)
    (target,) = found.targets
    assert (target.state, target.why, target.items) == (state, "no sudo", ())
    assert (found.verdict(), found.verdict(strict=True)) == (expected, strict)


def test_what_kinds_remark_and_documents_note_stands_with_the_target(machine: Machine, toys: Toys) -> None:
    toy = toys.Scripted({}, remarks=["/etc/x:3: a dead line"])
    desired = DesiredItems(target=DISTRO, kinds={}, notes=("an overlay ended",))
    entry = TargetInput(target=DISTRO, desired=desired, resources=(toy,), sheet=machine.sheet(()))
    (target,) = plan(Inputs(workstation="lt", targets=(entry,)), KEY).targets
    assert target.notes == ("an overlay ended", "/etc/x:3: a dead line")


def test_items_stand_in_the_order_of_the_documents(machine: Machine) -> None:
    files = Files(
        items={name: File(content="x") for name in ("/opt/z", "/opt/a", "/opt/m")}, options={}, layer=Layer.DISTRO
    )
    assert [item.address.item for item in machine.plan({DISTRO: [files]}).items] == ["/opt/z", "/opt/a", "/opt/m"]


# ---- size


def test_a_thousand_files_in_five_hundred_directories_take_little_time(machines: type[Machine]) -> None:
    machine = machines()
    folders = [f"/opt/top/{number // 20:02}/{number:03}" for number in range(500)]
    wanted = {
        DISTRO: [
            Directories(items=dict.fromkeys(folders, OwnedDirectory(mode="0750")), options={}, layer=Layer.DISTRO),
            Files(
                items={f"{folder}/{name}": OwnedFile(content=name) for folder in folders for name in "xy"},
                options={},
                layer=Layer.DISTRO,
            ),
        ]
    }
    plans = []
    taken = yardsticks(lambda: plans.append(machine.plan(wanted)))
    [first] = plans
    assert len(first.changes) == 1500 + 26
    assert machine.apply(first) == {}
    assert machine.plan(wanted).changes == ()
    assert taken < 100
