"""What people write of a file under `files`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Final

from reconciler.formats.managed_block import Position
from reconciler.model.schema import Boolean, Integer, RepoPath, RepoUse, Text, described
from reconciler.model.secrets import Secret
from reconciler.model.tasks import Download
from reconciler.model.values import Absent, RepoFile
from reconciler.resources.base import ACCOUNT_NAME, MODE
from reconciler.resources.file_blocks import COMMENTS, Block
from reconciler.resources.file_contents import Archive, Content, Downloaded, Literal

_URL: Final = Text(
    pattern=r"^(https?://|file:///)[!-~]+$", expected="an address that begins with https://, http:// or file:///"
)
_SHA256: Final = Text(pattern=r"^[0-9A-Fa-f]{64}$", expected="64 hexadecimal digits, as sha256sum prints them")


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    content: str | None = field(default=None, metadata=described("The text itself."))
    source: RepoFile | None = field(default=None, metadata=described("A file of the repo, copied."))
    template: Annotated[RepoFile | None, RepoPath(use=RepoUse.TEMPLATE)] = field(
        default=None, metadata=described("A file of the repo, rendered.")
    )
    url: Annotated[str | None, _URL] = field(
        default=None, metadata=described("Where it is fetched from: https, http, or a file of this machine.")
    )
    sha256: Annotated[str | None, _SHA256] = field(
        default=None, metadata=described("What the bytes from there must be.")
    )
    archive: Annotated[bool, Boolean()] = field(
        default=False, metadata=described("Unpack it: a directory with what it holds.")
    )
    strip: Annotated[int, Integer(minimum=0, maximum=20)] = field(
        default=0, metadata=described("How many leading components of the names in an archive are dropped.")
    )
    via: Annotated[str, Text(choices=("controller", "target"), expected="controller or target")] = field(
        default="controller",
        metadata=described("Who fetches it: this machine, which sends it along, or the other one."),
    )
    mode: Annotated[str | None, MODE] = field(
        default=None,
        metadata=described("Permissions as octal digits; new files get 0644, with a secret 0600, directories 0755."),
    )
    block: Annotated[str | Absent | None, Text(expected="the lines of the block")] = field(
        default=None, metadata=described("Some lines in a file that keeps everything else.", removable=True)
    )
    position: Annotated[str, Text(choices=tuple(Position), expected="end, start or above_guard")] = field(
        default=Position.END, metadata=described("Where a new block goes; above_guard is for a .bashrc.")
    )
    comment: Annotated[str, Text(choices=COMMENTS, expected=" or ".join(COMMENTS))] = field(
        default="#", metadata=described("What begins a comment in the file: the block's markers are comments.")
    )
    newline: Annotated[str, Text(choices=("lf", "crlf", "keep"), expected="lf, crlf or keep")] = field(
        default="lf", metadata=described("Line ends of text: lf, crlf, or as the repo has them.")
    )
    follow: Annotated[bool, Boolean()] = field(
        default=False, metadata=described("Write to the file at the end of a link.")
    )

    def as_block(self) -> Block | None:
        """Where only a block is declared, or that there shall be none."""
        if self.block is None:
            return None
        text = self.block if isinstance(self.block, str) else None
        return Block(text=text, position=Position(self.position), comment=self.comment, follow=self.follow)

    def holds(self) -> Content:
        if self.url is None or self.sha256 is None:
            return Literal(value=self.whole())
        download = Download(url=self.url, digest=self.sha256.lower(), by_target=self.via == "target")
        return Archive(download=download, strip=self.strip) if self.archive else Downloaded(download=download)

    def whole(self) -> bytes | Secret | None:
        """The content with its line ends; None where none is declared. A secret's line ends stay as they are."""
        given = self.content if self.content is not None else self.source or self.template
        if given is None or isinstance(given, Secret):
            return given
        data = given.encode("utf-8", "surrogateescape") if isinstance(given, str) else given.data
        return data if self.newline == "keep" or b"\0" in data else _with_line_ends(data, self.newline)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedFile(File):
    owner: Annotated[str | None, ACCOUNT_NAME] = field(
        default=None, metadata=described("The owner; new files are root's.")
    )
    group: Annotated[str | None, ACCOUNT_NAME] = field(default=None, metadata=described("The group."))


def _with_line_ends(data: bytes, newline: str) -> bytes:
    unix = data.replace(b"\r\n", b"\n")
    return unix if newline == "lf" else unix.replace(b"\n", b"\r\n")
