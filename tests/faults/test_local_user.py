"""A user who swaps what is in his home for links, pipes and directories while root applies: it is his own loss at most."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from agents.apply_machine import Machine, Shell, as_root, root_file_system, shell_named
from faults.besieged_home import KEPT_OUT_OF, Besieged
from faults.hostile_user import ATTACKS
from faults.measured import Measured, rounds
from reconciler.model.outcome import Status

PIPES = tuple(name for name in ATTACKS if name.endswith("fifo"))
OTHERS = tuple(name for name in ATTACKS if name not in PIPES)
TURNS_EACH = 20
"""What an attack has to get done in a round on average, to have been one."""


@as_root
def test_nothing_outside_the_home_changes_or_is_told(tmp_path: Path) -> None:
    besieged = besieged_in(tmp_path)
    with Measured("hostile local user", f"{len(OTHERS)} attacks") as measured:
        for _ in siege(besieged, OTHERS, rounds(48, 1600), measured):
            pass
        wanted = measured.counted["rounds"]
        assert measured.counted["turns"] >= wanted * TURNS_EACH, "there was hardly an attack"
        assert measured.counted["disturbed"] >= wanted // 5, "the attacks did not even disturb him who made them"


@as_root
def test_nobody_waits_at_a_pipe(tmp_path: Path, open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever opens one that takes a file's place waits for a partner who never comes, and all others with him. A shell can
    only look before it opens: what is swapped in between the two holds up the part of that very user, until its time is
    over. Here that is a few seconds."""
    besieged = besieged_in(tmp_path)
    monkeypatch.setattr("reconciler.execution.payload.PART_SECONDS", 2)
    besieged.machine.shell = hasty(besieged.machine.shell, open_folder)
    with Measured("hostile local user", f"{len(PIPES)} attacks with pipes") as measured:
        for attack in siege(besieged, PIPES, rounds(12, 400), measured):
            assert not measured.counted["apply_hung"], f"apply waits at a pipe: {attack}"
            assert not measured.counted["look_hung"], f"the questions before a plan wait at a pipe: {attack}"


def hasty(shell: Shell, folder: Path) -> Shell:
    """With a `timeout` in front of the real one that takes a minute for two seconds, as the questions give each user."""
    real = shutil.which("timeout", path=shell.path)
    (folder / "timeout").write_text(
        f'#!/bin/sh\ncase "$1 $2 $3" in "-s KILL 60") shift 3; set -- -s KILL 2 "$@" ;; esac\nexec {real} "$@"\n'
    )
    (folder / "timeout").chmod(0o755)
    return Shell(shell.argv, f"{folder}:{shell.path}")


def besieged_in(folder: Path) -> Besieged:
    """In which all goes well as long as nobody attacks."""
    besieged = Besieged(Machine(root_file_system(folder / "root"), shell_named("dash", folder)))
    besieged.rebuild()
    quiet = besieged.machine.apply_batches(*besieged.batches(0))
    assert {name for name, outcome in quiet.items() if outcome.status is not Status.DONE} == KEPT_OUT_OF, quiet
    return besieged


def siege(besieged: Besieged, attacks: Sequence[str], wanted: int, measured: Measured) -> Iterator[str]:
    """Each round's attack, once what must never happen has not happened in it."""
    drawn = [attacks[number % len(attacks)] for number in range(wanted)]
    random.Random("hostile user").shuffle(drawn)
    measured.count(rounds=0, changed=0, disclosed=0, apply_hung=0, look_hung=0, held_up=0, disturbed=0, turns=0)
    for number, attack in enumerate(drawn, 1):
        besieged.rebuild()
        batches, before = besieged.batches(number), besieged.census()
        at_work = besieged.attack(attack, number)
        try:
            came = besieged.work(batches, at_work)
        finally:
            at_work.lift()
        after, disclosed = besieged.census(), besieged.disclosed()
        measured.count(rounds=1, changed=after != before, disclosed=bool(disclosed), turns=at_work.turns)
        measured.count(apply_hung=came.apply_hung, look_hung=came.look_hung)
        measured.count(held_up=came.was_held_up, disturbed=came.is_disturbed)
        where = f"{attack}, round {number}: {came.outcomes}"
        assert after == before, f"{where}\n{set(after.items()) ^ set(before.items())}"
        assert disclosed == [], where
        assert not besieged.is_told(came.facts + came.said.decode(errors="replace")), where
        assert came.outcomes["managed"].status is Status.DONE, where
        assert {came.outcomes[name].status for name in KEPT_OUT_OF} == {Status.REFUSED}, where
        yield attack
