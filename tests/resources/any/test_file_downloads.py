"""Files that are downloads, and directories that hold what an archive holds."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from reconciler.model.address import Layer, Target
from reconciler.model.claims import Path, Program
from reconciler.model.facts import FileDigest, FileText, PathInfo, PathType
from reconciler.model.later import Later
from reconciler.model.plan import ItemPlan, Plan
from reconciler.model.schema import Complaint
from reconciler.model.secrets import SecretHole, SecretText
from reconciler.model.states import Risk, State
from reconciler.model.tasks import MARKER, Base, Download, RemoveUnpacked, SetMode, Task, Unpack, WriteBlob
from reconciler.model.values import ABSENT
from reconciler.resources.any.files import File, Files, OwnedFile

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine
    from tests.resources.conftest import Reading

DISTRO = Target("lt", "main")
ALICE = Target("lt", "main", "alice")
TOOL = "https://example.com/tool"
ARCHIVE = "https://example.com/tool.tar.gz"
BYTES = b"\x7fELF tool"
DIGEST = hashlib.sha256(BYTES).hexdigest()
ONE, TWO = "1" * 64, "2" * 64


@pytest.fixture
def machine(machine: Machine) -> Machine:
    machine.downloads |= {TOOL: BYTES, ARCHIVE: {"top/bin/run": b"run", "top/README": b"read me"}}
    return machine


def plan(machine: Machine, wanted: object, path: str, **how: bool) -> Plan:
    layer = Layer.USER if path.startswith("~") else Layer.DISTRO
    target = ALICE if layer is Layer.USER else DISTRO
    return machine.plan({target: [Files(items={path: wanted}, options={}, layer=layer)]}, **how)


def item(machine: Machine, wanted: object, path: str, **how: bool) -> ItemPlan:
    (found,) = plan(machine, wanted, path, **how).items
    return found


def task(machine: Machine, wanted: object, path: str) -> Task:
    """The only one; it is done, and then nothing is left to do."""
    planned = plan(machine, wanted, path)
    (found,) = planned.changes[-1].tasks
    assert machine.apply(planned) == {}
    again = plan(machine, wanted, path)
    assert again.changes == () and {entry.state for entry in again.items} == {State.IN_SYNC}
    return found


def tool(**fields: object) -> OwnedFile:
    return OwnedFile(**{"url": TOOL, "sha256": DIGEST, **fields})  # type: ignore[arg-type]


def tree(digest: str = ONE, **fields: object) -> OwnedFile:
    return OwnedFile(**{"url": ARCHIVE, "sha256": digest, "archive": True, "strip": 1, **fields})  # type: ignore[arg-type]


# ---- files


def test_a_download_is_written_by_its_digest(machine: Machine) -> None:
    found = task(machine, tool(mode="0755"), "/usr/local/bin/tool")
    assert isinstance(found, WriteBlob)
    assert found.content == Download(url=TOOL, digest=DIGEST)
    assert (found.base, found.mode) == (Base(type=PathType.MISSING), 0o755)
    assert machine.nodes["/usr/local/bin/tool"].data == BYTES


def test_a_new_one_without_a_mode_gets_0644_and_an_old_one_keeps_its(machine: Machine) -> None:
    new = task(machine, tool(), "/opt/new")
    machine.file("/opt/old", b"old", mode=0o700)
    old = task(machine, tool(), "/opt/old")
    assert isinstance(new, WriteBlob) and isinstance(old, WriteBlob)
    assert (new.mode, old.mode) == (0o644, None)
    assert old.base.digest == hashlib.sha256(b"old").hexdigest()
    assert machine.nodes["/opt/old"].mode == 0o700


def test_what_changes_is_the_digest(machine: Machine) -> None:
    machine.file("/opt/tool", b"old")
    found = item(machine, tool(), "/opt/tool")
    assert found.state is State.CHANGE
    assert [(diff.name, diff.before, diff.after) for diff in found.diffs] == [
        ("sha256", hashlib.sha256(b"old").hexdigest(), DIGEST)
    ]


def test_the_same_bytes_from_elsewhere_are_the_same(machine: Machine) -> None:
    machine.file("/opt/tool", BYTES)
    assert item(machine, tool(url="https://mirror.example.com/x"), "/opt/tool").state is State.IN_SYNC
    assert item(machine, tool(sha256=DIGEST.upper()), "/opt/tool").state is State.IN_SYNC


def test_where_only_the_mode_differs_nothing_is_fetched(machine: Machine) -> None:
    machine.file("/opt/tool", BYTES)
    found = task(machine, tool(mode="0755"), "/opt/tool")
    assert isinstance(found, SetMode)
    assert found.base.digest == DIGEST


def test_the_machine_fetches_it_when_asked(machine: Machine) -> None:
    found = task(machine, tool(via="target"), "/opt/tool")
    assert isinstance(found, WriteBlob) and found.content.by_target


def test_large_files_are_not_read_whole() -> None:
    facts = Files(items={"/opt/tool": tool()}, options={}, layer=Layer.DISTRO).wanted_facts()
    assert {FileDigest("/opt/tool"), PathInfo("/opt/tool")} <= facts
    assert not any(isinstance(fact, FileText) for fact in facts)


def test_before_facts_are_known_all_is_asked_that_may_be_needed() -> None:
    later = Later(frozenset({"facts.libc"}))
    unknown = File(url=later, sha256=later, archive=later)  # type: ignore[arg-type]
    facts = Files(items={"~/tool": unknown}, options={}, layer=Layer.USER).wanted_facts()
    assert {FileDigest("~/tool"), FileText(f"~/tool/{MARKER}"), PathInfo("~/tool")} <= facts


def test_what_only_root_may_read_is_unknown(machine: Machine) -> None:
    machine.file("/opt/tool", b"x", mode=0o600)
    machine.secretive.add("/opt/tool")
    found = item(machine, tool(), "/opt/tool", elevated=False)
    assert (found.state, found.why, found.elevation) == (State.UNKNOWN, "needs root", True)


def test_an_executable_file_is_a_program() -> None:
    def provided(wanted: File) -> object:
        return Files(items={}, options={}, layer=Layer.USER).want("~/bin/tool", wanted).provides

    assert provided(File(url=TOOL, sha256=DIGEST, mode="0755")) == {Program("~/bin/tool")}
    assert provided(File(content="#!/bin/sh\n", mode="0100")) == {Program("~/bin/tool")}
    assert provided(File(url=TOOL, sha256=DIGEST)) == provided(File(mode="0755")) == frozenset()


# ---- archives


def test_an_archive_becomes_a_directory(machine: Machine) -> None:
    found = task(machine, tree(), "/opt/tool")
    assert isinstance(found, Unpack)
    assert (found.archive, found.strip, found.mode) == (Download(url=ARCHIVE, digest=ONE), 1, 0o755)
    assert found.base == Base(type=PathType.MISSING)
    assert machine.text("/opt/tool/bin/run") == "run"
    assert machine.text(f"/opt/tool/{MARKER}") == f"{ONE} 1\n"


def test_another_archive_takes_the_place_of_the_old_one(machine: Machine) -> None:
    task(machine, tree(mode="0750"), "/opt/tool")
    changed = item(machine, tree(TWO), "/opt/tool")
    found = task(machine, tree(TWO), "/opt/tool")
    assert [(diff.name, diff.before, diff.after) for diff in changed.diffs] == [("sha256", ONE, TWO)]
    assert isinstance(found, Unpack)
    assert (found.base.type, found.base.digest) == (PathType.DIRECTORY, ONE)
    assert found.mode == 0o750, "nobody declares another"


def test_what_is_stripped_counts(machine: Machine) -> None:
    task(machine, tree(), "/opt/tool")
    changed = item(machine, tree(strip=0), "/opt/tool")
    assert [(diff.name, diff.before, diff.after) for diff in changed.diffs] == [("strip", 1, 0)]
    task(machine, tree(strip=0), "/opt/tool")
    assert machine.text("/opt/tool/top/bin/run") == "run"


def test_an_empty_directory_is_filled(machine: Machine) -> None:
    machine.directory("/opt/tool", mode=0o700)
    found = task(machine, tree(), "/opt/tool")
    assert isinstance(found, Unpack)
    assert (found.base.type, found.base.digest, found.mode) == (PathType.DIRECTORY, None, 0o700)


def test_where_only_the_mode_of_the_directory_differs_nothing_is_unpacked(machine: Machine) -> None:
    task(machine, tree(), "/opt/tool")
    found = task(machine, tree(mode="0711"), "/opt/tool")
    assert isinstance(found, SetMode)
    assert found.base.digest is None


@pytest.mark.parametrize("marker", [None, "", "nonsense\n", "1" * 63 + " 0\n", f"{ONE} 1", f"{ONE} -1\n"])
def test_what_was_not_unpacked_is_never_replaced(machine: Machine, marker: str | None) -> None:
    machine.file("/opt/tool/inside", b"x")
    if marker is not None:
        machine.file(f"/opt/tool/{MARKER}", marker)
    found = item(machine, tree(), "/opt/tool")
    assert (found.state, found.why, found.fix) == (
        State.BLOCKED,
        "/opt/tool is a directory that was not unpacked by reconcile, and is not empty",
        "move it away",
    )


@pytest.mark.parametrize("kind", [PathType.FIFO, PathType.DEVICE, PathType.FILE])
def test_something_else_in_its_place_blocks(machine: Machine, kind: PathType) -> None:
    machine.odd("/opt/tool", kind)
    assert item(machine, tree(), "/opt/tool").why == f"/opt/tool is a {kind}, not a directory"


def test_a_link_in_its_place_blocks(machine: Machine) -> None:
    machine.directory("/opt/elsewhere")
    machine.link("/opt/tool", "elsewhere")
    assert item(machine, tree(), "/opt/tool").why == "/opt/tool is a link to elsewhere, not a directory"


def test_root_keeps_out_of_trees_that_others_can_change(machine: Machine) -> None:
    task(machine, tree(), "/opt/tool")
    machine.nodes["/opt/tool"] = machine.nodes["/opt/tool"].__class__(type=PathType.DIRECTORY, owner="alice")
    found = item(machine, tree(TWO), "/opt/tool")
    assert found.state is State.UNKNOWN
    assert found.why == "somebody else than root can write /opt/tool: root keeps out"
    assert item(machine, tree(), "/home/alice/tool").state is State.BLOCKED


def test_a_user_unpacks_below_the_own_home(machine: Machine) -> None:
    wanted = File(url=ARCHIVE, sha256=ONE, archive=True)
    planned = plan(machine, wanted, "~/.local/tool")
    assert machine.apply(planned) == {}
    assert machine.text("/home/alice/.local/tool/top/bin/run") == "run"
    assert plan(machine, wanted, "~/.local/tool").changes == ()


def test_a_directory_that_cannot_be_looked_into_is_unknown(machine: Machine) -> None:
    machine.directory("/opt/tool", mode=0o700)
    machine.secretive.add("/opt/tool")
    found = item(machine, tree(), "/opt/tool", elevated=False)
    assert (found.state, found.why, found.elevation) == (State.UNKNOWN, "needs root", True)


def test_an_archive_is_a_directory_for_others_and_what_lies_below_waits_for_an_exchange(machine: Machine) -> None:
    items: dict[str, object] = {"/opt/tool": tree(), "/opt/tool/extra": OwnedFile(content="x")}
    kind = Files(items=items, options={}, layer=Layer.DISTRO)
    assert Path("/opt/tool") in kind.want("/opt/tool", tree()).provides
    first = machine.plan({DISTRO: [kind]})
    assert machine.apply(first) == {}
    assert machine.text("/opt/tool/extra") == "x"

    later: dict[str, object] = {"/opt/tool": tree(TWO), "/opt/tool/extra": OwnedFile(content="y")}
    second = machine.plan({DISTRO: [Files(items=later, options={}, layer=Layer.DISTRO)]})
    assert {found.address.item: found.state for found in second.items} == {
        "/opt/tool": State.CHANGE,
        "/opt/tool/extra": State.BLOCKED,
    }
    assert second.items[1].why == "it lies below /opt/tool, which lt/main:files:/opt/tool is about to unpack anew"


def test_risks_go_by_the_place() -> None:
    kind = Files(items={}, options={}, layer=Layer.DISTRO)
    assert kind.want("/opt/tool", tree()).risks == frozenset()
    assert kind.want("/usr/local/bin/tool", tool()).risks == {Risk.RUNS_CODE_LATER}


# ---- removed


def test_an_unpacked_directory_goes_with_all_that_is_in_it(machine: Machine) -> None:
    task(machine, tree(), "/opt/tool")
    machine.file("/opt/tool/added", b"x")
    planned = plan(machine, ABSENT, "/opt/tool")
    (found,) = planned.changes[0].tasks
    assert isinstance(found, RemoveUnpacked)
    assert found.base.digest == ONE
    assert planned.items[0].risks == {Risk.DELETES}
    assert {diff.name for diff in planned.items[0].diffs} == {"sha256", "strip", "mode", "owner", "group"}
    assert machine.apply(planned) == {}
    assert plan(machine, ABSENT, "/opt/tool").changes == ()


def test_another_directory_is_not_removed(machine: Machine) -> None:
    machine.file("/opt/tool/inside", b"x")
    found = item(machine, ABSENT, "/opt/tool")
    assert (found.state, found.why) == (State.BLOCKED, "/opt/tool is a directory, not a file")


def test_what_stands_on_a_tree_goes_before_it(machine: Machine) -> None:
    task(machine, tree(), "/opt/tool")
    machine.file("/opt/tool/extra", b"x")
    gone: dict[str, object] = {"/opt/tool": ABSENT, "/opt/tool/extra": ABSENT}
    planned = machine.plan({DISTRO: [Files(items=gone, options={}, layer=Layer.DISTRO)]})
    assert [change.thing for change in planned.changes] == ["/opt/tool/extra", "/opt/tool"]
    assert machine.apply(planned) == {}


# ---- documents


def complaints(layer: Layer = Layer.DISTRO, **fields: object) -> list[str]:
    check = Files.schema(layer).check
    assert check is not None
    found = check("/x", fields)
    assert all(isinstance(complaint, Complaint) and complaint.field in fields for complaint in found)
    return [complaint.what for complaint in found]


GOOD = {"url": TOOL, "sha256": ONE}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (GOOD, None),
        ({**GOOD, "mode": "0755", "owner": "alice", "follow": True, "via": "target"}, None),
        ({**GOOD, "archive": True, "strip": 1, "mode": "0755", "owner": "root"}, None),
        ({**GOOD, "archive": True, "via": "controller", "url": "https://example.com/x.zip"}, None),
        ({**GOOD, "url": "file:///srv/x"}, None),
        ({**GOOD, "url": "https://example.com/@scope/x"}, None),
        ({"url": TOOL}, "/x has url without sha256; whoever serves it could change it any day"),
        ({"sha256": ONE}, "/x has sha256 without url"),
        ({"content": "x", "archive": True}, "/x has archive without url"),
        ({"content": "x", "strip": 1}, "/x has strip without url"),
        ({"content": "x", "via": "target"}, "/x has via without url"),
        ({**GOOD, "content": "x"}, "/x has content and url; one file has one content"),
        ({**GOOD, "source": "x"}, "/x has source and url; one file has one content"),
        ({**GOOD, "strip": 1}, "/x has strip without archive: true"),
        ({**GOOD, "newline": "lf"}, "/x has newline; a download keeps its bytes"),
        (
            {**GOOD, "url": "https://me:secret@example.com/x"},
            "the url of /x names a user, and everyone sees what is fetched",
        ),
        (
            {**GOOD, "url": SecretText((SecretHole("token"),))},
            "the url of /x would hold a secret, and everyone sees what is fetched",
        ),
        (
            {**GOOD, "url": "file:///srv/x", "via": "target"},
            "/x is a file of this machine; no other can fetch it",
        ),
        (
            {**GOOD, "url": "https://example.com/X.ZIP?v=1", "archive": True, "via": "target"},
            "/x is a zip, which is repacked here; machines unpack tar, also with gzip, xz or bzip2",
        ),
        ({**GOOD, "archive": True, "follow": True}, "/x is a directory; follow is for files"),
        (
            {**GOOD, "archive": True, "mode": "0644"},
            "the mode of /x is a directory's; with 0644 nobody could enter it",
        ),
        (
            {**GOOD, "archive": True, "mode": "0775"},
            "with mode 0775 others could change /x, and root keeps out of such places",
        ),
        (
            {**GOOD, "archive": True, "owner": "alice"},
            "/x would be alice's, and root keeps out of what others can change",
        ),
        ({**GOOD, "url": Later(frozenset({"facts.libc"})), "via": "target"}, None),
    ],
)
def test_what_a_document_may_not_say(fields: dict[str, object], expected: str | None) -> None:
    assert complaints(**fields) == ([expected] if expected else [])


def test_a_user_s_own_tree_may_be_a_group_s(machine: Machine) -> None:
    assert complaints(Layer.USER, **GOOD, archive=True, mode="0775") == []


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("url: ftp://example.com/x, sha256: " + ONE, "begins with https://, http:// or file:///"),
        ("url: example.com/x, sha256: " + ONE, "begins with https://, http:// or file:///"),
        ("url: 'https://example.com/a b', sha256: " + ONE, "begins with https://, http:// or file:///"),
        (f"url: {TOOL}, sha256: 123", "64 hexadecimal digits"),
        (f"url: {TOOL}, sha256: {ONE}, archive: true, strip: -1", "strip"),
        (f"url: {TOOL}, sha256: {ONE}, via: pigeon", "controller or target"),
    ],
)
def test_what_is_no_such_value_is_refused_where_it_stands(line: str, words: str, reading: Reading) -> None:
    from reconciler.model.errors import DocumentError

    with pytest.raises(DocumentError) as caught:
        reading(f"user: {{files: {{~/x: {{{line}}}}}}}\n")
    assert any(words in str(problem) or words in (problem.fix or "") for problem in caught.value.problems)


def test_a_document_becomes_a_tree(machine: Machine, reading: Reading) -> None:
    from reconciler.resources.assemble import assemble

    desired = reading(
        f"vars: {{name: tool}}\nuser:\n  files:\n    ~/tool: {{url: 'https://example.com/{{{{ vars.name }}}}.tar.gz',"
        f" sha256: {ONE}, archive: true, strip: 1}}\n"
    )
    planned = machine.plan({ALICE: assemble(desired[ALICE])})
    assert machine.apply(planned) == {}
    assert machine.text("/home/alice/tool/bin/run") == "run"
