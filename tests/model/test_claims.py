"""What items need of each other: whether it holds already, from the facts it asks for and no others."""

from __future__ import annotations

import pytest

from reconciler.model.claims import Account, Claim, Path, Running, Setting
from reconciler.model.facts import Account as AccountFact
from reconciler.model.facts import (
    AccountState,
    Answer,
    FactSheet,
    FileState,
    FileText,
    Host,
    PathInfo,
    PathState,
    PathType,
    Unread,
)

HOST = Host(user="root", uid=0, home="/root")


def holds(claim: Claim, answer: Answer | Unread = None, host: Host = HOST) -> bool | None:
    return claim.holds(FactSheet(host=host, answers=dict.fromkeys(claim.facts(), answer)))


def state(kind: PathType, behind: PathType | None = None) -> PathState:
    return PathState(path="/p", type=kind, behind=PathState(path="/q", type=behind) if behind else None)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (state(PathType.DIRECTORY), True),
        (state(PathType.FILE), False),
        (state(PathType.MISSING), False),
        (state(PathType.UNKNOWN), None),
        (state(PathType.LINK, PathType.DIRECTORY), True),
        (state(PathType.LINK, PathType.MISSING), False),
        (state(PathType.LINK, PathType.UNKNOWN), None),
    ],
)
def test_a_directory_is_there_also_through_a_link(found: PathState, expected: bool | None) -> None:
    assert Path("/p").facts() == {PathInfo("/p")}
    assert holds(Path("/p"), found) is expected


def test_a_user_exists() -> None:
    there = AccountState(uid=1, gid=1, home="/home/bob", shell="/bin/sh")
    assert Account("bob").facts() == {AccountFact("bob")}
    assert [holds(Account("bob"), answer) for answer in (there, None, Unread("no getent"))] == [True, False, None]


def conf(text: bytes | None, unreadable: str | None = None) -> FileState:
    kind = PathType.MISSING if text is None and unreadable is None else PathType.FILE
    return FileState(state=PathState(path="/etc/wsl.conf", type=kind), data=text, unreadable=unreadable)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"[boot]\nsystemd = TRUE\n", True),
        (b"[boot]\nsystemd=false\n", False),
        (b"[boot]\nsystemd=yes\n", False),
        (b"[bad\n[boot]\nsystemd=true\n", False),
        (b"", False),
        (None, False),
        (b"\xff\n[boot]\nsystemd=true\n", False),
    ],
)
def test_a_setting_holds_where_wsl_reads_that_value(text: bytes | None, expected: bool) -> None:
    claim = Setting("boot.systemd", "true")
    assert claim.facts() == {FileText("/etc/wsl.conf")}
    assert holds(claim, conf(text)) is expected


def test_a_setting_that_cannot_be_read_is_not_known() -> None:
    assert holds(Setting("boot.systemd", "true"), conf(None, "needs root")) is None


@pytest.mark.parametrize(
    ("systemd", "at_rest", "expected"), [(True, False, True), (False, False, False), (False, True, True)]
)
def test_something_runs_or_would_at_rest(systemd: bool, at_rest: bool, expected: bool) -> None:
    claim = Running("systemd")
    host = Host(user="root", uid=0, home="/root", systemd=systemd, at_rest=at_rest)
    assert claim.facts() == frozenset()
    assert holds(claim, host=host) is expected


def test_only_what_runs_must_be_in_force() -> None:
    assert [claim.in_force for claim in (Path("/p"), Account("bob"), Setting("a", "b"), Running("systemd"))] == [
        False,
        False,
        False,
        True,
    ]


def test_claims_are_named_for_people() -> None:
    claims = (Path("/p"), Account("bob"), Setting("boot.systemd", "true"), Running("systemd"))
    assert [str(claim) for claim in claims] == [
        "the directory /p",
        "the user bob",
        "wsl_conf boot.systemd = true",
        "a running systemd",
    ]
