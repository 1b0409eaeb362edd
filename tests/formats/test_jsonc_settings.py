from __future__ import annotations

import math
from collections.abc import Mapping

import pytest

from reconciler.formats.jsonc import ABSENT, Absent, Json, JsoncError, edit_settings, setting

Changes = Mapping[str, Json | Absent]

SETTINGS = """\
// Settings of one's own.
{
    "editor.fontSize": 14, // points
    /* the proxy */ "http.proxy": "http://proxy.corp:3128",

    // Go
    "go.toolsEnvVars": {
        "GOFLAGS": "-mod=mod", // for old modules
        "GOPROXY": "off"
    },
    "[go]": { "editor.tabSize": 8, "editor.rulers": [80, 120] },
    "go.buildTags": "a" // the last one
    // "go.lintTool": "none"
}
"""


def changed(text: str, before: str, after: str) -> str:
    assert text.count(before) == 1
    return text.replace(before, after)


# Where npm's modify() goes wrong


@pytest.mark.parametrize(
    ("text", "changes", "result"),
    [
        pytest.param('{"a": 1,}', {"a": ABSENT}, "{}", id="it leaves a comma alone in the object"),
        pytest.param(
            '{\n  "a": 1, // about a\n  // about b\n  "b": 2\n}\n',
            {"b": ABSENT},
            '{\n  "a": 1 // about a\n  // about b\n}\n',
            id="it removes the comments of others",
        ),
        pytest.param(
            '{\n  "a": 1 // about a\n}\n',
            {"b": 2},
            '{\n  "a": 1, // about a\n  "b": 2\n}\n',
            id="it moves a comment to the new member",
        ),
        pytest.param('{"a": 1, "a": 2}', {"a": 3}, '{"a": 1, "a": 3}', id="it sets the member that does not count"),
        pytest.param(
            '{\n  "x": {"a": 1},\n  "b": {"c": 1}\n}',
            {"b": {"c": 1, "d": 2}},
            '{\n  "x": {"a": 1},\n  "b": {"c": 1, "d": 2}\n}',
            id="it spreads an object of one line over several",
        ),
        pytest.param(
            '{"go.env": "x"}', {"go.env": {"A": "1"}}, '{"go.env": {"A": "1"}}', id="it cannot make an object of a text"
        ),
    ],
)
def test_what_npm_s_own_editing_gets_wrong_comes_out_right(text: str, changes: Changes, result: str) -> None:
    assert edit_settings(text, changes) == result


# A value in place


@pytest.mark.parametrize(
    ("name", "value", "before", "after"),
    [
        ("editor.fontSize", 12, '"editor.fontSize": 14, //', '"editor.fontSize": 12, //'),
        ("http.proxy", "", '"http://proxy.corp:3128"', '""'),
        ("go.buildTags", None, '"a" // the', "null // the"),
        ("go.buildTags", ["a", {"b": []}], '"a" // the', '[\n        "a",\n        {\n            "b": []\n        }\n    ] // the'),
        ("go.toolsEnvVars", "x", SETTINGS[SETTINGS.index("{\n        ") : SETTINGS.index("},\n    ") + 1], '"x"'),
        ("go.toolsEnvVars", {"GOFLAGS": "-mod=mod", "GOPROXY": "direct"}, '"off"', '"direct"'),
        ("go.toolsEnvVars", {"GOFLAGS": "-mod=mod"}, '"-mod=mod", // for old modules\n        "GOPROXY": "off"', '"-mod=mod" // for old modules'),
        ("go.toolsEnvVars", {"GOPROXY": "off"}, '        "GOFLAGS": "-mod=mod", // for old modules\n', ""),
        ("go.toolsEnvVars", {"GOPROXY": "off", "GOFLAGS": "-mod=mod", "A": {"b": 1}}, '"off"', '"off",\n        "A": {\n            "b": 1\n        }'),
        ("[go]", {"editor.tabSize": 4, "editor.rulers": [80, 120]}, '"editor.tabSize": 8', '"editor.tabSize": 4'),
        ("[go]", {"editor.tabSize": 8, "editor.rulers": [100, 120]}, "[80, 120]", "[100, 120]"),
        ("[go]", {"editor.tabSize": 8}, ', "editor.rulers": [80, 120]', ""),
        ("[go]", {"editor.rulers": [80, 120]}, '"editor.tabSize": 8, ', ""),
        ("[go]", {"a": {"b": 1}}, '"editor.tabSize": 8, "editor.rulers": [80, 120]', '"a": {"b": 1}'),
        ("[go]", {}, '{ "editor.tabSize": 8, "editor.rulers": [80, 120] }', "{}"),
    ],
)  # fmt: skip
def test_a_value_changes_in_its_place_and_of_an_object_only_what_differs(
    name: str, value: Json, before: str, after: str
) -> None:
    assert edit_settings(SETTINGS, {name: value}) == changed(SETTINGS, before, after)


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ('{"a": 1}', {"a": 1.0}),
        ('{"a": 1.0}', {"a": 1}),
        ('{"a": 1e3}', {"a": 1000}),
        ('{"a": "\\u0078"}', {"a": "x"}),
        ('{"a": {"y": [1, {}],"x":null,}}', {"a": {"x": None, "y": [1, {}]}}),
        ('{"a": {"b": 1}}', {"a.b": 1}),
        ('{"a.b": 1, "a.c": 2}', {"a": {"c": 2, "b": 1}}),
        ("", {"a": ABSENT}),
        ("{}", {"a": ABSENT}),
        ("[]", {"a": ABSENT}),
        ('{"a": "x", "a.b": 1}', {"a.b": ABSENT}),
        ("\ufeff// x", {}),
    ],
)
def test_nothing_changes_when_the_file_already_says_so(text: str, changes: Changes) -> None:
    assert edit_settings(text, changes) == text


