"""The filters that a template may use: a closed list, on plain values, each bounded before it makes anything.

They are Jinja's where both have one, with these differences, all to keep exact what a file gets:
`int`, `float` and `bool` refuse what they cannot read; `sort`, `unique`, `min` and `max` tell `a` from `A`;
`urlencode` encodes `/` too; `tojson` keeps the order of keys and all characters; `quote` is the shell's.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable, Mapping
from typing import Final

from reconciler.documents.template_language import list_filters
from reconciler.documents.template_language.values import (
    LanguageError,
    Missing,
    as_text,
    described,
    fitting,
    flag,
    is_number,
    number,
    plain,
    shown,
    text,
)
from reconciler.model.secrets import ENCODINGS

Filter = Callable[..., object]
"""Takes the the value, and what stands in parentheses; its signature is what a template may write there."""

WIDEST_INDENT: Final = 64
_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,19}\Z")
_FLOAT: Final = re.compile(r"[-+]?[0-9]{1,40}(\.[0-9]{1,40})?([eE][-+]?[0-9]{1,3})?\Z")


def _bool(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if value not in ("true", "false"):
        raise LanguageError(f"bool reads only true and false, not {shown(value)}", "write  true  or  false  there")
    return value == "true"


def _int(value: object) -> int | float:
    if isinstance(value, int | float) and is_number(value):
        return int(value)
    if not isinstance(value, str) or not _INTEGER.match(value.strip(" ")):
        raise LanguageError(f"int reads only whole numbers, not {shown(value)}", "write digits only there")
    return number(int(value))


def _float(value: object) -> int | float:
    if isinstance(value, int | float) and is_number(value):
        return float(value)
    if not isinstance(value, str) or not _FLOAT.match(value.strip(" ")):
        raise LanguageError(f"float reads only numbers, not {shown(value)}", "write digits and a point there")
    return number(float(value))


def _abs(value: object) -> int | float:
    if not isinstance(value, int | float) or not is_number(value):
        raise LanguageError(f"abs needs a number, and this is {described(value)}", "write  … | int  before it")
    return number(abs(value))


def _default(value: object, default_value: object = "", boolean: object = False) -> object:
    replaces_nothing_too = flag(boolean, "default")
    return default_value if isinstance(value, Missing) or (replaces_nothing_too and not value) else value


def _string(value: object) -> str:
    return as_text(value)


def _lower(value: object) -> str:
    return text(value, "lower").lower()


def _upper(value: object) -> str:
    return text(value, "upper").upper()


def _trim(value: object) -> str:
    return text(value, "trim").strip()


def _replace(value: object, old: object, new: object) -> str:
    whole, gone, put = text(value, "replace"), text(old, "replace"), text(new, "replace")
    if not gone:
        raise LanguageError("replace looks for an empty text", "write the text to replace")
    fitting(len(whole) + whole.count(gone) * (len(put) - len(gone)))
    return whole.replace(gone, put)


def _indent(value: object, width: object = 4, first: object = False, blank: object = False) -> str:
    lines = text(value, "indent").split("\n")
    if not isinstance(width, int) or not 0 <= width <= WIDEST_INDENT:
        raise LanguageError(f"indent takes a width from 0 to {WIDEST_INDENT}", "write  indent(4)")
    fitting(sum(map(len, lines)) + len(lines) * (width + 1))
    blank_too = flag(blank, "indent")
    indented = [" " * width + line if line or blank_too else line for line in lines]
    return "\n".join(indented if flag(first, "indent") else [lines[0], *indented[1:]])


def _basename(value: object) -> str:
    return posixpath.basename(text(value, "basename"))


def _dirname(value: object) -> str:
    return posixpath.dirname(text(value, "dirname"))


def _quote(value: object) -> str:
    return ENCODINGS["quote"](as_text(value))


def _urlencode(value: object) -> str:
    return ENCODINGS["urlencode"](as_text(value))


def _tojson(value: object, indent: object = None) -> str:
    if indent is not None and not (isinstance(indent, int) and 0 <= indent <= WIDEST_INDENT):
        raise LanguageError(f"tojson takes an indent from 0 to {WIDEST_INDENT}", "write  tojson(2)")
    pieces: list[str] = []
    length = 0
    for piece in json.JSONEncoder(ensure_ascii=False, indent=indent).iterencode(plain(value)):
        length += len(piece)
        fitting(length)
        pieces.append(piece)
    return "".join(pieces)


FILTERS: Final[Mapping[str, Filter]] = {
    "abs": _abs,
    "basename": _basename,
    "bool": _bool,
    "d": _default,
    "default": _default,
    "dirname": _dirname,
    "float": _float,
    "indent": _indent,
    "int": _int,
    "lower": _lower,
    "quote": _quote,
    "replace": _replace,
    "string": _string,
    "tojson": _tojson,
    "trim": _trim,
    "upper": _upper,
    "urlencode": _urlencode,
    **list_filters.FILTERS,
}
