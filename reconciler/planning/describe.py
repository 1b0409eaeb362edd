"""A machine as it is, as a document would say it: what kinds observe, as far as a document may say it and stay in sync."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from reconciler.model.address import Target
from reconciler.model.description import DescribedItem, DescribedKind
from reconciler.model.desired import DesiredItems, DesiredKind
from reconciler.model.facts import FactSheet, FileText
from reconciler.model.plan import ItemPlan
from reconciler.model.resource import Resource, Seen
from reconciler.model.schema import Boolean, FreeJson, Integer, KindSchema, MapOf, Schema, Text
from reconciler.model.states import State
from reconciler.planning.inputs import Inputs, TargetInput
from reconciler.planning.plan import plan

Kind = tuple[type[Resource], KindSchema]


def describe(target: Target, kinds: Mapping[str, Kind], sheet: FactSheet) -> Iterator[DescribedKind]:
    """Each kind of the target's layer that sees something without being told what to look for."""
    for name, (resource, schema) in kinds.items():
        empty = resource(items={}, options={}, layer=target.layer)
        candidates = [_candidate(schema, item, seen) for item, seen in empty.observe(sheet).items()]
        remarks = (*_unread(empty, sheet), *empty.remarks(sheet))
        kept = _kept(target, name, resource, candidates, sheet)
        if kept or remarks:
            yield DescribedKind(layer=target.layer, kind=name, items=tuple(kept), remarks=remarks)


def _unread(resource: Resource, sheet: FactSheet) -> Iterator[str]:
    """The files of a kind that were not read: what is in them is not described."""
    for fact in sorted(resource.wanted_facts(), key=repr):
        why = sheet.file(fact.path).unreadable if isinstance(fact, FileText) else None
        if isinstance(fact, FileText) and why is not None:
            yield f"{fact.path} could not be read: {why}"


def _candidate(schema: KindSchema, name: str, seen: object) -> DescribedItem:
    path = tuple(name.split(".", schema.depth - 1))
    item = schema.item_schema(path) if len(path) == schema.depth else None
    if item is None or (isinstance(schema.items, MapOf) and not schema.items.keys.reads(path[0])):
        return DescribedItem(path=path, reason="a document cannot name it", sayable=False)
    if not isinstance(seen, Seen):
        return DescribedItem(path=path, reason=f"it could not be read: {getattr(seen, 'why', '')}")
    value = seen.fields["value"] if set(seen.fields) == {"value"} else dict(seen.fields)
    return DescribedItem(path=path, value=value, reason=_refusal(schema, name, item, value))


def _refusal(schema: KindSchema, name: str, item: Schema, value: object) -> str | None:
    """Why a document may not say the value, None where it may."""
    if isinstance(value, str) and any(sign in value for sign in ("{{", "{%", "{#")):
        return "it looks like a template"
    if isinstance(value, str) and any(not character.isprintable() for character in value):
        return "it holds characters that a document may not"
    expected = {Boolean: bool, Integer: int}.get(type(item), str)
    if not isinstance(item, FreeJson) and not isinstance(value, expected):
        return "it is of another type than a document may say"
    if isinstance(item, Text) and isinstance(value, str) and not item.reads(value):
        return f"a document expects {item.expected}"
    complaints = schema.check(name, {"value": value}) if schema.check else ()
    return complaints[0].what if complaints else None


def _kept(
    target: Target, kind: str, resource: type[Resource], candidates: Sequence[DescribedItem], sheet: FactSheet
) -> list[DescribedItem]:
    """The candidates; what would not be in sync is left unmanaged, with the reason."""
    said = {".".join(item.path): item.value for item in candidates if item.reason is None}
    desired = DesiredItems(target=target, kinds={kind: DesiredKind(items=said)})
    made = (resource(items=said, options={}, layer=target.layer),)
    inputs = Inputs(
        workstation=target.workstation,
        targets=(TargetInput(target=target, desired=desired, resources=made, sheet=sheet),),
    )
    verdicts = {item.address.item: item for item in plan(inputs, bytes(32)).items}
    return [_left_alone(item, verdicts.get(".".join(item.path))) for item in candidates]


def _left_alone(item: DescribedItem, verdict: ItemPlan | None) -> DescribedItem:
    """The item; one that would not be in sync, or that would be written, stands there without its value."""
    if verdict is None or verdict.state in (State.IN_SYNC, State.PENDING):
        return item
    return DescribedItem(
        path=item.path, reason=f"it would not be in sync: {verdict.state}" + (f": {verdict.why}" if verdict.why else "")
    )
