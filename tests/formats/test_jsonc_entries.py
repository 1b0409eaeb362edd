from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from random import Random

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from formats.jsonc_documents import random_document, random_value
from reconciler.formats.jsonc import ABSENT, Absent, Json, JsoncError, edit_entries, entries, equal, parse

Changes = Mapping[str, Mapping[str, Json | Absent] | Absent]

edit_launch = partial(
    edit_entries, array="configurations", key="name", skeleton={"version": "0.2.0", "configurations": []}
)
edit_tasks = partial(edit_entries, array="tasks", key="label", skeleton={"version": "2.0.0", "tasks": []})

LAUNCH = """\
{
    // Use IntelliSense to learn about possible attributes.
    "version": "0.2.0",
    "configurations": [
        {
            "name": "Launch", // the package
            "type": "go",
            "request": "launch",
            "mode": "auto",
            "env": { "CGO_ENABLED": "0" }
        },
        // for the debugger
        {
            "name": "Attach",
            "type": "go"
        } // end of Attach
    ]
}
"""


def changed(text: str, before: str, after: str) -> str:
    assert text.count(before) == 1
    return text.replace(before, after)


@pytest.mark.parametrize(
    ("wanted", "before", "after"),
    [
        ({"mode": "debug"}, '"auto"', '"debug"'),
        ({"env": {"CGO_ENABLED": "1"}}, '"0"', '"1"'),
        ({"env": {"CGO_ENABLED": "0", "A": "x"}}, '"0"', '"0", "A": "x"'),
        ({"env": ABSENT}, ',\n            "env": { "CGO_ENABLED": "0" }', ""),
        ({"request": ABSENT, "x": ABSENT}, '            "request": "launch",\n', ""),
        ({"args": ["-v"], "type": "go"}, '"0" }', '"0" },\n            "args": [\n                "-v"\n            ]'),
    ],
)
def test_of_an_entry_only_the_declared_members_change(
    wanted: Mapping[str, Json | Absent], before: str, after: str
) -> None:
    assert edit_launch(LAUNCH, changes={"Launch": wanted}) == changed(LAUNCH, before, after)


def test_nothing_changes_when_the_entries_are_as_they_should() -> None:
    wanted: Changes = {"Launch": {"env": {"CGO_ENABLED": "0"}, "x": ABSENT}, "Attach": {}, "Other": ABSENT}
    assert edit_launch(LAUNCH, changes=wanted) == LAUNCH
    assert edit_launch("", changes={"Other": ABSENT}) == ""
    text = '{"configurations": [{"\\u006eame": "\\u0061", "x": 1.0, "y": {"b": 1e1, "a": null}}]}'
    assert edit_launch(text, changes={"a": {"x": 1, "y": {"a": None, "b": 10}}}) == text


def test_a_new_entry_stands_last_and_begins_with_its_name() -> None:
    new = '        }, // end of Attach\n        {\n            "name": "Test",\n            "type": "go",\n            "mode": "test"\n        }\n'
    result = changed(LAUNCH, "        } // end of Attach\n", new)
    assert edit_launch(LAUNCH, changes={"Test": {"type": "go", "mode": "test", "x": ABSENT}}) == result
    assert edit_launch(result, changes={"Test": ABSENT}) == LAUNCH


def test_an_entry_goes_with_its_own_lines_and_leaves_other_comments() -> None:
    without_first = (
        LAUNCH[: LAUNCH.index('        {\n            "name": "Launch"')] + LAUNCH[LAUNCH.index("        // for") :]
    )
    assert edit_launch(LAUNCH, changes={"Launch": ABSENT}) == without_first
    without_last = changed(
        LAUNCH, '\n        {\n            "name": "Attach",\n            "type": "go"\n        } // end of Attach', ""
    )
    assert edit_launch(LAUNCH, changes={"Attach": ABSENT}) == changed(
        without_last, "},\n        // for", "}\n        // for"
    )


def test_brackets_that_share_a_line_go_on_sharing_it() -> None:
    text = '{\n  "configurations": [{\n    "name": "a"\n  }, {\n    "name": "b"\n  }]\n}'
    three = '{\n  "configurations": [{\n    "name": "a"\n  }, {\n    "name": "b"\n  }, {\n    "name": "c",\n    "x": {\n      "y": 1\n    }\n  }]\n}'
    assert edit_launch(text, changes={"c": {"x": {"y": 1}}}) == three
    assert edit_launch(three, changes={"c": ABSENT}) == text
    assert edit_launch(text, changes={"a": ABSENT}) == '{\n  "configurations": [{\n    "name": "b"\n  }]\n}'
    assert edit_launch(text, changes={"a": ABSENT, "b": ABSENT}) == '{\n  "configurations": []\n}'


