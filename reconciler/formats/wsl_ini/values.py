"""From the unescaped text of a value to what WSL takes it for.

Source: microsoft/WSL src/shared/configfile/configfile.cpp, src/shared/inc/stringshared.h
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address

from reconciler.formats.wsl_ini.keys import Key, Value, ValueType
from reconciler.formats.wsl_ini.parts import WarningKind

_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_BLANKS = r"[ \t\n\v\f\r]*+"
_INTEGER = re.compile(_BLANKS + r"([+-]?)(?:0[xX]([0-9a-fA-F]+)|0([0-7]*)|([1-9][0-9]*))")
_SIZE = re.compile(_BLANKS + r"([+-]?)([0-9]+)([KMGT]?B?)")
_PORT = re.compile(_BLANKS + r"\+?([0-9]+)")
_MAC_ADDRESS = re.compile(r"[0-9a-fA-F]{2}([:-])(?:[0-9a-fA-F]{2}\1){4}[0-9a-fA-F]{2}")
_UNITS = {"": 1, "B": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_LARGEST_INTEGER = 2**31 - 1
_LARGEST_SIZE = 2**64 - 1
_LARGEST_PORT = 65_535


@dataclass(frozen=True, slots=True)
class Reading:
    """What WSL makes of a value; None when it keeps the default. Both a value and warnings: it took a part."""

    value: Value | None
    warnings: tuple[WarningKind, ...] = ()


def interpret(key: Key, text: str) -> Reading:
    """What WSL takes the unescaped `text` for, in a form that is equal whenever WSL does the same."""
    return _READERS[key.type](key, text)


def _boolean(_key: Key, text: str) -> Reading:
    value = _BOOLEANS.get(text.lower())
    return Reading(value) if value is not None else Reading(None, (WarningKind.INVALID_BOOLEAN,))


def _integer(_key: Key, text: str) -> Reading:
    """A C literal of 32 bits."""
    found = _INTEGER.fullmatch(text)
    if found is None:
        return Reading(None, (WarningKind.INVALID_INTEGER,))
    sign, hexadecimal, octal, decimal = found.groups()
    if hexadecimal is not None:
        number = int(hexadecimal, 16)
    elif octal is not None:
        number = int(octal or "0", 8)
    else:
        number = _decimal(decimal, _LARGEST_INTEGER)
    number = -number if sign == "-" else number
    if not -_LARGEST_INTEGER - 1 <= number <= _LARGEST_INTEGER:
        return Reading(None, (WarningKind.INVALID_INTEGER,))
    return Reading(number)


def _decimal(digits: str, largest: int) -> int:
    """The number, or `largest` + 1 for all that are larger: Python refuses to convert thousands of digits."""
    significant = digits.lstrip("0") or "0"
    return largest + 1 if len(significant) > len(str(largest)) else min(int(significant), largest + 1)


def _size(_key: Key, text: str) -> Reading:
    """Bytes. WSL calculates with 64 bits: too large is the largest number, negative and overflowing wrap around."""
    found = _SIZE.fullmatch(text)
    if found is None:
        return Reading(None, (WarningKind.INVALID_NUMBER_STRING,))
    sign, digits, unit = found.groups()
    number = _decimal(digits, _LARGEST_SIZE)
    if number == 0 and text != f"0{unit}":
        return Reading(None, (WarningKind.INVALID_NUMBER_STRING,))
    if number > _LARGEST_SIZE:
        number = _LARGEST_SIZE
    elif sign == "-":
        number = -number
    return Reading(number * _UNITS[unit[:1]] % 2**64)


def _text(_key: Key, text: str) -> Reading:
    return Reading(text)


def _mount_root(_key: Key, text: str) -> Reading:
    return Reading(text if text.endswith("/") else f"{text}/")


def _choice(key: Key, text: str) -> Reading:
    wanted = text.lower()
    for spelling, choice in key.choices.items():
        if spelling.lower() == wanted:
            return Reading(choice)
    return Reading(None, (WarningKind.INVALID_ENUM,))


def _mac_address(_key: Key, text: str) -> Reading:
    if _MAC_ADDRESS.fullmatch(text):
        return Reading(text.upper().replace("-", ":"))
    return Reading(None, (WarningKind.INVALID_MAC_ADDRESS,))


def _ipv4_address(_key: Key, text: str) -> Reading:
    try:
        return Reading(str(IPv4Address(text)))
    except AddressValueError:
        return Reading(None, (WarningKind.INVALID_IP,))


def _ports(_key: Key, text: str) -> Reading:
    """A set: WSL drops what is empty, what is no port with a warning each, and what follows a port's digits."""
    ports: set[int] = set()
    entries = [entry for entry in text.split(",") if entry]
    wrong = 0
    for entry in entries:
        found = _PORT.match(entry)
        port = _decimal(found[1], _LARGEST_PORT) if found else 0
        if 0 < port <= _LARGEST_PORT:
            ports.add(port)
        else:
            wrong += 1
    taken = ",".join(str(port) for port in sorted(ports)) if ports or not wrong else None
    return Reading(taken, (WarningKind.INVALID_INTEGER,) * wrong)


_READERS: dict[ValueType, Callable[[Key, str], Reading]] = {
    ValueType.BOOLEAN: _boolean,
    ValueType.INTEGER: _integer,
    ValueType.SIZE: _size,
    ValueType.TEXT: _text,
    ValueType.PATH: _text,
    ValueType.CHOICE: _choice,
    ValueType.MAC_ADDRESS: _mac_address,
    ValueType.IPV4_ADDRESS: _ipv4_address,
    ValueType.PORTS: _ports,
    ValueType.MOUNT_ROOT: _mount_root,
}
