"""The power goes at any change that the agent makes: what it replaced is whole, what it said is so, and the next run mends all."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from agents.apply_machine import as_root, shell_named, with_setpriv
from faults.apart import apart, with_private_mounts
from faults.campaign import IS_FULL, Row, numbers
from faults.power_loss import Journal, PoweredGround, power_lost, power_lost_in_recovery, why_not
from faults.sweep_fixtures import applets, bench

__all__ = ["applets", "bench"]


@as_root
@pytest.mark.parametrize("shell", ["dash", "busybox"])
def test_after_a_power_loss_all_is_old_or_new_and_what_was_done_stays_done(
    shell: str, applets: Path, bench: Path
) -> None:
    why = why_not(bench)
    if why:
        pytest.skip(f"no file can be mounted as a disk here: {why}")
    ground = PoweredGround(shell, with_setpriv(shell_named(shell, applets), bench), 0, bench)
    apart(partial(_carry_out, ground))


def _carry_out(ground: PoweredGround) -> None:
    with_private_mounts()
    points = [
        (number, journal)
        for place, number in enumerate(numbers(ground, few=20 if ground.name == "dash" else 7))
        for journal in (Journal if IS_FULL else [list(Journal)[place % 4]])
    ]
    points.append(
        (len(ground.reference.calls) + 1, Journal.KEPT)
    )  # what has gone for good, and what nobody looks for any more
    Row("power loss", ground).carry_out(
        {f"{number} {journal.name}": partial(power_lost, ground, number, journal) for number, journal in points}
    )
    seeds = range(100 if IS_FULL else 5)
    Row("power loss in recovery", ground).carry_out(
        {str(seed): partial(power_lost_in_recovery, ground, seed) for seed in seeds}
    )
