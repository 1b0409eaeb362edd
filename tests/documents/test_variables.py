"""Variables: where they come from, who wins, and which nobody reads."""

from __future__ import annotations

import pytest

from reconciler.documents.variables import check_used
from reconciler.model.errors import Problem

READS = "user: {settings: {a: '{{ vars.x }}'}}\n"
INVENTORY = """
include: [low.yaml]
groups: {g: {vars: {x: group}}, h: {}}
workstations:
  lt: {groups: [g], vars: {x: workstation}, distros: {main: {vars: {x: distro}, users: {self: {vars: {x: self}}, bob: {vars: {x: bob}}}}}}
"""


def without(text: str, *parts: str) -> str:
    for part in parts:
        assert part in text
        text = text.replace(part, "")
    return text


def test_ranks_of_variables_go_from_documents_over_the_inventory_to_the_machine_and_the_command_line(repo) -> None:
    """Each step takes the highest rank away, and the next one counts."""
    repo.write("vars: {x: low}", "low.yaml")
    repo.machine("vars: {x: machine}")
    repo.extra = {"x": "command line"}
    repo.write(INVENTORY + "vars: {x: main}\noverlays: [{where: {}, vars: {x: overlay}}]\n" + READS)
    assert repo.value() == "command line"
    repo.extra = {}
    assert repo.value() == "machine"
    repo.machine("{}")
    assert [repo.value(), repo.value(user="bob"), repo.value(user="carol")] == ["self", "bob", "distro"]
    text = without(INVENTORY, "users: {self: {vars: {x: self}}, bob: {vars: {x: bob}}}")
    main = "vars: {x: main}\noverlays: [{where: {}, vars: {x: overlay}}]\n"
    repo.write(text + main + READS)
    assert repo.value() == "distro"
    text = without(text, ", distros: {main: {vars: {x: distro}, }}")
    repo.write(text + main + READS)
    assert repo.value() == "workstation"
    text = without(text, ", vars: {x: workstation}")
    repo.write(text + main + READS)
    assert repo.value() == "group"
    text = text.replace("g: {vars: {x: group}}", "g: {}")
    repo.write(text + main + READS)
    assert repo.value() == "overlay"
    repo.write(text + "vars: {x: main}\n" + READS)
    assert repo.value() == "main"
    repo.write(text + READS)
    assert repo.value() == "low"


def test_of_several_groups_the_last_one_named_wins(repo) -> None:
    repo.write("groups: {g: {vars: {x: g}}, h: {vars: {x: h}}}\nworkstations: {lt: {groups: [h, g]}}\n" + READS)
    assert repo.value() == "g"


def test_the_text_stays_as_it_is_written(repo) -> None:
    for text in ("on", "1.20", "022", "yes", "0x1F", "'quoted'", "2027-03-31"):
        repo.write(f"vars: {{x: {text}}}\n{READS}")
        assert repo.value() == text.strip("'")


def test_lists_and_mappings_hold_text_and_merge_like_everything_else(repo) -> None:
    repo.write("vars: {x: {host: a, port: 80, tags: [on, 1.0]}}", "low.yaml")
    repo.write("include: [low.yaml]\nvars: {x: {port: 8080}}\n" + READS)
    assert repo.value() == {"host": "a", "port": "8080", "tags": ["on", "1.0"]}


def test_a_variable_is_not_rendered_and_says_so(repo) -> None:
    repo.write("vars: {x: '{{ vars.y }}', y: z}\n" + READS)
    assert repo.problem().what == "a template in a variable; variables are not rendered, so it would stay as it is"


def test_what_a_template_needs_is_told_before_any_machine_is_asked(repo) -> None:
    repo.write("vars: {port: 80}\nuser: {settings: {a: '{{ vars.prot }}', b: '{{ facts.libc }}{{ vars.gone }}'}}")
    assert [(found.what, found.fix) for found in repo.problems()] == [
        ("vars.prot is not defined (defined: vars.port)", "did you mean vars.port?"),
        ("vars.gone is not defined (defined: vars.port)", "declare it, or write  … | default('…')  after it"),
    ]


def test_a_default_or_a_question_makes_a_variable_optional(repo) -> None:
    repo.write(
        "user: {settings: {a: \"{{ vars.x | default('none') }}\", b: \"{{ 'yes' if vars.y is defined else 'no' }}\"}}"
    )
    assert repo.items("settings") == {"a": "none", "b": "no"}


# ── inputs ───────────────────────────────────────────────────────────────────────────────────────────────────────────

PLAYBOOK = "inputs: {x: {type: TYPE, default: DEFAULT}}\n" + READS


