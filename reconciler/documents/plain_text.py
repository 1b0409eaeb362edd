"""What no JSON Schema tells: templates where none is rendered, names that read otherwise than they are, days that no
calendar has, variables without a value.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from reconciler.documents.grammar import DATE
from reconciler.model.errors import Problem
from reconciler.model.schema import UNSEEN, FreeJson, KindBody, ListOf, MapOf, Schema, Text, child
from reconciler.model.tree import Mapping, Node, Scalar, Sequence


def problems(schema: Schema | None, node: Node, in_kind: bool = False) -> Iterator[Problem]:
    """`schema` None: an unknown key, which is named elsewhere; what stands below it is not looked at."""
    match node:
        case _ if schema is None:
            return
        case Scalar():
            yield from _scalar(schema, node, in_kind)
        case Sequence(items=items):
            for item in items:
                if isinstance(schema, KindBody | MapOf) and isinstance(item, Scalar):
                    yield from _key(item)
                else:
                    yield from problems(child(schema, 0), item, in_kind)
        case Mapping():
            for key, value in node:
                yield from _key(key)
                yield from problems(child(schema, key.text), value, in_kind or isinstance(schema, KindBody))


def _key(key: Scalar) -> Iterator[Problem]:
    if "{{" in key.text:
        yield Problem("a template in a key; templates are for values only", key.origin, fix="write the key out as text")
    else:
        yield from _unseen(key)


def _unseen(scalar: Scalar) -> Iterator[Problem]:
    found = UNSEEN.search(scalar.text)
    if found and found[0] == "\n":
        yield Problem("a line end in a name or path", scalar.origin, fix="write it on one line")
    elif found:
        what = f"the invisible character U+{ord(found[0]):04X} in a name or path"
        yield Problem(what, scalar.origin, fix="remove it; in a Windows path write / in place of \\")


def _scalar(schema: Schema, scalar: Scalar, in_kind: bool) -> Iterator[Problem]:
    schema = schema.of if isinstance(schema, ListOf) else schema
    is_free = isinstance(schema, Text) and schema.is_free
    if "{{" in scalar.text:
        if not in_kind and not is_free:
            yield _template(schema, scalar)
        return
    if isinstance(schema, FreeJson) and scalar.is_null and not in_kind:
        yield Problem("a variable without a value", scalar.origin, fix='write one; for empty text write ""')
    if isinstance(schema, Text) and not is_free:
        yield from _unseen(scalar)
    if schema == DATE and not _is_day(scalar.text):
        yield Problem(
            f'"{scalar.text}" is no day of the calendar', scalar.origin, fix="write a date such as 2027-03-31"
        )


def _template(schema: Schema, scalar: Scalar) -> Problem:
    if isinstance(schema, FreeJson):
        what = "a template in a variable; variables are not rendered, so it would stay as it is"
        return Problem(what, scalar.origin, fix="write the text itself, and join variables where they are used")
    what = "a template may not stand here; they are for the values of items"
    return Problem(what, scalar.origin, fix="write the text itself")


def _is_day(text: str) -> bool:
    if not DATE.reads(text):
        # What has not the form of a date is named by the schema.
        return True
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
