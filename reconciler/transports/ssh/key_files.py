"""Private keys in files: each is read once a run, and its passphrase is asked for once, when a server would take the key."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_ssh_private_key,
)

from reconciler.transports.ssh.host_keys import shown
from reconciler.transports.ssh.openssh_format import integer, private_header, public_line, string
from reconciler.transports.ssh.questions import Questions

_LARGEST: Final = 1024 * 1024
_CURVE_HASHES: Final = {"secp256r1": hashes.SHA256(), "secp384r1": hashes.SHA384(), "secp521r1": hashes.SHA512()}

PrivateKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class UnusableKeyError(Exception):
    """Why a key cannot be used, in words that follow its name."""


class KeyFile:
    """The key at `path`. `blob` is its public part, None where that is not to be had without the passphrase; `problem` says
    why it cannot sign, and `is_missing` that there is no such file."""

    def __init__(self, path: str, questions: Questions) -> None:
        self.path, self._questions = path, questions
        self.blob: bytes | None = None
        self.problem: str | None = None
        self.is_missing = False
        self.is_locked = False
        self._data = b""
        self._key: PrivateKey | None = None
        self._lock = threading.Lock()
        try:
            self._data = _read(path)
            self._look()
        except FileNotFoundError:
            self.is_missing, self.problem = True, "does not exist"
        except OSError as error:
            self.problem = f"cannot be read ({error.strerror})"
        except UnusableKeyError as error:
            self.problem = str(error)
        self.blob = self.blob or _public_file(path)

    @property
    def name(self) -> str:
        return shown(self.path)

    def _look(self) -> None:
        self.blob = public_line(self._data)
        if self.blob is not None:
            raise UnusableKeyError("is a public key, and the agent does not hold the private one")
        header = private_header(self._data)
        if header and header.is_locked:
            self.is_locked, self.blob = True, header.public
            return
        try:
            self._key = _load(self._data, None)
            self.blob = _public_blob(self._key)
        except TypeError:
            self.is_locked = True

    def sign(self, data: bytes, algorithm: str) -> bytes:
        """Asks for the passphrase where that has not been done. UnusableKeyError: there is none, or a wrong one."""
        with self._lock:
            key = self._key or self._unlocked()
        return signature(key, data, algorithm)

    def unlock(self) -> None:
        """So that `blob` is known. UnusableKeyError as in `sign`."""
        with self._lock:
            self._key = self._key or self._unlocked()
            self.blob = self.blob or _public_blob(self._key)

    def _unlocked(self) -> PrivateKey:
        if self.problem:
            raise UnusableKeyError(self.problem)
        passphrase = self._questions.answer(("passphrase", self.path), f"Passphrase for {self.name}: ")
        try:
            if passphrase is None:
                raise UnusableKeyError("has a passphrase, and nobody could be asked for it")
            self._key = _load(self._data, passphrase.encode("utf-8", "surrogateescape"))
        except (ValueError, TypeError):
            self.problem = "was not opened by the passphrase that was given"
            raise UnusableKeyError(self.problem) from None
        except UnusableKeyError as error:
            self.problem = str(error)
            raise
        return self._key


def _read(path: str) -> bytes:
    """ssh, too, refuses a key of ours that others may read."""
    with Path(path).open("rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise UnusableKeyError("is not a file")
        data = file.read(_LARGEST)
    mode = stat.S_IMODE(status.st_mode)
    if status.st_uid == os.getuid() and mode & 0o077 and public_line(data) is None:
        raise UnusableKeyError(f"may be read by others (mode {mode:04o}), so it is not used: chmod 600 {shown(path)}")
    return data


def _public_file(path: str) -> bytes | None:
    try:
        with Path(path + ".pub").open("rb") as file:
            return public_line(file.read(_LARGEST))
    except OSError:
        return None


def _load(data: bytes, passphrase: bytes | None) -> PrivateKey:
    """TypeError: it has a passphrase. ValueError: that is not the one. UnusableKeyError: it is no key for us."""
    load = load_ssh_private_key if b"BEGIN OPENSSH PRIVATE KEY" in data else load_pem_private_key
    try:
        key = load(data, passphrase)
    except ValueError:
        if passphrase is not None:
            raise
        raise UnusableKeyError("is not a private key that we can read") from None
    except UnsupportedAlgorithm:
        raise UnusableKeyError("is of a kind that we do not have; ssh: {client: openssh} may") from None
    if isinstance(key, ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        return key
    raise UnusableKeyError("is of a kind that SSH does not use any more")


def _public_blob(key: PrivateKey) -> bytes:
    line = public_line(key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH))
    assert line
    return line


def signature(key: PrivateKey, data: bytes, algorithm: str) -> bytes:
    """As it is sent. `algorithm` is one for keys, not for certificates. Source: RFC 4253, 5656, 8332, 8709."""
    match key:
        case ed25519.Ed25519PrivateKey():
            raw = key.sign(data)
        case rsa.RSAPrivateKey():
            digest = hashes.SHA512() if algorithm == "rsa-sha2-512" else hashes.SHA256()
            raw = key.sign(data, padding.PKCS1v15(), digest)
        case ec.EllipticCurvePrivateKey():
            r, s = decode_dss_signature(key.sign(data, ec.ECDSA(_CURVE_HASHES[key.curve.name])))
            raw = integer(r) + integer(s)
    return string(algorithm.encode()) + string(raw)
