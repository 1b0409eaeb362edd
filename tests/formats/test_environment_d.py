from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from reconciler.formats.environment_d import UnclosedQuoteError, edit, literal, members, refused_reason

GENERATOR = Path("/usr/lib/systemd/user-environment-generators/30-systemd-environment-d-generator")
NAMES = ["A", "B", "C_1", "_d"]
VALUES = st.one_of(
    st.text(st.characters(exclude_characters="\n\r\0", exclude_categories=["Cs"]), min_size=1, max_size=10),
    st.text(st.sampled_from(["a", " ", "\t", "'", '"', "\\", "$", "`", "#", "ä"]), min_size=1, max_size=6),
)
PIECES = st.sampled_from(
    ["a", "ß", " ", "\t", "'", '"', "\\", "\\\n", "#", ";", "=", "'b c'", '"d\\"e"', '"f\ng"', "~", "`"]
)
LINES = st.one_of(
    st.builds(
        lambda name, gap, pieces: f"{name}{gap}{''.join(pieces)}",
        st.sampled_from([*NAMES, "  A", "export A", "9", "A-B", ""]),
        st.sampled_from(["=", " = ", "=", "\t=", ""]),
        st.lists(PIECES, max_size=6),
    ),
    st.sampled_from(["", "# c", " ; c=1", "#A=1", "A", "  "]),
)
TEXTS = st.builds(
    lambda lines, ending, tail: ending.join(lines) + tail,
    st.lists(LINES, max_size=6),
    st.sampled_from(["\n", "\r\n", "\n", "\r"]),
    st.sampled_from(["", "\n"]),
)
_STATEMENTS = [
    ("A", "A=1"),
    ("A", " A = 'x\n y' "),
    ("A", 'A="a"\\\n b'),
    ("B", "B=$A"),
    ("B", "\tB='A=1\nA=2'"),
    ("", "# A=1"),
    ("", "; c"),
    ("", ""),
    ("", "A"),
    ("", "A="),
    ("", "export A=1"),
]
CHANGES = st.dictionaries(st.sampled_from(NAMES), st.none() | VALUES, max_size=3)


def test_quoted_parts_are_joined_and_then_quotes_are_text() -> None:
    text = 'A=\'a b\'"c d" e \'f\'  \nB=x"y"\n C = z # no comment\n;D=1\n#E=1\nF="a\\"b\\c\\\nd"\nG="\\$A\\`"\n'
    assert members(text) == {"A": "a bc de 'f'", "B": 'x"y"', "C": "z # no comment", "F": 'a"b\\cd', "G": "$A`"}


def test_a_backslash_in_bare_text_goes_and_joins_lines() -> None:
    assert members("A=x \\") == {"A": "x "}
    assert members("A=a\\b\\ \nB=x \\\n y\nC=z \n") == {"A": "ab ", "B": "x  y", "C": "z"}


def test_a_carriage_return_ends_a_line_too() -> None:
    assert members("A\rB=1\rC=a\\\r\nD=2\r\n") == {"B": "1", "C": "a", "D": "2"}


def test_a_comment_opens_no_quote_and_joins_nothing() -> None:
    text = "; a='\n# b='\\\nA=1\n"
    assert members(text) == {"A": "1"}
    assert edit(text, {"B": "2"}) == text + "B=2\n"


def test_what_systemd_does_not_take_is_no_variable() -> None:
    assert members("export A=1\n9=2\nB-C=3\nD\n=4\nE=\nF=''\n\ufeffG=5\nä=6\n") == {}


def test_the_last_line_of_a_name_counts_and_an_empty_one_does_not() -> None:
    assert members("A=1\nA=2\nA=\n") == {"A": "2"}


def test_text_that_is_no_utf8_ends_the_reading() -> None:
    text = "A=1\n# \udcff\nB=\udcff\nC=2\n"
    assert members(text) == {"A": "1"}
    assert edit(text, {"D": "3"}) == "A=1\n# \udcff\nD=3\nB=\udcff\nC=2\n"


def test_only_the_value_that_counts_is_written() -> None:
    text = '# A=0\nA=1\nB=$A\n  A =\t"2" \n'
    assert edit(text, {"A": "$B"}) == "# A=0\nA=1\nB=$A\n  A =\t$B \n"
    assert edit("A=a \\\n b\r\nB=2", {"A": "c", "D": "e f"}) == "A=c\r\nB=2\nD=e f\n"


def test_a_removed_variable_takes_all_its_lines_with_it() -> None:
    assert edit("#x\n A=1\nB=2\r\nA='3\n4'\r\nC=5\rA=6", {"A": None}) == "#x\nB=2\r\nC=5\r"


def test_new_variables_get_lines_at_the_end() -> None:
    assert edit("", {"A": "1", "B": " 2"}) == 'A=1\nB=" 2"\n'
    assert edit("# c\r\nA=1", {"B": "a b"}) == "# c\r\nA=1\r\nB=a b\r\n"


@pytest.mark.parametrize("cut", ["B=1\\", 'B="1', "B='1\nC=2\n", "# c \\", "B='1' \"\\", "B=\\\n", "B=1\\\n"])
def test_a_new_variable_stands_above_what_the_texts_end_cuts_off(cut: str) -> None:
    assert edit(f"X=0\n{cut}", {"A": "1"}) == f"X=0\nA=1\n{cut}"


