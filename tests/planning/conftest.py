"""Kinds that exist for tests only, and the machine they are planned on."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path as File
from typing import TYPE_CHECKING

import pytest

from reconciler.model.address import Layer
from reconciler.model.claims import Claim, Need, Path, Running, Setting
from reconciler.model.facts import Fact, FactSheet, FileText, PathInfo
from reconciler.model.resource import (
    Blocked,
    Creation,
    Fields,
    FileEdit,
    NotApplicable,
    Observed,
    Part,
    Seen,
    Want,
)
from reconciler.model.secrets import Secret
from reconciler.model.states import Effect, Risk
from reconciler.model.tasks import RunCommand
from reconciler.model.values import ABSENT, Absent
from reconciler.resources.base import Base
from reconciler.resources.members import MemberKind

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine

SHARED = "/etc/shared.conf"
FSTAB = "/etc/fstab"


@dataclass(frozen=True, slots=True)
class Lines:
    """Members are `key=value` lines; everything else in the file stays."""

    def members(self, text: str) -> Mapping[str, str]:
        return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)

    def edit(self, text: str, changes: Mapping[str, str | None]) -> str:
        lines = [line for line in text.splitlines() if line.partition("=")[0] not in changes]
        lines += [f"{name}={value}" for name, value in changes.items() if value is not None]
        return "".join(f"{line}\n" for line in lines)


class LinesKind(MemberKind):
    """Members of a shared file, each a text."""

    path = SHARED
    codec = Lines()
    creation = Creation()
    effect = Effect.NOW
    risks: frozenset[Risk] = frozenset()

    def want(self, name: str, item: object) -> Want:
        if isinstance(item, Absent):
            return Want(shares=(self.path,), takes_effect=self.effect)
        assert isinstance(item, str | Secret)
        return Want(fields={"value": item}, shares=(self.path,), takes_effect=self.effect, risks=self.risks)

    def write(
        self, name: str, before: Seen | None, after: Fields | Absent, sheet: FactSheet
    ) -> Sequence[Part] | Blocked | NotApplicable:
        parts = super().write(name, before, after, sheet)
        assert isinstance(parts, tuple)
        (part,) = parts
        (edit,) = part.edits
        made = FileEdit(
            path=edit.path,
            codec=edit.codec,
            member=edit.member,
            value=edit.value,
            follow=edit.follow,
            create=self.creation,
        )
        return (Part(thing=part.thing, edits=(made,), needs=part.needs),)


class Mounts(Base):
    """A line in a file like fstab, and the mount itself; the item is the mount point, its value what is mounted."""

    kind = "toy_mounts"

    def wanted_facts(self) -> frozenset[Fact]:
        return frozenset({FileText(FSTAB), PathInfo("/etc"), *(PathInfo(name) for name in self.items)})

    def observe(self, sheet: FactSheet) -> Mapping[str, Observed]:
        text = (sheet.file(FSTAB).data or b"").decode()
        return {name: Seen(fields={"value": value}) for name, value in Lines().members(text).items()}

    def want(self, name: str, item: object) -> Want:
        if isinstance(item, Absent):
            return Want(shares=(FSTAB,))
        return Want(fields={"value": str(item)}, shares=(FSTAB,))

    def write(
        self, name: str, before: Seen | None, after: Fields | Absent, sheet: FactSheet
    ) -> Sequence[Part] | Blocked | NotApplicable:
        gone = isinstance(after, Absent)
        edit = FileEdit(path=FSTAB, codec=Lines(), member=name, value=None if gone else str(after["value"]))
        live = RunCommand(argv=("toy-umount" if gone else "toy-mount", name))
        needs = () if gone else (Need(Path(name)),)
        return (Part(thing=FSTAB, edits=(edit,)), Part(thing=name, tasks=(live,), needs=needs))


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An item that says itself what is seen of it, what it means and what is written for it."""

    value: Fields | None = field(default_factory=lambda: {"value": "wanted"})
    seen: Observed | None = None
    parts: Sequence[Part] | Blocked | NotApplicable | None = None
    needs: tuple[Need, ...] = ()
    provides: tuple[Claim, ...] = ()
    owns: tuple[str, ...] = ()
    shares: tuple[str, ...] = ()
    risks: frozenset[Risk] = frozenset()
    effect: Effect = Effect.NOW
    asks: tuple[Fact, ...] = ()


