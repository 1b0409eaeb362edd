"""The file .tool-versions: what is read of it, what an edit keeps, and what mise reads of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.formats.tool_versions import edit, members

FILE = "# mine\ngolang  1.22.3 1.21.0 # pinned\n\n  nodejs\t20\npython\n"


def test_tools_have_their_versions() -> None:
    assert members(FILE) == {"golang": "1.22.3 1.21.0", "nodejs": "20", "python": ""}
    assert members("") == {}


@pytest.mark.parametrize(
    ("changes", "after"),
    [
        ({"golang": "1.27.3"}, "# mine\ngolang  1.27.3 # pinned\n\n  nodejs\t20\npython\n"),
        ({"nodejs": "22 20"}, "# mine\ngolang  1.22.3 1.21.0 # pinned\n\n  nodejs\t22 20\npython\n"),
        ({"python": "3.13"}, "# mine\ngolang  1.22.3 1.21.0 # pinned\n\n  nodejs\t20\npython 3.13\n"),
        ({"ruby": "3.3", "golang": None}, "# mine\n\n  nodejs\t20\npython\nruby 3.3\n"),
        ({"golang": "1.22.3 1.21.0", "deno": None}, FILE),
    ],
)
def test_only_what_changes_changes(changes: dict[str, str | None], after: str) -> None:
    assert edit(FILE, changes) == after


def test_several_lines_of_one_tool_become_one() -> None:
    text = "golang 1.20\nnodejs 20\ngolang 1.21 # new\n"
    assert members(text) == {"golang": "1.20 1.21", "nodejs": "20"}
    assert edit(text, {"golang": "1.20"}) == "golang 1.20\nnodejs 20\n"
    assert edit(text, {"golang": None}) == "nodejs 20\n"


def test_line_ends_stay_as_they_are() -> None:
    assert (
        edit("golang 1.20\r\nnodejs 20\r\n", {"golang": "1.21", "ruby": "3"})
        == "golang 1.21\r\nnodejs 20\r\nruby 3\r\n"
    )
    assert edit("golang 1.20", {"ruby": "3"}) == "golang 1.20\nruby 3\n"
    assert edit("", {"ruby": "3"}) == "ruby 3\n"


TOOLS = st.sampled_from(["golang", "nodejs", "python", "npm:prettier", "go"])
VERSIONS = st.lists(
    st.sampled_from(["1.2.3", "latest", "ref:v1", "path:~/x", "20"]), min_size=1, max_size=3, unique=True
)
LINES = st.one_of(
    st.sampled_from(
        ["", "# note", "golang 1 # c", "nodejs", "  python 3", "golang\t2", "#golang 1", "python 3#x", "a\x0bb 1"]
    ),
    st.text(st.characters(exclude_characters="\n", codec="utf-8"), max_size=8),
)


@settings(max_examples=400, deadline=None)
@given(
    lines=st.lists(LINES, max_size=8),
    ending=st.sampled_from(["\n", "\r\n"]),
    finished=st.booleans(),
    changes=st.dictionaries(TOOLS, st.one_of(st.none(), VERSIONS.map(" ".join)), max_size=4),
)
def test_an_edit_says_what_was_meant_and_keeps_the_rest(
    lines: list[str], ending: str, finished: bool, changes: dict[str, str | None]
) -> None:
    text = ending.join(lines) + (ending if finished and lines else "")
    edited = edit(text, changes)
    wanted = {**members(text), **changes}
    assert members(edited) == {tool: versions for tool, versions in wanted.items() if versions is not None}
    assert edit(edited, changes) == edited
    assert comments(edited) == comments(text)


def comments(text: str) -> list[str]:
    return [line.rstrip("\r") for line in text.split("\n") if line.lstrip().startswith("#")]


def test_mise_reads_what_was_written(tmp_path: Path) -> None:
    mise = shutil.which("mise")
    if mise is None:
        pytest.skip("mise is not installed")
    text = edit(
        "# mine\ngolang 1.20 # old\nnodejs 18\ngolang 1.19\r\n",
        {"golang": "1.27.3 1.26.0", "nodejs": None, "python": "3.13"},
    )
    (tmp_path / ".tool-versions").write_text(text)
    environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "MISE_OFFLINE": "1"}
    done = subprocess.run(
        [mise, "ls", "--json"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    seen = {tool: {row["requested_version"] for row in rows} for tool, rows in json.loads(done.stdout).items()}
    assert seen == {"go": {"1.27.3", "1.26.0"}, "python": {"3.13"}}
