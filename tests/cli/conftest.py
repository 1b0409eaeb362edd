"""A scratch machine with a repo beside it, and the command line run in this process with a home of its own."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from reconciler.cli.demo import USER, build
from reconciler.cli.main import run

FOREIGN_VARIABLES = (
    "XDG_CONFIG_HOME",
    "XDG_STATE_HOME",
    "XDG_CACHE_HOME",
    "SUDO_USER",
    "WSL_DISTRO_NAME",
    "GOENV",
    "GOPATH",
)


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def first(self) -> str:
        return self.out.splitlines()[0]

    @property
    def last(self) -> str:
        return self.out.rstrip().splitlines()[-1]


@dataclass(frozen=True)
class Machine:
    """`root` is a root file system with the demo's mess, `repo` a folder with the demo's document."""

    root: Path
    repo: Path
    home: Path
    command: Callable[..., Ran]

    @property
    def document(self) -> Path:
        return self.repo / "reconcile.yaml"

    def write(self, text: str) -> None:
        self.document.write_text(text, encoding="utf-8")

    def at(self, path: str) -> Path:
        return self.root / path.lstrip("/").replace("~", f"home/{USER}", 1)

    def run(self, name: str, *words: str) -> Ran:
        """A command on this machine: `run("plan", "--detailed-exitcode")`."""
        return self.command(name, "-C", str(self.repo), "--root", str(self.root), "--user", USER, *words)


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    home = tmp_path / "home-of-the-caller"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")
    for name in FOREIGN_VARIABLES:
        monkeypatch.delenv(name, raising=False)

    def call(*words: str) -> Ran:
        capfd.readouterr()
        code = run(list(words))
        captured = capfd.readouterr()
        return Ran(code, captured.out, captured.err)

    return call


@pytest.fixture
def machine(tmp_path: Path, command: Callable[..., Ran]) -> Machine:
    build(tmp_path / "machine", tmp_path / "repo")
    return Machine(
        root=tmp_path / "machine", repo=tmp_path / "repo", home=tmp_path / "home-of-the-caller", command=command
    )


@pytest.fixture
def census() -> Callable[[Path], dict[str, tuple[object, ...]]]:
    """Everything below a folder that a write would change."""

    def take(top: Path) -> dict[str, tuple[object, ...]]:
        found: dict[str, tuple[object, ...]] = {}
        for path in sorted(top.rglob("*")):
            state = path.lstat()
            content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
            link = str(path.readlink()) if path.is_symlink() else ""
            found[str(path.relative_to(top))] = (
                state.st_ino,
                state.st_mode,
                state.st_uid,
                state.st_mtime_ns,
                content,
                link,
            )
        return found

    return take


@pytest.fixture
def words() -> Callable[[str], str]:
    """Text with all blanks run together, so that wrapping makes no difference."""
    return lambda text: re.sub(r"\s+", " ", text)
