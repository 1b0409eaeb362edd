"""What is wrong in a document, in the words of who wrote it."""

from __future__ import annotations

import pytest

from reconciler.model.errors import Problem


def told(repo, text: str) -> tuple[str, str, str | None]:
    """Place, what and fix of the only thing that is wrong."""
    repo.write(text)
    found: Problem = repo.problem()
    return str(found.origin).removeprefix("reconcile.yaml:"), found.what, found.fix


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "what", "fix"),
    [
        ("usr: {}", 'unknown key "usr"', "did you mean  user:"),
        ("overlay: []", 'unknown key "overlay"', "did you mean  overlays:"),
        ("user: {go_evn: {}}", 'unknown kind "go_evn" in user', "did you mean  go_env:"),
        ("user: {wsl_conf: {}}", 'unknown kind "wsl_conf" in user', "it belongs under  distro:"),
        ("distro: {go_env: {}}", 'unknown kind "go_env" in distro', "it belongs under  user:"),
        ("go_env: {}", 'unknown key "go_env"', "it belongs under  user:"),
        ("overlays: [{where: {}, wsl_conf: {}}]", 'unknown key "wsl_conf" in overlays[0]', "it belongs under  distro:"),
        ("overlays: [{where: {}, user: {fils: {}}}]", 'unknown kind "fils" in user', "did you mean  files:"),
        ("distro: {wsl_conf: {net: {}}}", 'unknown key "net" in distro.wsl_conf', "did you mean  network:"),
        (
            "distro: {wsl_conf: {boot: {sysemd: true}}}",
            'unknown key "sysemd" in distro.wsl_conf.boot',
            "did you mean  systemd:",
        ),
        ("distro: {files: {/x: {contents: y}}}", 'unknown key "contents" in distro.files./x', "did you mean  content:"),
        (
            "user: {gadgets: {a: {zzz: y, label: x}}}",
            'unknown key "zzz" in user.gadgets.a',
            "known here: count, on, label, size, tags, ports",
        ),
    ],
)
def test_an_unknown_key_gets_the_nearest_or_where_it_belongs(repo, text: str, what: str, fix: str) -> None:
    assert told(repo, text)[1:] == (what, fix)


def test_a_layer_without_kinds_says_so(command_free_kinds, repo) -> None:
    repo.write("windows: {wslconfig: {}}")
    assert command_free_kinds(repo) == [('unknown kind "wslconfig" in windows', "no kinds of windows exist yet")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hosts: [a]", "workstations are named under  workstations:"),
        ("when: x", "conditions stand in an overlay's  where:"),
        ("tasks: []", "write what should be, not steps"),
        ("roles: []", "reusable documents are playbooks, named under  use:"),
        ("variables: {}", "variables stand under  vars:"),
        ("includes: []", "write  include:"),
        ("user: {become: true}", "the layer says who writes"),
        ("user: {tasks: []}", "write what should be, not steps"),
        ("overlays: [{where: {}, when: x}]", "conditions stand in an overlay's  where:"),
        ("user: {files: {~/x: {state: absent}}}", "write  {absent: true}  for what must not be there"),
        ("user: {files: {~/x: {ensure: present}}}", "what is declared is present"),
        ("user: {files: {~/x: {src: a}}}", "write  source:"),
        ("user: {files: {~/x: {dest: /a}}}", "the path is the item's key"),
        ("user: {files: {~/x: {When: a}}}", "conditions stand in an overlay's  where:"),
        ("distro: {wsl_conf: {absent: true}}", "stands in place of an item"),
    ],
)
def test_words_of_other_tools_have_hints(repo, text: str, words: str) -> None:
    assert words in (told(repo, text)[2] or "")


@pytest.mark.parametrize("word", ["absent", "unmanaged"])
def test_a_reserved_word_as_a_value_is_told_how_to_write_it(repo, word: str) -> None:
    assert told(repo, f"user: {{directories: {{~/x: {word}}}}}")[2] == f"write  {{{word}: true}}"
    assert told(repo, f"distro: {{wsl_conf: {{boot: {{systemd: {word}}}}}}}")[2] == "write  true  or  false"


def test_missing_keys_are_all_named(repo) -> None:
    repo.file("reconcile.yaml", "overlays: [{}]\n")
    assert [found.what for found in repo.problems()] == ["the document lacks version", "overlays[0] lacks where"]


