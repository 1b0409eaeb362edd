"""Sizes for people."""

from __future__ import annotations

from typing import Final

_UNITS: Final = ("bytes", "kB", "MB", "GB", "TB")


def size_text(size: int) -> str:
    """`71.2 MB`, in powers of 1000; `512 bytes`."""
    scaled, unit = float(size), 0
    while scaled >= 999.95 and unit < len(_UNITS) - 1:
        scaled, unit = scaled / 1000, unit + 1
    return f"{scaled:.1f} {_UNITS[unit]}" if unit else f"{size} {'byte' if size == 1 else 'bytes'}"
