from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import pytest

from reconciler.documents.load import snippet
from reconciler.model.errors import Problem
from reconciler.model.tree import Origin
from reconciler.rendering.problems import problems_text

SOURCE = ["version: 1", "distro:", "  wsl_conf:", "    boot: {systemd: yes}", "\tuser:  größe 日本 x"]


def snippets(origin: Origin) -> Sequence[str]:
    return snippet(SOURCE, origin)


def nothing(_: Origin) -> Sequence[str]:
    return ()


SYSTEMD = Problem(
    'distro.wsl_conf.boot.systemd is "yes"; WSL reads only true, false, 1 or 0 and keeps its default',
    Origin("team/distro.yaml", 4, 21),
    fix="write  systemd: true",
)


def test_problems_look_as_they_did(golden: Callable[[str, str], None]) -> None:
    problems = [
        SYSTEMD,
        Problem("the file ends in the middle", Origin("team/base.yaml", 1, 1)),
        Problem("no reconcile.yaml here or above", fix="run `reconcile init`"),
        Problem("unquoted", Origin("a.yaml", 5, 15), fix="write:\n  a: 'x'\n  b: 1"),
    ]
    golden("problems.txt", problems_text(problems, snippets))


def test_a_problem_says_where_and_what_then_shows_the_place_then_the_fix() -> None:
    lines = problems_text([SYSTEMD], lambda _: ["4 |     boot: {systemd: yes}", "  |                     ^"]).split(
        "\n"
    )
    assert lines[0].startswith('team/distro.yaml:4:21: distro.wsl_conf.boot.systemd is "yes"; WSL reads only')
    assert lines[1:] == [
        "   4 |     boot: {systemd: yes}",
        "     |                     ^",
        "  fix: write  systemd: true",
    ]


def test_problems_of_one_or_two_lines_stand_close_together() -> None:
    assert problems_text([Problem("a"), Problem("b", fix="c")], nothing) == "a\nb\n  fix: c"
    assert "\n\n" in problems_text([SYSTEMD, Problem("b")], snippets)


def test_without_a_readable_document_there_is_no_snippet() -> None:
    assert problems_text([SYSTEMD], nothing).count("\n") == 1
    assert problems_text([Problem("boom")], snippets) == "boom"


def test_no_line_of_a_text_can_pass_for_a_problem_of_its_own() -> None:
    text = problems_text([Problem("a\nb.yaml:1:1: fine", fix="c\nd.yaml:1:1: fine")], lambda _: ["e.yaml:1:1: fine"])
    assert [line for line in text.split("\n") if not line.startswith(" ")] == ["a"]


@pytest.mark.parametrize("hostile", ["\x1b[2J", "\u202e", "\r", "\x9b"])
def test_nothing_hostile_reaches_the_terminal(hostile: str) -> None:
    problem = Problem(f"a{hostile}", Origin(f"f{hostile}", 1, 1), fix=f"b{hostile}")
    assert hostile not in problems_text([problem], lambda _: [f"line {hostile}"])


def test_colour_changes_nothing_but_the_colour() -> None:
    coloured = problems_text([SYSTEMD], snippets, colour=True)
    assert re.search("\x1b\\[1;31m *\\| *\\^\x1b\\[0m", coloured)
    assert re.sub("\x1b\\[[0-9;]*m", "", coloured) == problems_text([SYSTEMD], snippets)
