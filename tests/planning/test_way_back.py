"""What leads a change back by itself, and what the plan says of it."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from reconciler.model.address import Address, Target
from reconciler.model.facts import FactSheet, FileState, FileText, Host, PathState, PathType
from reconciler.model.plan import Change
from reconciler.model.states import Effect, Risk
from reconciler.model.tasks import (
    Base,
    Download,
    MakeDirectory,
    MakeLink,
    Remove,
    RunCommand,
    SetMode,
    Task,
    Unpack,
    WriteFile,
    left_by,
)
from reconciler.planning import way_back

TARGET = Target("lt", "main")
MISSING = Base(type=PathType.MISSING)
OLD = b"Port 22\n"
WAS = Base(type=PathType.FILE, digest=hashlib.sha256(OLD).hexdigest(), mode=0o600, owner="root", group="root")
PATH = "/etc/ssh/sshd_config"
PUT = WriteFile(path=PATH, content=b"Port 1\n", base=WAS)
STOP = RunCommand(argv=("systemctl", "stop", "ssh"), back=("systemctl", "start", "ssh"))


def change(*tasks: Task, id_: str = "a", effect: Effect = Effect.NOW, risk: Risk = Risk.CUTS_ACCESS) -> Change:
    return Change(
        id=id_,
        target=TARGET,
        thing=id_,
        addresses=(Address(TARGET, "files", id_),),
        tasks=tasks,
        effect=effect,
        risks=frozenset({risk}),
    )


def sheet(data: bytes = OLD) -> FactSheet:
    state = PathState(path=PATH, type=PathType.FILE, mode=0o600, owner="root", group="root")
    return FactSheet(
        host=Host(user="root", uid=0, home="/root"), answers={FileText(PATH): FileState(state=state, data=data)}
    )


def back(*tasks: Task, data: bytes = OLD) -> list[tuple[Task, ...]]:
    return [way.tasks for way in way_back.of([change(*tasks)], sheet(data))]


def test_a_file_gets_the_bytes_and_rights_that_were_seen() -> None:
    wanted = WriteFile(path=PATH, content=OLD, base=left_by(PUT), mode=0o600, owner="root", group="root")
    assert back(PUT) == [(wanted,)]


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        (replace(PUT, base=MISSING), Remove(path=PATH, base=left_by(PUT))),
        (
            replace(PUT, base=Base(type=PathType.LINK, link="x")),
            MakeLink(path=PATH, target="x", base=left_by(PUT)),
        ),
        (
            MakeLink(path=PATH, target="y", base=Base(type=PathType.LINK, link="x")),
            MakeLink(path=PATH, target="x", base=Base(type=PathType.LINK, link="y")),
        ),
        (
            Remove(path=PATH, base=WAS),
            WriteFile(path=PATH, content=OLD, base=MISSING, mode=0o600, owner="root", group="root"),
        ),
        (
            Remove(path="/d", base=Base(type=PathType.DIRECTORY, mode=0o700, owner="a", group="b")),
            MakeDirectory(path="/d", mode=0o700, owner="a", group="b"),
        ),
        (
            SetMode(path=PATH, base=WAS, mode=0o777),
            SetMode(path=PATH, base=replace(WAS, mode=0o777, owner=None, group=None), mode=0o600, owner="root", group="root"),
        ),
        (STOP, RunCommand(argv=("systemctl", "start", "ssh"))),
    ],
)  # fmt: skip
def test_each_task_has_its_reverse(task: Task, expected: Task) -> None:
    assert back(task) == [(expected,)]


def test_bytes_that_held_a_secret_are_sent_as_such() -> None:
    secret = replace(change(PUT), unkept={PATH: frozenset({"token"})})
    ((way,),) = [each.tasks for each in way_back.of([secret], sheet())]
    assert isinstance(way, WriteFile) and way.secrets == {"token"}


def test_the_last_thing_is_led_back_first() -> None:
    changes = [change(PUT, id_="a"), change(STOP, replace(PUT, base=MISSING), id_="b")]
    ways = way_back.of(changes, sheet())
    assert [way.id for way in ways] == ["b", "a"]
    assert [type(task) for task in ways[0].tasks] == [Remove, RunCommand]


@pytest.mark.parametrize(
    "task",
    [
        RunCommand(argv=("userdel", "me")),
        Unpack(path="/opt/x", archive=Download(url="https://x.example", digest="0"), base=MISSING),
        Remove(path="/etc/nowhere", base=replace(WAS, digest="0" * 64)),
    ],
)
def test_what_cannot_be_taken_back_whole_is_not_watched(task: Task) -> None:
    assert back(PUT, task) == []
    [note] = way_back.notes([change(PUT, task)], sheet(), 30)
    assert note == "a may cut the way in, and nothing leads that back by itself"


def test_what_takes_effect_later_or_cuts_nothing_is_not_watched() -> None:
    later = [change(PUT, effect=Effect.TERMINATE), change(PUT, risk=Risk.DELETES)]
    assert way_back.of(later, sheet()) == ()
    assert list(way_back.notes(later, sheet(), 30)) == []


def test_the_plan_says_what_the_machine_would_do() -> None:
    [note] = way_back.notes([change(PUT, id_="/etc/a"), change(STOP, id_="ssh.service")], sheet(), 30)
    assert note == (
        "/etc/a, ssh.service may cut the way in: unless a new connection can be made within 30 s after it, the machine "
        "leads that back by itself"
    )
    [note] = way_back.notes([change(PUT, id_="/etc/a")], sheet(), 0)
    assert note == "/etc/a may cut the way in, and nothing leads that back by itself"
