"""The real client as the judge: `ssh -G` says what a configuration means, and what is an error."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from reconciler.model.errors import ReconcileError
from reconciler.transports.ssh.config import ConfigFiles, Destination, Local, Settings, SshConfig

Said = dict[str, list[str]]
ALGORITHMS = ("ciphers", "macs", "kexalgorithms", "hostkeyalgorithms", "pubkeyacceptedalgorithms")
FLAGS = {
    "batchmode": "batch_mode",
    "compression": "compression",
    "hashknownhosts": "hash_known_hosts",
    "identitiesonly": "identities_only",
    "kbdinteractiveauthentication": "kbd_interactive_authentication",
    "passwordauthentication": "password_authentication",
    "pubkeyauthentication": "pubkey_authentication",
    "tcpkeepalive": "tcp_keep_alive",
}
TEXTS = {
    "addressfamily": "address_family",
    "bindaddress": "bind_address",
    "connectionattempts": "connection_attempts",
    "hostkeyalias": "host_key_alias",
    "hostname": "hostname",
    "numberofpasswordprompts": "number_of_password_prompts",
    "port": "port",
    "preferredauthentications": "preferred_authentications",
    "serveralivecountmax": "server_alive_count_max",
    "user": "user",
}


@dataclass(frozen=True)
class Judge:
    """Asks both about the same files. `folder` holds them; ours sees this machine as ssh does."""

    folder: Path
    local: Local

    def write(self, files: Mapping[str, str | bytes]) -> Path:
        """Each `{dir}` in a text is the folder. The first file is the one that both start at."""
        for name, content in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            data = content.replace("{dir}", str(self.folder)).encode() if isinstance(content, str) else content
            path.write_bytes(data)
            path.chmod(0o644)
        return self.folder / next(iter(files))

    def run(self, arguments: Sequence[str], wrapper: Sequence[str] = ()) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [*wrapper, "ssh", *arguments],
            env=dict(self.local.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=120,
        )

    def ssh(self, path: Path | None, destination: Destination, wrapper: Sequence[str] = ()) -> Said | None:
        """What `ssh -G` says; None where it refuses."""
        chosen = [] if path is None else ["-F", str(path)]
        done = self.run(["-G", *chosen, *options(destination), "--", destination.host], wrapper)
        return said(done.stdout.decode(errors="surrogateescape")) if done.returncode == 0 else None

    def ours(self, files: ConfigFiles, destination: Destination, local: Local | None = None) -> Settings | None:
        """What we say; None where we refuse."""
        try:
            return SshConfig(files, local or self.local).resolve(destination)
        except ReconcileError as error:
            assert all(problem.what for problem in error.problems)
            return None

    def agree(self, files: Mapping[str, str | bytes], destination: Destination | None = None) -> Settings | None:
        """Both say the same. What that is."""
        path, destination = self.write(files), destination or Destination(host="web")
        theirs = self.ssh(path, destination)
        ours = self.ours(ConfigFiles(user=str(path), system=None), destination)
        self.compare(ours, theirs, self.local.home)
        return ours

    def compare(self, ours: Settings | None, theirs: Said | None, home: str) -> None:
        """`home` is the one that they know."""
        if ours is None or theirs is None:
            assert (ours is None) == (theirs is None), (ours, theirs)
            return
        assert in_their_words(ours, self.local.home, home) == in_few_words(theirs, ours, self.local, home)


def options(destination: Destination) -> list[str]:
    given = {
        "-l": destination.user,
        "-p": destination.port,
        "-i": destination.identity_file,
        "-J": destination.proxy_jump,
    }
    return [word for option, value in given.items() if value is not None for word in (option, str(value))]


def said(text: str) -> Said:
    result: Said = {}
    for line in text.split("\n"):
        keyword, _, value = line.partition(" ")
        result.setdefault(keyword.lower(), []).append(value)
    return result


def in_their_words(ours: Settings, home: str, their_home: str) -> dict[str, object]:
    result: dict[str, object] = {}
    for keyword, name in TEXTS.items():
        value = getattr(ours, name)
        result[keyword] = "" if value is None else str(value)
    result |= {keyword: getattr(ours, name) for keyword, name in FLAGS.items()}
    result |= {
        "certificatefile": ours.certificate_files,
        "connecttimeout": ours.connect_timeout_seconds,
        "globalknownhostsfile": " ".join(ours.global_known_hosts_files),
        "identityagent": ours.identity_agent,
        "identityfile": ours.identity_files,
        "proxycommand": ours.proxy_command,
        "proxyjump": jump_text(ours.proxy_jump),
        "serveraliveinterval": ours.server_alive_interval_seconds,
        "userknownhostsfile": " ".join(ours.user_known_hosts_files),
    }
    result |= {keyword: algorithms(ours, keyword) for keyword in ALGORITHMS if algorithms(ours, keyword)}
    return {keyword: relocated(value, home, their_home) for keyword, value in result.items()}


def relocated(value: object, home: str, their_home: str) -> object:
    if isinstance(value, tuple):
        return tuple(relocated(part, home, their_home) for part in value)
    return value.replace(home, their_home) if isinstance(value, str) and home != their_home else value


def in_few_words(theirs: Said, ours: Settings, local: Local, home: str) -> dict[str, object]:
    """What they say, without what we do not promise and with what they expand only later."""

    def one(keyword: str) -> str:
        return theirs.get(keyword, [""])[0]

    def paths(keyword: str) -> tuple[str, ...]:
        texts = (text for text in theirs.get(keyword, []) if text.lower() != "none")
        return tuple(dict.fromkeys(re.sub("^~/+", f"{home}/", text) for text in texts))

    # Both kinds are gone from OpenSSH 10, and unknown to paramiko.
    identities = tuple(
        path for path in paths("identityfile") if path not in (f"{home}/.ssh/id_xmss", f"{home}/.ssh/id_dsa")
    )
    agent = one("identityagent") or "SSH_AUTH_SOCK"
    if agent == "SSH_AUTH_SOCK" or agent.startswith("$"):
        agent = local.environment.get(agent.removeprefix("$"), "none")
    timeout = one("connecttimeout")
    keeps_alive = 0 if ours.batch_mode and one("serveraliveinterval") == "300" else int(one("serveraliveinterval"))
    command = one("proxycommand")
    for token, value in {"h": ours.hostname, "p": str(ours.port), "r": ours.user, "n": ours.alias, "%": "%"}.items():
        command = command.replace(f"%{token}", value)
    result: dict[str, object] = {keyword: one(keyword) for keyword in TEXTS}
    result |= {keyword: one(keyword) not in ("no", "false", "") for keyword in FLAGS}
    result |= {
        "certificatefile": paths("certificatefile"),
        "connecttimeout": None if timeout in ("none", "0") else int(timeout),
        "globalknownhostsfile": re.sub("(^| )~/", rf"\1{home}/", none_is_empty(one("globalknownhostsfile"))),
        "identityagent": None if agent == "none" else agent,
        "identityfile": identities,
        "proxycommand": command or None,
        "proxyjump": one("proxyjump") or None,
        # Debian's has an interval of its own for BatchMode.
        "serveraliveinterval": keeps_alive,
        "userknownhostsfile": none_is_empty(one("userknownhostsfile")),
    }
    return result | {keyword: one(keyword) for keyword in ALGORITHMS if algorithms(ours, keyword)}


def none_is_empty(text: str) -> str:
    return "" if text == "none" else text


def algorithms(ours: Settings, keyword: str) -> str | None:
    """A list that stands for itself; theirs is expanded."""
    text = {
        "ciphers": ours.ciphers,
        "macs": ours.macs,
        "kexalgorithms": ours.kex_algorithms,
        "hostkeyalgorithms": ours.host_key_algorithms,
        "pubkeyacceptedalgorithms": ours.pubkey_accepted_algorithms,
    }[keyword]
    return None if text is None or text[:1] in "+-^" else text


def jump_text(hop: Destination | None) -> str | None:
    if hop is None:
        return None
    is_address = ":" in hop.host or not hop.host.strip("0123456789.")
    host = f"[{hop.host}]" if is_address else hop.host
    before = f"{hop.proxy_jump}," if hop.proxy_jump else ""
    return f"{before}{f'{hop.user}@' if hop.user else ''}{host}{f':{hop.port}' if hop.port else ''}"


@pytest.fixture(scope="session")
def ssh() -> str:
    found = shutil.which("ssh")
    if not found:
        pytest.skip("there is no ssh to compare with")
    return found


@pytest.fixture
def judge(ssh: str, tmp_path: Path) -> Judge:
    folder = tmp_path / "files"
    folder.mkdir()
    return Judge(folder, here())


def here() -> Local:
    account = pwd.getpwuid(os.getuid())
    return Local(
        user=account.pw_name,
        uid=account.pw_uid,
        gid=account.pw_gid,
        home=account.pw_dir,
        hostname=socket.gethostname(),
        environment={
            "PATH": os.environ["PATH"],
            "HOME": account.pw_dir,
            "SSH_AUTH_SOCK": "/run/agent.sock",
            "OTHER_SOCK": "/run/other.sock",
            "SITE": "lab",
        },
    )
