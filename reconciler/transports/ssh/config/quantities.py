"""Numbers and times as OpenSSH reads them.

Source: OpenSSH misc.c, `convtime`, `a2port` and `atoi_err`.
"""

from __future__ import annotations

import re
from typing import Final

_LARGEST: Final = 2**31 - 1
_UNIT_SECONDS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_NUMBER: Final = r"[ \t\n\v\f\r]*[+-]?[0-9]{1,19}"
_TIME: Final = re.compile(f"(?:{_NUMBER}[smhdw])*(?:{_NUMBER})?", re.IGNORECASE)
_TIME_PART: Final = re.compile(f"({_NUMBER})([smhdw]?)", re.IGNORECASE)
_INTEGER: Final = re.compile(_NUMBER)


def seconds(text: str) -> int | None:
    """`90`, `1m30`, `1h30m` in seconds; None for what is not a time."""
    if not text or not _TIME.fullmatch(text):
        return None
    total = 0
    for number, unit in _TIME_PART.findall(text):
        if int(number) < 0:
            return None
        total += int(number) * _UNIT_SECONDS[unit.lower()]
    return total if total <= _LARGEST else None


def integer(text: str, largest: int = _LARGEST) -> int | None:
    """A number from 0 on."""
    return int(text) if _INTEGER.fullmatch(text) and 0 <= int(text) <= largest else None


def port(text: str) -> int | None:
    """A number from 1 on, or the name of a service."""
    number = integer(text, 65535)
    if number is None:
        import socket

        try:
            number = socket.getservbyname(text, "tcp")
        except (OSError, ValueError):
            return None
    return number or None