@pytest.mark.parametrize(("before", "after"), [("1", True), ("true", 1), ("0", False), ("false", 0), ("null", False)])
def test_true_is_not_one_and_false_not_zero(before: str, after: Json) -> None:
    read = setting(edit_settings(f'{{"a": {before}}}', {"a": after}), "a")
    assert (type(read), read) == (type(after), after)


# New members


@pytest.mark.parametrize(
    ("text", "result"),
    [
        pytest.param("", '{\n    "n": {\n        "x": [\n            1\n        ]\n    }\n}\n', id="an empty file"),
        pytest.param("\ufeff", '\ufeff{\n    "n": {\n        "x": [\n            1\n        ]\n    }\n}\n', id="a byte order mark"),
        pytest.param("// mine", '// mine\n{\n    "n": {\n        "x": [\n            1\n        ]\n    }\n}\n', id="a comment"),
        pytest.param("// mine\r\n", '// mine\r\n{\r\n    "n": {\r\n        "x": [\r\n            1\r\n        ]\r\n    }\r\n}\r\n', id="a comment with CRLF"),
        pytest.param("{}", '{\n    "n": {\n        "x": [\n            1\n        ]\n    }\n}', id="an empty object"),
        pytest.param("{\n}\n", '{\n    "n": {\n        "x": [\n            1\n        ]\n    }\n}\n', id="an empty object over two lines"),
        pytest.param("{\n  // mine\n}\n", '{\n  // mine\n  "n": {\n      "x": [\n          1\n      ]\n  }\n}\n', id="a comment in an object"),
        pytest.param("{\n  /* mine */  \n}\n", '{\n  /* mine */  \n  "n": {\n      "x": [\n          1\n      ]\n  }\n}\n', id="blanks behind a comment"),
        pytest.param("{ // mine\n}", '{ // mine\n    "n": {\n        "x": [\n            1\n        ]\n    }\n}', id="a comment behind the bracket"),
        pytest.param("{ /* mine */ }", '{ /* mine */ "n": {"x": [1]} }', id="a comment in an object of one line"),
        pytest.param('{\n  "a": 1\n}', '{\n  "a": 1,\n  "n": {\n    "x": [\n      1\n    ]\n  }\n}', id="no final line end"),
        pytest.param('{\n\t"a": 1\n}\n', '{\n\t"a": 1,\n\t"n": {\n\t\t"x": [\n\t\t\t1\n\t\t]\n\t}\n}\n', id="tabs"),
        pytest.param('{\r\n  "a": 1\r\n}\r\n', '{\r\n  "a": 1,\r\n  "n": {\r\n    "x": [\r\n      1\r\n    ]\r\n  }\r\n}\r\n', id="CRLF"),
        pytest.param('{\n  "a": 1,\n}', '{\n  "a": 1,\n  "n": {\n    "x": [\n      1\n    ]\n  },\n}', id="a comma at the end"),
        pytest.param('{\n  "a": 1 /* x */ , // y\n}', '{\n  "a": 1 /* x */ , // y\n  "n": {\n    "x": [\n      1\n    ]\n  },\n}', id="a comma behind a comment"),
        pytest.param('{\n  "a": 1 // x\n  ,\n}', '{\n  "a": 1 // x\n  ,\n  "n": {\n    "x": [\n      1\n    ]\n  },\n}', id="a comma on a line of its own"),
        pytest.param('{\n  "a": 1 /* x */ // y  \n}', '{\n  "a": 1, /* x */ // y  \n  "n": {\n    "x": [\n      1\n    ]\n  }\n}', id="comments behind the last member"),
        pytest.param('{\n  "a": 1 /* x\n  y */\n}', '{\n  "a": 1, /* x\n  y */\n  "n": {\n    "x": [\n      1\n    ]\n  }\n}', id="a comment of two lines behind the last member"),
        pytest.param('{\n  "a": 1  \n\n  // x\n}', '{\n  "a": 1,  \n  "n": {\n    "x": [\n      1\n    ]\n  }\n\n  // x\n}', id="a comment below the last member"),
        pytest.param('{"a": 1}', '{"a": 1, "n": {"x": [1]}}', id="one line"),
        pytest.param('{ "a": [1,], }', '{ "a": [1,], "n": {"x": [1]}, }', id="one line with a comma at the end"),
        pytest.param('{ "a": 1 /* x */ }\n', '{ "a": 1, /* x */ "n": {"x": [1]} }\n', id="one line with a comment"),
        pytest.param('{ "a": 1,\n  "b": 2 }', '{ "a": 1,\n  "b": 2,\n  "n": {\n    "x": [\n      1\n    ]\n  } }', id="brackets on the lines of members"),
        pytest.param('{ "a": 1 // x\n}', '{ "a": 1, // x\n    "n": {\n        "x": [\n            1\n        ]\n    }\n}', id="a member on the line of the bracket"),
        pytest.param('{\n  "a": 1\n, "b": 2\n}', '{\n  "a": 1\n, "b": 2, "n": {\n  "x": [\n    1\n  ]\n}\n}', id="commas before members"),
    ],
)  # fmt: skip
def test_a_new_member_stands_last_in_the_style_of_the_file(text: str, result: str) -> None:
    assert edit_settings(text, {"n": {"x": [1]}}) == result


