"""The summary of plans: what every text begins and ends with. Zero counts are left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from reconciler.model.address import Target
from reconciler.model.plan import ItemPlan, Plan, Severity
from reconciler.model.states import Risk, State, TargetState
from reconciler.rendering.layout import Line, Look, Span, Style, listed, prose
from reconciler.rendering.visible import visible

COUNTED: Final = {
    State.ADD: "to add",
    State.CHANGE: "to change",
    State.REMOVE: "to remove",
    State.WAITING: "waiting for a restart",
    State.BLOCKED: "blocked",
    State.UNKNOWN: "unknown",
    State.PENDING: "pending",
    State.WAIVED: "waived",
    State.NOT_APPLICABLE: "not applicable",
    State.CHECK: "to check",
    State.IN_SYNC: "in sync",
}
_RISKS: Final = {
    Risk.CUTS_ACCESS: ("cuts access", "cut access"),
    Risk.DELETES: ("deletes", "delete"),
    Risk.RUNS_CODE_LATER: ("runs code later", "run code later"),
    Risk.GRANTS_RIGHTS: ("grants rights", "grant rights"),
    Risk.RUNS_PROGRAM: ("runs a program", "run programs"),
}
_NOT_LOOKED_AT: Final = {TargetState.STOPPED: " (stopped; --start)", TargetState.NOT_HERE: " (not here)"}
_NAMED_ADDRESSES: Final = 4
"""So many addresses of a risk are named in the summary; the items carry theirs below."""


def counted(counts: Counter[State]) -> list[str]:
    """`3 to add`, `1 blocked`, `38 in sync`."""
    return [f"{counts[state]} {words}" for state, words in COUNTED.items() if counts[state]]


def _verdict(plans: Sequence[Plan], heading: str) -> list[str]:
    """`Plan: 3 to add, 38 in sync on alice-lt.`, in pieces that stay together on a line."""
    counts: Counter[State] = Counter()
    for plan in plans:
        counts.update(plan.counts())
    idle = not any(counts[state] for state in (State.ADD, State.CHANGE, State.REMOVE, State.WAITING))
    place = plans[0].workstation if len(plans) == 1 else f"{len(plans)} workstations"
    *parts, last = listed([*(["nothing to change"] if idle else []), *counted(counts)])
    return [f"{heading}:", *parts, f"{last} on {place}."]


@dataclass(frozen=True, slots=True)
class _Remark:
    """A line below the verdict; parts stay together where it is broken."""

    title: str
    parts: Sequence[str]
    style: Style = Style.PLAIN


def _remarks(plans: Sequence[Plan], *, every_address: bool) -> Iterator[_Remark]:
    """What an apply needs and risks is said once, in each workstation's own summary."""
    if len(plans) == 1:
        if plans[0].needs:
            yield _Remark("Needs:", f"{'; '.join(plans[0].needs)}.".split(" "))
        yield from _risks(plans[0], every_address=every_address)
    found = Counter(finding.severity for plan in plans for finding in plan.findings)
    if found:
        yield _Remark("Findings:", _sentence([_number(found[each], each.value) for each in Severity if found[each]]))
    reached = {entry.target.machine for plan in plans for entry in plan.targets if entry.state is TargetState.REACHED}
    for title, states in (("Not looked at:", _NOT_LOOKED_AT), ("Unreachable:", {TargetState.UNREACHABLE: ""})):
        entries = [entry for plan in plans for entry in plan.targets if entry.state in states]
        machines = dict.fromkeys(
            _named(entry.target if entry.target.machine in reached else entry.target.machine, len(plans) == 1)
            + states[entry.state]
            for entry in entries
        )
        if machines:
            yield _Remark(title, _sentence(list(machines)), Style.UNKNOWN)


def _risks(plan: Plan, *, every_address: bool) -> Iterator[_Remark]:
    for risk, (one, several) in _RISKS.items():
        addresses = [str(item.address) for item in plan.items if risk in item.risks and _will_be_written(item)]
        if addresses:
            few = every_address or len(addresses) <= _NAMED_ADDRESSES + 1
            named = addresses if few else [*addresses[:_NAMED_ADDRESSES], f"{len(addresses) - _NAMED_ADDRESSES} more"]
            title = f"{len(addresses)} {one if len(addresses) == 1 else several}:"
            yield _Remark(title, _sentence(named), Style.BLOCKED)


def _sentence(parts: Sequence[str]) -> list[str]:
    *rest, last = listed(parts)
    return [*rest, f"{last}."]


def summary_lines(plans: Sequence[Plan], look: Look, heading: str = "Plan") -> Iterator[Line]:
    """The verdict and its remarks, which hang below the first word after the heading."""
    first, *rest = _verdict(plans, heading)
    hang = len(heading) + 2
    yield from prose((Span(f"{first} ", Style.STRONG),), rest, look, hang=hang, style=Style.STRONG)
    for remark in _remarks(plans, every_address=look.verbose):
        yield from prose((Span(" " * hang), Span(f"{remark.title} ", remark.style)), remark.parts, look, hang=hang + 2)


def summary_text(plans: Sequence[Plan]) -> str:
    """The whole summary as unbroken lines."""
    remarks = (" ".join([remark.title, *remark.parts]) for remark in _remarks(plans, every_address=True))
    return visible("\n".join([" ".join(_verdict(plans, "Plan")), *remarks]), multiline=True)


def _will_be_written(item: ItemPlan) -> bool:
    return item.state.is_write or item.state is State.WAITING or (item.state is State.CHECK and item.change is not None)


def _number(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _named(target: Target, short: bool) -> str:
    """The target, without its workstation where the verdict names that."""
    return str(target).partition("/")[2] if short else str(target)