def test_a_value_whose_quote_is_never_closed_is_not_touched() -> None:
    text = "X=0\nA='1\nB=2\n"
    assert edit(text, {"X": "1"}) == "X=1\nA='1\nB=2\n"
    assert edit("A='1", {"A": "1"}) == "A='1"
    for value in ("3", None):
        with pytest.raises(UnclosedQuoteError, match="line 2: a quote in the value of A is never closed"):
            edit(text, {"A": value})


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("a b", "a b"),
        ("~/go:$PATH", "~/go:$PATH"),
        ('a"b', 'a"b'),
        ("#a;", "#a;"),
        (" a", '" a"'),
        ("a\t", '"a\t"'),
        ("'a'", "\"'a'\""),
        ('a\\"b', '"a\\\\\\"b"'),
    ],
)
def test_a_value_is_quoted_only_when_needed(value: str, written: str) -> None:
    assert edit("", {"A": value}) == f"A={written}\n"
    assert members(f"A={written}") == {"A": value}


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("A-B", "1", "no name"),
        ("9", "1", "no name"),
        ("ä", "1", "no name"),
        ("A\n", "1", "no name"),
        ("A", "", "empty"),
        ("A", "a\nB=1", "line end"),
        ("A", "a\r", "carriage return"),
        ("A", "a\0", "NUL"),
        ("A", "a\udcff", "UTF-8"),
    ],
)
def test_what_systemd_would_not_take_is_never_written(name: str, value: str, why: str) -> None:
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
    before = members(text)
    try:
        edited = edit(text, changes)
    except UnclosedQuoteError:
        assume(False)
    wanted = before | changes
    assert members(edited) == {name: value for name, value in wanted.items() if value is not None}
    assert edit(edited, changes) == edited


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from([(name, f"{line}{end}") for name, line in _STATEMENTS for end in ("\n", "\r\n")]),
        max_size=8,
    ),
    VALUES,
)
def test_all_other_bytes_stay(statements: list[tuple[str, str]], value: str) -> None:
    text = "".join(line for _, line in statements)
    others = "".join(line for name, line in statements if name != "A")
    assert edit(text, {"A": None}) == others
    assert edit(edit(text, {"A": value}), {"A": None}) == others


def _as_systemd_reads(folder: Path, text: str) -> dict[str, str]:
    if not GENERATOR.exists():
        pytest.skip("systemd's environment generator is not installed")
    file = folder / "environment.d" / "test.conf"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(text.encode())
    environment = {"XDG_CONFIG_HOME": str(folder), "HOME": "/home/x", "LC_ALL": "C.UTF-8"}
    run = subprocess.run([str(GENERATOR)], env=environment, capture_output=True, check=True, timeout=20)
    pairs = (line.partition("=")[::2] for line in run.stdout.decode().split("\n") if line)
    return {name: _plain(value) for name, value in pairs if name in NAMES}


def _plain(shown: str) -> str:
    """The generator writes values in double quotes with the escapes of C."""
    if not shown.startswith('"'):
        return shown
    return re.sub(r"\\(.)", lambda escape: {"n": "\n", "t": "\t", "r": "\r"}.get(escape[1], escape[1]), shown[1:-1])


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXTS)
def test_systemd_reads_the_same(tmp_path: Path, text: str) -> None:
    assume(not re.search(r"[#;].*\\[\n\r]", text))  # up to systemd 253 such a comment goes on
    assume(not re.search(r"\\\n[ \t]+($|[\n\r])", text))  # and so an empty value can be set after all
    assert _as_systemd_reads(tmp_path, text) == members(text)


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    TEXTS,
    st.text(st.sampled_from(["a", " ", "\t", "'", '"', "\\", "$", "`", "#", "ä", "{", "}"]), min_size=1, max_size=8),
)
def test_systemd_gives_the_text_that_was_written(tmp_path: Path, text: str, value: str) -> None:
    assume(not re.search(r"[#;].*\\[\n\r]", text))
    try:
        edited = edit(text, {"A": literal(value)})
    except UnclosedQuoteError:
        assume(False)
    assert _as_systemd_reads(tmp_path, edited)["A"] == value


@pytest.mark.parametrize("text", ["A=x \\", "A=1\rB=a\\\r\nC_1=2", "A='x\nB=1\n", "; a='\nA=1", "A=\\\n", "A='1' \"2"])
def test_systemd_reads_odd_ends_the_same(tmp_path: Path, text: str) -> None:
    assert _as_systemd_reads(tmp_path, text) == members(text)


def test_systemd_expands_what_a_value_names(tmp_path: Path) -> None:
    text = edit("", {"A": "1", "B": "$A${A}${N:-d}${A:+t}'$HOME'", "C_1": literal("$A ${A}"), "_d": '"$B" \\'})
    expected = {"A": "1", "B": "11dt'/home/x'", "C_1": "$A ${A}", "_d": "\"11dt'/home/x'\" \\"}
    assert _as_systemd_reads(tmp_path, text) == expected
