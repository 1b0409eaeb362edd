"""Which files count, in which order, and what is told of bad ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reconciler.model.errors import DocumentError

SAYS = "user: {{settings: {{a: {0}}}}}\n"


def names(repo) -> list[str]:
    return [document.name for document in repo.open().repository.documents]


# ── finding the main document ────────────────────────────────────────────────────────────────────────────────────────


def test_the_document_is_found_in_a_parent_up_to_the_git_top(repo) -> None:
    repo.write("")
    deep = repo.top / "a/b"
    deep.mkdir(parents=True)
    assert repo.open(start=deep).repository.main == repo.top / "reconcile.yaml"


def test_a_nearer_document_comes_first(repo) -> None:
    repo.write("").write("", "a/reconcile.yaml")
    assert repo.open(start=repo.top / "a").repository.main == repo.top / "a/reconcile.yaml"


def test_nothing_above_the_git_top_is_looked_at(repo) -> None:
    repo.write("", "../reconcile.yaml")
    with pytest.raises(DocumentError, match=r"no reconcile.yaml here") as caught:
        repo.open()
    assert "reconcile init" in (caught.value.problems[0].fix or "")


def test_without_git_only_this_folder_counts(repo) -> None:
    (repo.top / ".git").rmdir()
    repo.write("")
    (repo.top / "a").mkdir()
    assert repo.open().repository.main == repo.top / "reconcile.yaml"
    with pytest.raises(DocumentError, match=r"no reconcile.yaml here"):
        repo.open(start=repo.top / "a")


def test_a_named_file_counts_whatever_it_is_called(repo) -> None:
    repo.write("", "other.yaml")
    assert repo.open(file=repo.top / "other.yaml").repository.main == repo.top / "other.yaml"


@pytest.mark.parametrize("kind", ["missing", "directory", "fifo", "dangling", "loop"])
def test_something_else_in_place_of_the_main_document_is_named(repo, kind: str) -> None:
    path = repo.top / "reconcile.yaml"
    match kind:
        case "directory":
            path.mkdir()
        case "fifo":
            os.mkfifo(path)
        case "dangling":
            path.symlink_to("nothing")
        case "loop":
            path.symlink_to("reconcile.yaml")
    with pytest.raises(DocumentError) as caught:
        repo.open(file=path if kind == "missing" else None)
    assert any(word in str(caught.value) for word in ("no file", "not a regular file", "leads nowhere"))


# ── whose files are read ─────────────────────────────────────────────────────────────────────────────────────────────

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="gives files to another user: needs root")


@as_root
@pytest.mark.parametrize("what", [".", ".git"])
def test_a_checkout_of_somebody_else_is_not_read(repo, what: str) -> None:
    repo.write("")
    os.chown(repo.top / what, 12345, 12345)
    with pytest.raises(DocumentError, match="belongs to somebody else"):
        repo.open()


@as_root
def test_without_git_a_document_of_somebody_else_is_not_read(repo) -> None:
    (repo.top / ".git").rmdir()
    repo.write("")
    os.chown(repo.top / "reconcile.yaml", 12345, 12345)
    with pytest.raises(DocumentError, match="belongs to somebody else"):
        repo.open()


# ── ranks ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_ranks_go_from_playbooks_over_included_files_to_the_file_itself(repo) -> None:
    for name in ("one@1", "two@1", "inner@1"):
        repo.write("", f"playbooks/{name}.yaml")
    repo.write("use: [inner@1]", "b.yaml").write("", "a.yaml")
    repo.write("use: [two@1, one@1]\ninclude: [b.yaml, a.yaml]")
    assert names(repo) == ["two@1", "one@1", "inner@1", "b.yaml", "a.yaml", "reconcile.yaml"]


def test_the_highest_rank_that_speaks_wins(repo) -> None:
    repo.write(SAYS.format("playbook"), "playbooks/one@1.yaml")
    repo.write("use: [one@1]")
    assert repo.value() == "playbook"
    repo.write(SAYS.format("included"), "a.yaml")
    repo.write("use: [one@1]\ninclude: [a.yaml]")
    assert repo.value() == "included"
    repo.write("use: [one@1]\ninclude: [a.yaml]\n" + SAYS.format("itself"))
    assert repo.value() == "itself"


def test_a_glob_is_sorted_by_bytes_and_leaves_the_file_itself_out(repo) -> None:
    for name in ("b.yaml", "B.yaml", "a.yaml", "ä.yaml"):
        repo.write("", name)
    repo.write("include: ['*.yaml']")
    assert names(repo) == ["B.yaml", "a.yaml", "b.yaml", "ä.yaml", "reconcile.yaml"]


def test_a_file_that_is_included_twice_counts_once(repo) -> None:
    repo.write("", "a.yaml").write("", "b.yaml")
    repo.write("include: [b.yaml, '*.yaml', ./a.yaml]")
    assert names(repo) == ["b.yaml", "a.yaml", "reconcile.yaml"]


def test_included_files_are_relative_to_the_main_document(repo) -> None:
    repo.write("", "sub/a.yaml").write("", "b.yaml").write("include: [a.yaml, ../b.yaml]", "sub/reconcile.yaml")
    found = repo.open(start=repo.top / "sub").repository.documents
    assert [document.name for document in found] == ["sub/a.yaml", "b.yaml", "sub/reconcile.yaml"]


def test_overlays_stand_above_the_plain_sections_in_order(repo) -> None:
    repo.write("""
        overlays:
          - {where: {}, user: {settings: {a: first}}}
          - {where: {}, user: {settings: {a: second}}}
        user: {settings: {a: plain, b: below}}
    """)
    assert repo.value() == "second"
    assert repo.value("b") == "below"


def test_an_overlay_of_a_lower_file_stays_below_the_plain_sections_of_a_higher_one(repo) -> None:
    repo.write("overlays: [{where: {}, user: {settings: {a: low}}}]", "a.yaml")
    repo.write("include: [a.yaml]\n" + SAYS.format("high"))
    assert repo.value() == "high"


def test_a_condition_holds_for_the_whole_included_file_and_its_playbooks(repo) -> None:
    repo.write("user: {settings: {a: playbook, b: playbook}}", "playbooks/one@1.yaml")
    repo.write("where: {workstation: bob-lt}\nuse: [one@1]\nuser: {settings: {a: file}}", "a.yaml")
    repo.write("include: [a.yaml]\nworkstations: {bob-lt: {}}")
    assert repo.value() is None
    assert repo.value(workstation="bob-lt") == "file"
    assert repo.value("b", workstation="bob-lt") == "playbook"


def test_a_playbook_counts_for_each_group_whose_file_uses_it(repo) -> None:
    repo.write(SAYS.format("playbook"), "playbooks/one@1.yaml")
    for group in ("a", "b"):
        repo.write(f"where: {{groups: {group}}}\nuse: [one@1]", f"{group}.yaml")
    repo.write("""
        include: [a.yaml, b.yaml]
        groups: {a: {}, b: {}}
        workstations: {in-a: {groups: [a]}, in-b: {groups: [b]}, in-none: {}}
    """)
    assert [repo.value(workstation=name) for name in ("in-a", "in-b", "in-none")] == ["playbook", "playbook", None]


def test_a_playbook_counts_once_at_its_lowest_rank(repo) -> None:
    repo.write(SAYS.format("playbook"), "playbooks/one@1.yaml")
    repo.write("where: {groups: a}\nuse: [one@1]\n" + SAYS.format("a"), "a.yaml")
    repo.write("where: {groups: a}\nuse: [one@1]", "b.yaml")
    repo.write("include: [a.yaml, b.yaml]\ngroups: {a: {}}\nworkstations: {in-a: {groups: [a]}}")
    assert repo.value(workstation="in-a") == "a"


def test_only_the_main_file_includes_and_only_included_ones_have_a_condition(repo) -> None:
    repo.write("include: [b.yaml]", "a.yaml").write("", "b.yaml")
    repo.write("include: [a.yaml]\nwhere: {}")
    assert sorted((str(found.origin), found.fix) for found in repo.problems()) == [
        ("a.yaml:2:1", "only the main file may include"),
        ("reconcile.yaml:3:1", "a condition on the whole file stands in an included file"),
    ]


# ── playbooks ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_playbook_of_the_repo_has_a_number(repo) -> None:
    repo.write("", "playbooks/mine.yaml").write("use: [mine]")
    assert 'use[0] is "mine"; expected a playbook with its number' in repo.problem().what


def test_a_misspelt_playbook_gets_the_nearest(repo) -> None:
    repo.write("", "playbooks/team-base@2.yaml")
    repo.write("use: [team-bass@2]")
    assert (repo.problem().what, repo.problem().fix) == (
        "there is no playbook team-bass@2",
        "did you mean  team-base@2",
    )
    repo.write("use: [wsl-go-baselin@1]")
    assert repo.problem().fix == "did you mean  wsl-go-baseline@1"


def test_a_playbook_may_not_take_the_name_of_one_that_is_shipped(repo) -> None:
    repo.write("", "playbooks/wsl-go-baseline@1.yaml").write("use: [wsl-go-baseline@1]")
    assert repo.problem().what == "wsl-go-baseline@1 comes with reconcile"


@pytest.mark.parametrize("name", ["x" * 300 + "@1", "one@" + "1" * 300, "one@0", "One@1", "../one@1", "one@1\\n"])
def test_what_is_no_name_of_a_playbook_is_refused(repo, name: str) -> None:
    repo.write(f'use: ["{name}"]')
    assert str(repo.problem().origin) == "reconcile.yaml:2:7"


def test_what_only_repos_have_is_refused_in_playbooks(repo) -> None:
    repo.write("use: []\ninclude: []\nwhere: {}\ngroups: {}\nworkstations: {}", "playbooks/one@1.yaml").write(
        "use: [one@1]"
    )
    assert [str(found.origin) for found in repo.problems()] == [
        f"playbooks/one@1.yaml:{line}:1" for line in range(2, 7)
    ]


# ── versions ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("wanted", [">=0.5", "0.5", ">0.4", "~=0.5", "==1", "<0.4", ">=0.3,<0.4", "!=0.4.0"])
def test_a_document_for_another_version_says_so_before_anything_in_it_is_unknown(repo, wanted: str) -> None:
    repo.file("reconcile.yaml", f"version: 7\nrequires: '{wanted}'\nnovelty: {{}}\nuser: {{novel_kind: {{}}}}\n")
    assert repo.problem().what == f"this repo requires reconcile {wanted}; this is 0.4.0"
    assert ("upgrade" in (repo.problem().fix or "")) == (wanted in (">=0.5", "0.5", "~=0.5", "==1"))


def test_a_newer_playbook_says_so_too(repo) -> None:
    repo.write("requires: '>=9'\nuser: {novel_kind: {}}", "playbooks/one@1.yaml").write("use: [one@1]")
    assert str(repo.problem().origin) == "playbooks/one@1.yaml:2:11"


@pytest.mark.parametrize("wanted", [">=0.3", "0.4", "~=0.4", ">=0.3, <0.5", "<=0.4.0.0", "!=0.3"])
def test_a_document_for_this_version_is_read(repo, wanted: str) -> None:
    repo.write(f"requires: '{wanted}'")
    assert repo.problems() == []


@pytest.mark.parametrize("wanted", ["'new'", "'>=0.3, soon'", "'>= '", f"'{'9' * 5000}'"])
def test_what_is_no_version_is_refused(repo, wanted: str) -> None:
    repo.write(f"requires: {wanted}")
    assert 'expected a version of reconcile such as ">=0.3"' in repo.problem().what


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "the document is empty"),
        ("# nothing\n", "the document is empty"),
        ("[]\n", "the document is not a mapping"),
        ("user: {}\n", "the document lacks version"),
        ("version: 2\n", 'version is "2"; expected 1'),
        ("version: '{{ vars.v }}'\n", "a template may not stand here; they are for the values of items"),
        ("version: {unmanaged: true}\n", "version cannot be unmanaged"),
    ],
)
def test_a_document_says_its_version(repo, text: str, what: str) -> None:
    repo.file("reconcile.yaml", text)
    assert repo.problem().what == what


# ── reads stay inside the repo ───────────────────────────────────────────────────────────────────────────────────────

OUTSIDE = [
    "../outside.yaml",
    "/etc/hostname",
    "link.yaml",
    "../*.yaml",
    "/et*/hostname",
    "folder/outside.yaml",
    "/dev/zero",
]


@pytest.mark.parametrize("name", OUTSIDE)
def test_included_files_stay_inside_the_repo(repo, name: str) -> None:
    repo.file("../outside.yaml", "version: 1\n")
    (repo.top / "link.yaml").symlink_to("../outside.yaml")
    (repo.top / "folder").symlink_to("..")
    repo.write(f"include: ['{name}']")
    assert "leads out of the repo" in repo.problem().what
    assert str(repo.problem().origin) == "reconcile.yaml:2:11"


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("field", ["source", "template"])
def test_sources_and_templates_stay_inside_the_repo(repo, name: str, field: str) -> None:
    repo.file("../outside.yaml", "x")
    (repo.top / "link.yaml").symlink_to("../outside.yaml")
    (repo.top / "folder").symlink_to("..")
    repo.write(f"user: {{files: {{~/x: {{{field}: '{name}'}}}}}}")
    assert "leads out of the repo" in repo.problem().what or ("*" in name and "there is no file" in repo.problem().what)


def test_playbooks_stay_inside_the_repo(repo) -> None:
    repo.file("../one@1.yaml", "version: 1\n")
    (repo.top / "playbooks").mkdir()
    (repo.top / "playbooks/one@1.yaml").symlink_to("../../one@1.yaml")
    repo.write("use: [one@1]")
    assert "leads out of the repo" in repo.problem().what


@pytest.mark.parametrize("kind", ["directory", "fifo", "loop", "missing", "large"])
@pytest.mark.parametrize(
    "where", ["include: [x]", "user: {files: {~/x: {source: x}}}", "user: {files: {~/x: {template: x}}}"]
)
def test_what_is_no_regular_file_is_named_and_never_opened(repo, kind: str, where: str) -> None:
    path = repo.top / "x"
    match kind:
        case "directory":
            path.mkdir()
        case "fifo":
            os.mkfifo(path)
        case "loop":
            path.symlink_to("x")
        case "large":
            path.touch()
            os.truncate(path, 2**40)
    repo.write(where)
    assert any(
        word in repo.problem().what for word in ("not a regular file", "leads nowhere", "there is no file", "at most")
    )


@as_root
def test_an_unreadable_file_is_named(repo, someone_else) -> None:
    repo.write("include: [a.yaml]").write("", "a.yaml")
    (repo.top / "a.yaml").chmod(0)
    with someone_else(), pytest.raises(DocumentError, match=r"a.yaml cannot be read: Permission denied"):
        repo.open()


# ── all errors in one run ────────────────────────────────────────────────────────────────────────────────────────────


def test_all_errors_of_all_files_are_told_in_one_run(repo) -> None:
    repo.file("broken.yaml", "version: 1\nuser: {go_env: {GOPROXY: @team}}\n")
    repo.write("user: {fils: {}}\ndistro: {wsl_conf: {boot: {systemd: yes}}}", "a.yaml")
    repo.write("vars: {x: }", "playbooks/one@1.yaml")
    repo.machine("workstation: lt\ngroup: [x]\n")
    repo.write("""
        use: [one@1, two@1]
        include: [a.yaml, broken.yaml, gone.yaml]
        user: {go_env: {GOPROXY: '{{ facts.nothing }}', GOSUMDB: '{{ unclosed'}}
    """)
    assert [str(found.origin).removeprefix(str(repo.home)) for found in repo.problems()] == [
        "/.config/reconcile/machine.yaml:2:1",
        "reconcile.yaml:5:26",
        "reconcile.yaml:5:58",
        "playbooks/one@1.yaml:2:8",
        "reconcile.yaml:3:14",
        "a.yaml:2:8",
        "a.yaml:3:37",
        "broken.yaml:2:26",
        "reconcile.yaml:4:32",
    ]


def test_one_mistake_is_told_once(repo) -> None:
    repo.write("include: ['{{ vars.x }}.yaml']")
    assert repo.problem().what == "a template may not stand here; they are for the values of items"
    repo.write("user: {files: {~/x: {template: gone.j2}}}\nworkstations: {a: {}, b: {}, c: {}}")
    assert repo.problem().what == "there is no file gone.j2"


def test_a_file_with_very_many_mistakes_names_the_first_fifty(repo) -> None:
    keys = "".join(f"  wrong{number}: 1\n" for number in range(9_000))
    repo.file("reconcile.yaml", f"version: 1\nuser:\n{keys}")
    assert len(repo.problems()) == 50


def test_a_document_found_good_is_not_checked_again(repo, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.write("user: {directories: [~/go]}")
    repo.open()
    digests = set(repo.good)
    assert len(digests) == 1
    repo.open()
    assert repo.good == digests
    repo.write("user: {directories: [~/go, ~/other]}")
    repo.open()
    assert len(repo.good) == 2
    repo.write("user: {directories: {~/go: {mode: rw}}}")
    assert repo.problems() and len(repo.good) == 2


def test_texts_of_what_was_read_come_with_the_problems(repo) -> None:
    repo.write("user: {fils: {}}")
    with pytest.raises(DocumentError) as caught:
        repo.open()
    assert caught.value.reader.texts["reconcile.yaml"] == (repo.top / "reconcile.yaml").read_bytes()


def test_the_path_of_a_repo_below_a_link_is_the_real_one(repo, tmp_path: Path) -> None:
    repo.write("include: [a.yaml]").write("", "a.yaml")
    (tmp_path / "link").symlink_to(repo.top)
    assert [document.name for document in repo.open(start=tmp_path / "link").repository.documents] == [
        "a.yaml",
        "reconcile.yaml",
    ]
