"""A repo of real files, opened as the command does, with toy kinds beside the real ones for types that these lack."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from textwrap import dedent

import pytest

from reconciler.documents.desire import Documents, Known, Source, open_documents
from reconciler.documents.inventory import Here
from reconciler.documents.reader import Caller
from reconciler.model.address import Layer, Target
from reconciler.model.derived_facts import DERIVED_FACTS
from reconciler.model.desired import DesiredItems
from reconciler.model.errors import DocumentError, Problem
from reconciler.model.schema import Boolean, Field, FreeJson, Integer, KindSchema, ListOf, MapOf, Record, Text
from reconciler.resources.catalogue import Catalogue

TODAY = date(2026, 11, 21)
VERSION = "0.4.0"
DISTRO, USER, WINDOWS = "distro", "user", "windows"

TOYS: Mapping[str, KindSchema] = {
    "settings": KindSchema(items=MapOf(of=FreeJson(), keys=Text(expected="a setting"))),
    "gadgets": KindSchema(
        items=MapOf(
            of=Record(
                partial=True,
                fields={
                    "count": Field(schema=Integer(minimum=1, maximum=9), removable=True),
                    "on": Field(schema=Boolean()),
                    "label": Field(schema=Text(), required=True),
                    "size": Field(schema=Text(choices=("small", "large"), expected="small or large")),
                    "tags": Field(schema=ListOf(of=Text())),
                    "ports": Field(schema=ListOf(of=Integer(minimum=1, maximum=65535), single=True)),
                },
            ),
            keys=Text(pattern="^[a-z]+$", expected="a gadget's name", fixed=True),
        )
    ),
    "tools": KindSchema(
        items=MapOf(
            of=Record(fields={"version": Field(schema=Text())}, partial=True),
            keys=Text(pattern="^[a-z]+$", expected="a tool's name", fixed=True),
            names=True,
        )
    ),
}


class Kinds(Catalogue):
    """The real kinds, and the toys in every layer."""

    def names(self, layer: Layer) -> Iterable[str]:
        return [*super().names(layer), *TOYS]

    def schema(self, layer: Layer, kind: str) -> KindSchema | None:
        return TOYS.get(kind) or super().schema(layer, kind)


@dataclass
class Repo:
    """Files below `top`; `home` is the caller's. What is opened is this machine's: `lt`, unless a test says otherwise."""

    top: Path
    home: Path
    here: Here = field(default_factory=lambda: Here(hostname="lt", user="alice"))
    extra: dict[str, str] = field(default_factory=dict)
    today: date = TODAY
    good: set[str] = field(default_factory=set)

    @property
    def caller(self) -> Caller:
        uid, gid = os.geteuid(), os.getegid()
        return Caller(name="alice", uid=uid, gid=gid, home=str(self.home), config=self.home / ".config/reconcile")

    def write(self, text: str, name: str = "reconcile.yaml") -> Repo:
        """A document; `version: 1` is put before it."""
        return self.file(name, "version: 1\n" + dedent(text))

    def file(self, name: str, text: str | bytes) -> Repo:
        path = self.top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return self

    def machine(self, text: str) -> Repo:
        path = self.caller.config / "machine.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
        return self

    def open(self, start: Path | None = None, file: Path | None = None) -> Documents:
        source = Source(
            start=start or self.top,
            file=file,
            extra=self.extra,
            caller=self.caller,
            here=self.here,
            today=self.today,
            version=VERSION,
        )
        return open_documents(source, Kinds(), frozenset(DERIVED_FACTS), self.good)

    def target(self, layer: str, workstation: str = "lt", distro: str = "main", user: str = "alice") -> Target:
        return {
            USER: Target(workstation, distro, user),
            DISTRO: Target(workstation, distro),
            WINDOWS: Target(workstation),
        }[layer]

    def desired(self, layer: str = USER, known: Known | None = None, **place: str) -> DesiredItems:
        target = self.target(layer, **place)
        return self.open().desired([target], {target: known} if known else None)[target]

    def items(self, kind: str, layer: str = USER, known: Known | None = None, **place: str) -> dict[str, object]:
        kinds = self.desired(layer, known, **place).kinds
        return dict(kinds[kind].items) if kind in kinds else {}

    def value(self, name: str = "a", **place: str) -> object:
        """What the user's setting of that name is to be."""
        return self.items("settings", **place).get(name)

    def problems(self, everywhere: bool = True) -> list[Problem]:
        """All that is wrong, for every target there is."""
        try:
            documents = self.open()
            documents.desired(documents.every_target() if everywhere else [])
        except DocumentError as error:
            return list(error.problems)
        return []

    def problem(self) -> Problem:
        found = self.problems()
        assert len(found) == 1, found
        return found[0]


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    (tmp_path / "repo/.git").mkdir(parents=True)
    (tmp_path / "home").mkdir()
    return Repo(top=tmp_path / "repo", home=tmp_path / "home")


@pytest.fixture
def open_to_others(tmp_path: Path) -> None:
    """Other users may reach the test's folder, which pytest keeps to its own."""
    for folder in (tmp_path, *tmp_path.parents):
        if not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o055)


@pytest.fixture
def someone_else(open_to_others: None) -> Callable[[], AbstractContextManager[None]]:
    """A context in which this process has the rights of another user, who may reach the test's folder."""

    @contextmanager
    def become() -> Iterator[None]:
        os.seteuid(12345)
        try:
            yield
        finally:
            os.seteuid(0)

    return become
