"""Groups of the distro.

Manages that a group is there and, where it is declared, its number. Who is in it is said under `users`. A number is
changed in /etc/group only: files keep the old one. `system` counts when the group is made: its number then comes from
those of the system. A group that is somebody's first one is not removed. Takes effect at once.

    distro:
      groups:                             # or only names: [docker]
        docker: {system: true}
        builders: {gid: 4000}
        old: {absent: true}

Source: group(5), groupadd(8), groupmod(8), groupdel(8).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Final

from reconciler.model.address import Layer
from reconciler.model.claims import Group as GroupClaim
from reconciler.model.facts import Fact, FactSheet
from reconciler.model.resource import Blocked, Fields, NotApplicable, Observed, Part, Resource, Seen, Unknown, Want
from reconciler.model.schema import Boolean, Integer, KindSchema, MapOf, described, record_of
from reconciler.model.states import Phase, Risk
from reconciler.model.tasks import RunCommand
from reconciler.model.values import Absent
from reconciler.resources import accounts
from reconciler.resources.accounts import Suite
from reconciler.resources.base import ACCOUNT_NAME, Base


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    gid: Annotated[int | None, Integer(minimum=1, maximum=2**32 - 2, expected="a group's number, above 0")] = field(
        default=None, metadata=described("Its number.")
    )
    system: Annotated[bool, Boolean()] = field(
        default=False, metadata=described("Made with a number of the system's own.")
    )


class Groups(Base):
    kind: ClassVar[str] = "groups"
    layers: ClassVar[frozenset[Layer]] = frozenset({Layer.DISTRO})

    @classmethod
    def schema(cls, layer: Layer) -> KindSchema:
        expected = "groups by name, or a list of names"
        return KindSchema(
            items=MapOf(of=record_of(Group), keys=ACCOUNT_NAME, names=True, expected=expected),
            description="Groups of the distro, in /etc/group.",
        )

    def wanted_facts(self) -> frozenset[Fact]:
        return accounts.FACTS

    def observe(self, sheet: FactSheet) -> Mapping[str, Observed]:
        why = accounts.unreadable(sheet)
        if why:
            return dict.fromkeys(self.items, Unknown(why))
        found = accounts.groups(sheet)
        if self.items:
            return {name: Seen(fields={"gid": found[name].gid}) for name in self.items if name in found}
        people = accounts.passwd(sheet)
        made = (name for name, entry in found.items() if entry.gid in accounts.PEOPLE and name not in people)
        return {name: Seen(fields={}) for name in made}

    def want(self, name: str, item: object) -> Want:
        if isinstance(item, Absent):
            return Want(risks=frozenset({Risk.DELETES}))
        assert isinstance(item, Group)
        fields = {} if item.gid is None else {"gid": item.gid}
        return Want(fields=fields, provides=frozenset({GroupClaim(name)}))

    def write(
        self, name: str, before: Seen | None, after: Fields | Absent, sheet: FactSheet
    ) -> Sequence[Part] | Blocked | NotApplicable:
        if sheet.host.at_rest:
            return NotApplicable("groups are made and changed where the system runs")
        suite = accounts.suite_of(sheet)
        if suite is None:
            return accounts.NO_SUITE
        if isinstance(after, Absent):
            task: RunCommand | Blocked = _removal(name, suite, sheet)
        elif before is None:
            item = self.items[name]
            assert isinstance(item, Group)
            task = accounts.new_group(name, item.gid, suite, system=item.system)
        elif before.fields["gid"] == 0:
            return Blocked(f"{name} is root's group: its number stays 0")
        else:
            task = accounts.renumbered_group(name, int(str(after["gid"])), suite)
        if isinstance(task, Blocked):
            return task
        return (Part(thing=f"group {name}", tasks=(task,), phase=Phase.ACCOUNTS),)


def _removal(name: str, suite: Suite, sheet: FactSheet) -> RunCommand | Blocked:
    number = accounts.groups(sheet)[name].gid
    first_of = [entry.name for entry in accounts.passwd(sheet).values() if entry.gid == number]
    if first_of:
        return Blocked(f"{name} is the first group of {', '.join(first_of)}", fix="give them another one first")
    return accounts.removed_group(name, suite)


RESOURCE: Final[type[Resource]] = Groups
