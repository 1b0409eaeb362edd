"""How a script is started on a machine, and how it gets root's rights. See `agents/session.sh`."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from reconciler import agents
from reconciler.model.errors import UnreachableError
from reconciler.model.transport import Exchange, Result, Transport

_SUDO_SECONDS: Final = 60.0
"""How long sudo may take over a password: what it asks may be far away, and it waits after a wrong one."""
_WANTS_ANOTHER_PASSWORD: Final = (b"password is expired", b"[sudo] password for", b"New password:")
"""How sudo and PAM speak of one that has expired, in the C locale; then they ask for a new one."""


_TOO_LATE: Final = b"too late"


class Rights(StrEnum):
    """What a script works with. See `agents/session.sh`."""

    OWN = "own"
    """Those that the door gives."""
    FREE = "free"
    """Root's where that takes no password, else those that the door gives."""
    ASK = "ask"
    """The same, and once more with root's when a password comes."""
    PASSWORD = "password"
    """Root's, with a password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Password:
    """What sudo is told on one machine. It has a line of its own on standard input and stands nowhere else."""

    text: str = field(repr=False)

    @property
    def line(self) -> bytes:
        return self.text.encode("utf-8", "surrogateescape") + b"\n"


class Refused(Exception):  # noqa: N818  # it is an answer, not a failure of the machine
    """sudo did not take the password. `wrong`: another one may be tried. Else `why` says what is in the way; where it is
    empty, sudo says so on standard error. With a `why` the exchange is over."""

    def __init__(self, *, wrong: bool, why: str = "") -> None:
        super().__init__(why)
        self.wrong, self.why = wrong, why


def new_nonce() -> str:
    """What begins every block of an answer, so that no other output is taken for one."""
    return secrets.token_hex(16)


def begin(transport: Transport, agent: str, rights: Rights, nonce: str, given: bytes = b"") -> Exchange:
    """Starts an agent. `given` is its input, with a line end behind; without it, the agent reads what is said later."""
    exchange = transport.start()
    exchange.say(agents.program(agent))
    exchange.say(f"session {rights} {exchange.alive_seconds} {nonce} {len(given)}\n".encode())
    exchange.say(given)
    return exchange


def opened(
    transport: Transport, agent: str, rights: Rights, password: Password | None, nonce: str, given: bytes = b""
) -> Exchange:
    """The same, once it has the rights that it is to have; a password is one that sudo has taken before."""
    exchange = begin(transport, agent, rights, nonce, given)
    if password is None:
        return exchange
    try:
        if not is_locked(exchange, nonce):
            raise UnreachableError("the machine broke off before it was given sudo's password")
        unlock(exchange, nonce, password)
    except Refused as error:
        exchange.close()
        raise UnreachableError("sudo did not take the password a second time") from error
    except BaseException:
        exchange.close()
        raise
    return exchange


def root_said(result: Result, nonce: str) -> bytes | None:
    """What was printed with root's rights; None where the door's were all there was."""
    _, found, rest = result.stdout.partition(_word(nonce, "root") + b"\n")
    return rest if found else None


def no_root(result: Result, nonce: str) -> str | None:
    """Why there are no rights but the door's, in the machine's words."""
    _, found, rest = result.stdout.partition(_word(nonce, "no-root "))
    return rest.partition(b"\n")[0].decode("utf-8", "replace") if found else None


def is_locked(exchange: Exchange, nonce: str) -> bool:
    """Hears the answer with the door's rights out; whether a password would get root's."""
    return exchange.wait_for(_word(nonce, "password") + b"\n", _word(nonce, "root") + b"\n") == (
        _word(nonce, "password") + b"\n"
    )


def unlock(exchange: Exchange, nonce: str, password: Password) -> None:
    """Hands sudo the password; the script works on as root. Refused: it was not taken; another one may be tried.

    The rest of the input waits for the shell behind sudo: what sudo finds after a wrong password it takes for another.
    """
    refused = _word(nonce, "password-refused")
    exchange.say(password.line)
    asked = False
    while True:
        match _heard(exchange, agents.HERE, agents.PASSWORD_PROMPT, refused, *_WANTS_ANOTHER_PASSWORD):
            case agents.HERE:
                exchange.say(b"go\n")
                return
            case agents.PASSWORD_PROMPT if not asked:
                asked = True
            case None:
                raise UnreachableError("the machine broke off while sudo was asked")
            case word:
                exchange.say(b"no\n")  # nothing follows: sudo finds the end of its input
                if word != refused and _heard(exchange, refused) == _TOO_LATE:
                    exchange.close()
                    raise Refused(wrong=False, why=f"sudo was not done within {_SUDO_SECONDS:g} seconds")
                raise Refused(wrong=word == agents.PASSWORD_PROMPT)


def _heard(exchange: Exchange, *words: bytes) -> bytes | None:
    try:
        return exchange.wait_for(*words, seconds=_SUDO_SECONDS)
    except TimeoutError:
        return _TOO_LATE


def _word(nonce: str, word: str) -> bytes:
    return f"\n{nonce} {word}".encode()