# ── values ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "place", "what", "fix"),
    [
        ("user: {gadgets: {a: {label: x, on: yes}}}", "2:36", 'user.gadgets.a.on is "yes"; expected true or false', "write  on: true"),
        ("user: {gadgets: {a: {label: x, on: Off}}}", "2:36", 'user.gadgets.a.on is "Off"; expected true or false', "write  on: false"),
        ("user: {gadgets: {a: {label: x, on: maybe}}}", "2:36", 'user.gadgets.a.on is "maybe"; expected true or false', "write  true  or  false"),
        ("user: {gadgets: {a: {label: x, size: smal}}}", "2:38", 'user.gadgets.a.size is "smal"; expected small or large', "write  size: small"),
        ("user: {gadgets: {a: {label: x, count: 10}}}", "2:39", 'user.gadgets.a.count is "10"; expected a whole number', None),
        ("user: {gadgets: {a: {label: x, count: 1.0}}}", "2:39", 'user.gadgets.a.count is "1.0"; expected a whole number', None),
        ("user: {gadgets: {a: {label: [x]}}}", "2:29", "user.gadgets.a.label is a list; expected text", None),
        ("user: {gadgets: {a: {label: {b: x}}}}", "2:29", "user.gadgets.a.label is a mapping; expected text", None),
        ("user: {gadgets: {a: {label: x, tags: one}}}", "2:38", 'user.gadgets.a.tags is "one"; expected a list', None),
        ("user: {gadgets: {a: {label: x, ports: [80, http]}}}", "2:44", 'user.gadgets.a.ports[1] is "http"; expected a whole number', None),
        ("user: {gadgets: {A: {}}}", "2:18", '"A" in user.gadgets is not a gadget\'s name', None),
        ("user: {tools: [go, Git]}", "2:20", 'user.tools[1] is "Git"; expected a tool\'s name', None),
        ("user: {files: {/x: {mode: 0x1}}}", "2:27", 'user.files./x.mode is "0x1"; expected octal digits such as "0644"', None),
        ("user: {files: {x: {content: y}}}", "2:16", '"x" in user.files is not a path that begins with ~/ or /, without .. and without / at its end', None),
        ("groups: {backend: }", "2:10", None, None),
        ("groups:\n  backend:", "3:11", "groups.backend has no value; expected a mapping", "write  {}  where nothing else is to be said"),
        ("user:\n  directories:\n    ~/go:", "4:10", "user.directories.~/go has no value; expected a mapping",
         "write  {}  where nothing else is to be said; to remove it write {absent: true}, to leave it alone {unmanaged: true}"),
        ("user:\n  go_env:\n    GOFLAGS:", "4:13", "user.go_env.GOFLAGS has no value; expected the variable's value",
         "to remove it write {absent: true}, to leave it alone {unmanaged: true}"),
        ("user: {gadgets: {a: {label: {absent: true}}}}", "2:29", "user.gadgets.a.label cannot be absent", "expected text; to leave it alone write {unmanaged: true}"),
        ("user: {gadgets: {a: {absent: false}}}", "2:30", "absent is always true", "write  {absent: true}, or leave it out"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_told_with_what_was_expected(
    repo, text: str, place: str, what: str | None, fix: str | None
) -> None:
    found = told(repo, text)
    assert found[0] == place
    if what is not None:
        assert found[1:] == (what, fix)


@pytest.mark.parametrize(
    "text",
    [
        "on",
        "off",
        "yes",
        "no",
        "1.20",
        "022",
        "0777",
        "0o17",
        "1_000",
        "1e3",
        ".5",
        "~x",
        "2027-03-31",
        "12:30:45",
        "=",
        "true",
        "null-ish",
        "0x1F",
        "+1",
    ],
)
def test_a_string_keeps_its_text_as_written(repo, text: str) -> None:
    repo.write(f"user: {{gadgets: {{a: {{label: {text}}}}}}}")
    assert repo.items("gadgets") == {"a": {"label": text}}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", None),
        ("1", 1),
        ("'7'", 7),
        ("+7", 7),
        ("9", 9),
        ("007", None),
        ("0x7", None),
        ("7.0", None),
        ("1_0", None),
        ("", None),
        ("9" * 40, None),
    ],
)
def test_a_whole_number_is_decimal_digits_within_its_limits(repo, text: str, value: int | None) -> None:
    repo.file("reconcile.yaml", f"version: 1\nuser:\n  gadgets:\n    a:\n      label: x\n      count: {text}\n")
    if value is None:
        assert "expected a whole number" in repo.problem().what
    else:
        assert repo.items("gadgets")["a"] == {"label": "x", "count": value}


@pytest.mark.parametrize("text", ["true", "false"])
def test_only_true_and_false_are_booleans(repo, text: str) -> None:
    repo.write(f"user: {{gadgets: {{a: {{label: x, on: {text}}}}}}}")
    assert repo.items("gadgets")["a"] == {"label": "x", "on": text == "true"}
    for other in (text.upper(), text.title(), f"{text} "[:-2]):
        repo.write(f"user: {{gadgets: {{a: {{label: x, on: {other}}}}}}}")
        assert repo.problems()


