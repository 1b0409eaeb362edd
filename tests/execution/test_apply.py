"""What apply sends and how it reads the answer. The script itself is tested in tests/agents."""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest

from fakes import AnsweringMachine
from reconciler.execution.apply import Applied, Outcome, apply, apply_input_shown, read
from reconciler.execution.parts import FETCH_SECONDS, VALIDATION_SECONDS, Batch, Part, parts_of
from reconciler.execution.payload import UNNAMED, payload
from reconciler.execution.task_lines import tasks_of
from reconciler.model.address import Address, Target
from reconciler.model.effects import EffectRecord, fragment, line
from reconciler.model.facts import PathType
from reconciler.model.outcome import Status
from reconciler.model.plan import Change
from reconciler.model.states import Effect
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
    WriteBlob,
    WriteFile,
)
from reconciler.model.transport import Result

DISTRO = Target("lt", "main")
ALICE = Target("lt", "main", "alice")
MISSING = Base(type=PathType.MISSING)


def change(name: str, *tasks: Task, needs: tuple[str, ...] = (), effect: Effect = Effect.NOW) -> Change:
    address = Address(DISTRO, "files", name)
    return Change(
        id=name, target=DISTRO, thing=name, addresses=(address,), tasks=tasks, needs=needs, effect=effect,
        digests={address: f"digest of {name}"},
    )  # fmt: skip


def write(path: str, content: bytes = b"x", secrets: Sequence[str] = ()) -> WriteFile:
    return WriteFile(path=path, content=content, base=MISSING, secrets=frozenset(secrets))


def sent_whole(parts: Sequence[Part], root: str | None) -> bytes:
    return b"".join(payload(parts, root).pieces())


def members(data: bytes) -> dict[str, bytes]:
    """The files of an archive behind its five lines."""
    found = {}
    with tarfile.open(fileobj=io.BytesIO(data.split(b"\n", 5)[5])) as archive:
        for entry in archive.getmembers():
            content = archive.extractfile(entry)
            assert content
            found[entry.name] = content.read()
    return found


# ---- what is sent


def test_one_exchange_serves_all_targets_of_a_machine() -> None:
    machine = AnsweringMachine(lambda given: Result(code=0, stdout=b"", stderr=b""))

    apply(
        machine,
        [
            Batch(target=DISTRO, changes=(change("a", write("/etc/a")), change("b", write("/etc/b")))),
            Batch(target=ALICE, user="alice", changes=(change("c", write("/home/alice/c")),)),
            Batch(target=Target("lt", "main", "bob"), user="bob", changes=(change("d", write("/home/bob/d")),)),
        ],
    )

    assert len(machine.asked) == 1
    files = members(machine.asked[0])
    digests = [files[name].split(b"\n")[4] for name in ("u1", "u2")]
    assert files["users"] == b"1 u1 %s 300 alice\n2 u2 %s 300 bob\n" % (*digests,)
    assert list(files)[-1] == "manifest"
    assert digests == [hashlib.sha256(members(files[name])["manifest"]).hexdigest().encode() for name in ("u1", "u2")]
    assert b"/home/alice/c" in members(files["u1"])["tasks"]
    assert b"/home" not in files["tasks"]


def test_changes_are_numbered_through_all_parts_and_root_s_own_batch_joins_the_distro() -> None:
    parts = parts_of(
        [
            Batch(target=DISTRO, changes=(change("a"), change("b"))),
            Batch(target=ALICE, user="alice", changes=(change("c"),)),
            Batch(target=Target("lt", "main", "root"), user="root", changes=(change("d"),)),
        ]
    )

    assert [(part.user, {number: one.id for number, one in part.changes.items()}) for part in parts] == [
        (None, {1: "a", 2: "b", 3: "d"}),
        ("alice", {4: "c"}),
    ]


def test_a_user_s_part_has_the_time_of_its_programs_too() -> None:
    """Once for what is fetched several times."""
    there = Download(url="https://example.com/x", digest="0" * 64, by_target=True)
    base = Base(type=PathType.MISSING)
    tasks = (
        Unpack(path="/home/alice/x", archive=there, base=base),
        WriteBlob(path="/home/alice/y", content=there, base=base),
        replace(write("/home/alice/z"), validate=("look", "at")),
        RunCommand(argv=("make",), timeout_seconds=7),
    )
    parts = parts_of([Batch(target=ALICE, user="alice", changes=(change("a", *tasks),))])

    longest = int(members(sent_whole(parts, None))["users"].split()[3])

    assert longest == 300 + FETCH_SECONDS + VALIDATION_SECONDS + 7


