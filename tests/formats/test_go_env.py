from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.formats.go_env import Oddity, edit, ignored_lines, members, oddities

KEYS = st.sampled_from(["GOBIN", "GOFLAGS", "GOPRIVATE", "GOPROXY", "GOVCS", "A", "Zß"])
VALUES = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=12)
CHANGES = st.dictionaries(KEYS, st.none() | VALUES, max_size=5)
LINES = st.one_of(
    st.builds("{}={}".format, KEYS, VALUES).map(str.encode),
    st.sampled_from(
        [b"", b"# a = comment", b" GOPROXY=a", b"goproxy=a", b"export GOVCS=a", b"nonsense", b"=", b"A#B=1"]
    ),
    st.binary(max_size=20),
)
TEXTS = st.one_of(
    st.binary(max_size=80),
    st.builds(
        lambda lines, eol, tail: eol.join(lines) + tail, st.lists(LINES), st.sampled_from([b"\n", b"\r\n"]), LINES
    ),
).map(lambda data: data.decode("utf-8", "surrogateescape"))


def test_a_value_is_everything_after_the_first_equals_sign() -> None:
    text = 'GOFLAGS=-tags=a -x\nGOSUMDB="off"\nGOPATH= /p # x\nGOPRIVATE=\n'
    assert members(text) == {"GOFLAGS": "-tags=a -x", "GOSUMDB": '"off"', "GOPATH": " /p # x", "GOPRIVATE": ""}


def test_the_last_of_several_lines_wins() -> None:
    assert members("GOPROXY=a\nGOPROXY=b") == {"GOPROXY": "b"}


def test_lines_that_do_not_begin_with_a_capital_letter_are_not_read() -> None:
    assert members("#GOBIN=/a\n GOBIN=/a\ngobin=/a\nexport GOBIN=/a\n\ufeffGOBIN=/a\n=a\nGOBIN\n") == {}


def test_a_carriage_return_is_part_of_the_value() -> None:
    assert members("GOPROXY=off\r\n") == {"GOPROXY": "off\r"}


def test_a_new_key_is_sorted_into_the_run_of_lines_it_is_appended_to() -> None:
    text = "GOWASM=\nGOBIN=/b\n\n# proxies\nGOPROXY=off"
    assert edit(text, {"GOPATH": "/p"}) == "GOBIN=/b\nGOWASM=\n\n# proxies\nGOPATH=/p\nGOPROXY=off\n"


def test_a_value_is_replaced_on_the_line_that_counts_and_earlier_ones_go() -> None:
    assert edit("GOBIN=/1\n# two\nGOBIN=/2\n", {"GOBIN": "/3"}) == "# two\nGOBIN=/3\n"


def test_a_removed_key_takes_all_its_lines_with_it_and_leaves_comments() -> None:
    assert edit("# bin\nGOBIN=/1\nGOBIN=/2\nGOARCH=arm\n", {"GOBIN": None}) == "# bin\nGOARCH=arm\n"


def test_a_blanked_duplicate_parts_the_sorted_lines_until_go_writes_again() -> None:
    text = "GOBIN=/b\nGOFLAGS=-x\nGOARCH=arm\nGOFLAGS=-v\n"
    assert edit(text, {"GOFLAGS": "-n"}) == "GOBIN=/b\nGOARCH=arm\nGOFLAGS=-n\n"
    assert edit(text, {"GOFLAGS": "-n", "GOVCS": None}) == "GOARCH=arm\nGOBIN=/b\nGOFLAGS=-n\n"


def test_nothing_changes_when_the_file_already_says_so_however_untidy() -> None:
    text = "GOPROXY=b\nGOBIN=/b\nGOPROXY=off\n\nno line end"
    assert edit(text, {"GOPROXY": "off", "GOBIN": "/b", "GOVCS": None}) == text


