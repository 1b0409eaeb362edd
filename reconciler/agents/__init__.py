"""The scripts that run on machines: real files, linted as such, told only data.

A script may need its own text, to start itself with another user's rights: it finds it in the variable `agent`.
"""

from __future__ import annotations

import shlex
from functools import cache
from importlib import resources


@cache
def text(name: str) -> str:
    """The source of an agent: `gather.sh`."""
    return resources.files(__name__).joinpath(name).read_text(encoding="utf-8")


@cache
def script(name: str) -> str:
    """What a shell is given to run a shell agent. It is the same in every run."""
    return f'agent={shlex.quote(text(name))}\neval "$agent"\n'
