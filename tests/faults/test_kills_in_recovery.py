"""Runs that are killed while they mend what a killed run left, which had done the same."""

from __future__ import annotations

from functools import partial

from faults.campaign import IS_FULL, Row
from faults.sweep import Ground, killed_in_recovery
from faults.sweep_fixtures import applets, bench, ground

__all__ = ["applets", "bench", "ground"]


def test_runs_that_are_killed_one_after_another_leave_no_more_than_one(ground: Ground) -> None:
    seeds = range((300 if ground.name == "dash" else 50) if IS_FULL else 10)
    Row("kill in recovery", ground).carry_out({str(seed): partial(killed_in_recovery, ground, seed) for seed in seeds})
