"""Work on many machines at once: in their order, and ended by the first that fails."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest

from reconciler import agents
from reconciler.execution.fleet import at_once
from reconciler.model.errors import UnreachableError
from reconciler.transports.exchange import Limits, PipeExchange
from reconciler.transports.local import LocalTransport

PATIENCE_SECONDS = 20


def never() -> None:
    raise AssertionError("nobody is to give up")


def test_the_answers_stand_in_the_order_of_the_work_whoever_is_first() -> None:
    def piece(number: int) -> Callable[[], int]:
        def work() -> int:
            time.sleep((3 - number) * 0.05)
            return number * 10

        return work

    found = at_once({number: piece(number) for number in range(4)}, never)
    assert list(found.items()) == [(0, 0), (1, 10), (2, 20), (3, 30)]


def test_no_work_has_no_answers() -> None:
    assert at_once({}, never) == {}


def test_all_are_at_work_at_the_same_time() -> None:
    together = threading.Barrier(40, timeout=PATIENCE_SECONDS)
    assert len(at_once(dict.fromkeys(range(40), together.wait), never)) == 40


def test_a_hundred_machines_are_served() -> None:
    assert at_once({number: (lambda number=number: number) for number in range(100)}, never) == {  # type: ignore[misc]
        number: number for number in range(100)
    }


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("place", [0, 1])
def test_what_one_raises_ends_all_at_once_wherever_it_stands(error: type[BaseException], place: int) -> None:
    given_up = threading.Event()

    def wait() -> bool:
        return given_up.wait(PATIENCE_SECONDS)

    def fail() -> bool:
        raise error

    pieces = [wait, wait, wait]
    pieces[place] = fail
    began = time.monotonic()
    with pytest.raises(error):
        at_once(dict(enumerate(pieces)), given_up.set)
    assert time.monotonic() - began < 5
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("ThreadPool")] == []


def test_one_piece_of_work_is_done_right_here() -> None:
    assert at_once({"only": threading.current_thread}, never) == {"only": threading.main_thread()}


def test_what_has_not_begun_does_not_begin_any_more() -> None:
    begun: list[int] = []
    given_up = threading.Event()

    def piece(number: int) -> Callable[[], None]:
        def work() -> None:
            begun.append(number)
            if number == 0:
                raise KeyboardInterrupt
            given_up.wait(PATIENCE_SECONDS)

        return work

    with pytest.raises(KeyboardInterrupt):
        at_once({number: piece(number) for number in range(200)}, given_up.set)
    assert len(begun) < 200


# ── this machine among them ─────────────────────────────────────────────────────────────────────────────────────────


def at_work(transport: LocalTransport, text: str) -> PipeExchange:
    exchange = transport.start()
    program = f"{text}\n#whole".encode()
    exchange.say(b"=reconcile= %d\n" % len(program) + program)
    assert exchange.wait_for(agents.HERE) is not None
    return exchange


def test_giving_up_ends_what_is_at_work_on_this_machine_too() -> None:
    transport = LocalTransport(limits=Limits(deadline_seconds=8))
    is_at_work = threading.Event()

    def hang() -> None:
        exchange = at_work(transport, "sleep 30")
        is_at_work.set()
        exchange.finish()

    def interrupt() -> None:
        assert is_at_work.wait(PATIENCE_SECONDS)
        raise KeyboardInterrupt

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        at_once({"here": hang, "there": interrupt}, transport.close)
    assert time.monotonic() - began < 5


def test_who_closes_a_door_from_another_thread_disturbs_nobody_else() -> None:
    """A stream's number may be another stream's a moment later."""
    for _ in range(8):
        transport = LocalTransport(limits=Limits(deadline_seconds=8))
        chatty = at_work(transport, "while :; do echo x; done")
        quiet = at_work(LocalTransport(), "read word; echo $word; cat")
        closer = threading.Timer(0.02, transport.close)
        closer.start()
        chatty.finish()  # ends by itself, with whatever was heard
        closer.join()
        quiet.say(b"still\nhere\n")
        assert quiet.finish().stdout.endswith(b"still\nhere\n")


def test_nothing_new_is_begun_on_this_machine_when_all_was_given_up() -> None:
    transport = LocalTransport()
    transport.close()
    transport.close()
    with pytest.raises(UnreachableError, match="this machine was given up"):
        transport.start()


INTERRUPTED = """
import sys, time
from reconciler.execution.fleet import at_once
from reconciler.transports.exchange import Limits
from reconciler.transports.local import LocalTransport
transport = LocalTransport(limits=Limits(deadline_seconds=10))
def hang():
    exchange = transport.start()
    program = b"exec sleep 4322\\n#whole"
    exchange.say(b"=reconcile= %d\\n" % len(program) + program)
    exchange.wait_for(b"=reconcile-here=")
    print("ready", flush=True)
    exchange.finish()
try:
    at_once({"one": hang, "two": lambda: time.sleep(0.1)}, transport.close)
except KeyboardInterrupt:
    sys.exit(130)
"""


def test_ctrl_c_in_the_main_thread_ends_what_the_others_do() -> None:
    with subprocess.Popen([sys.executable, "-c", INTERRUPTED], stdout=subprocess.PIPE) as process:
        assert process.stdout and process.stdout.readline() == b"ready\n"
        time.sleep(0.3)
        began = time.monotonic()
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(PATIENCE_SECONDS) == 130
        assert time.monotonic() - began < 5
