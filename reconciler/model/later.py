"""What a template gives in place of a value while, or because, a fact has none."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Later:
    """Facts are not gathered yet. `names` are the dotted names that the value waits for, such as `facts.libc`."""

    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class NoValue:
    """A derived fact that has no value on this target; `why` is shown to people. Given as a fact, it comes back out."""

    why: str
