"""Secrets as a type: a value that nothing prints by accident, and text with a hole where each secret goes.

Planning, showing and saving work on `SecretText`, which knows only names. `fill` is called where text is sent.
"""

from __future__ import annotations

import hmac
import json
import shlex
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn

from reconciler.model.errors import DocumentError, Problem

HIDDEN = "***"


def as_json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def as_url_part(text: str) -> str:
    """Percent-encoded whole, `/` too: a password in a URL must not end the part it stands in."""
    return urllib.parse.quote(text, safe="", errors="surrogatepass")


ENCODINGS: Mapping[str, Callable[[str], str]] = {"quote": shlex.quote, "tojson": as_json, "urlencode": as_url_part}
"""The only things a template may do to a secret, by the name of the filter."""


class Secret:
    """One secret value. Only `reveal` and `digest` read it; printing, formatting, copying to JSON and pickling do not.

    `names` are those of the secrets in it. They do not count when values are compared.
    """

    __slots__ = ("_value", "names")

    _value: str
    names: frozenset[str]

    def __init__(self, value: str, names: frozenset[str] = frozenset()) -> None:
        object.__setattr__(self, "_value", value)
        object.__setattr__(self, "names", names)

    def reveal(self) -> str:
        return self._value

    def digest(self, key: bytes) -> str:
        """HMAC-SHA256 in hex: tells whether a secret changed, to those who hold `key` (32 bytes or more) only."""
        if len(key) < 32:
            raise ValueError("a digest of a secret needs a key of 32 bytes or more")
        return hmac.digest(key, self._bytes(), "sha256").hex()

    def _bytes(self) -> bytes:
        # What an environment variable holds need not be Unicode: Python gives such bytes as surrogates.
        return self._value.encode("utf-8", "surrogatepass")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._bytes(), other._bytes())

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __repr__(self) -> str:
        return HIDDEN

    def __format__(self, format_spec: str) -> str:
        return HIDDEN

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Secret:
        return self

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a secret does not change")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("a secret does not change")

    def __getstate__(self) -> NoReturn:
        raise TypeError("a secret is not saved")


@dataclass(frozen=True, slots=True)
class SecretHole:
    """Where the secret `name` goes; `filter` is one of `ENCODINGS`, or None for the secret as it is."""

    name: str
    filter: str | None = None

    def __str__(self) -> str:
        return f"{{{{ secrets.{self.name}{f' | {self.filter}' if self.filter else ''} }}}}"


@dataclass(frozen=True, slots=True)
class SecretText:
    """Text that is secret as a whole, because its template names a secret. Holds no secret value."""

    parts: tuple[str | SecretHole, ...]

    @property
    def names(self) -> frozenset[str]:
        return frozenset(part.name for part in self.parts if isinstance(part, SecretHole))

    def with_named_holes(self) -> str:
        """As `--format script` prints it: each secret is its own `{{ secrets.NAME }}`."""
        return "".join(map(str, self.parts))

    def fill(self, secrets: Mapping[str, str]) -> Secret:
        missing = sorted(self.names - secrets.keys())
        if missing:
            raise DocumentError(tuple(_without_value(name) for name in missing))
        return Secret("".join(_filled(part, secrets) for part in self.parts), self.names)

    def to_json(self) -> list[str | dict[str, str]]:
        return [part if isinstance(part, str) else _hole_to_json(part) for part in self.parts]

    @classmethod
    def from_json(cls, value: object) -> SecretText:
        """The inverse of `to_json`. Raises ValueError for anything that it did not write."""
        if not isinstance(value, list):
            raise ValueError("secret text is a list of texts and holes")
        return cls(tuple(part if isinstance(part, str) else _hole_from_json(part) for part in value))


def _filled(part: str | SecretHole, secrets: Mapping[str, str]) -> str:
    if isinstance(part, str):
        return part
    value = secrets[part.name]
    return value if part.filter is None else ENCODINGS[part.filter](value)


def _without_value(name: str) -> Problem:
    variable = f"RECONCILE_SECRET_{name.upper()}"
    return Problem(
        f"the secret {name} has no value here", fix=f"name its source under secrets in machine.yaml, or set {variable}"
    )


def _hole_to_json(hole: SecretHole) -> dict[str, str]:
    return {"secret": hole.name} if hole.filter is None else {"secret": hole.name, "filter": hole.filter}


def _hole_from_json(value: object) -> SecretHole:
    if isinstance(value, dict) and value.keys() <= {"secret", "filter"}:
        name, encoding = value.get("secret"), value.get("filter")
        if isinstance(name, str) and (encoding is None or encoding in ENCODINGS):
            return SecretHole(name, encoding)
    raise ValueError("a hole in secret text names a secret, and one of its filters")
