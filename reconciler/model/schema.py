"""The shape of what a kind lets people write: types that a document's text is read by.

A schema is data. `documents/` types scalars by it, from the text as written; `json_schema` makes of it what editors use
and what the jsonschema library checks.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import UnionType
from typing import Annotated, Final, Union, get_args, get_origin, get_type_hints

from reconciler.model.values import RepoFile

UNSEEN: Final = re.compile("[\0-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]")
"""Control characters, and those that make a name read otherwise than it is: no name or path may hold one. Nor a last
line end, before which `$` would match."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A string. `expected` says in words what is meant, `fixed` that no facts or secrets may stand in it."""

    pattern: str | None = None
    choices: tuple[str, ...] = ()
    expected: str = "text"
    fixed: bool = False
    empty: bool = True

    @property
    def is_free(self) -> bool:
        """Whether any text will do: names, paths and choices are not free."""
        return not (self.pattern or self.choices or self.fixed)

    def reads(self, text: str) -> bool:
        """Whether the text, without templates in it, is of this type."""
        if self.choices and text not in self.choices:
            return False
        if not text and not self.empty:
            return False
        if not self.is_free and UNSEEN.search(text):
            return False
        return self.pattern is None or re.search(self.pattern, text) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Boolean:
    expected: str = "true or false"


@dataclass(frozen=True, slots=True, kw_only=True)
class Integer:
    minimum: int | None = None
    maximum: int | None = None
    expected: str = "a whole number"

    def reads(self, number: int) -> bool:
        return (self.minimum is None or number >= self.minimum) and (self.maximum is None or number <= self.maximum)


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeJson:
    """Any value by YAML 1.2's own rules, null included: what an editor's settings take. Objects merge."""

    expected: str = "any value"


class RepoUse(StrEnum):
    """What is done with a file of the repo that a field names."""

    SOURCE = "source"
    TEMPLATE = "template"


@dataclass(frozen=True, slots=True, kw_only=True)
class RepoPath:
    """The path of a regular file inside the repo; the field's value is the file's content, rendered if a template."""

    use: RepoUse
    expected: str = "the path of a file in the repo"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOf:
    """`single` lets one value stand for a list of one, `empty` lets there be none."""

    of: Schema
    expected: str = "a list"
    single: bool = False
    empty: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One key of a record. `removable` lets a field of an item be `{absent: true}`."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class MapOf:
    """A mapping whose keys people choose. `names` lets a list of names stand for entries without fields."""

    of: Schema
    keys: Text = field(default_factory=lambda: Text(expected="a name"))
    expected: str = "a mapping"
    names: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KindSchema:
    """What stands under a kind's name. `depth` counts the mappings down to an item: 1 `{NAME: item}`, 2 `{SECTION: {KEY: item}}`.

    `depths` has another depth for what stands under some first keys. An item deeper than one level is named with its keys
    joined by `separator`, which no key but the last may hold. `options` are reserved keys beside the items, handed to the
    kind apart from them. `check` gets an item's name and its typed fields (`{"value": …}` for an item that is
    one value; a document may hold only some fields, and templates not rendered yet are `Later`) and names what is wrong,
    before any machine is asked.
    """

    items: MapOf | Record
    depth: int = 1
    depths: Mapping[str, int] = field(default_factory=dict)
    separator: str = "."
    options: Mapping[str, Field] = field(default_factory=dict)
    description: str = ""
    check: Callable[[str, Mapping[str, object]], tuple[Complaint, ...]] | None = None

    @property
    def body(self) -> KindBody:
        return KindBody(kind=self)

    def name_of(self, path: tuple[str, ...]) -> str:
        return self.separator.join(path)

    def path_of(self, name: str) -> tuple[str, ...]:
        """The keys of an item's name; fewer than its depth where there is no such item."""
        first = name.split(self.separator, 1)[0]
        return tuple(name.split(self.separator, self.depth_below(first) - 1))

    def depth_below(self, key: str) -> int:
        """How deep the items are that stand under a first key."""
        return self.depths.get(key, self.depth)

    def built(self, name: str, value: object) -> object:
        """An item as its kind takes it: of fields by name, what its schema builds."""
        schema = self.item_schema(self.path_of(name))
        if not isinstance(schema, Record) or schema.build is None or not isinstance(value, Mapping):
            return value
        return schema.build(**{key: tuple(field) if isinstance(field, list) else field for key, field in value.items()})

    def declared(self, name: str, seen: Mapping[str, object]) -> object:
        """What was seen of an item as a document would say it. KeyError: it lacks the one value."""
        item = self.item_schema(self.path_of(name))
        if not isinstance(item, Record):
            return seen["value"]
        return {key: value for key, value in seen.items() if value is not None and key in item.fields}

    def item_schema(self, path: tuple[str, ...]) -> Schema | None:
        """The schema of the item at `path` (as many keys as its depth), None where there is no such item."""
        schema: Schema | None = self.items
        for key in path:
            schema = child(schema, key) if schema is not None else None
        return schema


@dataclass(frozen=True, slots=True, kw_only=True)
class KindBody:
    """A kind's schema where a document's schema needs one."""

    kind: KindSchema

    @property
    def expected(self) -> str:
        return self.kind.items.expected


Schema = Text | Boolean | Integer | FreeJson | RepoPath | ListOf | Record | MapOf | KindBody


@dataclass(frozen=True, slots=True)
class Complaint:
    """What a kind finds wrong with an item in a document; `field` names the field meant, None the item itself."""

    what: str
    fix: str | None = None
    field: str | None = None


def child(schema: Schema, key: str | int) -> Schema | None:
    """The schema of what stands under `key`, None where nothing may."""
    match schema:
        case Record(fields=fields):
            return fields[key].schema if isinstance(key, str) and key in fields else None
        case ListOf(of=of):
            return of
        case MapOf(of=of):
            return of if isinstance(key, str) else schema.keys
        case KindBody(kind=kind):
            return kind.options[key].schema if key in kind.options and isinstance(key, str) else child(kind.items, key)
        case FreeJson():
            return schema
        case _:
            return None


def described(text: str, *, removable: bool = False) -> dict[str, object]:
    """Metadata for a dataclass field: `owner: str | None = field(default=None, metadata=described("…"))`."""
    return {"description": text, "removable": removable}


def record_of(item: type) -> Record:
    """The schema that a frozen dataclass is: its annotations are types, its defaults make fields optional. What no document
    can say, only a way back, is `undocumented`."""
    hints = get_type_hints(item, include_extras=True)
    fields: dict[str, Field] = {}
    for entry in dataclasses.fields(item):
        if "undocumented" in entry.metadata:
            continue
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
    simple: dict[object, Schema] = {
        str: Text(),
        bool: Boolean(),
        int: Integer(),
        RepoFile: RepoPath(use=RepoUse.SOURCE),
    }
    return simple[hint]
