"""What is to be said of one key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType

Value = bool | int | str


class ValueType(Enum):
    """How WSL reads a value; the value is what to call it in a sentence."""

    BOOLEAN = "true or false"
    INTEGER = "an integer"
    SIZE = "a size"
    TEXT = "text"
    PATH = "a path"
    CHOICE = "one of a list"
    MAC_ADDRESS = "a MAC address"
    IPV4_ADDRESS = "an IPv4 address"
    PORTS = "ports from 1 to 65535 with commas between them"
    MOUNT_ROOT = "a directory"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key. `name` is `section.key` as WSL spells it; WSL compares it, and `aliases`, without case.

    `default` is what WSL starts from, before it looks at the host; None is "not set". `choices` maps every accepted
    spelling to the choice it stands for. `note` says what surprises.
    """

    name: str
    type: ValueType
    default: Value | None
    description: str
    note: str = ""
    aliases: tuple[str, ...] = ()
    choices: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def section(self) -> str:
        return self.name.partition(".")[0]

    @property
    def key(self) -> str:
        return self.name.partition(".")[2]
