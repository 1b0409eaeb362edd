"""`reconcile lint`: all documents, for all workstations, offline."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Census = Callable[[Path], dict[str, tuple[object, ...]]]


@pytest.fixture
def lint(command, tmp_path: Path):
    """Lints a repo of these files."""

    def call(*words: str, **files: str):
        for name, text in files.items():
            path = tmp_path / "linted" / name.replace("__", "/").replace("_yaml", ".yaml")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        (tmp_path / "linted/.git").mkdir(exist_ok=True)
        return command("lint", "-C", str(tmp_path / "linted"), *words)

    return call


def test_documents_without_findings_are_named_with_the_number_of_targets(lint) -> None:
    ran = lint(
        reconcile_yaml="version: 1\nuse: [wsl-go-baseline@1]\ninclude: [team/a.yaml]\nworkstations: {a: {}, b: {}}\n",
        team__a_yaml="version: 1\n",
    )
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == "Lint: nothing wrong in team/a.yaml, reconcile.yaml (6 targets).\n"


def test_every_finding_has_its_place_the_lines_around_it_and_a_fix(lint) -> None:
    ran = lint(reconcile_yaml="version: 1\nuser:\n  go_env:\n    GOPROXY: direct\n  fils: {}\n")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.splitlines() == [
        'reconcile.yaml:5:3: unknown kind "fils" in user',
        "   4 |     GOPROXY: direct",
        "   5 |   fils: {}",
        "     |   ^",
        "   6 |",
        "  fix: did you mean  files:",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("overlays: [{where: {user: zoe}, user: {go_env: {GOBIN: bin}}}]\nworkstations: {a: {distros: {main: {users: [zoe]}}}}", "GOBIN"),
        ("user: {files: {~/x: {content: a}}, directories: [~/x]}", "two items would write /home/"),
        ("workstations: {w: {}}\nuser: {files: {~/x: {content: a}}}\ndistro: {files: {/home/zoe/x: {content: b}}}\n"
         "overlays: []\ngroups: {g: {users: [zoe]}}".replace("w: {}", "w: {groups: [g]}"), "would write /home/zoe/x"),
        ("vars: {prxy: 1}\nuser: {go_env: {GOPROXY: '{{ vars.proxy }}'}}", "vars.proxy is not defined (defined: vars.prxy)"),
        ("vars: {prxy: 1, proxy: direct}\nuser: {go_env: {GOPROXY: '{{ vars.proxy }}'}}", "nothing reads the variable prxy"),
        ("user: {go_env: {GOPROXY: '{{ facts.libcc }}'}}", "facts.libcc is not defined"),
        ("distro: {files: {/etc/wsl.conf: {content: x}}, wsl_conf: {boot: {systemd: true}}}", "two items would write /etc/wsl.conf"),
    ],
)  # fmt: skip
def test_what_no_single_document_shows_is_found(lint, text: str, words: str) -> None:
    ran = lint(reconcile_yaml=f"version: 1\n{text}\n")
    assert ran.code == 1 and words in ran.err, ran.err


def test_everything_that_is_wrong_is_told_in_one_run(lint) -> None:
    text = "version: 1\nvars: {unread: 1}\nuser: {files: {~/x: {content: a}}, directories: [~/x]}\n"
    ran = lint("-e", "misspelt=1", reconcile_yaml=text)
    assert ran.code == 1
    assert "two items would write" in ran.err and "   3 | user:" in ran.err
    assert "reconcile.yaml:2:8: nothing reads the variable unread" in ran.err
    assert "-e:1:1: nothing reads the variable misspelt" in ran.err


def test_facts_homes_and_secrets_need_no_machine(lint) -> None:
    ran = lint(
        reconcile_yaml="""version: 1
secrets: {token: {}}
user:
  go_env: {GOPATH: "{{ user.home }}/go", GOPROXY: "https://{{ secrets.token }}@proxy,direct"}
  files: {~/x: {content: "{{ facts.libc }} {{ facts.windows_host_address }}"}}
distro: {files: {/etc/x: {content: "{{ facts.kernel }}"}}}
"""
    )
    assert (ran.code, ran.err) == (0, "")


def test_a_variable_of_the_command_line_counts(lint) -> None:
    text = "version: 1\nuser: {go_env: {GOPROXY: '{{ vars.proxy }}'}}\n"
    assert lint(reconcile_yaml=text).code == 1
    assert lint("-e", "proxy=direct").code == 0


def test_lint_touches_nothing_and_asks_no_machine(machine, census: Census) -> None:
    before = census(machine.root)
    assert machine.command("lint", "-C", str(machine.repo)).code == 0
    assert census(machine.root) == before


def test_lint_says_the_same_on_every_machine(lint, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "version: 1\nworkstations: {a: {vars: {x: 1}}, b: {vars: {x: 2}}}\nuser: {files: {~/x: {content: '{{ vars.x }}'}}}\n"
    monkeypatch.setattr("socket.gethostname", lambda: "a-runner")
    assert lint(reconcile_yaml=text).code == 0
    monkeypatch.setattr("socket.gethostname", lambda: "a")
    assert lint().code == 0


def test_errors_in_files_of_the_repo_show_their_own_lines(lint) -> None:
    ran = lint(
        reconcile_yaml="version: 1\nuser: {files: {~/x: {template: a.yaml}}}\n", a_yaml="one\ntwo {{ vars.x }}\n"
    )
    assert ran.err.startswith("a.yaml:2:5: vars.x is not defined")
    assert "   2 | two {{ vars.x }}\n     |     ^\n" in ran.err


def test_nothing_heavy_is_imported_for_documents_that_were_good_before(tmp_path: Path) -> None:
    (tmp_path / "reconcile.yaml").write_text("version: 1\nuser: {directories: [~/go]}\n")
    (tmp_path / "home/.config/reconcile").mkdir(parents=True)
    (tmp_path / "home/.config/reconcile/machine.yaml").write_text("workstation: lt\n")
    program = (
        "import sys; from reconciler.cli.main import run; code = run(sys.argv[1:]);"
        "print([name for name in ('jsonschema', 'jinja2', 'rich', 'paramiko') if name in sys.modules]); sys.exit(code)"
    )

    def imported() -> str:
        done = subprocess.run(
            [sys.executable, "-c", program, "lint", "-C", str(tmp_path)],
            env={"HOME": str(tmp_path / "home"), "PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout.splitlines()[-1]

    assert imported() == "['jsonschema']"
    assert imported() == "[]"
    (tmp_path / "reconcile.yaml").write_text("version: 1\nuser: {go_env: {GOPATH: '{{ user.home }}/go'}}\n")
    assert imported() == "['jsonschema', 'jinja2']"
    assert imported() == "['jinja2']"
