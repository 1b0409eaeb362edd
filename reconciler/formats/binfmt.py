r"""What the kernel's binfmt_misc is told, and what it tells: `:WSLInterop:M::MZ::/init:PF`.

Bytes stand as text in which everything but visible ASCII, and `:` and `\`, is `\xHH`: as the kernel takes it in a
registration, and as a document says it.

Source: Documentation/admin-guide/binfmt-misc.rst and fs/binfmt_misc.c of Linux; binfmt.d(5).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

LONGEST_INTERPRETER: Final = 127
LAST_BYTE: Final = 128
"""Offset and magic end before this byte of a file."""
_ESCAPE: Final = re.compile(r"\\x([0-9A-Fa-f]{2})")
_FLAGS: Final = "POCF"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """Which files an interpreter runs: those with `magic` at `offset` under `mask`, or those with the `extension`.

    All in normal form: see `registration`.
    """

    interpreter: str
    magic: str | None = None
    mask: str | None = None
    offset: int = 0
    extension: str | None = None
    flags: str = ""


def registration(
    *,
    interpreter: str,
    magic: str | None = None,
    mask: str | None = None,
    offset: int = 0,
    extension: str | None = None,
    flags: str = "",
) -> Registration:
    """The normal form. A mask that hides nothing is none; flags stand in the kernel's order, and C brings O along."""
    if magic is None:
        return Registration(interpreter=interpreter, extension=extension, flags=_normal_flags(flags))
    plain = mask is None or not bytes_of(mask).strip(b"\xff")
    return Registration(
        interpreter=interpreter,
        magic=text_of(bytes_of(magic)),
        mask=None if plain or mask is None else text_of(bytes_of(mask)),
        offset=offset,
        flags=_normal_flags(flags),
    )


def _normal_flags(flags: str) -> str:
    return "".join(flag for flag in _FLAGS if flag in flags or (flag == "O" and "C" in flags))


def bytes_of(text: str) -> bytes:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text).encode("latin-1", "replace")


def text_of(data: bytes) -> str:
    return "".join(chr(byte) if 0x21 <= byte <= 0x7E and byte not in b":\\" else f"\\x{byte:02x}" for byte in data)


def line_of(name: str, found: Registration) -> str:
    """What is written to the kernel's `register`, and stands in a file of binfmt.d; without a line end."""
    kind, first = ("E", found.extension) if found.magic is None else ("M", found.magic)
    offset = str(found.offset) if found.offset else ""
    return f":{name}:{kind}:{offset}:{first}:{found.mask or ''}:{found.interpreter}:{found.flags}"


def read_file(text: str, name: str) -> Registration | None:
    """What a file of binfmt.d registers under `name`, and nothing else; None where it is not that."""
    lines = [line.strip() for line in text.split("\n")]
    lines = [line for line in lines if line and line[0] not in "#;"]
    return _read_line(lines[0], name) if len(lines) == 1 else None


def _read_line(line: str, name: str) -> Registration | None:
    fields = line[1:].split(line[0])
    if len(fields) != 7 or fields[0] != name or not fields[5] or not set(fields[6]) <= set(_FLAGS):
        return None
    _, kind, offset, first, mask, interpreter, flags = fields
    if kind == "E" and first:
        return registration(interpreter=interpreter, extension=first, flags=flags)
    if kind == "M" and first and re.fullmatch(r"[0-9]*", offset):
        return registration(
            interpreter=interpreter, magic=first, mask=mask or None, offset=int(offset or "0"), flags=flags
        )
    return None


def read_status(text: str) -> Registration | None:
    """What the kernel's own file says of a registration; None where that is switched off."""
    first, _, rest = text.partition("\n")
    said = dict(re.findall(r"^(\w+):? ?(.*)$", rest, re.MULTILINE))
    if first != "enabled" or "interpreter" not in said:
        return None
    magic, mask = (text_of(bytes.fromhex(said[key])) if key in said else None for key in ("magic", "mask"))
    return registration(
        interpreter=said["interpreter"],
        magic=magic,
        mask=mask,
        offset=int(said.get("offset", "0")),
        extension=said["extension"].removeprefix(".") if "extension" in said else None,
        flags=said.get("flags", ""),
    )
