"""Directories that must exist, with mode and owner.

Manages the directory itself: its mode and, in the distro layer, owner and group. Leaves alone what is in it; a directory
that is to go must be empty. Missing parents are made (root or the user, 0755). Takes effect at once.

    distro:
      directories: {/opt/gobin/stable: {owner: root, mode: "0755"}}
    user:
      directories: [~/go, ~/.cache/go-build]

Source: mkdir(2), chmod(2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Final

from reconciler.model.address import Layer
from reconciler.model.claims import Account, Claim, Need, Path
from reconciler.model.facts import Account as AccountFact
from reconciler.model.facts import Fact, FactSheet, PathInfo, PathType
from reconciler.model.resource import Blocked, Fields, NotApplicable, Observed, Part, Resource, Seen, Want
from reconciler.model.schema import KindSchema, MapOf, described, record_of
from reconciler.model.states import Risk
from reconciler.model.tasks import Base as TaskBase
from reconciler.model.tasks import MakeDirectory, Remove, SetMode, Task
from reconciler.model.values import Absent
from reconciler.resources.base import (
    ACCOUNT_NAME,
    MODE,
    Base,
    distrusted,
    in_the_way,
    normal_mode,
    octal,
    parent_facts,
    parent_needs,
    path_name,
    unseen,
)
from reconciler.resources.privileged_paths import folder_risks, home_risks, removal_risks


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    mode: Annotated[str | None, MODE] = field(
        default=None, metadata=described("Permissions as octal digits; new ones get 0755.")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedDirectory(Directory):
    owner: Annotated[str | None, ACCOUNT_NAME] = field(
        default=None, metadata=described("The owner; new ones are root's.")
    )
    group: Annotated[str | None, ACCOUNT_NAME] = field(default=None, metadata=described("The group."))


class Directories(Base):
    kind: ClassVar[str] = "directories"
    layers: ClassVar[frozenset[Layer]] = frozenset({Layer.DISTRO, Layer.USER})

    @classmethod
    def schema(cls, layer: Layer) -> KindSchema:
        item = record_of(Directory if layer is Layer.USER else OwnedDirectory)
        return KindSchema(
            items=MapOf(of=item, keys=path_name(layer), names=True, expected="directories by path, or a list of paths"),
            description="Directories that must exist, with mode and owner.",
        )

    def wanted_facts(self) -> frozenset[Fact]:
        owners = {item.owner for item in self.items.values() if isinstance(item, OwnedDirectory) and item.owner}
        paths = {fact for path in self.items for fact in (PathInfo(path), *parent_facts(path))}
        return frozenset(paths | {AccountFact(name) for name in owners})

    def observe(self, sheet: FactSheet) -> Mapping[str, Observed]:
        return {path: seen for path in self.items if (seen := self._seen(path, sheet)) is not None}

    def _seen(self, path: str, sheet: FactSheet) -> Observed | None:
        state = sheet.path(path)
        if state.type is PathType.MISSING:
            return None
        if state.type is PathType.UNKNOWN:
            return unseen(state)
        if state.type is not PathType.DIRECTORY:
            return in_the_way(state, "a directory")
        fields: dict[str, str | None] = {"mode": octal(state.mode)}
        if self.layer is Layer.DISTRO:
            fields |= {"owner": state.owner, "group": state.group}
        return Seen(fields=fields)

    def want(self, name: str, item: object) -> Want:
        if isinstance(item, Absent):
            return Want(owns=(name,), risks=removal_risks(name))
        assert isinstance(item, Directory)
        fields: dict[str, str] = {}
        if item.mode is not None:
            fields["mode"] = normal_mode(item.mode)
        if isinstance(item, OwnedDirectory):
            fields |= {key: value for key, value in (("owner", item.owner), ("group", item.group)) if value}
        provides: frozenset[Claim] = frozenset({Path(name)})
        return Want(fields=fields, owns=(name,), provides=provides, risks=_risks(name, fields))

    def write(
        self, name: str, before: Seen | None, after: Fields | Absent, sheet: FactSheet
    ) -> Sequence[Part] | Blocked | NotApplicable:
        state = sheet.path(name)
        if state.distrusted:
            return Blocked(distrusted(state) or "")
        if isinstance(after, Absent):
            return (Part(thing=state.path, tasks=(Remove(path=state.path, base=TaskBase.of(state)),)),)
        mode = int(str(after["mode"]), 8) if "mode" in after else None
        owner, group = (str(after[key]) if key in after else None for key in ("owner", "group"))
        task: Task
        if before is None:
            task = MakeDirectory(path=state.path, mode=0o755 if mode is None else mode, owner=owner, group=group)
        else:
            task = SetMode(path=state.path, base=TaskBase.of(state), mode=mode, owner=owner, group=group)
        accounts = (Need(Account(owner)),) if owner else ()
        return (Part(thing=state.path, tasks=(task,), needs=(*parent_needs(name, sheet), *accounts)),)


def _risks(path: str, fields: Mapping[str, str]) -> frozenset[Risk]:
    """Whoever can write a directory can put into it what it is read for."""
    writable = int(fields.get("mode", "0"), 8) & 0o022
    opened = writable or fields.get("owner", "root") != "root"
    return (folder_risks(path) if opened else frozenset()) | (home_risks(path) if writable else frozenset())


RESOURCE: Final[type[Resource]] = Directories
