"""What a document's certificate must be, and what is told of it."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from certificates import Authority, self_signed
from reconciler.formats.certificate import NotAnAuthorityError, authority, certificate, is_in

EXAMPLE = Path(__file__).resolve().parents[2] / "examples/kinds/ca_certificates/corp-root.pem"


def refusal(text: str) -> str:
    with pytest.raises(NotAnAuthorityError) as found:
        authority(text)
    return str(found.value)


def test_subject_fingerprint_and_last_day_are_told() -> None:
    found = authority(EXAMPLE.read_text())
    assert (found.subject, found.expires) == ("CN=Example Corp Root CA,O=Example Corp", "2056-01-01")
    assert found.sha256 == "adb73c6d633ad5932d9c8a1157a61f7692cc84d4ce53c1f874b25fecd5a736c2"
    assert found.pem == EXAMPLE.read_text()


def test_line_ends_line_lengths_and_words_around_it_make_no_difference() -> None:
    pem = authority(EXAMPLE.read_text()).pem
    head, *body, end = pem.splitlines()
    wide = "\n".join([head, *textwrap.wrap("".join(body), 76), end])
    assert authority(f"subject=CN = x\n{wide}\n\ntrailing").pem == pem
    assert authority(pem.replace("\n", "\r\n")).pem == pem
    assert authority(pem.removesuffix("\n")).pem == pem


def test_a_private_key_is_refused_also_beside_a_certificate() -> None:
    made = Authority("Root")
    assert "holds a private key" in refusal(made.key_pem)
    assert "holds a private key" in refusal(made.pem + made.key_pem)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is no certificate in PEM"),
        ("hello", "is no certificate in PEM"),
        ("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "cannot be read|can be read"),
        ("-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n", "can be read"),
        ("-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n", "can be read"),
    ],
)
def test_what_is_no_certificate_is_refused(text: str, words: str) -> None:
    assert any(word in refusal(text) for word in words.split("|"))
    assert certificate(text) is None


def test_one_item_is_one_certificate() -> None:
    assert "holds 2 blocks" in refusal(Authority("A").pem + Authority("B").pem)


def test_the_certificate_of_a_server_is_refused_but_can_be_told_of() -> None:
    leaf = Authority("Root").issue("localhost").pem
    assert "is no authority's" in refusal(leaf)
    assert "is no authority's" in refusal(self_signed("Root", signs=False))
    told = certificate(leaf)
    assert told is not None and told.subject == "CN=localhost"


def test_a_certificate_is_found_in_a_bundle_however_that_breaks_its_lines() -> None:
    one, other = Authority("Röt").pem, Authority("Other").pem
    head, *body, end = one.splitlines()
    bundle = f"# Röt\n{other}{head}\r\n" + "\r\n".join(textwrap.wrap("".join(body), 76)) + f"\r\n{end}\r\n"
    assert is_in(bundle, one)
    assert not is_in(other, one)
    assert not is_in("", one)
