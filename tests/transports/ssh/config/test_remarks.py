"""A directive that ssh would follow and we do not is named; what makes no difference is not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.model.errors import Problem
from reconciler.model.tree import Origin
from reconciler.transports.ssh.config import ConfigFiles, Destination, Local, Remark, SshConfig
from reconciler.transports.ssh.config.keywords import ALIASES, FORMS, HARMLESS, HONOURED, NAMED, WITHOUT_MEANING


@pytest.fixture
def remarks(tmp_path: Path) -> Callable[..., list[str]]:
    """The remarks for `web`, as `Keyword value`."""

    def find(text: str, system: str = "", host: str = "web") -> list[str]:
        config = make(tmp_path, text, system)
        return [f"{remark.keyword} {remark.value}" for remark in config.resolve(Destination(host=host)).remarks]

    return find


def make(folder: Path, text: str, system: str = "") -> SshConfig:
    (folder / ".ssh").mkdir(exist_ok=True)
    for name, content in ((".ssh/config", text), ("ssh_config", system)):
        (folder / name).write_text(content)
        (folder / name).chmod(0o600)
    local = Local(user="me", uid=os.getuid(), gid=0, home=str(folder), hostname="here")
    return SshConfig(ConfigFiles(user=str(folder / ".ssh/config"), system=str(folder / "ssh_config")), local)


def test_each_keyword_has_one_fate() -> None:
    assert len(FORMS) == len(HONOURED) + len(HARMLESS) + len(NAMED)
    assert not (set(ALIASES) | WITHOUT_MEANING) & set(FORMS)
    assert set(ALIASES.values()) <= set(FORMS)
    assert all(harmless.why for harmless in HARMLESS.values())


def test_every_keyword_that_this_ssh_knows_is_decided(ssh: str) -> None:
    text = subprocess.run([ssh, "-G", "-F", "none", "x"], capture_output=True, text=True, check=True).stdout
    known = {line.split()[0].lower() for line in text.splitlines()} - {"host"}
    assert len(known) > 60
    assert known <= set(FORMS)


def test_what_is_not_honoured_is_named_with_its_place_and_a_way_out(tmp_path: Path) -> None:
    config = make(tmp_path, "Host *\n  BindInterface eth0\n")
    [remark] = config.resolve(Destination(host="web")).remarks
    assert remark == Remark(keyword="BindInterface", value="eth0", origin=Origin("~/.ssh/config", 2, 3))
    assert remark.problem == Problem(
        "BindInterface eth0 is not honoured", remark.origin, fix="where it matters, write  ssh: {client: openssh}"
    )
    assert config.resolve(Destination(host="other")).remarks == (remark,)


@pytest.mark.parametrize(
    "line",
    (
        *(
            "ForwardAgent yes",
            "ForwardAgent /run/x",
            "Tunnel ethernet",
            "HostbasedAuthentication yes",
            "CheckHostIP yes",
        ),
        *("GSSAPIAuthentication yes", "GSSAPIKeyExchange yes", "VerifyHostKeyDNS ask", "KnownHostsCommand /bin/x %h"),
        *("StrictHostKeyChecking no", "StrictHostKeyChecking off", "StrictHostKeyChecking accept-new"),
        *("PKCS11Provider /lib/x.so", "RevokedHostKeys /x", "RequiredRSASize 4096", "ProxyUseFdpass yes"),
        *(
            "RemoteForward 8080 localhost:80",
            "NoHostAuthenticationForLocalhost yes",
            "CASignatureAlgorithms ssh-ed25519",
        ),
        *("ChannelTimeout session=5m", "SecurityKeyProvider /lib/x.so"),
    ),
)
def test_named(remarks, line: str) -> None:
    assert remarks(line) == [line]
    assert remarks(f"Host other\n {line}") == []


@pytest.mark.parametrize(
    "line",
    (
        *(
            "ForwardAgent no",
            "Tunnel no",
            "StrictHostKeyChecking yes",
            "StrictHostKeyChecking ASK",
            "CheckHostIP false",
        ),
        *("VerifyHostKeyDNS no", "KnownHostsCommand none", "PKCS11Provider NONE", "SecurityKeyProvider internal"),
        *("VisualHostKey yes", "LogLevel DEBUG3", "ForwardX11 yes", "SendEnv LANG", "ControlMaster auto", "SetEnv A=b"),
        *(
            "AddKeysToAgent yes",
            "LocalForward 8080 localhost:80",
            "DynamicForward 1080",
            "RemoteCommand tmux",
            "IPQoS ef",
        ),
        *("LocalCommand /bin/x", "CanonicalDomains example.org", "CanonicalizeHostname yes", "RequestTTY force"),
    ),
)
def test_not_named(remarks, line: str) -> None:
    assert remarks(line) == []


def test_some_are_named_only_beside_others(remarks) -> None:
    assert remarks("LocalCommand /bin/x\nPermitLocalCommand yes") == ["LocalCommand /bin/x"]
    canonical = "CanonicalDomains example.org\nCanonicalizeHostname"
    assert remarks(f"{canonical} yes") == ["CanonicalDomains example.org"]
    assert remarks(f"{canonical} yes\nProxyJump gate") == []
    assert remarks(f"{canonical} always\nProxyJump gate") == ["CanonicalDomains example.org"]
    assert remarks("CanonicalizeHostname yes", host="web.") == ["CanonicalizeHostname yes"]


def test_only_the_first_value_is_named(remarks) -> None:
    assert remarks("ForwardAgent no\nForwardAgent yes") == []
    assert remarks("ForwardAgent yes\nForwardAgent no") == ["ForwardAgent yes"]


def test_kerberos_is_named_only_where_somebody_asked_for_it(remarks) -> None:
    """Debian's own file asks for it on every machine."""
    assert remarks("", "GSSAPIAuthentication yes") == []
    assert remarks("GSSAPIAuthentication yes", "GSSAPIAuthentication yes") == ["GSSAPIAuthentication yes"]


def test_debians_own_file_gives_no_remark(remarks) -> None:
    assert (
        remarks(
            "",
            "Include /etc/ssh/ssh_config.d/none*.conf\nHost *\n SendEnv LANG LC_*\n HashKnownHosts yes\n GSSAPIAuthentication yes",
        )
        == []
    )


def test_planning_stays_lean() -> None:
    probe = "import sys, reconciler.transports.ssh.config; print([n for n in %r if n in sys.modules])"
    heavy = ("paramiko", "socket", "subprocess", "getpass", "asyncio", "difflib")
    done = subprocess.run([sys.executable, "-c", probe % (heavy,)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_files_are_read_once_for_many_hosts(tmp_path: Path) -> None:
    config = make(tmp_path, "Include more\nHost h1\n Port 1\n")
    (tmp_path / ".ssh/more").write_text("User x\n")
    assert config.resolve(Destination(host="h1")).port == 1
    (tmp_path / ".ssh/config").unlink()
    (tmp_path / ".ssh/more").unlink()
    assert config.resolve(Destination(host="h1")).user == "x"
