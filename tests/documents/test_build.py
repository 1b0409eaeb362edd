"""Merged documents become typed values: templates, facts, secrets and files of the repo."""

from __future__ import annotations

import pytest

from reconciler.documents.desire import Known
from reconciler.documents.fill import filled
from reconciler.model.address import Address
from reconciler.model.derived_facts import DERIVED_FACTS
from reconciler.model.desired import Withheld
from reconciler.model.later import Later, NoValue
from reconciler.model.secrets import Secret, SecretHole, SecretText
from reconciler.model.values import RepoFile

GATHERED = Known(
    facts={"libc": "musl", "kernel": NoValue("no kernel runs"), "architecture": "x86_64"}, home="/home/alice"
)


def one(repo, text: str, known: Known | None = None) -> object:
    """The value of a free setting that is written so."""
    repo.write(f"vars: {{port: 7890, on: true, tags: [a, b], who: {{name: bob}}}}\nuser:\n  settings:\n    a: {text}")
    return repo.items("settings", known=known)["a"]


def gadget(repo, text: str, variables: str = "{}") -> dict[str, object]:
    repo.write(f"vars: {variables}\nuser: {{gadgets: {{a: {{label: x, {text}}}}}}}")
    found = repo.items("gadgets")["a"]
    assert isinstance(found, dict)
    return {key: value for key, value in found.items() if key != "label"}


# ── names ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_names_tell_the_place(repo) -> None:
    repo.write("""
        groups: {ci: {}}
        workstations: {bob-lt: {groups: [ci], distros: {main: {name: [Ubuntu-24.04, Ubuntu]}}}}
        user: {settings: {a: '{{ workstation.name }} {{ workstation.groups | join }} {{ distro.key }} {{ distro.name }} {{ user.name }}'}}
    """)
    assert repo.value(workstation="bob-lt", user="carol") == "bob-lt ci main Ubuntu-24.04 carol"


@pytest.mark.parametrize(
    ("section", "name", "what"),
    [
        ("distro", "user.name", "{{ user.name }} stands in the distro layer, which has no user"),
        ("distro", "user.home", "{{ user.home }} stands in the distro layer, which has no user"),
        ("windows", "distro.key", "{{ distro.key }} stands in the windows layer, which has no distro"),
        ("user", "user.hoem", "user.hoem is not defined (defined: user.home, user.name)"),
        ("user", "workstation.nam", "workstation.nam is not defined (defined: workstation.groups, workstation.name)"),
    ],
)
def test_a_name_that_a_layer_lacks_is_told_before_any_machine_is_asked(
    repo, section: str, name: str, what: str
) -> None:
    repo.write(f"{section}: {{settings: {{a: '{{{{ {name} }}}}'}}}}")
    assert repo.problem().what == what


# ── types ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("'{{ vars.port }}'", "7890"),
        ("'{{ vars.port | int }}'", 7890),
        ("'{{ vars.port | int + 1 }}'", 7891),
        ("'{{ vars.on | bool }}'", True),
        ("'{{ vars.tags }}'", ["a", "b"]),
        ("'{{ vars.who }}'", {"name": "bob"}),
        ("'{{ vars.who.name }}'", "bob"),
        ("'port {{ vars.port }}'", "port 7890"),
        ("' {{ vars.port | int }} '", 7890),
        ("{b: ['{{ vars.port | int }}']}", {"b": [7890]}),
    ],
)
def test_a_value_that_is_one_expression_keeps_its_type(repo, text: str, value: object) -> None:
    assert one(repo, text) == value


def test_a_field_types_what_an_expression_gives(repo) -> None:
    variables = "{n: 7, b: 'true', t: small, list: [x, y], ports: ['80', '443']}"
    assert gadget(repo, "count: '{{ vars.n }}', on: '{{ vars.b }}', size: '{{ vars.t }}'", variables) == {
        "count": 7,
        "on": True,
        "size": "small",
    }
    assert gadget(repo, "count: '{{ 3 + 4 }}', on: '{{ 1 < 2 }}'") == {"count": 7, "on": True}
    assert gadget(repo, "tags: '{{ vars.list }}', ports: '{{ vars.ports }}'", variables) == {
        "tags": ("x", "y"),
        "ports": (80, 443),
    }
    assert gadget(repo, "ports: '{{ vars.n }}'", variables) == {"ports": (7,)}
    assert gadget(repo, "tags: ['{{ vars.t }}', z]", variables) == {"tags": ("small", "z")}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("count: '{{ vars.t }}'", 'the expression gives "small"; expected a whole number'),
        ("count: '{{ 99 }}'", 'the expression gives "99"; expected a whole number'),
        ("count: '{{ 1.5 }}'", 'the expression gives "1.5"; expected a whole number'),
        ("on: '{{ vars.yes }}'", 'the expression gives "yes"; expected true or false'),
        ("on: '{{ 1 }}'", 'the expression gives "1"; expected true or false'),
        ("size: '{{ vars.yes }}'", 'the expression gives "yes"; expected small or large'),
        ("size: 'x{{ vars.t }}'", 'the expression gives "xsmall"; expected small or large'),
        ("size: '{{ vars.list }}'", "the expression gives a list; expected small or large"),
        ("size: '{{ vars.map }}'", "the expression gives a mapping; expected small or large"),
        ("ports: '{{ vars.list }}'", 'the expression gives "x"; expected a whole number'),
    ],
)
def test_a_wrong_type_after_rendering_is_an_error_with_its_place(repo, text: str, what: str) -> None:
    repo.write(
        f"vars: {{t: small, yes: yes, list: [x], map: {{a: b}}}}\nuser: {{gadgets: {{a: {{label: x, {text}}}}}}}"
    )
    assert repo.problem().what == what
    assert str(repo.problem().origin) == f"reconcile.yaml:3:{32 + text.index(': ') + 2}"


