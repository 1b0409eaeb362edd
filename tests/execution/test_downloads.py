"""The cache of downloads, and how bytes come into it: from real servers, good and bad, on this machine."""

from __future__ import annotations

import hashlib
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.execution.downloads import Downloads
from reconciler.execution.fetching import FetchError, Patience
from reconciler.model.tasks import Download
from web_server import WebServer, certificate, web_server

QUICK = Patience(silence_seconds=0.4, slow_seconds=0.3, slow_bytes=1000, largest_bytes=1_000_000)


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def web() -> Iterator[WebServer]:
    with web_server() as server:
        yield server


@pytest.fixture
def cache(tmp_path: Path) -> Downloads:
    return Downloads(folder=tmp_path / "cache/downloads", patience=QUICK)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def got(cache: Downloads, url: str, data: bytes) -> bytes:
    blob = cache.blob(Download(url=url, digest=digest(data)))
    with blob.file:
        assert (blob.size, blob.digest) == (len(data), digest(data))
        return b"".join(blob.pieces())


def names(cache: Downloads) -> set[str]:
    return {place.name for place in cache.folder.iterdir()}


def refused(cache: Downloads, url: str, data: bytes = b"x") -> str:
    with pytest.raises(FetchError) as caught:
        cache.blob(Download(url=url, digest=digest(data)))
    assert not [name for name in names(cache) if name.startswith(".")]
    return str(caught.value)


# ---- what is kept


def test_bytes_are_fetched_once_and_kept_for_their_owner_alone(cache: Downloads, web: WebServer) -> None:
    data = os.urandom(700_000)
    web.held["/a"] = data

    assert got(cache, f"{web.address}/a", data) == got(cache, f"{web.address}/elsewhere", data) == data

    assert web.asked == ["/a"]
    kept = cache.folder / digest(data)
    assert kept.read_bytes() == data
    assert names(cache) == {kept.name}
    assert [stat.S_IMODE(place.stat().st_mode) for place in (cache.folder, kept)] == [0o700, 0o600]
    assert cache.sizes() == {digest(data): 700_000}


def test_nothing_is_here_before_the_first_download(cache: Downloads) -> None:
    assert cache.sizes() == {}
    cache.forget_unused()
    assert not cache.folder.exists()


def test_what_was_put_there_by_hand_needs_no_network(cache: Downloads) -> None:
    cache.folder.mkdir(parents=True)
    (cache.folder / digest(b"by hand")).write_bytes(b"by hand")

    assert got(cache, "https://unreachable.invalid/x", b"by hand") == b"by hand"


@pytest.mark.parametrize("how", ["changed", "shorter", "a link", "a directory"])
def test_what_is_not_what_its_name_says_is_fetched_again(cache: Downloads, web: WebServer, how: str) -> None:
    web.held["/a"] = b"right"
    got(cache, f"{web.address}/a", b"right")
    kept = cache.folder / digest(b"right")
    match how:
        case "changed":
            kept.write_bytes(b"wrong")
        case "shorter":
            kept.write_bytes(b"rig")
        case "a link":
            kept.rename(cache.folder / "elsewhere")
            kept.symlink_to("elsewhere")
        case _:
            kept.unlink()
            kept.mkdir()
            assert "cannot be kept" in refused(cache, f"{web.address}/a", b"right")
            return

    assert got(cache, f"{web.address}/a", b"right") == b"right"
    assert web.asked == ["/a", "/a"]
    assert kept.is_file() and not kept.is_symlink()


def test_several_runs_may_fetch_the_same_at_once(cache: Downloads, web: WebServer) -> None:
    data = os.urandom(900_000)
    web.held["/a"] = data
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.append(got(cache, f"{web.address}/a", data))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [data] * 6
    assert names(cache) == {digest(data)}


def test_what_nobody_used_for_long_goes_and_nothing_else(cache: Downloads, web: WebServer) -> None:
    web.held |= {"/old": b"old", "/used": b"used"}
    for name in ("old", "used"):
        got(cache, f"{web.address}/{name}", name.encode())
        os.utime(cache.folder / digest(name.encode()), (1, 1))
    for name in ("mine", ".fetching-dead", ".fetching-alive"):
        (cache.folder / name).write_text("x")
        os.utime(cache.folder / name, (1, 1) if name != ".fetching-alive" else None)
    got(cache, f"{web.address}/used", b"used")

    cache.forget_unused()

    assert names(cache) == {digest(b"used"), "mine", ".fetching-alive"}


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path, web: WebServer) -> None:
    web.held["/a"] = b"x"
    (tmp_path / "file").write_text("no folder")
    cache = Downloads(folder=tmp_path / "file/downloads", patience=QUICK)

    with pytest.raises(FetchError, match=r"/a cannot be kept in .*/file/downloads: Not a directory"):
        cache.blob(Download(url=f"{web.address}/a", digest=digest(b"x")))


def test_somebody_hears_of_what_is_fetched(cache: Downloads, web: WebServer) -> None:
    web.held["/a"] = b"x"
    told: list[str] = []
    listened = Downloads(folder=cache.folder, tell=told.append, patience=QUICK)
    for _ in range(2):
        got(listened, f"{web.address}/a", b"x")
    assert told == [f"{web.address}/a"]


# ---- what goes wrong


