"""Blocks of ours in files of others."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.formats.managed_block import BlockCodec, BlockError, Position

END = BlockCodec()
START = BlockCodec(position=Position.START)
GUARD = BlockCodec(position=Position.ABOVE_GUARD)
BLOCK = "# >>> reconcile env >>>\n. ~/.config/env.sh\n# <<< reconcile env <<<\n"
BODY = ". ~/.config/env.sh\n"
DEBIAN = """\
# ~/.bashrc: executed by bash(1) for non-login shells.

# If not running interactively, don't do anything
case $- in
    *i*) ;;
      *) return;;
esac

HISTSIZE=1000
"""


def put(codec: BlockCodec, text: str, body: str | None = BODY) -> str:
    return codec.edit(text, {"env": body})


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("", BLOCK),
        ("a\n", "a\n" + BLOCK),
        ("a", "a\n" + BLOCK),
        ("a\r\nb", "a\r\nb\r\n" + BLOCK.replace("\n", "\r\n")),
    ],
)
def test_a_new_block_stands_at_the_end(text: str, after: str) -> None:
    assert put(END, text) == after
    assert END.members(after) == {"env": BODY}
    assert put(END, after) == after


def test_a_new_block_stands_at_the_start_but_behind_the_interpreter() -> None:
    assert put(START, "a\n") == BLOCK + "a\n"
    assert put(START, "#!/bin/sh\na\n") == "#!/bin/sh\n" + BLOCK + "a\n"


def test_a_block_is_replaced_where_it_stands() -> None:
    assert put(END, f"a\n{BLOCK}b", "x\ny") == "a\n" + BLOCK.replace(BODY, "x\ny\n") + "b"


def test_a_removed_block_takes_its_own_lines_only() -> None:
    assert put(END, f"a\n\n{BLOCK}\nb\r\n", None) == "a\n\n\nb\r\n"
    assert put(END, "a", None) == "a"


def test_several_blocks_do_not_touch_each_other() -> None:
    text = END.edit("a\n", {"one": "1", "two": "2", "env": ""})
    assert END.members(text) == {"one": "1\n", "two": "2\n", "env": ""}
    assert END.edit(text, {"one": None, "env": None}) == END.edit("a\n", {"two": "2"})


def test_other_languages_have_their_own_comments() -> None:
    for sign in ("//", "--", ";", '"'):
        codec = BlockCodec(comment=sign)
        text = put(codec, "x\n")
        assert text.splitlines()[1] == f"{sign} >>> reconcile env >>>" and codec.members(text) == {"env": BODY}
        assert END.members(text) == {}


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("# >>> reconcile a >>>\n", 1, "the block a begins here and does not end"),
        ("x\n# <<< reconcile a <<<\n", 2, "the block a ends here, but does not begin above"),
        ("# >>> reconcile a >>>\n# >>> reconcile b >>>\n", 2, "the block b begins inside the block a"),
        ("# >>> reconcile a >>>\n# <<< reconcile b <<<\n", 2, "the block b ends here, but does not begin above"),
        ("# >>> reconcile a >>>\n# <<< reconcile a <<<\n" * 2, 3, "there is a second block a"),
    ],
)
def test_markers_that_do_not_pair_are_an_error(text: str, line: int, what: str) -> None:
    for attempt in (lambda: END.members(text), lambda: put(END, text)):
        with pytest.raises(BlockError) as error:
            attempt()
        assert (error.value.line, error.value.what) == (line, what)


# ---- the guard of a .bashrc


@pytest.mark.parametrize(
    "guard",
    [
        "case $- in\n    *i*) ;;\n      *) return;;\nesac\n",
        'case "$-" in *i*) ;; *) return ;; esac\n',
        '[ -z "$PS1" ] && return\n',
        "[[ $- != *i* ]] && return\n",
        "[[ $- == *i* ]] || return 0\n",
        "if [[ $- != *i* ]] ; then\n\t# Shell is non-interactive.\n\treturn\nfi\n",
        '[ -z "${PS1:-}" ] && exit\n',
    ],
)
def test_a_block_goes_above_the_guard_and_its_comment(guard: str) -> None:
    text = f"first=1\n\n# If not running interactively, don't do anything\n{guard}alias x=y\n"
    assert put(GUARD, text) == text.replace("# If", BLOCK + "# If")
    assert put(GUARD, put(GUARD, text)) == put(GUARD, text)
    assert put(GUARD, put(GUARD, text), None) == text


def test_a_block_below_the_guard_is_moved_above_it() -> None:
    assert put(GUARD, DEBIAN + BLOCK) == DEBIAN.replace("# If", BLOCK + "# If")


@pytest.mark.parametrize("text", ["PS1='$ '\nreturn_to() { :; }\n", "# case $- in\nx=1\n", 'echo "$PS1"\n'])
def test_what_is_no_guard_is_none(text: str) -> None:
    assert put(GUARD, text) == BLOCK + text


def test_bash_reads_the_block_although_it_is_not_interactive(tmp_path: Path) -> None:
    if not shutil.which("bash"):
        pytest.skip("bash is not installed")
    (tmp_path / ".bashrc").write_text(GUARD.edit(DEBIAN, {"env": "export FOUND=yes"}) + "export LATER=yes\n")
    words = ["bash", "-c", '. "$1/.bashrc"; echo "$FOUND $LATER"; ', "x", str(tmp_path)]
    # `return` ends the sourced file, not the shell that sourced it.
    done = subprocess.run(words, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "yes \n"


# ---- whatever the text


TEXTS = st.lists(st.sampled_from(["a", "", "b\r", "# c", "x 'y'", "case $- in", "*) return;;"]), max_size=8).map(
    "\n".join
)
BODIES = st.lists(st.sampled_from(["x", "", "$HOME \\ 'q'", "ü"]), max_size=3).map("\n".join)


@given(TEXTS, BODIES, st.sampled_from([END, START, GUARD]))
def test_what_was_put_is_read_and_taken_away_again(text: str, body: str, codec: BlockCodec) -> None:
    after = codec.edit(text, {"env": body})
    assert codec.members(after)["env"] == (body if body.endswith("\n") or not body else f"{body}\n")
    assert codec.edit(after, {"env": body}) == after
    assert codec.edit(after, {"env": None}) in (text, f"{text}\n", f"{text}\r\n")
