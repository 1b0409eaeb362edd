"""What the URLs of the examples hold, in small: their real archives are large, and tests reach no network."""

from __future__ import annotations

import hashlib
import io
import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path

_GO = {
    ("1.26.1", "amd64"): "031f088e5d955bab8657ede27ad4e3bc5b7c1ba281f05f245bcc304f327c987a",
    ("1.26.1", "arm64"): "a290581cfe4fe28ddd737dde3095f3dbeb7f2e4065cab4eae44dfc53b760c2f7",
    ("1.25.9", "amd64"): "00859d7bd6defe8bf84d9db9e57b9a4467b2887c18cd93ae7460e713db774bc1",
    ("1.25.9", "arm64"): "ec342e7389b7f489564ed5463c63b16cf8040023dabc7861256677165a8c0e2b",
}


def _go(version: str) -> dict[str, bytes]:
    return {"go/VERSION": f"go{version}\ntime 2026-03-05T22:00:00Z\n".encode(), "go/bin/go": b"a program\n"}


def _held(path: Path) -> bytes | dict[str, bytes]:
    """The bytes of a file, or the files of an archive."""
    if ".tar" not in path.name:
        return path.read_bytes()
    with tarfile.open(path) as packed:
        return {entry.name: file.read() for entry in packed if (file := packed.extractfile(entry)) is not None}


FOLDER = Path(__file__).resolve().parent.parent / "examples/kinds/downloads"
BY_URL: Mapping[str, bytes | dict[str, bytes]] = {
    **{f"https://example.com/{path.name}": _held(path) for path in FOLDER.iterdir()},
    **{
        f"https://{site}/go{version}.linux-{architecture}.tar.gz": _go(version)
        for version, architecture in _GO
        for site in ("go.dev/dl", "dl.google.com/go")
    },
}
BY_DIGEST: Mapping[str, dict[str, bytes]] = {digest: _go(version) for (version, _), digest in _GO.items()}
"""By the digest of the real archive."""


def archive(files: Mapping[str, bytes]) -> bytes:
    """A gzipped tar archive of programs."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(data), 0o755
            tar.addfile(member, io.BytesIO(data))
    return packed.getvalue()


def served(document: str, cache: Path) -> str:
    """The document with the digests of small archives in place of the real ones, and those in the cache of downloads.

    What stands in `downloads` beside the examples is there too.
    """
    cache.mkdir(parents=True, exist_ok=True)
    for path in FOLDER.iterdir():
        shutil.copy(path, cache / hashlib.sha256(path.read_bytes()).hexdigest())
    for digest, files in BY_DIGEST.items():
        if digest in document:
            data = archive(files)
            small = hashlib.sha256(data).hexdigest()
            (cache / small).write_bytes(data)
            document = document.replace(digest, small)
    return document
