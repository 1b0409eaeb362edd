"""Values as VS Code writes them."""

from __future__ import annotations

import json
import math
import re
from typing import Final

from reconciler.formats.jsonc.layout import Style
from reconciler.formats.jsonc.parts import DEEPEST, MOST_DIGITS, Json

_TOO_LARGE: Final[int] = 10**MOST_DIGITS
_HALF_A_CHARACTER = re.compile("[\ud800-\udfff]")


def written(value: Json, indent: str | None, style: Style) -> str:
    """`value` over several lines of which all but the first begin with `indent`; on one line for None."""
    match value:
        case dict() if value:
            parts = [f"{quoted(key)}: {written(item, _deeper(indent, style), style)}" for key, item in value.items()]
            return _enclosed("{", parts, "}", indent, style)
        case list() if value:
            parts = [written(item, _deeper(indent, style), style) for item in value]
            return _enclosed("[", parts, "]", indent, style)
        case str():
            return quoted(value)
        case _:
            return json.dumps(value)


def quoted(text: str) -> str:
    # What stands for an undecodable byte would be written as that byte, and no reader takes it.
    return _HALF_A_CHARACTER.sub(lambda half: f"\\u{ord(half[0]):04x}", json.dumps(text, ensure_ascii=False))


def require_json(value: object) -> None:
    """Raises ValueError for what JSON cannot hold, and for what nests deeper than is read."""
    waiting = [(value, 0)]
    while waiting:
        inner, depth = waiting.pop()
        if isinstance(inner, (dict, list)) and depth == DEEPEST:
            raise ValueError(f"the value is nested more than {DEEPEST} deep")
        if isinstance(inner, dict):
            if not all(isinstance(key, str) for key in inner):
                raise ValueError("the names of members must be text")
            waiting += ((item, depth + 1) for item in inner.values())
        elif isinstance(inner, list):
            waiting += ((item, depth + 1) for item in inner)
        elif not (inner is None or isinstance(inner, str) or _is_finite(inner)):
            raise ValueError(f"this {type(inner).__name__} cannot be written as JSON")


def _is_finite(value: object) -> bool:
    """Whether it is a number that is read again as it is."""
    if isinstance(value, int):
        return abs(value) < _TOO_LARGE
    return isinstance(value, float) and math.isfinite(value)


def _deeper(indent: str | None, style: Style) -> str | None:
    return None if indent is None else indent + style.unit


def _enclosed(opener: str, parts: list[str], closer: str, indent: str | None, style: Style) -> str:
    if indent is None:
        return opener + ", ".join(parts) + closer
    line = style.line_end + indent
    return opener + ",".join(f"{line}{style.unit}{part}" for part in parts) + line + closer