@pytest.mark.parametrize(
    "text",
    ["'{{ vars.nothing }}'", "'{{ unclosed'", "'{{ 2 ** 9 }}'", "'{{ \"a\" * 9 }}'", "'{% if true %}x{% endif %}'", "'{{ range(100000) }}'",
     "'{{ lipsum() }}'", "'{{ vars.__class__ }}'", "'{{ now }}'", "'{{ vars.x | nofilter }}'", "'{{ env.HOME }}'"],
)  # fmt: skip
def test_what_the_language_of_values_lacks_is_an_error_at_the_value(repo, text: str) -> None:
    repo.write(f"user:\n  settings:\n    a: {text}")
    assert str(repo.problem().origin) == "reconcile.yaml:4:8"
    assert repo.problem().fix


def test_all_fields_of_an_item_and_all_items_are_looked_at(repo) -> None:
    repo.write(
        "user: {gadgets: {a: {label: x, count: '{{ 99 }}', on: '{{ 1 }}'}, b: {label: '{{ vars.x }}'}}, settings: {a: '{{ vars.y }}'}}"
    )
    assert [found.what.split(";")[0] for found in repo.problems()] == [
        'the expression gives "99"', 'the expression gives "1"', "vars.x is not defined", "vars.y is not defined",
    ]  # fmt: skip


def test_a_template_is_rendered_once(repo) -> None:
    assert one(repo, "\"{{ '{' ~ '{ vars.port }' ~ '}' }}\"") == "{{ vars.port }}"


def test_one_document_holds_a_bounded_number_of_templates(repo) -> None:
    line = "    ~/xN: '{{ user.name }}'\n"
    repo.write("user:\n  symlinks:\n" + "".join(line.replace("N", str(number)) for number in range(2_001)))
    assert (str(repo.problem().origin), repo.problem().what) == (
        "reconcile.yaml:2004:14",
        "more than 2,000 templates in one document",
    )


def test_all_templates_together_take_a_bounded_number_of_steps(repo) -> None:
    line = '    ~/xN: {content: "{{ range(9999) | join }}"}\n'
    repo.write("user:\n  files:\n" + "".join(line.replace("N", str(number)) for number in range(10)))
    assert repo.problems() == []
    repo.write("user:\n  files:\n" + "".join(line.replace("N", str(number)) for number in range(200)))
    assert repo.problems()[0].what == "all templates together take too many steps"


# ── facts ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_before_gathering_what_depends_on_the_machine_is_later(repo) -> None:
    assert one(repo, "'{{ facts.libc }} {{ user.home }} {{ vars.port }}'") == Later(
        frozenset({"facts.libc", "user.home"})
    )
    assert one(repo, "'{{ facts.libc }} {{ user.home }} {{ vars.port }}'", GATHERED) == "musl /home/alice 7890"


def test_a_fact_without_a_value_makes_just_that_item_unknown(repo) -> None:
    repo.write(
        "user: {settings: {a: '{{ facts.kernel }}', b: '{{ facts.libc }}', c: d}, gadgets: {a: {label: x, on: '{{ facts.kernel == 1 }}'}}}"
    )
    found = repo.desired(known=GATHERED)
    assert found.kinds["settings"].items == {"b": "musl", "c": "d"}
    assert found.kinds["gadgets"].items == {}
    assert {str(address).partition(":")[2]: reason for address, reason in found.withheld.items()} == {
        "settings:a": Withheld("no kernel runs"), "gadgets:a": Withheld("no kernel runs"),
    }  # fmt: skip


def test_an_error_beside_such_a_fact_is_still_told(repo) -> None:
    repo.write("user: {gadgets: {a: {label: '{{ facts.kernel }}', count: '{{ 99 }}'}}}")
    documents = repo.open()
    target = repo.target("user")
    with pytest.raises(Exception, match='the expression gives "99"'):
        documents.desired([target], {target: GATHERED})