def test_the_archive_is_the_same_for_the_same_nonce_and_its_manifest_covers_every_file() -> None:
    part = Part(number=0, user=None, changes={1: change("a", write("/etc/a", b"\0\n"))}, records=(), nonce="n")

    first, second = sent_whole([part], "/mnt/root"), sent_whole([part], "/mnt/root")

    assert first == second
    magic, nonce, root, holder, digest, _ = first.split(b"\n", 5)
    assert (magic, nonce, root, holder) == (b"reconcile-apply", b"n", b"/mnt/root", UNNAMED.holder.encode())
    files = members(first)
    manifest = files.pop("manifest")
    assert hashlib.sha256(manifest).hexdigest().encode() == digest
    assert manifest.decode() == "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items())
    assert files["d1"] == b"\0\n"
    assert files["head"] == b"reconcile-apply\nn\n/mnt/root\n%s\n" % UNNAMED.holder.encode()


def test_users_work_in_the_current_root_of_whoever_starts_them() -> None:
    parts = parts_of([Batch(target=ALICE, user="alice", changes=(change("a"),))])

    assert members(sent_whole(parts, "/mnt/root"))["u1"].split(b"\n")[2] == b"."
    assert members(sent_whole(parts, None))["u1"].split(b"\n")[2] == b""


def words(*changes: Change, word: str) -> dict[str, list[str]]:
    """The values of a word for each path."""
    numbers = {one.id: number for number, one in enumerate(changes, 1)}
    lines, _ = tasks_of(dict(enumerate(changes, 1)), numbers, {})
    found: dict[str, list[str]] = {}
    for entry in lines:
        if entry.word == "path":
            values = found.setdefault(entry.value, [])
        elif entry.word == word:
            values.append(entry.value)
    return {path: values for path, values in found.items() if values}


def test_files_are_staged_early_unless_a_program_or_another_change_of_the_place_comes_first() -> None:
    planned = (
        change("plain", write("/etc/plain")),
        change("directory", MakeDirectory(path="/srv/d")),
        change("inside", write("/srv/d/inside"), needs=("directory",)),
        change("install", RunCommand(argv=("install",))),
        change("behind", write("/etc/behind"), needs=("install",)),
        change("far behind", write("/etc/far"), needs=("behind",)),
        change("twice", Remove(path="/etc/twice", base=MISSING), write("/etc/twice")),
        change("replaced", Remove(path="/srv/r", base=MISSING), MakeDirectory(path="/srv/r")),
        change("in replaced", write("/srv/r/x"), needs=("replaced",)),
        change("waiting", MakeDirectory(path="/srv/w"), needs=("plain",)),
        change("in waiting", write("/srv/w/x"), needs=("waiting",)),
        change("own program first", RunCommand(argv=("x",)), write("/etc/own")),
    )

    early = words(*planned, word="early")

    assert set(early) == {"/etc/plain", "/srv/d", "/srv/d/inside", "/srv/w/x"}


def test_what_lies_below_a_place_that_changes_hands_waits_for_it() -> None:
    planned = (
        change("theirs", MakeDirectory(path="/srv/theirs", owner="alice")),
        change("below", MakeDirectory(path="/srv/theirs/a"), needs=("theirs",)),
        change("open", MakeDirectory(path="/srv/open", mode=0o777)),
        change("in open", write("/srv/open/x"), needs=("open",)),
        change("own", MakeDirectory(path="/srv/own", owner="root")),
        change("in own", write("/srv/own/x"), needs=("own",)),
        change("mode", SetMode(path="/etc/d", base=MISSING, mode=0o755)),
        change("in mode", MakeLink(path="/etc/d/x", target="y", base=MISSING)),
    )

    assert words(*planned, word="late") == {"/srv/theirs/a": ["1"], "/srv/open/x": ["3"], "/etc/d/x": ["7"]}
    assert words(*planned, word="after") == {}


@pytest.mark.parametrize(
    "path", ["", "/", "relative", "~/x", "/a/../b", "/a//b", "//a", "/a/", "/a\nb", "/a\0b", "/a/./b"]
)
def test_a_path_that_is_not_plain_is_refused_by_the_words_sent(path: str) -> None:
    lines, sent = tasks_of({1: change("a", write(path))}, {}, {})

    assert [entry.word for entry in lines] == ["change", "refuse"]
    assert sent == ()


