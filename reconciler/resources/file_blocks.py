"""A block of lines in a file of others, as an item of `files`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from reconciler.formats.managed_block import BlockCodec, BlockError, Position
from reconciler.model.facts import FactSheet
from reconciler.model.resource import Blocked, Fields, FileEdit, Observed, Part, Seen, Unknown
from reconciler.resources.base import parent_needs
from reconciler.resources.validators import validator

COMMENTS: Final = ("#", "//", "--", ";", '"')
"""What begins a comment in one language or another."""
_NAME: Final = "files"
"""In the markers: other kinds have blocks of their own in the same file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """`text` None: there shall be none."""

    text: str | None
    position: Position
    comment: str
    follow: bool

    @property
    def codec(self) -> BlockCodec:
        return BlockCodec(comment=self.comment, position=self.position)

    @property
    def fields(self) -> Fields:
        return {"block": self._normal}

    @property
    def _normal(self) -> str | None:
        """With plain line ends, one at its end: as it is read back, whichever line ends the file has."""
        if self.text is None:
            return None
        return self.text.replace("\r\n", "\n").rstrip("\n") + "\n"

    def seen(self, path: str, sheet: FactSheet) -> Observed | None:
        """None where the block is to be put into a file that does not exist."""
        file = sheet.file(path)
        if file.unreadable:
            return Unknown(file.unreadable)
        text = (file.data or b"").decode("utf-8", "surrogateescape")
        try:
            found = self.codec.members(text).get(_NAME)
            stays = found is None or self.codec.edit(text, {_NAME: found}) == text
        except BlockError as error:
            fix = "put the marker lines right, or take them out"
            return Blocked(f"{path}:{error.line}: {error.what}", fix=fix)
        if found is None:
            return None if self.text is not None else Seen(fields={"block": None})
        note = () if stays else ("it stands below the line that ends the file for shells that are not interactive",)
        return Seen(fields={"block": found if stays else ""}, notes=note)

    def part(self, path: str, sheet: FactSheet) -> Part:
        edit = FileEdit(
            path=path, codec=self.codec, member=_NAME, value=self._normal, follow=self.follow, validate=validator(path)
        )
        return Part(thing=path, edits=(edit,), needs=() if self.text is None else parent_needs(path, sheet))
