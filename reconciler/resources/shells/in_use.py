"""Which shells a user has: the login shell, and those whose files are there.

Source: passwd(5); bash(1), zsh(1), fish(1), mksh(1) on their start-up files.
"""

from __future__ import annotations

from typing import Final

from reconciler.model.facts import Environment, Fact, FactSheet, FileText, PathInfo, PathType, Session

_PASSWD: Final = "/etc/passwd"
_TRACES: Final = {
    "bash": ("~/.bashrc",),
    "fish": ("~/.config/fish",),
    "mksh": ("~/.mkshrc",),
    "zsh": ("~/.zshenv", "~/.zprofile", "~/.zshrc"),
}


def shell_facts() -> frozenset[Fact]:
    traces = {PathInfo(path) for paths in _TRACES.values() for path in paths}
    return frozenset(traces | {FileText(_PASSWD), Environment(Session.PROCESS, "SHELL")})


def is_in_use(shell: str, sheet: FactSheet) -> bool:
    return login_shell(sheet) == shell or any(is_there(path, sheet) for path in _TRACES[shell])


def login_shell(sheet: FactSheet) -> str:
    """The name of the user's shell, by passwd or else by this session; empty where neither tells."""
    lines = (sheet.file(_PASSWD).data or b"").decode("utf-8", "surrogateescape").split("\n")
    entry = next((line.split(":") for line in lines if line.startswith(f"{sheet.host.user}:")), [])
    told = sheet.variable(Session.PROCESS, "SHELL")
    shell = entry[6] if len(entry) == 7 else told if isinstance(told, str) else ""
    return shell.rpartition("/")[2]


def is_there(path: str, sheet: FactSheet) -> bool:
    """Whether something stands at a path, a link that leads nowhere too."""
    return sheet.path(path).type is not PathType.MISSING
