"""VS Code itself reads what was declared: a real code-server and a real browser on this very machine, in a scratch HOME.

Both are large, so this runs only where RECONCILE_CODE_SERVER names the program and the PATH has a Chromium: see
tests/npm/README.md. No traffic leaves the machine, and no process outlives its test.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reconciler import agents
from reconciler.resources import vscode_scopes

DATA = ".local/share/code-server"
MACHINE_SETTINGS = f"{DATA}/Machine/settings.json"
FOLDER = "src/mein Wörk"
NOWHERE = "http://127.0.0.1:9"

DIRTY = """\
{
  // ours, by hand
  "editor.tabSize": 8, /* eight */
  "files.eol": "\\n",
  "probe.gone": true,
  "probe": {"nested": {"b": 2}, "gone": false}, // another form of the same
  "editor.tabSize": 6, // twice: the last one counts
}
"""
DOCUMENT = f"""\
version: 1
user:
  vscode_settings:
    machine:
      editor.tabSize: 3
      probe.nested: {{a: 1}}
      probe.gone: {{absent: true}}
      "[go]": {{editor.tabSize: 7}}
      probe.of_application: x
      files.hotExit: "off"
    workspaces:
      ~/{FOLDER}: {{editor.tabSize: 2, probe.of_machine: x, "probe.überall": ein "Wört" \\ $HOME}}
"""
LATER = DOCUMENT.replace("editor.tabSize: 3", "editor.tabSize: 5")

SETTINGS = {
    "probe.nested": ("object", "machine"),
    "probe.gone": ("boolean", "machine"),
    "probe.of_machine": ("string", "machine"),
    "probe.of_application": ("string", "application"),
    "probe.überall": ("string", "resource"),
}
PROBE = """\
const vscode = require("vscode"), fs = require("fs");
const names = ["editor.tabSize", "files.eol", "files.hotExit", ...NAMES];
exports.activate = async (context) => {
  const shown = await vscode.workspace.openTextDocument(vscode.Uri.parse("vscode://schemas/settings/default"));
  const scopes = Object.entries(JSON.parse(shown.getText()).properties).map(([name, it]) => [name, it.scope ?? null]);
  const tell = () => {
    const every = vscode.workspace.getConfiguration();
    const go = vscode.workspace.getConfiguration(undefined, {languageId: "go"});
    const told = {
      inspected: Object.fromEntries(names.map((name) => [name, every.inspect(name)])),
      effective: Object.fromEntries(names.map((name) => [name, every.get(name)])),
      inGo: go.inspect("editor.tabSize"),
      scopes: Object.fromEntries(scopes),
    };
    fs.writeFileSync(`${process.env.RECONCILE_PROBE}.new`, JSON.stringify(told));
    fs.renameSync(`${process.env.RECONCILE_PROBE}.new`, process.env.RECONCILE_PROBE);
  };
  context.subscriptions.push(vscode.workspace.onDidChangeConfiguration(tell));
  tell();
};
"""
MANIFEST = """\
<?xml version="1.0" encoding="utf-8"?>
<PackageManifest Version="2.0.0" xmlns="http://schemas.microsoft.com/developer/vsx-schema/2011">
<Metadata><Identity Language="en-US" Id="{name}" Version="{version}" Publisher="corp"/></Metadata></PackageManifest>
"""
APPLICATION, MACHINE, APPLICATION_MACHINE = 1, 2, 3
"""VS Code's numbers of scopes."""


