from __future__ import annotations

import pytest

from reconciler.model.spelling import nearest
from yardstick import yardsticks

KINDS = ("bind_mounts", "files", "go_env", "shell_env", "vscode_settings", "wsl_conf")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("go_evn", "go_env"),
        ("goenv", "go_env"),
        ("go-env", "go_env"),
        ("GO_ENV", "go_env"),
        ("wslconf", "wsl_conf"),
        ("file", "files"),
        ("shel_env", "shell_env"),
    ],
)
def test_a_slip_finds_the_name(word: str, meant: str) -> None:
    assert nearest(word, KINDS) == meant


@pytest.mark.parametrize("word", ["", "kubernetes", "x"])
def test_nothing_near_is_none(word: str) -> None:
    assert nearest(word, KINDS) is None


def test_the_name_is_given_in_its_own_case() -> None:
    assert nearest("goproxy", ["GOPROXY", "GOPATH"]) == "GOPROXY"


def test_the_order_of_the_names_does_not_matter() -> None:
    assert nearest("ab1", ["ab2", "ab3"]) == nearest("ab1", ["ab3", "ab2"])


def test_a_word_of_a_megabyte_costs_nothing() -> None:
    assert yardsticks(lambda: nearest("g" * 1_000_000, KINDS)) < 10
    assert nearest("g" * 1_000_000, KINDS) is None
    assert nearest("go_env", ["g" * 1_000_000, "go_env"]) == "go_env"