def test_other_bytes_than_the_document_says_are_not_kept(cache: Downloads, web: WebServer) -> None:
    web.held["/a"] = b"theirs"

    said = refused(cache, f"{web.address}/a", b"ours")

    assert said == (
        f"{web.address}/a holds something else than the document says: its SHA-256 is {digest(b'theirs')}, "
        f"not {digest(b'ours')}. Nothing of it was kept"
    )
    assert names(cache) == set()


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/missing", "answered 404 Not Found"),
        ("/truncated", "broke off after 400 of 1000 bytes"),
        ("/chunks", "broke off in the middle"),
        ("/drip", "came too slowly: "),
        ("/silent", "said nothing for 0.4 seconds"),
        ("/garbage", "220 an FTP server"),
        ("/endless", "holds more than 1.0 MB"),
        ("/large", "holds 2.0 MB; 1.0 MB are the most"),
        ("/loop", "answered 302"),
        ("/to-file", "Redirection to url 'file:///etc/passwd' is not allowed"),
        ("/to-ftp", "leads to ftp://127.0.0.1/x, which is not followed"),
    ],
)
def test_a_server_that_does_wrong_is_named_with_what_it_did(
    cache: Downloads, web: WebServer, path: str, words: str
) -> None:
    web.held |= {
        "/large": bytes(2_000_000),
        "/loop": b"-> /loop",
        "/to-file": b"-> file:///etc/passwd",
        "/to-ftp": b"-> ftp://127.0.0.1/x",
    }
    began = time.monotonic()

    said = refused(cache, f"{web.address}{path}")

    assert said.startswith(f"{web.address}{path}")
    assert words in said
    assert time.monotonic() - began < 10


def test_nobody_there_is_said(cache: Downloads) -> None:
    assert refused(cache, "http://127.0.0.1:1/a") == "http://127.0.0.1:1/a: Connection refused"
    assert refused(cache, "http://no-such-host.invalid/a").startswith("http://no-such-host.invalid/a: ")
    assert refused(cache, "http://127.0.0.1:99999/a").startswith("http://127.0.0.1:99999/a: ")


def test_redirections_are_followed(cache: Downloads, web: WebServer) -> None:
    web.held |= {"/a": b"-> /b", "/b": f"-> {web.address}/c".encode(), "/c": b"there"}
    assert got(cache, f"{web.address}/a", b"there") == b"there"


def test_https_is_checked_and_never_left(
    cache: Downloads, web: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain, key = certificate(tmp_path)
    web.held["/plain"] = b"x"
    with web_server((chain, key)) as safe:
        safe.held |= {"/a": b"safe", "/down": f"-> {web.address}/plain".encode(), "/same": b"-> /a"}
        web.held["/up"] = f"-> {safe.address}/a".encode()

        assert "certificate verify failed" in refused(cache, f"{safe.address}/a", b"safe")

        monkeypatch.setenv("SSL_CERT_FILE", str(chain))
        assert refused(cache, f"{safe.address}/down") == (
            f"{safe.address}/down leads to {web.address}/plain, which is not followed"
        )
        assert web.asked == []
        assert got(cache, f"{web.address}/up", b"safe") == got(cache, f"{safe.address}/same", b"safe") == b"safe"


def test_the_proxies_of_the_environment_are_used(
    cache: Downloads, web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.held["http://example.invalid/a"] = b"by proxy"
    monkeypatch.setenv("http_proxy", web.address)

    assert got(cache, "http://example.invalid/a", b"by proxy") == b"by proxy"

    monkeypatch.setenv("no_proxy", "example.invalid")
    assert refused(cache, "http://example.invalid/b").startswith("http://example.invalid/b: ")


# ---- files


def test_a_file_of_the_controller_is_a_download_too(cache: Downloads, tmp_path: Path) -> None:
    place = tmp_path / "a b%ü"
    place.write_bytes(b"mine")
    (tmp_path / "link").symlink_to(place)

    assert got(cache, place.as_uri(), b"mine") == b"mine"
    assert got(Downloads(folder=tmp_path / "other"), f"file://localhost{tmp_path}/link", b"mine") == b"mine"


def test_only_regular_files_of_this_machine_are_read(cache: Downloads, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert refused(cache, f"file://{tmp_path}/pipe") == f"file://{tmp_path}/pipe is no regular file"
    assert refused(cache, f"file://{tmp_path}").endswith(": Is a directory") or "no regular file" in refused(
        cache, f"file://{tmp_path}"
    )
    assert refused(cache, f"file://{tmp_path}/gone") == f"file://{tmp_path}/gone: No such file or directory"
    assert refused(cache, "file://server/share/x") == (
        "file://server/share/x is a file of server; only this machine's own can be read"
    )
    assert "null" in refused(cache, "file:///a%00b")
    (tmp_path / "large").write_bytes(bytes(1_000_001))
    assert "holds more than 1.0 MB" in refused(cache, f"file://{tmp_path}/large")


# ---- interrupted


INTERRUPTED = """
import sys
from pathlib import Path
from reconciler.execution.downloads import Downloads
from reconciler.model.tasks import Download
print("begun", flush=True)
Downloads(folder=Path(sys.argv[1])).blob(Download(url=sys.argv[2], digest="0" * 64))
"""


@pytest.mark.parametrize("path", ["/drip", "/silent"])
def test_ctrl_c_ends_a_download_and_leaves_nothing_behind(cache: Downloads, web: WebServer, path: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, str(cache.folder), f"{web.address}{path}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    end = time.monotonic() + 20
    while not web.asked:
        assert time.monotonic() < end
        time.sleep(0.01)
    time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=10)

    assert process.returncode == -signal.SIGINT, stderr
    assert b"KeyboardInterrupt" in stderr
    assert names(cache) == set()
