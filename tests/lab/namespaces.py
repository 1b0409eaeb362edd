"""Starts `inside.py` in namespaces of its own and writes its user map."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path

from lab import kernel
from lab.channel import ClosedError, Message, pair, receive, send
from lab.commander import PATH, STEP_SECONDS, Commander, LabError, LabUnavailable

FIRST_OUTER_ID = 1_000_000
IDS = 65_536


class Namespaces:
    """A process 1 of our own, on the runner's root file system but with none of its rights.

    `commander` has programs run in there; `dial()` gives a TCP socket of its network.
    """

    def __init__(self, *, network: bool = True, environment: Mapping[str, str] | None = None) -> None:
        if threading.current_thread() is not threading.main_thread():
            raise LabError("start the lab in the main thread: it dies with the thread that starts it")
        require("ip")
        channel, theirs = pair()
        self._dial, their_dial = pair()
        self.commander = Commander(channel, environment)
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 # closed in close()
        channel.settimeout(STEP_SECONDS)
        self._dial.settimeout(STEP_SECONDS)
        command = [sys.executable, "-B", "-E", "-s", "-m", "lab.inside", str(theirs.fileno()), str(their_dial.fileno())]
        self.process = subprocess.Popen(
            [*command, "network" if network else "no-network"],
            cwd=Path(__file__).parent.parent,
            env={"PATH": PATH},
            pass_fds=(theirs.fileno(), their_dial.fileno()),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._said,
            start_new_session=True,
        )
        theirs.close()
        their_dial.close()
        try:
            self._begin(channel)
        except BaseException:
            self.close()
            raise

    def _begin(self, channel: socket.socket) -> None:
        self._expect(channel, "map me")
        _map_users(self.process.pid)
        send(channel, Message(what="mapped"))
        ready = self._expect(channel, "ready")
        seen = ready.text("user_map")
        if not seen.startswith("0 ") or seen != kernel.user_map(self.process.pid) or seen.split()[1] == "0":
            raise LabError(f"the lab's user map is not what was asked for: {seen}")

    def _expect(self, channel: socket.socket, what: str) -> Message:
        try:
            message = receive(channel)
        except ClosedError:
            self.process.wait(timeout=STEP_SECONDS)
            reason = self.said().splitlines()[-1:] or ["no reason given"]
            raise LabUnavailable(f"user namespaces cannot be used here: {reason[0]}") from None
        assert message.what == what, message
        return message

    def said(self) -> str:
        """What the processes in there complained of."""
        self._said.seek(0)
        return self._said.read().decode(errors="replace").strip()

    def dial(self) -> socket.socket:
        self._dial.send(b"s")
        data, descriptors, _flags, _address = socket.recv_fds(self._dial, 1, 1)
        if not data:
            raise LabError("the lab has ended")
        return socket.socket(fileno=descriptors[0])

    def close(self) -> None:
        self.commander.close()
        self._dial.close()
        try:
            self.process.wait(timeout=STEP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(timeout=STEP_SECONDS)
        self._said.close()


def require(*programs: str) -> None:
    for program in programs:
        if shutil.which(program, path=PATH) is None:
            raise LabUnavailable(f"the program {program} is not installed")


def _map_users(process: int) -> None:
    """Root writes the map itself and needs no line in /etc/subuid; everybody else has newuidmap read theirs."""
    if os.geteuid() == 0:
        for kind in ("uid", "gid"):
            try:
                Path(f"/proc/{process}/{kind}_map").write_text(f"0 {FIRST_OUTER_ID} {IDS}", encoding="ascii")
            except OSError as error:
                raise LabUnavailable(f"this root may not hand out other user ids: {error}") from error
        return
    require("newuidmap", "newgidmap")
    for kind in ("uid", "gid"):
        first = subordinate_ids(Path(f"/etc/sub{kind}"))
        command = [f"new{kind}map", str(process), "0", str(first), str(IDS)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=STEP_SECONDS, check=False)
        if done.returncode != 0:
            raise LabUnavailable(f"{command[0]}: {done.stderr.strip()}")


def subordinate_ids(table: Path) -> int:
    me = pwd.getpwuid(os.geteuid())
    lines = table.read_text(encoding="utf-8").splitlines() if table.exists() else []
    for fields in (line.split(":") for line in lines):
        if len(fields) == 3 and fields[0] in (me.pw_name, str(me.pw_uid)) and int(fields[2]) >= IDS:
            return int(fields[1])
    raise LabUnavailable(f"{table} has no line for {me.pw_name} with {IDS} ids")
