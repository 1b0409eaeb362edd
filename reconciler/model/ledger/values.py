"""Values as a ledger holds them: secrets by their names only, and long texts by their digest."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

from reconciler.model.resource import Fields
from reconciler.model.secrets import Secret
from reconciler.model.values import Json

_SECRET: Final = "$secret"
_DIGEST: Final = "$sha256"
_LONGEST_TEXT: Final = 400
"""Characters of a value: contents of files are kept as files."""


def told(fields: Fields | None) -> Mapping[str, Json] | None:
    """Fields as the ledger holds them."""
    return None if fields is None else {name: _told(value) for name, value in fields.items()}


def _told(value: Json | Secret) -> Json:
    """A secret of some document is not told; what is just nobody's business, and long texts, by their digest."""
    if isinstance(value, Secret):
        return {_SECRET: [*sorted(value.names)]} if value.names else {_DIGEST: _digest(value.reveal())}
    return {_DIGEST: _digest(value)} if isinstance(value, str) and len(value) > _LONGEST_TEXT else value


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def is_secret(value: Json) -> bool:
    return isinstance(value, dict) and value.keys() == {_SECRET}


def secret_names(value: Json) -> frozenset[str]:
    """Those of the secrets that a value was made of."""
    names = value[_SECRET] if isinstance(value, dict) and value.keys() == {_SECRET} else []
    return frozenset(name for name in names if isinstance(name, str)) if isinstance(names, list) else frozenset()


def is_untold(value: Json) -> bool:
    """Whether a value stands there by its digest only, or not at all, being nobody's business."""
    return is_secret(value) or (isinstance(value, dict) and value.keys() == {_DIGEST})


def is_same(observed: Mapping[str, Json] | None, desired: Mapping[str, Json] | None) -> bool:
    """Whether an item that was seen so is what is desired: in all fields that the latter names."""
    if observed is None or desired is None:
        return observed is desired
    return all(
        name in observed and _comparable(observed[name]) == _comparable(value) for name, value in desired.items()
    )


def _comparable(value: Json) -> Json:
    return {_DIGEST: _digest(value)} if isinstance(value, str) else value
