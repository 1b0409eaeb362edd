"""`~`, `%h` and `${NAME}` inside values.

Source: OpenSSH misc.c, `tilde_expand` and `vdollar_percent_expand`; the TOKENS of ssh_config(5).
"""

from __future__ import annotations

import hashlib
import pwd
import re
from collections.abc import Mapping
from typing import Final

from reconciler.model.errors import Problem, ReconcileError
from reconciler.model.tree import Origin
from reconciler.transports.ssh.config.values import Local

_MEANT: Final = re.compile(r"%(?P<token>.?)|\$\{(?P<name>[^}]*)(?P<end>\}?)", re.DOTALL)
_VARIABLE: Final = re.compile(r"\$\{([^}]*)(\}?)")
_NAME: Final = re.compile(r"[A-Za-z0-9_]+")


def tokens(
    local: Local, *, alias: str, hostname: str, port: int, user: str, key_alias: str | None, jump: str
) -> Mapping[str, str]:
    """All tokens that most keywords take."""
    short = local.hostname.partition(".")[0]
    connection = "".join((local.hostname, hostname, str(port), user, jump)).encode(errors="surrogateescape")
    return {
        "%": "%",
        "C": hashlib.sha1(connection, usedforsecurity=False).hexdigest(),
        "L": short,
        "d": local.home,
        "h": hostname,
        "i": str(local.uid),
        "j": jump,
        "k": key_alias or alias,
        "l": local.hostname,
        "n": alias,
        "p": str(port),
        "r": user,
        "u": local.user,
    }


def only(known: Mapping[str, str], letters: str) -> Mapping[str, str]:
    return {letter: known[letter] for letter in "%" + letters}


def expand(
    text: str, known: Mapping[str, str], origin: Origin | None, environment: Mapping[str, str] | None = None
) -> str:
    """`environment` is None for keywords that take no `${NAME}`."""
    if "%" not in text and "${" not in text:
        return text

    def replace(found: re.Match[str]) -> str:
        if (token := found["token"]) is not None:
            if token in known:
                return known[token]
            listed = " ".join(f"%{letter}" for letter in known)
            raise _error(f"%{token} in {text!r} means nothing here", origin, f"what may stand here: {listed}")
        if environment is None:
            return found[0]
        if wrong := variable_wrong(found[0], environment):
            raise _error(f"{text!r}: {wrong}", origin, "set it, or write the value itself")
        return environment[found["name"]]

    return _MEANT.sub(replace, text)


def variable_wrong(text: str, environment: Mapping[str, str]) -> str | None:
    """What is wrong with the first `${NAME}` that has no value."""
    for name, end in _VARIABLE.findall(text):
        if not end or not name:
            return "a ${NAME} is not complete"
        if name not in environment:
            return f"the environment has no {name}"
    return None


def agent_wrong(text: str, environment: Mapping[str, str]) -> str | None:
    """What is wrong with the value of IdentityAgent or ForwardAgent, as far as the environment goes."""
    if wrong := variable_wrong(text, environment):
        return f"is {text!r}: {wrong}"
    if text.startswith("$") and not text.startswith("${") and not _NAME.fullmatch(text[1:]):
        return f"is {text!r}, which is no name of a variable"
    return None


def expand_home(path: str, local: Local, origin: Origin | None) -> str:
    """`~` and `~/x` by the person's own home, `~name/x` by the accounts of this machine."""
    if not path.startswith("~"):
        return path
    name, _, rest = path[1:].partition("/")
    home = local.home
    if name:
        try:
            home = pwd.getpwnam(name).pw_dir
        except KeyError:
            raise _error(f"{path}: there is no user {name} here", origin, "write the whole path") from None
    return f"{home.rstrip('/')}/{rest.lstrip('/')}"


def _error(what: str, origin: Origin | None, fix: str) -> ReconcileError:
    return ReconcileError([Problem(what, origin, fix)])
