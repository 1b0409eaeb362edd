"""The one comparison of desired and observed, for all kinds: field by declared field."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from reconciler.model.address import Address, Layer
from reconciler.model.effects import EffectRecord
from reconciler.model.facts import NEEDS_ROOT, FactSheet
from reconciler.model.plan import FieldDiff, ItemPlan
from reconciler.model.resource import Blocked, Fields, NotApplicable, Observed, Part, Resource, Seen, Unknown, Want
from reconciler.model.secrets import Secret
from reconciler.model.states import Effect, State
from reconciler.model.values import ABSENT, UNMANAGED, Absent, Json
from reconciler.planning.inputs import TargetInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An item before its claims are settled and its edits folded. `parts` are there only for what is to be written."""

    item: ItemPlan
    want: Want
    sheet: FactSheet
    parts: tuple[Part, ...] = ()
    digest: str = ""


def drafts(entry: TargetInput) -> Iterator[Draft]:
    """Every declared and implied item of a target that was looked at."""
    assert entry.sheet is not None
    for resource in entry.resources:
        seen = resource.observe(entry.sheet)
        items = {**resource.items, **resource.implied(entry.sheet), **resource.items}
        for name, item in items.items():
            if item is not UNMANAGED:
                yield _draft(entry, entry.sheet, resource, name, item, seen.get(name))


def consented(draft: Draft, allow: tuple[str, ...] | None) -> Draft:
    """The draft, or blocked where it runs code later or grants rights and nobody allowed it."""
    risks = sorted(risk.value for risk in draft.item.risks if risk.needs_allow_exec)
    address = str(draft.item.address)
    if allow is None or not risks or not draft.parts:
        return draft
    if any(address == glob or fnmatchcase(address, glob) for glob in allow):
        return draft
    fix = f"review it, then add  --allow-exec={address}"
    return replace(
        draft, item=replace(draft.item, state=State.BLOCKED, why="it " + " and ".join(risks), fix=fix), parts=()
    )


def _draft(
    entry: TargetInput, sheet: FactSheet, resource: Resource, name: str, item: object, seen: Observed | None
) -> Draft:
    address = Address(entry.target, resource.kind, name)
    want = resource.want(name, item)
    plan = ItemPlan(
        address=address,
        state=State.IN_SYNC,
        origin=entry.desired.origins.get(address),
        effect=Effect.NOW if sheet.host.at_rest else want.takes_effect,
        risks=want.risks,
        options=entry.desired.kinds[resource.kind].options,
    )
    if want.is_check:
        plan = replace(plan, state=State.CHECK, after=want.fields)
        draft = Draft(item=plan, want=want, sheet=sheet)
        return _judged(draft, _written(resource, name, None, want.fields, sheet))
    if isinstance(seen, Unknown):
        elevation = seen.why == NEEDS_ROOT
        return Draft(item=replace(plan, state=State.UNKNOWN, why=seen.why, elevation=elevation), want=want, sheet=sheet)
    if isinstance(seen, Blocked):
        return _judged(Draft(item=plan, want=want, sheet=sheet), seen)
    after = None if isinstance(item, Absent) else want.fields
    plan = replace(
        plan, before=_shown(seen, after), after=after, diffs=_diffs(seen, after), notes=seen.notes if seen else ()
    )
    state = _state(seen, after)
    draft = Draft(item=replace(plan, state=state), want=want, sheet=sheet, digest=item_digest(after))
    if state is State.IN_SYNC:
        pending = _is_pending(draft, seen, after, entry.effects.get(address))
        return replace(draft, item=replace(draft.item, state=State.PENDING)) if pending else draft
    return _judged(draft, _written(resource, name, seen, after, sheet))


def _state(seen: Seen | None, after: Fields | None) -> State:
    if after is None:
        return State.IN_SYNC if seen is None else State.REMOVE
    if seen is None:
        return State.ADD
    return State.IN_SYNC if all(same(seen.fields.get(name), value) for name, value in after.items()) else State.CHANGE


def same(observed: object, desired: object) -> bool:
    """Whether both say the same in JSON, where true is not 1."""
    value = desired.reveal() if isinstance(desired, Secret) else desired
    return observed == value and (isinstance(value, str) or _json(observed) == _json(value))


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True)


def _shown(seen: Seen | None, after: Fields | None) -> Fields | None:
    """What was seen; where the desired value is a secret, what stands there now may be that secret in the clear."""
    if seen is None:
        return None
    desired = after or {}
    return {name: _hidden(value, desired.get(name)) for name, value in seen.fields.items()}


def _hidden(value: Json | Secret, desired: object) -> Json | Secret:
    return Secret(value, desired.names) if isinstance(desired, Secret) and isinstance(value, str) else value


def _diffs(seen: Seen | None, after: Fields | None) -> tuple[FieldDiff, ...]:
    before = seen.fields if seen else {}
    names = list(before) if after is None else list(after)
    found = []
    for name in names:
        old, new = before.get(name), after.get(name) if after is not None else None
        if not same(old, new):
            secret = isinstance(new, Secret)
            found.append(
                FieldDiff(name=name, before=None if secret else old, after=None if secret else new, secret=secret)
            )
    return tuple(found)


def _is_pending(draft: Draft, seen: Seen | None, after: Fields | None, record: EffectRecord | None) -> bool:
    if draft.sheet.host.at_rest:
        return False
    if seen and seen.running is not None and after is not None:
        return any(name in after and not same(value, after[name]) for name, value in seen.running.items())
    return record is not None and record.is_pending(draft.sheet.host, draft.digest, draft.item.effect)


def _written(
    resource: Resource, name: str, seen: Seen | None, after: Fields | None, sheet: FactSheet
) -> tuple[Part, ...] | Blocked | NotApplicable:
    parts = resource.write(name, seen, ABSENT if after is None else after, sheet)
    return parts if isinstance(parts, Blocked | NotApplicable) else tuple(parts)


def _judged(draft: Draft, written: tuple[Part, ...] | Blocked | NotApplicable) -> Draft:
    match written:
        case Blocked(why=why, fix=fix, elevation=elevation):
            return replace(draft, item=replace(draft.item, state=State.BLOCKED, why=why, fix=fix, elevation=elevation))
        case NotApplicable(why=why):
            return replace(draft, item=replace(draft.item, state=State.NOT_APPLICABLE, why=why))
        case _:
            host, layer = draft.sheet.host, draft.item.address.target.layer
            elevation = layer is Layer.DISTRO and not host.elevated and not host.at_rest
            return replace(draft, item=replace(draft.item, elevation=elevation), parts=written)


def item_digest(after: Fields | None) -> str:
    """Of an item's declared fields: the same before it is written and afterwards. Secrets do not enter."""
    plain = {name: str(value) if isinstance(value, Secret) else value for name, value in (after or {}).items()}
    return hashlib.sha256(_json(plain).encode()).hexdigest()
