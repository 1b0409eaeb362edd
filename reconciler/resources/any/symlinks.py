"""Symbolic links.

Manages the link and where it points to. Never replaces a file or a directory, and does not ask whether the end of the
link exists. Takes effect at once.

    distro:
      symlinks: {/usr/local/bin/go: /usr/local/go/bin/go}
    user:
      symlinks: {~/.config/nvim: "{{ user.home }}/dotfiles/nvim"}

Source: symlink(7).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from reconciler.model.address import Layer
from reconciler.model.claims import Path
from reconciler.model.facts import Fact, FactSheet, PathInfo, PathType
from reconciler.model.resource import Blocked, Fields, NotApplicable, Observed, Part, Resource, Seen, Want
from reconciler.model.schema import Complaint, KindSchema, MapOf, Text
from reconciler.model.secrets import SecretText
from reconciler.model.tasks import Base as TaskBase
from reconciler.model.tasks import MakeLink, Remove
from reconciler.model.values import Absent
from reconciler.resources.base import Base, distrusted, in_the_way, parent_facts, parent_needs, path_name, unseen
from reconciler.resources.privileged_paths import link_risks, removal_risks


class Symlinks(Base):
    kind: ClassVar[str] = "symlinks"
    layers: ClassVar[frozenset[Layer]] = frozenset({Layer.DISTRO, Layer.USER})

    @classmethod
    def schema(cls, layer: Layer) -> KindSchema:
        target = Text(pattern=r"^[^\x00-\x1f\x7f]+$", expected="the path that the link points to")
        return KindSchema(
            items=MapOf(of=target, keys=path_name(layer), expected="links by path, each with the path it points to"),
            description="Symbolic links, each with the path it points to.",
            check=_check,
        )

    def wanted_facts(self) -> frozenset[Fact]:
        return frozenset(fact for path in self.items for fact in (PathInfo(path), *parent_facts(path)))

    def observe(self, sheet: FactSheet) -> Mapping[str, Observed]:
        found: dict[str, Observed] = {}
        for path in self.items:
            state = sheet.path(path)
            if state.type is PathType.UNKNOWN:
                found[path] = unseen(state)
            elif state.type is PathType.LINK:
                found[path] = Seen(fields={"value": state.link})
            elif state.type is not PathType.MISSING:
                found[path] = in_the_way(state, "a link")
        return found

    def want(self, name: str, item: object) -> Want:
        if isinstance(item, Absent):
            return Want(owns=(name,), risks=removal_risks(name))
        assert isinstance(item, str)
        return Want(
            fields={"value": item}, owns=(name,), provides=frozenset({Path(name)}), risks=link_risks(name, item)
        )

    def write(
        self, name: str, before: Seen | None, after: Fields | Absent, sheet: FactSheet
    ) -> Sequence[Part] | Blocked | NotApplicable:
        state = sheet.path(name)
        if state.distrusted:
            return Blocked(distrusted(state) or "")
        base = TaskBase.of(state)
        if isinstance(after, Absent):
            return (Part(thing=state.path, tasks=(Remove(path=state.path, base=base),)),)
        task = MakeLink(path=state.path, target=str(after["value"]), base=base)
        return (Part(thing=state.path, tasks=(task,), needs=parent_needs(name, sheet)),)


def _check(name: str, fields: Mapping[str, object]) -> tuple[Complaint, ...]:
    target = fields.get("value")
    if isinstance(target, SecretText):
        return (Complaint(f"{name} would point to a secret, and everyone may read where a link points"),)
    if isinstance(target, str) and target.startswith("~"):
        fix = 'write  "{{ user.home }}' + target[1:] + '"'
        return (Complaint(f"{name} points to {target}; the kernel does not know ~", fix=fix),)
    return ()


RESOURCE: Final[type[Resource]] = Symlinks
