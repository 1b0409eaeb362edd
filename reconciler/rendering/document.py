"""A described machine as a reconcile.yaml: what it is now, with a comment wherever something is left out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
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
        lines += ["", f"{layer.value}:"]
        body = [line for kind in kinds for line in _kind(kind)]
        lines += (
            body if any(not line.lstrip().startswith("#") for line in body) else [f"  {line.lstrip()}" for line in body]
        )
    return "\n".join(_without_empty(lines)) + "\n"


def _without_empty(lines: Sequence[str]) -> Iterator[str]:
    """A section in which only comments are left is no mapping: it becomes a comment too."""
    for number, line in enumerate(lines):
        is_section = re.fullmatch(r" *[a-z_A-Z0-9]+:", line) is not None
        yield f"# {line} (nothing that a document may say)" if is_section and not _has_body(lines, number) else line


def _has_body(lines: Sequence[str], number: int) -> bool:
    depth = len(lines[number]) - len(lines[number].lstrip())
    for line in lines[number + 1 :]:
        if line.strip() and not line.lstrip().startswith("#"):
            return len(line) - len(line.lstrip()) > depth
    return False


def _kind(kind: DescribedKind) -> Iterator[str]:
    yield f"  {kind.kind}:"
    for remark in kind.remarks:
        yield f"    # {_comment(remark)}"
    deep = len(kind.items) > 0 and len(kind.items[0].path) > 1
    if not deep:
        yield from (line for item in kind.items for line in _item(item, 4))
        return
    for section, items in groupby(sorted(kind.items, key=lambda item: item.path[0]), key=lambda item: item.path[0]):
        yield f"    {section}:"
        yield from (line for item in items for line in _item(item, 6))


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
    return json.dumps(value, ensure_ascii=True)


def _scalar(text: str) -> str:
    """Plain where that is safe, else in double quotes: JSON's text is YAML's."""
    return text if _PLAIN.match(text) and text.lower() not in _WORDS else json.dumps(text, ensure_ascii=True)


def _comment(text: str) -> str:
    return visible(text)
