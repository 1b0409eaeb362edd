"""A YAML document as read: text and places, no types. Scalars are typed later, by the schema of where they stand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value was written. Lines and columns count from 1; `file` is shown to people, relative where it can be."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Scalar:
    """`text` is the scalar's own text after YAML's quoting; `plain` says that it stood without quotes."""

    text: str
    origin: Origin
    plain: bool = True

    @property
    def is_null(self) -> bool:
        """YAML 1.2's null: nothing, `~` or `null`, without quotes."""
        return self.plain and self.text in ("", "~", "null", "Null", "NULL")


@dataclass(frozen=True, slots=True)
class Sequence:
    items: tuple[Node, ...]
    origin: Origin


@dataclass(frozen=True, slots=True)
class Mapping:
    """Entries in the order written; the loader refuses duplicate keys."""

    entries: tuple[tuple[Scalar, Node], ...]
    origin: Origin

    def get(self, key: str) -> Node | None:
        return next((node for name, node in self.entries if name.text == key), None)

    def key(self, key: str) -> Scalar | None:
        return next((name for name, _ in self.entries if name.text == key), None)

    def __iter__(self) -> Iterator[tuple[Scalar, Node]]:
        return iter(self.entries)


Node = Scalar | Sequence | Mapping
