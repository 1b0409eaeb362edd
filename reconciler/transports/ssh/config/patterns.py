"""OpenSSH's patterns: `*`, `?`, and in lists `,` and `!`. Case counts unless the caller has lowered the text."""

from __future__ import annotations

import re
from functools import lru_cache

from reconciler.transports.ssh.config.syntax import lowered


def matches(text: str, pattern: str) -> bool:
    return _compiled(pattern).fullmatch(text) is not None


def matches_list(text: str, patterns: str, *, lower: bool = False) -> bool:
    """Some pattern of the list holds, and none of those that `!` negates. `lower`: the patterns are lowered first."""
    found = False
    for pattern in (lowered(patterns) if lower else patterns).split(","):
        negated = pattern.startswith("!")
        if matches(text, pattern[negated:]):
            if negated:
                return False
            found = found or bool(pattern)
    return found


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    # Stars in a row mean one star; so merged, an atomic group keeps a pattern of many stars from running for ever.
    parts = re.split(r"(\*+|\?)", pattern)
    text = "".join("*" if part.startswith("*") else part for part in parts if part)
    first, *others = text.split("*")
    if not others:
        return re.compile(_literal(first), re.DOTALL)
    *middle, last = others
    between = "".join(f"(?>.*?{_literal(part)})" for part in middle)
    return re.compile(f"{_literal(first)}{between}.*{_literal(last)}", re.DOTALL)


def _literal(text: str) -> str:
    return ".".join(re.escape(part) for part in text.split("?"))
