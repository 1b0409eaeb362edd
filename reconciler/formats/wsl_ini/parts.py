"""What a file of the dialect consists of, as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

BYTE_ORDER_MARK = "\ufeff"


class Dialect(Enum):
    """The two files; the value is the name users know them by."""

    WSL_CONF = "/etc/wsl.conf"
    WSLCONFIG = ".wslconfig"

    @property
    def other(self) -> Dialect:
        return Dialect.WSLCONFIG if self is Dialect.WSL_CONF else Dialect.WSL_CONF


class WarningKind(Enum):
    """What WSL complains of, in its own terms."""

    EXPECTED = "Expected"
    INVALID_KEY = "InvalidKey"
    INVALID_SECTION = "InvalidSection"
    INVALID_ESCAPE = "InvalidEscape"
    UNKNOWN_KEY = "UnknownKey"
    KEY_DUPLICATED = "KeyDuplicated"
    INVALID_BOOLEAN = "InvalidBoolean"
    INVALID_INTEGER = "InvalidInteger"
    INVALID_NUMBER_STRING = "InvalidNumberString"
    INVALID_ENUM = "InvalidEnum"
    INVALID_IP = "InvalidIp"
    INVALID_MAC_ADDRESS = "InvalidMacAddress"


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """A well-formed `[section]` line; `start:end` is the whole line with its line end."""

    section: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One `key = value` that was read, known to WSL or not.

    `value` is what WSL takes: without quotes and escapes, cut at a NUL. `line` is the number WSL itself reports: where
    the value ends, and in a wsl.conf with CRLF most line ends count twice; `row` is the line an editor shows.
    `text[start:end]` is the whole line with its comment and line end, `text[value_start:value_end]` the value as it
    is written.
    """

    section: str
    key: str
    value: str
    line: int
    row: int
    start: int
    value_start: int
    value_end: int
    end: int

    @property
    def name(self) -> str:
        """`section.key` as this file spells it; the key alone above the first section."""
        return f"{self.section}.{self.key}" if self.section else self.key

    def source(self, text: str) -> str:
        """The line as it stands in `text`, the text that was parsed, without its line end."""
        return text[self.start : self.end].rstrip("\r\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Malformed:
    """A line that is no comment, header or setting. `found`, up to two characters, stands at `at`, where `expected`
    (empty: nobody can say what was meant) should be. `start:end` is the line, from the line where a value began."""

    kind: WarningKind
    expected: str
    found: str
    line: int
    row: int
    start: int
    at: int
    end: int

    @property
    def is_byte_order_mark(self) -> bool:
        return self.kind is WarningKind.INVALID_KEY and self.found.startswith(BYTE_ORDER_MARK)


Statement = Header | Setting | Malformed