@pytest.mark.parametrize(
    ("text", "result"),
    [
        (
            '{\n"a": {\n  "b": [\n     1\n  ]\n}\n}',
            '{\n"a": {\n  "b": [\n     1\n  ]\n},\n"n": {\n  "x": 1\n}\n}',
        ),
        (
            '      {\n        "a": 1\n      }',
            '      {\n        "a": 1,\n        "n": {\n          "x": 1\n        }\n      }',
        ),
    ],
)
def test_the_unit_of_indentation_is_what_the_first_indented_item_has_more_than_its_object(
    text: str, result: str
) -> None:
    assert edit_settings(text, {"n": {"x": 1}}) == result


@pytest.mark.parametrize(
    "text", ["{}", '{"a": 1}', '{ "a": 1, }\n', SETTINGS, SETTINGS.replace("\n", "\r\n"), "\ufeff" + SETTINGS]
)
def test_what_was_added_can_be_removed_again(text: str) -> None:
    added = edit_settings(text, {"n": {"x": [1]}, "m": "x"})
    assert edit_settings(added, {"n": ABSENT, "m": ABSENT}) == text


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ('say "hi"', r'"say \"hi\""'),
        ("C:\\go\tx\n\x00\x7f", '"C:\\\\go\\tx\\n\\u0000\x7f"'),
        ("日本\U0001f600 /\u2028", '"日本\U0001f600 /\u2028"'),
        ("\ud800 \udcff", r'"\ud800 \udcff"'),
        (1e100, "1e+100"),
        (2.0, "2.0"),
        (-(2**70), "-1180591620717411303424"),
        (1 - 10**308, "-" + "9" * 308),
        ({}, "{}"),
        ([], "[]"),
        ({'"': {"": 0}}, r'{"\"": {"": 0}}'),
    ],
)
def test_values_are_written_as_json_that_any_reader_takes(value: Json, written: str) -> None:
    assert edit_settings('{"a": 0.5}', {"a": value}) == f'{{"a": {written}}}'


