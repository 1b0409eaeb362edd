"""Blocks of ours in text files of others, between two lines that name them.

    # >>> reconcile NAME >>>
    …
    # <<< reconcile NAME <<<

Everything outside a block stays as it is, byte for byte, but for one thing: text without a line end at its end gets one
before a block is put behind it. A block has the line ends of the file's first line. Markers that do not pair are an
error, never guessed at: somebody's hand has been there.

Source of the form: conda's and Ansible's managed blocks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

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


@dataclass(frozen=True, slots=True)
class _Block:
    """Its first and its last line, both markers, counted from 0."""

    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockCodec:
    """Members are blocks by name; their values end with a line end. `comment` begins a comment in the file's language."""

    comment: str = "#"
    position: Position = Position.END

    def members(self, text: str) -> Mapping[str, str]:
        """Raises BlockError."""
        lines = _lines(text)
        return {
            name: "".join(lines[block.first + 1 : block.last]).replace("\r\n", "\n")
            for name, block in self._blocks(lines).items()
        }

    def edit(self, text: str, changes: Mapping[str, str | None]) -> str:
        """Raises BlockError."""
        for name, body in changes.items():
            text = self._edited(text, name, body)
        return text

    def _edited(self, text: str, name: str, body: str | None) -> str:
        lines = _lines(text)
        block = self._blocks(lines).get(name)
        if body is None:
            return "".join([*lines[: block.first], *lines[block.last + 1 :]]) if block else text
        written = self._written(name, body, "\r\n" if lines and lines[0].removesuffix("\n").endswith("\r") else "\n")
        if block is not None and not self._is_too_low(lines, block):
            return "".join([*lines[: block.first], *written, *lines[block.last + 1 :]])
        if block is not None:
            lines = [*lines[: block.first], *lines[block.last + 1 :]]
        at = self._place(lines)
        if at == len(lines) and lines and not lines[-1].endswith("\n"):
            lines[-1] += "\r\n" if written[0].endswith("\r\n") and not lines[-1].endswith("\r") else "\n"
        return "".join([*lines[:at], *written, *lines[at:]])

    def _written(self, name: str, body: str, end: str) -> list[str]:
        inner = body.replace("\r\n", "\n").removesuffix("\n").split("\n") if body else []
        return [f"{line}{end}" for line in (self._opening(name), *inner, self._closing(name))]

    def _opening(self, name: str) -> str:
        return f"{self.comment} >>> reconcile {name} >>>"

    def _closing(self, name: str) -> str:
        return f"{self.comment} <<< reconcile {name} <<<"

    def _blocks(self, lines: list[str]) -> dict[str, _Block]:
        marker = re.compile(rf"{re.escape(self.comment)} (>>>|<<<) reconcile (.+) (>>>|<<<)\s*")
        found: dict[str, _Block] = {}
        opened: tuple[int, str] | None = None
        for number, line in enumerate(lines):
            parts = marker.fullmatch(line)
            if parts is None or parts[1] != parts[3]:
                continue
            name = parts[2]
            if parts[1] == ">>>":
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

    def _is_too_low(self, lines: list[str], block: _Block) -> bool:
        """Whether the block stands where a shell that is not interactive does not come."""
        guard = _guard(lines[: block.first]) if self.position is Position.ABOVE_GUARD else None
        return guard is not None

    def _place(self, lines: list[str]) -> int:
        """The line before which a new block goes."""
        if self.position is Position.END:
            return len(lines)
        guard = _guard(lines) if self.position is Position.ABOVE_GUARD else None
        if guard is not None:
            return guard
        return 1 if lines and lines[0].startswith("#!") and lines[0].endswith("\n") else 0


def _lines(text: str) -> list[str]:
    """With their ends; only a line feed ends one."""
    return re.findall(r"[^\n]*\n|[^\n]+\Z", text)


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
    return line.startswith("#") and not line.startswith("#!") and " reconcile " not in line
