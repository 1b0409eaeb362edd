"""`client: openssh`: the user's own ssh, against a real sshd."""

from __future__ import annotations

import os
import shutil
import stat
import time
from pathlib import Path

import pytest

from reconciler.model.errors import UnreachableError
from reconciler.model.remote import Remote
from reconciler.transports.exchange import Limits
from reconciler.transports.openssh import OpenSshTransport
from reconciler.transports.openssh_complaints import explained

pytest_plugins = ["ssh_servers"]

if shutil.which("ssh") is None:
    pytest.skip("ssh is not installed", allow_module_level=True)


@pytest.fixture
def door(place):
    doors: list[OpenSshTransport] = []

    def door(name: str = "m", *, silence: float = 10, environment=None, **remote) -> OpenSshTransport:
        environment = {"PATH": os.environ["PATH"], "HOME": str(place.folder)} if environment is None else environment
        doors.append(
            OpenSshTransport(
                Remote(host=name, **remote),
                Limits(silence_seconds=silence, deadline_seconds=20),
                name=f"{remote['user']}@{name}" if "user" in remote else name,
                connect_seconds=2,
                environment=environment,
                config_file=str(place.config_file),
            )
        )
        return doors[-1]

    yield door
    for one in doors:
        one.close()


def refusal(door: OpenSshTransport) -> UnreachableError:
    with pytest.raises(UnreachableError) as error:
        door.start().finish()
    assert error.value.problems[0].fix
    return error.value


@pytest.fixture
def machine(start_sshd, place, keys):
    server = start_sshd()
    place.host("m", server, keys("user"))
    return server


def test_commands_share_one_connection(machine, door, run) -> None:
    m = door()
    data = os.urandom(2_000_000)
    assert run(m, "cat", data).stdout == data
    result = run(m, "echo to-stderr >&2; exit 7", b"")
    assert (result.code, result.stderr) == (7, b"to-stderr\n")
    assert machine.connections() == 1


def test_the_connection_ends_with_the_door_and_leaves_nothing(machine, door, run) -> None:
    m = door()
    run(m, "true", b"")
    folder = Path(m._folder.name)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [path.is_socket() for path in folder.iterdir()] == [True]
    m.close()
    assert not folder.exists()
    until = time.monotonic() + 5
    while "disconnected by user" not in machine.log:
        assert time.monotonic() < until
        time.sleep(0.02)


def test_what_documents_say_goes_before_the_configuration(start_sshd, place, keys, door, run) -> None:
    hop, server = start_sshd(), start_sshd(host_keys=(keys("inner"),))
    place.host("hop", hop, keys("user"))
    place.host("m", 9, None, "User nobody-here", "HostKeyAlias m", known=False)
    place.know(server.known_line(keys("inner"), "m"))
    m = door(port=server.port, user=place.local.user, identity_file=str(keys("user")), proxy_jump="hop")
    assert m.name == f"{place.local.user}@m"
    assert run(m, "echo there", b"").stdout == b"there\n"
    assert (hop.connections(), server.connections()) == (1, 1)


def test_a_frozen_server_ends_at_the_limit(machine, door, start) -> None:
    exchange = start(door(silence=0.5), "echo ready; exec cat")
    exchange.wait_for(b"ready\n")
    machine.freeze()
    began = time.monotonic()
    with pytest.raises(UnreachableError, match=r"said nothing for 0\.5 seconds"):
        exchange.finish()
    assert time.monotonic() - began < 4


def test_a_connection_that_breaks_is_lost(machine, door, start) -> None:
    exchange = start(door(), "echo ready; exec sleep 60")
    exchange.wait_for(b"ready\n")
    machine.stop()
    with pytest.raises(UnreachableError, match="m: the connection was lost"):
        exchange.finish()


