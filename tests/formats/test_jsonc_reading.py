from __future__ import annotations

import json
import math
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from formats.jsonc_documents import random_value
from reconciler.formats.jsonc import ABSENT, Json, JsoncError, entries, equal, members, parse, setting, settings

RECORDED = Path(__file__).parents[1] / "corpus" / "vscode-settings.jsonl"
NAMES = ("go", "go.a", "go.a.b", "go.a.b.c", "go.d", "gopls", "gopls.ui", "gopls.ui.x", "[go]")

SETTINGS = """\
// Mine, do not touch.
{
\t/* fonts */ "editor.fontSize": 14,
\t"http.proxy": "http://proxy.corp:3128", // not https://
\t"go.toolsEnvVars": { "GOFLAGS": "-mod=mod", },
\t"go": {
\t\t"goroot": "/usr/local/go",
\t\t"toolsManagement": { "autoUpdate": true }
\t},
\t"[go]": {
\t\t"editor.tabSize": 8
\t},
\t"gopls": {
\t\t"build.buildFlags": ["-tags=a", "-v"], // flags
\t},
}
"""


# The language


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", {}),
        ("\ufeff", {}),
        (" \r\n\t", {}),
        ("// nothing yet", {}),
        ("/* nothing\n * yet */\n", {}),
        ("\ufeff{}", {}),
        ("{ }", {}),
        ("[]", []),
        ("[1, 2,]", [1, 2]),
        ('{"a": 1,}', {"a": 1}),
        ('{"a": 1 /**/ , // x\n}', {"a": 1}),
        ('{"a": 1, "b": 2, "a": 3}', {"a": 3, "b": 2}),
        ('{"a": {"b": 1}, "a": {"c": 1}}', {"a": {"c": 1}}),
        ('{"\\u0061": 1, "a": 2}', {"a": 2}),
        ("/***/1/* **/", 1),
        ("1//", 1),
        ("{//\r}", {}),
        ("null", None),
        ("true", True),
        ("-0.5e-1", -0.05),
        ("1E3", 1000),
        ("9007199254740993", 9007199254740993),
        ('"// no comment"', "// no comment"),
        ('"/* nor */ this"', "/* nor */ this"),
        (r'"\" \\ \/ \b \f \n \r \t \u00e9"', '" \\ / \b \f \n \r \t é'),
        (r'"\ud83d\ude00"', "\U0001f600"),
        (r'"\ud800"', "\ud800"),
        ('"\u2028\x7f\xa0"', "\u2028\x7f\xa0"),
        ('"\udcff"', "\udcff"),
    ],
)
def test_a_document_means_what_it_means_to_vs_code(text: str, value: Json) -> None:
    assert equal(parse(text), value)


def test_a_number_that_vs_code_takes_for_infinite_is_so_here_however_it_is_written() -> None:
    assert parse("1e400") == parse("9" * 400) == math.inf
    assert parse("-" + "9" * 100_000) == -math.inf
    assert parse("1" + "0" * 308) == 1e308


