"""Small files of one folder, each the work of one item: what they say, also those that nobody named."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from reconciler.model.claims import Need
from reconciler.model.facts import CommandResult, CommandText, Fact, FactSheet, FileText
from reconciler.model.resource import Blocked, FileEdit, Unknown
from reconciler.resources.base import distrusted, parent_facts, parent_needs


@dataclass(frozen=True, slots=True)
class WholeText:
    """The whole file is one member, whatever that is called; without it the file is empty."""

    def members(self, text: str) -> Mapping[str, str]:
        return {"text": text}

    def edit(self, text: str, changes: Mapping[str, str | None]) -> str:
        (new,) = changes.values()
        return new or ""


WHOLE_TEXT: Final = WholeText()


@dataclass(frozen=True, slots=True)
class Folder:
    """`path` is the folder, `suffix` what follows an item's name in the name of its file."""

    path: str
    suffix: str

    def file(self, name: str) -> str:
        return f"{self.path}/{name}{self.suffix}"

    @property
    def _every_line(self) -> CommandText:
        # Facts name files, and these names are on the machine only.
        return CommandText(("grep", "-r", "-H", "-s", "", self.path))

    def facts(self, names: Collection[str]) -> frozenset[Fact]:
        """For the files of these items; without any, for every file that there is."""
        asked: set[Fact] = {FileText(self.file(name)) for name in names} or {self._every_line}
        return parent_facts(self.file("any")) | asked

    def names(self, sheet: FactSheet) -> frozenset[str]:
        """The items of every file that there is, where that was asked for."""
        return frozenset(self._texts(sheet))

    def text(self, name: str, sheet: FactSheet) -> str | Unknown | Blocked | None:
        """What an item's file says; None where there is no such file."""
        path = self.file(name)
        if FileText(path) not in sheet.answers:
            return self._texts(sheet).get(name)
        file = sheet.file(path)
        refusal = distrusted(file.state)
        if refusal:
            return Blocked(refusal)
        if file.unreadable:
            return Unknown(file.unreadable)
        return None if file.data is None else file.data.decode("utf-8", "surrogateescape")

    def _texts(self, sheet: FactSheet) -> Mapping[str, str]:
        answer = sheet.answers.get(self._every_line)
        found: dict[str, str] = {}
        for line in answer.text.split("\n") if isinstance(answer, CommandResult) else ():
            path, _, text = line.partition(":")
            name = path.removeprefix(f"{self.path}/").removesuffix(self.suffix)
            if path == self.file(name) and "/" not in name:
                found[name] = f"{found.get(name, '')}{text}\n"
        return found

    def edit(self, name: str, text: str | None) -> FileEdit:
        return FileEdit(path=self.file(name), codec=WHOLE_TEXT, member=name, value=text, ours=True)

    def needs(self, sheet: FactSheet) -> tuple[Need, ...]:
        """The folder, and those above it."""
        return parent_needs(self.file("any"), sheet)
