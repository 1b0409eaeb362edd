"""Checks: the words they run, tried for real against programs, ports and URLs."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reconciler.model.address import Layer, Target
from reconciler.model.errors import DocumentError
from reconciler.model.resource import NotApplicable
from reconciler.model.states import Risk, State
from reconciler.model.tasks import RunCommand
from reconciler.resources.any.checks import Check, Checks

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine
    from tests.resources.conftest import Reading

ALICE = Target("lt", "main", "alice")
SHELLS = ("dash", "bash", "busybox", "mksh")


def task_of(check: Check, machine: Machine) -> RunCommand:
    checks = Checks(items={"it works": check}, options={}, layer=Layer.USER)
    parts = checks.write("it works", None, {}, machine.sheet(()))
    assert not isinstance(parts, NotApplicable) and not hasattr(parts, "why")
    ((task,),) = [part.tasks for part in parts]  # type: ignore[union-attr]
    assert isinstance(task, RunCommand)
    return task


def tried(
    check: Check, machine: Machine, home: Path, shell: str = "sh", path: str = "/usr/bin:/bin"
) -> tuple[int, str]:
    words = list(task_of(check, machine).words)
    assert words[0] == "sh"
    found = shutil.which(shell)
    if not found:
        pytest.skip(f"{shell} is not installed")
    words[:1] = [found, "sh"] if shell == "busybox" else [found]
    done = subprocess.run(
        words,
        env={"HOME": str(home), "PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == ""
    return done.returncode, done.stderr


# ---- programs


@pytest.mark.parametrize("shell", SHELLS)
def test_a_program_runs_with_what_a_login_shell_exports(machine: Machine, tmp_path: Path, shell: str) -> None:
    (tmp_path / ".profile").write_text("export GREETING=hello\n")
    (tmp_path / "src").mkdir()
    words = ("sh", "-c", 'echo "$GREETING $PWD $1"; exit 7', "x", "it's $HOME; `id`")
    code, said = tried(Check(command=words, directory="~/src"), machine, tmp_path, shell)
    assert (code, said) == (7, f"hello {tmp_path}/src it's $HOME; `id`\n")


def test_a_program_that_succeeds_passes(machine: Machine, tmp_path: Path) -> None:
    assert tried(Check(command=("true",)), machine, tmp_path)[0] == 0


def test_a_program_or_directory_that_is_not_there_fails_by_name(machine: Machine, tmp_path: Path) -> None:
    code, said = tried(Check(command=("no-such-program",)), machine, tmp_path)
    assert code == 127 and "no-such-program" in said
    code, said = tried(Check(command=("true",), directory="~/none"), machine, tmp_path)
    assert code == 1 and f"{tmp_path}/none" in said


# ---- ports


@pytest.fixture
def port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        number: int = server.getsockname()[1]
    return number


@pytest.mark.parametrize("shell", SHELLS)
def test_a_port_that_accepts_passes(machine: Machine, tmp_path: Path, port: int, shell: str) -> None:
    assert tried(Check(tcp=f"127.0.0.1:{port}"), machine, tmp_path, shell) == (0, "")


def test_a_port_on_which_nothing_listens_fails(machine: Machine, tmp_path: Path, closed_port: int) -> None:
    code, said = tried(Check(tcp=f"127.0.0.1:{closed_port}", seconds=1), machine, tmp_path)
    assert (code, said) == (1, f"nothing answers on 127.0.0.1 port {closed_port}\n")


@pytest.mark.parametrize("tool", ["bash", "nc", "curl"])
def test_one_tool_is_enough_to_try_a_port(
    machine: Machine, tmp_path: Path, port: int, closed_port: int, tool: str
) -> None:
    path = only(tool, tmp_path)
    assert tried(Check(tcp=f"127.0.0.1:{port}"), machine, tmp_path, "dash", path) == (0, "")
    assert tried(Check(tcp=f"127.0.0.1:{closed_port}", seconds=1), machine, tmp_path, "dash", path)[0] == 1


def test_without_any_tool_the_check_says_what_it_needs(machine: Machine, tmp_path: Path, port: int) -> None:
    code, said = tried(Check(tcp=f"127.0.0.1:{port}"), machine, tmp_path, "dash", only("sleep", tmp_path))
    assert (code, said) == (1, "bash, nc or curl is needed to try a port\n")


def only(tool: str, folder: Path) -> str:
    """A PATH with that tool, and what a script cannot do without."""
    found = shutil.which(tool)
    if found is None and tool == "nc":
        found = shutil.which("busybox")
    if found is None:
        pytest.skip(f"{tool} is not installed")
    place = folder / "bin"
    place.mkdir()
    for name, target in ((tool, found), ("sleep", "/bin/sleep"), ("timeout", "/usr/bin/timeout")):
        if not (place / name).exists():
            (place / name).symlink_to(target)
    return str(place)


# ---- URLs


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        code = int(self.path.strip("/"))
        self.send_response(code)
        if code == 302:
            self.send_header("Location", "/200")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None: ...


@pytest.fixture
def site() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("place", "status", "passes"),
    [("200", 0, True), ("204", 0, True), ("302", 0, True), ("404", 0, False), ("404", 404, True), ("200", 204, False)],
)
def test_a_url_answers_as_it_should_or_not(
    machine: Machine, tmp_path: Path, site: str, place: str, status: int, passes: bool
) -> None:
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    code, said = tried(Check(url=f"{site}/{place}", status=status, seconds=1), machine, tmp_path)
    assert code == (0 if passes else 1), said
    assert passes or said == f"{site}/{place}: it answers {place}\n"


def test_a_url_that_nobody_serves_fails_with_the_reason(machine: Machine, tmp_path: Path, closed_port: int) -> None:
    code, said = tried(Check(url=f"http://127.0.0.1:{closed_port}/", seconds=1), machine, tmp_path)
    assert code == 1 and said.startswith(f"http://127.0.0.1:{closed_port}/: ")


def test_wget_is_enough_where_any_success_will_do(machine: Machine, tmp_path: Path, site: str) -> None:
    path = only("wget", tmp_path)
    assert tried(Check(url=f"{site}/200"), machine, tmp_path, "dash", path) == (0, "")
    assert tried(Check(url=f"{site}/404", seconds=1), machine, tmp_path, "dash", path)[0] == 1


# ---- in documents and plans


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("{}", "it says not what to try"),
        ("{tcp: '127.0.0.1:1', url: 'http://x'}", "it has tcp and url; a check is one of them"),
        ("{tcp: '127.0.0.1:65536'}", "127.0.0.1:65536 names no port: they end at 65535"),
        ("{tcp: '-e/bin/sh:80'}", "expected HOST:PORT"),
        ("{tcp: '-e:80'}", "expected HOST:PORT"),
        ("{tcp: '127.0.0.1:1', status: 200}", "status goes with url:"),
        ("{url: 'http://x', directory: ~/src}", "directory goes with command:"),
        ("{url: 'https://u:{{ secrets.token }}@x'}", "{{ secrets.token }} may not stand here"),
        ("{command: [curl, '{{ secrets.token }}']}", "command would hold a secret"),
    ],
)
def test_what_cannot_be_meant_is_refused(reading: Reading, body: str, what: str) -> None:
    with pytest.raises(DocumentError) as error:
        reading(f"secrets: {{token: {{}}}}\nuser: {{checks: {{it: {body}}}}}\n")
    assert what in str(error.value.problems[0])


def test_only_programs_are_a_risk(machine: Machine) -> None:
    items = {"a": Check(command=("true",)), "b": Check(tcp="x:1"), "c": Check(url="http://x")}
    checks = Checks(items=items, options={}, layer=Layer.USER)
    risks = {name: checks.want(name, item).risks for name, item in items.items()}
    assert risks == {"a": {Risk.RUNS_PROGRAM}, "b": frozenset(), "c": frozenset()}


def test_at_rest_nothing_can_be_tried(machine: Machine) -> None:
    from dataclasses import replace

    machine.life = replace(machine.life, at_rest=True)
    plan = machine.plan({ALICE: [Checks(items={"a": Check(tcp="x:1")}, options={}, layer=Layer.USER)]})
    assert [item.state for item in plan.items] == [State.NOT_APPLICABLE]


def test_an_absent_check_is_nothing(machine: Machine, reading: Reading) -> None:
    desired = reading("user: {checks: {it: {absent: true}}}\n")
    from reconciler.resources.assemble import assemble

    plan = machine.plan({ALICE: assemble(desired[ALICE])})
    assert [item.state for item in plan.items] == [State.IN_SYNC]
