"""Documents with downloads, from the command line to the disk."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from web_server import WebServer, web_server

if TYPE_CHECKING:
    from tests.cli.conftest import Machine

Words = Callable[[str], str]


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with web_server() as server:
        yield server


def tar(name: str, data: bytes) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        info = tarfile.TarInfo(name)
        info.size, info.mode = len(data), 0o755
        archive.addfile(info, io.BytesIO(data))
    return gzip.compress(stream.getvalue(), mtime=0)


def zipped(name: str, data: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), data)
    return stream.getvalue()


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def document(web: WebServer) -> str:
    entries = {
        "~/tool": f"{{url: {web.address}/tool, sha256: {digest(web.held['/tool'])}, mode: '0755'}}",
        "~/tree": f"{{url: {web.address}/tree.tgz, sha256: {digest(web.held['/tree.tgz'])}, archive: true, strip: 1}}",
        "~/zip": f"{{url: {web.address}/tree.zip, sha256: {digest(web.held['/tree.zip'])}, archive: true}}",
    }
    lines = "".join(f"    {name}: {fields}\n" for name, fields in entries.items())
    return f"version: 1\nuser:\n  files:\n{lines}"


@pytest.fixture
def ready(machine: Machine, web: WebServer) -> Machine:
    web.held |= {
        "/tool": b"#!/bin/sh\n" * 1000,
        "/tree.tgz": tar("top/run", b"run"),
        "/tree.zip": zipped("in/zip", b"zip"),
    }
    machine.write(document(web))
    return machine


def test_a_plan_fetches_nothing_and_an_apply_once(ready: Machine, web: WebServer, words: Words) -> None:
    machine = ready
    planned = machine.run("plan", "--detailed-exitcode")
    assert planned.code == 2, planned
    assert planned.out.count("not fetched yet") == 3
    assert f"note: {web.address}/tool: not fetched yet" in words(planned.out)
    assert web.asked == []

    applied = machine.run("apply", "--yes")

    assert applied.code == 0, applied
    assert f"Fetching {web.address}/tool\n" in applied.err
    assert sorted(web.asked) == ["/tool", "/tree.tgz", "/tree.zip"]
    assert machine.at("~/tool").read_bytes() == web.held["/tool"]
    assert machine.at("~/tree/run").read_bytes() == b"run"
    assert machine.at("~/zip/in/zip").read_bytes() == b"zip"
    cached = {path.name for path in (machine.home / ".cache/reconcile/downloads").iterdir()}
    assert cached == {digest(data) for data in web.held.values()}
    assert machine.run("verify").code == 0

    machine.at("~/tool").unlink()
    again = machine.run("plan")
    assert f"note: {web.address}/tool: in the cache, 10.0 kB" in words(again.out)
    assert machine.run("apply", "--yes").code == 0
    assert len(web.asked) == 3


def test_what_is_sent_is_shown_without_its_bytes(ready: Machine, web: WebServer) -> None:
    ready.run("apply", "--yes")
    ready.at("~/tool").unlink()
    shown = ready.run("plan", "--format", "script")
    assert f"({web.address}/tool, SHA-256 {digest(web.held['/tool'])}, 10.0 kB)" in shown.out
    assert "#!/bin/sh\n#!/bin/sh" not in shown.out


def test_one_that_cannot_be_had_fails_and_the_others_are_written(ready: Machine, web: WebServer, words: Words) -> None:
    del web.held["/tool"]

    applied = ready.run("apply", "--yes")

    assert applied.code == 3, applied
    assert f"{web.address}/tool answered 404 Not Found" in words(applied.out)
    assert not ready.at("~/tool").exists()
    assert ready.at("~/tree/run").exists()


def test_other_bytes_are_not_written(ready: Machine, web: WebServer, words: Words) -> None:
    wanted = digest(web.held["/tool"])
    web.held["/tool"] = b"something else"

    applied = ready.run("apply", "--yes")

    assert applied.code == 3
    said = f"{web.address}/tool holds something else than the document says: its SHA-256 is {digest(b'something else')}, not {wanted}."
    assert said in words(applied.out)


def test_an_archive_that_reaches_out_is_refused(ready: Machine, web: WebServer, words: Words) -> None:
    web.held["/tree.tgz"] = tar("top/../../evil", b"x")
    ready.write(document(web))

    applied = ready.run("apply", "--yes")

    assert applied.code == 5
    said = f"{web.address}/tree.tgz is not unpacked: top/../../evil has a name with .."
    assert said in words(applied.out)
    assert not ready.at("~/tree").exists()
    assert ready.at("~/tool").exists()


def test_a_saved_plan_keeps_no_bytes_and_fetches_when_it_is_applied(ready: Machine, web: WebServer) -> None:
    saved = ready.repo / "saved.plan"
    assert ready.run("plan", "-o", str(saved)).code == 0
    assert saved.stat().st_size < 5000
    assert web.asked == []

    applied = ready.command("apply", str(saved), "--yes")

    assert applied.code == 0, applied
    assert ready.at("~/zip/in/zip").read_bytes() == b"zip"


def test_a_tree_is_removed_when_it_shall_be_absent(ready: Machine, words: Words) -> None:
    ready.run("apply", "--yes")
    ready.write("version: 1\nuser: {files: {~/tree: {absent: true}, ~/tool: {absent: true}}}\n")

    planned = ready.run("plan", "-v")
    assert "and all that was unpacked there" in words(planned.out)
    assert ready.run("apply", "--yes").code == 0
    assert not ready.at("~/tree").exists() and not ready.at("~/tool").exists()


def test_what_was_put_into_the_cache_needs_no_network(machine: Machine) -> None:
    cache = machine.home / ".cache/reconcile/downloads"
    cache.mkdir(parents=True)
    (cache / digest(b"by hand")).write_bytes(b"by hand")
    machine.write(
        f"version: 1\nuser: {{files: {{~/x: {{url: 'https://unreachable.invalid/x', sha256: {digest(b'by hand')}}}}}}}\n"
    )

    applied = machine.run("apply", "--yes")

    assert applied.code == 0, applied
    assert "Fetching" not in applied.err
    assert machine.at("~/x").read_bytes() == b"by hand"


def test_a_file_of_this_machine_is_sent(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"large" * 100_000)
    machine.write(
        f"version: 1\nuser: {{files: {{~/x: {{url: 'file://{tmp_path}/large', sha256: {digest(b'large' * 100_000)}}}}}}}\n"
    )
    assert machine.run("apply", "--yes").code == 0
    assert machine.at("~/x").read_bytes() == b"large" * 100_000


def test_a_url_without_a_digest_is_an_error_in_the_document(machine: Machine, words: Words) -> None:
    machine.write("version: 1\nuser: {files: {~/x: {url: 'https://example.com/x'}}}\n")
    found = machine.command("lint", "-C", str(machine.repo))
    assert found.code == 1
    assert "~/x has url without sha256; whoever serves it could change it any day" in words(found.out + found.err)
