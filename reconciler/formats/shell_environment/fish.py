"""The same file for fish, which knows nothing of sh.

Source: fish documentation, "The fish language" 3.0 to 4.0: Quotes, Path variables; `status is-login`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from reconciler.formats.shell_environment.members import NOTE, Members, entries, ordered, variables

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


def text(members: Members, order: Sequence[str] = ()) -> str:
    """The file that says this; empty where there is nothing to say. `order` are names of entries of PATH."""
    said = ordered(members, order)
    if not said:
        return ""
    puts = [f"_reconcile_put {position} {_place(directory)}" for _, position, directory in entries(said)]
    sets = [f"set -gx {name} {_quoted(value)}" for name, value in variables(said)]
    return _BEGIN + "".join(f"{line}\n" for line in (*puts, *sets)) + _END


def _place(directory: str) -> str:
    return '"$HOME"' + _quoted(directory[1:]) if directory.startswith("~/") else _quoted(directory)


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
