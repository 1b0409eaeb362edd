"""The door to this very machine, with real shells."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.agents import PATH
from reconciler.model.errors import UnreachableError
from reconciler.model.transport import Result, Transport
from reconciler.transports.exchange import Limits
from reconciler.transports.local import LocalTransport

Run = Callable[[Transport, str, bytes], Result]


def test_the_script_gets_the_data_and_its_answer_comes_back_whole(run: Run) -> None:
    result = run(LocalTransport(), "cat; echo to-stderr >&2; exit 7", b"data\0\xff\r\n")
    assert (result.code, result.stdout, result.stderr) == (7, b"data\0\xff\r\n", b"to-stderr\n")


def test_much_data_goes_both_ways_at_once(run: Run) -> None:
    data = os.urandom(3_000_000)
    result = run(LocalTransport(), "cat; cat /dev/null", data)
    assert result.stdout == data
    both = run(LocalTransport(), "head -c 2000000 /dev/zero; head -c 2000000 /dev/zero >&2; cat >/dev/null", data)
    assert (len(both.stdout), len(both.stderr)) == (2_000_000, 2_000_000)


def test_a_script_need_not_read_what_it_is_given(run: Run) -> None:
    assert run(LocalTransport(), "exec <&-; echo done", b"x" * 1_000_000).stdout == b"done\n"
    assert run(LocalTransport(), "echo done", b"").stdout == b"done\n"


def test_nothing_of_the_callers_environment_gets_in(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LD_PRELOAD", "BASH_ENV", "ENV", "IFS", "TAR_OPTIONS", "LC_MESSAGES", "GOFLAGS", "LANG"):
        monkeypatch.setenv(name, "/hostile")
    monkeypatch.setenv("PATH", "/hostile")
    monkeypatch.setenv("HOME", "/home/alice")
    monkeypatch.setenv("WSL_INTEROP", "/run/WSL/1_interop")
    lines = run(LocalTransport(), "env", b"").stdout.decode().splitlines()
    variables = dict(line.split("=", 1) for line in lines)
    assert b"hostile" not in run(LocalTransport(), "env", b"").stdout
    assert (variables["PATH"], variables["LC_ALL"], variables["HOME"]) == (PATH, "C", "/home/alice")
    assert variables["WSL_INTEROP"] == "/run/WSL/1_interop"


def test_the_environment_given_is_the_one_there_is(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER", "somebody")
    lines = (
        run(LocalTransport(environment={"PATH": "/usr/bin:/bin", "HOME": "/x"}), "env", b"")
        .stdout.decode()
        .splitlines()
    )
    assert {line for line in lines if not line.startswith(("PWD=", "_=", "SHLVL=", "OLDPWD="))} == {
        "PATH=/usr/bin:/bin", "LC_ALL=C", "HOME=/x",
    }  # fmt: skip


def test_there_is_no_terminal_and_the_folder_is_the_root(run: Run) -> None:
    result = run(LocalTransport(), "pwd; if (: </dev/tty) 2>/dev/null; then echo terminal; else echo none; fi", b"")
    assert result.stdout == b"/\nnone\n"
    session = run(LocalTransport(), "cut -d ' ' -f 1,6,7 /proc/self/stat; echo $$", b"").stdout.split()
    assert session[1] == session[3] != str(os.getsid(0)).encode()
    assert session[2] == b"0"


def test_a_shell_that_is_not_there_is_unreachable(run: Run) -> None:
    with pytest.raises(UnreachableError, match="/no/such/sh cannot be started: No such file or directory"):
        run(LocalTransport(("/no/such/sh",)), "true", b"")


def test_an_answer_without_end_is_cut_and_its_writer_ended(run: Run, tmp_path: Path) -> None:
    door = LocalTransport(limits=Limits(output_bytes=1024 * 1024))
    with pytest.raises(UnreachableError, match="more than 1 MiB"):
        run(door, f"echo $$ >{tmp_path}/pid; while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done", b"")
    assert_ended(int((tmp_path / "pid").read_text()))


@pytest.mark.parametrize("script", ["sleep 60", "exec >&- 2>&-; sleep 60", "while :; do :; done"])
def test_a_script_that_takes_too_long_is_ended(run: Run, tmp_path: Path, script: str) -> None:
    started = time.monotonic()
    with pytest.raises(UnreachableError, match=r"was not done within 0\.3 seconds|closed its streams and runs on"):
        run(LocalTransport(limits=Limits(deadline_seconds=0.3)), f"echo $$ >{tmp_path}/pid; {script}", b"")
    assert time.monotonic() - started < 5
    assert_ended(int((tmp_path / "pid").read_text()))


def test_interrupting_the_caller_ends_the_script(tmp_path: Path) -> None:
    program = (
        "from reconciler.transports.local import LocalTransport\n"
        "exchange = LocalTransport().start()\n"
        f"script = 'echo $$ >{tmp_path}/pid; sleep 60 & echo $! >{tmp_path}/child; wait\\n#whole'\n"
        "exchange.say(f'=reconcile= {len(script)}\\n{script}'.encode())\n"
        "exchange.finish()\n"
    )
    caller = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 10
    while not (tmp_path / "child").exists() or not (tmp_path / "child").read_text().strip():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    caller.send_signal(signal.SIGINT)
    assert caller.wait(10) != 0
    assert_ended(int((tmp_path / "pid").read_text()))
    assert_ended(int((tmp_path / "child").read_text()))


def assert_ended(process: int) -> None:
    deadline = time.monotonic() + 5
    while is_running(process):
        assert time.monotonic() < deadline, "it still runs"
        time.sleep(0.02)


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
