from __future__ import annotations

import time

import pytest
import yaml

from reconciler.documents.load import (
    DEEPEST_NESTING_LEVELS,
    LARGEST_DOCUMENT_BYTES,
    MOST_NODES,
    MOST_NODES_THROUGH_ALIASES,
    MOST_PROBLEMS,
    EventLoader,
    lines_of,
    load,
    snippet,
)
from reconciler.model.errors import DocumentError, Problem
from reconciler.model.tree import Mapping, Node, Origin, Scalar, Sequence

LOADERS = [yaml.CSafeLoader, yaml.SafeLoader] if yaml.__with_libyaml__ else [yaml.SafeLoader]

Outline = str | list["Outline"] | dict[str, "Outline"] | None


@pytest.fixture(params=LOADERS, ids=lambda loader: loader.__name__)
def loader(request: pytest.FixtureRequest) -> EventLoader:
    """Every behaviour holds for libyaml's parser and for PyYAML's own."""
    chosen: EventLoader = request.param
    return chosen


def outline(node: Node | None) -> Outline:
    match node:
        case None:
            return None
        case Scalar():
            return None if node.is_null else node.text
        case Sequence():
            return [outline(item) for item in node.items]
        case Mapping():
            return {key.text: outline(value) for key, value in node}


def problems(text: str | bytes, loader: EventLoader = LOADERS[0]) -> tuple[Problem, ...]:
    with pytest.raises(DocumentError) as caught:
        load(text.encode() if isinstance(text, str) else text, "team/base.yaml", loader)
    return caught.value.problems


def only_problem(text: str | bytes, loader: EventLoader = LOADERS[0]) -> Problem:
    found = problems(text, loader)
    assert len(found) == 1, found
    return found[0]


def place(problem: Problem) -> tuple[int, int]:
    assert problem.origin is not None
    assert problem.origin.file == "team/base.yaml"
    return problem.origin.line, problem.origin.column


# ── what is read ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_mappings_sequences_and_scalars_become_nodes_with_their_place(loader: EventLoader) -> None:
    node = load(b"user:\n  go_env:\n    GO111MODULE: on\n  list: [a, 'b']\n", "f.yaml", loader)

    assert node == Mapping(
        (
            (
                Scalar("user", Origin("f.yaml", 1, 1)),
                Mapping(
                    (
                        (
                            Scalar("go_env", Origin("f.yaml", 2, 3)),
                            Mapping(
                                (
                                    (
                                        Scalar("GO111MODULE", Origin("f.yaml", 3, 5)),
                                        Scalar("on", Origin("f.yaml", 3, 18)),
                                    ),
                                ),
                                Origin("f.yaml", 3, 5),
                            ),
                        ),
                        (
                            Scalar("list", Origin("f.yaml", 4, 3)),
                            Sequence(
                                (
                                    Scalar("a", Origin("f.yaml", 4, 10)),
                                    Scalar("b", Origin("f.yaml", 4, 13), plain=False),
                                ),
                                Origin("f.yaml", 4, 9),
                            ),
                        ),
                    ),
                    Origin("f.yaml", 2, 3),
                ),
            ),
        ),
        Origin("f.yaml", 1, 1),
    )


@pytest.mark.parametrize("text", ["on", "1.20", "022", "0x1F", "2027-03-31", "1e3", "12:30:45", "=", "yes", ".inf"])
def test_a_scalar_keeps_the_text_as_written(text: str, loader: EventLoader) -> None:
    assert load(f"a: {text}\n".encode(), "f.yaml", loader) == Mapping(
        ((Scalar("a", Origin("f.yaml", 1, 1)), Scalar(text, Origin("f.yaml", 1, 4))),), Origin("f.yaml", 1, 1)
    )


@pytest.mark.parametrize(
    "text", ["", "\n\n", "# only a comment\n", "---\n", "---\n# nothing\n", "\ufeff", "\ufeff# x\n"]
)
def test_an_empty_document_is_none(text: str, loader: EventLoader) -> None:
    assert load(text.encode(), "f.yaml", loader) is None


@pytest.mark.parametrize("text", ["null", "~", '""'])
def test_a_document_that_says_null_or_nothing_in_quotes_is_not_empty(text: str, loader: EventLoader) -> None:
    assert isinstance(load(text.encode(), "f.yaml", loader), Scalar)


