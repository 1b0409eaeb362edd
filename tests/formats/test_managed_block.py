"""Blocks of ours in files of others."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.formats.managed_block import BlockCodec, BlockError, Position, normal_body

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
    assert put(START, "#!/bin/sh") == "#!/bin/sh\n" + BLOCK
    assert put(START, "#!/bin/sh\na\n") == "#!/bin/sh\n" + BLOCK + "a\n"


def test_a_block_is_replaced_where_it_stands() -> None:
    crlf = f"a\n{BLOCK}".replace("\n", "\r\n")
    assert put(END, crlf, "x") == crlf.replace(BODY.rstrip(), "x")
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
        ("# >>> reconcile a <<<\nx\n# <<< reconcile a <<<\n", 3, "the block a ends here, but does not begin above"),
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


@pytest.mark.parametrize(
    "body",
    ["x\n# <<< reconcile env <<<\n", "# >>> reconcile other >>>", "  # <<< reconcile env <<< \r\n"],
)
def test_a_body_with_a_marker_in_it_is_never_written(body: str) -> None:
    with pytest.raises(ValueError, match="a line that marks a block"):
        put(END, "a\n", body)


@pytest.mark.parametrize("name", ["", " a", "a ", "a\nb", "a >>>", "a\tb"])
def test_what_a_marker_cannot_name_is_never_written(name: str) -> None:
    with pytest.raises(ValueError, match="cannot name a block"):
        END.edit("", {name: "x"})


def test_markers_count_wherever_an_editor_has_put_them_in() -> None:
    text = f"if x\n  {BLOCK.replace(BODY, '  ' + BODY)[:-1]}  \nfi\n".replace("# <<<", "\t# <<<")
    assert END.members(text) == {"env": "  " + BODY}
    assert put(END, text) == f"if x\n{BLOCK}fi\n"


def test_nothing_changes_when_the_block_already_says_so_whatever_its_line_ends() -> None:
    for text in ("a\n" + BLOCK.replace("\n", "\r\n"), "a\r\n" + BLOCK, f" {BLOCK}b"):
        assert END.members(text) == {"env": BODY}
        assert put(END, text) == text


def test_a_new_block_has_the_line_ends_of_the_file_only_where_they_are_all_alike() -> None:
    assert put(END, "a\r\nb\n") == "a\r\nb\n" + BLOCK
    assert put(END, "a\r\nb\r\n", "x\r\ny") == "a\r\nb\r\n" + BLOCK.replace(BODY, "x\ny\n").replace("\n", "\r\n")


def test_a_carriage_return_at_a_lines_end_is_no_part_of_a_body() -> None:
    assert END.members(put(END, "a\n", "x\r\ny\r")) == {"env": "x\ny\n"}
    assert normal_body("x\r\r\ny") == normal_body("x\ny\n") == "x\ny\n"
    assert normal_body("") == "" and normal_body("\r\n") == "\n"


def test_a_byte_order_mark_stays_in_front() -> None:
    assert put(START, "\ufeffa\n") == f"\ufeff{BLOCK}a\n"
    assert put(START, "\ufeff#!/bin/sh\na\n") == f"\ufeff#!/bin/sh\n{BLOCK}a\n"
    assert START.members(put(START, "\ufeffa\n")) == {"env": BODY}
    assert put(START, put(START, "\ufeffa\n"), None) == "\ufeffa\n"


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


def test_a_block_goes_below_the_interpreter_although_the_guard_follows_it() -> None:
    guard = "[[ $- != *i* ]] && return\n"
    assert put(GUARD, f"#!/bin/bash\n{guard}") == f"#!/bin/bash\n{BLOCK}{guard}"


def test_a_block_below_the_guard_is_moved_above_it() -> None:
    above = f"{BLOCK}x=1\n{DEBIAN}"
    assert put(GUARD, above, "y") == above.replace(BODY, "y\n")
    assert put(GUARD, DEBIAN + BLOCK) == DEBIAN.replace("# If", BLOCK + "# If")


def test_a_guard_in_a_block_of_ours_is_none() -> None:
    other = "# >>> reconcile other >>>\n[[ $- != *i* ]] && return\n# <<< reconcile other <<<\n"
    assert put(GUARD, f"a\n{other}b\n") == f"{BLOCK}a\n{other}b\n"
    assert put(GUARD, f"{other}x\n{BLOCK}") == f"{other}x\n{BLOCK}"
    assert put(GUARD, f"{other}{DEBIAN}") == other + DEBIAN.replace("# If", BLOCK + "# If")


def test_blocks_that_are_put_at_once_stand_in_their_order() -> None:
    for codec in (END, START, GUARD):
        assert list(codec.members(codec.edit(DEBIAN, {"b": "1", "a": "2"}))) == ["b", "a"]


@pytest.mark.parametrize(
    "text",
    [
        "PS1='$ '\nreturn_to() { :; }\n",
        "# case $- in\nx=1\n",
        '# [ -z "$PS1" ] && return\nx=1\n',
        'echo "$PS1"\n',
        'echo "$-"\nf() {\n  return 1\n}\n',
    ],
)
def test_what_is_no_guard_is_none(text: str) -> None:
    assert put(GUARD, f"first=1\n{text}") == f"{BLOCK}first=1\n{text}"


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
    assert codec.members(after)["env"] == normal_body(body)
    assert codec.edit(after, codec.members(after)) == after
    assert codec.edit(after, {"env": body}) == after
    assert codec.edit(after, {"env": None}) in (text, f"{text}\n", f"{text}\r\n")
