"""The ground that faults fall on: by shell, by whose rights."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from agents.apply_machine import IS_ROOT, SHELLS, applets, shell_named, with_setpriv
from faults.sweep import USER, Ground
from faults.system_calls import MACHINE
from faults.tracer import run

__all__ = ["applets", "bench", "every_ground", "ground"]

GROUNDS = [(shell, identity) for shell in SHELLS for identity in ("root", "user")]


@cache
def why_untraced() -> str | None:
    if MACHINE not in ("x86_64", "aarch64"):
        return f"the system calls of {MACHINE} are not known"
    try:
        run(["/bin/sh", "-c", ":"], b"", {}, Path("/"), [])
    except AssertionError as error:
        return str(error).strip().rpartition("\n")[2]
    return None


@contextmanager
def open_bench() -> Iterator[Path]:
    """A folder that other users can reach, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="reconcile-faults-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def bench() -> Iterator[Path]:
    with open_bench() as folder:
        yield folder


def ground_of(shell: str, identity: str, applets: Path, bench: Path) -> Ground:
    if identity == "root" and not IS_ROOT:
        pytest.skip("the agent is to run as root")
    why = why_untraced()
    if why:
        pytest.skip(f"processes cannot be traced here: {why}")
    return Ground(shell, with_setpriv(shell_named(shell, applets), bench), 0 if identity == "root" else USER, bench)


@pytest.fixture(params=GROUNDS, ids=["-".join(ground) for ground in GROUNDS])
def every_ground(request: pytest.FixtureRequest, applets: Path, bench: Path) -> Ground:
    shell, identity = request.param
    return ground_of(shell, identity, applets, bench)


@pytest.fixture
def ground(applets: Path, bench: Path) -> Ground:
    """One of them: dash, with the rights of whoever runs pytest."""
    return ground_of("dash", "root" if IS_ROOT else "user", applets, bench)
