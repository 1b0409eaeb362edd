"""Certificates in PEM: one that a document gives, and those that a bundle holds.

Source: RFC 7468; RFC 5280, sections 4.2.1.3 and 4.2.1.9.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cryptography.x509 import Certificate as Parsed

_BLOCK: Final = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----([^-]*)-----END \1-----")


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """`pem` is in normal form, `sha256` of its bytes in hexadecimal, `expires` a day in UTC such as 2031-12-24."""

    pem: str
    subject: str
    sha256: str
    expires: str


class NotAnAuthorityError(ValueError):
    """The text is not one certificate of an authority; the message completes "it …"."""


def authority(text: str) -> Certificate:
    """The certificate of an authority that the text is; NotAnAuthorityError: it is something else."""
    if "PRIVATE KEY-----" in text:
        raise NotAnAuthorityError("holds a private key, which must not leave the authority")
    found = _read(text)
    if not _may_sign(found):
        raise NotAnAuthorityError("is no authority's: its basic constraints do not say that it may sign others")
    return _told(found)


def certificate(text: str) -> Certificate | None:
    """The one certificate in the text, whosever it is; None where there is no such."""
    try:
        return _told(_read(text))
    except NotAnAuthorityError:
        return None


def is_in(bundle: str, pem: str) -> bool:
    """Whether a certificate in normal form is among those of a bundle, however that breaks its lines."""
    return _body(pem) in {_unbroken(body) for _, body in _BLOCK.findall(bundle)}


def _body(pem: str) -> str:
    return "".join(_unbroken(body) for _, body in _BLOCK.findall(pem))


def _unbroken(body: str) -> str:
    return "".join(body.split())


def _read(text: str) -> Parsed:
    # Slow to import, and few documents have certificates.
    from cryptography import x509

    blocks = [match[0] for match in _BLOCK.finditer(text)]
    if not blocks:
        raise NotAnAuthorityError("is no certificate in PEM, which begins with -----BEGIN CERTIFICATE-----")
    if len(blocks) > 1:
        raise NotAnAuthorityError(f"holds {len(blocks)} blocks of PEM; an item is one certificate")
    try:
        return x509.load_pem_x509_certificate(blocks[0].encode())
    except ValueError as error:
        raise NotAnAuthorityError(f"is no certificate that can be read: {str(error).splitlines()[0]}") from None


def _may_sign(found: Parsed) -> bool:
    from cryptography import x509

    try:
        if not found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return False
        return found.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    except x509.ExtensionNotFound as missing:
        return missing.oid == x509.KeyUsage.oid
    except ValueError:
        return False


def _told(found: Parsed) -> Certificate:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding

    return Certificate(
        pem=found.public_bytes(Encoding.PEM).decode(),
        subject=found.subject.rfc4514_string(),
        sha256=found.fingerprint(SHA256()).hex(),
        expires=found.not_valid_after_utc.date().isoformat(),
    )
