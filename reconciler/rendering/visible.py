"""The one way in which text of a host, a file or the repo reaches the screen: nothing in it can act on a terminal.

Source: CVE-2021-25743 (kubectl), CVE-2018-1000021 and CVE-2024-52005 (git).
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

# Printable for Python, and yet nothing is seen of them: Unicode's Default_Ignorable_Code_Point without the format
# characters, which `isprintable` refuses already. Two values that differ only here would look the same in a plan.
_IGNORABLE: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_NAMED: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_KEPT: Final = frozenset("\n\t")


def visible(text: str, *, multiline: bool = False) -> str:
    """`text` with every control, direction, invisible and undecodable character as an escape.

    Bytes that are not UTF-8 (read with surrogateescape) are shown as `\\xNN`. Doing it twice changes nothing. Line ends
    and tabs stay with `multiline` only. A backslash stays as it is, for Windows paths: this is for reading, not exact.
    """
    if text.isprintable() and (text.isascii() or not _IGNORABLE.search(text)):
        return text
    return "".join(character if _is_safe(character, multiline) else _escape(character) for character in text)


def cell_width(text: str) -> int:
    """How many columns of a terminal `text` takes; it must be visible already."""
    if text.isascii():
        return len(text)
    return sum(_columns(character) for character in text)


def _is_safe(character: str, multiline: bool) -> bool:
    if multiline and character in _KEPT:
        return True
    return character.isprintable() and not _IGNORABLE.match(character)


def _escape(character: str) -> str:
    code = ord(character)
    if character in _NAMED:
        return _NAMED[character]
    if code < 0x80:
        return f"\\x{code:02x}"
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
