from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.rendering.visible import cell_width, visible

CONTROLS = [*range(0x20), *range(0x7F, 0xA0)]


def test_there_are_sixty_five_control_characters() -> None:
    assert len(CONTROLS) == 65
    assert {chr(code) for code in CONTROLS} == {
        chr(code) for code in range(0x3000) if unicodedata.category(chr(code)) == "Cc"
    }


@pytest.mark.parametrize("code", CONTROLS)
def test_a_control_character_is_an_escape(code: int) -> None:
    shown = visible(f"a{chr(code)}b")
    assert shown.isascii() and shown.isprintable()
    assert shown.startswith("a\\") and shown.endswith("b")
    assert shown.startswith("a\\" + {9: "t", 10: "n", 13: "r"}.get(code, ""))


@pytest.mark.parametrize("code", CONTROLS)
def test_only_line_ends_and_tabs_stay_in_text_of_several_lines(code: int) -> None:
    assert (visible(chr(code), multiline=True) == chr(code)) == (chr(code) in "\n\t")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]52;c;cm0gLXJm\x07", "\\x1b]52;c;cm0gLXJm\\x07"),
        ("\x1b]8;;http://evil\x1b\\docs\x1b]8;;\x1b\\", "\\x1b]8;;http://evil\\x1b\\docs\\x1b]8;;\\x1b\\"),
        ("\x9b31mred", "\\u009b31mred"),
        ("user\u202etxt.exe", "user\\u202etxt.exe"),
        ("\u2066a\u2069", "\\u2066a\\u2069"),
        ("pass\u200bword\ufeff", "pass\\u200bword\\ufeff"),
        ("old\rnew", "old\\rnew"),
        ("a\u2028b\x85c", "a\\u2028b\\u0085c"),
        ("non-breaking\xa0blank", "non-breaking\\u00a0blank"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("a\ufe0fb\u3164", "a\\ufe0fb\\u3164"),
    ],
)
def test_what_acts_on_a_terminal_or_hides_is_an_escape(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_bytes_that_are_not_utf8_are_shown_as_bytes() -> None:
    assert visible(b"caf\xe9 \xc3\xa9".decode("utf-8", "surrogateescape")) == "caf\\xe9 é"
    assert visible("\ud800") == "\\ud800"


@pytest.mark.parametrize("text", ["", "plain", "größer", "日本語", "Привет", "C:\\temp\\new", "→ … ⇥", "🎉"])
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert visible(text) == text


@given(st.text(st.characters(codec=None)))
def test_nothing_acts_on_a_terminal_and_twice_is_once(text: str) -> None:
    shown = visible(text)
    assert not [character for character in shown if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    assert visible(shown) == shown
    several = visible(text, multiline=True)
    assert not [
        character for character in several if unicodedata.category(character) == "Cc" and character not in "\n\t"
    ]


def test_width_counts_columns_not_characters() -> None:
    assert cell_width("abc") == 3
    assert cell_width("日本") == 4
    assert cell_width("e\u0301") == 1
