"""Blocks of ours in text files of others, between two lines that name them.

    # >>> reconcile NAME >>>
    …
    # <<< reconcile NAME <<<

Everything outside a block stays as it is, byte for byte, but for one thing: text without a line end at its end gets one
before a block is put behind it. A block that is written has CRLF where all lines of the file have it, else LF; sh breaks on
CRLF, in our lines as in its neighbours'. Markers may be indented. Those that do not pair are an error, never guessed at:
somebody's hand has been there.

Source of the form: conda's and Ansible's managed blocks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from reconciler.formats.lines import inserted, line_end, lines_of

_BYTE_ORDER_MARK: Final = "\ufeff"
_NAME: Final = re.compile(r"[^\s<>]+(?: [^\s<>]+)*")
_GUARD_WORDS: Final = re.compile(r"\$-|\$\{-\}|\$\{?PS1")
_RETURN: Final = re.compile(r"\b(return|exit)\b")
_GUARD_LINES: Final = 4
"""A guard that does not return in its first line does so within these."""


class Position(StrEnum):
    """Where a new block goes. ABOVE_GUARD: above the lines by which a .bashrc ends for shells that are not interactive;
    where there is none, as START. START is behind a first line that names the interpreter."""

    END = "end"
    START = "start"
    ABOVE_GUARD = "above_guard"


class BlockError(ValueError):
    """Markers that do not pair; `line` counts from 1, `what` is a sentence without a full stop."""

    def __init__(self, line: int, what: str) -> None:
        self.line = line
        self.what = what
        super().__init__(f"line {line}: {what}")


def normal_body(body: str) -> str:
    """A body in the form of `members`: each line ends in LF, the last too; carriage returns at line ends are not kept."""
    plain = re.sub(r"\r+(?=\n|\Z)", "", body)
    return plain if plain.endswith("\n") or not body else f"{plain}\n"


@dataclass(frozen=True, slots=True)
class _Block:
    """Its first and its last line, both markers, counted from 0."""

    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockCodec:
    """Members are blocks by name, in the form of `normal_body`. `comment` begins a comment in the file's language."""

    comment: str = "#"
    position: Position = Position.END

    def members(self, text: str) -> Mapping[str, str]:
        """Raises BlockError."""
        lines = lines_of(text.removeprefix(_BYTE_ORDER_MARK))
        return {name: _body(lines, block) for name, block in self._blocks(lines).items()}

    def edit(self, text: str, changes: Mapping[str, str | None]) -> str:
        """Raises BlockError; ValueError for a name or a body that would not be read back."""
        mark = text[:1] if text.startswith(_BYTE_ORDER_MARK) else ""
        text = text.removeprefix(mark)
        for name, body in changes.items():
            self._require_readable(name, body or "")
            text = self._edited(text, name, body)
        return mark + text

    def _require_readable(self, name: str, body: str) -> None:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} cannot name a block")
        for line in normal_body(body).split("\n"):
            if self._marker.fullmatch(line):
                raise ValueError(f"the block {name} would have a line that marks a block: {line}")

    def _edited(self, text: str, name: str, body: str | None) -> str:
        lines = lines_of(text)
        blocks = self._blocks(lines)
        block = blocks.get(name)
        if block is None:
            return text if body is None else self._with_new(text, self._written(name, body))
        without = [*lines[: block.first], *lines[block.last + 1 :]]
        if body is None:
            return "".join(without)
        if self._is_too_low(lines, blocks, block):
            return self._with_new("".join(without), self._written(name, body))
        if _body(lines, block) == normal_body(body):
            return text
        written = [line + line_end(text) for line in self._written(name, body)]
        return "".join([*lines[: block.first], *written, *lines[block.last + 1 :]])

    def _with_new(self, text: str, written: list[str]) -> str:
        lines = lines_of(text)
        return inserted(text, self._place(lines, self._blocks(lines)), written)

    def _written(self, name: str, body: str) -> list[str]:
        """The block's lines without their ends."""
        inner = normal_body(body).split("\n")[:-1]
        return [f"{self.comment} >>> reconcile {name} >>>", *inner, f"{self.comment} <<< reconcile {name} <<<"]

    @property
    def _marker(self) -> re.Pattern[str]:
        return re.compile(rf"[ \t]*{re.escape(self.comment)} (>>>|<<<) reconcile (.+) \1\s*")

    def _blocks(self, lines: list[str]) -> dict[str, _Block]:
        """In the order of the text."""
        found: dict[str, _Block] = {}
        opened: tuple[int, str] | None = None
        for number, line in enumerate(lines):
            marker = self._marker.fullmatch(line)
            if marker is None:
                continue
            name = marker[2]
            if marker[1] == ">>>":
                if opened is not None:
                    raise BlockError(number + 1, f"the block {name} begins inside the block {opened[1]}")
                if name in found:
                    raise BlockError(number + 1, f"there is a second block {name}")
                opened = (number, name)
            elif opened is None or opened[1] != name:
                raise BlockError(number + 1, f"the block {name} ends here, but does not begin above")
            else:
                found[name] = _Block(opened[0], number)
                opened = None
        if opened is not None:
            raise BlockError(opened[0] + 1, f"the block {opened[1]} begins here and does not end")
        return found

    def _is_too_low(self, lines: list[str], blocks: Mapping[str, _Block], block: _Block) -> bool:
        """Whether the block stands where a shell that is not interactive does not come."""
        guard = _guard(_outside(lines, blocks)) if self.position is Position.ABOVE_GUARD else None
        return guard is not None and guard < block.first

    def _place(self, lines: list[str], blocks: Mapping[str, _Block]) -> int:
        """The line before which a new block goes."""
        if self.position is Position.END:
            return len(lines)
        guard = _guard(_outside(lines, blocks)) if self.position is Position.ABOVE_GUARD else None
        if guard is not None:
            return guard
        at = 1 if lines and lines[0].startswith("#!") else 0
        for block in blocks.values():
            at = block.last + 1 if block.first == at else at
        return at


def _body(lines: list[str], block: _Block) -> str:
    return normal_body("".join(lines[block.first + 1 : block.last]))


def _outside(lines: list[str], blocks: Mapping[str, _Block]) -> list[str]:
    """The lines, with those of our blocks empty."""
    inside = {number for block in blocks.values() for number in range(block.first, block.last + 1)}
    return ["" if number in inside else line for number, line in enumerate(lines)]


def _guard(lines: list[str]) -> int | None:
    """The first line of what ends a .bashrc for shells that are not interactive, with the comment above it."""
    for number, line in enumerate(lines):
        code = line.strip()
        if code.startswith("#") or not _GUARD_WORDS.search(code):
            continue
        begins = re.match(r"(case|if)\b", code) is not None
        if _RETURN.search(code) or (begins and any(map(_RETURN.search, lines[number + 1 : number + _GUARD_LINES]))):
            while number > 0 and _is_comment(lines[number - 1]):
                number -= 1
            return number
    return None


def _is_comment(line: str) -> bool:
    return line.startswith("#") and not line.startswith("#!")
