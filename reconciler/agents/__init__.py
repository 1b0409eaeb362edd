"""The scripts that run on machines: real files, linted as such, told only data.

Every door starts the same constant line. It reads a program from standard input, so that neither a script nor its data
stands in a process list or a log; what the program then reads follows on the same stream.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Final

PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

SESSION_VARIABLES: Final = (
    "HOME",
    "USER",
    "LOGNAME",
    "WSL_DISTRO_NAME",
    "WSL_INTEROP",
    "XDG_RUNTIME_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
)
"""Who calls, and what Windows interop and `systemctl --user` cannot do without. No other variable reaches a script."""

HERE: Final = b"=reconcile-here=\n"
"""What the boot line says first."""

PASSWORD_PROMPT: Final = b"=reconcile-password="
"""What sudo says on standard error whenever it reads a password. See `session.sh`."""

_APPLY: Final = (
    "frame",
    "records",
    "processes",
    "lock",
    "journal",
    "recovery",
    "looking",
    "tasks",
    "judging",
    "trees",
    "staging",
    "exchanging",
    "switching",
    "programs",
    "effects",
    "users",
    "watch",
    "run",
)
_TEXTS: Final[Mapping[str, tuple[str, ...]]] = {
    "gather": ("session.sh", "gather.sh"),
    "apply": ("session.sh", *(f"apply/{name}.sh" for name in _APPLY)),
    "confirm": ("session.sh", "confirm.sh"),
}
"""The texts of which an agent is made, in order."""
_START: Final = "=reconcile= "
_END: Final = "#whole"

BOOT: Final = (
    f"umask 077; cd /; echo {HERE.decode().strip()}; "
    f'while IFS= read -r line; do case $line in "{_START}"*) break;; esac; done; '
    f'agent=$(dd bs="${{line#"{_START}"}}" count=1 iflag=fullblock 2>/dev/null); '
    f'case $agent in *"{_END}") eval "$agent";; esac'
)
"""For a POSIX sh: drops lines up to `=reconcile= BYTES`, reads so many bytes and runs them. What `sudo -S` did not read of
a password is dropped so too, not run. It has neither single quotes nor backslashes nor exclamation marks."""

COMMAND: Final = (
    f"exec /bin/sh -c 'PATH={PATH}; exec env -i "
    + " ".join(f'${{{name}+"{name}=${name}"}}' for name in SESSION_VARIABLES)
    + f" PATH={PATH} LC_ALL=C /bin/sh -c \"$1\"' reconcile '{BOOT}'"
)
"""The command line for a login shell of any family: sh, csh and fish quote alike what stands in it. What their start-up
files made of PATH does not count."""


@cache
def text(name: str) -> str:
    """A source: `gather.sh`."""
    return resources.files(__name__).joinpath(name).read_text(encoding="ascii")


@cache
def script(name: str) -> str:
    """The whole program of an agent, `gather`, `apply` or `confirm`; the same in every run. In it, `$agent` is its own text."""
    texts = "\n".join(map(text, _TEXTS[name]))
    return f"boot={shlex.quote(BOOT)}\n{texts}\n{_END}"


@cache
def program(name: str) -> bytes:
    """The same as the boot line takes it."""
    encoded = script(name).encode("ascii")
    return f"{_START}{len(encoded)}\n".encode() + encoded
