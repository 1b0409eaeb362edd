"""Each change to a file system fails, once or from there on: nothing is torn, and what is said is so."""

from __future__ import annotations

import errno
from functools import partial

import pytest

from faults.campaign import Row, numbers
from faults.sweep import ERRORS, Ground, failed
from faults.sweep_fixtures import applets, bench, ground
from faults.tracer import FailAt

__all__ = ["applets", "bench", "ground"]


@pytest.mark.parametrize("forever", [False, True], ids=["once", "from there on"])
@pytest.mark.parametrize("error", ERRORS, ids=[errno.errorcode[error] for error in ERRORS])
def test_a_call_that_fails_is_told_of_and_tears_nothing(error: int, forever: bool, ground: Ground) -> None:
    points = numbers(ground, few=6, seed=2 * ERRORS.index(error) + forever)
    name = f"{errno.errorcode[error]} {'from there on' if forever else 'once'}"
    Row(name, ground).carry_out({str(at): partial(failed, ground, FailAt(at, error, forever)) for at in points})
