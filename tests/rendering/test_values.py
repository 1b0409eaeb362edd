from __future__ import annotations

import pytest

from reconciler.model.later import Later
from reconciler.model.secrets import Secret, SecretHole, SecretText
from reconciler.model.values import ABSENT, UNMANAGED, RepoFile
from reconciler.rendering.values import value_lines, value_text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("https://goproxy.cn,direct", "https://goproxy.cn,direct"),
        ("on", "on"),
        ("0755", '"0755"'),
        ("1.20", '"1.20"'),
        ("-5", '"-5"'),
        ("0x1F", '"0x1F"'),
        ("10.0.0.7", "10.0.0.7"),
        ("16GB", "16GB"),
        ("50000-50100", "50000-50100"),
        ("true", '"true"'),
        ("null", '"null"'),
        ("absent", '"absent"'),
        ("(secret)", '"(secret)"'),
        ("", '""'),
        (" padded", '" padded"'),
        ("*.corp", '"*.corp"'),
        ('say "hi"', 'say "hi"'),
        ('"quoted"', '"\\"quoted\\""'),
        (True, "true"),
        (False, "false"),
        (7, "7"),
        (1.5, "1.5"),
        (None, "null"),
        ([], "[]"),
        ({}, "{}"),
        (["git", "a, b", "022"], '[git, "a, b", "022"]'),
        (("x",), "[x]"),
        ({"a": 1, "b: c": {"d": [True]}}, '{a: 1, "b: c": {d: [true]}}'),
        (ABSENT, "absent"),
        (UNMANAGED, "unmanaged"),
        (RepoFile("team/motd", b"hi"), "team/motd"),
        (Later(frozenset({"facts.libc", "facts.kernel"})), "(waits for facts.kernel, facts.libc)"),
    ],
)
def test_a_value_stands_on_one_line_near_to_how_a_document_has_it(value: object, shown: str) -> None:
    assert value_text(value) == shown


@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: [value], lambda value: {"a": {"b": value}}])
def test_a_secret_is_never_shown_however_deep(wrap) -> None:  # type: ignore[no-untyped-def]
    value = wrap(Secret("canary", frozenset({"token"})))
    assert "canary" not in value_text(value) + str(value_lines(value))
    assert "(secret)" in value_text(value)


def test_of_text_with_a_secret_in_it_the_template_is_shown() -> None:
    text = SecretText(("http://proxy:", SecretHole("proxy_password", "urlencode"), "@10.0.0.1"))
    assert value_text(text) == "http://proxy:{{ secrets.proxy_password | urlencode }}@10.0.0.1"


def test_what_nobody_thought_of_is_hidden() -> None:
    assert value_text(object()) == "(secret)"


def test_a_structure_has_lines_without_commas_that_would_differ() -> None:
    assert (
        value_lines({"a": [1, {"b": "x"}], "c": {}, "d": {"e": "022"}})
        == 'a:\n  - 1\n  -\n    b: x\nc: {}\nd:\n  e: "022"\n'
    )


def test_a_word_has_no_lines() -> None:
    assert value_lines("word") is None
    assert value_lines("one line\n") is None
    assert value_lines("two\nlines") == "two\nlines"
    assert value_lines({}) is None
    assert value_lines(7) is None
