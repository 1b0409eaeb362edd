from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.formats.etc_environment import LONGEST_LINE_BYTES, edit, members, refused_reason

UBUNTU = 'PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/games:/usr/local/games:/snap/bin"\n'
NAMES = ["A", "B", "C_1", "_d"]
VALUES = st.one_of(
    st.text(st.characters(exclude_characters="\n\0#", exclude_categories=["Cs"]), max_size=10),
    st.text(st.sampled_from(["a", " ", "\t", "'", '"', "\\", "$", "\r", "ä", "="]), max_size=6),
)
PIECES = st.sampled_from(["a", "ß", " ", "\t", "'", '"', "\\", "\\\na", "#", "=", "\r", "\v"])
LINES = st.one_of(
    st.builds(
        lambda name, equals, pieces: f"{name}{equals}{''.join(pieces)}",
        st.sampled_from([*NAMES, "  A", "export A", " \texport B", "export  A", "9A", "A-B", "ä", ""]),
        st.sampled_from(["=", "=", "=", " = ", ""]),
        st.lists(PIECES, max_size=6),
    ),
    st.sampled_from(["", "# c \\", "#A=1", "A", "export B", "  ", "A\\"]),
)
TEXTS = st.builds(
    lambda lines, ending, tail: ending.join(lines) + tail,
    st.lists(LINES, max_size=6),
    st.sampled_from(["\n", "\n", "\r\n"]),
    st.sampled_from(["", "\n"]),
)
CHANGES = st.dictionaries(st.sampled_from(NAMES), st.none() | VALUES, max_size=3)
STATEMENTS = [
    ("A", "A=1"),
    ("A", "\t export A='x y' # c"),
    ("A", 'A="a\\\n b"'),
    ("A", "A\\\n=5"),
    ("B", "B=A=1"),
    ("B", "export B=$A\r"),
    ("", "# A=1"),
    ("", ""),
    ("", " A = 1"),
    ("", "export  A=1"),
]


def test_a_value_goes_to_the_line_end_or_a_comment_and_keeps_its_blanks() -> None:
    text = 'A=a b \n  export B= $HOME\nC_1=x#y\nD="x # y"\n#E=1\nF=\nG=a\\b\nH=1\r\n'
    assert members(text) == {
        "A": "a b ",
        "B": " $HOME",
        "C_1": "x",
        "D": "x ",
        "F": "",
        "G": "a\\b",
        "H": "1\r",
    }


def test_one_quote_at_each_end_goes_whether_they_match_or_not() -> None:
    text = 'A="a b"\nB=\'a\'\nC="a\'\nD="a"b"\nE="abc\nF=a"b"\nG="x" \nH=""\nI="\nJ=\'"\'\n'
    assert members(text) == {
        "A": "a b",
        "B": "a",
        "C": "a",
        "D": 'a"b',
        "E": "abc",
        "F": 'a"b"',
        "G": 'x" ',
        "H": "",
        "I": "",
        "J": '"',
    }


def test_a_backslash_joins_lines_but_not_behind_a_comment_nor_over_one() -> None:
    text = "A=1\\ \n2\n# c \\\nB=3 # \\\nC=4\\\n# c\nD=5\\\n\nE=6\\\n \t7\n\\\nF\\\n=8\nG=9\\\n"
    assert members("A=1\\# c\nB=2\n") == {"A": "1\\", "B": "2"}
    assert members(text) == {"A": "12", "B": "3 ", "C": "4", "D": "5", "E": "67", "F": "8"}


def test_a_name_without_a_value_unsets_it_and_the_last_line_counts() -> None:
    assert members("A=1\nA\nB=1\nB=2\nC\nC=3\n") == {"B": "2", "C": "3"}


def test_what_is_no_name_is_no_variable() -> None:
    assert members("A =1\nexport  B=2\nexport\tC=3\nD-E=4\nä=5\n=6\n\ufeffF=7\nA \n") == {}


def test_only_the_value_that_counts_is_written() -> None:
    text = 'A=0\n \texport A="1" # one\nB=2\n'
    assert edit(text, {"A": "x y"}) == "A=0\n \texport A=x y# one\nB=2\n"
    assert edit("A=a\\\n b\nB\\\n=1", {"A": "c", "B": "2"}) == "A=c\nB=2\n"
    assert edit("A=1\nA\n", {"A": "2"}) == "A=1\nA=2\n"


def test_a_removed_variable_takes_all_its_lines_with_it() -> None:
    assert edit("#x\n A=1\nB=2\nA='3\\\n4'\nA\nexport A=5", {"A": None}) == "#x\nB=2\n"
    assert edit("A=1\nA\n", {"A": None}) == "A=1\nA\n"


def test_new_variables_get_lines_at_the_end_that_end_in_lf() -> None:
    assert edit("", {"A": "1", "B": ""}) == "A=1\nB=\n"
    assert edit(UBUNTU, {"GOPROXY": "off"}) == UBUNTU + "GOPROXY=off\n"
    assert edit("X=0\r\n# c", {"A": "1"}) == "X=0\r\n# c\nA=1\n"


