"""Tar streams of every tar that a machine may have, and of machines that lie."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.execution.tar_reader import regular_files

LONG = "d" * 90 + "/" + "e" * 90 + "/" + "f" * 120


def fill(folder: Path) -> dict[bytes, bytes]:
    contents = {"./a": b"", "./b c": b"x" * 512, f"./{LONG}": b"long\0", "./ü": b"y" * 1000}
    for name, data in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    (folder / "hard").hardlink_to(folder / "b c")
    return {name.encode(): data for name, data in {**contents, "./hard": contents["./b c"]}.items()}


@pytest.mark.parametrize(
    "tar", [["tar"], ["busybox", "tar"], ["bsdtar"], ["tar", "--format=posix"], ["tar", "--format=ustar"]]
)
def test_what_a_real_tar_writes_is_read(tmp_path: Path, tar: list[str]) -> None:
    if not shutil.which(tar[0]):
        pytest.skip(f"{tar[0]} is not installed")
    contents = fill(tmp_path)
    if tar[-1] == "--format=ustar":
        del contents[f"./{LONG}".encode()]
    names = [name.decode() for name in contents]
    run = subprocess.run([*tar, "-c", "-f", "-", "--", *names], cwd=tmp_path, capture_output=True)
    assert regular_files(run.stdout) == contents


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
@given(files=st.dictionaries(st.text("abcü /.", min_size=1, max_size=120), st.binary(max_size=1500), max_size=5))
def test_all_forms_of_the_format_are_read(form: int, files: dict[str, bytes]) -> None:
    named = {f"./{number}{name.replace('//', '/')}x": data for number, (name, data) in enumerate(files.items())}
    if form == tarfile.USTAR_FORMAT:
        named = {name[:90]: data for name, data in named.items()}
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form) as archive:
        for name, data in named.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    assert regular_files(stream.getvalue()) == {name.encode(): data for name, data in named.items()}


def test_a_stream_that_breaks_off_gives_the_files_that_are_whole(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"1" * 700)
    (tmp_path / "two").write_bytes(b"2" * 700)
    stream = subprocess.run(
        ["tar", "-c", "-f", "-", "one", "two"], cwd=tmp_path, capture_output=True, check=True
    ).stdout
    for end in range(0, 3600, 100):
        found = regular_files(stream[:end])
        assert (b"one" in found) == (end >= 512 + 700)
        assert (b"two" in found) == (end >= 512 + 1024 + 512 + 700)


def test_links_directories_and_devices_are_no_files(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    stream = subprocess.run(
        ["tar", "-c", "-f", "-", "folder", "link", "/dev/null"], cwd=tmp_path, capture_output=True
    ).stdout
    assert regular_files(stream) == {}


@settings(max_examples=500, deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=600), st.just(b"\0" * 512), st.just(b"x" * 512)), max_size=4), st.data())
def test_anything_may_come(pieces: list[bytes], chosen: st.DataObject) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        entry = tarfile.TarInfo("ü" * 120)
        entry.size = 100
        archive.addfile(entry, io.BytesIO(b"z" * 100))
    whole = stream.getvalue()
    start = chosen.draw(st.integers(0, len(whole)))
    regular_files(whole[:start] + b"".join(pieces) + whole[start:])
