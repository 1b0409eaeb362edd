"""Large bytes on their way to a machine: in a stream of known size, and never whole in memory."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import pytest

from reconciler.execution.apply import apply
from reconciler.execution.blobs import PIECE_BYTES, Blob, BlobLostError, Unavailable
from reconciler.execution.parts import Batch, parts_of
from reconciler.execution.payload import payload
from reconciler.execution.payload_shown import payload_shown
from reconciler.execution.tar_stream import Archive
from reconciler.model.address import Target
from reconciler.model.facts import PathType
from reconciler.model.outcome import Status
from reconciler.model.plan import Change
from reconciler.model.tasks import Base, Download, Task, Unpack, WriteBlob
from reconciler.transports.local import LocalTransport

DISTRO = Target("lt", "main")
ALICE = Target("lt", "main", "alice")
MISSING = Base(type=PathType.MISSING)


def blob(folder: Path, data: bytes) -> Blob:
    path = folder / hashlib.sha256(data).hexdigest()
    path.write_bytes(data)
    return Blob.of(path.open("rb"))


def change(name: str, *tasks: Task, target: Target = DISTRO) -> Change:
    return Change(id=name, target=target, thing=name, addresses=(), tasks=tasks)


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, PIECE_BYTES, 3 * PIECE_BYTES + 7])
def test_a_blob_knows_its_size_and_digest_and_gives_its_bytes_again_and_again(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    found = blob(tmp_path, data)
    assert (found.size, found.digest) == (size, hashlib.sha256(data).hexdigest())
    assert b"".join(found.pieces()) == b"".join(found.pieces()) == data


def test_a_blob_that_became_shorter_is_no_blob_any_more_and_what_was_added_does_not_count(tmp_path: Path) -> None:
    found = blob(tmp_path, b"x" * 1000)
    path = next(tmp_path.iterdir())
    with path.open("ab") as file:
        file.write(b"more")
    assert b"".join(found.pieces()) == b"x" * 1000
    os.truncate(path, 999)
    with pytest.raises(BlobLostError, match="shorter"):
        list(found.pieces())


def test_the_stream_is_as_long_as_it_says_and_tar_reads_it(tmp_path: Path) -> None:
    data = os.urandom(3 * PIECE_BYTES + 1)
    inner = Archive(head=b"inner head\n", files={"x": b"x"})
    archive = Archive(head=b"head\n", files={"small": b"s", "none": b"", "blob": blob(tmp_path, data), "inner": inner})

    sent = b"".join(archive.pieces())

    assert len(sent) == archive.size
    assert sent.startswith(b"head\n") and (len(sent) - 5) % tarfile.RECORDSIZE == 0
    with tarfile.open(fileobj=io.BytesIO(sent[5:])) as read:
        assert [(entry.name, entry.size, entry.mode) for entry in read] == [
            ("small", 1, 0o600),
            ("none", 0, 0o600),
            ("blob", len(data), 0o600),
            ("inner", inner.size, 0o600),
        ]
        assert read.extractfile("blob").read() == data  # type: ignore[union-attr]
        assert read.extractfile("inner").read() == b"".join(inner.pieces())  # type: ignore[union-attr]
    assert max(map(len, archive.pieces())) < 2 * PIECE_BYTES + tarfile.RECORDSIZE


def test_what_several_want_is_sent_once_and_an_archive_not_as_the_file_it_came_in(tmp_path: Path) -> None:
    download = Download(url="https://example.com/a.zip", digest="d" * 64)
    again = Download(url="https://mirror.example.com/a.zip", digest="d" * 64)
    tasks = (
        WriteBlob(path="/a", content=download, base=MISSING),
        WriteBlob(path="/b", content=again, base=MISSING),
        Unpack(path="/c", archive=download, base=MISSING),
        Unpack(path="/d", archive=download, base=MISSING, strip=1),
    )
    sent, unpacked = blob(tmp_path, b"z" * 5000), blob(tmp_path, b"t" * 7000)
    supplies = {task: sent if isinstance(task, WriteBlob) else unpacked for task in tasks}
    parts = parts_of([Batch(target=DISTRO, changes=(change("c", *tasks),))])

    whole = b"".join(payload(parts, None, supplies).pieces())

    assert (whole.count(b"z" * 5000), whole.count(b"t" * 7000)) == (1, 1)


def test_a_blob_is_shown_by_where_it_comes_from(tmp_path: Path) -> None:
    here = Download(url="https://example.com/here", digest="1" * 64)
    there = Download(url="https://example.com/there", digest="2" * 64)
    theirs = Download(url="https://example.com/theirs", digest="3" * 64, by_target=True)
    tasks = (
        WriteBlob(path="/a", content=here, base=MISSING),
        Unpack(path="/b", archive=there, base=MISSING, strip=2),
        WriteBlob(path="/c", content=theirs, base=MISSING),
    )
    parts = parts_of([Batch(target=DISTRO, changes=(change("c", *tasks),))])

    shown = payload_shown(parts, None, {"1" * 64: 71_234_567})

    assert f"(https://example.com/here, SHA-256 {'1' * 64}, 71.2 MB)\n" in shown
    assert f"(https://example.com/there, SHA-256 {'2' * 64}, not fetched yet)\n" in shown
    assert f"fetch https://example.com/theirs\ndigest {'3' * 64}\n" in shown
    assert f"digest {'2' * 64}\nstrip 2\n" in shown


def test_a_blob_that_is_lost_on_the_way_leaves_everything_undone(tmp_path: Path) -> None:
    task = WriteBlob(path=str(tmp_path / "x"), content=Download(url="https://x.example", digest="1" * 64), base=MISSING)
    found = blob(tmp_path, b"x" * 1000)
    os.truncate(next(tmp_path.iterdir()), 10)
    root = tmp_path / "root"
    (root / "var/lib").mkdir(parents=True)

    outcomes = apply(
        LocalTransport(),
        [
            Batch(
                target=DISTRO,
                changes=(change("a", task), change("b", WriteBlob(path="/y", content=task.content, base=MISSING))),
            )
        ],
        root=str(root),
        supplies={task: found, WriteBlob(path="/y", content=task.content, base=MISSING): Unavailable(why="no")},
    ).outcomes

    assert {outcome.status for outcome in outcomes.values()} == {Status.NOT_TRIED}
    assert outcomes["a"].message == "a file to be sent became shorter meanwhile"
    assert not (root / "y").exists()


# ru_maxrss would do, were it not the parent's at first: exec hands it on.
MEASURED = """
import sys, tempfile
from pathlib import Path
from reconciler.execution.apply import apply
from reconciler.execution.blobs import Blob
from reconciler.execution.parts import Batch
from reconciler.model.address import Target
from reconciler.model.facts import PathType
from reconciler.model.plan import Change
from reconciler.model.tasks import Base, Download, WriteBlob
from reconciler.transports.local import LocalTransport

