"""Questions about a machine as values, and the sheet that answers them.

A fact names what is asked; the gather script answers all facts of a machine in one run. Paths may begin with `~/`, the
home of the user whose sheet it is. Nothing here asks: see `execution/gather.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

NEEDS_ROOT = "needs root"
"""Why something was not read, where root could have read it."""


class PathType(StrEnum):
    MISSING = "missing"
    FILE = "file"
    DIRECTORY = "directory"
    LINK = "link"
    FIFO = "fifo"
    SOCKET = "socket"
    DEVICE = "device"
    UNKNOWN = "unknown"
    """Could not be looked at: a parent may not be searched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PathState:
    """What stands at a path, links not followed.

    `path` is absolute, with anchors resolved and all *parents'* links followed. `mode` has the permission bits only.
    `owner` and `group` are names where the machine knows one, else numbers as text. `link` is the text of a symbolic
    link and `behind` the state at the end of the chain (type MISSING: dangling; None: not a link). `distrusted` names
    a directory above that somebody else can write, so that root must keep out.
    """

    path: str
    type: PathType
    mode: int | None = None
    owner: str | None = None
    group: str | None = None
    size: int | None = None
    link: str | None = None
    behind: PathState | None = None
    distrusted: str | None = None

    @property
    def followed(self) -> PathState:
        return self.behind or self


@dataclass(frozen=True, slots=True)
class PathInfo:
    """What stands at `path`: answered by a `PathState`."""

    path: str


@dataclass(frozen=True, slots=True)
class FileText:
    """The bytes of the regular file at `path`, links followed: answered by a `FileState`."""

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileState:
    """`data` is None where there is no regular file, or where `unreadable` says why it was not read."""

    state: PathState
    data: bytes | None = None
    unreadable: str | None = None

    @property
    def is_closed(self) -> bool:
        """Whether not everybody may read it: what it holds may be a secret, of whatever document or person."""
        return self.data is not None and not (self.state.followed.mode or 0) & 0o004


@dataclass(frozen=True, slots=True)
class FileDigest:
    """The SHA-256, in hexadecimal, of the regular file at `path`, links followed, however large it is: text, or None
    where there is no regular file, or `Unread`."""

    path: str


@dataclass(frozen=True, slots=True)
class GoBinary:
    """What the Go program at `path` was built from, read from its bytes: a `GoBuild`, or None where there is no file or no
    such program, or `Unread`."""

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GoBuild:
    """The main package, the module it is of, and the module's version: `golang.org/x/tools/gopls`, `v0.20.0`."""

    package: str
    module: str
    version: str


@dataclass(frozen=True, slots=True)
class ProgramPath:
    """Where the machine's standard PATH has a program of that name: text, or None where it has none."""

    name: str


@dataclass(frozen=True, slots=True)
class Listing:
    """The names in the directory `path`, sorted: a tuple of text, or None where there is no such directory, or `Unread`."""

    path: str


@dataclass(frozen=True, slots=True)
class CommandText:
    """What a program prints on stdout: a `CommandResult`, or None where the program does not exist. Only harmless, quick ones."""

    argv: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CommandResult:
    code: int
    text: str


class Session(StrEnum):
    """Whose environment is meant: this very session's, or a fresh login shell's."""

    PROCESS = "process"
    LOGIN = "login"


@dataclass(frozen=True, slots=True)
class Environment:
    """One variable: its text, or None where it is not set."""

    session: Session
    name: str


@dataclass(frozen=True, slots=True)
class Account:
    """A user by name: an `AccountState`, or None where there is none."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountState:
    uid: int
    gid: int
    home: str
    shell: str


@dataclass(frozen=True, slots=True)
class Libc:
    """The C library of the root file system, read from its files: `glibc 2.36`, `musl`, or None where neither is found."""


PathFact = PathInfo | FileText | FileDigest | GoBinary | Listing
Fact = PathFact | ProgramPath | CommandText | Environment | Account | Libc
Answer = PathState | FileState | GoBuild | tuple[str, ...] | CommandResult | str | AccountState | None


@dataclass(frozen=True, slots=True)
class Unread:
    """A fact that could not be answered, and why."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningProcess:
    """A terminal session or an editor's server of this sheet's user; `started` in clock ticks since boot."""

    kind: str
    started: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """What every gather run tells of the machine and of who asked.

    `boot` is the kernel's boot_id and `init_started` PID 1's start in ticks: together they name one life of a distro.
    `at_rest` is a root file system that does not run (`--root`).
    """

    user: str
    uid: int
    home: str
    kernel: str = ""
    architecture: str = ""
    hostname: str = ""
    boot: str = ""
    init_started: int = 0
    wsl: bool = False
    systemd: bool = False
    at_rest: bool = False
    processes: tuple[RunningProcess, ...] = ()

    @property
    def elevated(self) -> bool:
        return self.uid == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FactSheet:
    """The answers of one target. Asking for a fact that was not gathered is a defect of the asker: KeyError."""

    host: Host
    answers: Mapping[Fact, Answer | Unread] = field(default_factory=dict)

    def path(self, path: str) -> PathState:
        answer = self.answers[PathInfo(path)]
        assert isinstance(answer, PathState)
        return answer

    def file(self, path: str) -> FileState:
        answer = self.answers[FileText(path)]
        assert isinstance(answer, FileState)
        return answer

    def digest(self, path: str) -> str | Unread | None:
        answer = self.answers[FileDigest(path)]
        assert answer is None or isinstance(answer, str | Unread)
        return answer

    def go_build(self, path: str) -> GoBuild | Unread | None:
        answer = self.answers[GoBinary(path)]
        assert answer is None or isinstance(answer, GoBuild | Unread)
        return answer

    def program(self, name: str) -> str | None:
        answer = self.answers[ProgramPath(name)]
        assert answer is None or isinstance(answer, str)
        return answer

    def listing(self, path: str) -> tuple[str, ...] | Unread | None:
        answer = self.answers[Listing(path)]
        assert answer is None or isinstance(answer, tuple | Unread)
        return answer

    def command(self, *argv: str) -> CommandResult | Unread | None:
        answer = self.answers[CommandText(argv)]
        assert answer is None or isinstance(answer, CommandResult | Unread)
        return answer

    def variable(self, session: Session, name: str) -> str | Unread | None:
        answer = self.answers[Environment(session, name)]
        assert answer is None or isinstance(answer, str | Unread)
        return answer

    def account(self, name: str) -> AccountState | Unread | None:
        answer = self.answers[Account(name)]
        assert answer is None or isinstance(answer, AccountState | Unread)
        return answer

    def libc(self) -> str | None:
        answer = self.answers[Libc()]
        assert answer is None or isinstance(answer, str)
        return answer