# Removal


@pytest.mark.parametrize(
    ("text", "result"),
    [
        pytest.param('{"n": 1}', "{}", id="the only member"),
        pytest.param('{\n  "n": 1 // gone\n}\n', "{}\n", id="the only member with its comment"),
        pytest.param('{\n  // stays\n  "n": 1\n}\n', "{\n  // stays\n}\n", id="the only member below a comment"),
        pytest.param('{ "n": 1, // stays\n}', "{ // stays\n}", id="the only member on the line of the bracket"),
        pytest.param('{\n  "n": {\n    "x": 1 // gone\n  }, /* gone */ // gone\n  "b": 2\n}', '{\n  "b": 2\n}', id="several lines"),
        pytest.param('{\n  /* gone */ "n": 1,\n  "b": 2\n}', '{\n  "b": 2\n}', id="a comment before it"),
        pytest.param('{\n  "a": 1, // stays\n\n  // stays\n  "n": 1 // gone\n  // stays\n}', '{\n  "a": 1 // stays\n\n  // stays\n  // stays\n}', id="the last"),
        pytest.param('{\n  "a": 1,\n  "n": 1,\n}', '{\n  "a": 1,\n}', id="the last with a comma"),
        pytest.param('{\r\n  "n": 1,\r\n  "b": 2\r\n}\r\n', '{\r\n  "b": 2\r\n}\r\n', id="CRLF"),
        pytest.param('{\r  "n": 1,\r  "b": 2\r}\r', '{\r  "b": 2\r}\r', id="carriage returns"),
        pytest.param('{\n  "n": 1, /* stays\n  stays */\n  "b": 2\n}', '{\n  /* stays\n  stays */\n  "b": 2\n}', id="a comment that goes on"),
        pytest.param('{\n  /* stays\n  stays */ "n": 1,\n  "b": 2\n}', '{\n  /* stays\n  stays */\n  "b": 2\n}', id="a comment that ends on its line"),
        pytest.param('{\n  /* a /* b\n  /* c */ "n": 1,\n  "b": 2\n}', '{\n  /* a /* b\n  /* c */\n  "b": 2\n}', id="a comment with a comment in it"),
        pytest.param('{\n  "n": 1 // gone\n  , "b": 2\n}', '{\n  "b": 2\n}', id="its comma on the next line"),
        pytest.param('{\n  "n": 1 // gone\n  , // stays\n  "b": 2\n}', '{\n  // stays\n  "b": 2\n}', id="its comma on a line with a comment"),
        pytest.param('{\n  "n": 1\n  ,\n  "b": 2\n}', '{\n  "b": 2\n}', id="its comma on a line of its own"),
        pytest.param('{\n  "a": 1\n  , "n": 1\n}', '{\n  "a": 1\n}', id="its comma before it"),
        pytest.param('{\n  "a": 1 // stays\n  , // stays\n  "n": 1\n}', '{\n  "a": 1 // stays\n  // stays\n}', id="its comma among comments"),
        pytest.param('{"n": 1, "b": 2}', '{"b": 2}', id="one line, first"),
        pytest.param('{ "n": 1, "b": 2 }', '{ "b": 2 }', id="one line with blanks, first"),
        pytest.param('{"a": 1, "n": 1, "b": 2}', '{"a": 1, "b": 2}', id="one line, middle"),
        pytest.param('{"a":1,"n":1,"b":2}', '{"a":1,"b":2}', id="no blanks, middle"),
        pytest.param('{ "a": 1, "n": 1 }', '{ "a": 1 }', id="one line, last"),
        pytest.param('{ "a": 1, "n": 1, }', '{ "a": 1, }', id="one line, last with a comma"),
        pytest.param('{"a": 1, /* b */ "n": 1 /* c */, "b": 2}', '{"a": 1, /* b */ /* c */ "b": 2}', id="one line with comments"),
        pytest.param('{ "a": 1, /* b */ "n": 1 /* c */ }', '{ "a": 1 /* b */ /* c */ }', id="one line with comments, last"),
        pytest.param('{ "a": 1,\n  "n": 1 }', '{ "a": 1 }', id="the line of the closing bracket"),
        pytest.param('{ "a": 1, // stays\n  "n": 1 }', '{ "a": 1 // stays\n  }', id="the line of the closing bracket below a comment"),
        pytest.param('{ "n": 1,\n  "b": 2 }', '{\n  "b": 2 }', id="the line of the opening bracket"),
        pytest.param('{\n  "n": 1, "b": 2\n}', '{\n  "b": 2\n}', id="first of two on a line"),
        pytest.param('{\n  "a": 1, "n": 1 // stays\n}', '{\n  "a": 1 // stays\n}', id="second of two on a line"),
        pytest.param('{\n  "a": 1, "n": 1,\n  "b": 2\n}', '{\n  "a": 1,\n  "b": 2\n}', id="second of two on a line, more below"),
        pytest.param('{"n": 1, "a": 2, "n": {}, "n": 3}', '{"a": 2}', id="every duplicate"),
        pytest.param('{\n  "n.x": 1,\n  "n": {},\n  "a": 2,\n  "n.y.z": 1\n}', '{\n  "a": 2\n}', id="what adds to it"),
    ],
)  # fmt: skip
def test_a_member_goes_with_its_own_line_and_leaves_all_other_comments(text: str, result: str) -> None:
    assert edit_settings(text, {"n": ABSENT}) == result


