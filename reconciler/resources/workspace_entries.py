"""A base for kinds whose items are named objects in a list of a file in a workspace's .vscode folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, cast

from reconciler.formats import jsonc
from reconciler.model.address import Layer
from reconciler.model.facts import Fact, FactSheet
from reconciler.model.resource import Blocked, Fields, FileEdit, NotApplicable, Observed, Part, Seen, Want
from reconciler.model.schema import Complaint, FreeJson, KindSchema, MapOf, Text
from reconciler.model.states import Risk
from reconciler.model.values import Absent, Json
from reconciler.resources import vscode
from reconciler.resources.base import Base

_SEPARATOR: Final = ":"


@dataclass(frozen=True, slots=True)
class Entries:
    """Where the objects stand: the file in .vscode, the list's name, the member that names an object, and what a new file
    begins with. As a codec its members are objects by name, their declared members as JSON."""

    file: str
    array: str
    key: str
    version: str

    def members(self, text: str) -> Mapping[str, str]:
        return {name: vscode.encoded(entry) for name, entry in jsonc.entries(text, self.array, self.key).items()}

    def edit(self, text: str, changes: Mapping[str, str | None]) -> str:
        wanted = {name: jsonc.ABSENT if value is None else json.loads(value) for name, value in changes.items()}
        return jsonc.edit_entries(
            text, self.array, self.key, wanted, skeleton={"version": self.version, self.array: []}
        )


class WorkspaceEntries(Base):
    """Compares and writes the declared members of an object; others, and comments, stay."""

    layers: ClassVar[frozenset[Layer]] = frozenset({Layer.USER})
    entries: ClassVar[Entries]
    noun: ClassVar[str]
    description: ClassVar[str]

    @classmethod
    def schema(cls, layer: Layer) -> KindSchema:
        name = Text(pattern=r"^[^\x00-\x1f\x7f]+$", expected=f"the {cls.entries.key} of a {cls.noun}", fixed=True)
        entry = FreeJson(expected=f"a {cls.noun} as {cls.entries.file} has it")
        inner = MapOf(of=entry, keys=name, expected=f"{cls.noun}s by {cls.entries.key}")
        return KindSchema(
            items=MapOf(of=inner, keys=vscode.WORKSPACE, expected="workspaces by path"),
            depth=2,
            separator=_SEPARATOR,
            description=cls.description,
            check=cls._check,
        )

    @classmethod
    def _check(cls, name: str, fields: Mapping[str, object]) -> tuple[Complaint, ...]:
        value, called = fields.get("value"), _entry(name)
        if vscode.holds_secret(value):
            fix = "have the program that needs it read it from a file or a variable"
            return (Complaint(f"{called} would hold a secret, and {cls.entries.file} is committed", fix=fix),)
        if not isinstance(value, dict):
            return () if isinstance(value, Absent) else (Complaint(f"{called} is no mapping of members"),)
        key = cls.entries.key
        if value.get(key, called) != called:
            return (Complaint(f"{called} has another {key}, {value[key]}", fix=f"leave {key} out: the key says it"),)
        return ()

    def wanted_facts(self) -> frozenset[Fact]:
        return frozenset(fact for name in self.items for fact in vscode.file_facts(self._file(name)))

    def observe(self, sheet: FactSheet) -> Mapping[str, Observed]:
        found = {name: self._seen(name, sheet) for name in self.items}
        return {name: seen for name, seen in found.items() if seen is not None}

    def _seen(self, name: str, sheet: FactSheet) -> Observed | None:
        file = self._file(name)
        refusal = vscode.unreadable(file, sheet)
        if refusal is not None:
            return refusal
        entry = jsonc.entries(vscode.text_of(file, sheet), self.entries.array, self.entries.key).get(_entry(name))
        return None if entry is None else Seen(fields={key: vscode.normal(value) for key, value in entry.items()})

    def want(self, name: str, item: object) -> Want:
        if isinstance(item, Absent):
            return Want(shares=(self._file(name),))
        assert isinstance(item, dict)
        fields = {str(key): vscode.normal(cast(Json, value)) for key, value in item.items()}
        named = {self.entries.key: _entry(name), **fields}
        return Want(fields=named, shares=(self._file(name),), risks=frozenset({Risk.RUNS_CODE_LATER}))

    def write(
        self, name: str, before: Seen | None, after: Fields | Absent, sheet: FactSheet
    ) -> Sequence[Part] | Blocked | NotApplicable:
        file = self._file(name)
        value = None if isinstance(after, Absent) else vscode.encoded(dict(after))
        edit = FileEdit(path=file, codec=self.entries, member=_entry(name), value=value, follow=True)
        try:
            edit.codec.edit(vscode.text_of(file, sheet), {edit.member: value})
        except jsonc.JsoncError as error:
            return Blocked(f"{file}:{error.line}:{error.column}: {error.what}", fix="mend the file")
        return (
            Part(
                thing=file, edits=(edit,), needs=() if value is None else vscode.workspace_needs(_folder(name), sheet)
            ),
        )

    def _file(self, name: str) -> str:
        return f"{_folder(name)}/.vscode/{self.entries.file}"


def _folder(name: str) -> str:
    return name.partition(_SEPARATOR)[0]


def _entry(name: str) -> str:
    return name.partition(_SEPARATOR)[2]