def test_nothing_becomes_something_and_something_nothing() -> None:
    assert edit("", {"GOPROXY": "off"}) == "GOPROXY=off\n"
    assert edit("GOPROXY=off\n", {"GOPROXY": None}) == ""
    assert edit("", {"GOPROXY": None}) == ""


@pytest.mark.parametrize("key", ["", "goproxy", "GO=X", "GO#X", "GO\nX", " GOX"])
def test_a_key_that_go_would_not_read_is_never_written(key: str) -> None:
    with pytest.raises(ValueError, match="cannot stand in a go env file"):
        edit("", {key: "x"})


def test_a_value_of_two_lines_is_never_written() -> None:
    with pytest.raises(ValueError, match="GOBIN has a line end"):
        edit("", {"GOBIN": "/a\nGOFLAGS=-toolexec=/evil"})


def test_lines_that_go_skips_in_silence_are_named() -> None:
    text = "# fine\n  # fine too\n\nGOBIN=/b\n GOPROXY=off\nexport GOVCS=x\n\r\nGOFLAGS"
    assert ignored_lines(text) == ((5, " GOPROXY=off"), (6, "export GOVCS=x"), (8, "GOFLAGS"))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("GOPROXY=off\r", ["ends with a carriage return (a Windows line end) that go keeps as part of the value"]),
        ("GOPROXY='off'", ["is wrapped in quotes that go keeps as part of the value"]),
        ("GOPATH=/p # x", ["has a # comment behind it that go keeps as part of the value"]),
        ("GOBIN= /b", ["begins or ends with a blank that go keeps as part of the value"]),
        ("GOBIN=~/b", ["begins with ~, which go does not expand"]),
        ("GOBIN=$HOME/b", ["begins with $, which go does not expand"]),
        ("GOPROXY=", ["is empty, which hides go's default: `go env -u` brings it back"]),
        ("GOBIN =/b", ["is no name of a variable: go takes everything before the = sign, 'GOBIN '"]),
        ("GOFLAGS='-tags=a b' '-x'", []),
        ("GOPRIVATE=", []),
        ("GOPROXY=https://a/#b", []),
    ],
)
def test_what_its_writer_hardly_meant_is_named(line: str, said: list[str]) -> None:
    assert [oddity.what for oddity in oddities(f"# head\n{line}\n")] == said
    assert all(oddity.line == 2 for oddity in oddities(f"# head\n{line}\n"))


def test_a_line_without_effect_points_at_the_one_that_wins() -> None:
    found = oddities("GOBIN=/1\nGOBIN=/2\nGOBIN=/3\n")
    what = "has no effect here: line 3 sets it again and the last line wins"
    assert found == (Oddity(line=1, key="GOBIN", what=what), Oddity(line=2, key="GOBIN", what=what))


@given(TEXTS)
def test_any_bytes_can_be_read(text: str) -> None:
    numbers = [number for number, _ in ignored_lines(text)]
    assert numbers == sorted(set(numbers))
    assert {oddity.key for oddity in oddities(text)} <= members(text).keys()


@given(TEXTS, CHANGES)
def test_after_an_edit_the_wanted_holds_and_the_rest_is_as_it_was(text: str, changes: Mapping[str, str | None]) -> None:
    before, after = members(text), members(edit(text, changes))
    unrelated = {key: value for key, value in before.items() if key not in changes}
    assert after == unrelated | {key: value for key, value in changes.items() if value is not None}


@given(TEXTS, CHANGES)
def test_a_second_edit_changes_nothing(text: str, changes: Mapping[str, str | None]) -> None:
    once = edit(text, changes)
    assert edit(once, changes) == once


@given(TEXTS, CHANGES)
def test_an_edit_keeps_every_comment_and_every_line_that_is_ignored(
    text: str, changes: Mapping[str, str | None]
) -> None:
    def without_key(some: str) -> list[str]:
        return [line for line in some.split("\n") if line and ("=" not in line or "#" in line.partition("=")[0])]

    assert without_key(edit(text, changes)) == without_key(text)
