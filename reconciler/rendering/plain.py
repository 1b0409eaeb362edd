"""Values as JSON and YAML can hold them: whatever a file or a host gave."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Final

from reconciler.model.values import Json

_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def document_text(text: str) -> str:
    """The text itself. What is no Unicode (bytes read with surrogateescape) is written `\\xNN`."""
    return _SURROGATE.sub(_escape, text)


def document_value(value: object) -> Json:
    """A field's value; what is none, a secret first of all, is null."""
    match value:
        case bool() | int():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case str():
            return document_text(value)
        case Mapping():
            return {document_text(str(key)): document_value(entry) for key, entry in value.items()}
        case list() | tuple():
            return [document_value(entry) for entry in value]
        case _:
            return None


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"
