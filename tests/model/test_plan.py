"""What the states of a plan mean for the exit code."""

from __future__ import annotations

import pytest

from reconciler.model.address import Address, Target
from reconciler.model.plan import Finding, ItemPlan, Plan, Severity, TargetPlan
from reconciler.model.states import Effect, Exit, State, TargetState

DISTRO = Target("lt", "main")


def plan(*states: State, target: TargetState = TargetState.REACHED, findings: tuple[Finding, ...] = ()) -> Plan:
    items = tuple(ItemPlan(address=Address(DISTRO, "toy", str(n)), state=state) for n, state in enumerate(states))
    return Plan(workstation="lt", targets=(TargetPlan(target=DISTRO, state=target, items=items),), findings=findings)


@pytest.mark.parametrize(
    ("state", "plain", "running", "strict"),
    [
        (State.IN_SYNC, Exit.DONE, Exit.DONE, Exit.DONE),
        (State.ADD, Exit.CHANGES, Exit.CHANGES, Exit.CHANGES),
        (State.CHANGE, Exit.CHANGES, Exit.CHANGES, Exit.CHANGES),
        (State.REMOVE, Exit.CHANGES, Exit.CHANGES, Exit.CHANGES),
        (State.PENDING, Exit.DONE, Exit.CHANGES, Exit.DONE),
        (State.WAITING, Exit.CHANGES, Exit.CHANGES, Exit.CHANGES),
        (State.UNKNOWN, Exit.DONE, Exit.DONE, Exit.BLOCKED),
        (State.BLOCKED, Exit.BLOCKED, Exit.BLOCKED, Exit.BLOCKED),
        (State.WAIVED, Exit.DONE, Exit.DONE, Exit.DONE),
        (State.NOT_APPLICABLE, Exit.DONE, Exit.DONE, Exit.DONE),
        (State.CHECK, Exit.DONE, Exit.DONE, Exit.DONE),
    ],
)
def test_each_state_has_its_exit(state: State, plain: Exit, running: Exit, strict: Exit) -> None:
    found = plan(state)
    assert (found.verdict(), found.verdict(running=True), found.verdict(strict=True)) == (plain, running, strict)
    assert found.counts() == ({} if state is State.CHECK else {state: 1}), "a check that is not due does not count"


def test_every_state_is_in_the_table_above() -> None:
    assert len(State) == 11
    assert [state for state in State if state.is_write] == [State.ADD, State.CHANGE, State.REMOVE]


def test_the_worst_counts() -> None:
    assert plan(State.ADD, State.BLOCKED).verdict() is Exit.BLOCKED
    assert plan(State.ADD, State.BLOCKED, target=TargetState.UNREACHABLE).verdict() is Exit.UNREACHABLE
    assert Exit.first([]) is Exit.DONE
    assert Exit.first(list(Exit)) is Exit.INTERRUPTED
    assert Exit.first([Exit.CHANGES, Exit.BLOCKED, Exit.FAILED]) is Exit.FAILED
    assert Exit.first([Exit.UNREACHABLE, Exit.FAILED, Exit.ERROR]) is Exit.ERROR


def test_a_finding_blocks_only_as_an_error() -> None:
    def verdict(severity: Severity) -> Exit:
        return plan(findings=(Finding(rule="x", severity=severity, what="x"),)).verdict()

    assert [verdict(severity) for severity in (Severity.ERROR, Severity.WARNING, Severity.NOTE)] == [
        Exit.BLOCKED,
        Exit.DONE,
        Exit.DONE,
    ]


@pytest.mark.parametrize("state", [TargetState.STOPPED, TargetState.NOT_HERE])
def test_what_was_not_looked_at_counts_under_strict_only(state: TargetState) -> None:
    found = plan(target=state)
    assert (found.verdict(), found.verdict(strict=True)) == (Exit.DONE, Exit.BLOCKED)
    assert [entry.state for entry in found.unseen] == [state]


def test_the_latest_effect_counts() -> None:
    assert Effect.latest([]) is Effect.NOW
    assert Effect.latest([Effect.SHUTDOWN, Effect.NEW_SESSION, Effect.TERMINATE]) is Effect.SHUTDOWN
