"""What may be in an archive. Whoever packed it decides what is in its own directory, and nothing elsewhere."""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from reconciler.model.tasks import MARKER

MOST_MEMBERS: Final = 500_000
MOST_BYTES: Final = 20_000_000_000


class ArchiveRefusedError(Exception):
    """An archive that is not unpacked, and why."""


class Kind(Enum):
    FILE = auto()
    DIRECTORY = auto()
    LINK = auto()
    HARD_LINK = auto()
    OTHER = auto()


class Members:
    """Looks at the members of an archive in their order. Names are paths, of which `strip` components are dropped."""

    def __init__(self, strip: int, *, most: int = MOST_MEMBERS) -> None:
        self._strip, self._most = strip, most
        self._count = self._size = 0
        self._left = 0
        self._files: set[int] = set()
        self._names: dict[int, bool] = {}
        """Hashes of names without case, and whether one is a link: half a million names would take much memory."""
        self._links: set[str] = set()

    def add(self, name: str, kind: Kind, *, size: int = 0, link: str = "", mode: int = 0) -> None:
        """ArchiveRefusedError: it may not be there."""
        self._count += 1
        self._size += size
        if self._count > self._most:
            raise ArchiveRefusedError(f"it holds more than {self._most:,} members: {name} is the next")
        if size < 0 or self._size > MOST_BYTES:
            raise ArchiveRefusedError(f"it holds more than {MOST_BYTES // 10**9} GB: {name} is too much")
        path = self._path(name, name)
        if kind is Kind.OTHER:
            raise ArchiveRefusedError(f"{name} is no file, directory or link")
        if kind is Kind.FILE and mode & 0o6000:
            raise ArchiveRefusedError(f"{name} is setuid or setgid")
        if path:
            self._left += 1
            self._check_place(name, path, kind)
            if kind is Kind.LINK:
                _check_link(name, path, link)
            elif kind is Kind.HARD_LINK:
                self._check_hard_link(name, link)
            else:
                self._files.add(hash("/".join(path)))

    def end(self) -> None:
        if not self._left:
            below = f" below {self._strip} leading components" if self._strip else ""
            raise ArchiveRefusedError(f"it holds nothing{below}")

    def _path(self, name: str, member: str) -> list[str]:
        """The components that are left of a name, as tar counts them: the dot of `./a` is one."""
        if name.startswith("/"):
            raise ArchiveRefusedError(f"{member} has an absolute name")
        parts = [part for part in name.split("/") if part]
        if ".." in parts:
            raise ArchiveRefusedError(f"{member} has a name with ..")
        return [part for part in parts[self._strip :] if part != "."]

    def _check_place(self, name: str, path: list[str], kind: Kind) -> None:
        folded = [part.casefold() for part in path]
        if path[0] == MARKER:
            raise ArchiveRefusedError(f"{name} is the name of reconcile's own marker")
        if self._links and any("/".join(folded[:length]) in self._links for length in range(1, len(folded))):
            raise ArchiveRefusedError(f"{name} lies below a link")
        key, is_link = hash("/".join(folded)), kind is Kind.LINK
        if (is_link and key in self._names) or self._names.get(key, False):
            raise ArchiveRefusedError(f"{name} is there twice, once as a link")
        self._names[key] = is_link
        if is_link:
            self._links.add("/".join(folded))

    def _check_hard_link(self, name: str, link: str) -> None:
        target = self._path(link, name)
        if not target or hash("/".join(target)) not in self._files:
            raise ArchiveRefusedError(f"{name} is a hard link to {link}, which is not in the archive before it")
        self._files.add(hash("/".join(self._path(name, name))))


def _check_link(name: str, path: list[str], link: str) -> None:
    """A link goes up first, if at all, not too far, and then down: so no chain of such links leads out."""
    parts = link.split("/")
    up = next((number for number, part in enumerate(parts) if part != ".."), len(parts))
    rest = parts[up:]
    if not link or up >= len(path) or ".." in rest or (len(rest) > 1 and not rest[0]):
        raise ArchiveRefusedError(f"{name} is a link that leads out of the directory, to {link}")
