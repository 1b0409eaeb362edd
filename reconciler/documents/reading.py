"""Nodes as plain data, typed by a schema from the text as written. What does not fit stays text: validation names it."""

from __future__ import annotations

import math
import re
from typing import Final

from reconciler.model.schema import Boolean, FreeJson, Integer, ListOf, Schema, child
from reconciler.model.tree import Mapping, Node, Scalar, Sequence
from reconciler.model.values import RESERVED, Absent, Json, Unmanaged

_INTEGER: Final = re.compile(r"[-+]?(0|[1-9][0-9]*)\Z")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_FREE_INTEGER: Final = re.compile(r"([-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)\Z")
_BASES: Final = {"0o": 8, "0x": 16}
_LONGEST_NUMBER: Final = 30
_BOOLEANS: Final = {"true": True, "false": False}


def reserved(node: Node | None) -> Absent | Unmanaged | None:
    """`{absent: true}` and `{unmanaged: true}`, alone in their mapping."""
    if not isinstance(node, Mapping) or len(node.entries) != 1:
        return None
    ((key, value),) = node.entries
    if key.text in RESERVED and isinstance(value, Scalar) and value.text == "true":
        return RESERVED[key.text]
    return None


def data(schema: Schema | None, node: Node) -> Json:
    """The node as JSON-able data for the schema's check."""
    match node:
        case Scalar():
            return scalar(schema, node)
        case Sequence(items=items):
            return [data(child(schema, 0) if schema else None, item) for item in items]
        case Mapping(entries=entries):
            if len(entries) == 1 and entries[0][0].text in RESERVED and not isinstance(schema, FreeJson):
                schema = None
            return {key.text: data(_of(schema, key.text), value) for key, value in entries}


def _of(schema: Schema | None, key: str) -> Schema | None:
    if schema is None:
        return Boolean() if key in RESERVED else None
    return child(schema, key)


def scalar(schema: Schema | None, node: Scalar) -> Json:
    if isinstance(schema, FreeJson):
        return free(node)
    if isinstance(schema, ListOf):
        return scalar(schema.of, node)
    if node.is_null:
        return None
    if isinstance(schema, Boolean):
        return _BOOLEANS.get(node.text, node.text)
    if isinstance(schema, Integer):
        return integer(node.text)
    return node.text


def integer(text: str) -> int | str:
    return int(text) if len(text) <= _LONGEST_NUMBER and _INTEGER.match(text) else text


def free(node: Node) -> Json:
    """By YAML 1.2's core schema: `yes`, `on` and dates stay text; what no JSON can hold, such as `.inf`, too."""
    match node:
        case Sequence(items=items):
            return [free(item) for item in items]
        case Mapping(entries=entries):
            return {key.text: free(value) for key, value in entries}
        case Scalar(plain=False):
            return node.text
        case Scalar(text=text):
            return None if node.is_null else _free_scalar(text)


def _free_scalar(text: str) -> Json:
    if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return text.lower() == "true"
    if len(text) > _LONGEST_NUMBER:
        return text
    if _FREE_INTEGER.match(text):
        return int(text, _BASES.get(text[:2], 10))
    number = float(text) if _FLOAT.match(text) else math.inf
    return number if math.isfinite(number) else text
