"""Globs over the files of a repo: `team/*.yaml`, `**/dev.yaml`.

Python's own follow symbolic links, and with two that lead to their own folder they never end. Here a wildcard goes
through no link, not into .git, and matches no name that begins with a dot unless it begins so itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

_ANY_DEPTH: Final = "**"


def is_glob(pattern: str) -> bool:
    return any(sign in pattern for sign in "*?[")


def split(pattern: str) -> tuple[str, tuple[str, ...]]:
    """The folder that the pattern begins with, and its other parts, from the first wildcard on."""
    parts = pattern.split("/")
    first = next(number for number, part in enumerate(parts) if is_glob(part))
    start = "/".join(parts[:first]) or ("/" if first else ".")
    return start, tuple(part for part in parts[first:] if part not in ("", "."))


def matching(folder: Path, parts: Sequence[str]) -> Iterator[Path]:
    """Every file below the folder whose path fits the parts."""
    waiting = [(folder, frozenset({0}))]
    while waiting:
        here, reached = waiting.pop()
        for name, is_folder in _entries(here):
            after = frozenset(_after(name, reached, parts))
            if is_folder and after:
                waiting.append((here / name, after))
            elif not is_folder and len(parts) in after:
                yield here / name


def _entries(folder: Path) -> Iterator[tuple[str, bool]]:
    """The names in a folder that may be read, each with whether it is a folder itself; no links to folders."""
    try:
        with os.scandir(folder) as found:
            for entry in found:
                if entry.name != ".git" and not (entry.is_symlink() and entry.is_dir()):
                    yield entry.name, entry.is_dir()
    except OSError:
        return


def _after(name: str, reached: frozenset[int], parts: Sequence[str]) -> Iterator[int]:
    """How many parts may be used up once `name` is taken, when so many were before it."""
    for number in reached:
        while number < len(parts) and parts[number] == _ANY_DEPTH:
            if not name.startswith("."):
                yield number
            number += 1
            if number == len(parts) and not name.startswith("."):
                yield number
        if number < len(parts) and _fits(name, parts[number]):
            yield number + 1


def _fits(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern) and (pattern.startswith(".") or not name.startswith("."))
