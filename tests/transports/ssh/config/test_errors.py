"""What is wrong is said with its place and the fix, and nothing hangs or grows without end."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.model.errors import Problem, ReconcileError
from reconciler.model.tree import Origin
from reconciler.transports.ssh.config import ConfigFiles, Destination, Local, SshConfig, commands, sources
from yardstick import yardsticks

ME = Local(
    user="me",
    uid=os.getuid(),
    gid=os.getgid(),
    home="/home/me",
    hostname="here.example",
    environment={"PATH": os.environ["PATH"]},
)
WEB = Destination(host="web")


@pytest.fixture
def config(tmp_path: Path) -> Callable[..., SshConfig]:
    """The user's file with some text, in a home of its own."""

    def make(text: str | bytes, local: Local = ME) -> SshConfig:
        path = tmp_path / ".ssh" / "config"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(0o600)
        return SshConfig(ConfigFiles(user=str(path), system=None), replace(local, home=str(tmp_path)))

    return make


def problems(config: SshConfig, destination: Destination = WEB) -> tuple[Problem, ...]:
    with pytest.raises(ReconcileError) as caught:
        config.resolve(destination)
    assert caught.value.exit_code == 1
    return caught.value.problems


def test_all_that_is_wrong_is_named_at_once_with_its_place(config) -> None:
    found = problems(config("Prot 22\nHost x\n  Port no\n\tCompression maybe\nUser 'a\nMatch rain\nUser\nPort 1 2\n"))
    assert [(str(problem.origin), problem.what) for problem in found] == [
        ("~/.ssh/config:1:1", "Prot is no keyword of ssh_config"),
        ("~/.ssh/config:3:3", "Port is 'no', which is no port from 1 to 65535"),
        ("~/.ssh/config:4:2", "Compression is 'maybe'; it can be yes or no"),
        ("~/.ssh/config:5:1", "User has a quote that is not closed"),
        ("~/.ssh/config:6:1", "Match has 'rain', which is no criterion"),
        ("~/.ssh/config:7:1", "User lacks its value"),
        ("~/.ssh/config:8:1", "Port takes one value; '2' is too much"),
    ]
    assert found[0].fix == "did you mean port? if only another program knows it, write  IgnoreUnknown Prot  above"


def test_a_value_that_cannot_be_expanded_is_named_where_it_stands(config) -> None:
    [problem] = problems(config("\nUserKnownHostsFile /x/${NO_SUCH}\n"))
    assert (str(problem.origin), problem.what) == (
        "~/.ssh/config:2:1",
        "'/x/${NO_SUCH}': the environment has no NO_SUCH",
    )
    [problem] = problems(config("ProxyCommand nc %z\n"))
    assert problem.what == "%z in 'nc %z' means nothing here"
    assert problem.fix == "what may stand here: %% %h %k %n %p %r"


def test_a_file_that_others_may_write_is_refused_by_name(config, tmp_path: Path) -> None:
    own = config("Include more\n")
    (tmp_path / ".ssh/more").write_text("Port 1\n")
    (tmp_path / ".ssh/more").chmod(0o602)
    [problem] = problems(own)
    assert str(problem.origin) == "~/.ssh/config:1:1"
    assert problem.what.startswith("~/.ssh/more belongs to somebody else, or others may write it")
    assert problem.fix and problem.fix.startswith("chmod go-w ~/.ssh/more")


def test_a_pipe_is_refused_instead_of_waited_for(config, tmp_path: Path) -> None:
    own = config("Include pipe\n")
    os.mkfifo(tmp_path / ".ssh/pipe", 0o600)
    assert problems(own)[0].what == "~/.ssh/pipe is a pipe, not a file"


def test_a_file_of_more_than_a_mebibyte_is_refused(config) -> None:
    assert config(b"#" * sources.LARGEST_FILE_BYTES).resolve(WEB).port == 22
    assert "at most 1,048,576 are read" in problems(config(b"#" * (sources.LARGEST_FILE_BYTES + 1)))[0].what


