"""Secrets in what runs replace: nobody keeps a copy, nobody is shown them, and `undo` says that only a hash was kept."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from cli.conftest import Machine

ONLY_A_HASH = "what stood there before held a secret: only its hash was kept, so it cannot be brought back"
HEAD = "version: 1\nsecrets: {token: {}}\n"
GO_ENV = HEAD + "user: {go_env: {GOPROXY: 'https://u:{{ secrets.token }}@x', GOFLAGS: '-%s'}}\n"
PLAIN = "version: 1\nuser: {go_env: {%s}}\n"
TOKEN = HEAD + "user: {files: {~/token: {content: 'x {{ secrets.token }}'%s}}}\n"


@pytest.fixture
def secretive(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setenv("RECONCILE_SECRET_TOKEN", "hunter2")
    return machine


def applied(machine: Machine, document: str, code: int = 0) -> None:
    machine.write(document)
    done = machine.run("apply", "--yes")
    assert done.code == code, done


def by_hand(machine: Machine, text: str) -> Path:
    """The user's own file, which nobody else may read."""
    place, home = machine.at("~/token"), machine.at("~").stat()
    place.write_text(text)
    place.chmod(0o600)
    os.chown(place, home.st_uid, home.st_gid)
    return place


def plans(machine: Machine) -> list[str]:
    """All that is shown of a plan."""
    return [machine.run("plan", *words).out for words in ((), ("-v",), ("--format", "json"), ("--format", "script"))]


def kept(machine: Machine) -> list[str]:
    """Where the tool keeps the secret for itself, in the clear."""
    state = machine.at("~/.local/state/reconcile")
    return [str(each) for each in state.rglob("*") if each.is_file() and b"hunter2" in each.read_bytes()]


def test_what_a_secret_was_replaced_in_cannot_be_brought_back_and_undo_says_so(
    secretive: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied(secretive, TOKEN % "")
    monkeypatch.setenv("RECONCILE_SECRET_TOKEN", "hunter3")
    applied(secretive, TOKEN % "")

    undone = secretive.run("undo", "--yes")

    assert (undone.code, kept(secretive)) == (5, [])
    told = " ".join(undone.out.split())
    assert ONLY_A_HASH in told and "fix: give the secret the value that it had then, and apply" in told
    assert secretive.at("~/token").read_text() == "x hunter3"


def test_no_copy_is_kept_after_the_mode_alone_was_changed(secretive: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    applied(secretive, TOKEN % "")
    applied(secretive, TOKEN % ", mode: '0400'")
    monkeypatch.setenv("RECONCILE_SECRET_TOKEN", "hunter3")
    told = secretive.run("plan").out
    applied(secretive, TOKEN % ", mode: '0400'")

    assert kept(secretive) == []
    assert "moved on the machine" not in told, "it is what we wrote"


def test_no_copy_is_kept_of_a_secret_that_this_controller_does_not_know(
    secretive: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied(secretive, GO_ENV % "v")
    secretive.at("~/.config/go/env").chmod(0o644)
    monkeypatch.delenv("RECONCILE_SECRET_TOKEN")
    for letter in "xn":
        secretive.write(GO_ENV % letter)
        assert not any("hunter2" in text for text in plans(secretive))
        applied(secretive, GO_ENV % letter, code=5)

    assert kept(secretive) == []


def test_no_copy_is_kept_after_a_neighbour_was_led_back_without_documents(secretive: Machine) -> None:
    for letter in "vx":
        applied(secretive, GO_ENV % letter)
    undone = secretive.run("undo", "--yes")
    assert (undone.code, "hunter2" in undone.out) == (0, False)
    applied(secretive, GO_ENV % "n")

    assert kept(secretive) == []


def test_no_copy_is_kept_of_what_somebody_else_wrote_with_the_same_secret_in_it(secretive: Machine) -> None:
    by_hand(secretive, "token = hunter2\n")
    applied(secretive, TOKEN % "")

    assert kept(secretive) == []
    assert ONLY_A_HASH in " ".join(secretive.run("undo", "--yes").out.split())


def test_a_file_in_which_somebody_else_wrote_a_declared_secret_is_not_shown(secretive: Machine) -> None:
    secretive.at("~/.config/go/env").write_text("GOPRIVATE=u-hunter2\n")
    secretive.write(TOKEN.replace("files:", "go_env: {GOFLAGS: -v}, files:") % "")

    assert not any("hunter2" in text for text in plans(secretive))
    applied(secretive, secretive.document.read_text())
    assert kept(secretive) == []


def test_what_held_another_secret_is_brought_back(secretive: Machine) -> None:
    place = by_hand(secretive, "token = somebody's\n")
    applied(secretive, TOKEN % "")

    assert secretive.run("undo", "--yes").code == 0
    assert place.read_text() == "token = somebody's\n"


@pytest.mark.parametrize("now", ["GOPRIVATE: plain", "GOPRIVATE: {absent: true}"])
def test_a_value_that_is_no_secret_any_more_is_neither_shown_nor_told(now: str, secretive: Machine) -> None:
    applied(secretive, HEAD + "user: {go_env: {GOPRIVATE: '{{ secrets.token }}'}}\n")
    secretive.at("~/.config/go/env").chmod(0o644)
    secretive.write(PLAIN % now)

    old = hashlib.sha256(secretive.at("~/.config/go/env").read_bytes()).hexdigest()
    shown = plans(secretive)
    applied(secretive, PLAIN % now)
    undone = secretive.run("undo", "--yes")

    shown += [undone.out, secretive.run("history", "-v").out, secretive.run("history", "--format", "json").out]
    assert not any("hunter2" in text or old in text for text in shown), "a short secret can be guessed from its hash"
    assert kept(secretive) == []
    assert ONLY_A_HASH in " ".join(undone.out.split())


def test_once_a_secret_has_gone_copies_are_kept_again(secretive: Machine) -> None:
    applied(secretive, HEAD + "user: {go_env: {GOPRIVATE: '{{ secrets.token }}'}}\n")
    for value in ("one", "two"):
        applied(secretive, PLAIN % f"GOPRIVATE: {value}")

    before = secretive.at("~/.local/state/reconcile/before")
    assert not list((before / "2").iterdir())
    assert "GOPRIVATE=one\n" in (before / "3/1").read_text()
