"""What does not come about, and how soon and how clearly that is said: servers that are not there, or misbehave."""

from __future__ import annotations

import resource
import socket
import subprocess
import sys
import threading
import time

import pytest

from reconciler.model.errors import UnreachableError
from reconciler.transports.ssh.library import paramiko
from reconciler.transports.ssh.session import Packets
from yardstick import SOON_SECONDS

VERSION = b"SSH-2.0-Test_1\r\n"


def failure(place, name: str = "m", **options) -> UnreachableError:
    with pytest.raises(UnreachableError) as error:
        place.door(name, **options).start()
    assert error.value.problems[0].fix
    return error.value


def test_a_name_that_does_not_resolve(place) -> None:
    place.write("Host m\n  HostName no-such-host.invalid\n")
    assert "the name no-such-host.invalid does not resolve" in str(failure(place))


def test_a_port_where_nobody_listens(place) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        place.host("m", unused.getsockname()[1], None)
        assert f"m (127.0.0.1 port {unused.getsockname()[1]}) refused the connection" in str(failure(place))


def test_a_machine_that_does_not_answer_is_given_up_in_time(place) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        clogs = [socket.socket() for _ in range(4)]
        for clog in clogs:
            clog.setblocking(False)
            clog.connect_ex(full.getsockname())
        place.host("m", full.getsockname()[1], None, "ConnectTimeout 1")
        began = time.monotonic()
        assert "nothing answered within 1 seconds" in str(failure(place))
        assert time.monotonic() - began < SOON_SECONDS
        for clog in clogs:
            clog.close()


def test_a_server_that_says_nothing(place, server_that) -> None:
    place.host("m", server_that(lambda connection: time.sleep(30)), None, "ConnectTimeout 1")
    began = time.monotonic()
    assert "no SSH server said anything within 1 seconds" in str(failure(place))
    assert time.monotonic() - began < SOON_SECONDS


def test_a_server_that_hangs_up_before_it_says_anything(place, server_that) -> None:
    place.host("m", server_that(lambda connection: connection.recv(100)), None)
    assert "closed the connection before it said anything" in str(failure(place))


def test_another_kind_of_server_is_quoted(place, server_that) -> None:
    def web(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n\x1b]0;title\x07")

    place.host("m", server_that(web), None)
    assert "does not speak SSH; it began with: HTTP/1.1 400 Bad Request" in str(failure(place))


def endlessly(data: bytes):
    def talk(connection: socket.socket) -> None:
        while True:
            connection.sendall(data)

    return talk


@pytest.mark.parametrize(
    "data", [b"hello\r\n" * 1000, b"\xff\x00" * 50_000, b"SSH-2.0-x\r\n" + b"\xff" * 1000, b"\n" * 9999]
)
def test_a_server_that_talks_without_end_is_cut_off(place, server_that, data: bytes) -> None:
    place.host("m", server_that(endlessly(data)), None, "ConnectTimeout 3")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.monotonic()
    failure(place)
    assert time.monotonic() - began < SOON_SECONDS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30_000


def test_what_comes_before_the_keys_is_bounded_by_size_too(place, server_that) -> None:
    place.host("m", server_that(endlessly(b"x" * 65536)), None, "ConnectTimeout 30")
    began = time.monotonic()
    assert "sent more than any SSH server says before it proves who it is" in str(failure(place))
    assert time.monotonic() - began < SOON_SECONDS


def test_a_packet_is_never_larger_than_in_openssh() -> None:
    with pytest.raises(paramiko.SSHException, match="a packet of 1000000000 bytes"):
        Packets(socket.socket()).read_all(1_000_000_000)


def test_a_hundred_megabytes_in_one_packet_are_not_taken_in(place, server_that) -> None:
    def big(connection: socket.socket) -> None:
        connection.sendall(VERSION + (100_000_000).to_bytes(4, "big") + b"\x04\x14")
        endlessly(b"x" * 65536)(connection)

    place.host("m", server_that(big), None, "ConnectTimeout 3")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert "broke off the exchange of keys" in str(failure(place))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30_000


def test_a_server_that_drips_is_given_up_in_time(place, server_that) -> None:
    def drip(connection: socket.socket) -> None:
        while True:
            connection.sendall(b"wait\r\n")
            time.sleep(0.1)

    place.host("m", server_that(drip), None, "ConnectTimeout 1")
    began = time.monotonic()
    assert "does not speak SSH" in str(failure(place))
    assert time.monotonic() - began < SOON_SECONDS


