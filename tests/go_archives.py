"""Go's archives as far as tests need them: the versions of a document, from the disk instead of the internet."""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
from pathlib import Path

_VERSION = re.compile(
    r"^( +)(\d+\.\d+(?:\.\d+)?):\n\1  sha256:\n\1    amd64: [0-9a-f]{64}\n\1    arm64: [0-9a-f]{64}\n", re.M
)


def archive(folder: Path, version: str) -> Path:
    """A tar archive laid out as go.dev's, with a program that says its version and nothing else."""
    file = folder / f"go{version}.tar.gz"
    program = f'#!/bin/sh\necho "go version go{version} linux/amd64"\n'
    with tarfile.open(file, "w:gz") as made:
        for name, text, mode in (("go/VERSION", f"go{version}\n", 0o644), ("go/bin/go", program, 0o755)):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(text), mode
            made.addfile(entry, io.BytesIO(text.encode()))
    return file


def with_local_archives(document: str, folder: Path) -> str:
    """The document, in which every version of go_toolchain comes from a small archive in the folder."""

    def local(found: re.Match[str]) -> str:
        indent, version = found[1], found[2]
        file = archive(folder, version)
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        sums = f"{{amd64: {digest}, arm64: {digest}}}"
        return f'{indent}{version}:\n{indent}  sha256: {sums}\n{indent}  url: "{file.as_uri()}"\n'

    text, count = _VERSION.subn(local, document)
    assert count or "go_toolchain:" not in document, "no version was found"
    return re.sub(r'( +url: "file:[^"]+"\n)\s+url: .*\n', r"\1", text)
