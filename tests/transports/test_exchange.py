"""A conversation with a script: what is heard when, and what ends it. The pipes are real processes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from reconciler.execution.blobs import BlobLostError
from reconciler.model.errors import UnreachableError
from reconciler.model.transport import Exchange, Result, Transport
from reconciler.transports.exchange import Limits
from reconciler.transports.local import LocalTransport

Start = Callable[[Transport, str], Exchange]
Run = Callable[[Transport, str, bytes], Result]


def silent(seconds: float, deadline: float = 30) -> LocalTransport:
    return LocalTransport(limits=Limits(silence_seconds=seconds, deadline_seconds=deadline))


def test_a_word_is_found_however_it_is_cut(start: Start) -> None:
    script = "for part in x on e y e nd; do printf %s $part; sleep 0.05; done; read answer; echo $answer"
    exchange = start(LocalTransport(), script)
    assert exchange.wait_for(b"one", b"never") == b"one"
    assert exchange.wait_for(b"end", b"one") == b"end"
    exchange.say(b"answer\n")
    assert exchange.finish().stdout.endswith(b"xoneyendanswer\n")


def test_the_first_of_several_words_counts(start: Start) -> None:
    exchange = start(LocalTransport(), "echo second first")
    assert exchange.wait_for(b"first", b"second") == b"second"
    assert exchange.wait_for(b"first", b"second") == b"first"
    assert exchange.wait_for(b"first", b"second") is None


def test_words_on_standard_error_are_heard_too(start: Start) -> None:
    exchange = start(LocalTransport(), "printf prompt: >&2; read answer; echo got $answer")
    assert exchange.wait_for(b"prompt:") == b"prompt:"
    exchange.say(b"it\n")
    assert b"got it\n" in exchange.finish().stdout


def test_a_word_is_heard_once(start: Start) -> None:
    exchange = start(LocalTransport(), "echo again; read line; echo again; exec cat")
    assert exchange.wait_for(b"again\n") == b"again\n"
    exchange.say(b"\n")
    assert exchange.wait_for(b"again\n") == b"again\n"
    exchange.say(b"more")
    assert exchange.wait_for(b"again\n", b"more") == b"more"
    exchange.close()


def test_pieces_are_asked_for_only_when_there_is_room(start: Start) -> None:
    asked = 0

    def pieces() -> Iterator[bytes]:
        nonlocal asked
        for _ in range(60):
            asked += 1
            yield bytes(1_000_000)

    exchange = start(LocalTransport(), "echo ready; sleep 0.2; exec wc -c")
    exchange.say(b"first")
    exchange.say(pieces())
    exchange.say(b"")
    exchange.say(b"last")
    assert exchange.wait_for(b"ready\n") == b"ready\n"
    assert asked <= 1
    assert exchange.finish().stdout.endswith(b"60000009\n")


def test_an_exchange_whose_pieces_end_in_trouble_is_closed(start: Start) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"half"
        raise BlobLostError("gone")

    exchange = start(LocalTransport(), "cat; sleep 30")
    exchange.say(pieces())
    began = time.monotonic()
    with pytest.raises(BlobLostError):
        exchange.finish()
    assert time.monotonic() - began < 5


def test_a_silent_machine_is_given_up_by_what_it_was_doing(start: Start) -> None:
    exchange = start(silent(0.5), "printf '\\nreconcile-doing reading /slow\\n' >&2; sleep 30")
    began = time.monotonic()
    with pytest.raises(UnreachableError, match=r"said nothing for 0\.5 seconds \(it was reading /slow\)"):
        exchange.finish()
    assert time.monotonic() - began < 5


def test_signs_of_life_count_as_words_and_are_not_shown(run: Run) -> None:
    script = "for i in 1 2 3 4; do sleep 0.3; printf '\\nreconcile-alive\\n' >&2; done; echo trouble >&2; echo done"
    result = run(silent(0.8), script, b"")
    assert (result.stdout, result.stderr) == (b"done\n", b"trouble\n")


def test_a_machine_that_drips_has_its_deadline(start: Start) -> None:
    exchange = start(silent(5, deadline=1), "while :; do echo x; sleep 0.1; done")
    with pytest.raises(UnreachableError, match="was not done within 1 seconds"):
        exchange.finish()


def test_time_in_which_nobody_listens_does_not_count(start: Start) -> None:
    exchange = start(silent(0.4, deadline=1), "echo one; sleep 1.5; echo two")
    assert exchange.wait_for(b"one\n") == b"one\n"
    time.sleep(1.4)
    assert exchange.wait_for(b"two\n") == b"two\n"


def test_what_was_said_before_a_machine_broke_off_is_kept(start: Start) -> None:
    exchange = start(silent(0.5), "echo important; sleep 30")
    with pytest.raises(UnreachableError) as caught:
        exchange.finish()
    assert caught.value.said.endswith(b"important\n")


def test_noise_before_the_program_is_dropped(run: Run) -> None:
    """A password that sudo did not read stands there, or what a hostile machine was told."""
    exchange = LocalTransport().start()
    exchange.say(b"hunter2\necho ran\n=reconcile=\n")
    program = b"echo fine; cat\n#whole"
    exchange.say(b"=reconcile= %d\n" % len(program) + program + b"data")
    assert exchange.finish().stdout == b"=reconcile-here=\nfine\ndata"


def test_half_a_program_does_not_run() -> None:
    program = b"echo first\necho last\n#whole"
    for length in range(len(program)):
        exchange = LocalTransport().start()
        exchange.say(b"=reconcile= %d\n" % len(program) + program[:length])
        assert exchange.finish().stdout == b"=reconcile-here=\n", length


def after(noise: str, limits: Limits) -> LocalTransport:
    """A machine whose login shell runs something before the command line."""
    return LocalTransport(("/bin/sh", "-c", f'{noise}; exec sh "$@"', "login"), limits=limits)


def test_a_machine_that_prints_much_before_it_begins_costs_little(start: Start) -> None:
    """What was heard is searched once: it used to cost five seconds."""
    exchange = start(after("head -c 60000000 /dev/zero", Limits()), "echo fine")
    began = time.process_time()
    assert exchange.finish().stdout.endswith(b"\0=reconcile-here=\nfine\n")
    assert time.process_time() - began < 2


def test_a_beginning_that_arrives_in_pieces_is_seen(start: Start) -> None:
    pieces = "printf =reconcile-; sleep 0.3; printf 'here=\\n'; for i in 1 2 3 4 5; do sleep 0.2; echo still here; done"
    exchange = start(after(f"{pieces}; exit", Limits(silence_seconds=0.6)), "echo never")
    assert exchange.finish().stdout.count(b"still here") == 5
