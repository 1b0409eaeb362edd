"""Values as people read them on one line: near to how they stand in a document, secrets hidden."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from reconciler.model.later import Later
from reconciler.model.secrets import SecretText
from reconciler.model.values import Absent, RepoFile, Unmanaged

SECRET: Final = "(secret)"
ABSENT: Final = "absent"
_UNMANAGED: Final = "unmanaged"

_NUMBER: Final = re.compile(r"[-+]?(\.?[0-9][0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9]+)?|0[xo][0-9a-fA-F]+)")
_WORDS: Final = frozenset({"", "true", "false", "null", "~", ABSENT, _UNMANAGED, SECRET})
_SPECIAL_FIRST: Final = "\"'[{*&!|>%@#`"
_SPECIAL_IN_FLOW: Final = re.compile(r"[,\[\]{}]|: |:$")


def value_text(value: object) -> str:
    """One line. Text that could be taken for something else (`"0755"`, `"true"`) stands in quotes.

    What cannot be shown is not: a `Secret` first of all. Of a `SecretText` the template is, which holds no secret.
    """
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case str():
            return _quoted(value) if _needs_quotes(value) else value
        case Mapping():
            return "{" + ", ".join(f"{_nested(str(key))}: {_nested(entry)}" for key, entry in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(_nested, value)) + "]"
        case _:
            return _special(value)


def _special(value: object) -> str:
    match value:
        case Absent():
            return ABSENT
        case Unmanaged():
            return _UNMANAGED
        case SecretText():
            return value.with_named_holes()
        case Later(names=names):
            return f"(waits for {', '.join(sorted(names))})"
        case RepoFile(path=path):
            return path
        case _:
            return SECRET


def value_lines(value: object) -> str | None:
    """The value as text of several lines, None where it is a word: text as it is, a structure as block YAML has it."""
    match value:
        case str():
            return value if "\n" in value.removesuffix("\n") else None
        case Mapping() | list() | tuple() if value:
            return "".join(f"{line}\n" for line in _block(value))
        case _:
            return None


def is_several_lines(value: object) -> bool:
    return isinstance(value, str) and value_lines(value) is not None


def _block(value: object) -> Iterator[str]:
    match value:
        case Mapping() if value:
            for key, entry in value.items():
                yield from _entry(f"{_nested(str(key))}:", entry)
        case list() | tuple() if value:
            for entry in value:
                yield from _entry("-", entry)
        case _:
            yield value_text(value)


def _entry(head: str, value: object) -> Iterator[str]:
    """A word stands behind its key, a structure below it."""
    if isinstance(value, Mapping | list | tuple) and value:
        yield head
        yield from (f"  {line}" for line in _block(value))
    else:
        yield f"{head} {value_text(value)}"


def _nested(value: object) -> str:
    if isinstance(value, str) and (_needs_quotes(value) or _SPECIAL_IN_FLOW.search(value)):
        return _quoted(value)
    return value_text(value)


def _needs_quotes(text: str) -> bool:
    return text in _WORDS or text != text.strip() or text[0] in _SPECIAL_FIRST or _NUMBER.fullmatch(text) is not None


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '\\"') + '"'
