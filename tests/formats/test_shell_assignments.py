"""Exports in start-up files, found by reading them."""

from __future__ import annotations

import pytest

from reconciler.formats.shell_assignments import exported


def found(text: str, *, fish: bool = False) -> list[tuple[int, str, str]]:
    return [(entry.line, entry.name, entry.value) for entry in exported(text, {"GOPATH", "GOBIN"}, fish=fish)]


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        ("export GOPATH=/x\n", [(1, "GOPATH", "/x")]),
        ('\n\texport GOPATH="$HOME/go dir" # why\r\n', [(2, "GOPATH", '"$HOME/go dir"')]),
        ("export A=1 GOPATH='a b' GOBIN=$GOPATH/bin\n", [(1, "GOPATH", "'a b'"), (1, "GOBIN", "$GOPATH/bin")]),
        ("GOPATH=/x\nexport PATH GOPATH\n", [(1, "GOPATH", "/x")]),
        ("GOPATH=/x; export GOPATH\n", [(1, "GOPATH", "/x")]),
        ("declare -x GOPATH=/x\ntypeset -gx GOBIN=/y\n", [(1, "GOPATH", "/x"), (2, "GOBIN", "/y")]),
        ("if true; then export GOPATH=/x; fi\n", [(1, "GOPATH", "/x")]),
        ("export GOPATH=/a\nexport GOPATH=/b\n", [(1, "GOPATH", "/a"), (2, "GOPATH", "/b")]),
        ("export GOPATH=\n", [(1, "GOPATH", "")]),
        ("export GOPATH=/x#y\n", [(1, "GOPATH", "/x#y")]),
    ],
)
def test_plain_exports_are_found_with_their_line(text: str, entries: list[tuple[int, str, str]]) -> None:
    assert found(text) == entries


@pytest.mark.parametrize(
    "text",
    [
        "# export GOPATH=/x\n",
        "GOPATH=/x\n",
        "GOPATH=/x go build\nexport GOPATH\n",
        "export MYGOPATH=/x\n",
        'echo "export GOPATH=/x"\n',
        "unset GOPATH\n",
        "# >>> reconcile env >>>\nexport GOPATH=/x\n# <<< reconcile env <<<\n",
    ],
)
def test_what_exports_nothing_is_passed_over(text: str) -> None:
    assert found(text) == []


def test_fish_has_words_of_its_own() -> None:
    text = "set -gx GOPATH $HOME/go\nset GOBIN /x\nset --global --export GOBIN '/a b'\n  set -Ux GOPATH /y; echo\n"
    assert found(text, fish=True) == [
        (1, "GOPATH", "$HOME/go"),
        (3, "GOBIN", "'/a b'"),
        (4, "GOPATH", "/y"),
    ]
    assert found("export GOPATH=/x\n", fish=True) == []
