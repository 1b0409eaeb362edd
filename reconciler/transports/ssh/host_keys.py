"""The keys that machines are known by: known_hosts files, read once a run and never written here.

Source: sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"; OpenSSH hostfile.c and sshconnect.c, `check_host_key`.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
import struct
import threading
from dataclasses import dataclass
from enum import Enum
from fnmatch import translate
from functools import cached_property
from pathlib import Path
from typing import Final

from reconciler.transports.ssh.algorithms import CERTIFICATE, KEY_ALGORITHMS
from reconciler.transports.ssh.config.values import Settings

DEFAULT_PORT: Final = 22
_HASHED: Final = "|1|"
_LARGEST_FILE: Final = 64 * 1024 * 1024


class Marker(Enum):
    """What a line says of its key."""

    KEY = ""
    AUTHORITY = "@cert-authority"
    REVOKED = "@revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownKey:
    """One line. `names` are its patterns as written."""

    path: str
    line: int
    marker: Marker
    names: str
    type: str
    blob: bytes

    @property
    def place(self) -> str:
        return f"{shown(self.path)}:{self.line}"

    def is_for(self, name: str) -> bool:
        if self.names.startswith(_HASHED):
            return _is_hash_of(self.names, name)
        matches = False
        for pattern in self.names.split(","):
            if _matches(pattern.removeprefix("!"), name):
                if pattern.startswith("!"):
                    return False
                matches = True
        return matches


@dataclass(frozen=True)
class KnownFile:
    """A file's lines; with `problem` it could not be read."""

    keys: tuple[KnownKey, ...] = ()
    problem: str | None = None

    @cached_property
    def _by_name(self) -> dict[str, list[KnownKey]]:
        found: dict[str, list[KnownKey]] = {}
        for key in self.keys:
            if not _is_pattern(key.names):
                for name in key.names.split(","):
                    found.setdefault(name.lower(), []).append(key)
        return found

    @cached_property
    def _patterns(self) -> list[KnownKey]:
        return [key for key in self.keys if _is_pattern(key.names)]

    def keys_for(self, name: str) -> list[KnownKey]:
        """In the order of the file."""
        found = [*self._by_name.get(name, ()), *(key for key in self._patterns if key.is_for(name))]
        return sorted(set(found), key=lambda key: key.line)


class KnownHosts:
    """All files of a run. May be asked from several threads."""

    def __init__(self) -> None:
        self._files: dict[str, KnownFile] = {}
        self._lock = threading.Lock()

    def file(self, path: str) -> KnownFile:
        with self._lock:
            if path not in self._files:
                self._files[path] = _read(path)
            return self._files[path]

    def of(self, settings: Settings) -> KeysOfHost:
        paths = (*settings.user_known_hosts_files, *settings.global_known_hosts_files)
        files = [self.file(path) for path in paths]
        names = names_of(settings)
        found = [key for name in names for file in files for key in file.keys_for(name)]
        return KeysOfHost(
            name=names[0],
            keys=tuple(dict.fromkeys(found)),
            paths=paths,
            problems=tuple(file.problem for file in files if file.problem),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysOfHost:
    """What is known of one host. `name` is the one it is looked up by, and would be added by."""

    name: str
    keys: tuple[KnownKey, ...]
    paths: tuple[str, ...]
    problems: tuple[str, ...] = ()

    def marked(self, marker: Marker) -> list[KnownKey]:
        return [key for key in self.keys if key.marker is marker]

    def algorithms(self) -> tuple[str, ...]:
        """What to offer, in order: a server with several keys must show one of those that are known, where it can."""
        known = {key.type for key in self.marked(Marker.KEY)}
        first = [name for name in KEY_ALGORITHMS if type_of(name) in known]
        rest = [name for name in KEY_ALGORITHMS if name not in first]
        certificates = [name + CERTIFICATE for name in KEY_ALGORITHMS] if self.marked(Marker.AUTHORITY) else []
        return (*certificates, *first, *rest)


def names_of(settings: Settings) -> tuple[str, ...]:
    """What the host is looked up by, best first. A port other than 22 is part of the name; a key known for the bare
    name is good for it too."""
    if settings.host_key_alias:
        return (settings.host_key_alias.lower(),)
    name = settings.hostname.lower()
    return (name,) if settings.port == DEFAULT_PORT else (f"[{name}]:{settings.port}", name)


def type_of(algorithm: str) -> str:
    """The type of the key that signs with that algorithm."""
    return "ssh-rsa" if algorithm.startswith("rsa-sha2-") else algorithm


def short_type(key_type: str) -> str:
    """`ed25519` of `ssh-ed25519`."""
    return key_type.removesuffix(CERTIFICATE).removeprefix("ssh-").partition("-sha2-")[0]


def blob_type(blob: bytes) -> str:
    """The first field of a key as it is sent; empty where it is none."""
    if len(blob) < 4:
        return ""
    (length,) = struct.unpack(">I", blob[:4])
    return blob[4 : 4 + length].decode("ascii", "replace") if length <= 100 else ""


def shown(path: str) -> str:
    home = str(Path.home())
    return "~" + path.removeprefix(home) if path.startswith(home + "/") else path


def _read(path: str) -> KnownFile:
    try:
        with Path(path).open("rb") as file:
            data = file.read(_LARGEST_FILE)
    except FileNotFoundError:
        return KnownFile()
    except OSError as error:
        return KnownFile(problem=f"{shown(path)} cannot be read: {error.strerror}")
    lines = data.decode("utf-8", "surrogateescape").split("\n")
    return KnownFile(keys=tuple(key for number, line in enumerate(lines, 1) if (key := _parse(path, number, line))))


def _parse(path: str, number: int, line: str) -> KnownKey | None:
    """None for what ssh, too, passes over: comments, and lines that are not well-formed."""
    words = line.split(None, 4)
    marker = Marker.KEY
    if words and words[0].startswith("@"):
        try:
            marker = Marker(words.pop(0))
        except ValueError:
            return None
    if len(words) < 3 or words[0].startswith("#"):
        return None
    names, key_type, encoded = words[:3]
    try:
        blob = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return None
    if blob_type(blob) != key_type:
        return None
    return KnownKey(path=path, line=number, marker=marker, names=names, type=key_type, blob=blob)


def _is_pattern(names: str) -> bool:
    return names.startswith(_HASHED) or any(character in names for character in "*?!")


def _matches(pattern: str, name: str) -> bool:
    if "*" not in pattern and "?" not in pattern:
        return pattern.lower() == name
    # Brackets are part of names here, not sets of characters.
    return re.match(translate(pattern.lower().replace("[", "[[]")), name) is not None


def _is_hash_of(hashed: str, name: str) -> bool:
    salt, _, digest = hashed.removeprefix(_HASHED).partition("|")
    try:
        expected = hmac.digest(base64.b64decode(salt), name.encode("utf-8", "surrogateescape"), "sha1")
        return hmac.compare_digest(base64.b64decode(digest), expected)
    except (binascii.Error, ValueError):
        return False


def hashed_name(name: str, salt: bytes) -> str:
    """As `HashKnownHosts yes` writes it; the salt has 20 bytes."""
    digest = hmac.digest(salt, name.encode("utf-8", "surrogateescape"), "sha1")
    return _HASHED + "|".join(base64.b64encode(part).decode() for part in (salt, digest))
