"""What may stand behind a keyword: each form says what is wrong with the words there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from reconciler.transports.ssh.config.jumps import is_none, parse_jumps
from reconciler.transports.ssh.config.quantities import integer, port, seconds
from reconciler.transports.ssh.config.syntax import lowered

Words = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """`wrong` is None for words that are right. A `raw` form's one word is the rest of the line, comment included."""

    wrong: Callable[[Words], str | None]
    raw: bool = False


def one(check: Callable[[str], str | None]) -> Form:
    """A single word that passes the check."""

    def wrong(words: Words) -> str | None:
        if not words or not words[0]:
            return "lacks its value"
        if found := check(words[0]):
            return found
        return f"takes one value; {words[1]!r} is too much" if len(words) > 1 else None

    return Form(wrong=wrong)


def choice(*values: str) -> Form:
    """One of some words, in any case."""

    def check(text: str) -> str | None:
        return None if lowered(text) in values else f"is {text!r}; it can be {', '.join(values[:-1])} or {values[-1]}"

    return one(check)


def _time_wrong(text: str) -> str | None:
    return None if text == "none" or seconds(text) is not None else f"is {text!r}, which is no time such as 90 or 1m30s"


def _integer_wrong(text: str) -> str | None:
    return None if integer(text) is not None else f"is {text!r}, which is no number from 0 on"


def _port_wrong(text: str) -> str | None:
    return None if port(text) else f"is {text!r}, which is no port from 1 to 65535"


def _list_wrong(words: Words) -> str | None:
    if "" in words:
        return "has an empty value"
    alone = len(words) < 2 or "none" not in map(lowered, words)
    return None if alone else "has none beside other values"


def _jumps_wrong(words: Words) -> str | None:
    right = is_none(words[0]) or parse_jumps(words[0])
    return None if right else f"is {words[0]!r}, which is neither none nor [USER@]HOST[:PORT] with commas between"


TEXT: Final = one(lambda text: None)
FLAG: Final = choice("yes", "no", "true", "false")
TIME: Final = one(_time_wrong)
INTEGER: Final = one(_integer_wrong)
PORT: Final = one(_port_wrong)
LIST: Final = Form(wrong=_list_wrong)
COMMAND: Final = Form(wrong=lambda words: None, raw=True)
JUMPS: Final = Form(wrong=_jumps_wrong, raw=True)
UNCHECKED: Final = Form(wrong=lambda words: None)
"""For values that we make no use of and that OpenSSH has long rules for."""