@pytest.mark.parametrize(
    ("text", "line", "column", "what"),
    [
        ("{", 1, 1, "this { is not closed before the end of the file"),
        ('{"a": [1, // x\n', 1, 7, "this [ is not closed before the end of the file"),
        ('{\n  "a": 1\n  "b": 2\n}', 3, 3, 'a comma or } is missing before "'),
        ('{"a": 1]', 1, 8, "a comma or } is missing before ]"),
        ("[1 2]", 1, 4, "a comma or ] is missing before 2"),
        ("[1,,2]", 1, 4, "a value must stand here, not ,"),
        ("{,}", 1, 2, "a name in double quotes must stand here, not ,"),
        ("{a: 1}", 1, 2, "a name in double quotes must stand here, not a"),
        ("{'a': 1}", 1, 2, "a name in double quotes must stand here, not '"),
        ('{"a" 1}', 1, 6, "a colon is missing before 1"),
        ('{"a"}', 1, 5, "a colon is missing before }"),
        ('{"a":}', 1, 6, "a value must stand here, not }"),
        ('{"a":', 1, 6, "a value must stand here, not the end of the file"),
        ("[True]", 1, 2, "a value must stand here, not T; text takes double quotes, words are true, false, null"),
        ("['x']", 1, 2, "a value must stand here, not '; text takes double quotes, words are true, false, null"),
        ("[truex]", 1, 2, "a value must stand here, not t; text takes double quotes, words are true, false, null"),
        ("01", 1, 1, "a value must stand here, not 0"),
        ("1.", 1, 1, "a value must stand here, not 1"),
        ("[-]", 1, 2, "a value must stand here, not -"),
        ("[1e]", 1, 2, "a value must stand here, not 1"),
        ("[.5]", 1, 2, "a value must stand here, not ."),
        ("[+1]", 1, 2, "a value must stand here, not +"),
        ("{} {}", 1, 4, "the document has ended, but { follows"),
        ("{}\n,", 2, 1, "the document has ended, but , follows"),
        ("{} x", 1, 4, "the document has ended, but x follows"),
        ("\ufeff{} x", 1, 4, "the document has ended, but x follows"),
        ("\ufeff\ufeff{}", 1, 1, "a value must stand here, not '\\ufeff'"),
        ("\xa0{}", 1, 1, "a value must stand here, not '\\xa0'"),
        ("{}\r\n/* x", 2, 1, "this comment is not closed; */ closes it"),
        ("/*/", 1, 1, "this comment is not closed; */ closes it"),
        ("{} /", 1, 4, "a comment begins with // or /*"),
        ("# mine\n{}", 1, 1, "a comment begins with // or /*"),
        ('{"a": "x\n"}', 1, 7, "this text is not closed on its line"),
        ('{"a": "x\\\r\n"}', 1, 7, "this text is not closed on its line"),
        ('["x', 1, 2, "this text is not closed on its line"),
        ('["x\\', 1, 2, "this text is not closed on its line"),
        ('["C:\\Users"]', 1, 5, r"\U is no escape; a backslash is written \\"),
        ('{"a\\x": 1}', 1, 4, r"\x is no escape; a backslash is written \\"),
        ('["C:\\users"]', 1, 5, r"\u takes four hexadecimal digits; a backslash is written \\"),
        ('["a\tb"]', 1, 4, "the control character '\\t' must be escaped inside of a text"),
        ('{\r"a": 1,\r\n"b": 2,\n"c": x}', 4, 6, "a value must stand here, not x"),
    ],
)
def test_what_vs_code_flags_is_refused_with_its_place(text: str, line: int, column: int, what: str) -> None:
    with pytest.raises(JsoncError) as caught:
        parse(text)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert caught.value.what.startswith(what)
    assert str(caught.value) == f"line {line}, column {column}: {caught.value.what}"


def test_a_message_shows_one_character_of_the_file_and_no_more() -> None:
    with pytest.raises(JsoncError) as caught:
        parse('{"token": hunter2}')
    assert "not h;" in caught.value.what
    assert "unter2" not in str(caught.value)


@pytest.mark.parametrize("brackets", ["[]", '{"a":}'])
def test_only_a_hundred_objects_and_lists_may_stand_inside_each_other(brackets: str) -> None:
    opener, closer = brackets[:-1], brackets[-1]
    assert parse(opener * 99 + "[]" + closer * 99)
    with pytest.raises(JsoncError, match="nested more than 100 deep"):
        parse(opener * 100 + "[]" + closer * 100)
    with pytest.raises(JsoncError, match="nested more than 100 deep"):
        parse(opener * 200_000)


def test_the_name_of_a_setting_may_have_a_hundred_parts() -> None:
    assert setting('{"' + "a." * 99 + 'a": 1}', "a." * 99 + "a") == 1
    with pytest.raises(JsoncError, match="line 1, column 2: this name has more than 100 parts"):
        setting('{"' + "a." * 100 + 'a": 1}', "a")


@pytest.mark.parametrize(
    "text",
    [
        "/*" * 500_000,
        "/*" + "*" * 1_000_000,
        "/**/" * 250_000,
        "//" * 500_000,
        " \n" * 500_000,
        '"' + "\\n" * 500_000,
        '["' + "x" * 1_000_000 + '"]',
        '{"' + "a." * 400_000 + '": 1}',
        '{"a":' * 200_000,
        "9" * 1_000_000,
        "[" + '"x", ' * 100_000,
    ],
    ids=lambda text: text[:6],
)
def test_a_megabyte_of_anything_is_read_or_refused_at_once(text: str) -> None:
    # What takes more than linear time takes hours here.
    try:
        settings(text, ["a"])
    except JsoncError as error:
        assert error.line >= 1


def test_a_large_file_is_read_whole() -> None:
    members_of_file = [
        f'  "key.number{number}": {{"a": [1, true, "x"], "b": "text"}}, // c\n' for number in range(14_000)
    ]
    text = "{\n" + "".join(members_of_file) + "}\n"
    assert len(text) > 800_000
    assert len(members(text)) == 14_000
    assert setting(text, "key.number9.b") == "text"


@hypothesis_settings(deadline=None)
@given(st.text(st.sampled_from("{}[]\":,/*\n\r \t\\truefalsnu0159eE.+-x\ufeff\xa0#'\udcff")))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse(text)
    except JsoncError as error:
        lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
        assert 1 <= error.line <= len(lines)
        assert 1 <= error.column <= len(lines[error.line - 1]) + 1


