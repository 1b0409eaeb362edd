"""/etc/resolv.conf, as glibc reads it.

A keyword counts only where it begins its line with a blank behind it. `#` and `;` begin a comment only there too: in a
`search` line they are domains, and `nameserver 10.0.0.1;` is no address. The first three nameservers count, the last
`search` or `domain` line that has a word, and every `options` line. CRLF is fatal: the CR is part of the last word.

An IPv4 address in another notation than four decimal numbers, such as 10.1, is not read here; glibc would. `sortlist` is
not part of the value.

Source: resolv.conf(5); resolv/res_init.c of glibc 2.36.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from reconciler.formats import addresses

MOST_NAMESERVERS: Final = 3
_STATEMENT = re.compile(r"(nameserver|search|domain|options)[ \t]+([^ \t].*)")
_DOMAIN = re.compile(r"[^\s#;]+")
_OPTION = re.compile(r"[a-z][a-z0-9_-]*(:[0-9]+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvConf:
    """What the file says. Domains are in lower case without their last dot, options sorted, each once."""

    nameservers: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


def parse(text: str) -> ResolvConf:
    nameservers: list[str] = []
    search: list[str] = []
    options: dict[str, str] = {}
    for _, keyword, words in _statements(text):
        match keyword:
            case "nameserver":
                nameservers += _nameserver(words)
            case "search":
                search = words
            case "domain":
                search = words[:1]
            case _:
                options |= {word.partition(":")[0]: word for word in words}
    return ResolvConf(
        nameservers=tuple(nameservers[:MOST_NAMESERVERS]),
        search=tuple(_normal_domain(domain) for domain in search),
        options=tuple(sorted(options.values())),
    )


def text_of(value: ResolvConf) -> str:
    """The text that says so and no more. Raises ValueError for a word that glibc would not read as it is meant."""
    if len(value.nameservers) > MOST_NAMESERVERS:
        raise ValueError(f"{len(value.nameservers)} nameservers: only the first {MOST_NAMESERVERS} would be asked")
    for address in value.nameservers:
        if addresses.parse(address) is None:
            raise ValueError(f"nameserver {address!r} is no IP address")
    for what, words, form in (("search domain", value.search, _DOMAIN), ("option", value.options, _OPTION)):
        for word in words:
            if not form.fullmatch(word):
                raise ValueError(f"{what} {word!r} cannot stand in resolv.conf")
    lines = [f"nameserver {address}" for address in value.nameservers]
    lines += [
        " ".join((keyword, *words))
        for keyword, words in (("search", value.search), ("options", value.options))
        if words
    ]
    return "".join(f"{line}\n" for line in lines)


def normal(value: ResolvConf) -> ResolvConf:
    """The value in the form of `parse`. Raises ValueError as `text_of` does."""
    return parse(text_of(value))


def ignored_lines(text: str) -> tuple[tuple[int, str], ...]:
    """Lines, with numbers from 1, that are neither blank nor a comment and that say nothing: `nameserver` and no address,
    the fourth nameserver, a blank before the keyword, an unknown keyword."""
    counting = {number for number, keyword, _ in _statements(text) if keyword != "nameserver"}
    nameservers = [
        number for number, keyword, words in _statements(text) if keyword == "nameserver" and _nameserver(words)
    ]
    counting |= set(nameservers[:MOST_NAMESERVERS])
    return tuple(
        (number, line)
        for number, line in enumerate(text.split("\n"), start=1)
        if number not in counting and line.strip() and not line.startswith(("#", ";", "sortlist ", "sortlist\t"))
    )


def _statements(text: str) -> Iterator[tuple[int, str, list[str]]]:
    for number, line in enumerate(text.split("\n"), start=1):
        match = _STATEMENT.fullmatch(line)
        if match:
            yield number, match[1], [word for word in re.split(r"[ \t]+", match[2]) if word]


def _nameserver(words: list[str]) -> list[str]:
    address = addresses.parse(words[0])
    return [] if address is None else [addresses.text_of(address)]


def _normal_domain(domain: str) -> str:
    return domain.lower().removesuffix(".") or "."