# Dotted and nested


@pytest.mark.parametrize(
    ("text", "value", "result"),
    [
        pytest.param('{"go": {"env": {"A": 1}}}', {"A": 2}, '{"go": {"env": {"A": 2}}}', id="the nested form"),
        pytest.param('{"go": {"x": 1}}', 2, '{"go": {"x": 1}, "go.env": 2}', id="a new one beside the nested form"),
        pytest.param('{"go.env": 1, "go": {"env": 2}}', 3, '{"go.env": 1, "go": {"env": 3}}', id="the later, nested"),
        pytest.param('{"go": {"env": 1}, "go.env": 2}', 3, '{"go": {"env": 1}, "go.env": 3}', id="the later, dotted"),
        pytest.param('{"go": {"env": 1}, "go": {"env": 2, "env": 3}}', 4, '{"go": {"env": 1}, "go": {"env": 2, "env": 4}}', id="the last of duplicates"),
        pytest.param('{"go.env": 1, "go": {"x": 1}}', 2, '{"go": {"x": 1}, "go.env": 2}', id="moved out of what hides it"),
        pytest.param('{"go.env": 1, "go": {"x": 1}, "go.env": 2}', 3, '{"go": {"x": 1}, "go.env": 3}', id="a hidden duplicate"),
        pytest.param('{"go.env.A": 1, "x": 2}', {"B": 1}, '{"x": 2, "go.env": {"B": 1}}', id="made up of others before"),
        pytest.param('{"go.env": {"A": 1}, "go.env.B": 2}', {"A": 1, "B": 3}, '{"go.env": {"A": 1, "B": 3}}', id="added to by others"),
        pytest.param('{"go.env": 1, "go.env.B": 2}', {"A": 1}, '{"go.env": {"A": 1}}', id="would be added to by others"),
        pytest.param('{"go": "x", "go": {"env": 1}}', 2, '{"go": "x", "go": {"env": 2}}', id="no object, but it does not count"),
        pytest.param('{"go.x": "x", "go": {"x": {}}}', 2, '{"go.x": "x", "go": {"x": {}}, "go.env": 2}', id="another is no object"),
        pytest.param('{"go": {"env": 1}, "go.env": 1}', ABSENT, '{"go": {}}', id="removed in both forms"),
        pytest.param('{"go.env": 1, "go": {"env": 1, "x": 2, "env": 1}, "go": {"env": 3, "y": 1}}', ABSENT, '{"go": {"x": 2}, "go": {"y": 1}}', id="removed also where it is hidden"),
    ],
)  # fmt: skip
def test_the_form_that_counts_is_edited(text: str, value: Json | Absent, result: str) -> None:
    assert edit_settings(text, {"go.env": value}) == result


