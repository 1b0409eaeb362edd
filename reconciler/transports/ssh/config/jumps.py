"""`ProxyJump`: [USER@]HOST[:PORT] or ssh://[USER@]HOST[:PORT], with commas between several.

Source: OpenSSH readconf.c, `parse_jump`; misc.c, `parse_user_host_port` and `parse_uri`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from reconciler.transports.ssh.config.quantities import port as port_number

_SCHEME: Final = "ssh://"
_DOMAIN: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.))*")
_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ESCAPE: Final = re.compile(r"%([0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    host: str
    user: str | None = None
    port: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Jumps:
    """`last` is the hop next to the destination; `before` are the others, as written, None where there are none."""

    last: Hop
    before: str | None


def is_none(text: str) -> bool:
    return _without_comment(text).lower() == "none"


def parse_jumps(text: str) -> Jumps | None:
    """None for what is no such list. `none` is read as a host's name: see `is_none`."""
    places = [place.strip() for place in _without_comment(text).split(",")]
    *others, last = [_parse_hop(place) for place in places]
    if last is None or None in others:
        return None
    return Jumps(last=last, before=",".join(places[:-1]) or None)


def jump_host(text: str | None) -> str:
    """What %j stands for: the host next to the destination, empty where there is none."""
    jumps = None if text is None or is_none(text) else parse_jumps(text)
    return jumps.last.host if jumps else ""


def _without_comment(text: str) -> str:
    return text.partition("#")[0].strip()


def _parse_hop(place: str) -> Hop | None:
    is_uri = place.startswith(_SCHEME)
    user, at, rest = place.removeprefix(_SCHEME).rpartition("@")
    host, port = _parse_host_and_port(rest.removesuffix("/") if is_uri else rest)
    wrong_uri = is_uri and (not _DOMAIN.fullmatch(host) or "@" in user or _PERCENT.search(user))
    if is_uri:
        user = _ESCAPE.sub(lambda code: chr(int(code[1], 16)), user.partition(";")[0].replace("+", " "))
    if wrong_uri or not host or bool(at) != bool(user) or any(blank in place for blank in " \t"):
        return None
    number = port_number(port) if port else None
    return None if port and number is None else Hop(host=host, user=user or None, port=number)


def _parse_host_and_port(text: str) -> tuple[str, str]:
    """Two empty texts where there is no host."""
    if text.startswith("["):
        host, bracket, port = text[1:].partition("]")
        return (host, port[1:]) if bracket and port[:1] in ("", ":") else ("", "")
    host, _, port = text.partition(":")
    return ("", "") if "/" in host else (host, port)
