"""What a change was planned against and what it writes, in one digest.

Where a secret is involved the digest is keyed: else whoever reads a saved plan could try secrets until one fits.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum

from reconciler.model.plan import Change, ItemPlan
from reconciler.model.secrets import Secret
from reconciler.model.tasks import WriteFile
from reconciler.model.values import Json


def of(change: Change, items: Sequence[ItemPlan], key: bytes) -> str:
    """Each address's whole observed item and wanted value, the tasks with their bases, and the claims relied on."""
    covered: Json = {
        "items": [
            [str(item.address), item.state.value, _plain(item.before, key), _plain(item.after, key)] for item in items
        ],
        "tasks": [[type(task).__name__, _plain(task, key)] for task in change.tasks],
        "claims": [repr(claim) for claim in sorted(change.claims, key=repr)],
    }
    text = json.dumps(covered, sort_keys=True).encode()
    return hmac.digest(key, text, "sha256").hex() if _is_secret(change, items) else hashlib.sha256(text).hexdigest()


def _is_secret(change: Change, items: Sequence[ItemPlan]) -> bool:
    values = [value for item in items for fields in (item.before, item.after) for value in (fields or {}).values()]
    secrets = [task.secrets for task in change.tasks if isinstance(task, WriteFile)]
    return any(secrets) or bool(change.unkept) or any(isinstance(value, Secret) for value in values)


def _plain(value: object, key: bytes) -> Json:
    if isinstance(value, Secret):
        return {"secret": value.digest(key)}
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    if isinstance(value, Mapping):
        return {str(name): _plain(entry, key) for name, entry in value.items()}
    if isinstance(value, list | tuple | frozenset | set):
        parts = [_plain(entry, key) for entry in value]
        return sorted(parts, key=repr) if isinstance(value, frozenset | set) else parts
    if is_dataclass(value):
        return {entry.name: _plain(getattr(value, entry.name), key) for entry in fields(value)}
    assert value is None or isinstance(value, str | int | float)
    return value
