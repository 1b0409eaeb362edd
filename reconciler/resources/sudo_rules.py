"""The file in /etc/sudoers.d with what one user may do, as facts tell it, and how it is written. For the kind `users`."""

from __future__ import annotations

from typing import Final

from reconciler.formats import sudoers
from reconciler.model.claims import Need, Program
from reconciler.model.facts import NEEDS_ROOT, Fact, FactSheet, FileState, FileText, PathType, ProgramPath
from reconciler.model.resource import Blocked, Part, Unknown
from reconciler.model.tasks import Base, Remove, WriteFile
from reconciler.resources.base import in_the_way, octal, parent_facts, parent_needs

_SUDO: Final = "sudo"
_CHECK: Final = ("visudo", "-cf")


def facts(user: str) -> frozenset[Fact]:
    path = sudoers.path(user)
    return frozenset({FileText(path), ProgramPath(_SUDO), *parent_facts(path)})


def obstacle(user: str, sheet: FactSheet) -> Unknown | Blocked | None:
    """Why nobody can say what stands there, or write it."""
    file = _file(user, sheet)
    if file.state.type is PathType.UNKNOWN or file.unreadable:
        return Unknown(file.unreadable or NEEDS_ROOT)
    return None if file.state.type in (PathType.FILE, PathType.MISSING) else in_the_way(file.state, "a file")


def seen(user: str, sheet: FactSheet) -> str | None:
    """The rule as a document would say it, None where there is no file; what sudo does not heed no document can say."""
    file = _file(user, sheet)
    if file.data is None:
        return None
    state = file.state
    if not sudoers.is_heeded(state.mode, state.owner):
        return f"(not heeded: mode {octal(state.mode)}, owner {state.owner})"
    return sudoers.rule(file.data.decode("utf-8", "surrogateescape"), user)


def part(user: str, rule: str | None, sheet: FactSheet) -> Part:
    """The file with that rule; None: gone. Where sudo is still to come, so is its folder."""
    file = _file(user, sheet)
    path, base = file.state.path, Base.of_file(file)
    if rule is None:
        return Part(thing=path, before=file.data, tasks=(Remove(path=path, base=base),))
    content = sudoers.text(user, rule).encode("utf-8", "surrogateescape")
    task = WriteFile(
        path=path, content=content, base=base, mode=sudoers.MODE, owner="root", group="root", validate=_CHECK
    )
    folders = parent_needs(sudoers.path(user), sheet) if sheet.program(_SUDO) else ()
    return Part(thing=path, before=file.data, tasks=(task,), needs=(Need(Program(_SUDO)), *folders))


def _file(user: str, sheet: FactSheet) -> FileState:
    return sheet.file(sudoers.path(user))
