"""A described machine as a reconcile.yaml: what it is now, with a comment wherever something is left out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final

from reconciler.model.description import DescribedItem, DescribedKind, Description
from reconciler.rendering.visible import visible

_PLAIN: Final = re.compile(r"[A-Za-z/~][A-Za-z0-9_./-]*\Z")
_WORDS: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_HEAD: Final = (
    "# This machine as `reconcile init` found it: `reconcile plan` is in sync.",
    "# Change a value, and plan shows what would follow; `{absent: true}` removes, `{unmanaged: true}` leaves alone.",
    "version: 1",
)


def document_yaml(described: Description) -> str:
    lines = [*_HEAD, *(f"# not looked at: {_comment(reason)}" for reason in described.missing)]
    for layer, kinds in groupby(described.kinds, key=lambda kind: kind.layer):
        lines += ["", *_section(layer.value, 0, [line for kind in kinds for line in _kind(kind)])]
    return "\n".join(lines) + "\n"


def _section(name: str, indent: int, body: Sequence[str]) -> list[str]:
    """A mapping and what is in it; where that is comments only, it is no mapping and becomes a comment too."""
    says_something = any(not line.lstrip().startswith("#") for line in body)
    head = f"{name}:" if says_something else f"# {name}: nothing that a document may say"
    return [" " * indent + head, *body]


def _kind(kind: DescribedKind) -> list[str]:
    body = [f"    # {_comment(remark)}" for remark in kind.remarks]
    if kind.items and len(kind.items[0].path) == 1:
        return _section(kind.kind, 2, [*body, *(line for item in kind.items for line in _item(item, 4))])
    for section, items in groupby(sorted(kind.items, key=lambda item: item.path[0]), key=lambda item: item.path[0]):
        body += _section(section, 4, [line for item in items for line in _item(item, 6)])
    return _section(kind.kind, 2, body)


def _item(item: DescribedItem, indent: int) -> Iterator[str]:
    blanks, name = " " * indent, item.path[-1]
    if not item.sayable:
        yield f"{blanks}# {_comment(name)}: {_comment(item.reason or '')}"
        return
    if item.reason is not None:
        yield f"{blanks}{_scalar(name)}: {{unmanaged: true}}  # {_comment(item.reason)}"
        return
    yield f"{blanks}{_scalar(name)}: {_value(item.value)}"


def _value(value: object) -> str:
    if isinstance(value, str):
        return _scalar(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_scalar(str(key))}: {_value(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value, ensure_ascii=True)


def _scalar(text: str) -> str:
    """Plain where that is safe, else in double quotes: JSON's text is YAML's."""
    return text if _PLAIN.match(text) and text.lower() not in _WORDS else json.dumps(text, ensure_ascii=True)


def _comment(text: str) -> str:
    return visible(text)
