"""SIGKILL at every change that the agent makes to a file system: nothing is torn or lost, and one plain run mends all."""

from __future__ import annotations

from functools import partial

from faults.campaign import Row, numbers
from faults.sweep import Ground, killed
from faults.sweep_fixtures import GROUNDS, applets, bench, every_ground

__all__ = ["applets", "bench", "every_ground"]


def test_a_run_that_is_killed_anywhere_leaves_old_or_new_and_the_next_one_mends_all(every_ground: Ground) -> None:
    seed = GROUNDS.index((every_ground.name, every_ground.identity))
    points = numbers(every_ground, few=30 if seed == 0 else 10, seed=seed)
    Row("kill", every_ground).carry_out({str(number): partial(killed, every_ground, number) for number in points})
