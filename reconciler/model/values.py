"""The values an item or a field may have beside its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


@dataclass(frozen=True, slots=True)
class Absent:
    """Not on the machine: `{absent: true}`."""


@dataclass(frozen=True, slots=True)
class Unmanaged:
    """As the machine has it: `{unmanaged: true}` withdraws what lower ranks say."""


ABSENT: Final = Absent()
UNMANAGED: Final = Unmanaged()

RESERVED: Final[Mapping[str, Absent | Unmanaged]] = {"absent": ABSENT, "unmanaged": UNMANAGED}


@dataclass(frozen=True, slots=True)
class RepoFile:
    """The bytes of a file of the repo, named under `source:`; `path` is relative to the repo."""

    path: str
    data: bytes
