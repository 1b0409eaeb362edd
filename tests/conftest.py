"""What tests of several folders share."""

from __future__ import annotations

import gc
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

pytest_plugins = ["lab.fixtures"]


def pytest_configure() -> None:
    """Who is started in the background by a script ignores Ctrl-C, and so would all that tests start."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    settings.register_profile("untimed", deadline=None)  # a slow machine is no defect
    settings.load_profile("untimed")


def pytest_collection_finish() -> None:
    """Thousands of collected tests stay for good: the garbage collector need not walk through them in every test, and
    what is measured in CPU seconds is then our own work."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """One that other users can reach, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def trusted_home(tmp_path: Path) -> Iterator[Path]:
    """A scratch home. Root's stands where nobody else can write: root keeps out of everything below /tmp."""
    above = Path("/root") if os.geteuid() == 0 else tmp_path
    state, was_there = Path("/var/lib/reconcile"), Path("/var/lib/reconcile").exists()
    with tempfile.TemporaryDirectory(prefix=".reconcile-test-home-", dir=above) as name:
        yield Path(name)
    if os.geteuid() == 0 and not was_there and state.exists():
        state.rmdir()  # root's own changes are staged there


def pytest_xdist_auto_num_workers() -> int:
    """More than there are processors: a third of the time goes by waiting for other processes."""
    return (os.cpu_count() or 1) * 3 // 2 or 1
