"""Whether a server is the one that we know: nothing is learned here, and nothing but a known key will do."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import SSHCertificate, SSHCertificateType

from reconciler.model.errors import UnreachableError
from reconciler.model.guard import key_fingerprint
from reconciler.transports.ssh.algorithms import CERTIFICATE
from reconciler.transports.ssh.certificates import NOT_READ, authority_of, key_in, parsed
from reconciler.transports.ssh.config.values import Settings
from reconciler.transports.ssh.host_keys import (
    KeysOfHost,
    KnownKey,
    Marker,
    blob_type,
    short_type,
    shown,
)

_FOREVER: Final = 2**64 - 1


def check(known: KeysOfHost, blob: bytes, settings: Settings) -> None:
    """`blob` is the key that the server has proved to hold, or the certificate of that key."""
    offered = f"the {short_type(blob_type(blob))} key {key_fingerprint(blob)}"
    if blob_type(blob).endswith(CERTIFICATE):
        _check_certificate(known, blob, settings)
        return
    _refuse_revoked(known, blob, offered, settings)
    keys = known.marked(Marker.KEY)
    if any(key.blob == blob for key in keys):
        return
    if keys:
        raise _changed(keys, blob, offered, settings)
    raise _unknown(known, offered, settings)


def _refuse_revoked(known: KeysOfHost, blob: bytes, offered: str, settings: Settings) -> None:
    for key in known.marked(Marker.REVOKED):
        if key.blob == blob:
            raise UnreachableError(
                f"{settings.label} showed {offered}, which {key.place} revokes",
                fix=f"do not connect: whoever has that key is not {settings.label}, or must get a new one; ask who runs it",
            )


def _changed(keys: Sequence[KnownKey], blob: bytes, offered: str, settings: Settings) -> UnreachableError:
    same = [key for key in keys if key.type == blob_type(blob)]
    places = " and ".join(key.place for key in same or keys)
    if same:
        what = (
            f"{places} has another {short_type(same[0].type)} key for {settings.label}: {key_fingerprint(same[0].blob)}"
        )
    else:
        types = " and ".join(dict.fromkeys(short_type(key.type) for key in keys))
        what = f"{places} knows {settings.label} by its {types} key only, which it no longer shows"
    return UnreachableError(
        f"{what}; the server at {settings.hostname} port {settings.port} showed {offered}",
        fix=f"somebody may stand in between, or the machine was set up anew. Have whoever runs it confirm {key_fingerprint(blob)} "
        f"by another way; only then take out {places} and run  reconcile trust {settings.label}",
    )


def _unknown(known: KeysOfHost, offered: str, settings: Settings) -> UnreachableError:
    file = f"{shown(known.paths[0])} has" if known.paths else "there is"
    what = f"the host key of {settings.label} is not known: {file} no line for {known.name}, which showed {offered}"
    if known.problems:
        what += f" ({'; '.join(known.problems)})"
    return UnreachableError(what, fix=f"compare the key and add it:  reconcile trust {settings.label}")


def _check_certificate(known: KeysOfHost, blob: bytes, settings: Settings) -> None:
    certificate = parsed(blob)
    if certificate is None:
        raise _bad_certificate("cannot be read", settings)
    try:
        inner, authority = key_in(certificate), authority_of(certificate)
    except NOT_READ as error:
        raise _bad_certificate("was signed by a key of a kind that we do not know", settings) from error
    offered = f"a certificate for the {short_type(blob_type(inner))} key {key_fingerprint(inner)}"
    for key in (inner, authority):
        _refuse_revoked(known, key, offered, settings)
    if any(key.blob == inner for key in known.marked(Marker.KEY)):
        return
    places = [key.place for key in known.marked(Marker.AUTHORITY) if key.blob == authority]
    if not places:
        trusted = " and ".join(key.place for key in known.marked(Marker.AUTHORITY))
        raise UnreachableError(
            f"{settings.label} showed {offered}, made by the authority {key_fingerprint(authority)}, which is not that of {trusted}",
            fix="ask who runs the authority which key it uses now, and put it there",
        )
    wrong = _flaw(certificate, settings)
    if wrong:
        raise _bad_certificate(wrong, settings)


def _flaw(certificate: SSHCertificate, settings: Settings) -> str | None:
    """What makes it no good for this host, or None. Source: OpenSSH PROTOCOL.certkeys; sshkey.c, `sshkey_cert_check_authority`."""
    if certificate.type is not SSHCertificateType.HOST:
        return "is one for a user, not for a host"
    if certificate.critical_options:
        return "has conditions that we do not know"
    now = time.time()
    if now < certificate.valid_after:
        return "is not valid yet"
    if certificate.valid_before != _FOREVER and now >= certificate.valid_before:
        return f"expired on {time.strftime('%Y-%m-%d', time.gmtime(certificate.valid_before))}"
    name = (settings.host_key_alias or settings.hostname).lower()
    principals = [principal.decode("utf-8", "replace") for principal in certificate.valid_principals]
    if name not in principals:
        return f"is for {', '.join(principals[:5]) or 'no name at all'}, not for {name}"
    try:
        certificate.verify_cert_signature()
    except (InvalidSignature, AssertionError, *NOT_READ):
        return "has a wrong signature"
    return None


def _bad_certificate(what: str, settings: Settings) -> UnreachableError:
    return UnreachableError(
        f"the host certificate that {settings.label} showed {what}",
        fix="have who runs it sign a new one, or see what  ssh: {client: openssh}  says of it",
    )
