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
    of: Schema
    expected: str = "a list"

    def json_schema(self) -> JsonSchema:
        return {"type": "array", "items": self.of.json_schema()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One key of a record. `removable` lets it be `{absent: true}`."""

    schema: Schema
    description: str = ""
    required: bool = False
    removable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A mapping with known keys. `build` makes the item from the values by name; None keeps the mapping."""

    fields: Mapping[str, Field]
    build: Callable[..., object] | None = None
    expected: str = "a mapping"
    description: str = ""

    def json_schema(self) -> JsonSchema:
        properties: dict[str, Json] = {}
        for name, entry in self.fields.items():
            properties[name] = or_reserved(entry.schema.json_schema(), entry.description, entry.removable)
        schema: JsonSchema = {"type": "object", "additionalProperties": False, "properties": properties}
        required: list[Json] = [name for name, entry in self.fields.items() if entry.required]
        if required:
            schema["required"] = required
        if self.description:
            schema["description"] = self.description
        return schema


@dataclass(frozen=True, slots=True, kw_only=True)
class MapOf:
    """A mapping whose keys people choose."""

    of: Schema
    keys: Text = field(default_factory=lambda: Text(expected="a name"))
    expected: str = "a mapping"

    def json_schema(self) -> JsonSchema:
        names = self.keys.json_schema() if not self.keys.pattern else {"pattern": self.keys.pattern}
        return {"type": "object", "propertyNames": names, "additionalProperties": or_reserved(self.of.json_schema(), "", True)}


Schema = Text | Boolean | Integer | FreeJson | RepoPath | ListOf | Record | MapOf


@dataclass(frozen=True, slots=True, kw_only=True)
class KindSchema:
    """What stands under a kind's name. `depth` counts the mappings down to an item: 1 `{NAME: item}`, 2 `{SECTION: {KEY: item}}`.

    An item deeper than one level is named with its keys joined by dots. `options` are reserved keys beside the items,
    handed to the kind apart from them. `check` gets an item's name and its typed value (templates rendered where it has
    any) and names what is wrong with it, before any machine is asked.
    """

    items: MapOf | Record
    depth: int = 1
    options: Mapping[str, Field] = field(default_factory=dict)
    description: str = ""
    check: Callable[[str, object], tuple[Complaint, ...]] | None = None

    @property
    def takes_names(self) -> bool:
        """Whether a list of names may stand for items that need no fields."""
        if self.depth != 1 or not isinstance(self.items, MapOf) or not isinstance(self.items.of, Record):
            return False
        return not any(entry.required for entry in self.items.of.fields.values())

    def json_schema(self) -> JsonSchema:
        schema = self.items.json_schema()
        properties = schema.setdefault("properties", {})
        assert isinstance(properties, dict)
        for name, entry in self.options.items():
            properties[name] = or_reserved(entry.schema.json_schema(), entry.description, False)
        if self.takes_names and isinstance(self.items, MapOf):
            schema = {"anyOf": [schema, {"type": "array", "items": {"type": "string", "pattern": self.items.keys.pattern or "."}}]}
        return {**schema, "description": self.description} if self.description else schema


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
    return Record(fields=fields, build=item)


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
