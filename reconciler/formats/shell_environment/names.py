"""Names of variables that a shell keeps for itself: setting one fails there, sets something else, or stops the file.

Source: the lists of special parameters of bash 5.2, zsh 5.9, mksh 59 and fish 3.6; tried in each.
"""

from __future__ import annotations

import re
from typing import Final

_OWN: Final = re.compile(
    r"_|(dis|fish|functions|zsh)_\w+|module_path|status_generation"
    r"|BASH(OPTS|PID|_(ALIASES|ARGC|ARGV|ARGV0|CMDS|COMMAND|LINENO|REMATCH|SOURCE|SUBSHELL|VERSINFO))"
    r"|ARGC|COLUMNS|DIRSTACK|E?[GU]ID|EPOCH(REALTIME|SECONDS)|FISH_VERSION|FUNC(NAME|NEST)|GROUPS|HISTCMD|IFS|KSH(E?[GU]ID|_VERSION)"
    r"|LINENO|LINES|OPTARG|OPTIND|PGRP|PIPESTATUS|PPID|RANDOM|REPLY|SECONDS|SHELLOPTS|SHLVL|SRANDOM|TRY_BLOCK_\w+|TTYIDLE"
    r"|USERNAME|USER_ID|ZSH_(EVAL_CONTEXT|SUBSHELL|VERSION)|_reconcile_\w+"
)
_SESSION: Final = frozenset({"HOME", "LOGNAME", "OLDPWD", "PWD", "USER"})


def why_taken(name: str) -> str | None:
    """Why no shell may be told to set the variable, None where it may."""
    if name in _SESSION:
        return "is what the session itself says"
    if name.isalpha() and name.islower():
        return "is in lower case without a _, as are names that shells keep for themselves, such as path and status"
    return "is a name that shells keep for themselves" if _OWN.fullmatch(name) else None
