"""A machine as it is, as a document would say it."""

from __future__ import annotations

from dataclasses import dataclass, field

from reconciler.model.address import Layer


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedItem:
    """`path` are the keys down to the item. With a `reason` the document leaves it unmanaged, or, where its name cannot
    stand in a document (`sayable` false), only mentions it."""

    path: tuple[str, ...]
    value: object = None
    reason: str | None = None
    sayable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedKind:
    layer: Layer
    kind: str
    items: tuple[DescribedItem, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """Everything worth a line in the document, by layer and kind; `missing` says what could not be looked at."""

    kinds: tuple[DescribedKind, ...] = ()
    missing: tuple[str, ...] = field(default=())

    def summary(self) -> str:
        every = [item for kind in self.kinds for item in kind.items]
        left = sum(item.reason is not None for item in every)
        managed = f"{len(every) - left} items as they are"
        return f"{managed}, {left} left unmanaged" if left else managed