def test_an_unknown_fact_is_an_error_with_the_list_of_all(repo) -> None:
    repo.write("overlays: [{where: {user: nobody}, user: {settings: {a: '{{ facts.libcc }}'}}}]")
    assert repo.problem().what.startswith("facts.libcc is not defined (defined: facts.architecture, ")
    assert all(f"facts.{name}" in repo.problem().what for name in DERIVED_FACTS)
    assert repo.problem().fix == "did you mean facts.libc?"


EARLY = ["user: {gadgets: {a: {label: x}}, files: {~/x: {source: 'NAME'}}}", "user: {files: {~/x: {template: 'NAME'}}}",
         "distro: {directories: {/x: {owner: 'NAME'}}}", "distro: {wsl_conf: {repair: 'NAME'}}"]  # fmt: skip


@pytest.mark.parametrize("text", EARLY)
@pytest.mark.parametrize("name", ["facts.libc", "user.home", "secrets.token"])
def test_what_decides_what_to_look_at_uses_no_facts_and_no_secrets(repo, text: str, name: str) -> None:
    repo.write("secrets: {token: {}}\n" + text.replace("NAME", f"{{{{ {name} }}}}"))
    assert "this field decides what to look at" in repo.problem().what


def test_it_may_use_variables(repo) -> None:
    repo.file("alice.txt", "hello").write(
        "vars: {b: true}\nuser: {files: {~/x: {source: '{{ user.name }}.txt'}}}\ndistro: {wsl_conf: {repair: '{{ vars.b }}'}}"
    )
    assert repo.items("files")["~/x"] == {"source": RepoFile(path="alice.txt", data=b"hello")}
    assert repo.desired("distro").kinds["wsl_conf"].options == {"repair": True}


def test_an_option_of_a_wrong_type_is_an_error_and_no_crash(repo) -> None:
    repo.write("vars: {b: perhaps}\ndistro: {wsl_conf: {repair: '{{ vars.b }}', boot: {systemd: true}}}")
    assert repo.problem().what == 'the expression gives "perhaps"; expected true or false'


# ── secrets ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_field_whose_template_names_a_secret_is_secret_as_a_whole(repo) -> None:
    repo.write(
        "vars: {host: h}\nsecrets: {token: {}}\nuser: {settings: {a: 'https://{{ secrets.token | urlencode }}@{{ vars.host }}'}}"
    )
    assert repo.value() == SecretText(("https://", SecretHole("token", "urlencode"), "@h"))
    found = filled(repo.desired(), {"token": "p/w"}.get)
    assert found.kinds["settings"].items == {"a": Secret("https://p%2Fw@h")}
    assert "p/w" not in repr(found) and "p%2Fw" not in repr(found)


def test_a_secret_in_a_file_of_the_repo(repo) -> None:
    repo.file("npmrc.j2", "# rc\n{% if vars.on | bool %}token={{ secrets.token }}\n{% endif %}")
    repo.write("vars: {on: true}\nsecrets: {token: {}}\nuser: {files: {~/.npmrc: {template: npmrc.j2}}}")
    assert repo.items("files")["~/.npmrc"] == {"template": SecretText(("# rc\ntoken=", SecretHole("token"), "\n"))}


def test_a_missing_secret_blocks_just_its_item_and_names_the_fix(repo) -> None:
    repo.write(
        "secrets: {token: {}}\nuser: {settings: {a: '{{ secrets.token }}', b: {c: ['x{{ secrets.token }}']}, d: e}}"
    )
    found = filled(repo.desired(), {}.get)
    fix = "set RECONCILE_SECRET_TOKEN, or give it a source in machine.yaml under secrets:"
    why = Withheld("the secret token is not known here", blocked=True, fix=fix)
    target = repo.target("user")
    assert found.withheld == {Address(target, "settings", "a"): why, Address(target, "settings", "b"): why}
    assert found.kinds["settings"].items == {"d": "e"}


def test_a_secret_that_no_document_names_is_an_error(repo) -> None:
    repo.file("x.j2", "line\n  {{ secrets.other }}\n")
    repo.write("secrets: {tokens: {}}\nuser: {settings: {a: '{{ secrets.token }}'}, files: {~/x: {template: x.j2}}}")
    assert [(str(found.origin), found.what, found.fix) for found in repo.problems()] == [
        ("reconcile.yaml:3:22", "no document names the secret token", "name it first:  secrets: {token: {}}"),
        ("x.j2:2:3", "no document names the secret other", "name it first:  secrets: {other: {}}"),
    ]


def test_a_secret_may_be_named_in_any_document(repo) -> None:
    repo.write("secrets: {token: {}}", "a.yaml").write(
        "include: [a.yaml]\nuser: {settings: {a: '{{ secrets.token }}'}}"
    )
    assert repo.problems() == []