@pytest.mark.parametrize(
    "task",
    [
        RunCommand(argv=()),
        RunCommand(argv=("",)),
        RunCommand(argv=("a", "b\0")),
        MakeLink(path="/a", target="", base=MISSING),
    ],
)
def test_a_task_that_no_script_can_do_is_refused_by_the_words_sent(task: Task) -> None:
    lines, _ = tasks_of({1: change("a", task)}, {}, {})

    assert lines[-1].word == "refuse"


def test_effects_name_the_change_that_decides_about_them() -> None:
    record = EffectRecord(
        address="lt/main:files:a", effect=Effect.REBOOT, digest="d", boot="b", init_started=1, started=2
    )
    other = EffectRecord(
        address="lt/main:files:z", effect=Effect.REBOOT, digest="d", boot="b", init_started=1, started=2
    )
    changes = (change("now"), change("a", effect=Effect.TERMINATE))

    sent = members(sent_whole(parts_of([Batch(target=DISTRO, changes=changes, records=(record, other))]), None))[
        "effects"
    ].decode()

    assert sent.splitlines() == [
        f"keep 2 {line(record)}",
        f"keep 0 {line(other)}",
        f"new 2 {fragment('lt/main:files:a', Effect.TERMINATE, 'digest of a')}",
    ]


# ---- what is heard


@dataclass
class Talk:
    """A run of three changes, two of them alice's, and what the machine said."""

    parts: tuple[Part, ...] = field(
        default_factory=lambda: parts_of(
            [
                Batch(target=DISTRO, changes=(change("own", effect=Effect.REBOOT),)),
                Batch(target=ALICE, user="alice", changes=(change("hers"), change("hers too"))),
            ]
        )
    )

    def heard(self, said: str, code: int = 0, stderr: bytes = b"") -> Mapping[str, Outcome]:
        return self.told(said, code, stderr).outcomes

    def told(self, said: str, code: int = 0, stderr: bytes = b"") -> Applied:
        own, hers = self.parts
        text = said.replace("OWN", own.nonce).replace("HERS", hers.nonce)
        return read(self.parts, Result(code=code, stdout=text.encode("utf-8", "surrogateescape"), stderr=stderr))


def test_each_record_tells_of_its_change_whatever_is_printed_around_it() -> None:
    said = "Welcome!\nlast login: yesterday\nOWN start \n\nOWN change 1 done \nprompt$ \nHERS change 2 refused moved: a\\\\b\\nc \n"

    found = Talk().heard(said + "HERS change 3 untried interrupted\nOWN end \n")

    assert found == {
        "own": Outcome(status=Status.DONE),
        "hers": Outcome(status=Status.REFUSED, message="moved: a\\b\nc "),
        "hers too": Outcome(status=Status.NOT_TRIED, message="interrupted"),
    }


def test_a_skipped_change_names_the_one_that_went_wrong() -> None:
    found = Talk().heard("OWN change 1 failed disk full\nHERS change 2 skipped 1\nHERS change 3 skipped 2\n")

    assert found["hers"] == Outcome(status=Status.SKIPPED, message="because own failed")
    assert found["hers too"] == Outcome(status=Status.SKIPPED, message="because hers was skipped")


def test_what_was_done_before_the_machine_fell_silent_is_known_and_the_rest_is_said_to_be_unknown() -> None:
    found = Talk().heard("OWN start \nOWN change 1 done \nHERS change 2 do", code=-9, stderr=b"warning\nsh: killed\n")

    assert found["own"].status is Status.DONE
    for name in ("hers", "hers too"):
        silence = "the machine did not tell, it ended with status -9: sh: killed"
        assert found[name] == Outcome(status=Status.UNKNOWN, message=silence)


@pytest.mark.parametrize(
    "forged",
    [
        "change 1 done ",
        "wrong change 1 done ",
        "HERS change 1 done ",  # another part's change
        "HERS part 0 x\nHERS note x",
        "OWN change 1 perhaps ",
        "OWN change one done ",
        "OWN change ",
        "OWN",
        " OWN change 1 done ",
        "xOWN change 1 done ",
        "OWN part 99 x",
        "OWN part x",
    ],
)
def test_nobody_else_speaks_for_a_part(forged: str) -> None:
    assert {outcome.status for outcome in Talk().heard(f"{forged}\n").values()} == {Status.UNKNOWN}


