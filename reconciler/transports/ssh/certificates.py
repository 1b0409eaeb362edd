"""OpenSSH certificates, of hosts and of users."""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    SSHCertificate,
    load_ssh_public_identity,
)

from reconciler.transports.ssh.openssh_format import encoded_blob, public_line

NOT_READ: Final = (ValueError, UnsupportedAlgorithm, NotImplementedError)
"""What cryptography raises for what it cannot read."""


def parsed(blob: bytes) -> SSHCertificate | None:
    """None for what is not a certificate, or one of a kind that no library here reads."""
    try:
        certificate = load_ssh_public_identity(encoded_blob(blob))
    except NOT_READ:
        return None
    return certificate if isinstance(certificate, SSHCertificate) else None


def key_in(certificate: SSHCertificate) -> bytes:
    """The key that it is for, as it is sent."""
    return _blob(certificate.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH))


def authority_of(certificate: SSHCertificate) -> bytes:
    """The key that signed it, as it is sent. One of NOT_READ: it is of no kind that we know."""
    return _blob(certificate.signature_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH))


def _blob(line: bytes) -> bytes:
    blob = public_line(line)
    assert blob
    return blob
