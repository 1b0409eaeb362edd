"""Keys and certificates for tests, made by the real ssh-keygen."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """`path` holds the private key, `public` is the line beside it."""

    path: Path
    public: str
    passphrase: str = ""


def make_key(path: Path, *, kind: str = "ed25519", passphrase: str = "") -> KeyPair:
    path.parent.mkdir(parents=True, exist_ok=True)
    _keygen("-q", "-t", kind, "-N", passphrase, "-C", path.name, "-f", str(path))
    return KeyPair(path=path, public=path.with_name(f"{path.name}.pub").read_text().strip(), passphrase=passphrase)


def sign(authority: KeyPair, key: KeyPair, *, principals: Sequence[str], host: bool = False) -> Path:
    """The certificate's file, beside the key, where ssh looks for it."""
    public = key.path.with_name(f"{key.path.name}.pub")
    kind = ["-h"] if host else []
    words = ["-q", "-s", str(authority.path), *kind, "-I", key.path.name, "-n", ",".join(principals)]
    _keygen(*words, "-V", "-1d:+3650d", str(public))
    return key.path.with_name(f"{key.path.name}-cert.pub")


def _keygen(*arguments: str) -> None:
    subprocess.run(["ssh-keygen", *arguments], check=True, capture_output=True, timeout=20, stdin=subprocess.DEVNULL)