@pytest.mark.parametrize("field", ["count", "on", "size", "ports"])
def test_a_secret_stands_only_where_any_text_may(repo, field: str) -> None:
    repo.write(f"secrets: {{token: {{}}}}\nuser: {{gadgets: {{a: {{label: x, {field}: '{{{{ secrets.token }}}}'}}}}}}")
    assert "a secret is any text, and this field expects" in repo.problem().what


@pytest.mark.parametrize(
    "text",
    [
        "user: {files: {~/x: {content: y, mode: 'S'}}}",
        "user: {symlinks: {~/x: 'S'}}",
        "user: {files: {~/x: {content: y, follow: 'S'}}}",
    ],
)
def test_real_kinds_take_no_secret_as_a_path_a_mode_or_a_switch(repo, text: str) -> None:
    repo.write("secrets: {token: {}}\n" + text.replace("S", "{{ secrets.token }}"))
    assert "{{ secrets.token }} may not stand here" in repo.problem().what


@pytest.mark.parametrize(
    "text",
    [
        "'{{ secrets.token | length }}'",
        "'{{ secrets.token == 1 }}'",
        "\"{{ 'a' if secrets.token else 'b' }}\"",
        "'{{ secrets.token ~ 1 }}'",
        "'{{ secrets }}'",
    ],
)
def test_a_secret_is_never_looked_at(repo, text: str) -> None:
    repo.write(f"secrets: {{token: {{}}}}\nuser: {{settings: {{a: {text}}}}}")
    assert len(repo.problems()) == 1


# ── files of the repo ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_file_is_named_relative_to_the_document_that_names_it(repo) -> None:
    repo.file("team/x.txt", "team's").file("x.txt", "top's")
    repo.write("user: {files: {~/a: {source: x.txt}, ~/b: {source: ../x.txt}}}", "team/base.yaml")
    repo.write("include: [team/base.yaml]\nuser: {files: {~/c: {source: x.txt}}}")
    assert {name: item["source"].data for name, item in repo.items("files").items()} == {
        "~/a": b"team's",
        "~/b": b"top's",
        "~/c": b"top's",
    }


def test_a_source_is_bytes_and_a_template_is_text(repo) -> None:
    repo.file("x.bin", b"\xff\x00{{ vars.gone }}")
    repo.write("user: {files: {~/x: {source: x.bin}}}")
    assert repo.items("files")["~/x"] == {"source": RepoFile(path="x.bin", data=b"\xff\x00{{ vars.gone }}")}
    repo.write("user: {files: {~/x: {template: x.bin}}}")
    assert repo.problem().what == "x.bin is not UTF-8 text, as a template must be"


def test_a_template_of_the_repo_is_rendered_with_line_ends_of_linux(repo) -> None:
    repo.file("x.j2", "# {{ user.name }}\r\n{% for tag in vars.tags %}\r\n{{ tag }}\r\n{% endfor %}\r\n")
    repo.write("vars: {tags: [a, b]}\nuser: {files: {~/x: {template: x.j2}}}")
    assert repo.items("files")["~/x"] == {"template": RepoFile(path="x.j2", data=b"# alice\na\nb\n")}


def test_an_error_in_a_template_of_the_repo_has_its_place_in_that_file(repo) -> None:
    repo.file("x.j2", "one\ntwo {{ vars.gone }}\n").file("y.j2", "one\n{% for x in y %}\n").file(
        "z.j2", "\n\n  {{ facts.gone }}"
    )
    repo.write("user: {files: {~/x: {template: x.j2}, ~/y: {template: y.j2}, ~/z: {template: z.j2}}}")
    assert sorted(str(found.origin) for found in repo.problems(everywhere=False)) == ["y.j2:2:1", "z.j2:3:3"]
    repo.write("user: {files: {~/x: {template: x.j2}}}")
    assert str(repo.problem().origin) == "x.j2:2:5"


def test_files_that_only_others_need_are_looked_at_too(repo) -> None:
    repo.write(
        "overlays: [{where: {user: nobody}, user: {files: {~/x: {source: gone}, ~/y: {template: gone.j2}}, settings: {a: '{{ bad'}}}]"
    )
    assert [found.what for found in repo.problems()][:2] == ["there is no file gone", "there is no file gone.j2"]
    assert len(repo.problems()) == 3


@pytest.mark.parametrize("name", ["\\0", "\\ud800", "a\\nb", "x" * 300, ""])
def test_a_strange_name_from_a_template_is_an_error(repo, name: str) -> None:
    repo.write(f"""user: {{files: {{~/x: {{source: "{{{{ '{name.replace(chr(92), chr(92) * 2)}' }}}}"}}}}}}""")
    assert repo.problem().origin is not None
