"""What holds of every edit, whatever stands in the file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from random import Random
from typing import NamedTuple

from hypothesis import assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from formats.jsonc_documents import NAMES, random_changes, random_document, random_value
from reconciler.formats.jsonc import ABSENT, Absent, Json, JsoncError, edit_settings, equal, members, settings
from reconciler.formats.jsonc.parts import Node
from reconciler.formats.jsonc.scanner import scan

Changes = Mapping[str, Json | Absent]

_STRING_OR_COMMENT = re.compile(r'"(?:[^"\\]|\\.)*"|//[^\r\n]*|/\*.*?\*/', re.DOTALL)
NEW = "tests.new"


class Case(NamedTuple):
    text: str
    changes: Changes
    value: Json
    member: int


def case(seed: int) -> Case:
    chance = Random(seed)
    return Case(random_document(chance), random_changes(chance), random_value(chance), chance.randint(0, 9))


# One number makes a case: hypothesis drawing each choice finds no more, and takes five times as long.
cases = st.integers(0, 2**32 - 1).map(case)
thorough = hypothesis_settings(max_examples=250, deadline=None)


def comments(text: str) -> Iterator[re.Match[str]]:
    return (found for found in _STRING_OR_COMMENT.finditer(text) if not found[0].startswith('"'))


def is_part_of(shorter: str, longer: str) -> bool:
    """Whether `longer` becomes `shorter` by leaving characters out."""
    rest = iter(longer)
    return all(character in rest for character in shorter)


def edited(text: str, changes: Changes) -> str:
    """The result; hypothesis tries another example where something hides what is wanted."""
    try:
        return edit_settings(text, changes)
    except JsoncError:
        assume(False)
        raise


def concerns(name: str, changes: Changes) -> bool:
    return any(
        f"{one}.".startswith(f"{other}.") for wanted in changes for one, other in ((name, wanted), (wanted, name))
    )


def is_alone(item: Node, document: Node) -> bool:
    """Whether no other member has to do with the setting."""
    others = [str(other.key) for other in document.items if other is not item]
    return not concerns(str(item.key), dict.fromkeys(others))


@thorough
@given(cases)
def test_after_an_edit_the_wanted_holds_and_the_rest_is_as_it_was(case: Case) -> None:
    text, changes = case.text, case.changes
    before, after = settings(text, NAMES), settings(edited(text, changes), NAMES)
    for name in NAMES:
        if name in changes or not concerns(name, changes):
            wanted = changes.get(name, before[name])
            assert (wanted is ABSENT) == (after[name] is ABSENT)
            assert wanted is ABSENT or after[name] is ABSENT or equal(after[name], wanted)


@thorough
@given(cases)
def test_an_edit_is_refused_only_where_something_hides_what_is_wanted(case: Case) -> None:
    text, changes = case.text, case.changes
    try:
        edit_settings(text, changes)
    except JsoncError as error:
        assert "is no object and hides" in error.what
        hiding = error.what.split('"')[1]
        assert not isinstance(settings(text, [hiding])[hiding], dict | Absent)
        assert any(name.startswith(f"{hiding}.") for name, wanted in changes.items() if wanted is not ABSENT)


@thorough
@given(cases)
def test_a_second_edit_changes_nothing(case: Case) -> None:
    text, changes = case.text, case.changes
    once = edited(text, changes)
    assert edit_settings(once, changes) == once


@thorough
@given(cases)
def test_what_is_read_can_be_wanted_without_changing_a_byte(case: Case) -> None:
    text = case.text
    for name, value in settings(text, NAMES).items():
        assert edit_settings(text, {name: value}) == text


@thorough
@given(cases)
def test_all_lines_end_as_they_did(case: Case) -> None:
    text = case.text
    result = edited(text, case.changes)
    if "\r\n" in text:
        assert "\n" not in result.replace("\r\n", "")
    else:
        assert "\r" not in result


@thorough
@given(cases)
def test_a_byte_order_mark_stays_and_none_comes(case: Case) -> None:
    text = case.text
    result = edited(text, case.changes)
    assert result.startswith("\ufeff") == text.startswith("\ufeff")
    assert "\ufeff" not in result[1:]


@thorough
@given(cases)
def test_the_last_member_has_a_comma_where_it_had_one_and_only_there(case: Case) -> None:
    text = case.text
    result = edited(text, case.changes)
    before, after = scan(text).root, scan(result).root
    if before and after and before.items and after.items:
        assert (before.items[-1].comma is None) == (after.items[-1].comma is None)


@thorough
@given(cases)
def test_a_new_member_moves_nothing_and_leaves_no_trace_when_it_goes(case: Case) -> None:
    text = case.text
    before = scan(text).root
    # An object with nothing in it is written anew, and closed up in the end.
    assume(before and (before.items or not text[before.value_start + 1 : before.end - 1].isspace()))
    added = edit_settings(text, {NEW: case.value})
    assert is_part_of(text, added)
    assert list(members(added))[-1] == NEW
    assert edit_settings(added, {NEW: ABSENT}) == text


@thorough
@given(cases)
def test_where_one_value_takes_the_place_of_another_only_that_changes(case: Case) -> None:
    text = case.text
    document = scan(text).root
    assume(document and document.items)
    assert document is not None
    item = document.items[case.member % len(document.items)]
    assume(is_alone(item, document) and not isinstance(item.value, dict))
    value = case.value
    result = edit_settings(text, {str(item.key): value})
    if not equal(item.value, value):
        assert result.startswith(text[: item.value_start])
        assert result.endswith(text[item.end :])
        assert len(result) > item.value_start + len(text) - item.end


@thorough
@given(cases)
def test_a_removal_only_leaves_out_and_takes_no_comment_but_those_on_lines_of_the_member_alone(case: Case) -> None:
    text = case.text
    document = scan(text).root
    assume(document and document.items)
    assert document is not None
    item = document.items[case.member % len(document.items)]
    assume(is_alone(item, document))
    result = edit_settings(text, {str(item.key): ABSENT})
    assert is_part_of(result, text)
    kept = [comment[0] for comment in comments(result)]
    lost = [comment for comment in comments(text) if comment[0] not in kept]
    outside = [comment for comment in lost if not item.start <= comment.start() < item.end]
    if outside:
        line_start = max(text.rfind("\n", 0, item.start), -1) + 1
        line_end = text.find("\n", item.end)
        assert all(line_start <= comment.start() < comment.end() <= line_end for comment in outside)
        rest = text[line_start : item.start] + text[item.end : line_end]
        assert not re.sub(r"//.*|/\*.*?\*/", "", rest).strip(", \t\r")
