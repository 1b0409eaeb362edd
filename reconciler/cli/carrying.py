"""The way from a plan to what became of it: shown, asked about, carried out. For every command that writes."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import click

from reconciler.cli import output
from reconciler.cli.console import look, say
from reconciler.cli.session import Session
from reconciler.execution.machines import CarriedOut, Manner, carry_out
from reconciler.execution.visit import Observed
from reconciler.model.address import Target
from reconciler.model.errors import BlockedError
from reconciler.model.ledger import RunStamp
from reconciler.model.outcome import ApplyOutcome, ChangeOutcome, Status
from reconciler.model.plan import Plan
from reconciler.model.states import UNDO_ON_FAILURE, Effect, Exit, Phase, State
from reconciler.pipeline import Planned
from reconciler.planning.restrict import without
from reconciler.rendering.visible import visible

_EXITS = {
    Status.FAILED: Exit.FAILED,
    Status.NOT_TRIED: Exit.FAILED,
    Status.REFUSED: Exit.BLOCKED,
    Status.UNREACHED: Exit.UNREACHABLE,
    Status.UNKNOWN: Exit.UNREACHABLE,
}
"""What was skipped was skipped because of one of these."""

_SUDO_FIXES: Final = {
    "is required": "run it on a terminal, or with  --sudo-password-file FILE",
    "did not take": "run it again with the right password",
    "expired": "log in there once by hand and choose a new password",
    "must have a tty": "take  Defaults requiretty  out of its sudoers, or log in as root",
    "not in the sudoers": "log in as a user who may use sudo, or as root",
    "may not run": "log in as a user who may use sudo for all commands, or as root",
    "was not done": "see what sudo waits for there",
    "from a terminal only": "write  permit nopass  in its doas.conf, or use sudo",
}
"""By what sudo, doas or we say of it."""


@dataclass(frozen=True, slots=True)
class Carried:
    """The exit code, and whether a check that failed asks for the run to be led back."""

    code: int
    asks_for_undo: bool = False


def carry_through(
    session: Session, planned: Planned, stamp: RunStamp, *, yes: bool, verbose: bool, heading: str = "Plan"
) -> Carried:
    """Shows the plans, asks unless `yes`, writes, and tells what became of it."""
    plans = [_as_far_as_rights_go(plan, planned.observed) for plan in planned.plans]
    output.show_plans(plans, "text", verbose=verbose, heading=heading)
    if any(plan.changes for plan in plans) and not yes:
        _ask(plans, "Apply" if heading == "Plan" else heading)
    results = _applied([plan for plan in plans if plan.work], planned, session, stamp)
    if heading != "Plan":
        results = [replace(result, next_commands=()) for result in results]
    if results:
        session.controller.record(stamp.id, record_of(stamp, results))
        from reconciler.rendering.result import result_text

        say("\n" + result_text(results, verbose=verbose, **look(sys.stdout)))
    code = Exit.first(
        [*(_left(plan) for plan in plans), *(_EXITS.get(o.status, Exit.DONE) for r in results for o in r.outcomes)]
    )
    return Carried(code=code, asks_for_undo=any(_asks_for_undo(plan, results) for plan in plans))


def _asks_for_undo(plan: Plan, results: Sequence[ApplyOutcome]) -> bool:
    """Whether a check has failed that wants the run to be led back."""
    failed = {
        address
        for result in results
        for outcome in result.outcomes
        if outcome.change.phase is Phase.CHECKS and outcome.status is Status.FAILED
        for address in outcome.change.addresses
    }
    return any(item.address in failed and UNDO_ON_FAILURE in (item.after or {}) for item in plan.items)


def record_of(stamp: RunStamp, results: Sequence[ApplyOutcome]) -> str:
    """A run as the controller keeps it: what became of each change, without any value."""
    changes = [
        {
            "target": str(outcome.change.target),
            "thing": outcome.change.thing,
            "addresses": [str(address) for address in outcome.change.addresses],
            "status": outcome.status.value,
            "message": outcome.message,
        }
        for result in results
        for outcome in result.outcomes
    ]
    notes = [note for result in results for note in result.notes]
    row = {"run": stamp.id, "at": stamp.at, "by": stamp.by, "undoes": stamp.undoes, "changes": changes, "notes": notes}
    return json.dumps(row, indent=1, ensure_ascii=True) + "\n"


def _as_far_as_rights_go(plan: Plan, observed: Observed) -> Plan:
    """Without the changes that only root could make."""
    root_only = {item.address for item in plan.items if item.elevation}
    mine = {
        change.id: [address for address in change.addresses if address.target == change.target]
        for change in plan.changes
    }
    refused = {id_: addresses[0].target.machine for id_, addresses in mine.items() if root_only.intersection(addresses)}
    return without(plan, {id_: _no_root(machine, observed) for id_, machine in refused.items()})


def _no_root(machine: Target, observed: Observed) -> tuple[str, str]:
    """sudo's own words, where there are any, say what is in the way."""
    said = observed.access[machine].no_root
    if said is None:
        return "needs root", "let machine.yaml say  become: auto, or run it as root"
    fix = next((fix for word, fix in _SUDO_FIXES.items() if word in said), "make sudo or doas work for that user there")
    return f"needs root: {said}", fix


def _ask(plans: list[Plan], verb: str) -> None:
    count = sum(item.state.is_write for plan in plans for item in plan.items)
    if not sys.stdin.isatty():
        raise BlockedError(
            "there is no terminal to ask on, and nothing was changed", fix="add --yes to apply without asking"
        )
    if not click.confirm(f"\n{verb} {count} change{'s' if count > 1 else ''}?", default=False):
        raise BlockedError("nothing was changed")


def _applied(plans: list[Plan], planned: Planned, session: Session, stamp: RunStamp) -> list[ApplyOutcome]:
    manner = Manner(
        stamp=stamp,
        confirm_seconds=session.choice.confirm_within,
        tell=lambda text: say(visible(text), error=True),
    )
    told = carry_out(plans, planned.observed, session.doors, session.downloads, manner)
    return [_outcome(plan, carried, session) for plan, carried in zip(plans, told, strict=True)]


def _outcome(plan: Plan, carried: CarriedOut, session: Session) -> ApplyOutcome:
    outcomes = carried.outcomes
    done = [outcome.change for outcome in outcomes if outcome.status is Status.DONE]
    effects = {change.effect for change in done} - {Effect.NOW} if session.choice.root is None else set()
    steps = tuple(effect.value for effect in Effect if effect in effects)
    return ApplyOutcome(
        workstation=plan.workstation,
        outcomes=outcomes,
        notes=carried.notes,
        in_force_after=steps,
        next_commands=_next(outcomes, session),
    )


def _next(outcomes: tuple[ChangeOutcome, ...], session: Session) -> tuple[str, ...]:
    choice = session.choice
    same = f" -l {choice.limit}" if choice.limit else " --all" if choice.everything else ""
    if any(outcome.status is not Status.DONE for outcome in outcomes):
        return (f"reconcile plan{same}, to see what is left",)
    return (f"reconcile verify{same}",)


def _left(plan: Plan) -> Exit:
    """What the plan itself leaves undone: refused and blocked items, and targets that were not reached."""
    blocked = any(
        item.state is State.BLOCKED or (item.state is State.UNKNOWN and item.elevation) for item in plan.items
    )
    exits = {plan.verdict()} - {Exit.CHANGES, Exit.DONE}
    return Exit.first(exits | ({Exit.BLOCKED} if blocked else set()))
