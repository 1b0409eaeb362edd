"""Which algorithms we offer: those of paramiko that are still held to be sound, as the user's ssh_config changes them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from reconciler.model.errors import UnreachableError
from reconciler.transports.ssh.config.values import Settings
from reconciler.transports.ssh.library import paramiko

CERTIFICATE: Final = "-cert-v01@openssh.com"

_WEAK: Final = re.compile(r"sha1\b|md5|-cbc$|3des|^ssh-(?:rsa|dss)$")
_CLASS: Final = paramiko.Transport
KEY_ALGORITHMS: Final = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Algorithms:
    ciphers: Sequence[str]
    macs: Sequence[str]
    kex: Sequence[str]
    host_keys: Sequence[str]


def algorithms(settings: Settings, host_keys: Sequence[str]) -> Algorithms:
    """UnreachableError: the user's ssh_config leaves none that paramiko has."""
    return Algorithms(
        ciphers=_chosen("Ciphers", settings.ciphers, _CLASS._preferred_ciphers),  # type: ignore[attr-defined]
        macs=_chosen("MACs", settings.macs, _CLASS._preferred_macs),  # type: ignore[attr-defined]
        kex=_chosen("KexAlgorithms", settings.kex_algorithms, _CLASS._preferred_kex),  # type: ignore[attr-defined]
        host_keys=_chosen("HostKeyAlgorithms", settings.host_key_algorithms, host_keys),
    )


def accepted(pattern_list: str | None, algorithm: str) -> bool:
    """Whether PubkeyAcceptedAlgorithms, as written, lets a key sign with that algorithm."""
    return algorithm in _changed(pattern_list, (algorithm,))


def _chosen(keyword: str, written: str | None, known: Sequence[str]) -> tuple[str, ...]:
    chosen = _changed(written, known)
    if not chosen:
        raise UnreachableError(
            f"{keyword} {written} in ssh_config leaves none that we have: {', '.join(known)}",
            fix="write  ssh: {client: openssh}  for this machine, or allow one of those",
        )
    return chosen


def _changed(written: str | None, known: Sequence[str]) -> tuple[str, ...]:
    """A plain list replaces, `+` adds, `-` takes away, `^` puts in front."""
    sound = [name for name in known if not _WEAK.search(name)]
    if not written:
        return tuple(sound)
    sign = written[0] if written[0] in "+-^" else ""
    patterns = written[len(sign) :].split(",")
    named = [name for pattern in patterns for name in known if fnmatchcase(name, pattern)]
    match sign:
        case "-":
            result = [name for name in sound if name not in named]
        case "+":
            result = sound + named
        case "^":
            result = named + sound
        case _:
            result = named
    return tuple(dict.fromkeys(result))