class TestRefusals:
    def test_an_unknown_key(self, start_sshd, place, keys, door) -> None:
        place.host("m", start_sshd(), keys("user"), "StrictHostKeyChecking accept-new", known=False)
        error = refusal(door())
        assert "its ED25519 host key is not known ([127.0.0.1]:" in str(error)
        assert "reconcile trust m" in (error.problems[0].fix or "")
        assert not place.known_hosts.exists()

    def test_a_changed_key(self, start_sshd, place, keys, door) -> None:
        server = start_sshd()
        place.host("m", server, keys("user"), known=False)
        place.know("\n", server.known_line(keys("other")))
        assert f"{place.known_hosts}:2 has another ed25519 key; the server showed SHA256:" in str(refusal(door()))

    def test_a_revoked_key(self, start_sshd, place, keys, door) -> None:
        server = start_sshd()
        place.host("m", server, keys("user"))
        place.know("@revoked " + server.known_line(keys("host")))
        assert "is revoked" in str(refusal(door()))

    def test_a_key_that_does_not_help(self, start_sshd, place, keys, door) -> None:
        place.host("m", start_sshd(), keys("stranger"))
        assert "nobody is let in with what ssh has; the server takes: publickey" in str(refusal(door()))

    def test_a_locked_key_is_not_asked_about(self, start_sshd, place, keys, door) -> None:
        key = keys("user", passphrase="secret word")
        place.host("m", start_sshd(authorized=(key,)), key)
        assert "nobody is let in" in str(refusal(door()))

    def test_an_open_key_file(self, start_sshd, place, keys, door, tmp_path) -> None:
        shutil.copy(keys("user"), tmp_path / "open")
        (tmp_path / "open").chmod(0o644)
        place.host("m", start_sshd(), tmp_path / "open")
        assert f"{tmp_path}/open may be read by others (mode 0644)" in str(refusal(door()))

    def test_too_many_keys(self, start_sshd, place, keys, door) -> None:
        lines = [f"IdentityFile {keys(f'stranger{number}')}" for number in range(4)]
        place.host("m", start_sshd("MaxAuthTries 2"), keys("stranger"), *lines)
        assert "hung up after too many attempts" in str(refusal(door()))

    def test_a_name_that_does_not_resolve(self, place, door) -> None:
        place.write("Host m\n  HostName no-such-host.invalid\n")
        assert "the name no-such-host.invalid does not resolve" in str(refusal(door()))

    def test_nobody_listens(self, place, door) -> None:
        place.host("m", 9, None)
        assert "127.0.0.1 port 9 refused the connection" in str(refusal(door()))

    def test_no_ssh_server(self, server_that, place, door) -> None:
        place.host("m", server_that(lambda connection: connection.sendall(b"HTTP/1.1 400\r\n\r\n")), None)
        assert "it broke off before it proved who it is" in str(refusal(door()))

    def test_a_silent_server(self, server_that, place, door) -> None:
        place.host("m", server_that(lambda connection: time.sleep(30)), None)
        began = time.monotonic()
        assert "it did not answer in time" in str(refusal(door()))
        assert time.monotonic() - began < 6

    def test_other_algorithms(self, start_sshd, place, keys, door) -> None:
        place.host("m", start_sshd("Ciphers aes128-cbc"), keys("user"))
        assert "it has no cipher in common with ssh; it offers: aes128-cbc" in str(refusal(door()))

    def test_ssh_is_not_there(self, place, door) -> None:
        place.host("m", 9, None)
        with pytest.raises(UnreachableError, match="ssh cannot be started: No such file or directory"):
            door(environment={"PATH": "/nowhere"}).start()


def test_what_is_not_known_is_quoted_whole_and_short() -> None:
    error = explained("banner\nsomething new " + "x" * 5000, "dev@m", has_spoken=False)
    assert str(error).startswith("dev@m: ssh did not connect: something new xxx")
    assert len(str(error)) < 400


@pytest.mark.parametrize(
    ("environment", "can"),
    [
        ({}, False),
        ({"SSH_ASKPASS": "/usr/bin/ask"}, False),
        ({"SSH_ASKPASS": "/usr/bin/ask", "DISPLAY": ":0"}, True),
        ({"SSH_ASKPASS": "/usr/bin/ask", "SSH_ASKPASS_REQUIRE": "force"}, True),
        ({"SSH_ASKPASS": "/usr/bin/ask", "DISPLAY": ":0", "SSH_ASKPASS_REQUIRE": "never"}, False),
        ({"DISPLAY": ":0"}, False),
    ],
)
def test_ssh_asks_only_where_there_is_a_program_to_ask_with(place, door, environment, can: bool) -> None:
    place.host("m", 9, None)
    assert ("BatchMode=no" in door(environment=environment)._arguments()) is can


def test_a_passphrase_is_asked_for_by_the_users_program(start_sshd, place, keys, door, run) -> None:
    key = keys("user", passphrase="secret word")
    place.host("m", start_sshd(authorized=(key,)), key)
    ask = place.folder / "ask"
    ask.write_text("#!/bin/sh\necho 'secret word'\n")
    ask.chmod(0o700)
    environment = {"PATH": os.environ["PATH"], "SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force"}
    assert run(door(environment=environment), "echo in", b"").stdout == b"in\n"
