"""What a template gave, as the type of the field it stands in."""

from __future__ import annotations

from reconciler.documents import reading
from reconciler.model.errors import DocumentError, Problem
from reconciler.model.later import Later
from reconciler.model.schema import Boolean, FreeJson, Integer, ListOf, Schema, Text
from reconciler.model.secrets import SecretText
from reconciler.model.tree import Origin, Scalar


def typed(schema: Schema | None, value: object, origin: Origin) -> object:
    """The value by its field's own type, from its text. DocumentError: it is not of that type."""
    if isinstance(value, Later | SecretText) or schema is None or isinstance(schema, FreeJson):
        return value
    if isinstance(schema, ListOf):
        several = value if isinstance(value, list | tuple) else (value,)
        return tuple(typed(schema.of, entry, origin) for entry in several)
    text = _as_written(value)
    found = reading.scalar(schema, Scalar(text, origin, plain=False)) if text is not None else None
    if not _fits(schema, found):
        shown = f'"{text}"' if text is not None else "a list" if isinstance(value, list | tuple) else "a mapping"
        raise DocumentError([Problem(f"the expression gives {shown}; expected {schema.expected}", origin)])
    return found


def _fits(schema: Schema, value: object) -> bool:
    match schema:
        case Boolean():
            return isinstance(value, bool)
        case Integer():
            return isinstance(value, int) and schema.reads(value)
        case Text():
            return isinstance(value, str) and schema.reads(value)
        case _:
            return isinstance(value, str)


def _as_written(value: object) -> str | None:
    """A rendered value as a document would write it; None for what is no scalar."""
    match value:
        case bool():
            return "true" if value else "false"
        case str() | int() | float():
            return str(value)
        case _:
            return None