root = Path(sys.argv[1])
(root / "etc").mkdir(parents=True)
file = tempfile.TemporaryFile()
file.truncate(100_000_000)
blob = Blob.of(file)
path = "/etc/large"
task = WriteBlob(path=path, content=Download(url="https://x.example", digest=blob.digest), base=Base(type=PathType.MISSING))
change = Change(id="a", target=Target("lt", "main"), thing=path, addresses=(), tasks=(task,))
batch = Batch(target=change.target, changes=(change,))
(outcome,) = apply(LocalTransport(), [batch], root=str(root), supplies={task: blob}).outcomes.values()
size = (root / "etc/large").stat().st_size
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
print(outcome.status.name, size, int(peak.split()[1]) // 1024)
"""


def test_a_hundred_megabytes_take_no_memory(tmp_path: Path) -> None:
    memory = Path("/dev/shm")  # the bytes are written twice and synced: not what is measured
    has_room = memory.is_dir() and shutil.disk_usage(memory).free > 500_000_000 and os.access(memory, os.W_OK)
    with tempfile.TemporaryDirectory(dir=memory if has_room else tmp_path) as folder:
        done = subprocess.run(
            [sys.executable, "-c", MEASURED, f"{folder}/root"], capture_output=True, text=True, check=True, timeout=300
        )
    status, size, megabytes = done.stdout.split()
    assert (status, size) == ("DONE", "100000000"), done.stdout
    assert int(megabytes) < 80
