"""How each state of an item arises before its claims are looked at."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from reconciler.model.address import Address, Layer, Target
from reconciler.model.effects import EffectRecord
from reconciler.model.facts import NEEDS_ROOT, FileText, Host, PathType, RunningProcess
from reconciler.model.plan import ItemPlan, Plan
from reconciler.model.resource import Blocked, FileEdit, NotApplicable, Part, Seen, Unknown
from reconciler.model.secrets import Secret
from reconciler.model.states import Effect, Exit, Risk, State
from reconciler.model.values import ABSENT, UNMANAGED
from reconciler.planning.compare import item_digest, same

if TYPE_CHECKING:
    from tests.planning.conftest import Toys
    from tests.planning.simulated_machine import Machine

DISTRO = Target("lt", "main")
ALICE = Target("lt", "main", "alice")
CANARY = "hunter2-canary"


def only(plan: Plan) -> ItemPlan:
    (item,) = plan.items
    return item


# ---- what is on disk


def test_an_item_that_is_as_declared_is_in_sync_and_nothing_is_written(machine: Machine, toys: Toys) -> None:
    machine.file(toys.SHARED, "color=red\n")
    plan = machine.plan({DISTRO: [toys.lines({"color": "red"})]})
    assert only(plan).state is State.IN_SYNC
    assert plan.changes == ()
    assert plan.verdict() is Exit.DONE


def test_an_item_that_is_not_there_is_added(machine: Machine, toys: Toys) -> None:
    item = only(machine.plan({DISTRO: [toys.lines({"color": "red"})]}))
    assert item.state is State.ADD
    assert (item.before, item.after) == (None, {"value": "red"})
    assert [(diff.name, diff.before, diff.after) for diff in item.diffs] == [("value", None, "red")]


def test_an_item_that_differs_is_changed(machine: Machine, toys: Toys) -> None:
    machine.file(toys.SHARED, "color=blue\n")
    item = only(machine.plan({DISTRO: [toys.lines({"color": "red"})]}))
    assert item.state is State.CHANGE
    assert [(diff.before, diff.after) for diff in item.diffs] == [("blue", "red")]


def test_an_absent_item_that_is_there_is_removed(machine: Machine, toys: Toys) -> None:
    machine.file(toys.SHARED, "color=blue\n")
    item = only(machine.plan({DISTRO: [toys.lines({"color": ABSENT})]}))
    assert item.state is State.REMOVE
    assert [(diff.before, diff.after) for diff in item.diffs] == [("blue", None)]


def test_an_absent_item_that_is_not_there_is_in_sync(machine: Machine, toys: Toys) -> None:
    assert only(machine.plan({DISTRO: [toys.lines({"color": ABSENT})]})).state is State.IN_SYNC


def test_an_unmanaged_item_is_not_spoken_of(machine: Machine, toys: Toys) -> None:
    machine.file(toys.SHARED, "color=blue\n")
    assert machine.plan({DISTRO: [toys.lines({"color": UNMANAGED})]}).items == ()


def test_only_declared_fields_are_compared(machine: Machine, toys: Toys) -> None:
    seen = Seen(fields={"mode": "0644", "owner": "root"})
    toy = toys.Scripted({"x": toys.Item(value={"mode": "0644"}, seen=seen)})
    assert only(machine.plan({DISTRO: [toy]})).state is State.IN_SYNC


def test_before_is_the_whole_observed_item(machine: Machine, toys: Toys) -> None:
    seen = Seen(fields={"mode": "0600", "owner": "root"})
    item = only(machine.plan({DISTRO: [toys.Scripted({"x": toys.Item(value={"mode": "0644"}, seen=seen)})]}))
    assert item.before == {"mode": "0600", "owner": "root"}
    assert [diff.name for diff in item.diffs] == ["mode"]


@pytest.mark.parametrize(
    ("observed", "desired"), [(1, True), (0, False), ([1], [True]), ({"a": 0}, {"a": False}), ("1", 1), (None, False)]
)
def test_true_is_not_one(observed: object, desired: object) -> None:
    assert not same(observed, desired)
    assert not same(desired, observed)


def test_the_order_of_keys_makes_no_difference() -> None:
    assert same({"a": 1, "b": [True, None]}, {"b": [True, None], "a": 1})


# ---- pending


LIVE = Host(user="root", uid=0, home="/root", boot="boot-1", init_started=100)


def record(
    digest: str, effect: Effect = Effect.TERMINATE, *, started: int = 500, boot: str = "boot-1", init: int = 100
) -> EffectRecord:
    return EffectRecord(
        address="lt/main:toy_lines:color", effect=effect, digest=digest, boot=boot, init_started=init, started=started
    )


def state_with(
    machine: Machine, toys: Toys, found: EffectRecord, effect: Effect = Effect.TERMINATE, value: object = "red"
) -> State:
    machine.file(toys.SHARED, "color=red\n" if value == "red" else "")
    address = Address(DISTRO, "toy_lines", "color")
    return only(machine.plan({DISTRO: [toys.lines({"color": value}, effect=effect)]}, effects={address: found})).state


RED = item_digest({"value": "red"})


def test_what_was_written_in_this_life_of_the_machine_is_pending(machine: Machine, toys: Toys) -> None:
    assert state_with(machine, toys, record(RED)) is State.PENDING


def test_a_removal_is_pending_too(machine: Machine, toys: Toys) -> None:
    assert state_with(machine, toys, record(item_digest(None)), value=ABSENT) is State.PENDING


def test_a_change_that_nobody_recorded_counts_as_in_force(machine: Machine, toys: Toys) -> None:
    machine.file(toys.SHARED, "color=red\n")
    assert only(machine.plan({DISTRO: [toys.lines({"color": "red"}, effect=Effect.TERMINATE)]})).state is State.IN_SYNC


@pytest.mark.parametrize(
    "found", [record(RED, boot="boot-2"), record(RED, init=101), record(item_digest({"value": "blue"}))]
)
def test_a_record_of_another_life_or_another_value_does_not_count(
    machine: Machine, toys: Toys, found: EffectRecord
) -> None:
    assert state_with(machine, toys, found) is State.IN_SYNC


@pytest.mark.parametrize(
    ("effect", "kind", "started", "expected"),
    [
        (Effect.NEW_SESSION, "terminal", 499, State.PENDING),
        (Effect.NEW_SESSION, "terminal", 501, State.IN_SYNC),
        (Effect.NEW_SESSION, "editor", 499, State.IN_SYNC),
        (Effect.EDITOR_RELOAD, "editor", 499, State.PENDING),
        (Effect.EDITOR_RELOAD, "editor", 501, State.IN_SYNC),
        (Effect.EDITOR_RELOAD, "terminal", 499, State.IN_SYNC),
    ],
)
def test_sessions_and_editors_keep_a_change_pending_only_while_an_older_one_runs(
    machine: Machine, toys: Toys, effect: Effect, kind: str, started: int, expected: State
) -> None:
    machine.life = replace(machine.life, processes=(RunningProcess(kind=kind, started=started),))
    assert state_with(machine, toys, record(RED, effect), effect) is expected


def test_a_new_session_is_not_waited_for_where_no_session_runs(machine: Machine, toys: Toys) -> None:
    assert state_with(machine, toys, record(RED, Effect.NEW_SESSION), Effect.NEW_SESSION) is State.IN_SYNC


def test_an_item_that_takes_effect_at_once_is_not_pending_for_its_neighbours_in_the_file(
    machine: Machine, toys: Toys
) -> None:
    assert state_with(machine, toys, record(RED, Effect.TERMINATE), Effect.NOW) is State.IN_SYNC


def test_only_items_that_take_effect_later_leave_a_digest_for_the_record(machine: Machine, toys: Toys) -> None:
    later = toys.lines({"color": "red"}, effect=Effect.TERMINATE)
    now = toys.lines({"size": "9"}, kind="toy_others")
    (change,) = machine.plan({DISTRO: [later, now]}).changes
    assert change.effect is Effect.TERMINATE
    assert list(change.digests) == [Address(DISTRO, "toy_lines", "color")]


def test_the_digest_of_a_change_is_that_of_the_next_plan(machine: Machine, toys: Toys) -> None:
    """Though the item has more fields on the machine than were declared."""
    wanted = toys.Item(value={"mode": "0644"}, effect=Effect.TERMINATE)
    (change,) = machine.plan({DISTRO: [toys.Scripted({"x": wanted})]}).changes
    address = Address(DISTRO, "toy", "x")
    found = EffectRecord(
        address=str(address),
        effect=change.effect,
        digest=change.digests[address],
        boot="boot-1",
        init_started=100,
        started=5,
    )
    there = replace(wanted, seen=Seen(fields={"mode": "0644", "owner": "root"}))
    assert only(machine.plan({DISTRO: [toys.Scripted({"x": there})]}, effects={address: found})).state is State.PENDING


def test_what_runs_decides_where_it_can_be_seen(machine: Machine, toys: Toys) -> None:
    def state(running: object) -> State:
        seen = Seen(fields={"value": "wanted"}, running={"value": running})
        return only(machine.plan({DISTRO: [toys.Scripted({"x": toys.Item(seen=seen, effect=Effect.TERMINATE)})]})).state

    assert state("old") is State.PENDING
    assert state("wanted") is State.IN_SYNC


def test_what_runs_outweighs_a_record(machine: Machine, toys: Toys) -> None:
    address = Address(DISTRO, "toy", "x")
    seen = Seen(fields={"value": "wanted"}, running={"value": "wanted"})
    toy = toys.Scripted({"x": toys.Item(seen=seen, effect=Effect.TERMINATE)})
    found = record(item_digest({"value": "wanted"}))
    assert only(machine.plan({DISTRO: [toy]}, effects={address: found})).state is State.IN_SYNC


def test_at_rest_nothing_is_pending_and_all_takes_effect_at_once(machines: type[Machine], toys: Toys) -> None:
    machine = machines(replace(LIVE, at_rest=True, wsl=True))
    assert state_with(machine, toys, record(RED)) is State.IN_SYNC
    seen = Seen(fields={"value": "wanted"}, running={"value": "old"})
    toy = toys.Scripted({"x": toys.Item(seen=seen, effect=Effect.REBOOT)})
    plan = machine.plan({DISTRO: [toy, toys.lines({"size": "9"}, effect=Effect.TERMINATE)]})
    assert [item.state for item in plan.items] == [State.IN_SYNC, State.ADD]
    assert [change.effect for change in plan.changes] == [Effect.NOW]
    assert [dict(change.digests) for change in plan.changes] == [{}]
    assert plan.needs == ()


def test_pending_is_done_for_verify_and_a_difference_for_running(machine: Machine, toys: Toys) -> None:
    machine.file(toys.SHARED, "color=red\n")
    address = Address(DISTRO, "toy_lines", "color")
    plan = machine.plan(
        {DISTRO: [toys.lines({"color": "red"}, effect=Effect.TERMINATE)]}, effects={address: record(RED)}
    )
    assert (plan.verdict(), plan.verdict(running=True)) == (Exit.DONE, Exit.CHANGES)
    assert plan.needs == ("wsl --terminate",)


# ---- not read, refused, not here


def test_what_only_root_can_read_is_unknown_and_asks_for_root(machine: Machine, toys: Toys) -> None:
    machine.file(toys.SHARED, "color=blue\n")
    machine.secretive.add(toys.SHARED)
    plan = machine.plan({DISTRO: [toys.lines({"color": "red"})]}, elevated=False)
    item = only(plan)
    assert (item.state, item.why, item.elevation) == (State.UNKNOWN, NEEDS_ROOT, True)
    assert plan.needs == ("root on lt/main (apply has sudo ask)",)
    assert (plan.verdict(), plan.verdict(strict=True)) == (Exit.DONE, Exit.BLOCKED)


def test_what_cannot_be_read_for_another_reason_does_not_ask_for_root(machine: Machine, toys: Toys) -> None:
    item = only(machine.plan({DISTRO: [toys.Scripted({"x": toys.Item(seen=Unknown("larger than 1 MiB"))})]}))
    assert (item.state, item.why, item.elevation) == (State.UNKNOWN, "larger than 1 MiB", False)


def test_a_change_of_the_distro_by_somebody_else_than_root_is_marked(machine: Machine, toys: Toys) -> None:
    plan = machine.plan({DISTRO: [toys.lines({"color": "red"})]}, elevated=False)
    assert (only(plan).state, only(plan).elevation) == (State.ADD, True)
    assert plan.needs == ("root on lt/main (apply has sudo ask)",)


def test_a_change_of_ones_own_is_not(machine: Machine, toys: Toys) -> None:
    own = toys.lines({"color": "red"}, path="/home/alice/.shared", layer=Layer.USER)
    assert not only(machine.plan({ALICE: [own]}, elevated=False)).elevation


@pytest.mark.parametrize("refusal", ["seen", "parts"])
def test_a_kind_may_refuse_when_looking_and_when_writing(machine: Machine, toys: Toys, refusal: str) -> None:
    toy = toys.Scripted({"x": toys.Item(**{refusal: Blocked("a fifo is in the way", fix="move it")})})
    plan = machine.plan({DISTRO: [toy]})
    assert (only(plan).state, only(plan).why, only(plan).fix) == (State.BLOCKED, "a fifo is in the way", "move it")
    assert plan.changes == ()
    assert plan.verdict() is Exit.BLOCKED


@pytest.mark.parametrize("obstacle", [PathType.DIRECTORY, PathType.FIFO, PathType.DEVICE, PathType.SOCKET])
def test_no_file_is_written_in_place_of_something_else(machine: Machine, toys: Toys, obstacle: PathType) -> None:
    machine.odd(toys.SHARED, obstacle)
    item = only(machine.plan({DISTRO: [toys.lines({"color": "red"})]}))
    assert (item.state, item.why) == (State.BLOCKED, f"{toys.SHARED} is a {obstacle}, not a file")


def test_a_link_is_written_through_only_by_kinds_that_say_so(machine: Machine, toys: Toys) -> None:
    machine.file("/etc/real.conf", "color=blue\n")
    machine.link(toys.SHARED, "real.conf")
    refused = only(machine.plan({DISTRO: [toys.lines({"color": "red"})]}))
    assert (refused.state, refused.why) == (
        State.BLOCKED,
        f"{toys.SHARED} is a link to real.conf; a link is not written through here",
    )
    (change,) = machine.plan({DISTRO: [toys.lines({"color": "red"}, follow=True)]}).changes
    assert change.thing == "/etc/real.conf"


def test_a_dangling_link_blocks_also_where_links_are_followed(machine: Machine, toys: Toys) -> None:
    machine.link(toys.SHARED, "nowhere")
    item = only(machine.plan({DISTRO: [toys.lines({"color": "red"}, follow=True)]}))
    assert (item.state, item.why) == (State.BLOCKED, f"{toys.SHARED} is a link to nowhere, which does not exist")


@pytest.mark.parametrize("there", [True, False])
def test_root_keeps_out_of_what_others_can_write(machine: Machine, toys: Toys, there: bool) -> None:
    if there:
        machine.file("/home/alice/shared", "color=blue\n")
    toy = toys.lines({"color": "red"}, path="/home/alice/shared")
    item = only(machine.plan({DISTRO: [toy]}))
    assert item.state is State.BLOCKED
    assert item.why == "/home/alice can be written by others, so root keeps out: declare it under user:"


def test_a_path_that_cannot_be_looked_at_is_unknown(machine: Machine, toys: Toys) -> None:
    machine.directory("/etc/closed")
    machine.secretive.add("/etc/closed")
    item = only(machine.plan({DISTRO: [toys.lines({"color": "red"}, path="/etc/closed/conf")]}, elevated=False))
    assert (item.state, item.why, item.elevation) == (State.UNKNOWN, NEEDS_ROOT, True)


def test_a_file_that_only_planning_looks_at_is_unknown_in_the_same_way(machine: Machine, toys: Toys) -> None:
    """The kind sees its item elsewhere."""
    path = "/home/alice/closed"
    machine.file(path, "color=blue\n")
    machine.secretive.add(path)
    edit = FileEdit(path=path, codec=toys.Lines(), member="color", value="red")
    toy = toys.Scripted({"x": toys.Item(parts=(Part(thing=path, edits=(edit,)),), asks=(FileText(path),))})
    item = only(machine.plan({ALICE: [toy]}))
    assert (item.state, item.why, item.elevation) == (State.UNKNOWN, NEEDS_ROOT, True)


def test_a_kind_that_does_not_exist_here_is_not_applicable(machine: Machine, toys: Toys) -> None:
    plan = machine.plan({DISTRO: [toys.Scripted({"x": toys.Item(parts=NotApplicable("this is not WSL"))})]})
    assert (only(plan).state, only(plan).why) == (State.NOT_APPLICABLE, "this is not WSL")
    assert plan.verdict() is Exit.DONE


# ---- consent


RISKY = frozenset({Risk.RUNS_CODE_LATER})


def test_without_consent_only_the_risky_item_is_left_out_of_the_file(machine: Machine, toys: Toys) -> None:
    machine.file(toys.SHARED, "kept=1\n")
    risky = toys.lines({"hook": "evil"}, kind="toy_hooks", risks=RISKY)
    plan = machine.plan({DISTRO: [risky, toys.lines({"color": "red"})]}, allow=())
    assert [item.state for item in plan.items] == [State.BLOCKED, State.ADD]
    assert plan.items[0].why == "it runs code later"
    assert plan.items[0].fix == "review it, then add  --allow-exec=lt/main:toy_hooks:hook"
    assert machine.apply(plan) == {}
    assert machine.text(toys.SHARED) == "kept=1\ncolor=red\n"


@pytest.mark.parametrize("allow", [None, ("*",), ("lt/main:toy_hooks:*",), ("x", "lt/main:toy_hooks:hook[1]")])
def test_consent_is_by_glob_or_by_the_very_address(machine: Machine, toys: Toys, allow: tuple[str, ...] | None) -> None:
    risky = toys.lines({"hook[1]": "evil"}, kind="toy_hooks", risks=RISKY)
    assert only(machine.plan({DISTRO: [risky]}, allow=allow)).state is State.ADD


def test_what_is_in_place_needs_no_consent(machine: Machine, toys: Toys) -> None:
    machine.file(toys.SHARED, "hook=evil\n")
    risky = toys.lines({"hook": "evil"}, risks=RISKY)
    assert only(machine.plan({DISTRO: [risky]}, allow=())).state is State.IN_SYNC


@pytest.mark.parametrize("risk", [Risk.DELETES, Risk.CUTS_ACCESS])
def test_risks_that_do_not_run_code_are_shown_and_not_withheld(machine: Machine, toys: Toys, risk: Risk) -> None:
    toy = toys.Scripted({"x": toys.Item(value=None, seen=Seen(fields={"value": "old"}), risks=frozenset({risk}))})
    plan = machine.plan({DISTRO: [toy]}, allow=())
    assert only(plan).state is State.REMOVE
    assert only(plan).risks == plan.changes[0].risks == {risk}


# ---- implied items


def test_what_a_document_says_goes_before_what_is_brought_along(machine: Machine, toys: Toys) -> None:
    class Bringing(type(toys.lines({}))):  # type: ignore[misc]
        kind = "toy_bringing"

        def implied(self, sheet: object) -> dict[str, object]:
            return {"hook": "on", "color": "blue"}

    def plan(items: dict[str, object]) -> Plan:
        return machine.plan({DISTRO: [Bringing(items=items, options={}, layer=Layer.DISTRO)]})

    brought = plan({"color": "red"})
    assert [(item.address.item, item.after) for item in brought.items] == [
        ("color", {"value": "red"}),
        ("hook", {"value": "on"}),
    ]
    assert [item.address.item for item in plan({"color": "red", "hook": UNMANAGED}).items] == ["color"]


# ---- secrets


def test_a_secret_is_in_no_diff_no_text_and_no_repr(machine: Machine, toys: Toys) -> None:
    machine.file(toys.SHARED, f"proxy=old-{CANARY}\n")
    plan = machine.plan({DISTRO: [toys.lines({"proxy": Secret(f"new-{CANARY}", frozenset({"password"}))})]})
    (change,) = plan.changes
    assert CANARY not in repr(replace(plan, changes=()))
    assert change.text is None
    assert CANARY not in change.fingerprint
    assert [(diff.secret, diff.before, diff.after) for diff in only(plan).diffs] == [(True, None, None)]


def test_a_secret_that_is_in_place_does_not_show_either(machine: Machine, toys: Toys) -> None:
    """What was observed is then the secret in the clear."""
    machine.file(toys.SHARED, f"proxy={CANARY}\n")
    plan = machine.plan({DISTRO: [toys.lines({"proxy": Secret(CANARY, frozenset({"password"}))})]})
    assert only(plan).state is State.IN_SYNC
    assert CANARY not in repr(plan)


def test_a_secret_beside_what_is_written_does_not_show_in_the_files_text(machine: Machine, toys: Toys) -> None:
    machine.file(toys.SHARED, f"proxy={CANARY}\n")
    items = {"proxy": Secret(CANARY, frozenset({"password"})), "color": "red"}
    plan = machine.plan({DISTRO: [toys.lines(items)]})
    assert [item.state for item in plan.items] == [State.IN_SYNC, State.ADD]
    (change,) = plan.changes
    assert change.text is None
    assert change.tasks[0].secrets == {"password"}


def test_secrets_are_compared(machine: Machine, toys: Toys) -> None:
    machine.file(toys.SHARED, f"proxy={CANARY}\n")
    assert only(machine.plan({DISTRO: [toys.lines({"proxy": Secret("other")})]})).state is State.CHANGE
    assert item_digest({"value": Secret("a")}) == item_digest({"value": Secret("b")})
