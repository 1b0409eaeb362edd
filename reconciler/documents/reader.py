"""Reading files: those of the repo, never outside it; shipped ones; and the caller's own."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.documents import globs
from reconciler.model.errors import DocumentError, Problem
from reconciler.model.tree import Origin
from reconciler.model.values import RepoFile

MAIN_FILE = "reconcile.yaml"
LARGEST_FILE_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who runs the tool: under sudo the one who called sudo. `config` is that person's own folder for reconcile."""

    name: str
    uid: int
    gid: int
    home: str
    config: Path

    def owns(self, path: Path) -> bool:
        """Whether the caller, or root, owns `path`: what others own may have been put there to be read by mistake."""
        return path.stat().st_uid in (self.uid, os.geteuid(), 0)

    @contextmanager
    def acting(self) -> Iterator[None]:
        """Reads and writes inside are done with the caller's rights, also under sudo."""
        if os.geteuid() == self.uid:
            yield
            return
        was_group, was_user, was_groups = os.getegid(), os.geteuid(), os.getgroups()
        os.setgroups([self.gid])
        os.setegid(self.gid)
        os.seteuid(self.uid)
        try:
            yield
        finally:
            os.seteuid(was_user)
            os.setegid(was_group)
            os.setgroups(was_groups)


@dataclass(frozen=True, slots=True, kw_only=True)
class RepoReader:
    """Reads regular files below `top`, links resolved, each once in a run. What was read stays in `texts`, by shown name."""

    top: Path
    texts: dict[str, bytes] = field(default_factory=dict)
    _decoded: dict[str, str] = field(default_factory=dict)

    def beside(self, origin: Origin, name: str) -> RepoFile:
        """The file of the repo that the document at `origin` names, relative to its own folder."""
        folder = (self.top / origin.file).parent
        path = self.resolved(name, folder if folder.is_dir() else self.top, origin)
        return RepoFile(path=self.shown(path), data=self.read(path, self.shown(path), name, origin))

    def text(self, file: RepoFile, origin: Origin) -> str:
        """A file's text, as a template's must be; `origin` is where it is named."""
        try:
            if file.path not in self._decoded:
                self._decoded[file.path] = file.data.decode()
            return self._decoded[file.path]
        except UnicodeDecodeError:
            raise DocumentError([Problem(f"{file.path} is not UTF-8 text, as a template must be", origin)]) from None

    def shown(self, path: Path) -> str:
        return str(path.relative_to(self.top)) if path.is_relative_to(self.top) else str(path)

    def read(self, path: Path, shown: str, name: str, origin: Origin) -> bytes:
        """What `resolved` or `matching` found; DocumentError says why it may not be read."""
        if shown not in self.texts:
            self.texts[shown] = read_regular(path, name, origin)
        return self.texts[shown]

    def matching(self, pattern: str, relative_to: Path, origin: Origin) -> list[Path]:
        """The files that a path or a glob names, those of a glob sorted by bytes; links resolved."""
        if not globs.is_glob(pattern):
            return [self.resolved(pattern, relative_to, origin)]
        start, parts = globs.split(pattern)
        folder = self.resolved(start, relative_to, origin)
        found = sorted(globs.matching(folder, parts), key=os.fsencode)
        if not found:
            raise DocumentError([Problem(f"{pattern} matches no file", origin)])
        return [self.resolved(str(path), folder, origin) for path in found]

    def resolved(self, name: str, relative_to: Path, origin: Origin) -> Path:
        """The path that is meant, links resolved; DocumentError where it leads out of the repo."""
        try:
            path = (relative_to / name).resolve()
        except (OSError, ValueError, RuntimeError):
            # A link that leads to itself, a NUL character, half of a character.
            raise DocumentError([Problem(f"{name} leads nowhere", origin, fix="name a file of the repo")]) from None
        if not path.is_relative_to(self.top):
            fix = f"only files below {self.top} are read"
            raise DocumentError([Problem(f"{name} leads out of the repo, to {path}", origin, fix=fix)])
        return path


def read_regular(path: Path, name: str, origin: Origin | None) -> bytes:
    """The bytes of a regular file; anything else is refused before it is opened."""
    try:
        state = path.stat()
        if not stat.S_ISREG(state.st_mode):
            raise DocumentError([Problem(f"{name} is not a regular file", origin)])
        if state.st_size > LARGEST_FILE_BYTES:
            raise DocumentError(
                [Problem(f"{name} has {state.st_size:,} bytes; at most {LARGEST_FILE_BYTES:,} are read", origin)]
            )
        return path.read_bytes()
    except FileNotFoundError:
        raise DocumentError([Problem(f"there is no file {name}", origin)]) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise DocumentError([Problem(f"{name} cannot be read: {reason}", origin)]) from None


def find_main_file(start: Path) -> Path | None:
    """`reconcile.yaml` here or in a parent up to the top of the git checkout; without git only here."""
    top = git_top(start)
    for folder in [start, *start.parents] if top else [start]:
        if os.path.lexists(folder / MAIN_FILE):
            return folder / MAIN_FILE
        if folder == top:
            return None
    return None


def git_top(start: Path) -> Path | None:
    return next((folder for folder in [start, *start.parents] if os.path.lexists(folder / ".git")), None)


def shipped(folder: str) -> Path:
    """A folder that comes with the tool: beside the package in a checkout, inside it when installed."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "shipped" / folder
    return installed if installed.is_dir() else package.parent / folder
