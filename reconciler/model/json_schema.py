"""The JSON Schema (2020-12) of what people may write: for editors, and for the jsonschema library to check.

Text may be written as a number or a boolean: it is read as it stands, so `on`, `1.20` and `022` need no quotes. Inside
kinds a value may hold a template, and items and their fields may be withdrawn with a reserved value; outside neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from reconciler.model.schema import (
    Boolean,
    FreeJson,
    Integer,
    KindBody,
    KindSchema,
    ListOf,
    MapOf,
    Record,
    RepoPath,
    Schema,
    Text,
    child,
)
from reconciler.model.values import Json

JsonSchema = dict[str, Json]

TEMPLATE_PATTERN: Final = r"\{\{[\s\S]*\}\}"
_WRITTEN_AS: Final[list[Json]] = ["string", "number", "boolean"]
_ITEM: Final = 1
_INSIDE: Final = 0

RESERVED_SCHEMAS: Final[Mapping[str, JsonSchema]] = {
    name: {
        "type": "object",
        "additionalProperties": False,
        "required": [name],
        "properties": {name: {"const": True}},
        "description": description,
    }
    for name, description in (
        ("absent", "Not on the machine."),
        ("unmanaged", "Withdraw what lower ranks say; leave the machine as it is."),
    )
}


def published(schema: Schema) -> JsonSchema:
    """The whole JSON Schema of a document, as editors get it."""
    head: JsonSchema = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return {**head, **json_schema(schema), "$defs": {**RESERVED_SCHEMAS}}


def json_schema(schema: Schema, levels: int | None = None) -> JsonSchema:
    """`levels` counts the mappings down to a kind's items: in 1 entries are items, 0 is inside one; None outside kinds."""
    match schema:
        case Text():
            return _text(schema, levels)
        case Boolean():
            return _or_template({"type": "boolean"}, levels)
        case Integer():
            limits = {"minimum": schema.minimum, "maximum": schema.maximum}
            given: JsonSchema = {name: limit for name, limit in limits.items() if limit is not None}
            return _or_template({"type": "integer", **given}, levels)
        case FreeJson():
            return {}
        case RepoPath():
            return {"type": _WRITTEN_AS, "minLength": 1, "description": schema.expected}
        case ListOf():
            return _list(schema, levels)
        case Record():
            return _record(schema, levels)
        case MapOf():
            return _map(schema, levels)
        case KindBody(kind=kind):
            return _kind(kind)


def _text(schema: Text, levels: int | None) -> JsonSchema:
    found: JsonSchema = {"type": _WRITTEN_AS, "description": schema.expected}
    if schema.choices:
        found["enum"] = list(schema.choices)
    if schema.pattern:
        found["pattern"] = schema.pattern
    if not schema.empty:
        found["minLength"] = 1
    return _or_template(found, levels) if schema.choices or schema.pattern else found


def _list(schema: ListOf, levels: int | None) -> JsonSchema:
    items = json_schema(schema.of, levels)
    several: JsonSchema = {"type": "array", "items": items, **({} if schema.empty else {"minItems": 1})}
    return {"anyOf": [several, items]} if schema.single else _or_template(several, levels)


def _record(schema: Record, levels: int | None) -> JsonSchema:
    properties: dict[str, Json] = {}
    for name, entry in schema.fields.items():
        inner = json_schema(entry.schema, _below(levels))
        properties[name] = _or_reserved(inner, levels, entry.description, removable=entry.removable)
    found: JsonSchema = {"type": "object", "additionalProperties": False, "properties": properties}
    required: list[Json] = [name for name, entry in schema.fields.items() if entry.required]
    if required and not schema.partial:
        found["required"] = required
    if schema.description:
        found["description"] = schema.description
    return found


def _map(schema: MapOf, levels: int | None) -> JsonSchema:
    pattern = schema.keys.pattern or "."
    entries = _or_reserved(json_schema(schema.of, _below(levels)), levels)
    found: JsonSchema = {"type": "object", "propertyNames": {"pattern": pattern}, "additionalProperties": entries}
    # Not two alternatives: of those that fail, the library collects every error before it tells one.
    names: JsonSchema = {"type": ["object", "array"], "items": {"type": "string", "pattern": pattern}}
    return {**found, **names} if schema.names else found


def _kind(kind: KindSchema) -> JsonSchema:
    found = json_schema(kind.items, kind.depth)
    if kind.options or kind.depths:
        properties = found.setdefault("properties", {})
        assert isinstance(properties, dict)
        for name, depth in kind.depths.items():
            schema = child(kind.items, name)
            assert schema is not None
            properties[name] = json_schema(schema, depth - 1)
        if kind.options and isinstance(kind.items, MapOf) and kind.items.keys.pattern:
            found["propertyNames"] = {"pattern": f"{kind.items.keys.pattern}|^({'|'.join(kind.options)})$"}
        for name, entry in kind.options.items():
            properties[name] = _or_reserved(json_schema(entry.schema, _INSIDE), _INSIDE, entry.description)
    return {**found, "description": kind.description} if kind.description else found


def _below(levels: int | None) -> int | None:
    return None if levels is None else max(levels - 1, _INSIDE)


def _or_template(schema: JsonSchema, levels: int | None) -> JsonSchema:
    """The schema proper comes first: error messages follow that branch."""
    return schema if levels is None else {"anyOf": [schema, {"type": "string", "pattern": TEMPLATE_PATTERN}]}


def _or_reserved(
    schema: JsonSchema, levels: int | None, description: str = "", *, removable: bool = False
) -> JsonSchema:
    """The schema of an entry, or a reserved value: an item may be both, a field be absent only where it is removable."""
    words = ("absent", "unmanaged") if levels == _ITEM or removable else ("unmanaged",)
    if levels in (_ITEM, _INSIDE):
        reserved: list[Json] = [{"$ref": f"#/$defs/{word}"} for word in words]
        schema = {"anyOf": [schema, *reserved]}
    return {**schema, "description": description} if description else schema
