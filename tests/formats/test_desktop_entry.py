"""Desktop entries: what is quoted, what is refused, and what the programs that read them make of it."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.formats.desktop_entry import argument, command, text, why_refused

ODD = "a b $HOME `id` \"q\" 'x' \\ %F 100% ~ ; # ä \\n \\"


def test_keys_stand_in_their_order_and_backslashes_are_doubled() -> None:
    assert text({"Name": "a\\b", "Terminal": True, "Categories": ["A;B", "C"]}) == (
        "[Desktop Entry]\nName=a\\\\b\nTerminal=true\nCategories=A\\;B;C;\n"
    )


def test_blanks_at_the_ends_are_kept() -> None:
    assert text({"Name": " a "}) == "[Desktop Entry]\nName=\\sa\\s\n"


def test_variables_stand_in_front_of_the_program() -> None:
    line = command("/usr/bin/code %F", {"GOROOT": "/usr/local/go", "A": "b c", "EMPTY": ""})
    assert line == 'env GOROOT=/usr/local/go "A=b c" EMPTY= /usr/bin/code %F'
    assert command("/usr/bin/code %F", {}) == "/usr/bin/code %F"


@pytest.mark.parametrize(
    ("word", "quoted"),
    [("a", "a"), ("", '""'), ("a b", '"a b"'), ("100%", "100%%"), ('$"`\\', '"\\$\\"\\`\\\\"'), ("it's", '"it\'s"')],
)
def test_a_word_means_just_itself(word: str, quoted: str) -> None:
    assert argument(word) == quoted


@pytest.mark.parametrize(
    "line",
    [
        "code",
        "/usr/bin/code --new-window %F",
        ' code  "two words" %u ',
        'sh -c "echo \\$HOME 100%%" 5%%',
        "code %i %c %k",
        "ä",
    ],
)
def test_what_menus_can_start_is_taken(line: str) -> None:
    assert why_refused(line) is None


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("", "names no program"),
        ("   ", "names no program"),
        ("A=b code", "a program's name holds no ="),
        ("~/bin/code", "~ is no home"),
        ("code $HOME", "$ must stand in quotes"),
        ("code it's", "' must stand in quotes"),
        ("code a;b", "; must stand in quotes"),
        ("code\tb", "must stand in quotes"),
        ('code "a', "a quoted word does not end"),
        ('code "$a"', "by itself"),
        ('code "a"b', "a quoted word does not end"),
        ('code a"b"', "a quote stands inside a word"),
        ('code "%f"', "%f stands inside quotes"),
        ('code "5%"', "% stands inside quotes"),
        ("code %x", "%x stands for nothing"),
        ("code 5%", "% stands for nothing"),
        ("code %d", "%d is no longer used"),
        ("code --file=%f", "%f stands inside a word"),
        ("code %f %U", "takes files more than once"),
    ],
)
def test_what_menus_cannot_start_is_refused_with_a_fix(line: str, what: str) -> None:
    refusal = why_refused(line)
    assert refusal is not None
    assert what in refusal[0] and refusal[1]


@settings(max_examples=300, deadline=None)
@given(word=st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=20))
def test_every_quoted_word_is_taken(word: str) -> None:
    assert why_refused(f"code {argument(word)}") is None


# ---- read by real programs


def written(folder: Path, keys: Mapping[str, bool | str]) -> Path:
    path = folder / "entry.desktop"
    path.write_text(text({"Type": "Application", "Name": "Entry", **keys}), encoding="utf-8")
    return path


def test_glib_starts_the_program_with_what_was_meant(tmp_path: Path) -> None:
    gio = shutil.which("gio")
    if gio is None:
        pytest.skip("gio (libglib2.0-bin) is not installed")
    program, seen = tmp_path / "show", tmp_path / "seen"
    program.write_text(f'#!/bin/sh\nprintf "%s\\0" "$ODD" "$EMPTY" "$@" >{seen}.new; mv {seen}.new {seen}\n')
    program.chmod(0o755)
    line = f"{program} {argument(ODD)} %F"
    path = written(tmp_path, {"Exec": command(line, {"ODD": ODD, "EMPTY": ""}), "Terminal": False})
    subprocess.run([gio, "launch", str(path), "/etc/passwd"], check=True, timeout=30, capture_output=True)
    until = time.monotonic() + 30
    while not seen.exists() and time.monotonic() < until:
        time.sleep(0.02)
    assert seen.read_text(encoding="utf-8").split("\0") == [ODD, "", ODD, "/etc/passwd", ""]


def test_the_validator_of_freedesktop_finds_nothing(tmp_path: Path) -> None:
    validator = shutil.which("desktop-file-validate")
    if validator is None:
        pytest.skip("desktop-file-validate (desktop-file-utils) is not installed")
    line = command(f"code {argument(ODD)} %F", {"ODD": ODD})
    path = written(tmp_path, {"Exec": line, "Comment": ODD, "Icon": "vscode", "StartupWMClass": "Code"})
    done = subprocess.run([validator, str(path)], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
