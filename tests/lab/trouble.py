"""What hostile and unlucky tests share: many ways to machines in one document, servers that are none, pauses, a census."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.fixtures import not_here
from lab.machines import Lab, LabUnavailable, Machine
from lab.office import Office, Ran
from lab.relay import Door

_CONTROLS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


@dataclass(frozen=True, kw_only=True)
class Way:
    """How one workstation of the document is reached. `known` is its key as known_hosts has it, None: not at all;
    `ssh` goes into the document's `ssh:`, `beside` stands beside that, `config` goes into the person's ssh_config."""

    host: str
    port: int
    user: str = "root"
    known: str | None = None
    ssh: str = ""
    beside: str = ""
    config: str = ""


def way(
    machine: Machine, user: str = "root", *, door: Door | None = None, ssh: str = "", beside: str = "", config: str = ""
) -> Way:
    return Way(
        host=machine.host if door is None else door.host,
        port=machine.port if door is None else door.port,
        user=user,
        known=machine.host_keys[0],
        ssh=ssh,
        beside=beside,
        config=config,
    )


def declare(office: Office, ways: Mapping[str, Way], body: str) -> None:
    """A workstation for each, under an alias `NAME.lab`, so that several may lead to one machine."""
    lines, config, known = ["version: 1", "workstations:"], "", ""
    for name, each in ways.items():
        lines.append(f"  {name}: {{ssh: {{host: {name}.lab, user: {each.user}{each.ssh}}}{each.beside}}}")
        config += f"Host {name}.lab\n HostName {each.host}\n Port {each.port}\n HostKeyAlias {name}.lab\n"
        config += f" ConnectTimeout 3\n {each.config}\n"
        known += f"{name}.lab {each.known}\n" if each.known else ""
    (office.ssh / "config").write_text(config)
    (office.ssh / "known_hosts").write_text(known)
    (office.repo / "reconcile.yaml").write_text("\n".join([*lines, body]), encoding="utf-8")


# What came of it.


def assert_is_plain(ran: Ran) -> None:
    """Nothing in the output acts on a terminal, and nobody is shown our own source."""
    for text in (ran.out, ran.err):
        assert not _CONTROLS.search(text), repr(text)
        assert "Traceback" not in text, text


def section(ran: Ran, workstation: str) -> str:
    """What the plan said of it below the line with its target, with blanks run together."""
    found = re.search(rf"\n{workstation}/main[/ ](.*?)(?=\n\n|\Z)", ran.out, re.DOTALL)
    assert found, f"nothing is said of {workstation}:\n{ran.out}{ran.err}"
    return _on_one_line(found[1])


def fate(ran: Ran, workstation: str) -> str:
    """The words of the result for its changes, of a run with several workstations: `done /root/mine ~/mine`."""
    result = ran.out.rpartition("\nPlan: ")[2]
    return _on_one_line(" ".join(re.findall(rf"\n{workstation}/main(?:/\S+)?\n(.*?)(?=\n\n|\Z)", result, re.DOTALL)))


def _on_one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def census(machine: Machine, *without: str) -> bytes:
    """Every file with its mode, owner, size, times and content, where machines keep what lasts."""
    leave = "".join(f" ! -path '{folder}' ! -path '{folder}/*'" for folder in without)
    here = 'for each in /etc /home /root /var/lib; do [ ! -d $each ] || set -- "$@" $each; done'
    look = f'find "$@"{leave}'
    command = f"{here}; {look} -exec stat -c '%n %f %u %g %s %Y %z' {{}} +; {look} -type f -exec sha256sum {{}} +"
    return machine.commander.succeed(["/bin/sh", "-c", command])


# Pauses: the scripts look for programs in /usr/local/sbin first.


class Pause:
    """Holds every use of a program on a machine from `machine.hold` on, until it is let go."""

    def __init__(self, machine: Machine, program: str, *, skip: int = 0) -> None:
        """The first `skip` uses go through."""
        self.machine, self.program = machine, program
        found = machine.commander.succeed(["/bin/sh", "-c", f"command -v {program}"]).decode().strip()
        script = (
            "#!/bin/sh\n"
            f"if [ -e /run/hold-{program} ]; then echo >>/run/used-{program}; "
            f'if [ "$(wc -l </run/used-{program})" -gt {skip} ]; then echo >/run/held-{program}; '
            f"while [ -e /run/hold-{program} ]; do sleep 0.05; done; fi; fi\n"
            f'exec {found} "$@"\n'
        )
        machine.write(f"/usr/local/sbin/{program}", script, mode=0o755)
        machine.write(f"/run/used-{program}", "", mode=0o666)
        machine.write(f"/run/hold-{program}", "")
        machine.commander.succeed(["chmod", "1777", "/run"])

    def wait(self, seconds: float = 20.0) -> None:
        """Until somebody is held."""
        until = time.monotonic() + seconds
        while self.machine.run(["test", "-e", f"/run/held-{self.program}"]).code:
            assert time.monotonic() < until, f"{self.program} was never used on {self.machine.name}"
            time.sleep(0.02)

    def let_go(self) -> None:
        self.machine.commander.succeed(["rm", "-f", f"/run/hold-{self.program}", f"/usr/local/sbin/{self.program}"])


def at_the_third_switch(machine: Machine) -> Pause:
    """Holds what exchanges files there: it is tried once, then used for each file; or what stands in for it."""
    look = (
        "command -v exch >/dev/null && echo exch && exit; mv --help 2>&1 | grep -q -e --exchange && echo mv && exit; "
        "command -v perl >/dev/null && echo perl && exit; echo ln"
    )
    found = machine.commander.succeed(["/bin/sh", "-c", look]).decode().strip()
    return Pause(machine, found, skip=2 if found == "ln" else 3)


def scripts_on(machine: Machine) -> list[str]:
    """The command lines there that are part of our work."""
    look = (
        "for folder in /proc/[0-9]*; do tr '\\0' ' ' <$folder/cmdline 2>/dev/null; echo; done | "
        "grep -e reconcile | grep -v grep || :"
    )
    return machine.commander.succeed(["/bin/sh", "-c", look]).decode().splitlines()


def processes_of(office: Office) -> list[str]:
    """Of this computer, those whose environment comes from that office."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                if f"HOME={office.environment['HOME']}\0".encode() in (folder / "environ").read_bytes():
                    found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
    return [words for words in found if words]


