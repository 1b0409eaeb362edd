"""The file of one user's own in /etc/sudoers.d, judged by the real visudo."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.formats import sudoers

RULES = ("password", "nopasswd", "ALL=(root) NOPASSWD: /usr/bin/apt-get update, /bin/ls /root")
USERS = ("dev", "first.last", "DEV", "Dev", "_x", "build-7", "machine$")


@pytest.mark.parametrize(
    ("user", "path"),
    [("dev", "/etc/sudoers.d/reconcile-dev"), ("first.last", "/etc/sudoers.d/reconcile-first%2Elast")],
)
def test_sudo_reads_the_file_whatever_the_user_is_called(user: str, path: str) -> None:
    assert sudoers.path(user) == path


def test_users_have_files_of_their_own() -> None:
    names = ("a.b", "a_b", "a-b", "ab", "A.b")
    assert len({sudoers.path(name) for name in names}) == len(names)


def test_the_text_is_what_sudoers_says() -> None:
    assert sudoers.text("dev", "password") == "dev ALL=(ALL:ALL) ALL\n"
    assert sudoers.text("dev", "nopasswd") == "dev ALL=(ALL:ALL) NOPASSWD: ALL\n"
    assert sudoers.text("dev", "ALL=(bin) /bin/ls") == "dev ALL=(bin) /bin/ls\n"


def test_a_name_that_could_be_an_alias_is_quoted() -> None:
    assert sudoers.text("DEV", "password") == '"DEV" ALL=(ALL:ALL) ALL\n'
    assert sudoers.text("first.last", "password").startswith('"first.last" ')


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("rule", RULES)
def test_visudo_finds_it_right_and_it_reads_back(user: str, rule: str, tmp_path: Path) -> None:
    text = sudoers.text(user, rule)
    assert sudoers.rule(text, user) == rule
    visudo = shutil.which("visudo", path="/usr/sbin:/sbin:/usr/bin")
    if visudo is None:
        pytest.skip("visudo is not installed")
    file = tmp_path / "rule"
    file.write_text(text)
    done = subprocess.run([visudo, "-cf", file], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done


@given(st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,8}", fullmatch=True), st.text(st.characters(codec="utf-8")))
def test_what_it_says_of_any_text_is_never_a_rule_of_somebody_else(user: str, content: str) -> None:
    found = sudoers.rule(content, user)
    assert found == content or sudoers.text(user, found) in f"{content}\n"


@pytest.mark.parametrize(
    "content",
    [
        "",
        "dev ALL=(ALL:ALL) ALL\neve ALL=(ALL:ALL) ALL\n",
        "eve ALL=(ALL:ALL) ALL\n",
        "device ALL=(ALL:ALL) ALL\n",
        "dev ALL=(ALL:ALL) \\\n",
    ],
)
def test_what_is_no_such_file_is_told_whole(content: str) -> None:
    assert sudoers.rule(content, "dev") == content


def test_comments_and_empty_lines_do_not_count() -> None:
    assert sudoers.rule("# by hand\n\ndev ALL=(ALL:ALL) ALL\n", "dev") == "password"
    assert sudoers.rule("dev ALL=(ALL:ALL) ALL", "dev") == "password"


@pytest.mark.parametrize(
    ("mode", "owner", "heeded"),
    [
        (0o440, "root", True),
        (0o644, "root", True),
        (0o660, "root", False),
        (0o646, "root", False),
        (0o440, "dev", False),
    ],
)
def test_sudo_heeds_only_what_root_alone_can_write(mode: int, owner: str, heeded: bool) -> None:
    assert sudoers.is_heeded(mode, owner) == heeded
