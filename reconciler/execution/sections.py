"""What the gather script is asked: a line of items apart by tabs for each identity. See `agents/gather.sh`."""

from __future__ import annotations

import posixpath
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from reconciler.model import facts
from reconciler.model.effects import FILE_NAME
from reconciler.model.errors import ReconcileError
from reconciler.model.facts import Fact, PathFact, Session

_DISTRO_EFFECTS: Final = f"/var/lib/reconcile/{FILE_NAME}"
_USER_EFFECTS: Final = f"~/.local/state/reconcile/{FILE_NAME}"

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_USER: Final = re.compile(r"[^\s:/-][^:/]*")
_PROGRAM: Final = re.compile(r"[^-].*")
_PROGRAM_NAME: Final = re.compile(r"[^-/][^/]*")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FLAGS: Final[Mapping[type[PathFact], str]] = {
    facts.PathInfo: "i",
    facts.FileText: "c",
    facts.FileDigest: "d",
    facts.GoBinary: "g",
    facts.Listing: "l",
}
_MOST_BYTES: Final = 1024 * 1024
"""All paths of a section are arguments of one process: Linux takes 2 MiB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """The questions to one identity: `user` None is whoever runs the script.

    `accounts` are looked up by the first section for all of them. `home` is where `~/` is when the account database is
    not to say. `mark` stands in arguments of programs, which others can see; `nonce` never does.
    """

    user: str | None
    facts: frozenset[Fact]
    accounts: frozenset[str] = frozenset()
    home: str | None = None
    root: str | None = None
    nonce: str = field(default_factory=lambda: secrets.token_hex(16))
    mark: str = field(default_factory=lambda: secrets.token_hex(8))

    @property
    def commands(self) -> tuple[tuple[str, ...], ...]:
        """In the order in which they are asked and answered."""
        if self.root is not None:
            return ()
        return tuple(sorted(fact.argv for fact in self.facts if isinstance(fact, facts.CommandText)))

    @property
    def login_names(self) -> tuple[str, ...]:
        if self.root is not None:
            return ()
        asked = (fact for fact in self.facts if isinstance(fact, facts.Environment))
        return tuple(sorted(fact.name for fact in asked if fact.session is Session.LOGIN))

    @property
    def program_names(self) -> tuple[str, ...]:
        return tuple(sorted(fact.name for fact in self.facts if isinstance(fact, facts.ProgramPath)))

    def encode(self) -> bytes:
        """Raises ReconcileError where a question cannot be asked."""
        items = [*self._head(), *self._path_items(), *self._program_items()]
        for item in items:
            _check(item)
        line = "\t".join(items).encode("utf-8", "surrogateescape") + b"\n"
        if len(line) > _MOST_BYTES:
            raise ReconcileError("there are too many paths to ask one machine in one go", fix="declare fewer files")
        return line

    def _head(self) -> Iterator[str]:
        yield f"nonce {self.nonce}"
        if self.user is not None:
            yield f"user {_checked(_USER, self.user, 'a user name')}"
        yield f"mark {self.mark}"
        if self.root is not None:
            yield "stay" if self.user is not None else f"root {self.root}"
        if self.home is not None:
            yield f"home {self.home}"
        if self.user is None:
            yield "host"

    def _path_items(self) -> Iterator[str]:
        if facts.Libc() in self.facts:
            yield "libc"
        if self.root is None:
            yield f"effects {_USER_EFFECTS}"
            if self.user is None:
                yield f"effects {_DISTRO_EFFECTS}"
        paths = _PathItems()
        for fact in self.facts:
            if isinstance(fact, PathFact):
                paths.ask(fact.path, _FLAGS[type(fact)])
        if self.root is not None and self.user is None:
            paths.ask("/etc/passwd", "ca")
            paths.ask("/etc/group", "c")
        yield from paths.items()

    def _program_items(self) -> Iterator[str]:
        for name in sorted(self.accounts):
            yield f"account {_checked(_USER, name, 'a user name')}"
        for name in self.program_names:
            yield f"program {_checked(_PROGRAM_NAME, name, 'the name of a program')}"
        for name in self.login_names:
            yield f"login {_checked(_VARIABLE, name, 'the name of a variable')}"
        for argv in self.commands:
            _checked(_PROGRAM, next(iter(argv), ""), "a program")
            yield from (f"word {word}" for word in argv)
            yield "run"


class _PathItems:
    """Paths and all their parents, parents first."""

    def __init__(self) -> None:
        self._flags: dict[str, set[str]] = {}

    def ask(self, path: str, flags: str) -> None:
        self._flags.setdefault(machine_path(path), set()).update(flags)

    def items(self) -> Iterator[str]:
        numbers: dict[str, str] = {".": "0", "~": "~"}
        count = 0
        everything = {prefix for asked in self._flags for prefix in _prefixes(asked)}
        for path in sorted(everything, key=lambda path: path.split("/")):
            if path in numbers and path not in self._flags:
                continue
            count += 1
            parent = numbers[posixpath.dirname(path) or path]
            yield f"{parent} {''.join(sorted(self._flags.get(path, '.')))} {path}"
            numbers.setdefault(path, str(count))


def machine_path(path: str) -> str:
    """A fact's path as the script takes it: `./etc/hosts` or `~/.profile`, without `..`."""
    folded = posixpath.normpath(path)
    if folded == "~" or folded.startswith("~/"):
        return folded
    if path.startswith("/"):
        return "." if folded.strip("/") == "" else "./" + folded.lstrip("/")
    raise ReconcileError(f"{path} is not a path from the root or from ~/", fix="begin it with / or ~/")


def _prefixes(path: str) -> Iterable[str]:
    parts = path.split("/")
    return ("/".join(parts[:count]) for count in range(1, len(parts) + 1))


def _checked(pattern: re.Pattern[str], text: str, what: str) -> str:
    if not pattern.fullmatch(text):
        raise ReconcileError(f"{text!r} is not {what}")
    return text


def _check(item: str) -> None:
    if _CONTROL.search(item):
        raise ReconcileError(f"{item!r} holds a control character; no machine is asked that")