def test_free_json_follows_yaml_1_2(repo) -> None:
    text = (
        "[on, yes, 0777, 0o17, 0x1F, 1.20, 1e3, .5, -5, true, True, 'true', 2027-03-31, null, ~, .inf, 1e999, 1_0, 0b1]"
    )
    repo.write(f"user: {{settings: {{a: {text}}}}}")
    assert repo.value() == [
        "on", "yes", 777, 15, 31, 1.2, 1000.0, 0.5, -5, True, True, "true", "2027-03-31", None, None, ".inf", "1e999", "1_0", "0b1",
    ]  # fmt: skip


def test_one_value_stands_for_a_list_of_one_where_that_is_said(repo) -> None:
    repo.write("user: {gadgets: {a: {label: x, ports: 80}, b: {label: x, ports: [80, '443']}}}")
    assert [item["ports"] for item in repo.items("gadgets").values()] == [(80,), (80, 443)]


# ── names, paths and templates ───────────────────────────────────────────────────────────────────────────────────────

UNSEEN = ["\\u202e", "\\u2066", "\\u200f", "\\u2028", "\\e", "\\x85"]


@pytest.mark.parametrize("character", UNSEEN)
@pytest.mark.parametrize(
    "text",
    [
        'user: {files: {"~/a@b": {content: x}}}',
        'user: {directories: ["~/a@b"]}',
        'distro: {symlinks: {/x: "/a@b"}}',
        'distro: {directories: {/x: {owner: "a@b"}}}',
        'user: {settings: {"a@b": 1}}',
        'include: ["a@b.yaml"]',
        'workstations: {"a@b": {}}',
        'overlays: [{where: {user: "a@b"}}]',
    ],
)
def test_characters_that_cannot_be_seen_stand_in_no_name_or_path(repo, character: str, text: str) -> None:
    repo.write(text.replace("@", character))
    assert any("the invisible character U+" in found.what for found in repo.problems()), repo.problems()


@pytest.mark.parametrize("character", UNSEEN)
def test_a_template_cannot_bring_them_in(repo, character: str) -> None:
    escape = character.replace("\\e", "\\x1b").replace("\\", "\\\\")
    repo.write(f"""distro: {{symlinks: {{/x: "{{{{ '/a{escape}' }}}}"}}}}""")
    assert "expected the path that the link points to" in repo.problem().what


def test_they_may_stand_in_text(repo) -> None:
    repo.write('user: {files: {~/x: {content: "\\u202e\\e[1m"}}}')
    assert repo.problems() == []


@pytest.mark.parametrize("text", ["user: {files: {'~/{{ vars.x }}': {content: y}}}", "user: {directories: ['~/{{ vars.x }}']}",
                                  "user: {settings: {'{{ x }}': 1}}", "user: {settings: {a: {'{{ x }}': 1}}}", "vars: {'{{ x }}': 1}"])  # fmt: skip
def test_a_key_holds_no_template(repo, text: str) -> None:
    assert told(repo, text)[1:] == ("a template in a key; templates are for values only", "write the key out as text")


@pytest.mark.parametrize(
    "text",
    [
        "use: ['{{ vars.p }}@1']",
        "include: ['{{ vars.x }}.yaml']",
        "overlays: [{where: {workstation: '{{ vars.x }}'}}]",
        "overlays: [{where: {}, until: '{{ vars.x }}'}]",
        "groups: {ci: {ssh: {user: '{{ vars.x }}'}}}",
        "workstations: {a: {ssh: {port: '{{ vars.x }}'}}}",
        "inputs: {x: {type: '{{ vars.x }}'}}",
    ],
)
def test_templates_stand_only_in_values_of_items(repo, text: str) -> None:
    assert told(repo, text)[1] == "a template may not stand here; they are for the values of items"


def test_words_for_people_may_hold_anything(repo) -> None:
    repo.write(
        "secrets: {x: {description: 'used as {{ secrets.x }}'}}\noverlays: [{name: 'no {{ template }}', where: {}}]"
    )
    assert repo.problems() == []


@pytest.fixture
def command_free_kinds():
    """What is wrong where only the real kinds exist."""
    from reconciler.documents.desire import Source, open_documents
    from reconciler.model.errors import DocumentError
    from reconciler.resources.catalogue import Catalogue

    def call(repo) -> list[tuple[str, str | None]]:
        source = Source(
            start=repo.top, file=None, extra={}, caller=repo.caller, here=repo.here, today=repo.today, version="1"
        )
        with pytest.raises(DocumentError) as caught:
            open_documents(source, Catalogue(), frozenset(), set())
        return [(found.what, found.fix) for found in caught.value.problems]

    return call
