"""What most kinds share: their items, and paths as people write them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from reconciler.model import ledger
from reconciler.model.address import Layer
from reconciler.model.claims import Need, Path
from reconciler.model.facts import NEEDS_ROOT, Fact, FactSheet, PathInfo, PathState, PathType
from reconciler.model.resource import Blocked, Unknown
from reconciler.model.schema import KindSchema, Text
from reconciler.model.tasks import MakeDirectory
from reconciler.model.values import Json

ABSOLUTE_PATH: Final = Text(
    pattern=r"^/(?!.*(//|/\.{1,2}(/|$)))[^\x00-\x1f\x7f]*[^/\x00-\x1f\x7f]$",
    expected="an absolute path without .. and without / at its end",
    fixed=True,
)
USER_PATH: Final = Text(
    pattern=r"^(~/|/)(?!.*(//|/\.{1,2}(/|$)))(?!\.{1,2}(/|$))[^\x00-\x1f\x7f]*[^/\x00-\x1f\x7f]$",
    expected="a path that begins with ~/ or /, without .. and without / at its end",
    fixed=True,
)
MODE: Final = Text(pattern=r"^[0-7]{3,4}$", expected='octal digits such as "0644"')
ACCOUNT_NAME: Final = Text(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*\$?$", expected="a user's or group's name", fixed=True)


class Base:
    """Holds the items. A kind overrides what it needs."""

    def __init__(self, *, items: Mapping[str, object], options: Mapping[str, object], layer: Layer) -> None:
        self.items = items
        self.options = options
        self.layer = layer

    @classmethod
    def schema(cls, layer: Layer) -> KindSchema:
        raise NotImplementedError

    @classmethod
    def as_declared(
        cls, layer: Layer, name: str, seen: Mapping[str, Json], data: bytes | None, after: Mapping[str, Json] | None
    ) -> object | None:
        return cls.schema(layer).declared(name, seen)

    @classmethod
    def is_as_left(cls, seen: Mapping[str, Json] | None, after: Mapping[str, Json] | None) -> bool:
        return ledger.is_same(seen, after)

    def implied(self, sheet: FactSheet) -> Mapping[str, object]:
        return {}

    def remarks(self, sheet: FactSheet) -> Sequence[str]:
        return ()


def path_name(layer: Layer) -> Text:
    """How a path is written as an item's name in a layer."""
    return USER_PATH if layer is Layer.USER else ABSOLUTE_PATH


def parents(path: str) -> list[str]:
    """The folders above a path, the nearest first, without the root or the home."""
    found = []
    while (path := path.rpartition("/")[0]) not in ("", "~"):
        found.append(path)
    return found


def parent_facts(path: str) -> frozenset[Fact]:
    return frozenset(PathInfo(above) for above in parents(path))


def parent_needs(path: str, sheet: FactSheet) -> tuple[Need, ...]:
    """The folders a path stands in, the topmost first; a missing one is made, mode 0755, unless an item provides it."""
    return tuple(folder_need(folder, sheet) for folder in reversed(parents(path)))


def folder_need(folder: str, sheet: FactSheet) -> Need:
    """A folder that is made, mode 0755, where it is missing and no item provides it."""
    state = sheet.path(folder)
    return Need(Path(folder), otherwise=(MakeDirectory(path=state.path),) if state.type is PathType.MISSING else ())


def octal(mode: int | None) -> str | None:
    """A mode in normal form: four octal digits."""
    return None if mode is None else f"{mode:04o}"


def normal_mode(text: str) -> str:
    return f"{int(text, 8):04o}"


def in_the_way(state: PathState, wanted: str) -> Blocked:
    """Something else stands where `wanted` should; it is never replaced."""
    found = f"a link to {state.link}" if state.type is PathType.LINK else f"a {state.type}"
    return Blocked(f"{state.path} is {found}, not {wanted}", fix="move it away, or declare it under the kind it is")


def distrusted(state: PathState) -> str | None:
    """Why root keeps out of a place, in words."""
    return (
        f"{state.distrusted} can be written by others, so root keeps out: declare it under user:"
        if state.distrusted
        else None
    )


def unseen(state: PathState) -> Blocked | Unknown:
    """What is said of a place that was not looked at: root keeps out of it, or only root may look."""
    refusal = distrusted(state)
    return Blocked(refusal) if refusal else Unknown(NEEDS_ROOT)