@dataclass(frozen=True, kw_only=True)
class CodeServer:
    """A program, and the environment that it and its browser see: nothing of the caller's, and no gallery."""

    program: str
    environment: Mapping[str, str]
    home: Path

    def run(self, *words: str) -> str:
        argv = [self.program, *words]
        done = subprocess.run(
            argv, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @property
    def listed(self) -> list[str]:
        return self.run("--list-extensions", "--show-versions").split()

    @contextlib.contextmanager
    def opened(self, folder: Path, browser: str) -> Iterator[Path]:
        """A window on a folder; where its probe tells what it reads."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        site = f"http://127.0.0.1:{port}"
        quiet = ("--auth=none", "--disable-telemetry", "--disable-update-check", "--disable-workspace-trust")
        session = Path(self.environment["TMPDIR"]) / "session"  # the path of a socket has a hundred bytes
        server = [self.program, f"--bind-addr=127.0.0.1:{port}", f"--session-socket={session}", *quiet]
        window = [browser, *BROWSER_WORDS, f"{site}/?folder={urllib.parse.quote(str(folder))}"]
        with self._running(server, "server.log"):
            until(lambda: answers(f"{site}/healthz"), "code-server answers", self.log)
            with self._running(window, "browser.log"):
                yield Path(self.environment["RECONCILE_PROBE"])

    def log(self) -> str:
        logs = (self.home / name for name in ("server.log", "browser.log"))
        return "".join(path.read_text(errors="replace")[-3000:] for path in logs if path.exists())

    @contextlib.contextmanager
    def _running(self, argv: Sequence[str], log: str) -> Iterator[None]:
        with (self.home / log).open("w") as out:
            process = subprocess.Popen(
                argv, env=self.environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGKILL):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, number)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=10)


BROWSER_WORDS = (
    "--headless",
    "--no-sandbox",
    "--no-zygote",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-breakpad",
    "--disable-crash-reporter",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)


def answers(url: str) -> bool:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def until(holds: Callable[[], bool], what: str, log: Callable[[], str], seconds: float = 150) -> None:
    limit = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > limit:
            pytest.fail(f"not within {seconds} seconds: {what}\n{log()}")
        time.sleep(0.1)


def vsix(path: Path, name: str, version: str, package: Mapping[str, object], source: str = "") -> str:
    """An extension, as VS Code installs one from a file."""
    about = {"name": name, "publisher": "corp", "version": version, "engines": {"vscode": "^1.60.0"}, **package}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("extension.vsixmanifest", MANIFEST.format(name=name, version=version))
        archive.writestr("extension/package.json", json.dumps(about))
        archive.writestr("extension/main.js", source)
    return str(path)


def probe(path: Path) -> str:
    properties = {name: {"type": kind, "scope": scope} for name, (kind, scope) in SETTINGS.items()}
    package = {
        "main": "./main.js",
        "activationEvents": ["onStartupFinished"],
        "extensionKind": ["workspace"],
        "contributes": {"configuration": {"properties": properties}},
    }
    return vsix(path, "probe", "1.0.0", package, PROBE.replace("NAMES", json.dumps([*SETTINGS])))


def processes_of(home: Path) -> list[int]:
    """Those that were started with that HOME, whichever group they are in."""
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if f"HOME={home}".encode() in environment.read_bytes().split(b"\0"):
                found.append(int(environment.parent.name))
    return found


@pytest.fixture
def home(command: Callable[..., Any], trusted_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`command` sets a HOME too: this one counts."""
    monkeypatch.setenv("HOME", str(trusted_home))
    return trusted_home


@pytest.fixture
def code_server(home: Path) -> Iterator[CodeServer]:
    """It stands where its own installer puts it, and its data are there. Nothing that it started is left behind."""
    program = os.environ.get("RECONCILE_CODE_SERVER")
    if not program:
        pytest.skip("RECONCILE_CODE_SERVER names no code-server")
    own = home / ".local/bin/code-server"
    own.parent.mkdir(parents=True)
    own.symlink_to(program)
    user = home / DATA / "User/settings.json"
    user.parent.mkdir(parents=True)
    user.write_text('{"telemetry.telemetryLevel": "off"}')
    with tempfile.TemporaryDirectory(prefix="cs-") as short:
        environment = {
            "HOME": str(home),
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "TMPDIR": short,
            "EXTENSIONS_GALLERY": json.dumps({"serviceUrl": NOWHERE}),
            "RECONCILE_PROBE": str(home / "probe.json"),
        }
        yield CodeServer(program=str(own), environment=environment, home=home)
        for number in processes_of(home):
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        until(lambda: not processes_of(home), "every process has ended", lambda: "", seconds=20)


@pytest.fixture
def browser() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if not found:
        pytest.skip("no Chromium is in the PATH")
    return found


def told(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text()) if file.exists() else {}


def remote(file: Path, name: str) -> object:
    """What a window takes from the machine's settings; None: nothing."""
    return told(file).get("inspected", {}).get(name, {}).get("globalRemoteValue")


def test_vs_code_reads_what_was_declared_and_a_change_in_an_open_window(
    command: Callable[..., Any],
    words: Callable[[str], str],
    home: Path,
    code_server: CodeServer,
    browser: str,
    tmp_path: Path,
) -> None:
    folder, settings = home / FOLDER, home / MACHINE_SETTINGS
    folder.mkdir(parents=True)
    settings.parent.mkdir(parents=True)
    settings.write_text(DIRTY)
    document, here = tmp_path / "reconcile.yaml", ("-C", str(tmp_path))
    code_server.run("--install-extension", probe(tmp_path / "probe.vsix"))

    document.write_text(DOCUMENT, encoding="utf-8")
    planned = command("plan", *here, "--detailed-exitcode")
    assert planned.code == 2, planned.out + planned.err
    remark = "files.hotExit has no effect in the settings of the machine: VS Code takes it from the user's own settings"
    assert remark in words(planned.out), planned.out
    applied = command("apply", *here, "--yes")
    assert applied.code == 0, applied.out + applied.err

    with code_server.opened(folder, browser) as file:
        until(file.exists, "the probe tells", code_server.log)
        inspected, effective = told(file)["inspected"], told(file)["effective"]
        assert remote(file, "editor.tabSize") == 3
        assert inspected["editor.tabSize"]["workspaceValue"] == 2
        assert effective["editor.tabSize"] == 2
        assert remote(file, "probe.nested") == effective["probe.nested"] == {"a": 1}
        assert inspected["probe.gone"].keys() <= {"key", "defaultValue"}
        assert remote(file, "files.eol") == "\n"  # nobody's, and still there
        assert told(file)["inGo"]["globalRemoteLanguageValue"] == 7
        assert effective["probe.überall"] == 'ein "Wört" \\ $HOME'
        # What VS Code passes over without a word: our remarks say so of those they know.
        assert not inspected["probe.of_application"].keys() & {"globalRemoteValue", "globalValue"}
        assert "workspaceValue" not in inspected["probe.of_machine"]
        assert remote(file, "files.hotExit") is None
        wrongly_told = [name for name, scope in told(file)["scopes"].items() if not is_told_rightly(name, scope)]
        assert wrongly_told == [] and len(told(file)["scopes"]) > 1000

        document.write_text(LATER, encoding="utf-8")
        later = command("apply", *here, "--yes")
        assert later.code == 0, later.out + later.err
        until(lambda: remote(file, "editor.tabSize") == 5, "the open window reads the change", code_server.log)

    verified = command("verify", *here)
    assert verified.code == 0, verified.out
    text = settings.read_text()
    assert "// ours, by hand\n" in text and "// twice: the last one counts\n" in text
    assert '"files.eol": "\\n",\n' in text and "gone" not in text


def is_told_rightly(name: str, scope: int | None) -> bool:
    """No false alarm: VS Code's own scopes say the same of every setting that we say something of."""
    on_machine = vscode_scopes.passed_over(name, workspace=False, local_proxy=True)
    in_workspace = vscode_scopes.passed_over(name, workspace=True, local_proxy=True)
    return (not on_machine or scope == APPLICATION) and (
        not in_workspace or scope in (APPLICATION, MACHINE, APPLICATION_MACHINE)
    )


def test_a_pinned_version_is_what_code_server_lists_and_we_read_and_it_goes_again(
    command: Callable[..., Any], home: Path, code_server: CodeServer, tmp_path: Path
) -> None:
    here = ("-C", str(tmp_path))

    def declare(item: str) -> None:
        (tmp_path / "reconcile.yaml").write_text(f"version: 1\nuser: {{vscode_extensions: {{Corp.Tool: {item}}}}}\n")

    for version in ("1.4.0", "1.3.0"):  # the second one is a downgrade, which is refused with 0 unless forced
        file = Path(vsix(tmp_path / f"{version}.vsix", "tool", version, {}))
        sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
        declare(f"{{version: {version}, vsix: '{file.as_uri()}', sha256: {sha256}}}")
        applied = command("apply", *here, "--yes", "--allow-exec")
        assert applied.code == 0, applied.out + applied.err
        assert code_server.listed == [f"corp.tool@{version}"]
        verified = command("verify", *here)
        assert verified.code == 0, verified.out
    (row,) = json.loads((home / DATA / "extensions/extensions.json").read_text())
    assert row["metadata"]["pinned"] is True

    declare("{version: 1.4.0}")
    planned = command("plan", *here, "--detailed-exitcode")
    assert planned.code == 2 and "1.3.0 → 1.4.0" in planned.out, planned.out
    declare("{absent: true}")
    applied = command("apply", *here, "--yes", "--allow-exec")
    assert applied.code == 0, applied.out + applied.err
    assert code_server.listed == []
    assert command("verify", *here).code == 0


def test_what_no_gallery_has_fails_in_the_programs_own_words(code_server: CodeServer) -> None:
    words = (
        "install",
        code_server.program,
        str(code_server.home / DATA / "extensions"),
        "no.such",
        "1.0.0",
        "no.such@1.0.0",
    )
    argv = ["sh", "-c", agents.text("vscode_extension.sh"), "vscode_extension", *words]
    done = subprocess.run(argv, env=code_server.environment, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Error while installing extensions" in done.stderr
