"""What template values are, and how much work a template may cause: both the same for every template.

A value is text, a number, true or false, none, a list, or a mapping with text as keys. Nothing else enters a template,
so nothing in it has code behind it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from typing import Final

from reconciler.model.spelling import nearest

MOST_STEPS: Final = 100_000
"""A loop's turn, an operation, or a piece that is printed is one step; so is each entry or stretch of text it handles."""
CHARACTERS_PER_STEP: Final = 64
LONGEST_TEXT: Final = 1024 * 1024
LONGEST_RANGE: Final = 10_000
NUMBERS_PER_STEP: Final = 4
LARGEST_INTEGER: Final = 2**63 - 1
MOST_NAMES_SHOWN: Final = 12
LONGEST_SHOWN: Final = 60

Entries = list[object] | tuple[object, ...]


class LanguageError(Exception):
    """What is wrong and how to write it; `line` counts from 1 inside the template's text."""

    def __init__(self, what: str, fix: str | None, line: int | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix
        self.line = line


def suggestion(word: str, known: Collection[str]) -> str:
    guess = nearest(word, known)
    return f"did you mean {guess}?" if guess else f"there are: {', '.join(sorted(known))}"


class Missing:
    """A name that has no value. Only `default` and `is defined` bear one."""

    def __init__(self, name: str, known: Collection[str] = (), parent: str = "") -> None:
        self.name = name
        self.known = known
        self.parent = parent

    def fault(self) -> LanguageError:
        known = sorted(map(str, self.known))
        shown = ", ".join(map(self.path, known[:MOST_NAMES_SHOWN]))
        more = f" and {len(known) - MOST_NAMES_SHOWN} more" if len(known) > MOST_NAMES_SHOWN else ""
        defined = f" (defined: {shown}{more})" if known else ""
        guess = nearest(self.name, known)
        fix = f"did you mean {self.path(guess)}?" if guess else "declare it, or write  … | default('…')  after it"
        return LanguageError(f"{self.path(self.name)} is not defined{defined}", fix)

    def path(self, name: str) -> str:
        cut = name if len(name) <= LONGEST_SHOWN else f"{name[:LONGEST_SHOWN]}…"
        return f"{self.parent}.{cut}" if self.parent else cut


class Budget:
    """The steps that one rendering has left."""

    def __init__(self, most_steps: int = MOST_STEPS) -> None:
        self.steps_left = most_steps

    def charge(self, steps: int) -> None:
        self.steps_left -= steps
        if self.steps_left < 0:
            what = f"this template takes more than {MOST_STEPS:,} steps"
            raise LanguageError(what, "loop over less, or write the result as a file of its own")

    def handle(self, *values: object) -> None:
        """Charges for one operation that goes through all of the values, however deep they are."""
        self.charge(1)
        for value in values:
            self._go_through(value)

    def _go_through(self, value: object) -> None:
        match value:
            case str():
                self.charge(len(value) // CHARACTERS_PER_STEP)
            case list() | tuple():
                self.charge(len(value))
                for entry in value:
                    self._go_through(entry)
            case Mapping():
                self.charge(len(value))
                for key, entry in value.items():
                    self._go_through(key)
                    self._go_through(entry)


def fitting(characters: int) -> None:
    """Refuses a text that would become longer than texts may be, before it is made."""
    if characters > LONGEST_TEXT:
        what = f"this makes a text of {characters:,} characters; the limit is {LONGEST_TEXT:,}"
        raise LanguageError(what, "render less, or split the file")


def described(value: object) -> str:
    """The kind of a value in words, never the value: it may be long, or not for everybody."""
    match value:
        case None:
            return "none"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list() | tuple():
            return "a list"
        case Mapping():
            return "a mapping"
        case _:
            return "nothing that a template can use"


def shown(value: object) -> str:
    """A value for a message: text in quotes and cut short, of anything else only what it is."""
    if not isinstance(value, str):
        return described(value)
    return json.dumps(value if len(value) <= LONGEST_SHOWN else value[:LONGEST_SHOWN] + "…", ensure_ascii=False)


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def number(value: int | float) -> int | float:
    """The result of arithmetic, when it is one that a file may hold."""
    if isinstance(value, float) and not math.isfinite(value):
        raise LanguageError("this number is too large", "write a smaller one, or text in quotes")
    if isinstance(value, int) and not -LARGEST_INTEGER - 1 <= value <= LARGEST_INTEGER:
        raise LanguageError("this number does not fit into 64 bits", "write a smaller one, or text in quotes")
    return value


def as_text(value: object) -> str:
    """A value as it appears inside text."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(number(value))
        case None:
            raise LanguageError("none has no text", "write  … | default('', true)  for nothing at all")
        case list() | tuple():
            raise LanguageError("a list stands where text is made", "write  … | join(', ')  or  … | tojson")
        case Mapping():
            raise LanguageError("a mapping stands where text is made", "name one of its entries, or write  … | tojson")
        case _:
            raise LanguageError(f"{described(value)} stands where text is made", "name a variable or a fact")


def text(value: object, user: str) -> str:
    """The value, when it is text; `user` says who needs it."""
    if not isinstance(value, str):
        raise LanguageError(f"{user} needs text, and this is {described(value)}", "write  … | string  before it")
    return value


def flag(value: object, user: str) -> bool:
    """The value, when it is true or false."""
    if isinstance(value, Missing):
        raise value.fault()
    if not isinstance(value, bool):
        raise LanguageError(f"{user} takes true or false here, and this is {described(value)}", "write  true")
    return value


def plain(value: object) -> object:
    """A copy of the value that shares nothing with what the caller gave, in the types of JSON."""
    match value:
        case Mapping():
            return {str(key): plain(entry) for key, entry in value.items()}
        case list() | tuple():
            return [plain(entry) for entry in value]
        case _:
            return value