def test_a_file_that_cannot_be_opened_is_named(config, tmp_path: Path) -> None:
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh/loop").symlink_to("loop")
    assert problems(config("Include loop\n"))[0].what.startswith("~/.ssh/loop cannot be read: Too many levels")


def test_a_link_that_leads_nowhere_is_no_file(config, tmp_path: Path) -> None:
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh/gone").symlink_to("nowhere")
    assert config("Include gone\nPort 5\n").resolve(WEB).port == 5


def test_files_that_include_each_other_end(config, tmp_path: Path) -> None:
    own = config("Include [ab]*\n")
    for name in ("a1", "b1"):
        (tmp_path / ".ssh" / name).write_text("Include [ab]*\n")
    assert problems(own)[0].what == "files include each other more than 16 deep"


def test_files_that_include_more_and_more_end(config, tmp_path: Path) -> None:
    own = config("Include a*\n")
    for level, below in zip("abcdefghij", "bcdefghijk", strict=True):
        for number in range(4):
            (tmp_path / ".ssh" / f"{level}{number}").write_text(f"Include {below}[0-9]\n")
    assert problems(own)[0].what == "more than 1,000 files are included"


def test_patterns_of_many_stars_are_quick(config) -> None:
    own = config("Host " + "*a" * 200 + "\n Port 1\nMatch host " + "*a" * 200 + "\n Port 2\n")
    name = "a" * 199 + "b"
    assert own.resolve(Destination(host=name)).port == 22
    assert yardsticks(lambda: own.resolve(Destination(host=name))) < 20


def test_any_bytes_are_an_error_or_a_configuration(config) -> None:
    for text in (
        bytes(range(256)),
        b"\xff\xfe\x00H",
        b"\xef\xbb\xbfHost web\n",
        b"Host \xff\n",
        b"Match exec",
        b"\0\0\n\0",
    ):
        try:
            config(text).resolve(WEB)
        except ReconcileError as error:
            assert all(problem.origin for problem in error.problems)


