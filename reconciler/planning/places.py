"""Where a path that people write is on the machine: `~/` is a home, and the folders above may be links."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.model.facts import FactSheet, FileState, FileText, PathInfo, PathState


def full_path(path: str, home: str) -> str:
    """The path with its home in it, links not followed."""
    return home.rstrip("/") + path[1:] if path.startswith("~/") else path


def place(path: str, sheet: FactSheet) -> str:
    """The path with the links above it followed, as far as the facts know it."""
    state = _state(path, sheet)
    return state.path if state else full_path(path, sheet.host.home)


def end(path: str, sheet: FactSheet) -> str:
    """The same with a link at its end followed too."""
    state = _state(path, sheet)
    return state.followed.path if state else full_path(path, sheet.host.home)


def above(path: str) -> Iterator[str]:
    """The folders above an absolute path, the nearest first; nothing for what is no path."""
    while path.startswith("/") and path != "/":
        path = path.rsplit("/", 1)[0] or "/"
        yield path


def _state(path: str, sheet: FactSheet) -> PathState | None:
    answer = sheet.answers.get(PathInfo(path)) or sheet.answers.get(FileText(path))
    if isinstance(answer, FileState):
        return answer.state
    return answer if isinstance(answer, PathState) else None
