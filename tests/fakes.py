"""The fakes of the suite; they stand at the transport only, and everything behind them is the real thing."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from reconciler.execution.session import Rights, begin
from reconciler.model.errors import UnreachableError
from reconciler.model.transport import Result
from reconciler.transports.exchange import Limits
from reconciler.transports.local import LocalTransport


@dataclass
class AnsweringExchange:
    """Keeps what it is told, and answers at the end."""

    answer: Callable[[bytes], Result]
    told: bytes = b""
    said: bytes = b""
    alive_seconds: int = 0

    def say(self, data: bytes | Iterable[bytes]) -> None:
        self.told += data if isinstance(data, bytes) else b"".join(data)

    def allow(self, seconds: float) -> None: ...

    def end_input(self) -> None: ...

    def wait_for(self, *words: bytes, seconds: float | None = None) -> bytes | None:
        raise AssertionError("nobody is asked for a password here")

    def finish(self) -> Result:
        _, begun, rest = self.told.partition(b"#wholesession own ")
        assert begun
        given = rest.partition(b"\n")[2]
        return self.answer(given)

    def close(self) -> None: ...


@dataclass
class AnsweringMachine:
    """`answer` makes a result of what an agent is given behind its own text; `asked` is what it was given so far."""

    answer: Callable[[bytes], Result]
    name: str = "a machine"
    asked: list[bytes] = field(default_factory=list)

    def start(self) -> AnsweringExchange:
        return AnsweringExchange(self._answer)

    def _answer(self, given: bytes) -> Result:
        self.asked.append(given)
        return self.answer(given)

    def close(self) -> None: ...


def really_gathered(given: bytes) -> Result:
    """What the gather script makes of an input on this machine."""
    transport = LocalTransport(limits=Limits(deadline_seconds=60))
    return begin(transport, "gather", Rights.OWN, "session", given).finish()


def gathered_without_root(given: bytes) -> Result:
    """The same for a user without rights; what is another user's needs root then."""
    drop = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--")
    shell = (*(drop if os.geteuid() == 0 else ()), "/bin/sh")
    transport = LocalTransport(shell, limits=Limits(deadline_seconds=60))
    return begin(transport, "gather", Rights.OWN, "session", given).finish()


@dataclass
class SudoMachine:
    """Plays `session.sh` with sudo behind it: any agent answers with the door's rights, and with root's to whoever
    knows the password. Whatever else a machine may do is told by words:

    `refuses`   no door opens
    `breaks`    the connection ends instead of an answer
    `garbage`   its answer is none
    `slow`      it takes a while
    `free`      no password is needed
    `rootless`  no password helps
    `cut`       the connection ends while sudo is asked
    `ends`      its script does
    `hangs`     sudo does not come back
    `expired`   sudo wants a new password
    """

    name: str
    password: str = "secret"
    does: str = ""
    as_user: Callable[[bytes], Result] = gathered_without_root
    as_root: Callable[[bytes], Result] = really_gathered
    begun: list[SudoExchange] = field(default_factory=list)
    tried: list[str] = field(default_factory=list)
    is_closed: bool = False

    def start(self) -> SudoExchange:
        if self.does == "refuses":
            raise UnreachableError(f"{self.name} refused the connection", fix="see whether sshd runs there")
        self.begun.append(SudoExchange(self))
        return self.begun[-1]

    def close(self) -> None:
        self.is_closed = True

    @property
    def left_open(self) -> list[SudoExchange]:
        return [exchange for exchange in self.begun if not exchange.is_over]


class SudoExchange:
    """`heard` is what was said and not yet waited for."""

    alive_seconds = 0

    def __init__(self, machine: SudoMachine) -> None:
        self.machine = machine
        self.said, self.stderr, self.told, self.heard = b"", b"", b"", b""
        self.is_over = False
        self._steps = self._play()
        self._has_ended = False

    def say(self, data: bytes | Iterable[bytes]) -> None:
        assert not self.is_over, "told something after its end"
        self.told += data if isinstance(data, bytes) else b"".join(data)

    def allow(self, seconds: float) -> None: ...

    def end_input(self) -> None: ...

    def wait_for(self, *words: bytes, seconds: float | None = None) -> bytes | None:
        while True:
            places = {place: word for word in words if (place := self.heard.find(word)) >= 0}
            if places:
                first = min(places)
                self.heard = self.heard[first + len(places[first]) :]
                return places[first]
            if self._has_ended:
                return None
            self._step(is_awaited=seconds is None)

    def finish(self) -> Result:
        while not self._has_ended:
            self._step(is_awaited=True)
        self.is_over = True
        return Result(code=0, stdout=self.said, stderr=self.stderr)

    def close(self) -> None:
        self.is_over = True

    def _step(self, *, is_awaited: bool) -> None:
        try:
            stream, text = next(self._steps, ("end", b""))
            if stream == "silence":
                if not is_awaited:
                    raise TimeoutError
                raise UnreachableError(f"{self.machine.name} was not done within an hour")
        except UnreachableError as error:
            self.is_over, error.said = True, self.said
            raise
        self._has_ended = stream == "end"
        self.heard += text
        if stream == "out":
            self.said += text
        elif stream == "err":
            self.stderr += text

    def _line(self) -> bytes:
        line, _, self.told = self.told.partition(b"\n")
        return line

    def _play(self) -> Iterator[tuple[str, bytes]]:
        machine = self.machine
        yield "out", b"=reconcile-here=\n"
        _, whole, self.told = self.told.partition(b"#wholesession ")
        assert whole
        rights, _, nonce, length = self._line().split(b" ")
        given, self.told = self.told[: int(length)], self.told[int(length) :]
        if machine.does == "slow":
            time.sleep(0.3)
        if machine.does == "breaks":
            raise UnreachableError(f"the connection to {machine.name} broke", fix="try again")
        if rights != b"password":
            is_root = machine.does == "free" and rights != b"own"
            answer = (machine.as_root if is_root else machine.as_user)(given)
            if rights != b"own":
                yield "out", b"\n%s %s\n" % (nonce, b"root" if is_root else b"no-root sudo: a password is required")
            yield "out", b"garbage" if machine.does == "garbage" else answer.stdout
            if rights != b"ask" or machine.does in ("free", "rootless"):
                return
        yield "out", b"\n%s password\n" % nonce
        while self.told:
            yield from self._sudo(nonce)
            if self._line() == b"go":
                yield "out", b"\n%s root\n" % nonce
                yield "out", machine.as_root(given or self.told).stdout
                return
            yield "err", b"sudo: 1 incorrect password attempt\n"
            yield "out", b"\n%s password-refused\n" % nonce

    def _sudo(self, nonce: bytes) -> Iterator[tuple[str, bytes]]:
        machine, password = self.machine, self._line().decode()
        machine.tried.append(password)
        yield "err", b"=reconcile-password="
        match machine.does:
            case "cut":
                raise UnreachableError(f"the connection to {machine.name} broke", fix="try again")
            case "ends":
                yield "end", b""
            case "hangs":
                while True:
                    yield "silence", b""
            case "expired":
                yield "err", b"sudo: Account or password is expired, reset your password and try again\n"
                yield "err", b"Current password: "
            case _:
                yield (
                    "err" if password != machine.password else "out",
                    (
                        b"Sorry, try again.\n=reconcile-password="
                        if password != machine.password
                        else b"=reconcile-here=\n"
                    ),
                )
