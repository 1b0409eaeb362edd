"""The command line itself: help, mistakes, and errors that are never tracebacks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.cli.main import COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(command, name: str) -> None:
    shown = command(name, "--help")
    assert shown.code == 0 and "Usage: reconcile" in shown.out


@pytest.mark.parametrize(
    "words",
    [
        ("plam",),
        ("plan", "--nonsense"),
        ("plan", "-e", "no-value"),
        ("plan", "--root", "relative"),
        ("explain",),
        ("plan", "-C", "/no/such"),
    ],
)
def test_a_wrong_command_line_is_64(command, words: tuple[str, ...]) -> None:
    assert command(*words).code == 64


def test_a_misspelt_command_gets_the_nearest(command) -> None:
    assert "Did you mean plan?" in command("plam").err


def test_no_document_says_how_to_begin(command, tmp_path: Path, words: Callable[[str], str]) -> None:
    (tmp_path / "empty").mkdir()
    refused = command("plan", "-C", str(tmp_path / "empty"))
    assert refused.code == 1
    assert "`reconcile init` writes one that describes this machine as it is and changes nothing" in words(refused.err)


def test_an_error_has_its_place_the_lines_around_and_the_fix(machine) -> None:
    machine.write("version: 1\ndistro:\n  wsl_conf:\n    boot: {systemd: yes}\n")
    refused = machine.run("plan")
    assert refused.code == 1
    assert "reconcile.yaml:4:21" in refused.err
    assert "boot: {systemd: yes}" in refused.err
    assert "systemd: true" in refused.err
    assert "Traceback" not in refused.err


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\x00\x01",
        "[]",
        "version: 2\n",
        "version: 1\nuser: {go_env: {GOBIN: bin}}\n",
        "version: 1\nuser: {go_env: {GOPATH: '{{ vars.nothing }}'}}\n",
        "version: 1\nuser: {go_env: {GOPATH: '{{ facts.nothing }}'}}\n",
        "version: 1\nuser: {nonsense: {}}\n",
        "version: 1\nuser: {files: {~/x: {content: '{% for a in range(1000000000) %}x{% endfor %}'}}}\n",
        "version: 1\nuser: {files: {~/x: {content: a, source: b}}}\n",
        "version: 1\nuser: {files: {~/x: {source: ../../etc/passwd}}}\n",
        "version: 1\ndistro: {files: {/etc/wsl.conf: {content: a}}, wsl_conf: {boot: {systemd: true}}}\n",
        "version: 1\ndistro: {directories: {/a: {}}, symlinks: {/a: /b}}\n",
        "version: 1\nx: !!python/object/apply:os.system [id]\n",
        "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nd: &d [*c,*c]\n" * 3,
    ],
)
def test_bad_documents_are_exit_1_and_change_nothing(machine, text: str, census: Callable[[Path], object]) -> None:
    before = census(machine.root)
    machine.write(text)
    for name in ("plan", "apply", "lint"):
        words = () if name != "apply" else ("--yes",)
        ran = machine.run(name, *words) if name != "lint" else machine.command("lint", "-C", str(machine.repo))
        assert ran.code == 1, (name, ran.out, ran.err)
        assert ran.err.strip() and "Traceback" not in ran.err
    assert census(machine.root) == before


def test_completion_is_printed_for_each_shell(command) -> None:
    for shell in ("bash", "zsh", "fish"):
        assert "_RECONCILE_COMPLETE" in command("completion", shell).out


def test_a_user_who_does_not_exist_is_named_as_not_looked_at(machine) -> None:
    ran = machine.command("plan", "-C", str(machine.repo), "--root", str(machine.root), "--user", "nobody-here")
    assert ran.code == 0
    assert "Not looked at: main/nobody-here (not here)." in ran.out
    strict = machine.command(
        "verify", "--strict", "-C", str(machine.repo), "--root", str(machine.root), "--user", "nobody-here"
    )
    assert strict.code == 5


def test_a_plan_that_cannot_be_saved_says_where_and_why(machine) -> None:
    ran = machine.run("plan", "-o", "/no/such/folder/plan.json")
    assert ran.code == 1
    assert ran.err.strip() == "the plan cannot be saved to /no/such/folder/plan.json: No such file or directory"
