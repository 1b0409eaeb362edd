"""/etc/hosts by host name.

Every line that names a host counts, not only the first: with `multi on`, which distributions ship in host.conf, and in
musl, getaddrinfo gives all its addresses. A line is an address and names, parted by blanks; `#` begins a comment anywhere;
names do not care for case. Lines whose address inet_pton(3) does not take are not read, and stay.

Source: hosts(5), host.conf(5); nss/nss_files/files-hosts.c of glibc.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reconciler.formats import addresses
from reconciler.formats.addresses import Address, text_of
from reconciler.formats.lines import body, end, inserted, lines_of

_CONTENT = re.compile(r"[^#\0]*")
_WORD = re.compile(r"[^ \t\v\f\r]+")
_NAME = re.compile(r"[^\s#\0]+")


@dataclass(frozen=True, slots=True)
class _Line:
    """`names` are in lower case, each with where it begins and ends."""

    address: Address | None
    names: tuple[tuple[str, int, int], ...]
    comment: str


def members(text: str) -> dict[str, str]:
    """The addresses of each name, in lower case: parted by a blank, IPv4 first, by number."""
    found: dict[str, set[Address]] = {}
    for line in map(_parsed, lines_of(text)):
        for name, _, _ in line.names:
            if line.address is not None:
                found.setdefault(name, set()).add(line.address)
    return {name: _joined(several) for name, several in found.items()}


def edit(text: str, changes: Mapping[str, str | None]) -> str:
    """The text in which each name has just these addresses, parted by blanks, or none for None.

    A name is taken off the lines that give it others; a line that is then without names goes, its comment stays. It is put
    on the first line of its address, or on a new one at the end.

    Raises ValueError for what cannot be a name, or for a word that is no address.
    """
    for name, value in changes.items():
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} cannot be a name in /etc/hosts")
        wanted = set() if value is None else _addresses(value)
        text = "".join(_without(line, name.lower(), wanted) for line in lines_of(text))
        for address in sorted(wanted, key=_order):
            text = _with(text, name, address)
    return text


def normal_addresses(value: str) -> str:
    """Addresses as `members` gives them. Raises ValueError for a word that is no address, or for none at all."""
    return _joined(_addresses(value))


def _addresses(value: str) -> set[Address]:
    words = {word: _address(word) for word in value.split()}
    wrong = [word for word, address in words.items() if address is None]
    if wrong or not words:
        raise ValueError(f"{wrong[0] if wrong else value!r} is no address for /etc/hosts")
    return {address for address in words.values() if address is not None}


def _joined(several: Iterable[Address]) -> str:
    return " ".join(text_of(address) for address in sorted(several, key=_order))


def _order(address: Address) -> tuple[int, int]:
    return address.version, int(address)


def _address(word: str) -> Address | None:
    return None if "%" in word else addresses.parse(word)


def _parsed(line: str) -> _Line:
    text = body(line)
    content = _CONTENT.match(text)
    assert content is not None
    words = list(_WORD.finditer(content[0]))
    return _Line(
        address=_address(words[0][0]) if words else None,
        names=tuple((word[0].lower(), word.start(), word.end()) for word in words[1:]),
        comment=text[content.end() :],
    )


def _without(line: str, name: str, wanted: set[Address]) -> str:
    parsed = _parsed(line)
    names = [each for each, _, _ in parsed.names]
    if parsed.address is None or parsed.address in wanted or name not in names:
        return line
    if set(names) == {name}:
        return parsed.comment + end(line) if parsed.comment else ""
    index = names.index(name)
    _, start, stop = parsed.names[index]
    if index + 1 < len(names):
        stop = parsed.names[index + 1][1]
    else:
        start = parsed.names[index - 1][2]
    return _without(line[:start] + line[stop:], name, wanted)


def _with(text: str, name: str, address: Address) -> str:
    lines = lines_of(text)
    parsed = [(index, line) for index, line in enumerate(map(_parsed, lines)) if line.address == address]
    if any(each == name.lower() for _, line in parsed for each, _, _ in line.names):
        return text
    for index, line in parsed:
        if line.names:
            stop = line.names[-1][2]
            lines[index] = f"{lines[index][:stop]} {name}{lines[index][stop:]}"
            return "".join(lines)
    return inserted(text, len(lines), [f"{text_of(address)} {name}"])
