"""For `reconcile trust`: which keys a host shows, and writing them down once a person has said so."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from reconciler.model.errors import ReconcileError
from reconciler.model.guard import key_fingerprint
from reconciler.transports.ssh.algorithms import KEY_ALGORITHMS
from reconciler.transports.ssh.config.values import Settings
from reconciler.transports.ssh.connection import meet
from reconciler.transports.ssh.host_keys import KnownHosts, Marker, hashed_name, short_type, shown, type_of
from reconciler.transports.ssh.host_keys import blob_type as type_of_blob
from reconciler.transports.ssh.openssh_format import encoded_blob
from reconciler.transports.ssh.session import Session
from reconciler.transports.ssh.transport import SshClient

_SALT_BYTES: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedKey:
    """`blob` is the key as it is sent."""

    blob: bytes

    @property
    def key_type(self) -> str:
        """`ssh-ed25519`."""
        return type_of_blob(self.blob)

    @property
    def type(self) -> str:
        """`ed25519`."""
        return short_type(type_of_blob(self.blob))

    @property
    def fingerprint(self) -> str:
        return key_fingerprint(self.blob)


def offered_keys(client: SshClient, route: Sequence[Settings]) -> tuple[OfferedKey, ...]:
    """All keys of the host at the end of the route, each of which it has proved to hold. It is not told who asks; the hops
    before it must be known and let us in. UnreachableError."""
    left, found = list(KEY_ALGORITHMS), []
    while left:
        blob, offered = _one_key(client, route, left)
        found.append(OfferedKey(blob=blob))
        left = [name for name in left if name in offered and type_of(name) != type_of_blob(blob)]
    return tuple(found)


def _one_key(client: SshClient, route: Sequence[Settings], names: Sequence[str]) -> tuple[bytes, Sequence[str]]:
    settings = replace(route[-1], host_key_algorithms=None)
    session: Session = meet(settings, names, client.dial(route), lambda session: None)
    try:
        return session.host_key_blob(), session.offered["keys"]
    finally:
        session.hang_up()


def add_to_known_hosts(path: str, names: Sequence[str], keys: Sequence[OfferedKey], *, hashed: bool) -> int:
    """How many lines were added at the end of the file: none for a key that it has under that name. `names` as in
    `host_keys.names_of`. ReconcileError: it cannot be written."""
    known = KnownHosts().file(path)
    if known.problem:
        raise ReconcileError(known.problem)
    missing = [
        (name, key)
        for name in names
        for key in keys
        if not any(line.blob == key.blob and line.marker is Marker.KEY for line in known.keys_for(name.lower()))
    ]
    if missing:
        try:
            _append(Path(path), [_line(name.lower(), key, hashed=hashed) for name, key in missing])
        except OSError as error:
            raise ReconcileError(f"{shown(path)} cannot be written: {error.strerror}") from error
    return len(missing)


def _line(name: str, key: OfferedKey, *, hashed: bool) -> bytes:
    written = hashed_name(name, secrets.token_bytes(_SALT_BYTES)) if hashed else name
    return written.encode("utf-8", "surrogateescape") + b" " + encoded_blob(key.blob) + b"\n"


def _append(path: Path, lines: Sequence[bytes]) -> None:
    """In one write behind whatever is there, so that others who append at the same time do not get in between."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    number = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(number, "rb+", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        if size:
            file.seek(size - 1)
        is_open_ended = bool(size) and file.read(1) != b"\n"
        data = (b"\n" if is_open_ended else b"") + b"".join(lines)
        if file.write(data) != len(data):
            raise OSError(28, "No space left on device")
        os.fsync(number)
