"""The shape of what a kind lets people write: types that a document's text is read by, and the JSON Schema of them.

A schema is data. `documents/` types scalars by it, from the text as written; `json_schema()` is published for editors
and checked by the jsonschema library.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import UnionType
from typing import Annotated, Final, Union, get_args, get_origin, get_type_hints

from reconciler.model.values import Json, RepoFile

TEMPLATE_PATTERN: Final = r"\{\{[\s\S]*\}\}"

JsonSchema = dict[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A string. `expected` says in words what is meant, `fixed` that no facts or secrets may stand in it."""

    pattern: str | None = None
    choices: tuple[str, ...] = ()
    expected: str = "text"
    fixed: bool = False
    empty: bool = True

    def json_schema(self) -> JsonSchema:
        schema: JsonSchema = {"type": "string", "description": self.expected}
        if self.choices:
            schema["enum"] = list(self.choices)
        if self.pattern:
            schema["pattern"] = self.pattern
        if not self.empty:
            schema["minLength"] = 1
        return schema if not (self.choices or self.pattern) else or_template(schema)

    def reads(self, text: str) -> bool:
        """Whether the text, without templates in it, is of this type."""
        if self.choices and text not in self.choices:
            return False
        if not text and not self.empty:
            return False
        return self.pattern is None or re.search(self.pattern, text) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Boolean:
    expected: str = "true or false"

    def json_schema(self) -> JsonSchema:
        return or_template({"type": "boolean"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Integer:
    minimum: int | None = None
    maximum: int | None = None
    expected: str = "a whole number"

    def json_schema(self) -> JsonSchema:
        schema: JsonSchema = {"type": "integer"}
        if self.minimum is not None:
            schema["minimum"] = self.minimum
        if self.maximum is not None:
            schema["maximum"] = self.maximum
        return or_template(schema)


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeJson:
    """Any value by YAML 1.2's own rules, null included: what an editor's settings take. Objects merge."""

    expected: str = "any value"

    def json_schema(self) -> JsonSchema:
        return {}


class RepoUse(StrEnum):
    """What is done with a file of the repo that a field names."""

    SOURCE = "source"
    TEMPLATE = "template"


@dataclass(frozen=True, slots=True, kw_only=True)
class RepoPath:
    """The path of a regular file inside the repo; the field's value is the file's content, rendered if a template."""

    use: RepoUse
    expected: str = "the path of a file in the repo"

    def json_schema(self) -> JsonSchema:
        return {"type": "string", "minLength": 1, "description": self.expected}


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOf:
    """`single` lets one value stand for a list of one."""

    of: Schema
    expected: str = "a list"
    single: bool = False

    def json_schema(self) -> JsonSchema:
        items = self.of.json_schema()
        several: JsonSchema = {"type": "array", "items": items}
        return {"anyOf": [several, items]} if self.single else several


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One key of a record. `removable` lets it be `{absent: true}`."""

    schema: Schema
    description: str = ""
    required: bool = False
    removable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A mapping with known keys. `build` makes the item from the values by name; None keeps the mapping.

    Of an item, every document may write only some fields: what is required is asked for after merging (`partial`).
    """

    fields: Mapping[str, Field]
    build: Callable[..., object] | None = None
    partial: bool = False
    expected: str = "a mapping"
    description: str = ""

    def json_schema(self) -> JsonSchema:
        properties: dict[str, Json] = {}
        for name, entry in self.fields.items():
            properties[name] = or_reserved(entry.schema.json_schema(), entry.description, entry.removable)
        schema: JsonSchema = {"type": "object", "additionalProperties": False, "properties": properties}
        required: list[Json] = [name for name, entry in self.fields.items() if entry.required]
        if required and not self.partial:
            schema["required"] = required
        if self.description:
            schema["description"] = self.description
        return schema


@dataclass(frozen=True, slots=True, kw_only=True)
class MapOf:
    """A mapping whose keys people choose. `names` lets a list of names stand for entries without fields."""

    of: Schema
    keys: Text = field(default_factory=lambda: Text(expected="a name"))
    expected: str = "a mapping"
    names: bool = False

    def json_schema(self) -> JsonSchema:
        pattern = self.keys.pattern or "."
        entries = or_reserved(self.of.json_schema(), "", True)
        schema: JsonSchema = {"type": "object", "propertyNames": {"pattern": pattern}, "additionalProperties": entries}
        if not self.names:
            return schema
        return {"anyOf": [schema, {"type": "array", "items": {"type": "string", "pattern": pattern}}]}




@dataclass(frozen=True, slots=True, kw_only=True)
class KindSchema:
    """What stands under a kind's name. `depth` counts the mappings down to an item: 1 `{NAME: item}`, 2 `{SECTION: {KEY: item}}`.

    An item deeper than one level is named with its keys joined by dots. `options` are reserved keys beside the items,
    handed to the kind apart from them. `check` gets an item's name and its typed fields (`{"value": …}` for an item that is
    one value; a document may hold only some fields, and templates not rendered yet are `Later`) and names what is wrong,
    before any machine is asked.
    """

    items: MapOf | Record
    depth: int = 1
    options: Mapping[str, Field] = field(default_factory=dict)
    description: str = ""
    check: Callable[[str, Mapping[str, object]], tuple[Complaint, ...]] | None = None

    @property
    def body(self) -> KindBody:
        return KindBody(kind=self)

    def item_schema(self, path: tuple[str, ...]) -> Schema | None:
        """The schema of the item at `path` (as many keys as `depth`), None where there is no such item."""
        schema: Schema | None = self.items
        for key in path:
            schema = child(schema, key) if schema is not None else None
        return schema

    def json_schema(self) -> JsonSchema:
        schema = self.items.json_schema()
        if self.options:
            properties = schema.setdefault("properties", {})
            assert isinstance(properties, dict)
            for name, entry in self.options.items():
                properties[name] = or_reserved(entry.schema.json_schema(), entry.description, False)
        return {**schema, "description": self.description} if self.description else schema


@dataclass(frozen=True, slots=True, kw_only=True)
class KindBody:
    """A kind's schema where a document's schema needs one."""

    kind: KindSchema

    @property
    def expected(self) -> str:
        return self.kind.items.expected

    def json_schema(self) -> JsonSchema:
        return self.kind.json_schema()


def child(schema: Schema, key: str | int) -> Schema | None:
    """The schema of what stands under `key`, None where nothing may."""
    match schema:
        case Record(fields=fields):
            return fields[key].schema if isinstance(key, str) and key in fields else None
        case MapOf(of=of) | ListOf(of=of):
            return of
        case KindBody(kind=kind):
            if isinstance(key, int):
                return Text(expected="a name")
            return kind.options[key].schema if key in kind.options else child(kind.items, key)
        case FreeJson():
            return schema
        case _:
            return None


Schema = Text | Boolean | Integer | FreeJson | RepoPath | ListOf | Record | MapOf | KindBody


@dataclass(frozen=True, slots=True)
class Complaint:
    """What a kind finds wrong with an item in a document; `field` names the field meant, None the item itself."""

    what: str
    fix: str | None = None
    field: str | None = None


def or_template(schema: JsonSchema) -> JsonSchema:
    """The schema, or text with an expression in it. The schema proper comes first: error messages follow that branch."""
    return {"anyOf": [schema, {"type": "string", "pattern": TEMPLATE_PATTERN}]}


def or_reserved(schema: JsonSchema, description: str, removable: bool) -> JsonSchema:
    """The schema, or one of the reserved values that may stand there."""
    names = ("absent", "unmanaged") if removable else ("unmanaged",)
    reserved: list[Json] = [{"$ref": f"#/$defs/{name}"} for name in names]
    both: JsonSchema = {"anyOf": [schema, *reserved]}
    return {**both, "description": description} if description else both


def described(text: str, *, removable: bool = False) -> dict[str, object]:
    """Metadata for a dataclass field: `owner: str | None = field(default=None, metadata=described("…"))`."""
    return {"description": text, "removable": removable}


def record_of(item: type) -> Record:
    """The schema that a frozen dataclass is: its annotations are types, its defaults make fields optional."""
    hints = get_type_hints(item, include_extras=True)
    fields: dict[str, Field] = {}
    for entry in dataclasses.fields(item):
        required = entry.default is dataclasses.MISSING and entry.default_factory is dataclasses.MISSING
        fields[entry.name] = Field(
            schema=_schema_of(hints[entry.name]),
            description=str(entry.metadata.get("description", "")),
            required=required,
            removable=bool(entry.metadata.get("removable", False)),
        )
    return Record(fields=fields, build=item, partial=True)


def _schema_of(hint: object) -> Schema:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return next(extra for extra in arguments[1:] if isinstance(extra, Schema))
    if origin in (Union, UnionType):
        (only,) = [argument for argument in arguments if argument is not type(None)]
        return _schema_of(only)
    if origin is tuple:
        return ListOf(of=_schema_of(arguments[0]))
    simple: dict[object, Schema] = {str: Text(), bool: Boolean(), int: Integer(), RepoFile: RepoPath(use=RepoUse.SOURCE)}
    return simple[hint]