class Scripted(Base):
    """Its items are `Item`s; one without parts runs the program `write NAME`. A `value` of None means absent."""

    kind = "toy"

    def __init__(self, items: Mapping[str, Item], kind: str = "toy", remarks: Sequence[str] = ()) -> None:
        absent = {name: ABSENT if item.value is None else item for name, item in items.items()}
        super().__init__(items=absent, options={}, layer=Layer.DISTRO)
        self.script = items
        self.kind = kind
        self.said = remarks

    def wanted_facts(self) -> frozenset[Fact]:
        claims = {fact for item in self.script.values() for need in item.needs for fact in need.claim.facts()}
        return frozenset(claims | {fact for item in self.script.values() for fact in item.asks})

    def observe(self, sheet: FactSheet) -> Mapping[str, Observed]:
        return {name: item.seen for name, item in self.script.items() if item.seen is not None}

    def want(self, name: str, item: object) -> Want:
        mine = self.script[name]
        return Want(
            fields=mine.value or {},
            owns=mine.owns,
            shares=mine.shares,
            provides=frozenset(mine.provides),
            risks=mine.risks,
            takes_effect=mine.effect,
        )

    def write(
        self, name: str, before: Seen | None, after: Fields | Absent, sheet: FactSheet
    ) -> Sequence[Part] | Blocked | NotApplicable:
        mine = self.script[name]
        if mine.parts is not None:
            return mine.parts
        return (Part(thing=f"{self.kind} {name}", tasks=(RunCommand(argv=("write", name)),), needs=mine.needs),)

    def remarks(self, sheet: FactSheet) -> Sequence[str]:
        return self.said


class Toys:
    """What tests make toys with."""

    Lines = Lines
    Item = Item
    Scripted = Scripted
    SHARED = SHARED
    FSTAB = FSTAB

    def lines(
        self, items: Mapping[str, object], kind: str = "toy_lines", layer: Layer = Layer.DISTRO, **more: object
    ) -> LinesKind:
        """A kind of its own; `more` are the attributes of its class: path, follow, creation, effect, risks."""
        made: type[LinesKind] = type(kind, (LinesKind,), {"kind": kind, **more})
        return made(items=items, options={}, layer=layer)

    def mounts(self, items: Mapping[str, object]) -> Mounts:
        return Mounts(items=items, options={}, layer=Layer.DISTRO)

    def service(self, name: str = "docker") -> Scripted:
        """Needs systemd to run now."""
        return Scripted({name: Item(needs=(Need(Running("systemd")),))}, kind="toy_services")

    def reader(self, key: str = "boot.systemd", value: str = "true") -> Scripted:
        """Needs a setting of wsl.conf to be written."""
        return Scripted({"reader": Item(needs=(Need(Setting(key, value)),))}, kind="toy_readers")


@pytest.fixture(scope="session")
def toys() -> Toys:
    return Toys()


def _machine_class() -> type[Machine]:
    """Tests are no package, so modules beside them are loaded by their place."""
    name = "simulated_machine"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, File(__file__).parent / f"{name}.py")
        assert spec is not None and spec.loader is not None
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    found: type[Machine] = sys.modules[name].Machine
    return found


@pytest.fixture(scope="session")
def machines() -> type[Machine]:
    """The class: hypothesis makes a machine for each example."""
    return _machine_class()


@pytest.fixture
def machine() -> Machine:
    return _machine_class()()