@hypothesis_settings(deadline=None)
@given(
    st.integers(0, 2**32 - 1).map(lambda seed: random_value(Random(seed))),
    st.text(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(),
)
def test_json_is_read_as_python_reads_it(value: Json, text: str, number: float, whole: int) -> None:
    everything = [value, {text: number}, whole]
    for written in (json.dumps(everything), json.dumps(everything, ensure_ascii=False, indent=2)):
        assert equal(parse(written), json.loads(written))


# Equality


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (1, 1.0, True),
        (1, True, False),
        (0, False, False),
        ([1], [True], False),
        ({"a": 0}, {"a": False}, False),
        (None, False, False),
        ("1", 1, False),
        ("", None, False),
        ({"a": 1, "b": 2}, {"b": 2.0, "a": 1}, True),
        ([1, 2], [2, 1], False),
        ([1], [1, 2], False),
        ({"a": None}, {}, False),
        ({}, [], False),
    ],
)
def test_values_are_the_same_where_json_says_so(one: Json, other: Json, same: bool) -> None:
    assert equal(one, other) is same
    assert equal(other, one) is same


# Settings


def test_every_recorded_document_has_the_settings_that_vs_code_reads_in_it() -> None:
    with RECORDED.open(encoding="utf-8") as lines:
        cases = [json.loads(line) for line in lines]
    assert len(cases) == 506
    for case in cases:
        read = {name: value for name, value in settings(case["text"], NAMES).items() if value is not ABSENT}
        assert equal(read, case["read"]), case["text"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("editor.fontSize", 14),
        ("http.proxy", "http://proxy.corp:3128"),
        ("go.goroot", "/usr/local/go"),
        ("go.toolsManagement.autoUpdate", True),
        ("[go]", {"editor.tabSize": 8}),
        ("gopls", {"build.buildFlags": ["-tags=a", "-v"]}),
        ("go.toolsEnvVars", ABSENT),
        ("gopls.build.buildFlags", ABSENT),
        ("go.gopath", ABSENT),
        ("editor", {"fontSize": 14}),
        ("", ABSENT),
    ],
)
def test_a_setting_is_read_in_its_dotted_and_in_its_nested_form(name: str, value: object) -> None:
    assert setting(SETTINGS, name) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"go.goroot": "/1", "go.goroot": "/2"}', "/2"),
        ('{"go.goroot": "/1", "go": {"goroot": "/2"}}', "/2"),
        ('{"go": {"goroot": "/1"}, "go.goroot": "/2"}', "/2"),
        ('{"go.goroot": "/1", "go": {"goroot": "/2"}, "go.goroot": "/3"}', "/2"),
        ('{"go.goroot": "/1", "go": {"gopath": "/2"}}', ABSENT),
        ('{"go.goroot": "/1", "go": "x"}', ABSENT),
        ('{"go": "x", "go.goroot": "/1"}', ABSENT),
        ('{"go": null, "go.goroot": "/1"}', ABSENT),
        ('{"go": "x", "go": {"goroot": "/1"}}', "/1"),
        ('{"go": {"go.goroot": "/1"}}', ABSENT),
        ('{"go.goroot": null}', None),
        ("[]", ABSENT),
        ("null", ABSENT),
        ("", ABSENT),
    ],
)
def test_of_several_places_the_one_counts_that_vs_code_reads(text: str, value: object) -> None:
    assert setting(text, "go.goroot") == value


def test_members_are_listed_as_they_are_written() -> None:
    assert list(members(SETTINGS)) == ["editor.fontSize", "http.proxy", "go.toolsEnvVars", "go", "[go]", "gopls"]
    assert members('{"a": 1, "a.b": 2, "a": 3}') == {"a": 3, "a.b": 2}
    assert members("") == members("[1]") == {}


def test_several_members_can_make_up_one_setting() -> None:
    read = settings('{"go": {"env": {"A": 1}}, "go.env.B": 2}', ["go", "go.env", "go.env.B"])
    assert read == {"go": {"env": {"A": 1, "B": 2}}, "go.env": {"A": 1, "B": 2}, "go.env.B": 2}


# Entries


def test_entries_are_found_by_their_name_and_the_first_counts() -> None:
    text = '{"configurations": [{"name": "a", "n": 1}, 7, {"name": 7}, {}, {"name": "a", "n": 2}, {"name": "b",},]}'
    assert entries(text, "configurations", "name") == {"a": {"name": "a", "n": 1}, "b": {"name": "b"}}


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"configurations": {}}', '{"configurations": null}', '{"tasks": []}']
)
def test_where_there_is_no_list_there_are_no_entries(text: str) -> None:
    assert entries(text, "configurations", "name") == {}
