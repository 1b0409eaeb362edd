"""Who is meant: layers, targets and the address of one item."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

WINDOWS_KEY = "windows"


class Layer(StrEnum):
    """The three isolation layers, in the order in which they are changed."""

    WINDOWS = "windows"
    DISTRO = "distro"
    USER = "user"


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """One layer of one workstation: `lt/windows`, `lt/main` or `lt/main/alice`. A missing `distro` means the Windows host."""

    workstation: str
    distro: str | None = None
    user: str | None = None

    @property
    def layer(self) -> Layer:
        if self.distro is None:
            return Layer.WINDOWS
        return Layer.DISTRO if self.user is None else Layer.USER

    @property
    def machine(self) -> Target:
        """What one door reaches: the distro with all its users, or the Windows host."""
        return Target(self.workstation, self.distro)

    def __str__(self) -> str:
        return "/".join([self.workstation, self.distro or WINDOWS_KEY, *([self.user] if self.user else [])])

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError where `text` is not WORKSTATION/windows, WORKSTATION/DISTRO or WORKSTATION/DISTRO/USER."""
        parts = text.split("/")
        if len(parts) not in (2, 3) or not all(parts) or (parts[1] == WINDOWS_KEY and len(parts) == 3):
            raise ValueError(text)
        if parts[1] == WINDOWS_KEY:
            return cls(parts[0])
        return cls(*parts)


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """The name of one item everywhere: `alice-lt/main/alice:go_env:GOPROXY`. The item itself may hold colons."""

    target: Target
    kind: str
    item: str

    def __str__(self) -> str:
        return f"{self.target}:{self.kind}:{self.item}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError where `text` is not TARGET:KIND:ITEM."""
        parts = text.split(":", 2)
        if len(parts) != 3 or not parts[1] or not parts[2]:
            raise ValueError(text)
        return cls(Target.parse(parts[0]), parts[1], parts[2])