def test_columns_count_characters_not_bytes(loader: EventLoader) -> None:
    node = load("ключ: {é: 日本語, 𝔤𝔬: [x]}\n".encode(), "f.yaml", loader)

    assert isinstance(node, Mapping)
    inner = node.entries[0][1]
    assert isinstance(inner, Mapping)
    assert [(key.text, key.origin.column, value.origin.column) for key, value in inner] == [
        ("é", 8, 11),
        ("𝔤𝔬", 16, 20),
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_whatever_ends_them(end: str, loader: EventLoader) -> None:
    node = load(end.join(["# head", "a: 1", "", "b: |", "  x", "  y", "c: 3"]).encode(), "f.yaml", loader)

    assert isinstance(node, Mapping)
    assert [(key.text, key.origin.line) for key, _ in node] == [("a", 2), ("b", 4), ("c", 7)]
    assert outline(node) == {"a": "1", "b": "x\ny\n", "c": "3"}


def test_a_byte_order_mark_does_not_move_the_first_column(loader: EventLoader) -> None:
    node = load(b"\xef\xbb\xbfversion: 1\n", "f.yaml", loader)

    assert isinstance(node, Mapping)
    assert node.entries[0][0] == Scalar("version", Origin("f.yaml", 1, 1))


def test_a_value_that_is_missing_in_block_is_null_beside_its_key(loader: EventLoader) -> None:
    node = load(b"a:\nb: 1\n", "f.yaml", loader)

    assert isinstance(node, Mapping)
    assert node.get("a") == Scalar("", Origin("f.yaml", 1, 3))


def test_an_alias_is_the_node_it_refers_to_with_the_origin_of_its_text(loader: EventLoader) -> None:
    node = load(b"a: &proxy {host: h}\nb: *proxy\n", "f.yaml", loader)

    assert isinstance(node, Mapping)
    assert node.get("b") == node.get("a")
    assert outline(node) == {"a": {"host": "h"}, "b": {"host": "h"}}


def test_a_yaml_directive_and_a_document_marker_are_allowed(loader: EventLoader) -> None:
    assert outline(load(b"%YAML 1.2\n---\na: 1\n...\n", "f.yaml", loader)) == {"a": "1"}


# ── accidents, each with the corrected line ──────────────────────────────────────────────────────────────────────────

CORRECTED = {
    "a percent sign first": ("path: %APPDATA%/go/env\n", "begin with", {"path": "%APPDATA%/go/env"}),
    "a percent sign in a list": (
        "paths: [%USERPROFILE%/go, x, %TEMP%]\n",
        "begin with",
        {"paths": ["%USERPROFILE%/go", "x", "%TEMP%"]},
    ),
    "a percent sign in a list of lines": ("a: [\n  %x,\n  b]\n", "begin with", {"a": ["%x", "b"]}),
    "a percent sign in a key": ("%APPDATA%/go: {x: y}\n", "directive", {"%APPDATA%/go": {"x": "y"}}),
    "a scope": ("package: @vue/cli\n", "begin with", {"package": "@vue/cli"}),
    "a scope in a key": ("@vue/cli: 1\n", "begin with", {"@vue/cli": "1"}),
    "a backtick": ("command: `date`\n", "begin with", {"command": "`date`"}),
    "a bracket first": ("a: ]x\n", "begin with", {"a": "]x"}),
    "a comma first": ("a: ,x\n", "begin with", {"a": ",x"}),
    "a question mark first": ("a: ? x\n", "begin with", {"a": "? x"}),
    "a wildcard": ("GOPRIVATE: *.corp.example\n", "anchor", {"GOPRIVATE": "*.corp.example"}),
    "a wildcard and more": ("a: *.corp,*.lan  # local\n", "anchor", {"a": "*.corp,*.lan"}),
    "wildcards in a list": ("a: [*.corp, *.lan]\n", "anchor", {"a": ["*.corp", "*.lan"]}),
    "a wildcard that could be an alias": ("- *corp\n", "anchor", ["*corp"]),
    "an ampersand": ("password: &secret\nb: 1\n", "anchor", {"password": "&secret", "b": "1"}),
    "an ampersand alone": ("a: & b\n", "anchor", {"a": "& b"}),
    "an exclamation mark": ("a: !important\n", "tag", {"a": "!important"}),
    "an exclamation mark in a list": ("a: [!x y, z]\n", "tag", {"a": ["!x y", "z"]}),
    "two exclamation marks in a handle": ("a: !x!y z\n", "tag", {"a": "!x!y z"}),
    "a tag for text": ("a: !!str null\n", "`!!str` is a YAML tag", {"a": "null"}),
    "a tag for a list": ("a: !!python/tuple [b]\n", "`!!python/tuple` is a YAML tag", {"a": ["b"]}),
    "a tag for lines": ("a: !thing\n  b: 1\n", "`!thing` is a YAML tag", {"a": {"b": "1"}}),
    "a tag for quoted text": ("a: !!binary 'aGk='\n", "`!!binary` is a YAML tag", {"a": "aGk="}),
    "a template": ("a: {{ vars.x }}\nb: 1\n", "template", {"a": "{{ vars.x }}", "b": "1"}),
    "a template in a list": ("- {{ vars.x }}\n", "template", ["{{ vars.x }}"]),
    "a template in an item": ("- a: {{ vars.x }}\n  b: 1\n", "template", [{"a": "{{ vars.x }}", "b": "1"}]),
    "a template and more": ("a: {{ vars.home }}/bin # x\n", "template", {"a": "{{ vars.home }}/bin"}),
    "two templates": ("a: {{ vars.a }}:{{ vars.b }}\n", "template", {"a": "{{ vars.a }}:{{ vars.b }}"}),
    "a template in braces": ("a: {b: {{ vars.x }}, c: 1}\n", "template", {"a": {"b": "{{ vars.x }}", "c": "1"}}),
    "templates in brackets": (
        "a: [{{ x }}, {{ y }}/z, '{{ z }}']\n",
        "template",
        {"a": ["{{ x }}", "{{ y }}/z", "{{ z }}"]},
    ),
    "a template after text in brackets": ("a: [b/{{ x }}, c]\n", "template", {"a": ["b/{{ x }}", "c"]}),
    "a template in brackets of lines": ("a: [\n  {{ x }}/b,\n  c]\n", "template", {"a": ["{{ x }}/b", "c"]}),
    "a template with a filter": (
        "a: {{ vars.x | default('y, z') }}\n",
        "template",
        {"a": "{{ vars.x | default('y, z') }}"},
    ),
    "a template with quotes": ('a: {{ vars["x: y"] }}\n', "template", {"a": '{{ vars["x: y"] }}'}),
    "a template and backslashes": ("a: {{ vars.x }}\\bin\n", "template", {"a": "{{ vars.x }}\\bin"}),
    "a comma in braces": (
        "go_env: {GOPROXY: https://goproxy.cn,direct}\n",
        "comma",
        {"go_env": {"GOPROXY": "https://goproxy.cn,direct"}},
    ),
    "commas in braces": ("a: {A: x, B: y,z,u, C: v}\n", "comma", {"a": {"A": "x", "B": "y,z,u", "C": "v"}}),
    "a comma after quotes": ('a: {A: "x",y}\n', "comma", {"a": {"A": "x,y"}}),
    "no blank after a colon in braces": ("a: {b:c}\n", "blank after it", {"a": {"b": "c"}}),
    "no blank after a colon": ("a: 1\nb:2\nc: 3\n", "blank after it", {"a": "1", "b": "2", "c": "3"}),
    "no blank after the first colon": ("a:1\nb: 2\n", "blank after it", {"a": "1", "b": "2"}),
    "a colon in a value": ("command: echo a: b # why\n", "colon", {"command": "echo a: b"}),
    "a colon in an item": ("- command: echo a: b\n", "colon", [{"command": "echo a: b"}]),
    "a colon behind quotes": ('a: "b": "c"\n', "colon", {"a": '"b": "c"'}),
    "a colon between quotes": ('a: echo "it\'s: b"\n', "colon", {"a": 'echo "it\'s: b"'}),
    "a colon in braces": ("a: {b: c: d, e: f}\n", "quotes", {"a": {"b": "c: d", "e": "f"}}),
    "a version": ("requires: >=0.3\n", "block of text", {"requires": ">=0.3"}),
    "a pipe": ("a: |grep x\n", "block of text", {"a": "|grep x"}),
    "a list behind its key": ("a: - b\nc: 1\n", "list item", {"a": ["b"], "c": "1"}),
    "a path with escapes": ('a: "C:\\temp\\new"\n', "backslash", {"a": "C:\\temp\\new"}),
    "a path with unknown escapes": ('a: "C:\\Users\\go"  # x\n', "backslash", {"a": "C:\\Users\\go"}),
    "a path with odd escapes": ('a: "D:\\New\\_build"\n', "backslash", {"a": "D:\\New\\_build"}),
    "a path under an anchor": ('a: ["%APPDATA%\\npm", b]\n', "backslash", {"a": ["%APPDATA%\\npm", "b"]}),
    "a path with some escapes": ('a: "C:\\\\go\\bin"\n', "backslash", {"a": "C:\\go\\bin"}),
    "a path that ends its quotes": ('a: "C:\\Go\\"\nb: 1\n', "backslash", {"a": "C:\\Go\\", "b": "1"}),
    "a path that escapes its quotes only": ('a: "C:/Go\\"\n', "backslash", {"a": "C:/Go\\"}),
    "a path as a key": ('"C:\\temp": 1\n', "backslash", {"C:\\temp": "1"}),
    "a backspace": ('a: "go\\bin"\n', "backslash", {"a": "go\\bin"}),
    "a NUL by escape": ('a: "x\\0y"\n', "backslash", {"a": "x\\0y"}),
    "half a character by escape": ('a: "\\ud800"\n', "backslash", {"a": "\\ud800"}),
    "text behind quotes": ('a: "b" c\nd: 1\n', "behind the end", {"a": '"b" c', "d": "1"}),
    "text behind a quoted key": ('"a" b: {c: d}\n', "behind the end", {'"a" b': {"c": "d"}}),
    "text behind quotes in brackets": ('a: [b, "c" d]\n', "quotes", {"a": ["b", '"c" d']}),
    "text that touches quotes": ('a: "{{ vars.home }}"/bin\n', "behind the end", {"a": "{{ vars.home }}/bin"}),
    "an apostrophe": ("a: 'it's'\n", "behind the end", {"a": "it's"}),
    "text behind brackets": ("title: [WIP] go\n", "behind the end", {"title": "[WIP] go"}),
    "a bracket too many": ("a: {b: [c]}}\n", "closes nothing", {"a": {"b": ["c"]}}),
    "a comma too many": ("a: [b,,c]\n", "comma", {"a": ["b", "c"]}),
    "null as a key": ("null: 1\n", "null", {"null": "1"}),
    "a language of VS Code": ("a: {[go]: {x: 1}}\n", "keys are text", {"a": {"[go]": {"x": "1"}}}),
    "tabs": ("a:\n\tb: 1\n", "tab", {"a": {"b": "1"}}),
    "tabs after blanks": ("a:\n  b:\n  \tc: 1\n", "tab", {"a": {"b": {"c": "1"}}}),
    "a tab behind a dash": ("-\ta: 1\n", "tab", [{"a": "1"}]),
}


@pytest.mark.parametrize(("text", "word", "meant"), CORRECTED.values(), ids=CORRECTED.keys())
def test_an_accident_is_named_and_the_corrected_line_reads_as_meant(
    text: str, word: str, meant: Outline, loader: EventLoader
) -> None:
    problem = only_problem(text, loader)

    assert word in problem.what
    assert problem.fix is not None
    assert outline(load(corrected(text, problem).encode(), "f.yaml", loader)) == meant


def corrected(text: str, problem: Problem) -> str:
    """The document with the line of the problem replaced by the one that the fix shows."""
    lines = text.split("\n")
    index = place(problem)[0] - 1
    verb, _, line = (problem.fix or "").partition("  ")
    assert verb in ("write", "with blanks:")
    indentation = lines[index][: len(lines[index]) - len(lines[index].lstrip())] if verb == "write" else ""
    lines[index] = indentation + line
    return "\n".join(lines)


def test_the_fix_is_the_users_own_line() -> None:
    problem = only_problem("user:\n  go_env:\n    GOPATH: {{ vars.home }}/go   # ours\n")

    assert place(problem) == (3, 13)
    assert problem.fix == 'write  GOPATH: "{{ vars.home }}/go"   # ours'


def test_every_template_of_a_list_is_named_on_its_own_line() -> None:
    assert [place(problem) for problem in problems("- {{ a }}\n- x\n- {{ b }}\n")] == [(1, 3), (3, 3)]


def test_a_template_elsewhere_on_the_line_is_not_blamed_for_its_indentation(loader: EventLoader) -> None:
    problem = only_problem("a:\n    b: 1\n  c: x/{{ vars.y }}\n", loader)

    assert place(problem) == (3, 3)
    assert "fits none of the entries" in problem.what


@pytest.mark.parametrize("text", ["{{ vars.x }}: 1\n", "a:\n  {{ vars.x }}/b: 1\n", "{{ x }}:\n  y: {b}\n"])
def test_a_template_in_a_key_is_told_from_one_in_a_value(text: str, loader: EventLoader) -> None:
    assert "a template in a key" in problems(text, loader)[0].what


def test_a_line_too_long_to_rewrite_still_names_the_accident(loader: EventLoader) -> None:
    assert only_problem(f"a: {{{{ {'x' * 500} }}}}\n", loader) == Problem(
        "a template without quotes; YAML reads `{{` as the start of two mappings",
        Origin("team/base.yaml", 1, 4),
        "put the value in quotes",
    )


# ── other refusals ───────────────────────────────────────────────────────────────────────────────────────────────────

REFUSED = {
    "no colon": ("a: 1\nfoo\nb: 2\n", (2, 1), "neither `key: value` nor a list item", "give it a colon"),
    "no colon on the first line": ("foo\nb: 2\n", (1, 1), "neither `key: value` nor a list item", "give it a colon"),
    "deeper than a value": ("a: 1\n\n  b: 2\n", (3, 3), "below line 1, which already has a value", "column 1"),
    "between two levels": ("a:\n    b: 1\n  c: 2\n", (3, 3), "fits none of the entries", "line it up"),
    "a list among keys": ("a: 1\n- b\n", (2, 1), "a list item among keys", "below the key"),
    "a key in a list": ("- a\nb: 1\n", (2, 1), "fits none of the entries", "line it up"),
    "two items behind a key": ("a: - b\n   - c\n", (1, 4), "on the line of its key", "line of its own"),
    "paths that end their quotes": ('a: ["C:\\a\\", "D:\\b\\"]\n', (1, 5), "a backslash", "use single quotes"),
    "text behind a list in a list": ("a: [[b] c, d]\n", (1, 9), "missing comma", "put the value in quotes"),
    "an open double quote": ('a: "x\nb: 1\n', (1, 4), "this quote is never closed", 'close it with "'),
    "an open single quote": ("a: 1\nb: 'x\nc: 1\n", (2, 4), "this quote is never closed", "close it with '"),
    "an open quote before a marker": ('a: "x\n---\n', (1, 4), "this quote is never closed", "close it"),
    "a quote closed by another": ('a: "x\nb: "y"\n', (1, 4), "ends on line 2", 'close it with "'),
    "an open brace before a quoted value": ('a: {b: c,\n  d: "e"\nf: "g"\n', (1, 4), "`{` is never closed", "with }"),
    "no comma between lines": (
        "a: {\n  b: 1\n  c: 2\n}\n",
        (3, 3),
        "a missing comma",
        "end the line above with a comma",
    ),
    "an open bracket": ("a: [1, 2\nb: 3\n", (1, 4), "`[` is never closed", "close it with ]"),
    "an open brace": ("a: {x: 1\n", (1, 4), "`{` is never closed", "close it with }"),
    "an open bracket after a comma": ("a: [1,\n", (1, 4), "`[` is never closed", "close it with ]"),
    "a wrong bracket": ("a: [b}\n", (1, 6), "`}` does not close the `[` of line 1", "close it with ]"),
    "no key": ("a: 1\n: 2\n", (2, 1), "a colon without a key", "write the key"),
    "no key in braces": ("a: {~: 1}\n", (1, 5), "as a key is YAML's null", 'write  a: {"~": 1}'),
    "a key without a value": ("a: {b, c: d}\n", (1, 5), "the key `b` has no value", "list is written in [ ]"),
    "an empty value in braces": ("a: {b: 1, c: }\n", (1, 11), "the key `c` has no value", "give it a value"),
    "a merge key": ("a: &x {b: 1}\nc:\n  <<: *x\n", (3, 3), "`<<` merges", "use:"),
    "an include": ("a: !include b.yaml\n", (1, 4), "`!include` is a YAML tag", "include:"),
    "a vault": ("a: !vault |\n  1234\n", (1, 4), "`!vault` is a YAML tag", "{{ secrets.NAME }}"),
    "a list as a key": ("? [a, b]\n: c\n", (1, 3), "a list or mapping as a key", "write the key as text"),
    "a mapping as a key": ("{{a: b}: c}: d\n", (1, 1), "as a key", ""),
    "an alias as a key": ("a: &x b\n*x : c\n", (2, 1), "an alias as a key", "write the key out"),
    "a key of lines": ("? |\n  a\n  b\n: c\n", (1, 3), "a key of more than one line", "on one line"),
    "an alias in itself": ("a: &x [b, *x]\n", (1, 11), "inside what it refers to", "write the values out"),
    "a second document": ("a: 1\n---\nb: 2\n", (2, 1), "a second document begins here", "a file of its own"),
    "a second empty document": ("---\n---\n", (2, 1), "a second document begins here", "a file of its own"),
    "text after the end": ("a: 1\n...\nb: 2\n", (3, 1), "behind the end of the document", "remove it"),
    "a directive alone": ("%YAML 1.2", (1, 10), "no document behind it", "---"),
    "another YAML": ("%YAML 2.0\n---\na: 1\n", (1, 1), "directive", "remove this line"),
    "a tag directive": ("%TAG ! tag:x,2000:\n---\na: 1\n", (1, 1), "tags are not used here", "remove this line"),
    "a tag directive behind a CR": ("%YAML 1.2\r%TAG ! x\r---\r", (2, 1), "tags are not used here", "remove"),
    "a NUL": ("a: 1\nb: \0\n", (2, 4), "NUL", "name a YAML file"),
    "an escape character": ("a: \x1b[31m\n", (1, 4), "U+001B", "in double quotes"),
    "a vertical tab": ("a: 1\r\nbc\x0b: 2\n", (2, 3), "U+000B", "remove it"),
    "a C1 control": ("a: b\x85\n", (1, 5), "U+0085", "remove it"),
    "a line separator": ("a: é\u2028\n", (1, 5), "line separator", '"\\u2028" in double quotes'),
    "a right-to-left override": ("a: b # \u202e x\n", (1, 8), "right-to-left override", "remove it"),
    "a byte order mark inside": ("a: 1\n\ufeffb: 2\n", (2, 1), "U+FEFF", "remove it"),
}


@pytest.mark.parametrize(("text", "where", "what", "fix"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_not_used_here_is_refused_with_its_place_and_a_fix(
    text: str, where: tuple[int, int], what: str, fix: str, loader: EventLoader
) -> None:
    problem = problems(text, loader)[0]

    assert place(problem) == where
    assert what in problem.what
    assert problem.fix is not None
    assert fix in problem.fix


def test_a_duplicate_key_names_both_lines(loader: EventLoader) -> None:
    problem = only_problem("distro:\n  wsl_conf: {}\nuser: {}\n'distro':\n  files: {}\n", loader)

    assert place(problem) == (4, 1)
    assert "`distro`" in problem.what
    assert "line 1" in problem.what


def test_the_same_key_in_different_mappings_is_no_duplicate(loader: EventLoader) -> None:
    assert outline(load(b"a: {b: 1}\nc: {b: 1}\n", "f.yaml", loader)) == {"a": {"b": "1"}, "c": {"b": "1"}}


def test_quoted_keys_may_look_like_anything(loader: EventLoader) -> None:
    text = b'"[go]": 1\n\'<<\': 2\n"null": 3\n"{{ x }}": 4\n"": 5\n'
    assert outline(load(text, "f.yaml", loader)) == {"[go]": "1", "<<": "2", "null": "3", "{{ x }}": "4", "": "5"}


def test_all_problems_of_a_document_are_named_at_once(loader: EventLoader) -> None:
    text = "a: 1\na: 2\nb: {{ x }}\nc: !!str 3\nd: {e: f,g}\nh: @x\n"

    assert [place(problem)[0] for problem in problems(text, loader)] == [2, 3, 4, 5, 6]


def test_problems_are_named_in_the_order_of_the_document(loader: EventLoader) -> None:
    assert [place(problem) for problem in problems("a: {b,\n  c: !x d}\ne: @f\n", loader)] == [(1, 5), (2, 6), (3, 4)]


def test_a_line_is_not_blamed_twice(loader: EventLoader) -> None:
    assert len(problems("a: [{{ x }}, {{ y }}]/z\nb: 1\n", loader)) == 1


def test_no_more_problems_are_named_than_anyone_reads() -> None:
    assert len(problems("- !x a\n" * 5000)) == MOST_PROBLEMS


def test_a_long_key_is_cut_in_the_message_and_its_control_characters_are_escaped(loader: EventLoader) -> None:
    key = "\\e" + "k" * 300
    problem = only_problem(f'"{key}": 1\n"{key}": 2\n', loader)

    assert "\x1b" not in problem.what
    assert "\\u001b" in problem.what
    assert len(problem.what) < 200


# ── bytes ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_bytes_that_are_not_utf8_are_placed() -> None:
    problem = only_problem("a: é\nbé: ".encode() + b"\xff\n")

    assert place(problem) == (2, 5)
    assert "0xff" in problem.what


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_utf16_is_called_by_its_name(encoding: str) -> None:
    problem = only_problem("version: 1\n".encode(encoding))

    assert "UTF-16" in problem.what
    assert "PowerShell" in (problem.fix or "")


@pytest.mark.parametrize("data", [b"\x7fELF\x02\x01\x01\0\0\0", b"PK\x03\x04\x14\0", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"])
def test_a_binary_file_is_refused(data: bytes) -> None:
    assert only_problem(data).origin is not None


# ── budgets ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_document_of_the_largest_size_is_read_and_one_byte_more_is_not() -> None:
    fits = b"a: 1\n#".ljust(LARGEST_DOCUMENT_BYTES, b"x")

    assert outline(load(fits, "f.yaml")) == {"a": "1"}
    assert "1,048,577 bytes" in only_problem(fits + b"x").what


def test_the_deepest_nesting_is_read_and_one_level_more_is_not(loader: EventLoader) -> None:
    levels = DEEPEST_NESTING_LEVELS

    assert load(b"[" * levels + b"]" * levels, "f.yaml", loader) is not None
    problem = only_problem("[" * (levels + 1) + "]" * (levels + 1), loader)
    assert place(problem) == (1, levels + 1)
    assert "64 levels" in problem.what


def test_an_alias_cannot_make_the_tree_deeper_than_allowed(loader: EventLoader) -> None:
    half = DEEPEST_NESTING_LEVELS // 2
    anchor = f"- &x {'[' * half}{']' * half}\n"

    assert load(f"{anchor}- {'[' * (half - 1)}*x{']' * (half - 1)}\n".encode(), "f.yaml", loader) is not None
    assert "levels deep" in problems(f"{anchor}- {'[' * half}*x{']' * half}\n", loader)[0].what


def test_the_number_of_nodes_is_bounded() -> None:
    assert load(b"- x\n" * (MOST_NODES - 1), "f.yaml") is not None
    problem = only_problem("- x\n" * MOST_NODES)
    assert place(problem) == (MOST_NODES, 3)
    assert f"{MOST_NODES:,}" in problem.what


def test_the_number_of_nodes_reached_through_aliases_is_bounded(loader: EventLoader) -> None:
    anchor, uses = "- &x [a, b, c]\n", MOST_NODES_THROUGH_ALIASES // 4

    assert load((anchor + "- *x\n" * uses).encode(), "f.yaml", loader) is not None
    problem = only_problem(anchor + "- *x\n" * (uses + 1), loader)
    assert place(problem) == (uses + 2, 3)
    assert "aliases repeat" in problem.what


def test_aliases_of_aliases_count_all_they_stand_for(loader: EventLoader) -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [f"{new}: &{new} [{', '.join(['*' + old] * 9)}]" for old, new in zip("abcdefgh", "bcdefghi", strict=True)]

    assert "aliases repeat" in only_problem("\n".join(lines), loader).what


HOSTILE = {
    "100,000 open brackets": b"[" * 100_000,
    "100,000 open braces": b"{" * 100_000,
    "100,000 dashes": b"- " * 100_000,
    "100,000 question marks": b"? " * 100_000,
    "10 MB": b"a: b\n" * 2_000_000,
    "nothing but opening templates": b"a: " + b"{{ " * 300_000,
    "one long template": b"a: {{ " + b"x " * 500_000 + b"}}",
    "a line of colons": b"a: " + b"b " * 500_000 + b": x",
    "tabs": b"\t" * 1_000_000,
    "tag directives": b"".join(b"%%TAG !a%d! b\n" % number for number in range(60_000)),
    "tag directives behind CR": b"".join(b"%%TAG !a%d! b\r" % number for number in range(60_000)),
    "anchors": b"".join(b"- &a%d b\n" % number for number in range(49_000)),
    "aliases": b"x: &a 1\ny: [" + b"*a," * 300_000 + b"]",
    "keys without value": b"{" + b"a: b,c," * 100_000 + b"}",
    "keys without value in a key": b"? {" + b"a: b,c," * 100_000 + b"}",
    "an open quote": b'a: "' + b"\\\n" * 500_000,
    "quotes in one list": b"[" + b'"C:\\t",' * 100_000 + b"]",
    "blank lines before a wrong one": b"a: 1\n" + b"\n" * 1_000_000 + b"  b: 2\n",
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_input_is_answered_quickly(data: bytes) -> None:
    began = time.process_time()
    try:
        load(data, "team/base.yaml")
    except DocumentError as error:
        assert all(problem.origin and problem.fix for problem in error.problems)
    assert time.process_time() - began < 2


# ── showing a place ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_snippet_shows_the_line_its_neighbours_and_a_caret() -> None:
    lines = lines_of(b"distro:\n  wsl_conf:\n    boot: {systemd: yes}\nuser: {}\n")

    assert snippet(lines, Origin("f.yaml", 3, 21)) == (
        "2 |   wsl_conf:",
        "3 |     boot: {systemd: yes}",
        "  |                     ^",
        "4 | user: {}",
    )


def test_a_snippet_stops_at_the_ends_of_the_file_and_aligns_its_numbers() -> None:
    lines = [f"line {number}" for number in range(1, 11)]

    assert snippet(lines, Origin("f", 1, 1), context_lines=0) == ("1 | line 1", "  | ^")
    assert snippet(lines, Origin("f", 9, 6), context_lines=3)[2:] == (
        " 8 | line 8",
        " 9 | line 9",
        "   |      ^",
        "10 | line 10",
    )


@pytest.mark.parametrize("line", [0, 3, 99])
def test_there_is_no_snippet_of_a_line_that_does_not_exist(line: int) -> None:
    assert snippet(("a", "b"), Origin("f", line, 1)) == ()


@pytest.mark.parametrize(
    ("text", "column", "shown", "caret"),
    [
        ("\ta: b", 2, "    a: b", 4),
        ("日本: x", 5, "日本: x", 6),
        ("e\u0301: x", 5, "e\u0301: x", 3),
        ("a: \x1b[31mred", 4, "a: �[31mred", 3),
        ("a:\u202e\u00a0b", 5, "a:��b", 4),
        ("a: b", 99, "a: b", 4),
    ],
)
def test_the_caret_stands_below_its_character_and_nothing_acts_on_the_terminal(
    text: str, column: int, shown: str, caret: int
) -> None:
    assert snippet((text,), Origin("f", 1, column)) == (f"1 | {shown}", f"  | {' ' * caret}^")


def test_a_long_line_is_cut_around_the_caret() -> None:
    line, below = snippet(("x" * 500_000 + "!" + "y" * 500_000,), Origin("f", 1, 500_001))

    assert len(line) < 120
    assert line[below.index("^")] == "!"


def test_lines_can_be_shown_of_a_file_that_cannot_be_read() -> None:
    assert lines_of(b"\xef\xbb\xbfa\r\nb\xff\rc") == ("a", "b�", "c")
