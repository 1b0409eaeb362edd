"""The script that moves a directory aside and puts a link in its place, in every shell that a machine may have."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = (Path(__file__).resolve().parents[3] / "reconciler/agents/adopt_go.sh").read_text(encoding="ascii")
SHELLS = {"dash": ("dash",), "bash": ("bash",), "busybox": ("busybox", "sh"), "mksh": ("mksh",)}


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> tuple[str, ...]:
    words = SHELLS[request.param]
    if not shutil.which(words[0]):
        pytest.skip(f"{words[0]} is not installed")
    return words


@pytest.fixture
def local(tmp_path: Path) -> Path:
    """A /usr/local with Go in it, and a name that shells trip over."""
    folder = tmp_path / "usr local $HOME 'x"
    (folder / "go/bin").mkdir(parents=True)
    (folder / "go/VERSION").write_text("go1.24.1\n")
    (folder / "versions/go1.27.3").mkdir(parents=True)
    (folder / "versions/go1.27.3/VERSION").write_text("go1.27.3\n")
    return folder


def adopt(shell: tuple[str, ...], local: Path, path: str | None = None) -> subprocess.CompletedProcess[str]:
    words = [str(local / "go"), str(local / "versions/go1.27.3"), str(local / "go.found")]
    return subprocess.run(
        [str(shutil.which(shell[0])), *shell[1:], "-c", SCRIPT, "adopt-go", *words],
        capture_output=True,
        text=True,
        timeout=20,
        env={"PATH": path or "/usr/bin:/bin", "LC_ALL": "C"},
    )


def test_the_directory_goes_aside_whole(shell: tuple[str, ...], local: Path) -> None:
    done = adopt(shell, local)
    assert (done.returncode, done.stderr) == (0, "")
    assert (local / "go").readlink() == local / "versions/go1.27.3"
    assert (local / "go/VERSION").read_text() == "go1.27.3\n"
    assert (local / "go.found/VERSION").read_text() == "go1.24.1\n" and (local / "go.found/bin").is_dir()
    assert sorted(entry.name for entry in local.iterdir()) == ["go", "go.found", "versions"]


def test_what_is_in_the_way_stays(shell: tuple[str, ...], local: Path) -> None:
    (local / "go.found").symlink_to("nowhere")
    done = adopt(shell, local)
    assert done.returncode != 0 and done.stderr.endswith("go.found is in the way\n")
    assert (local / "go/VERSION").read_text() == "go1.24.1\n"


def test_a_link_that_came_meanwhile_stays(shell: tuple[str, ...], local: Path) -> None:
    shutil.rmtree(local / "go")
    (local / "go").symlink_to("versions/go1.27.3")
    assert "is no directory now" in adopt(shell, local).stderr
    assert not (local / "go.found").exists()


def test_when_the_link_cannot_take_the_place_the_directory_gets_it_back(
    shell: tuple[str, ...], local: Path, tmp_path: Path
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    mover = programs / "mv"
    mover.write_text('#!/bin/sh\ncase $2 in *.new) echo "mv: no" >&2; exit 1 ;; esac\nexec /bin/mv "$@"\n')
    mover.chmod(0o755)
    done = adopt(shell, local, f"{programs}:/usr/bin:/bin")
    if done.returncode == 0 and shell[0] == "busybox":
        pytest.skip("this busybox prefers its own mv")
    assert done.returncode == 1 and done.stderr.startswith("mv: no")
    assert (local / "go/VERSION").read_text() == "go1.24.1\n"
    assert sorted(entry.name for entry in local.iterdir()) == ["go", "versions"]
