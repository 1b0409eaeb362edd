"""Proving who we are to a server that has proved who it is. Source: RFC 4252, 4256, 8332; OpenSSH sshconnect2.c."""

from __future__ import annotations

import queue
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from reconciler.model.errors import UnreachableError
from reconciler.transports.ssh import refusals
from reconciler.transports.ssh.algorithms import CERTIFICATE, accepted
from reconciler.transports.ssh.config.values import Settings
from reconciler.transports.ssh.identities import Choice, Identity
from reconciler.transports.ssh.key_files import UnusableKeyError
from reconciler.transports.ssh.library import paramiko
from reconciler.transports.ssh.openssh_format import string
from reconciler.transports.ssh.session import Session

SERVICE_REQUEST, SERVICE_ACCEPT = 5, 6
REQUEST, FAILURE, SUCCESS, BANNER = 50, 51, 52, 53
MORE = 60
"""By method: the key is accepted, the password must be changed, questions."""
_ANSWERS: Final = 61

_VERDICT_SECONDS: Final = 30.0
"""How long a server may take over a password: it waits on purpose after a wrong one."""
_MOST_WAITING: Final = 100
_LONGEST_BANNER: Final = 1000
_RSA: Final = ("rsa-sha2-512", "rsa-sha2-256")
_METHODS: Final = "publickey,keyboard-interactive,password"


@dataclass(frozen=True, slots=True)
class Reply:
    """`rest` is what follows the number."""

    number: int
    rest: paramiko.Message


class Replies:
    """Stands where paramiko has its own AuthHandler, which signs with every key without asking whether it would do,
    takes a trip more for each attempt, and dies of a password that has expired."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._waiting: queue.SimpleQueue[Reply | None] = queue.SimpleQueue()
        self._is_in = False
        self.banner = ""
        # By this name paramiko looks up who takes a message.
        self._handler_table: dict[int, Callable[[paramiko.Message], None]] = {
            SERVICE_ACCEPT: lambda message: None,
            BANNER: self._keep_banner,
            SUCCESS: self._succeed,
            FAILURE: lambda message: self._put(FAILURE, message),
            MORE: lambda message: self._put(MORE, message),
        }

    def next(self, seconds: float) -> Reply | None:
        """None: the connection has ended. TimeoutError."""
        try:
            return self._waiting.get(timeout=seconds)
        except queue.Empty:
            raise TimeoutError from None

    def is_authenticated(self) -> bool:
        return self._is_in

    def abort(self) -> None:
        """Called when the connection has ended."""
        self._waiting.put(None)

    def _put(self, number: int, message: paramiko.Message) -> None:
        if self._waiting.qsize() > _MOST_WAITING:
            raise paramiko.SSHException("answers that nobody asked for")
        self._waiting.put(Reply(number, message))

    def _succeed(self, message: paramiko.Message) -> None:
        self._is_in = True
        self._session._auth_trigger()  # type: ignore[attr-defined]  # compression begins, as paramiko's own handler does it
        self._put(SUCCESS, message)

    def _keep_banner(self, message: paramiko.Message) -> None:
        self.banner = (self.banner + message.get_binary().decode("utf-8", "replace"))[:_LONGEST_BANNER]


Password = Callable[[], str | None]
"""The login password; None where there is none and nobody could be asked."""
Answer = Callable[[str], str | None]
"""To a question of the server's."""