def test_the_first_record_of_a_change_counts() -> None:
    assert Talk().heard("OWN change 1 failed x\nOWN change 1 done \n")["own"].status is Status.FAILED


def test_a_run_that_gave_up_tried_nothing() -> None:
    found = Talk().heard("OWN stop no space\n", code=65)

    assert set(found.values()) == {Outcome(status=Status.NOT_TRIED, message="no space")}


@pytest.mark.parametrize(("started", "status"), [("", Status.NOT_TRIED), ("HERS start \n", Status.UNKNOWN)])
def test_a_part_that_did_not_end_is_unknown_only_if_it_had_begun(started: str, status: Status) -> None:
    found = Talk().heard(f"OWN start \nOWN change 1 done \n{started}OWN part 1 no such user\nOWN end \n")

    assert found["hers"] == Outcome(status=status, message="no such user")


def test_what_a_part_was_ended_for_is_said_in_place_of_that_it_was_ended() -> None:
    said = (
        "HERS start \nHERS change 2 done \nHERS change 3 untried interrupted\nOWN part 1 it took too long\nOWN end \n"
    )

    found = Talk().heard(said)

    assert found["hers"] == Outcome(status=Status.DONE)
    assert found["hers too"] == Outcome(status=Status.NOT_TRIED, message="it took too long")


def test_what_a_machine_says_beside_the_changes_is_told() -> None:
    told = Talk().told("OWN recovered run 3\nOWN change 1 done \nOWN note could not\nHERS note an edit\n")

    assert told.notes == ("run 3", "could not", "an edit")
    assert told.outcomes["own"] == Outcome(status=Status.DONE)


def test_a_machine_at_which_somebody_else_is_at_work_is_refused() -> None:
    found = Talk().heard("OWN busy zoe since noon\n")

    assert set(found.values()) == {Outcome(status=Status.REFUSED, message="zoe since noon")}


# ---- what is shown


def test_what_is_shown_is_what_is_sent_with_holes_for_secrets() -> None:
    open_text = b"one\ntwo"
    secret = b"http://user:hunter2@proxy\n"
    base = Base(type=PathType.FILE, digest=hashlib.sha256(b"hunter1").hexdigest(), mode=0o600)
    planned = Batch(
        target=ALICE,
        user="alice",
        changes=(
            change("open", write("/home/alice/a b", open_text), effect=Effect.NEW_SESSION),
            change(
                "closed",
                WriteFile(
                    path="/home/alice/c", content=secret, base=base, mode=0o600, secrets=frozenset({"proxy_password"})
                ),
                RunCommand(argv=("echo", "a\nb"), stdin=b"\xff\xfe"),
                needs=("open",),
            ),
        ),
    )

    shown = apply_input_shown([planned], root="/mnt/root")

    intent = re.search(r"# as alice: intent\n1\n(.*)\n", shown)
    assert intent and [change["id"] for change in json.loads("{" + intent[1])["changes"]] == ["open", "closed"]
    assert shown.replace(intent[0], "") == (
        "# in /mnt/root\n"
        "# as alice: tasks\n"
        "change 1\ntask write\npath /home/alice/a b\ndirectory /home/alice/\nearly yes\ncontent d1\n"
        f"digest {hashlib.sha256(open_text).hexdigest()}\nbase missing\n"
        "change 2\nneed 1\ntask write\npath /home/alice/c\ndirectory /home/alice/\nearly yes\ncontent d2\n"
        "digest «secret proxy_password»\nbase file\nbase_digest «secret proxy_password»\nbase_mode 600\nmode 600\n"
        "task run\nwords d3\ninput d4\ntimeout 60\n"
        "# as alice: d1\none\ntwo\n(no line end)\n"
        "# as alice: d2\n«secret proxy_password»\n"
        "# as alice: d3\necho\na\\nb\n"
        "# as alice: d4\n(2 bytes that are no text)\n"
        "# as alice: effects\n"
        f"new 1 {fragment('lt/main:files:open', Effect.NEW_SESSION, 'digest of open')}\n"
    )
    tell_tales = (secret, hashlib.sha256(secret).hexdigest().encode(), hashlib.sha256(b"hunter1").hexdigest().encode())
    assert not any(tell_tale in shown.encode() for tell_tale in tell_tales)
