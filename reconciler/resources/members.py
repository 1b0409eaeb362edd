"""A base for kinds whose items are members of one file: a line, a key, a block that a codec knows how to change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from reconciler.model.claims import Need
from reconciler.model.facts import Fact, FactSheet, FileText
from reconciler.model.resource import Blocked, Codec, Fields, FileEdit, NotApplicable, Observed, Part, Seen, Unknown
from reconciler.model.secrets import Secret
from reconciler.model.values import Absent
from reconciler.resources.base import Base, distrusted, parent_facts, parent_needs


class MemberKind(Base):
    """`path` is the file, `codec` knows its members, `follow` writes through a symbolic link."""

    path: ClassVar[str]
    codec: ClassVar[Codec]
    follow: ClassVar[bool] = False

    def wanted_facts(self) -> frozenset[Fact]:
        return frozenset({FileText(self.path)}) | parent_facts(self.path)

    def text(self, sheet: FactSheet) -> str:
        """The file's text; empty where there is none."""
        return (sheet.file(self.path).data or b"").decode("utf-8", "surrogateescape")

    def observe(self, sheet: FactSheet) -> Mapping[str, Observed]:
        file = sheet.file(self.path)
        refusal = distrusted(file.state)
        if refusal:
            return {name: Blocked(refusal) for name in self.items}
        if file.unreadable:
            return {name: Unknown(file.unreadable) for name in self.items}
        return self.seen(self.text(sheet), sheet)

    def seen(self, text: str, sheet: FactSheet) -> Mapping[str, Observed]:
        return {name: Seen(fields={"value": value}) for name, value in self.codec.members(text).items()}

    def member_value(self, name: str, value: object) -> str | Secret:
        """The value in normal form as the codec takes it."""
        return value if isinstance(value, Secret) else str(value)

    def member_needs(self, name: str, after: Fields) -> tuple[Need, ...]:
        return ()

    def write(
        self, name: str, before: Seen | None, after: Fields | Absent, sheet: FactSheet
    ) -> Sequence[Part] | Blocked | NotApplicable:
        needs: tuple[Need, ...] = ()
        value: str | Secret | None = None
        if not isinstance(after, Absent):
            value = self.member_value(name, after["value"])
            needs = (*parent_needs(self.path, sheet), *self.member_needs(name, after))
        edit = FileEdit(path=self.path, codec=self.codec, member=name, value=value, follow=self.follow)
        return (Part(thing=self.path, edits=(edit,), needs=needs),)
