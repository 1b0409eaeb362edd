"""A user who swaps what is in his home for links, pipes and directories while root applies: it is his own loss at most."""

from __future__ import annotations

import random
from pathlib import Path

from agents.apply_machine import Machine, as_root, root_file_system, shell_named
from faults.besieged_home import Besieged
from faults.hostile_user import ATTACKS
from faults.measured import Measured, keeps_a_ledger, rounds
from reconciler.model.outcome import Status

TURNS_EACH = 20
"""What an attack has to get done in a round on average, to have been one."""


@as_root
def test_nothing_outside_the_home_changes_is_told_or_waits(tmp_path: Path) -> None:
    machine = Machine(root_file_system(tmp_path / "root"), shell_named("dash", tmp_path))
    besieged = Besieged(machine, patience_seconds=2.0)
    besieged.rebuild()
    quiet = machine.apply_batches(*besieged.batches(0))
    refused = {"pub", "drop"}
    assert {name for name, outcome in quiet.items() if outcome.status is not Status.DONE} == refused, quiet
    keeps = keeps_a_ledger(machine.at("/var/lib/reconcile"))
    if keeps:
        besieged.patience_seconds = 30.0
    draw, wanted = random.Random("hostile user"), rounds(60, 2000)
    attacks = [ATTACKS[number % len(ATTACKS)] for number in range(wanted)]
    draw.shuffle(attacks)
    with Measured("hostile local user", f"{len(ATTACKS)} attacks") as measured:
        measured.count(rounds=0, changed=0, disclosed=0, apply_hung=0, look_hung=0, disturbed=0, turns=0)
        for number, attack in enumerate(attacks, 1):
            besieged.rebuild()
            batches, before = besieged.batches(number), besieged.census()
            siege = besieged.attack(attack, number)
            try:
                came = besieged.work(batches, siege)
            finally:
                siege.lift()
            after, disclosed = besieged.census(), besieged.disclosed()
            is_disturbed = any(
                came.outcomes[name].status is not Status.DONE for name in came.outcomes if name not in refused
            )
            measured.count(rounds=1, changed=after != before, disclosed=bool(disclosed))
            measured.count(
                disturbed=is_disturbed, turns=siege.turns, apply_hung=came.apply_hung, look_hung=came.look_hung
            )
            where = f"{attack}, round {number}: {came.outcomes}"
            assert after == before, f"{where}\n{set(after.items()) ^ set(before.items())}"
            assert disclosed == [], where
            assert not besieged.is_told(came.facts + came.said.decode(errors="replace")), where
            assert came.outcomes["managed"].status is Status.DONE, where
            assert {came.outcomes[name].status for name in refused} == {Status.REFUSED}, where
            assert not (keeps and (came.apply_hung or came.look_hung)), f"it hung: {where}"
        assert measured.counted["turns"] >= wanted * TURNS_EACH, "there was hardly an attack"
        assert measured.counted["disturbed"] >= wanted // 5, "the attacks did not even disturb him who made them"
