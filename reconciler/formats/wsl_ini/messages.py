"""What WSL's warnings mean, in words for the person who wrote the file."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.formats.wsl_ini.catalogue import find_key, why_unknown
from reconciler.formats.wsl_ini.keys import Key, ValueType
from reconciler.formats.wsl_ini.parts import Dialect, Malformed, Setting, WarningKind
from reconciler.formats.wsl_ini.quoting import why_unwritable
from reconciler.formats.wsl_ini.values import interpret

_LONGEST_QUOTE = 60

_READS = {
    WarningKind.INVALID_BOOLEAN: "true, false, 1 or 0",
    WarningKind.INVALID_INTEGER: "integers: 10, 0x10 or 010 (octal)",
    WarningKind.INVALID_NUMBER_STRING: "digits and a unit in capitals, such as 8GB or 512MB",
    WarningKind.INVALID_IP: "IPv4 addresses such as 10.255.255.254",
    WarningKind.INVALID_MAC_ADDRESS: "MAC addresses such as 00:15:5D:01:02:03",
}
_AND_THEN = {
    WarningKind.INVALID_IP: "and turns DNS tunneling off",
    WarningKind.INVALID_MAC_ADDRESS: "and does not start with another",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Warning_:  # noqa: N801 - Warning is Python's
    """One complaint of WSL about the file. `row` is the line an editor shows; for the words see `text`."""

    kind: WarningKind
    dialect: Dialect
    cause: Setting | Malformed
    earlier_row: int | None = None

    @property
    def line(self) -> int:
        """The line as WSL counts."""
        return self.cause.line

    @property
    def row(self) -> int:
        return self.cause.row

    @property
    def text(self) -> str:
        """One sentence, without the place."""
        if isinstance(self.cause, Malformed):
            return f"{_why_malformed(self.cause)}; {_fate(self.dialect)}"
        setting = self.cause
        if self.kind is WarningKind.UNKNOWN_KEY:
            return why_unknown(_clipped(setting.section), _clipped(setting.key), self.dialect)
        if self.kind is WarningKind.KEY_DUPLICATED:
            return f"{setting.name} is already on line {self.earlier_row}; WSL keeps the first and ignores this one"
        key = find_key(setting.name, self.dialect)
        assert key is not None  # the other kinds are about known keys
        return f"{key.name} is {_why_refused(key, self.kind, setting.value)}"


def why_refused(name: str, value: str, dialect: Dialect) -> str | None:
    """Why WSL would not take this unescaped value for `section.key`; None when it would, wholly."""
    key = find_key(name, dialect)
    if key is None:
        return why_unknown(*_split(name), dialect)
    if reason := why_unwritable(value, dialect):
        return f"{key.name} {reason}"
    warnings = interpret(key, value).warnings
    return f"{key.name} is {_why_refused(key, warnings[0], value)}" if warnings else None


def _split(name: str) -> tuple[str, str]:
    section, dot, key = name.partition(".")
    return (section, key) if dot else ("", section)


def _why_refused(key: Key, kind: WarningKind, value: str) -> str:
    if kind is WarningKind.INVALID_ENUM:
        reads = ", ".join(key.choices)
    elif key.type is ValueType.PORTS:
        reads = key.type.value
    else:
        reads = _READS[kind]
    return f'"{_clipped(value)}"; WSL reads only {reads}, {_AND_THEN.get(kind, "and keeps its default")}'


def _why_malformed(malformed: Malformed) -> str:
    found = malformed.found
    if malformed.kind is WarningKind.INVALID_ESCAPE:
        return rf"{found} is no escape; a backslash is written \\"
    if malformed.kind is WarningKind.INVALID_SECTION:
        return "the name must follow [ at once and begin with a letter"
    if malformed.kind is WarningKind.EXPECTED:
        return _why_expected(malformed)
    if malformed.is_byte_order_mark:
        return "a byte order mark (UTF-8 with BOM) stands here; save the file without it"
    if found.startswith(";"):
        return "; starts no comment, # does"
    return f"a line must begin with #, [ or a letter, not with {_visible(found[:1])}"


def _why_expected(malformed: Malformed) -> str:
    if malformed.expected == '"':
        return 'a quote is not closed on its line; a quote of its own is written \\"'
    found = _visible(malformed.found[:1])
    if malformed.expected == "=":
        return f"a key is letters and digits and then =, but {found} follows"
    return f"a section is [letters and digits] alone on its line: {malformed.expected} is missing before {found}"


def _fate(dialect: Dialect) -> str:
    return "WSL reads nothing from here on" if dialect is Dialect.WSL_CONF else "WSL skips the line"


def _visible(character: str) -> str:
    if character in ("", "\r", "\n"):
        return "the end of the line"
    return character if character.isprintable() and not character.isspace() else ascii(character)


def _clipped(text: str) -> str:
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}…"
