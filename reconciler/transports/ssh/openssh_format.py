"""Keys as OpenSSH writes them into files, as far as no library gives them to us."""

from __future__ import annotations

import base64
import binascii
import struct
from dataclasses import dataclass
from typing import Final

from reconciler.transports.ssh.host_keys import blob_type

_BEGIN: Final = b"-----BEGIN OPENSSH PRIVATE KEY-----"
_END: Final = b"-----END OPENSSH PRIVATE KEY-----"
_MAGIC: Final = b"openssh-key-v1\0"


def encoded_blob(blob: bytes) -> bytes:
    """The line of a `.pub` file."""
    return blob_type(blob).encode("ascii", "replace") + b" " + base64.b64encode(blob)


def public_line(data: bytes) -> bytes | None:
    """The key or certificate in a `.pub` file, as it is sent; None for what is not one."""
    words = data.split(None, 2)
    try:
        blob = base64.b64decode(words[1], validate=True) if len(words) > 1 else b""
    except (binascii.Error, ValueError):
        return None
    return blob if blob and blob_type(blob).encode() == words[0] else None


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateHeader:
    """What of a private key's file can be read without a passphrase."""

    is_locked: bool
    public: bytes


def private_header(data: bytes) -> PrivateHeader | None:
    """None for a file of another form. Source: OpenSSH PROTOCOL.key."""
    begin, end = data.find(_BEGIN), data.find(_END)
    if begin < 0 or end < 0:
        return None
    try:
        rest = base64.b64decode(data[begin + len(_BEGIN) : end])
        if not rest.startswith(_MAGIC):
            return None
        cipher, rest = split_string(rest[len(_MAGIC) :])
        for _ in ("key derivation", "its options"):
            _, rest = split_string(rest)
        public, _ = split_string(rest[4:])
    except (binascii.Error, ValueError):
        return None
    return PrivateHeader(is_locked=cipher != b"none", public=public)


def split_string(data: bytes) -> tuple[bytes, bytes]:
    """The first string and what follows it. ValueError: it is cut off."""
    if len(data) < 4:
        raise ValueError("cut off")
    (length,) = struct.unpack(">I", data[:4])
    if len(data) < 4 + length:
        raise ValueError("cut off")
    return data[4 : 4 + length], data[4 + length :]


def string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def integer(number: int) -> bytes:
    """A whole number that is not negative."""
    return string(number.to_bytes(number.bit_length() // 8 + 1, "big") if number else b"")
