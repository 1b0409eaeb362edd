"""Files of sysctl.d, by key.

A line is `key = value`, blanks around both not counted. It is a comment only where it begins with `#` or `;`: behind a value
these are part of it. A `-` before the key means that nobody is told when the kernel refuses; without a value it keeps the key
out of patterns above, and is no member. The last line of a key counts; a pattern (`net.ipv4.conf.*.rp_filter`) is a key of
its own here.

Keys have one form, parts joined by dots: `net/ipv4/conf/eth0.100/rp_filter` is `net.ipv4.conf.eth0/100.rp_filter`. The
separator that comes first decides: after a dot a slash stands for a dot in a name, after a slash everything is itself.

Source: sysctl.d(5); src/sysctl/sysctl.c and sysctl_normalize of systemd; sysctl.c of procps.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from reconciler.formats import assignments
from reconciler.formats.assignments import Assignment, Dialect, Scan
from reconciler.formats.lines import body, line_end, lines_of

_LINE = re.compile(r"[ \t]*-?[ \t]*(?P<key>[^ \t=#;-][^=]*?)[ \t]*=[ \t]*(?P<value>.*?)[ \t\r]*", re.DOTALL)
_KEY = re.compile(r"[A-Za-z0-9_][^\s=]*")
_SWAPPED = str.maketrans("./", "/.")


def normal_key(key: str) -> str:
    """The key with dots between its parts and slashes for dots in them."""
    separator = re.search(r"[./]", key)
    path = key.translate(_SWAPPED) if separator and separator[0] == "." else key
    return "/".join(part for part in path.split("/") if part).translate(_SWAPPED)


def members(text: str) -> dict[str, str]:
    return assignments.members(text, _DIALECT)


def edit(text: str, changes: Mapping[str, str | None]) -> str:
    """The text in which each key, in any form, has its value, or is not set for None.

    The value alone changes, where the key has a line. Raises ValueError for `refused_reason`.
    """
    for key, value in changes.items():
        reason = refused_reason(key, value or "")
        if reason:
            raise ValueError(reason)
    return assignments.edit(text, {normal_key(key): value for key, value in changes.items()}, _DIALECT)


def refused_reason(key: str, value: str) -> str | None:
    """Why a line of the file cannot say this; None where it can."""
    if not _KEY.fullmatch(key) or "." not in normal_key(key):
        return f"{key!r} is no key of sysctl.d: parts such as net.ipv4.ip_forward"
    if "\n" in value or "\0" in value:
        return f"the value of {key} has a line end or NUL"
    if value != value.strip(" \t\r"):
        return f"the value of {key} begins or ends with a blank, which is not kept"
    return None


def _scan(text: str) -> Scan:
    found: list[Assignment] = []
    end = 0
    for line in lines_of(text):
        start, end = end, end + len(line)
        match = _LINE.fullmatch(body(line))
        if match:
            place = (start + match.start("value"), start + match.end("value"))
            found.append(Assignment(normal_key(match["key"]), match["value"], start, end, place))
    return Scan(tuple(found), end)


_DIALECT: Final = Dialect(
    scan=_scan, written=str, line=lambda key, value: f"{key} = {value}".rstrip(" "), ending=line_end
)