class Login:
    def __init__(
        self,
        session: Session,
        settings: Settings,
        choice: Choice,
        *,
        password: Password,
        answer: Answer,
        patience_seconds: float,
    ) -> None:
        self._patience_seconds = patience_seconds
        self._session, self._settings, self._choice = session, settings, choice
        self._password, self._answer = password, answer
        self._replies = Replies(session)
        self._identities = choice.each()
        self._tried: list[str] = []
        self._allowed: Sequence[str] | None = None
        """None: the server has not said yet."""
        self._password_failed = False
        self._greeted = False

    def run(self) -> None:
        """UnreachableError: nobody is let in, and why."""
        self._session.auth_handler = self._replies  # type: ignore[assignment]
        attempts = {
            "publickey": self._by_key,
            "keyboard-interactive": self._by_questions,
            "password": self._by_password,
        }
        if not self._choice.is_empty and "publickey" in self._methods():
            pass
        elif self._try("none"):
            return
        left = self._methods()
        while left:
            method = next((name for name in left if self._allowed is None or name in self._allowed), None)
            if method is None:
                break
            partial = attempts[method]()
            if self._replies.is_authenticated():
                return
            if not partial or method != "publickey":
                left = [name for name in left if name != method]
        raise self._refused()

    def _methods(self) -> list[str]:
        settings = self._settings
        on = {
            "publickey": settings.pubkey_authentication,
            "keyboard-interactive": settings.kbd_interactive_authentication,
            "password": settings.password_authentication,
        }
        return [name for name in (settings.preferred_authentications or _METHODS).split(",") if on.get(name)]

    # Each attempt says whether the server took it and wants something else beside it.

    def _by_key(self) -> bool:
        several = self._choice.has_several
        for identity in self._identities:
            algorithm = self._algorithm(identity)
            if algorithm is None:
                self._choice.left_out.append(f"{identity.name} has no algorithm that both sides take")
                continue
            if identity.is_costly and several and not self._would_take(identity, algorithm):
                self._tried.append(identity.name)
                continue
            try:
                reply = self._sign_in(identity, algorithm)
            except UnusableKeyError as error:
                self._choice.left_out.append(f"{identity.name} {error}")
                continue
            self._tried.append(identity.name)
            if self._replies.is_authenticated():
                return False
            if self._note_failure(reply):
                return True
            if self._allowed is not None and "publickey" not in self._allowed:
                break
        return False

    def _algorithm(self, identity: Identity) -> str | None:
        """What it signs with, as the request names it."""
        if "rsa" not in identity.type:
            candidates = [identity.type]
        else:
            suffix = CERTIFICATE if identity.type.endswith(CERTIFICATE) else ""
            said = self._session.signature_algorithms()
            candidates = [name + suffix for name in _RSA if not said or name in said]
        wanted = self._settings.pubkey_accepted_algorithms
        return next((name for name in candidates if accepted(wanted, name)), None)

    def _would_take(self, identity: Identity, algorithm: str) -> bool:
        reply = self._request("publickey", b"\0" + string(algorithm.encode()) + string(identity.blob))
        if reply.number == FAILURE:
            self._note_failure(reply)
        return reply.number == MORE

    def _sign_in(self, identity: Identity, algorithm: str) -> Reply:
        fields = b"\1" + string(algorithm.encode()) + string(identity.blob)
        assert self._session.session_id
        signed = string(self._session.session_id) + self._request_bytes("publickey", fields)
        return self._request("publickey", fields + string(identity.sign(signed, algorithm.removesuffix(CERTIFICATE))))

    def _by_password(self) -> bool:
        password = None if self._password_failed else self._password()
        if password is None:
            if not self._password_failed:
                self._choice.left_out.append(refusals.NO_PASSWORD)
            return False
        self._tried.append("password")
        fields = b"\0" + string(password.encode("utf-8", "surrogateescape"))
        reply = self._request("password", fields, max(_VERDICT_SECONDS, self._patience_seconds))
        if reply.number == MORE:
            raise refusals.expired(self._settings)
        self._password_failed = True
        return self._note_failure(reply)

    def _by_questions(self) -> bool:
        reply = self._request("keyboard-interactive", string(b"") + string(b""))
        for round_number in range(10):
            if reply.number != MORE:
                break
            answers = self._answers(reply.rest, is_first=round_number == 0)
            if answers is None:
                return False
            said = bytes([_ANSWERS]) + struct.pack(">I", len(answers)) + b"".join(map(string, answers))
            reply = self._say(said, seconds=max(_VERDICT_SECONDS, self._patience_seconds))
        self._password_failed = self._password_failed or "password" in self._tried
        return self._note_failure(reply)

    def _answers(self, message: paramiko.Message, *, is_first: bool) -> list[bytes] | None:
        """None: nobody can answer. The first question that is not shown is for the password."""
        title, instructions, _ = _text(message), _text(message), message.get_binary()
        prompts = [(_text(message), message.get_boolean()) for _ in range(min(message.get_int(), 20))]
        if refusals.wants_new_password([title, instructions, *(text for text, _ in prompts)]):
            raise refusals.expired(self._settings)
        answers = []
        for text, is_shown in prompts:
            is_password = is_first and not is_shown and len(prompts) == 1
            if is_password and self._password_failed:
                return None
            answer = self._password() if is_password else self._answer(text)
            if answer is None:
                return None
            self._tried.append("password" if is_password else "answers to its questions")
            answers.append(answer.encode("utf-8", "surrogateescape"))
        return answers

    def _try(self, method: str) -> bool:
        reply = self._request(method, b"")
        if reply.number == FAILURE:
            self._note_failure(reply)
        return self._replies.is_authenticated()

    def _note_failure(self, reply: Reply) -> bool:
        if reply.number == FAILURE:
            self._allowed = _text(reply.rest).split(",")
            return reply.rest.get_boolean()
        return False

    def _request_bytes(self, method: str, fields: bytes) -> bytes:
        user = self._settings.user.encode("utf-8", "surrogateescape")
        return bytes([REQUEST]) + string(user) + string(b"ssh-connection") + string(method.encode()) + fields

    def _request(self, method: str, fields: bytes, seconds: float | None = None) -> Reply:
        messages = [self._request_bytes(method, fields)]
        if not self._greeted:
            # The first request follows at once, without waiting for what the server says to this: a trip less.
            self._greeted = True
            messages.insert(0, bytes([SERVICE_REQUEST]) + string(b"ssh-userauth"))
        return self._say(*messages, seconds=seconds)

    def _say(self, *messages: bytes, seconds: float | None = None) -> Reply:
        patience = seconds or self._patience_seconds
        try:
            for message in messages:
                self._session.tell(paramiko.Message(message))
            reply = self._replies.next(patience)
        except (OSError, EOFError, paramiko.SSHException) as error:
            if isinstance(error, TimeoutError):
                raise self._too_late(patience) from None
            raise refusals.hung_up(self._settings, self._session.farewell, self._tried) from error
        if reply is None:
            self._session.has_ended()
            raise refusals.hung_up(self._settings, self._session.farewell, self._tried)
        return reply

    def _too_late(self, seconds: float) -> UnreachableError:
        return UnreachableError(
            f"{self._settings.label} did not answer within {seconds:g} seconds while logging in",
            fix="look at its load, and at what its sshd waits for; --timeout gives it more time",
        )

    def _refused(self) -> UnreachableError:
        return refusals.refused(
            self._settings,
            tried=self._tried,
            left_out=self._choice.left_out,
            allowed=self._allowed or (),
            banner=self._replies.banner,
        )


def _text(message: paramiko.Message) -> str:
    """paramiko's own way fails with what is not UTF-8."""
    return message.get_binary().decode("utf-8", "replace")
