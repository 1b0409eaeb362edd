"""Each change to a file system fails, once or from there on: nothing is torn, and what is said is so."""

from __future__ import annotations

import errno
from functools import partial
from pathlib import Path

import pytest

from agents.apply_machine import IS_ROOT
from faults.campaign import IS_FULL, Row, numbers
from faults.sweep import ERRORS, Ground, failed
from faults.sweep_fixtures import applets, bench, ground_of
from faults.tracer import FailAt

__all__ = ["applets", "bench"]


@pytest.fixture(params=["dash", "busybox"] if IS_FULL else ["dash"])
def ground(request: pytest.FixtureRequest, applets: Path, bench: Path) -> Ground:
    """The second has no tool that exchanges two files."""
    return ground_of(request.param, "root" if IS_ROOT else "user", applets, bench)


@pytest.mark.parametrize("forever", [False, True], ids=["once", "from there on"])
@pytest.mark.parametrize("error", ERRORS, ids=[errno.errorcode[error] for error in ERRORS])
def test_a_call_that_fails_is_told_of_and_tears_nothing(error: int, forever: bool, ground: Ground) -> None:
    points = numbers(ground, few=5, seed=2 * ERRORS.index(error) + forever)
    name = f"{errno.errorcode[error]} {'from there on' if forever else 'once'}"
    Row(name, ground).carry_out({str(at): partial(failed, ground, FailAt(at, error, forever)) for at in points})