class TestCommandsOfMatch:
    def test_one_that_hangs_is_ended_with_all_it_started_and_named(
        self, config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(commands, "LONGEST_SECONDS", 0.5)
        start = time.monotonic()
        [problem] = problems(config(f'Match exec "echo $$ > {tmp_path}/leader; sleep 20 | cat"\n Port 1\n'))
        assert problem.what == "the command of this Match did not end within 0.5 seconds"
        leader = int((tmp_path / "leader").read_text())
        with pytest.raises(ProcessLookupError):
            while time.monotonic() - start < 5:
                os.killpg(leader, 0)
                time.sleep(0.02)

    def test_one_that_dies_is_named(self, config) -> None:
        assert "was ended by signal 9" in problems(config("Match exec 'kill -9 $$'\n"))[0].what

    def test_a_shell_that_is_not_there_is_named(self, config) -> None:
        own = config("Match exec true\n", replace(ME, environment={"SHELL": "/no/such/shell"}))
        assert "cannot be run by /no/such/shell" in problems(own)[0].what

    def test_each_runs_once_in_a_run(self, config, tmp_path: Path) -> None:
        own = config(f'Match exec "echo >> {tmp_path}/ran"\n Port 1\n')
        assert {own.resolve(Destination(host=f"h{number}")).port for number in range(5)} == {1}
        assert (tmp_path / "ran").read_text() == "\n"

    def test_none_runs_in_an_include_that_does_not_count(self, config, tmp_path: Path) -> None:
        own = config("Host other\n Include more\n")
        (tmp_path / ".ssh/more").write_text(f'Match exec "touch {tmp_path}/ran"\n')
        own.resolve(WEB)
        assert not (tmp_path / "ran").exists()

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to drop")
    @pytest.mark.parametrize("acting", (False, True))
    def test_they_run_with_the_rights_of_the_person(self, config, tmp_path: Path, acting: bool) -> None:
        out = tmp_path / "out"
        out.mkdir()
        out.chmod(0o777)
        for folder in (tmp_path, *tmp_path.parents):
            if folder.stat().st_uid == 0 and str(folder).startswith("/tmp/"):
                folder.chmod(folder.stat().st_mode | 0o011)
        own = config(
            f'Match exec "(id -u; id -G; id -g) > {out}/ids"\n Port 1\n',
            replace(ME, uid=65534, gid=65534),
        )
        if acting:
            with acting_as(65534, tmp_path):
                own.resolve(WEB)
        else:
            own.resolve(WEB)
        assert (out / "ids").read_text().split() == ["65534"] * 3
        assert (out / "ids").stat().st_uid == 65534


class acting_as:  # noqa: N801
    """The rights that a Caller acts with under sudo."""

    def __init__(self, uid: int, folder: Path) -> None:
        self.uid, self.groups = uid, os.getgroups()
        os.chown(folder / ".ssh", uid, uid)
        os.chown(folder / ".ssh/config", uid, uid)

    def __enter__(self) -> None:
        os.setgroups([self.uid])
        os.setegid(self.uid)
        os.seteuid(self.uid)

    def __exit__(self, *_: object) -> None:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(self.groups)


class TestNames:
    """Those of documents end up in the commands of the user's own file."""

    @pytest.mark.parametrize(
        "host", ("-oProxyCommand=x", "a;b", "$(x)", "a b", "a\nb", "`x`", "a,b", "", "a\x7fb", "a'b")
    )
    def test_a_host_that_a_shell_would_misread_is_refused(self, config, host: str) -> None:
        origin = Origin("reconcile.yaml", 3, 5)
        [problem] = problems(config("ProxyCommand nc %h %p\n"), Destination(host=host, origin=origin))
        assert problem == Problem(f"{host!r} cannot be the name of a host", origin)

    @pytest.mark.parametrize("user", ("-l", "a;b", "$(x)", "a -x", "a\nb", "`x`", "a\\", "a|b", ""))
    def test_a_user_that_a_shell_would_misread_is_refused(self, config, user: str) -> None:
        assert "cannot be the name of a user" in problems(config(""), Destination(host="web", user=user))[0].what

    @pytest.mark.parametrize("user", ("a.b", "DOMAIN\\joe", "joe@corp", "a b", "é", "$x"))
    def test_a_user_of_another_world_is_taken(self, config, user: str) -> None:
        assert config("").resolve(Destination(host="web", user=user)).user == user

    @pytest.mark.parametrize("jump", ("-x", "a;b", "u;v@a", "a,$(x)", "a,,b", "a b"))
    def test_a_jump_is_held_to_the_same(self, config, jump: str) -> None:
        assert problems(config(""), Destination(host="web", proxy_jump=jump))

    def test_the_users_own_jump_is_held_to_it_when_travelled(self, config) -> None:
        own = config("Host web\n ProxyJump $(x)\n")
        assert own.resolve(WEB).proxy_jump
        with pytest.raises(ReconcileError) as caught:
            own.route(WEB)
        assert str(caught.value.problems[0].origin) == "~/.ssh/config:2:2"


def test_jumps_in_circles_are_named(config) -> None:
    own = config("Host a\n ProxyJump b\nHost b\n ProxyJump a\n")
    with pytest.raises(ReconcileError) as caught:
        own.route(Destination(host="a"))
    assert "goes in circles" in caught.value.problems[0].what


def test_a_jump_to_itself_names_the_way_out(config) -> None:
    [problem] = problems(config("Host *\n ProxyJump gate\n"), Destination(host="gate"))
    assert problem.what == "ProxyJump leads from gate to itself"
    assert problem.fix == "above it write  Host gate  with  ProxyJump none"
