from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.formats.lines import body, end, inserted, line_end, lines_of


@settings(deadline=None)
@given(st.text(st.sampled_from(["a", "\n", "\r", "\f", "\u2028"])))
def test_lines_are_the_text_and_only_lf_ends_one(text: str) -> None:
    lines = lines_of(text)
    assert "".join(lines) == "".join(body(line) + end(line) for line in lines) == text
    assert all("\n" not in line[:-1] and line for line in lines)
    assert not any(body(line).endswith("\n") for line in lines)
    assert all(line.endswith("\n") for line in lines[:-1])


def test_a_carriage_return_before_a_line_end_belongs_to_it() -> None:
    assert [(body(line), end(line)) for line in lines_of("a\r\nb\rc\nd\r")] == [
        ("a", "\r\n"),
        ("b\rc", "\n"),
        ("d", "\r"),
    ]


@pytest.mark.parametrize(
    ("text", "expected"), [("", "\n"), ("a", "\n"), ("a\r\nb", "\r\n"), ("a\r\nb\n", "\n"), ("a\r", "\n")]
)
def test_a_new_line_ends_as_all_others_do(text: str, expected: str) -> None:
    assert line_end(text) == expected


def test_lines_are_inserted_above_a_line_or_behind_the_last() -> None:
    assert inserted("a\nb", 1, ["x", "y"]) == "a\nx\ny\nb"
    assert inserted("a\nb", 2, ["x"]) == "a\nb\nx\n"
    assert inserted("a\r\nb", 2, ["x"]) == "a\r\nb\r\nx\r\n"
    assert inserted("a\r\nb\r", 2, ["x"]) == "a\r\nb\r\nx\r\n"
    assert inserted("", 0, ["x"]) == "x\n"


def test_nothing_changes_when_there_is_nothing_to_insert() -> None:
    assert inserted("a", 1, []) == "a"
