"""A user who swaps what is in his home for links, pipes and directories while root applies: it is his own loss at most."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from agents.apply_machine import Machine, as_root, root_file_system, shell_named
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
def test_nobody_waits_at_a_pipe(tmp_path: Path) -> None:
    """Whoever opens one that takes a file's place waits for a partner who never comes, and all others with him. A shell can
    only look before it opens: what is swapped in between the two holds up the part of that very user."""
    besieged = besieged_in(tmp_path)
    with Measured("hostile local user", f"{len(PIPES)} attacks with pipes") as measured:
        for attack in siege(besieged, PIPES, rounds(12, 400), measured):
            assert measured.counted["apply_hung"] <= rounds(2, 20), f"apply waits at a pipe: {attack}"
            assert measured.counted["look_hung"] <= rounds(2, 20), (
                f"the questions before a plan wait at a pipe: {attack}"
            )


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
    measured.count(rounds=0, changed=0, disclosed=0, apply_hung=0, look_hung=0, disturbed=0, turns=0)
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
        measured.count(apply_hung=came.apply_hung, look_hung=came.look_hung, disturbed=came.is_disturbed)
        where = f"{attack}, round {number}: {came.outcomes}"
        assert after == before, f"{where}\n{set(after.items()) ^ set(before.items())}"
        assert disclosed == [], where
        assert not besieged.is_told(came.facts + came.said.decode(errors="replace")), where
        assert came.outcomes["managed"].status is Status.DONE, where
        assert {came.outcomes[name].status for name in KEPT_OUT_OF} == {Status.REFUSED}, where
        yield attack
