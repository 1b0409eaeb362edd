from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reconciler.rendering.layout import Look, Span, Style, indented, paint, prose, with_right


def text(lines: object) -> str:
    return paint(lines, colour=False)  # type: ignore[arg-type]


def test_prose_hangs_below_its_first_word() -> None:
    assert text(prose((Span("fix: "),), "one two three four", Look(width=14))) == "fix: one two\n     three\n     four"


def test_prose_may_hang_elsewhere() -> None:
    assert text(prose((Span("Plan: "),), "one two", Look(width=9), hang=2)) == "Plan: one\n  two"


def test_a_first_word_that_has_no_room_goes_below() -> None:
    assert text(prose((Span("a title: "),), "averylongword", Look(width=16), hang=2)) == "a title:\n  averylongword"


def test_a_command_in_backticks_is_not_broken() -> None:
    shown = text(prose((Span("fix: "),), "run `sudo reconcile apply` then", Look(width=24)))
    assert shown == "fix: run\n     `sudo reconcile apply`\n     then"


def test_a_word_longer_than_the_line_stays_whole() -> None:
    assert text(prose((Span("  "),), "a " + "x" * 30 + " b", Look(width=10))) == "  a\n  " + "x" * 30 + "\n  b"


def test_two_blanks_before_what_is_to_be_written_stay() -> None:
    assert text(prose((Span("fix: "),), "write  systemd: true", Look(width=80))) == "fix: write  systemd: true"


@given(st.text("ab `"), st.integers(5, 40))
def test_prose_loses_no_word(words: str, width: int) -> None:
    assert text(prose((Span("> "),), words, Look(width=width))).replace(">", "").split() == words.split()


def test_a_remark_stands_at_the_right_edge_or_below() -> None:
    assert text(with_right((Span("name"),), "f:1", Look(width=12))) == "name     f:1"
    assert text(with_right((Span("a long name"),), "f:1", Look(width=12))) == "a long name\n         f:1"


def test_wide_characters_take_two_columns() -> None:
    assert text(with_right((Span("日本"),), "f:1", Look(width=12))) == "日本     f:1"


def test_a_span_holds_no_control_character_whatever_it_is_made_of() -> None:
    assert Span("a\x1b[2J\nb").text == "a\\x1b[2J\\nb"


def test_colour_wraps_each_span_and_nothing_else() -> None:
    line = indented(2, Span("x", Style.ADD), Span("y"))
    assert paint([line], colour=True) == "  \x1b[32mx\x1b[0my"
    assert paint([line], colour=False) == "  xy"


def test_without_unicode_everything_is_ascii() -> None:
    assert paint([(Span("größer 日"),)], colour=False, unicode=False) == "gr\\xf6\\xdfer \\u65e5"
