"""Programs of a plan: which run as one, when they run, and checks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from reconciler.model.address import Target
from reconciler.model.claims import Need, Path
from reconciler.model.plan import Plan
from reconciler.model.resource import Part, Want
from reconciler.model.states import Phase, Risk, State
from reconciler.model.tasks import RunCommand

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine

DISTRO = Target("lt", "main")
INSTALL = ("apt-get-of-the-test", "install")


def part(*words: str, more: tuple[str, ...] = (), phase: Phase = Phase.MOUNTS, thing: str = "", **rest: Any) -> Part:
    return Part(thing=thing or words[0], tasks=(RunCommand(argv=words, more=more),), phase=phase, **rest)


def programs(plan: Plan) -> list[tuple[str, ...]]:
    return [task.words for change in plan.changes for task in change.tasks if isinstance(task, RunCommand)]


def test_runs_that_differ_only_in_their_last_words_are_one(machine: Machine, toys: Any) -> None:
    items = {name: toys.Item(parts=(part(*INSTALL, more=(name,), thing="packages"),)) for name in ("git", "curl", "jq")}
    plan = machine.plan({DISTRO: [toys.Scripted(items)]})
    assert programs(plan) == [(*INSTALL, "git", "curl", "jq")]
    assert [address.item for address in plan.changes[0].addresses] == ["git", "curl", "jq"]


def test_runs_that_differ_otherwise_stay_apart(machine: Machine, toys: Any) -> None:
    parts = [
        Part(thing="packages", tasks=(RunCommand(argv=INSTALL, more=("git",)),)),
        Part(thing="packages", tasks=(RunCommand(argv=INSTALL, more=("jq",), timeout_seconds=9),)),
        Part(thing="packages", tasks=(RunCommand(argv=("remove",), more=("vim",)),)),
    ]
    items = {str(number): toys.Item(parts=(one,)) for number, one in enumerate(parts)}
    assert len(programs(machine.plan({DISTRO: [toys.Scripted(items)]}))) == 3


def test_programs_run_in_their_phases_around_the_files(machine: Machine, toys: Any) -> None:
    items = {
        phase.name: toys.Item(parts=(part(phase.name.lower(), phase=phase),)) for phase in sorted(Phase, reverse=True)
    }
    plan = machine.plan({DISTRO: [toys.Scripted(items), toys.lines({"a": "1"})]})
    assert [change.thing for change in plan.changes] == [
        "stops",
        "packages",
        "accounts",
        toys.SHARED,
        "mounts",
        "reloads",
        "services",
        "tools",
        "checks",
    ]


def test_a_need_counts_more_than_a_phase(machine: Machine, toys: Any) -> None:
    late = part("serve", phase=Phase.SERVICES)
    early = part("install", phase=Phase.PACKAGES, needs=(Need(Path("/opt/new")),))
    items = {
        "serve": toys.Item(parts=(late,), provides=(Path("/opt/new"),)),
        "install": toys.Item(parts=(early,), asks=tuple(Path("/opt/new").facts())),
    }
    assert [change.thing for change in machine.plan({DISTRO: [toys.Scripted(items)]}).changes] == ["serve", "install"]


def test_what_a_person_has_to_do_is_asked_once(machine: Machine, toys: Any) -> None:
    ask = ("open a new window",)
    items = {name: toys.Item(parts=(part("write", name, thing=name, asks=ask),)) for name in ("a", "b")}
    assert machine.plan({DISTRO: [toys.Scripted(items)]}).needs == ask


# ---- checks


def checked(toys: Any, **more: Any) -> Any:
    class Checked(toys.Scripted):  # type: ignore[misc]
        kind = "toy_checks"

        def want(self, name: str, item: object) -> Want:
            return replace(super().want(name, item), is_check=True)

    risks = frozenset({Risk.RUNS_PROGRAM})
    return Checked(
        {"it works": toys.Item(parts=(part("try", phase=Phase.CHECKS),), risks=risks, **more)}, kind="toy_checks"
    )


def only(plan: Plan) -> State:
    (found,) = [item.state for item in plan.items if item.address.kind == "toy_checks"]
    return found


def test_a_check_is_tried_after_what_changes(machine: Machine, toys: Any) -> None:
    plan = machine.plan({DISTRO: [checked(toys), toys.lines({"a": "1"})]})
    assert only(plan) is State.CHECK
    assert [change.thing for change in plan.changes] == [toys.SHARED, "try"]


def test_a_check_alone_is_not_tried(machine: Machine, toys: Any) -> None:
    machine.file(toys.SHARED, "a=1\n")
    plan = machine.plan({DISTRO: [checked(toys), toys.lines({"a": "1"})]})
    assert only(plan) is State.CHECK
    assert plan.changes == ()


def test_a_check_that_runs_a_program_wants_consent(machine: Machine, toys: Any) -> None:
    plan = machine.plan({DISTRO: [checked(toys), toys.lines({"a": "1"})]}, allow=())
    assert only(plan) is State.BLOCKED
    assert [change.thing for change in plan.changes] == [toys.SHARED]
    (item,) = [item for item in plan.items if item.state is State.BLOCKED]
    assert (item.why, item.fix) == (
        "it runs a program",
        "review it, then add  --allow-exec=lt/main:toy_checks:it works",
    )
    allowed = machine.plan({DISTRO: [checked(toys), toys.lines({"a": "1"})]}, allow=("*",))
    assert only(allowed) is State.CHECK


def test_checks_are_tried_in_the_order_in_which_they_are_declared(machine: Machine, toys: Any) -> None:
    items = {name: toys.Item(parts=(part("try", name, thing=name, phase=Phase.CHECKS),)) for name in ("z", "a", "m")}
    assert [change.thing for change in machine.plan({DISTRO: [toys.Scripted(items)]}).changes] == ["z", "a", "m"]
