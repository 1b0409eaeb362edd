r"""Blanks in the fields of fstab and of /proc/self/mountinfo: a backslash and the byte in three octal digits.

Written are blank, tab, line feed and backslash, as libmount does; read is any byte. Source: lib/mangle.c of util-linux.
"""

from __future__ import annotations

import re

_ESCAPE = re.compile(rb"\\([0-7]{3})")
_WRITTEN = str.maketrans({character: f"\\{ord(character):03o}" for character in " \t\n\\"})


def decode(field: str) -> str:
    r"""`a b` for `a\040b`. Bytes that are no UTF-8 stand as surrogates; what is no escape stays."""
    if "\\" not in field:
        return field
    data = field.encode("utf-8", "surrogateescape")
    return _ESCAPE.sub(lambda match: bytes([int(match[1], 8) & 0xFF]), data).decode("utf-8", "surrogateescape")


def encode(field: str) -> str:
    return field.translate(_WRITTEN)
