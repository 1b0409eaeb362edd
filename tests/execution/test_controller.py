from __future__ import annotations

import fcntl
import stat
from pathlib import Path

import pytest

from reconciler.execution.controller import Controller, write_private

LEFT = ".reconcile-0123456789abcdef"


def names(folder: Path) -> list[str]:
    return sorted(place.name for place in folder.iterdir())


def test_a_file_is_its_owner_s_alone_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    write_private(tmp_path / "one", b"first")
    write_private(tmp_path / "one", b"second")
    assert (tmp_path / "one").read_bytes() == b"second"
    assert stat.S_IMODE((tmp_path / "one").stat().st_mode) == 0o600
    assert names(tmp_path) == ["one"]


def test_what_a_run_left_that_was_killed_goes_with_the_next_write(tmp_path: Path) -> None:
    (tmp_path / LEFT).write_bytes(b"half")
    write_private(tmp_path / "one", b"x")
    assert names(tmp_path) == ["one"]


def test_what_somebody_is_writing_stays_and_so_does_what_only_looks_like_it(tmp_path: Path) -> None:
    (tmp_path / ".reconcile-mine").write_bytes(b"mine")
    with (tmp_path / LEFT).open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        write_private(tmp_path / "one", b"x")
    assert names(tmp_path) == [LEFT, ".reconcile-mine", "one"]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    write_private(tmp_path / "one", b"old")
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_private(tmp_path / "one", b"new")
    assert (names(tmp_path), (tmp_path / "one").read_bytes()) == (["one"], b"old")


def test_a_key_is_made_once(tmp_path: Path) -> None:
    controller = Controller(state=tmp_path / "state", cache=tmp_path / "cache")
    assert controller.key() == controller.key()
    assert names(tmp_path / "state") == ["key"]


def test_the_newest_records_are_kept(tmp_path: Path) -> None:
    controller = Controller(state=tmp_path, cache=tmp_path)
    for number in range(203):
        controller.record(f"{number:04}", "{}")
    assert names(tmp_path / "runs")[0] == "0003.json" and len(names(tmp_path / "runs")) == 200
