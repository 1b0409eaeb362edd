"""The body of a plan's text: target, kind, item. What is in sync is only counted, unless asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final

from reconciler.model.plan import Change, ItemPlan, Left, Plan, TargetPlan, tally
from reconciler.model.states import State, TargetState
from reconciler.rendering.changes import change_lines, command_lines, needed_text
from reconciler.rendering.findings import finding_lines
from reconciler.rendering.items import NAME_INDENT, in_force, item_lines
from reconciler.rendering.layout import Line, Look, Span, Style, indented, listed, prose
from reconciler.rendering.summary import counted

_QUIET: Final = frozenset({State.IN_SYNC, State.WAIVED, State.NOT_APPLICABLE})
"""Listed with -v only, or where they have a note."""


def section_lines(plan: Plan, look: Look) -> Iterator[list[Line]]:
    """The sections of a plan, each of some lines, to be set apart; none where the summary has said it all."""
    changes = {change.id: change for change in plan.changes}
    if any(_is_told(target, look) for target in plan.targets):
        for alike in _runs(plan.targets, look):
            if (alike[0].items and alike[0].state is TargetState.REACHED) or _is_told(alike[0], look):
                yield list(_target(alike, changes, look))
    if look.verbose and plan.changes:
        yield [(Span("changes, in order", Style.STRONG),), *change_lines(plan, look)]
    if plan.findings:
        yield [(Span("findings", Style.STRONG),), *finding_lines(plan.findings, look)]
    if plan.notes:
        yield [line for note in plan.notes for line in prose((Span("note: ", Style.STRONG),), note, look)]


def _runs(targets: Sequence[TargetPlan], look: Look) -> Iterator[list[TargetPlan]]:
    """Targets that nothing is told of but one reason are told of together."""
    for _, alike in groupby(targets, lambda target: target if _has_more(target, look) else (target.state, target.why)):
        yield list(alike)


def _has_more(target: TargetPlan, look: Look) -> bool:
    return (
        target.why is None
        or bool(target.notes or target.left)
        or any(_is_shown(item, target, look) for item in target.items)
    )


def _is_told(target: TargetPlan, look: Look) -> bool:
    """Whether there is more to say of the target than its count."""
    return bool(target.why or target.notes or target.left) or any(
        _is_shown(item, target, look) for item in target.items
    )


def _is_shown(item: ItemPlan, target: TargetPlan, look: Look) -> bool:
    """Items that have the reason that stands behind their target need no line of their own."""
    if look.verbose or item.notes:
        return True
    told_already = target.why is not None and item.why == target.why
    return item.state not in _QUIET and not item.is_idle_check and not told_already


def _target(alike: Sequence[TargetPlan], changes: Mapping[str, Change], look: Look) -> Iterator[Line]:
    target = alike[0]
    name = Span(", ".join(str(each.target) for each in alike), Style.STRONG)
    counts = listed(counted(tally(item for each in alike for item in each.items)))
    if target.state is not TargetState.REACHED:
        yield (name, Span(f"  {target.state.value}", Style.UNKNOWN))
    else:
        yield from prose((name, Span("  ")), counts, look, style=Style.FAINT, hang=4) if counts else [(name,)]
    if target.why:
        yield from prose(indented(2), target.why, look, style=Style.UNKNOWN)
    if target.fix:
        yield from prose(indented(2, Span("fix: ", Style.STRONG)), target.fix, look)
    for note in target.notes:
        yield from prose(indented(2, Span("note: ", Style.STRONG)), note, look)
    for left in target.left:
        yield from prose(indented(2, Span("left: ", Style.STRONG)), _left(left, target), look)
    kinds: dict[str, list[ItemPlan]] = {}
    for item in target.items:
        if _is_shown(item, target, look):
            kinds.setdefault(item.address.kind, []).append(item)
    for kind, items in kinds.items():
        yield from _kind(kind, items, changes, look)


def _left(left: Left, target: TargetPlan) -> str:
    way = "--prune" if target.items else "`reconcile uninstall`"  # pruning empties no target
    back = f"{way} removes it" if left.before is None else f"{way} gives it back its value from before us"
    name = f"{left.address.kind}:{left.address.item}"
    return f"{name}, written by our run of {left.at} and declared by nobody any more; {back}"


def _kind(kind: str, items: Sequence[ItemPlan], changes: Mapping[str, Change], look: Look) -> Iterator[Line]:
    """What holds for all items that are written stands once, behind the kind."""
    conditions = {item.address: _conditions(item, changes) for item in items if item.state.is_write}
    lists = list(conditions.values())
    common = [condition for condition in lists[0] if all(condition in others for others in lists)] if lists else []
    head = indented(2, Span(kind))
    yield from prose((*head, Span("  ")), listed(common), look, style=Style.LATER, hang=6) if common else [head]
    for item in items:
        own = [condition for condition in conditions.get(item.address, []) if condition not in common]
        yield from item_lines(item, look, own)
    written = {item.address for item in items if item.change is not None}
    theirs = [change for change in changes.values() if written.intersection(change.addresses)]
    yield from command_lines(theirs, look, NAME_INDENT)


def _conditions(item: ItemPlan, changes: Mapping[str, Change]) -> list[str]:
    change = changes.get(item.change) if item.change else None
    needed = needed_text(change, changes) if change else ""
    return [condition for condition in (in_force(item.effect), needed) if condition]
