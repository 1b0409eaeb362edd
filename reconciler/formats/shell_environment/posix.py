"""The file for shells that know the language of sh: bash, dash, busybox, mksh, zsh.

Source: POSIX.1-2024 XCU 2.6.2 and 2.14; tried in each of these shells.
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

ANEW: Final = "_reconcile_anew"
"""A variable that is set while the file is read where a session begins."""

_BEGIN: Final = f"""\
{NOTE[0]}
{NOTE[1]}
_reconcile_put() {{ # first or last, directory
  case ":${{PATH-}}:" in
  *":$2:"*)
    if [ -z "${{{ANEW}-}}" ]; then return 0; fi
    _reconcile_path=:$PATH:
    while :; do
      case $_reconcile_path in
      *":$2:"*) _reconcile_path=${{_reconcile_path%%":$2:"*}}:${{_reconcile_path#*":$2:"}} ;;
      *) break ;;
      esac
    done
    PATH=${{_reconcile_path#:}}
    PATH=${{PATH%:}}
    ;;
  esac
  case $1 in
  first) PATH=$2${{PATH:+:$PATH}} ;;
  last) PATH=${{PATH:+$PATH:}}$2 ;;
  esac
}}
"""
_END: Final = f"""\
export PATH
unset -f _reconcile_put
unset _reconcile_path {ANEW}
"""
_HOME: Final = '"${HOME-}"'
_QUOTED: Final = r"'(?:[^'\n]|'\\'')*'"
_ENTRY: Final = re.compile(
    rf"_reconcile_put (?P<position>first|last) (?P<home>{re.escape(_HOME)})?(?P<directory>{_QUOTED}) # (?P<name>\S+)"
)
_VARIABLE: Final = re.compile(rf"export (?P<name>[A-Za-z_][A-Za-z0-9_]*)=(?P<value>{_QUOTED})(?P<mark>{MARK})?")


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
    exports = [f"export {name}={_quoted(value)}{mark}" for name, value, mark in variables(members)]
    return _BEGIN + "".join(f"{line}\n" for line in (*puts, *exports)) + _END


def _place(directory: str) -> str:
    return _HOME + _quoted(directory[1:]) if directory.startswith("~/") else _quoted(directory)


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "'\\''") + "'"


def _unquoted(quoted: str) -> str:
    return quoted[1:-1].replace("'\\''", "'")
