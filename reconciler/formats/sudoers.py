"""A file of one user's own in /etc/sudoers.d, with one rule.

sudo reads no file there whose name has a dot or ends in `~`, and takes a name of capitals for an alias.
Source: sudoers(5).
"""

from __future__ import annotations

import re
from typing import Final

FOLDER: Final = "/etc/sudoers.d"
MODE: Final = 0o440

_RULES: Final = {"password": "ALL=(ALL:ALL) ALL", "nopasswd": "ALL=(ALL:ALL) NOPASSWD: ALL"}
_PLAIN: Final = re.compile(r"[a-z_][a-z0-9_-]*")


def path(user: str) -> str:
    """Where the user's rule stands; the dots of a name are written as %2E."""
    return f"{FOLDER}/reconcile-{user.replace('.', '%2E')}"


def text(user: str, rule: str) -> str:
    """The file. `rule` is `password`, `nopasswd`, or what sudoers has behind a user's name."""
    return f"{_subject(user)} {_RULES.get(rule, rule)}\n"


def rule(content: str, user: str) -> str:
    """The rule of a file as `text` takes it; what is no such file is told whole, as no rule can be written."""
    lines = [line for line in content.split("\n") if line.strip() and not line.startswith("#")]
    start = f"{_subject(user)} "
    if len(lines) != 1 or not lines[0].startswith(start) or lines[0].endswith("\\"):
        return content
    found = lines[0].removeprefix(start)
    return next((word for word, meant in _RULES.items() if meant == found), found)


def is_heeded(mode: int | None, owner: str | None) -> bool:
    """Whether sudo reads a file with these rights: it must be root's, and nobody else may write it."""
    return owner == "root" and not (mode or 0) & 0o022


def _subject(user: str) -> str:
    return user if _PLAIN.fullmatch(user) else f'"{user}"'
