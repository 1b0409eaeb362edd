"""What may cut the controller off is watched over: confirmed it stays, else it is led back. Without SSH, in every shell;
tests/lab/test_lock_out.py has real connections."""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from agents.apply_machine import DISTRO, Machine, as_root, change, started, statuses, wait_for
from reconciler.execution.apply import Applied, apply, read
from reconciler.execution.confirm import confirmed
from reconciler.execution.doors import Access
from reconciler.execution.parts import Batch, Part, WayBack, parts_of
from reconciler.execution.payload import payload
from reconciler.model.facts import FactSheet, Host
from reconciler.model.outcome import Status
from reconciler.model.plan import Change
from reconciler.model.states import Risk
from reconciler.model.tasks import RunCommand
from reconciler.model.transport import Result
from reconciler.planning import way_back as planning
from yardstick import SOON_SECONDS

pytestmark = as_root
PLACE = "/home/way-in"
ROOT = Access(is_root=True)


def way_back(done: Change, *, seconds: int = 1) -> WayBack:
    """As it is planned."""
    ways = planning.of([done], FactSheet(host=Host(user="root", uid=0, home="/root")))
    parts = parts_of([Batch(target=DISTRO, changes=ways)])
    return WayBack(parts=parts, watched=frozenset({done.id}), seconds=seconds, longest_seconds=60)


def made(machine: Machine, *more: RunCommand) -> Change:
    done = change("a", machine.write(PLACE, b"closed\n"), *more)
    return replace(done, risks=frozenset({Risk.CUTS_ACCESS}))


def watched(machine: Machine, done: Change, back: WayBack) -> Applied:
    return apply(machine.transport, [Batch(target=DISTRO, changes=(done,))], way_back=back)


def watches(machine: Machine) -> list[Path]:
    return list(machine.at("/var/lib/reconcile").glob("watch.*"))


def report_of(machine: Machine, parts: tuple[Part, ...]) -> dict[str, Status]:
    [folder] = watches(machine)
    wait_for(folder / "report")
    return statuses(read(parts, Result(code=0, stdout=(folder / "report").read_bytes(), stderr=b"")).outcomes)


def test_what_nobody_confirms_is_led_back_by_a_run_of_its_own(live_machine: Machine) -> None:
    machine = live_machine
    done = made(machine, RunCommand(argv=("touch", "/home/ran"), back=("rm", "/home/ran")))
    back = way_back(done)
    applied = watched(machine, done, back)

    assert statuses(applied.outcomes) == {"a": Status.DONE} and applied.watched
    assert machine.at(PLACE).exists() and machine.at("/home/ran").exists()
    assert report_of(machine, back.parts) == {"a": Status.DONE}
    assert not machine.at(PLACE).exists() and not machine.at("/home/ran").exists()
    rows = [json.loads(line) for line in machine.at("/var/lib/reconcile/ledger").read_text().splitlines() if line]
    assert [row["by_itself"] for row in rows if "run" in row and row["undoes"]] == [True]


def test_a_new_connection_confirms_it_and_it_stays(live_machine: Machine) -> None:
    done = made(live_machine)
    back = way_back(done, seconds=30)
    applied = watched(live_machine, done, back)
    found = confirmed(live_machine.transport, ROOT, applied, back, tell=pytest.fail)

    assert found is applied
    assert watches(live_machine) == []
    assert live_machine.at(PLACE).read_bytes() == b"closed\n"


def test_whoever_comes_too_late_hears_what_was_led_back(one_live_machine: Machine) -> None:
    done = made(one_live_machine)
    back = way_back(done)
    applied = watched(one_live_machine, done, back)
    report_of(one_live_machine, back.parts)
    found = confirmed(one_live_machine.transport, ROOT, applied, back, tell=pytest.fail)

    assert found.outcomes["a"].status is Status.FAILED
    assert "the machine has led it back" in found.outcomes["a"].message
    assert watches(one_live_machine) == []


