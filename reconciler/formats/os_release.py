"""/etc/os-release: what a distro calls itself. Values of more than one word are quoted there, as a shell would.

Source: os-release(5).
"""

from __future__ import annotations

from typing import Final

PATH: Final = "/etc/os-release"


def fields(text: str) -> dict[str, str]:
    """Values by key; the last of several lines counts, and empty ones do not."""
    pairs = (line.partition("=") for line in text.splitlines())
    values = {key: value.strip(" \"'") for key, _, value in pairs if not key.startswith("#")}
    return {key: value for key, value in values.items() if value}


def names(text: str) -> tuple[str, ...]:
    """What the distro is, the closest name first: its ID, then those it is like. Empty where it does not say."""
    found = fields(text)
    return tuple(dict.fromkeys([*found.get("ID", "").split(), *found.get("ID_LIKE", "").split()]))
