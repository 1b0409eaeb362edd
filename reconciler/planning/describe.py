"""A machine as it is, as a document would say it: what kinds observe, as far as a document may say it and stay in sync."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from reconciler.model.address import Target
from reconciler.model.description import DescribedItem, DescribedKind
from reconciler.model.desired import DesiredItems, DesiredKind
from reconciler.model.facts import FactSheet, FileText
from reconciler.model.plan import ItemPlan
from reconciler.model.resource import Resource, Seen
from reconciler.model.schema import Boolean, FreeJson, Integer, KindSchema, ListOf, MapOf, Record, Schema, Text
from reconciler.model.secrets import Secret
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
        kept = _kept(target, name, (resource, schema), candidates, sheet)
        if kept or remarks:
            yield DescribedKind(layer=target.layer, kind=name, items=tuple(kept), remarks=remarks)


def _unread(resource: Resource, sheet: FactSheet) -> Iterator[str]:
    """The files of a kind that were not read: what is in them is not described."""
    for fact in sorted(resource.wanted_facts(), key=repr):
        why = sheet.file(fact.path).unreadable if isinstance(fact, FileText) else None
        if isinstance(fact, FileText) and why is not None:
            yield f"{fact.path} could not be read: {why}"


def _candidate(schema: KindSchema, name: str, seen: object) -> DescribedItem:
    path = schema.path_of(name)
    item = schema.item_schema(path) if len(path) == schema.depth_below(path[0]) else None
    is_name = not isinstance(schema.items, MapOf) or schema.items.keys.reads(path[0])
    if item is None or not is_name or any(_unsayable(Text(), key) for key in path):
        return DescribedItem(path=path, reason="a document cannot name it", sayable=False)
    if not isinstance(seen, Seen):
        return DescribedItem(path=path, reason=f"it could not be read: {getattr(seen, 'why', '')}")
    value = schema.declared(name, seen.fields)
    if not isinstance(item, Record):
        return DescribedItem(path=path, value=value, reason=_refusal(schema, name, item, value))
    assert isinstance(value, dict)
    fields = value
    unsayable = (_unsayable(item.fields[key].schema, value) for key, value in fields.items())
    reason = next(filter(None, unsayable), None) or _complaint(schema, name, fields)
    return DescribedItem(path=path, value=fields, reason=reason)


def _refusal(schema: KindSchema, name: str, item: Schema, value: object) -> str | None:
    """Why a document may not say the value of an item that is one value, None where it may."""
    return _unsayable(item, value) or _complaint(schema, name, {"value": value})


def _complaint(schema: KindSchema, name: str, fields: Mapping[str, object]) -> str | None:
    complaints = schema.check(name, fields) if schema.check else ()
    return complaints[0].what if complaints else None


def _unsayable(item: Schema, value: object) -> str | None:
    """Why no document may say a value of that schema."""
    if isinstance(value, Secret):
        return "it is a secret"
    if isinstance(value, list | tuple):
        of = item.of if isinstance(item, ListOf) else FreeJson() if isinstance(item, FreeJson) else None
        if of is None:
            return "it is of another type than a document may say"
        return next(filter(None, (_unsayable(of, entry) for entry in value)), None)
    if isinstance(value, Mapping) and isinstance(item, FreeJson):
        return next(filter(None, (_unsayable(item, entry) for pair in value.items() for entry in pair)), None)
    if isinstance(value, str) and any(sign in value for sign in ("{{", "{%", "{#")):
        return "it looks like a template"
    if isinstance(value, str) and any(not (character.isprintable() or character == "\n") for character in value):
        return "it holds characters that a document may not"
    expected = {Boolean: bool, Integer: int}.get(type(item), str)
    if not isinstance(item, FreeJson) and not isinstance(value, expected):
        return "it is of another type than a document may say"
    if isinstance(item, Text) and isinstance(value, str) and not item.reads(value):
        return f"a document expects {item.expected}"
    return None


def _kept(
    target: Target, name: str, kind: Kind, candidates: Sequence[DescribedItem], sheet: FactSheet
) -> list[DescribedItem]:
    """The candidates; what would not be in sync is left unmanaged, with the reason."""
    resource, schema = kind
    said = {schema.name_of(item.path): item.value for item in candidates if item.reason is None}
    desired = DesiredItems(target=target, kinds={name: DesiredKind(items=said)})
    built = {item: schema.built(item, value) for item, value in said.items()}
    made = (resource(items=built, options={}, layer=target.layer),)
    inputs = Inputs(
        workstation=target.workstation,
        targets=(TargetInput(target=target, desired=desired, resources=made, sheet=sheet),),
    )
    verdicts = {item.address.item: item for item in plan(inputs, bytes(32)).items}
    return [_left_alone(item, verdicts.get(schema.name_of(item.path))) for item in candidates]


def _left_alone(item: DescribedItem, verdict: ItemPlan | None) -> DescribedItem:
    """The item; one that would not be in sync, or that would be written, stands there without its value."""
    if verdict is None or verdict.state in (State.IN_SYNC, State.PENDING):
        return item
    return DescribedItem(
        path=item.path, reason=f"it would not be in sync: {verdict.state}" + (f": {verdict.why}" if verdict.why else "")
    )
