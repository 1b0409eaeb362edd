"""Which fields and changes hold a secret, so that no rendering shows them whatever side the value comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from reconciler.model.address import Address
from reconciler.model.plan import Change, FieldDiff, ItemPlan, Plan
from reconciler.model.resource import Fields
from reconciler.model.secrets import Secret, SecretText
from reconciler.model.states import State
from reconciler.model.tasks import RunCommand, WriteFile

_SHORTEST_FOUND: Final = 4
"""Shorter secrets are not searched for in files: they would be found everywhere."""


def shown_diffs(item: ItemPlan) -> tuple[FieldDiff, ...]:
    """The item's differences with every secret marked; where there are none, its fields as added or removed."""
    secret = secret_fields(item)
    return tuple(replace(diff, secret=diff.name in secret) for diff in item.diffs or _of_fields(item))


def secret_fields(item: ItemPlan) -> frozenset[str]:
    """Fields that are secret on one side are so on the other: the observed value is the secret in the clear."""
    marked = {diff.name for diff in item.diffs if diff.secret or any(_secrets((diff.before, diff.after)))}
    for fields in (item.before, item.after):
        marked.update(name for name, value in (fields or {}).items() if any(_secrets(value)))
    return frozenset(marked)


def hidden_changes(plan: Plan) -> dict[str, frozenset[str]]:
    """By the id of a change whose bytes must not be shown, the names of the secrets in them as far as they are known.

    A secret is written, or stands in an item that is written, or stands already in a file where something else changes.
    """
    items = {item.address: item for item in plan.items}
    secrets = (secret for item in plan.items for secret in _secrets(item.after))
    known = [secret for secret in secrets if isinstance(secret, Secret) and len(secret.reveal()) >= _SHORTEST_FOUND]
    found: dict[str, frozenset[str]] = {}
    for change in plan.changes:
        names = _written(change) | _found(change, known) | _declared(change, items)
        names = names.union(*change.unkept.values())
        if names or any(secret_fields(items[address]) for address in change.addresses if address in items):
            found[change.id] = frozenset(names)
    return found


def _secrets(value: object) -> Iterator[Secret | SecretText]:
    match value:
        case Secret() | SecretText():
            yield value
        case Mapping():
            for entry in value.values():
                yield from _secrets(entry)
        case list() | tuple():
            for entry in value:
                yield from _secrets(entry)


def _of_fields(item: ItemPlan) -> tuple[FieldDiff, ...]:
    match item.state:
        case State.ADD | State.IN_SYNC:
            return _sides({}, item.after or {})
        case State.REMOVE:
            return _sides(item.before or {}, {})
        case _:
            return ()


def _sides(before: Fields, after: Fields) -> tuple[FieldDiff, ...]:
    names = dict.fromkeys([*before, *after])
    return tuple(FieldDiff(name=name, before=before.get(name), after=after.get(name)) for name in names)


def _written(change: Change) -> set[str]:
    return {name for task in change.tasks if isinstance(task, WriteFile) for name in task.secrets}


def _declared(change: Change, items: Mapping[Address, ItemPlan]) -> set[str]:
    after = [items[address].after for address in change.addresses if address in items]
    return {name for secret in _secrets(after) for name in secret.names}


def _found(change: Change, known: Sequence[Secret]) -> set[str]:
    texts = [change.text.before or "", change.text.after or ""] if change.text else []
    contents = [task.content for task in change.tasks if isinstance(task, WriteFile)]
    contents += [task.stdin for task in change.tasks if isinstance(task, RunCommand)]
    texts += [content.decode("utf-8", "surrogateescape") for content in contents] if known else []
    return {name for secret in known if any(secret.reveal() in text for text in texts) for name in secret.names}
