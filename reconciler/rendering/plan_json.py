"""Plans as data for other programs: versioned, in a stable order, with every secret as a named hole."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Final

from reconciler.model.address import Address
from reconciler.model.plan import Change, FieldDiff, Finding, ItemPlan, Plan, TargetPlan
from reconciler.model.resource import Fields
from reconciler.model.states import Risk, State
from reconciler.model.tree import Origin
from reconciler.model.values import Json
from reconciler.rendering.plain import document_text, document_value
from reconciler.rendering.secrecy import hidden_changes, secret_fields, shown_diffs
from reconciler.rendering.summary import summary_text
from reconciler.rendering.task_json import task_document

FORMAT: Final = 1
"""Raised when a key changes its meaning or goes; new keys may come without."""

Document = dict[str, Json]


def plan_document(plans: Sequence[Plan]) -> Document:
    """All that `--format json` and `yaml` show. Keys are always there; what there is none of is null or empty."""
    return {
        "format": FORMAT,
        "summary": summary_text(plans),
        "counts": _counts(plans),
        "workstations": [_workstation(plan) for plan in plans],
    }


def plan_json(plans: Sequence[Plan]) -> str:
    """The document as ASCII: control and direction characters are escapes, whatever shows it."""
    return json.dumps(plan_document(plans), indent=2, ensure_ascii=True, allow_nan=False)


def _workstation(plan: Plan) -> Document:
    hidden = hidden_changes(plan)
    return {
        "workstation": document_text(plan.workstation),
        "summary": summary_text([plan]),
        "counts": _counts([plan]),
        "needs": _texts(plan.needs),
        "notes": _texts(plan.notes),
        "targets": [_target(target) for target in plan.targets],
        "changes": [_change(change, hidden.get(change.id)) for change in plan.changes],
        "findings": [_finding(finding) for finding in plan.findings],
    }


def _counts(plans: Iterable[Plan]) -> Document:
    counts: dict[State, int] = dict.fromkeys(State, 0)
    for plan in plans:
        for item in plan.items:
            counts[item.state] += 1
    return {state.value: count for state, count in counts.items()}


def _target(target: TargetPlan) -> Document:
    return {
        "target": document_text(str(target.target)),
        "layer": target.target.layer.value,
        "state": target.state.value,
        "why": _text(target.why),
        "fix": _text(target.fix),
        "notes": _texts(target.notes),
        "left": [
            {"address": document_text(str(each.address)), "before": _fields(each.before, frozenset()), "at": each.at}
            for each in target.left
        ],
        "items": [_item(item) for item in target.items],
    }


def _item(item: ItemPlan) -> Document:
    secret = secret_fields(item)
    return {
        "address": document_text(str(item.address)),
        "kind": document_text(item.address.kind),
        "item": document_text(item.address.item),
        "state": item.state.value,
        "why": _text(item.why),
        "fix": _text(item.fix),
        "origin": _origin(item.origin) if item.origin else None,
        "before": _fields(item.before, secret),
        "after": _fields(item.after, secret),
        "secret_fields": _texts(sorted(secret)),
        "diffs": [_diff(diff) for diff in shown_diffs(item)] if item.diffs else [],
        "effect": item.effect.value,
        "risks": _risks(item.risks),
        "notes": _texts(item.notes),
        "change": _text(item.change),
        "needs_elevation": item.elevation,
    }


def _fields(fields: Fields | None, secret: frozenset[str]) -> Json:
    if fields is None:
        return None
    return {document_text(name): None if name in secret else document_value(value) for name, value in fields.items()}


def _diff(diff: FieldDiff) -> Document:
    return {
        "name": document_text(diff.name),
        "before": None if diff.secret else document_value(diff.before),
        "after": None if diff.secret else document_value(diff.after),
        "secret": diff.secret,
    }


def _change(change: Change, hidden: frozenset[str] | None) -> Document:
    return {
        "id": document_text(change.id),
        "thing": document_text(change.thing),
        "target": document_text(str(change.target)),
        "addresses": _addresses(change.addresses),
        "needs": _texts(change.needs),
        "claims": _texts(map(str, change.claims)),
        "effect": change.effect.value,
        "risks": _risks(change.risks),
        "secret": hidden is not None,
        "tasks": [task_document(task, hidden) for task in change.tasks],
        "fingerprint": change.fingerprint,
    }


def _finding(finding: Finding) -> Document:
    return {
        "rule": document_text(finding.rule),
        "severity": finding.severity.value,
        "what": document_text(finding.what),
        "addresses": _addresses(finding.addresses),
        "origins": [_origin(origin) for origin in finding.origins],
        "ways_out": _texts(finding.ways_out),
    }


def _origin(origin: Origin) -> Document:
    return {"file": document_text(origin.file), "line": origin.line, "column": origin.column}


def _addresses(addresses: Iterable[Address]) -> list[Json]:
    return _texts(map(str, addresses))


def _risks(risks: frozenset[Risk]) -> list[Json]:
    return [risk.value for risk in Risk if risk in risks]


def _texts(texts: Iterable[str]) -> list[Json]:
    return [document_text(text) for text in texts]


def _text(text: str | None) -> str | None:
    return None if text is None else document_text(text)