def test_what_was_as_wanted_is_not_watched(one_live_machine: Machine) -> None:
    machine, done = one_live_machine, made(one_live_machine)
    machine.file(PLACE, b"closed\n")
    applied = watched(machine, done, way_back(done))

    assert statuses(applied.outcomes) == {"a": Status.DONE}
    assert not applied.watched and watches(machine) == []


def test_a_program_that_fails_may_have_done_its_part(one_live_machine: Machine) -> None:
    machine, done = one_live_machine, made(one_live_machine, RunCommand(argv=("false",), back=()))
    back = way_back(done)
    applied = watched(machine, done, back)

    assert applied.outcomes["a"].status is Status.FAILED and applied.watched
    assert report_of(machine, back.parts) == {"a": Status.DONE}


def test_a_run_that_is_killed_is_led_back_too(live_machine: Machine) -> None:
    machine = live_machine
    done = made(machine, RunCommand(argv=("sh", "-c", "touch /home/started; sleep 60"), back=()))
    back, parts = way_back(done), parts_of([Batch(target=DISTRO, changes=(done,))])
    process, _ = started(machine, parts=parts, sent=b"".join(payload(parts, None, way_back=back).pieces()))
    wait_for(machine.at("/home/started"))
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=SOON_SECONDS)

    assert report_of(machine, back.parts) == {"a": Status.DONE}
    assert not machine.at(PLACE).exists() and machine.leftovers() == []


def test_nobody_confirms_a_run_that_is_at_work(one_live_machine: Machine) -> None:
    """It may still do what cuts off whoever has just come in."""
    machine = one_live_machine
    wait = RunCommand(argv=("sh", "-c", "touch /home/started; until [ -e /home/go ]; do sleep 0.1; done"), back=())
    done = made(machine, wait)
    back, parts = way_back(done), parts_of([Batch(target=DISTRO, changes=(done,))])
    process, _ = started(machine, parts=parts, sent=b"".join(payload(parts, None, way_back=back).pieces()))
    wait_for(machine.at("/home/started"))
    broken = Applied(outcomes={}, watched=parts[0].nonce)
    seen: list[str] = []

    def asks_once(seconds: float) -> None:
        seen.append("working")
        assert watches(machine) and machine.at(PLACE).exists()
        machine.at("/home/go").touch()
        process.communicate(timeout=SOON_SECONDS)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("reconciler.execution.confirm.time", SimpleNamespace(monotonic=time.monotonic, sleep=asks_once))
        confirmed(machine.transport, ROOT, broken, replace(back, seconds=30), tell=pytest.fail)
    assert seen == ["working"]
    assert watches(machine) == [] and machine.at(PLACE).exists()


def test_without_a_way_back_that_arrived_nothing_is_written(one_live_machine: Machine) -> None:
    machine, done = one_live_machine, made(one_live_machine)
    parts, back = parts_of([Batch(target=DISTRO, changes=(done,))]), way_back(done)
    sent = b"".join(payload(parts, None, way_back=back).pieces())
    place = sent.rindex(back.parts[0].nonce.encode())  # inside the archive: its head says another than in front of it
    result = machine.told(sent[:place] + b"0" * 32 + sent[place + 32 :])

    assert read(parts, result).outcomes["a"].status is Status.NOT_TRIED
    assert not machine.at(PLACE).exists() and watches(machine) == []


def test_a_watch_that_lost_its_watcher_is_told_of_and_cleared(one_live_machine: Machine) -> None:
    folder = one_live_machine.at("/var/lib/reconcile/watch.0123")
    folder.mkdir(parents=True)
    (folder / "watcher").write_text("1 0\n")
    (folder / "back").write_text("x")
    applied = one_live_machine.applied(Batch(target=DISTRO, changes=(made(one_live_machine),)))

    assert any("nobody watches any more" in note for note in applied.notes)
    assert watches(one_live_machine) == []
