"""What OpenSSH learned after 9.2; nothing here can be asked of Debian 12's ssh."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.model.errors import ReconcileError
from reconciler.transports.ssh.config import ConfigFiles, Destination, Local, Settings, SshConfig


@pytest.fixture
def settings(tmp_path: Path) -> Callable[[str], Settings]:
    def resolve(text: str, **given: str) -> Settings:
        path = tmp_path / ".ssh" / "config"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(0o600)
        local = Local(
            user="me", uid=os.getuid(), gid=0, home=str(tmp_path), hostname="here", environment={"SITE": "lab"}
        )
        return SshConfig(ConfigFiles(user=str(path), system=None), local).resolve(Destination(host="web", **given))

    return resolve


@pytest.mark.parametrize(
    ("text", "port"),
    {
        "Tag blue\nMatch tagged blue,red\n Port 1\n": 1,
        "Tag green\nMatch tagged=blue\n Port 1\n": 22,
        'Match tagged ""\n Port 1\n': 1,
        'Tag x\nMatch tagged ""\n Port 1\n': 22,
        "Match !tagged blue\n Port 1\n": 1,
        "Match sessiontype exec\n Port 1\n": 1,
        "Match sessiontype=shell,subsystem\n Port 1\n": 22,
        "Match host 'web'\n Port 1\n": 1,
        'Match exec "test \\"a b\\" = \'a b\'"\n Port 1\n': 1,
        "Match !final\n Port 1\nMatch canonical\n Compression yes\n": 1,
        "ObscureKeystrokeTiming no\nWarnWeakCrypto no\nVersionAddendum x\nPort 3\n": 3,
        "Host other\n RefuseConnection never\nHost web\n Port 3\n": 3,
    }.items(),
)
def test_a_block_counts(settings, text: str, port: int) -> None:
    found = settings(text)
    assert found.port == port and not found.compression and not found.remarks


def test_a_refused_connection_is_an_error(settings) -> None:
    with pytest.raises(ReconcileError, match="RefuseConnection use the other one"):
        settings("Host web\n RefuseConnection 'use the other one'\n")


def test_an_include_is_expanded(settings, tmp_path: Path) -> None:
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab/ops").write_text("Port 4\n")
    assert settings(f"User ops\nInclude {tmp_path}/${{SITE}}/%r\n").port == 4


def test_a_user_is_expanded_where_it_is_written_in_the_file(settings) -> None:
    assert settings("User %u-${SITE}\n").user == "me-lab"
    assert settings("User %u\n", user="a%b").user == "a%b"


def test_jump_tokens(settings) -> None:
    found = settings("User ops\nProxyJump %r-gate,x-%n:2\nUserKnownHostsFile /k/%j\n")
    assert found.proxy_jump and (found.proxy_jump.host, found.proxy_jump.proxy_jump) == ("x-web", "ops-gate")
    assert found.user_known_hosts_files == ("/k/x-%n",)


@pytest.mark.parametrize("criterion", ("localnetwork 10.0.0.0/8", "version OpenSSH_9*", "command rsync*", "!command x"))
def test_what_only_ssh_can_tell_is_named(settings, criterion: str) -> None:
    found = settings(f"Match host web {criterion}\n Port 1\n")
    assert found.port == 22
    [remark] = found.remarks
    assert f"{remark.keyword} {remark.value}" == f"Match {criterion.removeprefix('!')}"
    assert str(remark.origin) == "~/.ssh/config:1:1"


def test_a_remark_of_an_empty_value_reads_well(settings) -> None:
    [remark] = settings('Match command ""\n Port 1\n').remarks
    assert remark.problem.what == "Match command is not honoured"


def test_what_only_ssh_can_tell_is_not_named_for_others(settings) -> None:
    assert not settings("Match localnetwork 10.0.0.0/8 host other\n Port 1\n").remarks
