"""Exports in start-up files, found by reading them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from reconciler.formats.shell_assignments import exported


def found(text: str, *, fish: bool = False) -> list[tuple[int, str, str]]:
    return [(entry.line, entry.name, entry.value) for entry in exported(text, {"GOPATH", "GOBIN"}, fish=fish)]


FOUND: list[tuple[str, list[tuple[int, str, str]]]] = [
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
    ('[ -n "$GOPATH" ] || export GOPATH=/x\n', [(1, "GOPATH", "/x")]),
    ("export GOPATH=$(echo a b) GOBIN=`echo c d`\n", [(1, "GOPATH", "$(echo a b)"), (1, "GOBIN", "`echo c d`")]),
    ("export GOPATH=${NONE:-a b}/c\n", [(1, "GOPATH", "${NONE:-a b}/c")]),
    ("export A=1 \\\n  GOPATH=/x\n", [(2, "GOPATH", "/x")]),
    ("export A='\n' GOPATH=/x\n", [(2, "GOPATH", "/x")]),
    ("f() {\n  export GOPATH=/x\n}\nf\n", [(2, "GOPATH", "/x")]),
    ("f() { export GOPATH=/x; }\nf\n", [(1, "GOPATH", "/x")]),
    ("export GOPATH=$(echo $(echo $(echo a)) b)\n", [(1, "GOPATH", "$(echo $(echo $(echo a)) b)")]),
    ("echo \\'; export GOPATH=/x # '\n", [(1, "GOPATH", "/x")]),
    ("case a in a) export GOPATH=/x;; esac\n", [(1, "GOPATH", "/x")]),
    ("true && export GOPATH=/x\n", [(1, "GOPATH", "/x")]),
    ("for i in 1; do export GOPATH=/x; done\n", [(1, "GOPATH", "/x")]),
    ("if false; then :; else export GOPATH=/x; fi\n", [(1, "GOPATH", "/x")]),
    ("export GOPATH=/x >/dev/null 2>&1\n", [(1, "GOPATH", "/x")]),
    ("export GOPATH=/x>/dev/null\n", [(1, "GOPATH", "/x")]),
    ("GOPATH=/x\nexport GOBIN=/y\nexport GOPATH\n", [(1, "GOPATH", "/x"), (2, "GOBIN", "/y")]),
    ("{ export GOPATH=/x; }\n", [(1, "GOPATH", "/x")]),
    ("GOPATH=/x GOBIN=/y\nexport GOPATH GOBIN\n", [(1, "GOPATH", "/x"), (1, "GOBIN", "/y")]),
    ("cat <<'X' >/dev/null\ndon't\nX\nexport GOPATH='/x'\n", [(4, "GOPATH", "'/x'")]),
]


@pytest.mark.parametrize(("text", "entries"), FOUND)
def test_plain_exports_are_found_with_their_line(text: str, entries: list[tuple[int, str, str]]) -> None:
    assert found(text) == entries


MISSED = [
    "# export GOPATH=/x\n",
    "GOPATH=/x\n",
    "GOPATH=/x go build\nexport GOPATH\n",
    "export MYGOPATH=/x\n",
    'echo "export GOPATH=/x"\n',
    "unset GOPATH\n",
    "true # ; export GOPATH=/x\n",
    "alias x='cd; export GOPATH=/x'\n",
    'echo "\nexport GOPATH=/x\n"\n',
    "cat <<EOF\nexport GOPATH=/x\nEOF\n",
    "cat <<-'E F'\n\texport GOPATH=/x\n\tE F\n",
    "(export GOPATH=/x)\n",
    "x=$(export GOPATH=/x; echo)\n",
    ": ${GOPATH=/x}\n",
    "echo export GOPATH=/x\n",
    "echo then export GOPATH=/x\n",
    "typeset -r GOPATH=/x\n",
]


@pytest.mark.parametrize("text", MISSED)
def test_what_exports_nothing_is_passed_over(text: str) -> None:
    assert found(text) == []


def test_blocks_of_ours_are_passed_over() -> None:
    block = "# >>> reconcile env >>>\nexport GOPATH='/x\n# <<< reconcile env <<<\n"
    assert found(f"{block}export GOBIN='/y'\n") == [(4, "GOBIN", "'/y'")]
    assert found(f"{block.splitlines()[0]}\nexport GOBIN=/y\n") == []


FISH = """\
set -gx GOPATH $HOME/go
set GOBIN /x
set --global --export GOBIN '/a b'  # ; set -gx GOPATH /z
  set -Ux GOPATH /y; echo
if true; set -x -g GOPATH a "b c" ; end
true; and set -gx GOPATH (echo a b)/d
export GOPATH=/x GOBIN="/y z"
echo 'set -gx GOPATH /w'
set -e GOPATH
set -gx GOPATH_MORE 1
set -gx GOPATH
set -gx
set -e -x GOPATH a
set -gx GOPATH 'it\\'s'; set -gx GOBIN 'x'
if false; else; set -gx GOPATH b; end
begin set -gx GOPATH c; end
false; or set -gx GOPATH d
"""


def test_fish_has_words_of_its_own() -> None:
    assert found(FISH, fish=True) == [
        (1, "GOPATH", "$HOME/go"),
        (3, "GOBIN", "'/a b'"),
        (4, "GOPATH", "/y"),
        (5, "GOPATH", 'a "b c"'),
        (6, "GOPATH", "(echo a b)/d"),
        (7, "GOPATH", "/x"),
        (7, "GOBIN", '"/y z"'),
        (11, "GOPATH", ""),
        (14, "GOPATH", "'it\\'s'"),
        (14, "GOBIN", "'x'"),
        (15, "GOPATH", "b"),
        (16, "GOPATH", "c"),
        (17, "GOPATH", "d"),
    ]


SHELLS = ["sh", "bash", "zsh", "mksh"]


def exports(shell: str, text: str, folder: Path) -> set[str]:
    """The names that a program started at the end of the file finds in its environment."""
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    file = folder / "file"
    file.write_text(f"{text}\nexec /usr/bin/env\n")
    environment = {"HOME": str(folder), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [shell, file.name], cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    names = {line.partition("=")[0] for line in done.stdout.splitlines()[-40:]}
    return names & {"GOPATH", "GOBIN"}


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("text", [text for text, _ in FOUND if "declare" not in text] + MISSED)
def test_shells_export_what_is_found_and_no_more(shell: str, text: str, tmp_path: Path) -> None:
    if shell == "sh" and "typeset" in text:
        pytest.skip("POSIX has no typeset")
    assert exports(shell, text, tmp_path) == {name for _, name, _ in found(text)}


@pytest.mark.parametrize("line", FISH.splitlines())
def test_fish_exports_what_is_found_and_no_more(line: str, tmp_path: Path) -> None:
    assert exports("fish", line, tmp_path) == {name for _, name, _ in found(line, fish=True)}