def test_a_server_that_stops_in_the_middle_of_the_keys(place, server_that) -> None:
    def stop(connection: socket.socket) -> None:
        connection.sendall(VERSION)
        time.sleep(30)

    place.host("m", server_that(stop), None, "ConnectTimeout 1")
    assert "did not finish the exchange of keys within 1 seconds" in str(failure(place))


def test_what_the_server_says_when_it_hangs_up_is_quoted(place, server_that) -> None:
    text = b"Not allowed at this time"
    payload = b"\x01" + (2).to_bytes(4, "big") + len(text).to_bytes(4, "big") + text + bytes(4)
    padding = 16 - (5 + len(payload)) % 8
    packet = (len(payload) + padding + 1).to_bytes(4, "big") + bytes([padding]) + payload + bytes(padding)

    def hang_up(connection: socket.socket) -> None:
        connection.sendall(VERSION + packet)
        while connection.recv(4096):
            pass

    place.host("m", server_that(hang_up), None)
    assert "broke off the exchange of keys: Not allowed at this time" in str(failure(place))


@pytest.mark.parametrize(
    ("line", "what", "offer"),
    [
        ("Ciphers chacha20-poly1305@openssh.com", "ciphers", "chacha20-poly1305@openssh.com"),
        ("KexAlgorithms sntrup761x25519-sha512@openssh.com", "key exchanges", "sntrup761x25519-sha512@openssh.com"),
        ("MACs umac-64@openssh.com\nCiphers aes128-ctr", "MACs", "umac-64@openssh.com"),
    ],
)
def test_a_server_with_other_algorithms_says_what_it_has(start_sshd, place, keys, line, what, offer) -> None:
    place.host("m", start_sshd(*line.split("\n")), keys("user"))
    error = failure(place)
    assert f"has no {what} in common with us; it offers: {offer}" in str(error)
    assert "client: openssh" in (error.problems[0].fix or "")


def test_weak_algorithms_are_not_spoken_unless_the_user_says_so(start_sshd, place, keys, run) -> None:
    server = start_sshd("Ciphers aes128-cbc", "MACs hmac-sha1")
    place.host("m", server, keys("user"))
    assert "has no ciphers in common" in str(failure(place))
    place.host("old", server, keys("user"), "Ciphers +aes128-cbc", "MACs +hmac-sha1")
    assert run(place.door("old"), "echo spoken", b"").stdout == b"spoken\n"


def test_algorithms_of_ssh_config_that_we_do_not_have_are_named(start_sshd, place, keys) -> None:
    place.host("m", start_sshd(), keys("user"), "Ciphers chacha20-poly1305@openssh.com")
    assert "Ciphers chacha20-poly1305@openssh.com in ssh_config leaves none that we have" in str(failure(place))


@pytest.mark.parametrize(
    "line", ["Ciphers aes256-gcm@openssh.com", "Compression yes", "KexAlgorithms ^ecdh-sha2-nistp384"]
)
def test_ssh_config_chooses(start_sshd, place, keys, run, line: str) -> None:
    place.host("m", start_sshd(), keys("user"), line)
    assert run(place.door("m"), "cat", b"data" * 100_000).stdout == b"data" * 100_000


@pytest.mark.parametrize("words", ["Exceeded MaxStartups", "Not allowed at this time"])
def test_a_server_that_is_too_busy_says_so(place, server_that, words: str) -> None:
    place.host("m", server_that(lambda connection: connection.sendall(words.encode() + b"\r\n")), None)
    assert f"turned us away: {words}" in str(failure(place))


def test_a_connection_that_fails_leaves_no_thread(place, server_that) -> None:
    place.host("m", server_that(lambda connection: connection.sendall(VERSION)), None)
    before = set(threading.enumerate())
    failure(place)
    until = time.monotonic() + 2
    while left := set(threading.enumerate()) - before:
        assert time.monotonic() < until, left
        time.sleep(0.02)


def test_a_connection_can_be_given_up_while_it_comes_about(place, server_that) -> None:
    place.host("m", server_that(lambda connection: time.sleep(30)), None, "ConnectTimeout 20")
    door = place.door("m")
    threading.Timer(0.3, door.close).start()
    began = time.monotonic()
    with pytest.raises(UnreachableError):
        door.start()
    assert time.monotonic() - began < SOON_SECONDS


def test_only_what_ssh_needs_is_imported() -> None:
    program = (
        "import sys; import reconciler.transports.ssh.transport; import logging; "
        "print([name for name in ('invoke', 'asyncio', 'yaml', 'unittest') if name in sys.modules])"
        "; import invoke"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "[]\n"
    assert "halted" not in done.stderr  # whoever wants invoke gets it, if it is installed