def wait_until(holds: Callable[[], bool], seconds: float = 5.0) -> bool:
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


# Servers that are none.


class Impostor:
    """Listens on this computer and does to each connection what it was made for."""

    def __init__(self, behave: Callable[[socket.socket], None]) -> None:
        self._behave = behave
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self._meet, args=[self._listener.accept()[0]], daemon=True).start()

    def _meet(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            connection.settimeout(20)
            self._behave(connection)

    def way(self) -> Way:
        return Way(host="127.0.0.1", port=self.port, known="ssh-ed25519 " + "A" * 68)

    def close(self) -> None:
        self._listener.close()


def says(text: bytes, *, ends: bool = False) -> Callable[[socket.socket], None]:
    def behave(connection: socket.socket) -> None:
        connection.sendall(text)
        if not ends:
            _listen(connection)

    return behave


def floods(connection: socket.socket) -> None:
    """100 MB without a line end."""
    for _ in range(100):
        connection.sendall(b"x" * 1_000_000)
    _listen(connection)


def drips(connection: socket.socket) -> None:
    """A byte now and then, for longer than anybody waits."""
    for byte in b"SSH-2.0-" + b"z" * 120:
        connection.sendall(bytes([byte]))
        time.sleep(0.1)


def _listen(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


def boot(lab: Lab, root: str = "bookworm", **options: object) -> Machine:
    """For fixtures that last longer than a test."""
    try:
        return lab.machine(root, **options)  # type: ignore[arg-type]
    except LabUnavailable as error:
        not_here(error)