@pytest.mark.parametrize(
    ("text", "result"),
    [
        pytest.param("", '{\n    "version": "2.0.0",\n    "tasks": [\n        {\n            "label": "vet"\n        }\n    ]\n}\n', id="no file"),
        pytest.param("// mine\r\n", '// mine\r\n{\r\n    "version": "2.0.0",\r\n    "tasks": [\r\n        {\r\n            "label": "vet"\r\n        }\r\n    ]\r\n}\r\n', id="a comment"),
        pytest.param('{\n  "version": "2.1.0",\n  "x": 1,\n}\n', '{\n  "version": "2.1.0",\n  "x": 1,\n  "tasks": [\n    {\n      "label": "vet"\n    }\n  ],\n}\n', id="no list"),
        pytest.param('{"x": 1}', '{"x": 1, "version": "2.0.0", "tasks": [{"label": "vet"}]}', id="neither list nor version"),
        pytest.param('{"tasks": []}', '{"tasks": [{"label": "vet"}]}', id="an empty list on the line of the file"),
        pytest.param('{\n\t"tasks": []\n}', '{\n\t"tasks": [\n\t\t{\n\t\t\t"label": "vet"\n\t\t}\n\t]\n}', id="an empty list on a line of its own"),
        pytest.param('{\n\t"tasks": [\n\t\t// none yet\n\t]\n}', '{\n\t"tasks": [\n\t\t// none yet\n\t\t{\n\t\t\t"label": "vet"\n\t\t}\n\t]\n}', id="a comment in the list"),
        pytest.param('{"tasks": 1, "tasks": [{"label": "fmt",},]}', '{"tasks": 1, "tasks": [{"label": "fmt",}, {"label": "vet"},]}', id="the last of two lists"),
    ],
)  # fmt: skip
def test_the_file_and_the_list_are_made_where_there_is_none(text: str, result: str) -> None:
    assert edit_tasks(text, changes={"vet": {}}) == result
    assert edit_tasks(result, changes={"vet": {}}) == result


def test_a_list_of_another_name_is_made_without_a_skeleton() -> None:
    result = edit_entries(LAUNCH, "compounds", "name", {"All": {"configurations": ["Launch"]}}, skeleton={})
    assert entries(result, "compounds", "name") == {"All": {"name": "All", "configurations": ["Launch"]}}
    assert entries(result, "configurations", "name") == entries(LAUNCH, "configurations", "name")


def test_of_entries_with_one_name_the_first_is_changed_and_all_are_removed() -> None:
    text = '{"tasks": [{"label": "a"}, 1, {"label": "a", "x": 1}, {"label": 1}]}'
    assert edit_tasks(text, changes={"a": {"x": 2}}) == changed(text, '"a"}', '"a", "x": 2}')
    assert edit_tasks(text, changes={"a": ABSENT}) == '{"tasks": [1, {"label": 1}]}'


def test_the_style_of_entries_that_all_go_is_still_that_of_the_new_ones() -> None:
    text = '{"tasks": [{\n  "label": "a"\n},]}'
    assert edit_tasks(text, changes={"a": ABSENT, "b": {}}) == '{"tasks": [{\n  "label": "b"\n},]}'


@pytest.mark.parametrize("listed", ["null", "{}", '"x"', "1"])
def test_what_stands_in_the_place_of_the_list_is_named_and_left_alone(listed: str) -> None:
    for wanted in ({}, ABSENT):
        with pytest.raises(JsoncError, match=r'line 1, column 11: "tasks" must be a list'):
            edit_tasks(f'{{"tasks": {listed}}}', changes={"vet": wanted})


def test_an_entry_cannot_have_another_name_than_its_own() -> None:
    assert edit_tasks("{}", changes={"a": {"label": "a"}}) == edit_tasks("{}", changes={"a": {}})
    for label in ("b", 1, ABSENT):
        with pytest.raises(ValueError, match="the label of the entry 'a' is"):
            edit_tasks("{}", changes={"a": {"label": label}})


def test_what_json_cannot_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be written as JSON"):
        edit_tasks("{}", changes={"a": {"x": {"y": float("nan")}}})


@pytest.mark.parametrize("text", ["[]", "null", "7"])
def test_a_document_that_is_no_object_holds_no_entries(text: str) -> None:
    with pytest.raises(JsoncError, match="must be an object"):
        edit_tasks(text, changes={"a": {}})


# Whatever stands in the file


def random_entries(chance: Random) -> Changes:
    names = chance.sample(["a", "b", "x", "", "é"], k=chance.randint(1, 3))
    return {name: ABSENT if chance.random() < 0.4 else _random_entry(chance) for name in names}


def _random_entry(chance: Random) -> Mapping[str, Json | Absent]:
    keys = [chance.choice(["type", "env", "x"]) for _ in range(chance.randint(0, 3))]
    return {key: ABSENT if chance.random() < 0.3 else random_value(chance) for key in keys}


def random_launch(chance: Random) -> str:
    """A list of what may be entries, in the place of a member of a random document."""
    text = random_document(chance, ("configurations", "version", "x"))
    for _ in range(chance.randint(0, 4)):
        text = edit_launch(text, changes=random_entries(chance)) if isinstance(_list(text), list) else text
    return text


def _list(text: str) -> object:
    value = parse(text)
    return value.get("configurations", []) if isinstance(value, dict) else None


@hypothesis_settings(max_examples=250, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_after_an_edit_the_wanted_holds_and_the_rest_is_as_it_was(seed: int) -> None:
    chance = Random(seed)
    text, changes = random_launch(chance), random_entries(chance)
    if not isinstance(_list(text), list):
        return
    result = edit_launch(text, changes=changes)
    before, after = entries(text, "configurations", "name"), entries(result, "configurations", "name")
    for name, wanted in changes.items():
        expected = dict(before.pop(name, {"name": name}))
        if wanted is ABSENT:
            assert name not in after
            continue
        for member, value in wanted.items():
            expected.pop(member, None)
            expected |= {} if value is ABSENT else {member: value}
        assert equal(after.pop(name), expected)
    assert equal(before, after)
    assert edit_launch(result, changes=changes) == result