def playbook(repo, kind: str, default: str | None = None) -> None:
    text = PLAYBOOK.replace("TYPE", kind).replace("DEFAULT", default or "")
    repo.write(text if default is not None else text.replace(", default: ", ""), "playbooks/one@1.yaml")


def test_an_input_has_a_default_below_all_documents(repo) -> None:
    playbook(repo, "integer", "7890")
    repo.write("use: [one@1]")
    assert repo.value() == "7890"
    repo.write("use: [one@1]\nvars: {x: 8080}")
    assert repo.value() == "8080"


def test_an_input_without_a_default_must_be_given(repo) -> None:
    playbook(repo, "string")
    repo.write("use: [one@1]")
    assert repo.problems()[0] == Problem("one@1 needs the variable x", repo.problems()[0].origin, "write  vars: {x: …}")
    assert str(repo.problems()[0].origin) == "playbooks/one@1.yaml:2:10"


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [("integer", ["1", "'1'", "-5"], ["one", "1.5", "0x10", "[1]", "01"]), ("boolean", ["true", "false"], ["yes", "on", "1"]), ("string", ["x", "1.20"], ["[x]", "{a: b}"])],
)  # fmt: skip
def test_an_input_has_a_type(repo, kind: str, good: list[str], bad: list[str]) -> None:
    playbook(repo, kind)
    for text in good:
        repo.write(f"use: [one@1]\nvars: {{x: {text}}}")
        assert repo.problems() == []
    for text in bad:
        repo.write(f"use: [one@1]\nvars: {{x: {text}}}")
        assert "one@1 expects" in repo.problem().what
        assert str(repo.problem().origin) == "reconcile.yaml:3:11"


def test_a_default_is_of_its_own_type(repo) -> None:
    playbook(repo, "integer", "many")
    repo.write("use: [one@1]")
    assert repo.problem().what == 'vars.x is "many"; one@1 expects a whole number'


def test_a_playbook_for_others_asks_nothing_here(repo) -> None:
    playbook(repo, "string")
    repo.write("where: {workstation: bob-lt}\nuse: [one@1]", "a.yaml")
    repo.write("include: [a.yaml]\nworkstations: {bob-lt: {vars: {x: given}}, lt: {}}")
    assert repo.problems() == []
    assert repo.value(workstation="bob-lt") == "given"


# ── variables that nothing reads ─────────────────────────────────────────────────────────────────────────────────────


def unread(repo, *extra: str) -> list[tuple[str, str | None]]:
    documents = repo.open()
    found = check_used(documents.repository, documents.machine, frozenset({"proxy_port"}), extra)
    return [(f"{problem.origin}: {problem.what}", problem.fix) for problem in found]


def test_a_variable_that_nothing_reads_gets_the_nearest_name(repo) -> None:
    repo.write("vars: {prxy_port: 1, proxy_port: 2}")
    assert unread(repo) == [("reconcile.yaml:2:8: nothing reads the variable prxy_port", "did you mean  proxy_port")]


def test_wherever_variables_stand_they_are_looked_at(repo) -> None:
    repo.machine("vars: {in_machine: 1}")
    repo.write("vars: {in_included: 1}", "a.yaml")
    repo.write("""
        include: [a.yaml]
        groups: {g: {vars: {in_group: 1}, users: {u: {vars: {in_group_user: 1}}}}}
        workstations: {w: {vars: {in_workstation: 1}, distros: {d: {vars: {in_distro: 1}, users: {u: {vars: {in_user: 1}}}}}}}
        overlays: [{where: {}, vars: {in_overlay: 1}}]
    """)
    names = [what.rpartition(" ")[2] for what, _ in unread(repo, "in_command")]
    assert names == [
        "in_included", "in_overlay", "in_group", "in_group_user", "in_workstation", "in_distro", "in_user", "in_machine", "in_command",
    ]  # fmt: skip


def test_an_input_counts_as_read(repo) -> None:
    repo.write("inputs: {x: {type: string}}", "playbooks/one@1.yaml").write("use: [one@1]\nvars: {x: 1}")
    assert unread(repo) == []


def test_all_templates_count_also_those_in_files_and_for_others(repo) -> None:
    repo.file("t.j2", "{% if vars.a is defined %}{% for b in vars.b %}{{ b }}{% endfor %}{% endif %}")
    repo.write(
        "overlays: [{where: {user: nobody}, user: {settings: {x: '{{ vars.c }}'}, files: {~/x: {template: t.j2}}}}]"
    )
    assert repo.open().repository.template_names == {"vars.a", "vars.b", "vars.c"}
