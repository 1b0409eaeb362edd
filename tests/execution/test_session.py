"""How an agent gets its rights, and what becomes of a password. session.sh itself is tested in tests/agents."""

from __future__ import annotations

import pytest

from fakes import AnsweringMachine, SudoExchange, SudoMachine
from reconciler import agents
from reconciler.execution.apply import apply
from reconciler.execution.parts import Batch
from reconciler.execution.session import (
    Password,
    Refused,
    Rights,
    begin,
    is_locked,
    new_nonce,
    no_root,
    root_said,
    unlock,
)
from reconciler.model.address import Address, Target
from reconciler.model.errors import UnreachableError
from reconciler.model.facts import PathType
from reconciler.model.outcome import Status
from reconciler.model.plan import Change
from reconciler.model.tasks import Base, WriteFile
from reconciler.model.transport import Result

RIGHT, WRONG = Password(text="secret"), Password(text="guess")


def plain(given: bytes) -> Result:
    return Result(code=0, stdout=b"as user: " + given, stderr=b"")


def elevated(given: bytes) -> Result:
    return Result(code=0, stdout=b"as root: " + given, stderr=b"")


def machine(does: str = "") -> SudoMachine:
    return SudoMachine("box", does=does, as_user=plain, as_root=elevated)


def locked(one: SudoMachine) -> SudoExchange:
    exchange = begin(one, "gather", Rights.ASK, "nonce", b"questions\n")
    assert is_locked(exchange, "nonce")
    assert isinstance(exchange, SudoExchange)
    return exchange


def test_a_session_begins_with_the_program_its_line_and_its_input() -> None:
    told: list[bytes] = []
    one = AnsweringMachine(lambda given: (told.append(given), plain(given))[1])
    exchange = begin(one, "gather", Rights.OWN, "nonce", b"questions\n")
    exchange.finish()
    assert told == [b"questions\n"]
    assert exchange.told == agents.program("gather") + b"session own 0 nonce 10\nquestions\n"  # type: ignore[attr-defined]


def test_nonces_do_not_come_again() -> None:
    assert len({new_nonce() for _ in range(100)}) == 100
    assert all(len(new_nonce()) == 32 for _ in range(9))


def test_a_password_is_not_shown() -> None:
    assert "secret" not in f"{RIGHT!r} {RIGHT}"


@pytest.mark.parametrize(
    ("text", "line"), [(" a'b\\ ", b" a'b\\ \n"), ("ü密", "ü密\n".encode()), ("\udcff\udc80", b"\xff\x80\n")]
)
def test_a_password_goes_out_byte_for_byte(text: str, line: bytes) -> None:
    assert Password(text=text).line == line


# ── unlocking ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_right_password_opens_and_root_is_heard() -> None:
    exchange = locked(machine())
    unlock(exchange, "nonce", RIGHT)
    result = exchange.finish()
    assert root_said(result, "nonce") == b"as root: questions\n"
    assert no_root(result, "nonce") == "sudo: a password is required"


def test_without_a_lock_there_is_nothing_to_open() -> None:
    for does in ("free", "rootless"):
        assert not is_locked(begin(machine(does), "gather", Rights.ASK, "nonce", b"x\n"), "nonce")


def test_root_is_what_root_said_and_not_what_somebody_else_printed() -> None:
    def said(text: bytes) -> bytes | None:
        return root_said(Result(code=0, stdout=text, stderr=b""), "nonce")

    assert said(b"\nother root\n\nnonce rooted\n\nnonce no-root why\nnonce root") is None
    assert said(b"x\nnonce root\n\nnonce root\nrest") == b"\nnonce root\nrest"


def test_a_wrong_password_is_refused_and_the_next_one_tried() -> None:
    one = machine()
    exchange = locked(one)
    for _ in range(3):
        with pytest.raises(Refused) as refused:
            unlock(exchange, "nonce", WRONG)
        assert refused.value.wrong
    unlock(exchange, "nonce", RIGHT)
    assert one.tried == ["guess"] * 3 + ["secret"]
    assert root_said(exchange.finish(), "nonce") == b"as root: questions\n"


def test_nothing_follows_a_password_before_sudo_has_judged_it() -> None:
    """It would take what follows for another password."""
    one = machine()
    exchange = locked(one)
    with pytest.raises(Refused):
        unlock(exchange, "nonce", WRONG)
    assert exchange.told == b""


def test_an_expired_password_is_no_wrong_one() -> None:
    exchange = locked(machine("expired"))
    with pytest.raises(Refused) as refused:
        unlock(exchange, "nonce", RIGHT)
    assert not refused.value.wrong
    assert b"expired" in exchange.finish().stderr


def test_sudo_that_hangs_is_given_up_and_closed() -> None:
    exchange = locked(machine("hangs"))
    with pytest.raises(Refused) as refused:
        unlock(exchange, "nonce", RIGHT)
    assert (refused.value.wrong, refused.value.why) == (False, "sudo was not done within 60 seconds")
    assert exchange.is_over


@pytest.mark.parametrize("does", ["cut", "ends"])
def test_a_machine_that_breaks_off_while_unlocking_is_unreachable(does: str) -> None:
    with pytest.raises(UnreachableError, match="broke"):
        unlock(locked(machine(does)), "nonce", RIGHT)


# ── applying with a password ────────────────────────────────────────────────────────────────────────────────────────


TARGET = Target("lt", "main")
CHANGE = Change(
    id="lt/main:/etc/x",
    target=TARGET,
    thing="/etc/x",
    addresses=(Address(TARGET, "files", "/etc/x"),),
    tasks=(WriteFile(path="/etc/x", content=b"x", base=Base(type=PathType.MISSING)),),
)


def applied(one: SudoMachine, password: Password) -> tuple[Status, str]:
    told = apply(one, [Batch(target=TARGET, changes=(CHANGE,))], rights=Rights.PASSWORD, password=password)
    outcome = told.outcomes[CHANGE.id]
    return outcome.status, outcome.message


def test_tasks_are_told_only_to_root() -> None:
    given: list[bytes] = []
    one = machine()
    one.as_root = lambda data: (given.append(data), elevated(data))[1]
    assert applied(one, RIGHT)[0] is Status.UNKNOWN  # it did not say what became of them
    assert len(given) == 1 and given[0].startswith(b"reconcile-apply\n")
    assert one.tried == ["secret"]


@pytest.mark.parametrize(
    ("does", "why"),
    [
        ("", "sudo did not take the password a second time"),
        ("expired", "sudo did not take the password a second time"),
        ("hangs", "sudo did not take the password a second time"),
        ("cut", "the connection to box broke"),
        ("ends", "the machine broke off while sudo was asked"),
        ("breaks", "the connection to box broke"),
        ("refuses", "box refused the connection"),
    ],
)
def test_whatever_keeps_sudo_from_it_nothing_is_written_and_nothing_left_open(does: str, why: str) -> None:
    one = machine(does)
    assert applied(one, WRONG) == (Status.UNREACHED, why)
    assert one.left_open == []
