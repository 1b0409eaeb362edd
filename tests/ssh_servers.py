"""Real SSH servers on this machine, for whoever runs the tests, and servers that misbehave: fixtures of several folders."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from reconciler.transports.exchange import Limits
from reconciler.transports.ssh.config import ConfigFiles, Destination, Local, Settings, SshConfig
from reconciler.transports.ssh.questions import Ask
from reconciler.transports.ssh.transport import LoginPassword, SshClient, SshTransport, nobody

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:" + os.environ.get("PATH", ""))
USER = getpass.getuser()


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Private keys by name, each made once for all tests: `keys("host", kind="rsa")`."""
    folder = tmp_path_factory.mktemp("keys")

    def key(name: str, *, kind: str = "ed25519", passphrase: str = "", form: str = "OPENSSH") -> Path:
        path = folder / f"{name}-{kind}-{form}{'-locked' * bool(passphrase)}"
        if not path.exists():
            words = ["-q", "-t", kind, "-N", passphrase, "-C", name, "-f", str(path)]
            if form != "OPENSSH":
                words += ["-m", form]
            if kind == "rsa":
                words += ["-b", "2048"]
            subprocess.run(["ssh-keygen", *words], check=True, stdin=subprocess.DEVNULL)
        return path

    return key


def public(path: Path) -> str:
    return path.with_name(path.name + ".pub").read_text().strip()


@dataclass
class Server:
    port: int
    process: subprocess.Popen[bytes]
    folder: Path
    host_keys: tuple[Path, ...]

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def known_line(self, key: Path, name: str | None = None) -> str:
        kind, blob, *_ = public(key).split()
        return f"{name or f'[127.0.0.1]:{self.port}'} {kind} {blob}\n"

    def connections(self) -> int:
        return self.log.count("Connection from ")

    def freeze(self) -> None:
        """All its processes: the one that listens and those of its connections."""
        for process in self._tree():
            os.kill(process, signal.SIGSTOP)

    def stop(self) -> None:
        for process in self._tree():  # sshd before its commands, so that it does not tell of their end
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self.process.wait()

    def _tree(self) -> list[int]:
        found, index = [self.process.pid], 0
        while index < len(found):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                for task in Path(f"/proc/{found[index]}/task").iterdir():
                    found += [int(child) for child in (task / "children").read_text().split()]
            index += 1
        return found


@pytest.fixture
def start_sshd(tmp_path: Path, keys: Callable[..., Path]) -> Iterator[Callable[..., Server]]:
    """`start_sshd("MaxAuthTries 2", host_keys=[…], authorized=[…])`."""
    servers: list[Server] = []
    if SSHD is None:
        pytest.skip("sshd is not installed")

    def start(
        *lines: str, host_keys: tuple[Path, ...] | None = None, authorized: tuple[Path, ...] | None = None
    ) -> Server:
        host_keys = (keys("host"),) if host_keys is None else host_keys
        folder = tmp_path / f"sshd-{len(servers)}"
        folder.mkdir()
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # as its service does
        authorized = (keys("user"),) if authorized is None else authorized
        (folder / "authorized_keys").write_text("".join(f"{public(key)}\n" for key in authorized))
        (folder / "home").mkdir()
        port = free_port()
        config = [
            *lines,
            f"ListenAddress 127.0.0.1:{port}",
            *(f"HostKey {key}" for key in host_keys),
            f"AuthorizedKeysFile {folder}/authorized_keys",
            f"SetEnv HOME={folder}/home",  # the person's own .bashrc is none of these tests' business
            "UsePAM no",
            "StrictModes no",
            "PidFile none",
            "LogLevel VERBOSE",
            "MaxStartups 200",
        ]
        (folder / "config").write_text("\n".join(config) + "\n")
        words = [SSHD, "-D", "-f", f"{folder}/config", "-E", f"{folder}/log"]
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        servers.append(Server(port=port, process=process, folder=folder, host_keys=host_keys))
        wait_until_it_listens(servers[-1])
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_it_listens(server: Server) -> None:
    until = time.monotonic() + 10
    while "Server listening" not in ((server.folder / "log").read_text() if (server.folder / "log").exists() else ""):
        assert time.monotonic() < until and server.process.poll() is None, "sshd does not come up"
        time.sleep(0.01)


