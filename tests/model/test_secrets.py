"""A secret shows itself to nobody who does not ask for it by name."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import asdict, dataclass

import pytest

from reconciler.model.errors import DocumentError
from reconciler.model.secrets import Secret, SecretHole, SecretText

KEY = bytes(range(32))
VALUE = "p4ss/w:rd 'é"


@dataclass(frozen=True)
class Holder:
    secret: Secret


def test_printing_a_secret_shows_stars() -> None:
    secret = Secret(VALUE)

    shown = [str(secret), repr(secret), f"{secret}", f"{secret:>20}", f"{secret!r}", f"{[secret]}"]

    assert all(VALUE not in text and "***" in text for text in shown)
    assert repr(Holder(secret)) == "Holder(secret=***)"


def test_a_secret_is_not_written_by_accident() -> None:
    secret = Secret(VALUE)

    with pytest.raises(TypeError):
        json.dumps(secret)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="not saved"):
            pickle.dumps(secret, protocol)
    with pytest.raises(TypeError, match="not saved"):
        secret.__getstate__()
    with pytest.raises(TypeError):
        vars(secret)


def test_a_secret_does_not_change() -> None:
    secret = Secret(VALUE)

    with pytest.raises(AttributeError):
        secret._value = "other"
    with pytest.raises(AttributeError):
        del secret._value
    assert copy.copy(secret) is secret
    assert copy.deepcopy(secret) is secret
    assert asdict(Holder(secret)) == {"secret": secret}


def test_secrets_are_equal_by_value() -> None:
    assert Secret(VALUE) == Secret(VALUE, frozenset({"name"}))
    assert Secret(VALUE) != Secret("other")
    assert Secret(VALUE) != VALUE
    assert len({Secret(VALUE), Secret(VALUE), Secret("other")}) == 2
    assert Secret(VALUE).reveal() == VALUE


def test_a_digest_needs_a_key_and_tells_values_apart() -> None:
    digest = Secret("hunter2").digest(KEY)

    # echo -n hunter2 | openssl dgst -sha256 -mac HMAC -macopt hexkey:000102…1f
    assert digest == "8629d712da366318588317f3f98c728c71d4819f843d95db8803c019c561c1e7"
    assert Secret("hunter2").digest(bytes(32)) != digest
    assert Secret("hunter3").digest(KEY) != digest
    with pytest.raises(ValueError, match="32 bytes"):
        Secret("hunter2").digest(b"short")


def test_a_secret_from_bytes_that_are_no_text_can_be_compared_and_digested() -> None:
    odd = b"\xff".decode("utf-8", "surrogateescape")

    assert Secret(odd) == Secret(odd)
    assert len(Secret(odd).digest(KEY)) == 64


def test_holes_are_filled_as_their_filter_says() -> None:
    text = SecretText(
        (
            SecretHole("p"),
            " ",
            SecretHole("p", "urlencode"),
            " ",
            SecretHole("p", "quote"),
            " ",
            SecretHole("p", "tojson"),
        )
    )

    filled = text.fill({"p": 'a/b "é', "unused": "x"})

    assert filled.reveal() == 'a/b "é a%2Fb%20%22%C3%A9 \'a/b "é\' "a/b \\"é"'
    assert filled.names == {"p"}


def test_a_filled_secret_is_not_looked_into_for_more_holes() -> None:
    filled = SecretText((SecretHole("p"),)).fill({"p": "{{ secrets.q }}", "q": "x"})

    assert filled.reveal() == "{{ secrets.q }}"


def test_a_missing_secret_is_told_with_where_to_set_it() -> None:
    with pytest.raises(DocumentError) as raised:
        SecretText((SecretHole("proxy_password"), SecretHole("b"))).fill({"b": "x"})

    (problem,) = raised.value.problems
    assert problem.what == "the secret proxy_password has no value here"
    assert problem.fix is not None and "RECONCILE_SECRET_PROXY_PASSWORD" in problem.fix


def test_secret_text_is_saved_with_names_only_and_comes_back() -> None:
    text = SecretText(("a ", SecretHole("p", "quote"), SecretHole("q")))

    saved = json.dumps(text.to_json())

    assert json.loads(saved) == ["a ", {"secret": "p", "filter": "quote"}, {"secret": "q"}]
    assert SecretText.from_json(json.loads(saved)) == text
    assert text.with_named_holes() == "a {{ secrets.p | quote }}{{ secrets.q }}"
    assert text.names == {"p", "q"}


@pytest.mark.parametrize(
    "damaged",
    [
        None,
        "text",
        {"secret": "p"},
        [1],
        [{}],
        [{"secret": 1}],
        [{"secret": "p", "filter": "upper"}],
        [{"secret": "p", "x": "y"}],
        [{"filter": "quote"}],
    ],
)
def test_damaged_secret_text_is_refused(damaged: object) -> None:
    with pytest.raises(ValueError):
        SecretText.from_json(damaged)
