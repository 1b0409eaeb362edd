"""A base for kinds whose items are members of one file: a line, a key, a block that a codec knows how to change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from reconciler.model.claims import Need
from reconciler.model.facts import Fact, FactSheet, FileState, FileText
from reconciler.model.resource import Blocked, Codec, Fields, FileEdit, NotApplicable, Observed, Part, Seen, Unknown
from reconciler.model.secrets import Secret
from reconciler.model.values import Absent
from reconciler.resources.base import Base, distrusted, parent_facts, parent_needs

TEXT: Final = "text"


@dataclass(frozen=True, slots=True)
class WholeText:
    """For a file that one item writes whole: its one member, `TEXT`, is all of it."""

    def members(self, text: str) -> Mapping[str, str]:
        return {TEXT: text}

    def edit(self, text: str, changes: Mapping[str, str | None]) -> str:
        return changes.get(TEXT, text) or ""


def refusal(file: FileState) -> Blocked | Unknown | None:
    """Why nothing can be said of what is in a file."""
    why = distrusted(file.state)
    return Blocked(why) if why else Unknown(file.unreadable) if file.unreadable else None


def whole_text(file: FileState) -> Observed | None:
    """A file as an item whose one field, `text`, is all that is in it. What is no file is for planning to judge."""
    closed = refusal(file)
    if closed is not None or file.data is None:
        return closed
    return Seen(fields={TEXT: file.data.decode("utf-8", "surrogateescape")})


class MemberKind(Base):
    """`path` is the file, `codec` knows its members; `follow` writes through a symbolic link, `ours`: see `FileEdit`."""

    path: ClassVar[str]
    codec: ClassVar[Codec]
    follow: ClassVar[bool] = False
    ours: ClassVar[bool] = False

    def wanted_facts(self) -> frozenset[Fact]:
        return frozenset({FileText(self.path)}) | parent_facts(self.path)

    def text(self, sheet: FactSheet) -> str:
        """The file's text; empty where there is none."""
        return (sheet.file(self.path).data or b"").decode("utf-8", "surrogateescape")

    def observe(self, sheet: FactSheet) -> Mapping[str, Observed]:
        closed = refusal(sheet.file(self.path))
        if closed is not None:
            return dict.fromkeys(self.items, closed)
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
        edit = FileEdit(
            path=self.path,
            codec=self.codec,
            member=name,
            value=value,
            follow=self.follow,
            ours=self.ours,
            private=isinstance(value, Secret),
        )
        return (Part(thing=self.path, edits=(edit,), needs=needs),)
