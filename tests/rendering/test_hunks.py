from __future__ import annotations

from difflib import unified_diff

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.rendering.hunks import hunk_lines
from reconciler.rendering.layout import Look, paint
from yardstick import yardsticks


def shown(before: str | None, after: str | None, *, verbose: bool = False, unicode: bool = True) -> list[str]:
    look = Look(verbose=verbose, unicode=unicode)
    text = paint(hunk_lines(before, after, look, 0), colour=False)
    return text.split("\n") if text else []


def numbered(count: int) -> str:
    return "".join(f"line {number}\n" for number in range(1, count + 1))


def test_three_lines_of_context_stand_around_a_change() -> None:
    text = numbered(9)
    assert shown(text, text.replace("line 5", "LINE 5")) == [
        "@@ -2,7 +2,7 @@",
        " line 2",
        " line 3",
        " line 4",
        "-line 5",
        "+LINE 5",
        " line 6",
        " line 7",
        " line 8",
    ]


def test_changes_that_are_far_apart_are_hunks_of_their_own() -> None:
    text = numbered(30)
    lines = shown(text, text.replace("line 3\n", "").replace("line 27\n", "line 27\nmore\n"), verbose=True)
    assert [line for line in lines if line.startswith("@")] == ["@@ -1,6 +1,5 @@", "@@ -25,6 +24,7 @@"]


def test_a_new_file_has_no_line_numbers() -> None:
    assert shown(None, "a\nb\n") == ["+a", "+b"]
    assert shown("a\nb\n", None) == ["-a", "-b"]
    assert shown(None, None) == []


def test_a_long_hunk_is_cut_with_the_count_of_the_rest() -> None:
    lines = shown(None, numbered(100))
    assert len(lines) == 21 and lines[-1] == "… 80 more lines; -v shows all"
    assert len(shown(None, numbered(100), verbose=True)) == 100


def test_one_line_more_is_shown_rather_than_counted() -> None:
    assert shown(None, numbered(21))[-1] == "+line 21"


def test_a_missing_line_end_at_the_end_is_said() -> None:
    assert shown("a", "a\n") == ["@@ -1,1 +1,1 @@", "-a", "\\ no line end at the end of the file", "+a"]


def test_blanks_at_the_end_of_a_changed_line_are_seen() -> None:
    assert shown("a\n", "a  \n") == ["@@ -1,1 +1,1 @@", "-a", "+a··"]
    assert shown("a\n", "a  \n", unicode=False)[-1] == "+a\\x20\\x20"


def test_a_tab_and_blanks_do_not_look_the_same() -> None:
    assert shown("\tx\n", "    x\n") == ["@@ -1,1 +1,1 @@", "-⇥   x", "+    x"]
    assert shown(None, "ab\tx\n") == ["+ab⇥ x"]


def test_line_ends_that_are_the_same_throughout_are_said_once() -> None:
    assert shown("a\r\nb\r\n", "a\r\nc\r\n") == ["\\ lines end with CR LF", "@@ -1,2 +1,2 @@", " a", "-b", "+c"]


def test_line_ends_that_change_are_seen() -> None:
    assert shown("a\n", "a\r\n") == ["@@ -1,1 +1,1 @@", "-a", "+a\\r"]


def test_a_line_separator_ends_no_line() -> None:
    assert shown(None, "a\u2028b\x0cc\n") == ["+a\\u2028b\\x0cc"]


@given(st.lists(st.sampled_from("abcd")), st.lists(st.sampled_from("abcd")))
def test_hunks_change_one_text_into_the_other(old: list[str], new: list[str]) -> None:
    before, after = ("".join(f"{line}\n" for line in lines) for lines in (old, new))
    lines = [line or " " for line in shown(before, after, verbose=True) if not line.startswith("@")]
    removed = [line for line in lines if line.startswith("-")]
    added = [line for line in lines if line.startswith("+")]
    assert bool(lines) == (old != new)
    assert len(added) - len(removed) == len(new) - len(old)
    assert sorted([*old, *(line[1:] for line in added)]) == sorted([*new, *(line[1:] for line in removed)])


@given(st.lists(st.sampled_from("abc"), max_size=30), st.lists(st.sampled_from("abc"), max_size=30))
def test_line_numbers_are_those_of_diff(old: list[str], new: list[str]) -> None:
    """Where difflib finds the same gaps: the same hunks, so the same ranges as `diff -u` would print."""
    if not old or not new:
        return
    before, after = ("".join(f"{line}\n" for line in lines) for lines in (old, new))
    for line in (line for line in shown(before, after, verbose=True) if line.startswith("@@")):
        left, right = (part[1:].split(",") for part in line.split(" ")[1:3])
        assert 1 <= int(left[0]) <= len(old) and int(left[0]) - 1 + int(left[1]) <= len(old)
        assert int(right[0]) >= 1 and int(right[0]) - 1 + int(right[1]) <= len(new)


@pytest.mark.parametrize("distance", range(1, 12))
def test_hunks_agree_with_difflib_on_plain_changes(distance: int) -> None:
    old = numbered(40)
    new = old.replace("line 11\n", "line eleven\n").replace(f"line {11 + distance}\n", "")
    ours = shown(old, new, verbose=True)
    theirs = list(unified_diff(old.splitlines(), new.splitlines(), lineterm=""))[2:]
    assert ours == theirs


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x\n" * 5_000, "x\ny\n" * 99),
        (
            "".join(f"{number % 7}\n" for number in range(20_000)),
            "".join(f"{number % 5}\n" for number in range(20_000)),
        ),
    ],
)
def test_texts_of_lines_that_are_alike_are_compared_in_bounded_time(before: str, after: str) -> None:
    """difflib alone takes three times as long as this bound for the first."""
    assert yardsticks(lambda: shown(before, after)) < 20


def test_a_long_file_is_not_shown_as_replaced_for_two_small_changes() -> None:
    old = "".join(f"line {number}\n\n" for number in range(5_000))
    new = old.replace("line 10\n", "line ten\n").replace("line 4990\n", "")
    assert [line for line in shown(old, new, verbose=True) if line.startswith(("+", "-"))] == [
        "-line 10",
        "+line ten",
        "-line 4990",
    ]
