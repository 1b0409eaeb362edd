"""The regular files of a tar stream that some machine sent.

tarfile knows more of the format than is wanted from a stranger (devices, sparse maps, offsets to seek to). This reads
what the tar of GNU, busybox and bsdtar write for regular files, and stops at the first thing that it does not know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_BLOCK: Final = 512
_PAX_RECORD: Final = re.compile(rb"(\d{1,7}) ([^=]{1,64})=")


@dataclass(frozen=True, slots=True)
class _Entry:
    name: bytes
    kind: bytes
    link: bytes
    data: bytes


def regular_files(stream: bytes) -> dict[bytes, bytes]:
    """Content by name. A stream that breaks off gives the files that are whole."""
    files: dict[bytes, bytes] = {}
    for entry in _entries(stream):
        if entry.kind == b"0":
            files[entry.name] = entry.data
        elif entry.kind == b"1" and entry.link in files:
            files[entry.name] = files[entry.link]
    return files


def _entries(stream: bytes) -> Iterator[_Entry]:
    position, long_name, long_link = 0, b"", b""
    while entry := _entry_at(stream, position):
        position += _BLOCK + (len(entry.data) + _BLOCK - 1) // _BLOCK * _BLOCK
        match entry.kind:
            case b"L":
                long_name = entry.data.rstrip(b"\0")
            case b"K":
                long_link = entry.data.rstrip(b"\0")
            case b"x":
                records = _pax_records(entry.data)
                long_name, long_link = records.get(b"path", b""), records.get(b"linkpath", b"")
            case b"g":
                pass
            case _:
                yield _Entry(long_name or entry.name, entry.kind, long_link or entry.link, entry.data)
                long_name = long_link = b""


def _entry_at(stream: bytes, position: int) -> _Entry | None:
    """The entry whose header stands at `position`; None at the end, and where there is no whole entry."""
    header = stream[position : position + _BLOCK]
    if len(header) < _BLOCK or not _is_sound(header):
        return None
    size = _octal(header[124:136])
    if size is None or position + _BLOCK + size > len(stream):
        return None
    name, prefix = _text(header[:100]), _text(header[345:500]) if header[257:263] == b"ustar\0" else b""
    kind = header[156:157].replace(b"\0", b"0")
    data = stream[position + _BLOCK : position + _BLOCK + size]
    return _Entry(prefix + b"/" + name if prefix else name, kind, _text(header[157:257]), data)


def _is_sound(header: bytes) -> bool:
    """Whether the checksum fits: the sum of the bytes, its own field read as blanks. A block of zeros does not."""
    return _octal(header[148:156]) == sum(header) - sum(header[148:156]) + 8 * ord(" ")


def _octal(field: bytes) -> int | None:
    digits = field.strip(b" \0")
    return int(digits, 8) if re.fullmatch(rb"[0-7]{1,11}", digits) else None


def _text(field: bytes) -> bytes:
    return field.partition(b"\0")[0]


def _pax_records(data: bytes) -> dict[bytes, bytes]:
    records: dict[bytes, bytes] = {}
    position = 0
    while found := _PAX_RECORD.match(data, position):
        end = position + int(found[1])
        if end <= found.end() or end > len(data):
            break
        records[found[2]] = data[found.end() : end - 1]
        position = end
    return records
