"""Which files a glob means."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from reconciler.documents.globs import matching, split

FILES = (
    "a.yaml",
    "team/a.yaml",
    "team/b.yaml",
    "team/.hidden.yaml",
    "team/deep/c.yaml",
    "other/a.yaml",
    ".git/x.yaml",
    ".dot/d.yaml",
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def found(tree: Path, pattern: str) -> list[str]:
    start, parts = split(pattern)
    return sorted(str((path).relative_to(tree)) for path in matching((tree / start).resolve(), parts))


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("*.yaml", ["a.yaml"]),
        ("team/*.yaml", ["team/a.yaml", "team/b.yaml"]),
        ("./team//[ab].yaml", ["team/a.yaml", "team/b.yaml"]),
        ("*/a.yaml", ["other/a.yaml", "team/a.yaml"]),
        ("team/.*.yaml", ["team/.hidden.yaml"]),
        ("**/a.yaml", ["a.yaml", "other/a.yaml", "team/a.yaml"]),
        ("**/c.yaml", ["team/deep/c.yaml"]),
        ("team/**", ["team/a.yaml", "team/b.yaml", "team/deep/c.yaml"]),
        ("team/**/**/*.yaml", ["team/a.yaml", "team/b.yaml", "team/deep/c.yaml"]),
        ("team/?.yaml", ["team/a.yaml", "team/b.yaml"]),
        ("nothing/*.yaml", []),
        ("team/*", ["team/a.yaml", "team/b.yaml"]),
        ("*/../a.yaml", []),
    ],
)
def test_a_glob_names_files_as_a_shell_does(tree: Path, pattern: str, names: list[str]) -> None:
    assert found(tree, pattern) == names


def test_a_wildcard_goes_through_no_link_and_takes_links_to_files(tree: Path) -> None:
    (tree / "linked").symlink_to(tree / "team")
    (tree / "one.yaml").symlink_to("a.yaml")
    assert found(tree, "*/b.yaml") == ["team/b.yaml"]
    assert found(tree, "*.yaml") == ["a.yaml", "one.yaml"]
    assert "linked" not in found(tree, "*")


def test_links_to_their_own_folder_do_not_multiply(tree: Path) -> None:
    for name in ("x", "y"):
        (tree / "team" / name).symlink_to(".")
    started = time.process_time()
    assert found(tree, "/".join(["**"] * 30) + "/b.yaml") == ["team/b.yaml"]
    assert found(tree, "/".join(["*"] * 30) + "/b.yaml") == []
    assert time.process_time() - started < 1


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user: needs root")
def test_a_folder_that_cannot_be_read_is_passed_over(tree: Path, someone_else) -> None:
    (tree / "other").chmod(0o700)
    with someone_else():
        assert found(tree, "*/a.yaml") == ["team/a.yaml"]