@dataclass
class Place:
    """Someone's ssh_config and known_hosts, and the doors that come of them."""

    folder: Path
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    clients: list[SshClient] = field(default_factory=list)

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    @property
    def config_file(self) -> Path:
        return self.folder / "config"

    def host(self, name: str, server: Server | int, key: Path | None, *lines: str, known: bool = True) -> None:
        """Adds a host to the config, and its keys to known_hosts."""
        port = server if isinstance(server, int) else server.port
        words = [*lines, "HostName 127.0.0.1", f"Port {port}"]
        words += [f"IdentityFile {key}"] if key else ["IdentityFile none"]
        self.write(f"Host {name}\n" + "".join(f"  {word}\n" for word in words))
        if known and isinstance(server, Server):
            self.know(*(server.known_line(key) for key in server.host_keys))

    def write(self, text: str) -> None:
        common = f"UserKnownHostsFile {self.known_hosts}\nGlobalKnownHostsFile none\nIdentityAgent none\n"
        before = self.config_file.read_text() if self.config_file.exists() else f"Host *\n{common}"
        self.config_file.write_text(text + before)

    def know(self, *lines: str) -> None:
        with self.known_hosts.open("a") as file:
            file.write("".join(lines))

    @property
    def local(self) -> Local:
        return Local(
            user=USER,
            uid=os.getuid(),
            gid=os.getgid(),
            home=str(self.folder),
            hostname="here",
            environment=self.environment,
        )

    def route(self, name: str) -> tuple[Settings, ...]:
        return SshConfig(ConfigFiles(user=str(self.config_file), system=None), self.local).route(Destination(host=name))

    def settings(self, name: str) -> Settings:
        return self.route(name)[-1]

    def client(self, ask: Ask = nobody, login_password: LoginPassword = lambda settings: None) -> SshClient:
        self.clients.append(SshClient(self.local, ask, login_password))
        return self.clients[-1]

    def door(self, name: str, client: SshClient | None = None, limits: Limits | None = None) -> SshTransport:
        client = client or self.client()
        return client.transport(self.route(name), limits or Limits(silence_seconds=10, deadline_seconds=20))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    folder = tmp_path / "person"
    folder.mkdir()
    place = Place(folder)
    yield place
    for client in place.clients:
        client.close()


@pytest.fixture
def server_that() -> Iterator[Callable[[Callable[[socket.socket], None]], int]]:
    """The port of a server that does something to every connection, in a thread of its own."""
    listeners: list[socket.socket] = []

    def start(behaves: Callable[[socket.socket], None]) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def one(connection: socket.socket) -> None:
            with contextlib.suppress(OSError, EOFError), connection:
                behaves(connection)

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    threading.Thread(target=one, args=(connection,), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        return int(listener.getsockname()[1])

    yield start
    for listener in listeners:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """The socket of a real ssh-agent that holds keys."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(*held: Path, words: tuple[str, ...] = ()) -> str:
        path = f"/tmp/reconcile-test-agent-{os.getpid()}-{len(processes)}"
        processes.append(subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.DEVNULL))
        until = time.monotonic() + 5
        while not Path(path).exists():
            assert time.monotonic() < until
            time.sleep(0.01)
        for key in held:
            add = ["ssh-add", "-q", *words, str(key)]
            subprocess.run(add, env={**os.environ, "SSH_AUTH_SOCK": path}, check=True, stdin=subprocess.DEVNULL)
        return path

    yield start
    for process in processes:
        process.terminate()
        process.wait()
