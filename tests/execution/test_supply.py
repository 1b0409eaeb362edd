"""What changes want from elsewhere is had once for all of them, and only as long as it is sent."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.execution.blobs import Blob, Unavailable
from reconciler.execution.downloads import Downloads
from reconciler.execution.supply import supplied
from reconciler.model.address import Target
from reconciler.model.facts import PathType
from reconciler.model.plan import Change
from reconciler.model.tasks import Base, Download, RunCommand, Task, Unpack, WriteBlob
from web_server import WebServer, web_server

MISSING = Base(type=PathType.MISSING)


@pytest.fixture
def web() -> Iterator[WebServer]:
    with web_server() as server:
        yield server


def change(*tasks: Task) -> Change:
    return Change(id="a", target=Target("lt", "main"), thing="a", addresses=(), tasks=tasks)


def tar(name: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        archive.addfile(tarfile.TarInfo(name))
    return stream.getvalue()


def zipped() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a", b"x")
    return stream.getvalue()


def test_each_is_fetched_once_and_closed_afterwards(web: WebServer, tmp_path: Path) -> None:
    web.held |= {"/tar": tar("top/a"), "/zip": zipped(), "/hostile": tar("../a")}

    def download(path: str) -> Download:
        digest = hashlib.sha256(web.held.get(path, b"")).hexdigest()
        return Download(url=f"{web.address}{path}", digest=digest)

    tasks = {
        "file": WriteBlob(path="/tar", content=download("/tar"), base=MISSING),
        "tar": Unpack(path="/a", archive=download("/tar"), base=MISSING, strip=1),
        "too short": Unpack(path="/b", archive=download("/tar"), base=MISSING, strip=2),
        "zip": Unpack(path="/c", archive=download("/zip"), base=MISSING),
        "zip again": Unpack(path="/d", archive=download("/zip"), base=MISSING),
        "zip as it is": WriteBlob(path="/e", content=download("/zip"), base=MISSING),
        "hostile": Unpack(path="/f", archive=download("/hostile"), base=MISSING),
        "hostile as it is": WriteBlob(path="/g", content=download("/hostile"), base=MISSING),
        "missing": WriteBlob(path="/h", content=download("/missing"), base=MISSING),
        "missing too": Unpack(path="/i", archive=download("/missing"), base=MISSING),
    }
    theirs = WriteBlob(
        path="/t", content=Download(url=f"{web.address}/t", digest="0" * 64, by_target=True), base=MISSING
    )
    changes = [change(*tasks.values(), theirs), change(RunCommand(argv=("x",)), tasks["file"])]

    with supplied(changes, Downloads(folder=tmp_path)) as supplies:
        found = {name: supplies[task] for name, task in tasks.items()}
        blobs = {name: supply for name, supply in found.items() if isinstance(supply, Blob)}
        assert theirs not in supplies
        assert b"".join(blobs["tar"].pieces()) == b"".join(blobs["file"].pieces()) == web.held["/tar"]
        assert b"".join(blobs["zip as it is"].pieces()) == web.held["/zip"]
        with tarfile.open(fileobj=io.BytesIO(b"".join(blobs["zip"].pieces()))) as archive:
            assert archive.getnames() == ["a"]
        assert blobs["zip"] is blobs["zip again"]

    refused = f"{web.address}/hostile is not unpacked: ../a has a name with .."
    assert {name: supply for name, supply in found.items() if isinstance(supply, Unavailable)} == {
        "too short": Unavailable(
            why=f"{web.address}/tar is not unpacked: it holds nothing below 2 leading components", is_refused=True
        ),
        "hostile": Unavailable(why=refused, is_refused=True),
        "missing": Unavailable(why=f"{web.address}/missing answered 404 Not Found"),
        "missing too": Unavailable(why=f"{web.address}/missing answered 404 Not Found"),
    }
    assert sorted(web.asked) == ["/hostile", "/missing", "/tar", "/zip"]
    assert all(blob.file.closed for blob in blobs.values())


def test_without_downloads_the_cache_is_not_touched(tmp_path: Path) -> None:
    with supplied([change(RunCommand(argv=("x",)))], Downloads(folder=tmp_path / "cache")) as supplies:
        assert supplies == {}
    assert not (tmp_path / "cache").exists()
