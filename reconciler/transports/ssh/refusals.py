"""Why a server lets us not in. What the server itself said is quoted as it is: it is made visible where it is shown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from reconciler.model.errors import UnreachableError
from reconciler.transports.ssh.config.values import Settings

NO_PASSWORD: Final = "the password, for nobody could be asked for it"

_LONGEST_QUOTE: Final = 200
_DEFAULT_PORT: Final = 22
_NEW_PASSWORD: Final = re.compile(
    r"new (?:unix )?password|\(?current\)? (?:unix )?password|password (?:has |is )?expired|change your password",
    re.IGNORECASE,
)


def by_hand(settings: Settings, program: str = "ssh") -> str:
    """The command that a person would type to get there."""
    port = "" if settings.port == _DEFAULT_PORT else f"-p {settings.port} "
    return f"{program} {port}{settings.user}@{settings.alias}"


def wants_new_password(texts: Sequence[str]) -> bool:
    return any(_NEW_PASSWORD.search(text) for text in texts)


def expired(settings: Settings) -> UnreachableError:
    return UnreachableError(
        f"the password of {settings.user} on {settings.label} has expired: the server wants a new one",
        fix=f"log in once with  {by_hand(settings)}  and choose one",
    )


def hung_up(settings: Settings, farewell: str, tried: Sequence[str]) -> UnreachableError:
    names = ", ".join(tried) or "anything"
    if "too many authentication failures" in farewell.lower():
        return UnreachableError(
            f"{settings.label} hung up after too many attempts to log in as {settings.user}; tried: {names}",
            fix="name the right key in ssh_config:  IdentityFile PATH  with  IdentitiesOnly yes",
        )
    said = f": {_quoted(farewell)}" if farewell else ""
    return UnreachableError(
        f"{settings.label} hung up while {settings.user} logged in{said}",
        fix=f"ask who runs it whether {settings.user} may log in (AllowUsers, a locked account), and look at its sshd's log",
    )


def refused(
    settings: Settings, *, tried: Sequence[str], left_out: Sequence[str], allowed: Sequence[str], banner: str
) -> UnreachableError:
    what = f"{settings.label} does not let {settings.user} in"
    what += f"; tried: {', '.join(dict.fromkeys(tried))}" if tried else "; there was nothing to try"
    if left_out:
        what += f"; not used: {'; '.join(dict.fromkeys(left_out))}"
    what += f"; the server takes: {', '.join(allowed)[:_LONGEST_QUOTE]}" if allowed else ""
    what += f"; it says: {_quoted(banner)}" if banner else ""
    return UnreachableError(what, fix=_fix(settings, tried, left_out, allowed))


def _fix(settings: Settings, tried: Sequence[str], left_out: Sequence[str], allowed: Sequence[str]) -> str:
    keys = [name for name in tried if name != "password"]
    if any("nobody could be asked" in reason for reason in left_out if reason != NO_PASSWORD):
        return "run it on a terminal, or add the key to the agent with ssh-add"
    if any("may be read by others" in reason for reason in left_out):
        return "take the rights of others off the key as said"
    if "password" in tried:
        return f"check the password, and that {settings.user} is the right user"
    if NO_PASSWORD in left_out and not keys:
        return "run it on a terminal, or name ssh_password among the secrets in machine.yaml"
    return f"put your public key there with  {by_hand(settings, 'ssh-copy-id')}  or name the right key and user"


def _quoted(text: str) -> str:
    return " ".join(text.split())[:_LONGEST_QUOTE]