@pytest.mark.parametrize(
    ("text", "name", "column", "hiding"),
    [
        ('{"go": "x"}', "go.goroot", 8, "go"),
        ('{"go": null, "go.goroot": "/1"}', "go.goroot", 8, "go"),
        ('{"go.goroot": "/1", "go": []}', "go.goroot", 27, "go"),
        ('{"go": {"tools": 1}}', "go.tools.x", 18, "go.tools"),
        ('{"go.tools": 1}', "go.tools.x.y", 14, "go.tools"),
    ],
)
def test_what_hides_a_setting_is_named_and_left_alone(text: str, name: str, column: int, hiding: str) -> None:
    with pytest.raises(JsoncError) as caught:
        edit_settings(text, {name: "new"})
    assert (caught.value.line, caught.value.column) == (1, column)
    assert caught.value.what == f'"{hiding}" is no object and hides {name}: remove "{hiding}", or make it an object'


def test_what_is_set_for_a_language_is_one_setting() -> None:
    text = edit_settings("{}", {"[c.d]": {"x.y": 1}})
    assert text == '{\n    "[c.d]": {\n        "x.y": 1\n    }\n}'
    assert setting(text, "[c.d]") == {"x.y": 1}


# Several at once


def test_several_settings_change_at_once_and_new_ones_stand_in_the_given_order() -> None:
    changes: Changes = {"z": 1, "http.proxy": ABSENT, "a": 2, "go.buildTags": "b"}
    result = changed(SETTINGS, '    /* the proxy */ "http.proxy": "http://proxy.corp:3128",\n', "")
    result = changed(
        result,
        '"go.buildTags": "a" // the last one\n',
        '"go.buildTags": "b", // the last one\n    "z": 1,\n    "a": 2\n',
    )
    assert edit_settings(SETTINGS, changes) == result


def test_the_style_of_members_that_all_go_is_still_that_of_the_new_ones() -> None:
    assert (
        edit_settings('{\r\n\t"a": 1,\r\n}', {"a": ABSENT, "b": {"c": 1}}) == '{\r\n\t"b": {\r\n\t\t"c": 1\r\n\t},\r\n}'
    )


@pytest.mark.parametrize(
    "changes", [{"go": {}, "go.goroot": "/"}, {"a.b.c": 1, "a": ABSENT}, {"go.env.A": ABSENT, "go.env": {}}]
)
def test_a_setting_and_a_part_of_it_cannot_be_changed_together(changes: Changes) -> None:
    with pytest.raises(ValueError, match="one of them can be set, not both"):
        edit_settings("{}", changes)


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, b"x", {1: 2}, {None: 2}, {"": {0: 1}}, [{"a": object()}], 10**308, -(10**5000), (1, 2)],
    ids=lambda value: type(value).__name__,
)
def test_what_json_cannot_hold_is_refused_before_anything_else(value: object) -> None:
    with pytest.raises(ValueError, match=r"cannot be written as JSON|must be text"):
        edit_settings("malformed", {"a": value})  # type: ignore[dict-item]


def test_what_nests_too_deep_to_be_read_again_is_not_written() -> None:
    deep: Json = 1
    for _ in range(99):
        deep = [deep]
    assert setting(edit_settings("{}", {"a": deep}), "a") == deep
    for depth in (1, 100_000):
        deeper = deep
        for _ in range(depth):
            deeper = {"a": deeper}
        with pytest.raises(ValueError, match="nested more than"):
            edit_settings("{}", {"a": deeper})
    with pytest.raises(ValueError, match="more than 100 parts"):
        edit_settings("{}", {"a" + ".a" * 100: 1})


@pytest.mark.parametrize("text", ["[]", "1", '"x"', "null", "// x\n[]"])
def test_a_document_that_is_no_object_holds_no_settings(text: str) -> None:
    with pytest.raises(JsoncError, match="must be an object"):
        edit_settings(text, {"a": 1})


@pytest.mark.parametrize("changes", [{}, {"a": 1}, {"a": ABSENT}])
def test_a_malformed_file_is_never_edited(changes: Changes) -> None:
    with pytest.raises(JsoncError, match="line 2, column 1: a comma or } is missing"):
        edit_settings('{"a": 1\n"b": 2}', changes)
