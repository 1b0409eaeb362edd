"""What operators and tests mean. Strict: a variable is text as written, and `"7890" == 7890` is a mistake to name."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from reconciler.documents.template_language.list_filters import entries
from reconciler.documents.template_language.values import (
    LanguageError,
    Missing,
    described,
    fitting,
    is_number,
    number,
)


def add(left: object, right: object) -> object:
    if isinstance(left, str) and isinstance(right, str):
        fitting(len(left) + len(right))
        return left + right
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return [*left, *right]
    return _calculated("+", operator.add, left, right)


def _arithmetic(sign: str, function: Callable[[Any, Any], Any]) -> Callable[[object, object], object]:
    return lambda left, right: _calculated(sign, function, left, right)


def _calculated(sign: str, function: Callable[[Any, Any], Any], left: object, right: object) -> object:
    if not (is_number(left) and is_number(right)):
        fix = "write  ~  to join texts" if sign == "+" else "write  … | int  where a text holds a number"
        raise LanguageError(f"{sign} works on numbers, and here are {described(left)} and {described(right)}", fix)
    if sign in ("/", "//", "%") and not right:
        raise LanguageError(f"{sign} by zero", "write another number after it")
    return number(function(left, right))


OPERATORS: Final[Mapping[str, Callable[[object, object], object]]] = {
    "Add": add,
    "Div": _arithmetic("/", operator.truediv),
    "FloorDiv": _arithmetic("//", operator.floordiv),
    "Mod": _arithmetic("%", operator.mod),
    "Mul": _arithmetic("*", operator.mul),
    "Sub": _arithmetic("-", operator.sub),
}


def truth(value: object) -> bool:
    """A condition. Text is none: the variable `false` is a text, and any text would count as true."""
    if isinstance(value, str):
        raise LanguageError("a text stands as a condition", "write  … | bool  for true or false, or  … != ''")
    return bool(value)


def equal(left: object, right: object) -> bool:
    if _scalar_kind(left) != _scalar_kind(right) and None not in (left, right):
        what = f"{described(left)} is compared with {described(right)}, and never equals it"
        raise LanguageError(
            what, "a variable is text as written: write  … | int  or  … | bool  after it, or quote the other side"
        )
    return left == right


def _scalar_kind(value: object) -> str:
    return "list" if isinstance(value, list | tuple) else described(value)


def contains(whole: object, part: object) -> bool:
    if isinstance(whole, str):
        if not isinstance(part, str):
            raise LanguageError(f"{described(part)} is looked for in text", "write  … | string  after it")
        return part in whole
    return any(equal(part, entry) for entry in entries(whole, "in"))


def _ordered(function: Callable[[Any, Any], bool]) -> Callable[[object, object], bool]:
    def compare(left: object, right: object) -> bool:
        if (is_number(left) and is_number(right)) or (isinstance(left, str) and isinstance(right, str)):
            return function(left, right)
        what = f"{described(left)} and {described(right)} have no order"
        raise LanguageError(what, "write  … | int  where a text holds a number")

    return compare


COMPARISONS: Final[Mapping[str, Callable[[object, object], bool]]] = {
    "eq": lambda left, right: equal(left, right),
    "ne": lambda left, right: not equal(left, right),
    "lt": _ordered(operator.lt),
    "lteq": _ordered(operator.le),
    "gt": _ordered(operator.gt),
    "gteq": _ordered(operator.ge),
    "in": lambda left, right: contains(right, left),
    "notin": lambda left, right: not contains(right, left),
}


def _whole(value: object, user: str) -> int:
    if not isinstance(value, int) or not is_number(value):
        raise LanguageError(f"{user} needs a whole number, and this is {described(value)}", "write  … | int  before it")
    return value


TESTS: Final[Mapping[str, Callable[[object], bool]]] = {
    "boolean": lambda value: isinstance(value, bool),
    "defined": lambda value: not isinstance(value, Missing),
    "even": lambda value: _whole(value, "even") % 2 == 0,
    "false": lambda value: value is False,
    "integer": lambda value: isinstance(value, int) and is_number(value),
    "mapping": lambda value: isinstance(value, Mapping),
    "none": lambda value: value is None,
    "number": is_number,
    "odd": lambda value: _whole(value, "odd") % 2 == 1,
    "sequence": lambda value: isinstance(value, list | tuple),
    "string": lambda value: isinstance(value, str),
    "true": lambda value: value is True,
    "undefined": lambda value: isinstance(value, Missing),
}
"""Tests that take nothing more."""

COMPARING_TESTS: Final[Mapping[str, str]] = {
    "eq": "eq",
    "ge": "gteq",
    "gt": "gt",
    "in": "in",
    "le": "lteq",
    "lt": "lt",
    "ne": "ne",
}
"""Tests that take one more value, and the comparison that they are."""
