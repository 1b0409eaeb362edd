"""Places in documents as JSON, for what is kept in files."""

from __future__ import annotations

from reconciler.model.tree import Origin
from reconciler.model.values import Json


def origin_to_json(origin: Origin | None) -> Json:
    return None if origin is None else [origin.file, origin.line, origin.column]


def origin_from_json(value: Json) -> Origin | None:
    """Raises ValueError for what is no such place."""
    match value:
        case None:
            return None
        case [str(file), int(line), int(column)]:
            return Origin(file, line, column)
    raise ValueError("a place in a document is a file, a line and a column")
