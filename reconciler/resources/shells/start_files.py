"""Files that shells and sessions read when they start, where people export variables by hand: for telling what hides what.

Source: bash(1) INVOCATION, zsh(1) STARTUP/SHUTDOWN FILES, fish(1) "Initialization files", pam_env(8).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from reconciler.formats import etc_environment, shell_assignments
from reconciler.model.facts import Fact, FactSheet, FileText
from reconciler.resources.shells.own_files import ENV_FILE

_SESSIONS: Final = "in login shells"
_TERMINALS: Final = "in terminals"
_FISH: Final = "~/.config/fish/config.fish"
_ETC_ENVIRONMENT: Final = "/etc/environment"

START_FILES: Final = {
    _ETC_ENVIRONMENT: "in every session",
    "/etc/profile": _SESSIONS,
    "~/.profile": _SESSIONS,
    "~/.bash_profile": _SESSIONS,
    "~/.bash_login": _SESSIONS,
    "~/.bashrc": _TERMINALS,
    "~/.zshenv": "in every zsh",
    "~/.zprofile": _SESSIONS,
    "~/.zshrc": _TERMINALS,
    _FISH: _TERMINALS,
    ENV_FILE: "in every shell",
}
"""By path, where the variables count that a file exports."""
INTERACTIVE_FILES: Final = ("~/.bashrc", "~/.zshrc", _FISH)
"""Those that a terminal reads after what a session begins with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """Where a variable is exported; `value` is None where only the shell could tell it."""

    file: str
    line: int
    name: str
    where: str
    value: str | None

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"


def start_file_facts() -> frozenset[Fact]:
    return frozenset(FileText(path) for path in START_FILES)


def exports(sheet: FactSheet, names: Collection[str]) -> Iterator[Export]:
    """Every plain export of one of the names. Values may be secrets: show none."""
    for path, where in START_FILES.items():
        text = (sheet.file(path).data or b"").decode("utf-8", "surrogateescape")
        for line, name, value in (
            _of_pam(text, names) if path == _ETC_ENVIRONMENT else _of_shell(text, names, path, sheet)
        ):
            yield Export(file=path, line=line, name=name, where=where, value=value)


def _of_shell(text: str, names: Collection[str], path: str, sheet: FactSheet) -> Iterator[tuple[int, str, str | None]]:
    for found in shell_assignments.exported(text, names, fish=path == _FISH):
        yield found.line, found.name, plain_value(found.value, sheet.host.home)


def _of_pam(text: str, names: Collection[str]) -> Iterator[tuple[int, str, str | None]]:
    values = etc_environment.members(text)
    for line, statement in enumerate(text.split("\n"), start=1):
        name = statement.strip().removeprefix("export ").partition("=")[0]
        if name in names and name in values:
            yield line, name, values[name]


def plain_value(written: str, home: str) -> str | None:
    """What a word of shell means, as far as it holds nothing but text and the home."""
    if re.fullmatch(r"'[^']*'", written):
        return written[1:-1]
    inner = written[1:-1] if re.fullmatch(r'"[^"]*"', written) else re.sub(r"^~(?=/|$)", lambda _: home, written)
    text = re.sub(r"\$HOME\b|\$\{HOME\}", lambda _: home, inner)
    return None if re.search(r"[$`\\'\"*?\[{]", text) else text
