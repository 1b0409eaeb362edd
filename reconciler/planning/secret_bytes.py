"""Secrets in what stands on a machine: those that documents name now, and those that a run of ours put there once.

Nobody is shown what stands there then, and of the bytes no copy is kept when they are replaced.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from reconciler.model.address import Address, Target
from reconciler.model.facts import FactSheet, FileState, PathType
from reconciler.model.ledger.secrets import Brought_by, secret_fields, secrets_at
from reconciler.model.plan import Change, FieldDiff
from reconciler.model.resource import Fields
from reconciler.model.secrets import ENCODINGS, Secret
from reconciler.model.tasks import RunCommand, Task, WriteFile
from reconciler.planning.compare import Draft
from reconciler.planning.inputs import TargetInput

Value = TypeVar("Value")
_SHORTEST_FOUND: Final = 6
"""Shorter secrets are not searched for in files: they would be found everywhere, and no copies be kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretBytes:
    """`declared` are the secrets that documents name; `brought` what runs left, by target and path."""

    declared: tuple[Secret, ...] = ()
    brought: Mapping[Target, Mapping[str, Brought_by]] = field(default_factory=dict)

    @classmethod
    def of(cls, entries: Iterable[TargetInput], declared: tuple[Secret, ...]) -> SecretBytes:
        return cls(declared=declared, brought={entry.target: secrets_at(entry.journal) for entry in entries})

    def staying(self, target: Target, path: str, written: Iterable[Address]) -> frozenset[str]:
        """The names of those that runs left in a file, and that stay in it when those addresses are written."""
        gone = {*written}
        brought = self.brought.get(target, {}).get(path, {})
        return frozenset[str]().union(*(each.names for address, each in brought.items() if address not in gone))

    def replaced(self, change: Change, sheet: FactSheet) -> Mapping[str, frozenset[str]]:
        """By path, the names of those in the bytes that a change replaces."""
        paths = {task.path for task in change.tasks if not isinstance(task, RunCommand)}
        texts = _texts(sheet, paths) if self.declared else {}
        found = {path: self.staying(change.target, path, ()) | self._named(texts.get(path, "")) for path in paths}
        return {path: names for path, names in found.items() if names}

    def marked(self, task: Task) -> Task:
        """The task, with the names of all that are in what it writes, whoever put them there."""
        if not isinstance(task, WriteFile) or not self.declared:
            return task
        text = task.content.decode("utf-8", "surrogateescape")
        return replace(task, secrets=task.secrets | self._named(text))

    def _named(self, text: str) -> frozenset[str]:
        return frozenset(name for secret in self.declared if _is_in(secret.reveal(), text) for name in secret.names)


def _texts(sheet: FactSheet, paths: set[str]) -> Mapping[str, str]:
    files = (answer for answer in sheet.answers.values() if isinstance(answer, FileState) and answer.data is not None)
    return {
        place.path: (file.data or b"").decode("utf-8", "surrogateescape")
        for file in files
        for place in (file.state, file.state.followed)
        if place.path in paths and place.type is PathType.FILE
    }


def _is_in(value: str, text: str) -> bool:
    """As it is, or as a template may have written it."""
    ways = (value, *(encoded(value).strip("\"'") for encoded in ENCODINGS.values()))
    return len(value) >= _SHORTEST_FOUND and any(way in text for way in ways)


def veiled(drafts: Sequence[Draft], entry: TargetInput) -> list[Draft]:
    """The drafts of a target. What stands where a run of ours put a secret may be that secret."""
    known = secret_fields(entry.journal)
    return [_veiled(draft, known[draft.item.address]) if draft.item.address in known else draft for draft in drafts]


def _veiled(draft: Draft, fields: Mapping[str, frozenset[str]]) -> Draft:
    item = draft.item
    if item.before is None:
        return draft
    before: Fields = {name: _secret(value, fields.get(name)) for name, value in item.before.items()}
    diffs = tuple(_hidden(diff, fields) for diff in item.diffs)
    return replace(draft, item=replace(item, before=before, diffs=diffs))


def _secret(value: Value, names: frozenset[str] | None) -> Value | Secret:
    match value:
        case Secret() if names:
            return Secret(value.reveal(), names | value.names)
        case str() if names:
            return Secret(value, names)
        case _:
            return value


def _hidden(diff: FieldDiff, fields: Mapping[str, frozenset[str]]) -> FieldDiff:
    return replace(diff, before=_secret(diff.before, fields.get(diff.name)))