def test_a_new_variable_stands_above_what_the_texts_end_cuts_off() -> None:
    for cut in ("B=1\\", "B=1\\\n", "B=\\\n2\\"):
        assert members(cut) == {}
        assert edit(f"X=0\n{cut}", {"A": "1"}) == f"X=0\nA=1\n{cut}"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("", ""),
        ("a b", "a b"),
        ("$HOME/go", "$HOME/go"),
        ('a"b"', 'a"b"'),
        (" a", '" a"'),
        ("a\t", '"a\t"'),
        ("'a'", "\"'a'\""),
        ('"', '"""'),
        ("a\\", '"a\\"'),
        ("a\\\\b", "a\\\\b"),
    ],
)
def test_a_value_is_quoted_only_when_needed(value: str, written: str) -> None:
    assert edit("", {"A": value}) == f"A={written}\n"
    assert members(f"A={written}\n") == {"A": value}


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("A-B", "1", "no name"),
        ("9", "1", "no name"),
        ("A\n", "1", "no name"),
        ("A", "a#b", "comment"),
        ("A", "a\nB=1", "line end"),
        ("A", "a\0", "NUL"),
        ("A", "ä" * 4094, "longer than 8190 bytes"),
    ],
)
def test_what_pam_env_would_not_take_is_never_written(name: str, value: str, why: str) -> None:
    assert why in (refused_reason(name, value) or "")
    with pytest.raises(ValueError, match=why):
        edit("", {name: value})


def test_what_is_no_name_is_not_removed_either() -> None:
    with pytest.raises(ValueError, match="no name"):
        edit("A-B=1", {"A-B": None})


@settings(deadline=None)
@given(TEXTS)
def test_setting_what_is_there_changes_nothing(text: str) -> None:
    found = {name: value for name, value in members(text).items() if not refused_reason(name, value)}
    assert edit(text, found) == text
    assert edit(text, {"NOT_THERE": None}) == text


@settings(deadline=None, max_examples=300)
@given(TEXTS, CHANGES)
def test_the_members_are_what_was_set(text: str, changes: dict[str, str | None]) -> None:
    edited = edit(text, changes)
    wanted = members(text) | changes
    assert members(edited) == {name: value for name, value in wanted.items() if value is not None}
    assert edit(edited, changes) == edited


@settings(deadline=None)
@given(st.lists(st.sampled_from(STATEMENTS), max_size=8), VALUES)
def test_all_other_bytes_stay(statements: list[tuple[str, str]], value: str) -> None:
    text = "".join(f"{line}\n" for _, line in statements)
    others = "".join(f"{line}\n" for name, line in statements if name != "A")
    assert edit(text, {"A": None}) == others
    assert edit(edit(text, {"A": value}), {"A": None}) == others


@settings(deadline=None, max_examples=20)
@given(st.lists(TEXTS, min_size=1, max_size=30))
def test_pam_env_reads_the_same(texts: list[str]) -> None:
    # What a continued line begins with, and whether a comment may stand in between, changed in Linux-PAM 1.6.
    alike = [text for text in texts if not re.search(r"\\[ \t]*\n([ \t]|\n|#|\Z)", text)]
    assert _as_pam_reads(alike) == [members(text) for text in alike]


@settings(deadline=None, max_examples=20)
@given(st.lists(st.tuples(TEXTS, VALUES), min_size=1, max_size=20))
def test_pam_env_gives_the_value_that_was_written(edits: list[tuple[str, str]]) -> None:
    alike = [(text, value) for text, value in edits if not re.search(r"\\[ \t]*\n([ \t]|\n|#|\Z)", text)]
    read = _as_pam_reads([edit(text, {"A": value}) for text, value in alike])
    assert [found["A"] for found in read] == [value for _, value in alike]


def test_pam_env_joins_no_line_that_has_a_comment() -> None:
    text = "A=1\\# c\nB=2 # \\\nC_1=3\n"
    assert _as_pam_reads([text]) == [members(text)] == [{"A": "1\\", "B": "2 ", "C_1": "3"}]


def test_pam_env_reads_the_longest_line_and_what_stands_below() -> None:
    value = "x" * (LONGEST_LINE_BYTES - len('A=""'))
    assert _as_pam_reads([edit("", {"A": f"{value[:-1]}\\", "B": "1"})]) == [{"A": f"{value[:-1]}\\", "B": "1"}]


def _as_pam_reads(texts: list[str]) -> list[dict[str, str]]:
    program = [sys.executable, str(Path(__file__).with_name("pam_environment.py"))]
    encoded = [base64.b64encode(text.encode("utf-8", "surrogateescape")).decode() for text in texts]
    run = subprocess.run(program, input=json.dumps(encoded).encode(), capture_output=True, check=False, timeout=60)
    if run.returncode == 77:
        pytest.skip("needs libpam of Linux-PAM 1.4 or later")
    assert run.returncode == 0, run.stderr
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    return [dict(entry.split("=", 1) for entry in entries) for entries in answers]
