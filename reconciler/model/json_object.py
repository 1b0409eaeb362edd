"""A JSON object that somebody else wrote, read key by key."""

from __future__ import annotations

from typing import Final

from reconciler.model.values import Json

_LARGEST_NUMBER: Final = 2**63


class JsonObject:
    """What it lacks, or holds of another type, is a ValueError that names the key. `what` says what the object is."""

    def __init__(self, value: Json, what: str) -> None:
        if not isinstance(value, dict):
            raise ValueError(f"{what} is not an object")
        self._value, self._what = value, what

    def has(self, key: str) -> bool:
        """Whether there is a value that is not null."""
        return self._value.get(key) is not None

    def child(self, key: str) -> JsonObject:
        return JsonObject(self._value.get(key), f"{self._what}: {key}")

    def raw(self, key: str) -> Json:
        if key not in self._value:
            raise self._wrong(key, "missing")
        return self._value[key]

    def text(self, key: str) -> str:
        value = self._value.get(key)
        if not isinstance(value, str):
            raise self._wrong(key, "not text")
        return value

    def text_or_none(self, key: str) -> str | None:
        return self.text(key) if self.has(key) else None

    def number(self, key: str) -> int:
        value = self._value.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or abs(value) > _LARGEST_NUMBER:
            raise self._wrong(key, "not a whole number")
        return value

    def truth(self, key: str) -> bool:
        value = self._value.get(key)
        if not isinstance(value, bool):
            raise self._wrong(key, "not true or false")
        return value

    def list(self, key: str) -> list[Json]:
        value = self._value.get(key)
        if not isinstance(value, list):
            raise self._wrong(key, "not a list")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        values = self.list(key)
        found = tuple(value for value in values if isinstance(value, str))
        if len(found) != len(values):
            raise self._wrong(key, "not a list of text")
        return found

    def _wrong(self, key: str, how: str) -> ValueError:
        return ValueError(f"{self._what}: {key} is {how}")
