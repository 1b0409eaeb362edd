"""The same file for fish, which knows nothing of sh.

Source: fish documentation, "The fish language" 3.0 to 4.0: Quotes, Path variables; `status is-login`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from reconciler.formats.shell_environment.members import (
    MARK,
    NOTE,
    PATH,
    Members,
    entries,
    ordered,
    read,
    says_nothing,
    variables,
)

_BEGIN: Final = f"""\
{NOTE[0]}
{NOTE[1]}
function _reconcile_put # first or last, directory
    if contains -- $argv[2] $PATH
        status is-login; or return 0
        set -l others
        for directory in $PATH
            test "$directory" = "$argv[2]"; or set others $others "$directory"
        end
        set -gx PATH $others
    end
    switch $argv[1]
        case first
            set -gx PATH $argv[2] $PATH
        case last
            set -gx PATH $PATH $argv[2]
    end
end
"""
_END: Final = "functions --erase _reconcile_put\n"
_HOME: Final = '"$HOME"'
_QUOTED: Final = r"'(?:[^'\\\n]|\\[\\'])*'"
_ENTRY: Final = re.compile(
    rf"_reconcile_put (?P<position>first|last) (?P<home>{re.escape(_HOME)})?(?P<directory>{_QUOTED}) # (?P<name>\S+)"
)
_VARIABLE: Final = re.compile(rf"set -gx (?P<name>[A-Za-z_][A-Za-z0-9_]*) (?P<value>{_QUOTED})(?P<mark>{MARK})?")


def members(text: str) -> dict[str, str]:
    """What a file says, in its order; lines that are not as we write them say nothing."""
    return read(text, _ENTRY, _VARIABLE, _unquoted)


def text(members: Members, order: Sequence[str] = ()) -> str:
    """The file that says this; empty where there is nothing to say. `order` are names of entries of PATH."""
    if says_nothing(members):
        return ""
    puts = [
        f"_reconcile_put {position} {_place(directory)} # {name.removeprefix(PATH)}"
        for name, position, directory in entries(ordered(members, order))
    ]
    sets = [f"set -gx {name} {_quoted(value)}{mark}" for name, value, mark in variables(members)]
    return _BEGIN + "".join(f"{line}\n" for line in (*puts, *sets)) + _END


def _place(directory: str) -> str:
    return _HOME + _quoted(directory[1:]) if directory.startswith("~/") else _quoted(directory)


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _unquoted(quoted: str) -> str:
    return re.sub(r"\\([\\'])", r"\1", quoted[1:-1])
