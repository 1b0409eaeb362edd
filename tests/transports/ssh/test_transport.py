"""Scripts on a machine behind a real sshd: one connection, any number of commands, and an end to everything."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reconciler.model.errors import UnreachableError
from reconciler.transports.exchange import Limits


@pytest.fixture
def machine(start_sshd, place, keys):
    server = start_sshd()
    place.host("build-07", server, keys("user"))
    return server


def test_a_script_gets_its_data_and_its_answer_comes_back_whole(machine, place, run) -> None:
    door = place.door("build-07")
    result = run(door, "cat; printf '\\303\\251 to-stderr' >&2; exit 7", b"data\0\xff\r\n'\"$HOME\\ ")
    assert (result.code, result.stdout) == (7, b"data\0\xff\r\n'\"$HOME\\ ")
    assert result.stderr == "é to-stderr".encode()
    assert door.name.endswith("@build-07")


def test_several_commands_share_one_connection(machine, place, run) -> None:
    door = place.door("build-07")
    assert [run(door, f"exit {number}", b"").code for number in range(5)] == [0, 1, 2, 3, 4]
    assert machine.connections() == 1


def test_megabytes_go_both_ways_at_once(machine, place, run) -> None:
    data = os.urandom(6_000_000)
    door = place.door("build-07")
    assert run(door, "cat", data).stdout == data
    both = run(door, "head -c 3000000 /dev/zero >&2 & cat; wait", data)
    assert (both.stdout == data, len(both.stderr)) == (True, 3_000_000)


def test_pieces_are_asked_for_only_as_far_as_the_way_has_room(machine, place, start) -> None:
    asked = 0

    def pieces() -> Iterator[bytes]:
        nonlocal asked
        for _ in range(60):
            asked += 1
            yield bytes(1_000_000)

    exchange = start(place.door("build-07"), "echo ready; sleep 0.5; echo begun; exec wc -c")
    exchange.say(pieces())
    assert exchange.wait_for(b"ready\n") == b"ready\n"
    assert exchange.wait_for(b"begun\n") == b"begun\n"
    assert asked < 20, "the windows of SSH and of TCP are what may be ahead"
    assert exchange.finish().stdout.endswith(b"60000000\n")


def test_a_script_need_not_read_what_it_is_given(machine, place, run) -> None:
    door = place.door("build-07")
    assert run(door, "exec <&-; echo done", b"x" * 5_000_000).stdout == b"done\n"
    assert run(door, "echo again", b"").stdout == b"again\n"
    assert machine.connections() == 1


def test_a_conversation_is_heard_while_it_goes_on(machine, place, start) -> None:
    exchange = start(place.door("build-07"), "echo one?; read answer; echo $answer two? >&2; read answer; echo $answer")
    assert exchange.wait_for(b"one?\n") == b"one?\n"
    exchange.say(b"first\n")
    assert exchange.wait_for(b"first two?\n") == b"first two?\n"
    exchange.say(b"second\n")
    assert exchange.finish().stdout.endswith(b"second\n")


def test_a_command_ended_by_a_signal_has_failed(machine, place, run) -> None:
    assert run(place.door("build-07"), "kill -9 $$", b"").code != 0


def test_what_is_closed_in_the_middle_is_over_and_the_next_one_works(machine, place, start, run) -> None:
    door = place.door("build-07")
    exchange = start(door, "echo ready; exec sleep 60")
    exchange.wait_for(b"ready\n")
    exchange.close()
    exchange.close()
    assert run(door, "echo works", b"").stdout == b"works\n"
    assert machine.connections() == 2


def test_an_answer_without_end_is_cut(machine, place, start) -> None:
    door = place.door("build-07", limits=Limits(output_bytes=1024 * 1024))
    with pytest.raises(UnreachableError, match="more than 1 MiB"):
        start(door, "exec yes").finish()


def test_a_frozen_server_ends_at_the_limit(machine, place, start) -> None:
    door = place.door("build-07", limits=Limits(silence_seconds=0.5))
    exchange = start(door, "printf '\\nreconcile-doing counting sheep\\n' >&2; cat")
    exchange.wait_for(b"counting sheep\n")
    machine.freeze()
    began = time.monotonic()
    with pytest.raises(UnreachableError, match=r"said nothing for 0\.5 seconds \(it was counting sheep\)"):
        exchange.finish()
    assert time.monotonic() - began < 2


def test_a_server_frozen_while_it_is_told_much_ends_at_the_limit(machine, place, start) -> None:
    door = place.door("build-07", limits=Limits(silence_seconds=1))
    exchange = start(door, "echo ready; sleep 0.3; cat >/dev/null")
    exchange.wait_for(b"ready\n")
    machine.freeze()
    exchange.say(b"x" * 30_000_000)
    began = time.monotonic()
    with pytest.raises(UnreachableError, match="said nothing for 1 seconds"):
        exchange.finish()
    assert time.monotonic() - began < 3


def test_closing_from_another_thread_ends_at_once_what_waits(machine, place, start) -> None:
    door = place.door("build-07")
    exchange = start(door, "echo ready; exec sleep 60")
    exchange.wait_for(b"ready\n")
    threading.Timer(0.3, door.close).start()
    began = time.monotonic()
    with pytest.raises(UnreachableError, match="was lost while a command ran there"):
        exchange.finish()
    assert time.monotonic() - began < 2


def test_a_connection_that_breaks_is_said_to_be_lost(machine, place, start) -> None:
    exchange = start(place.door("build-07"), "echo ready; exec sleep 60")
    exchange.wait_for(b"ready\n")
    machine.stop()
    with pytest.raises(
        UnreachableError, match=r"the connection to .*@build-07 was lost while a command ran there"
    ) as error:
        exchange.finish()
    assert error.value.said.endswith(b"ready\n")


def test_a_server_that_runs_no_more_commands_says_so(start_sshd, place, keys, start) -> None:
    server = start_sshd("MaxSessions 1")
    place.host("build-07", server, keys("user"))
    door = place.door("build-07")
    first = start(door, "echo ready; read line")
    first.wait_for(b"ready\n")
    with pytest.raises(UnreachableError, match="refused to start another command"):
        door.start()
    first.close()


def test_many_machines_at_once_read_the_files_once(start_sshd, place, keys, run, monkeypatch) -> None:
    server = start_sshd()
    for number in range(12):
        place.host(f"m{number}", server, keys("user"), known=number == 0)
    client = place.client()
    doors = [place.door(f"m{number}", client) for number in range(12)]
    with ThreadPoolExecutor(12) as threads:
        results = list(threads.map(lambda door: run(door, "echo $$", b"").stdout, doors))
    assert len(set(results)) == 12
    place.known_hosts.unlink()  # nobody looks there again
    assert run(place.door("m0", client), "echo known", b"").stdout == b"known\n"


class TestHops:
    def test_machines_behind_a_hop_share_the_connection_to_it(self, start_sshd, place, keys, run) -> None:
        hop, server = start_sshd(), start_sshd(host_keys=(keys("inner"),))
        place.host("hop", hop, keys("user"))
        for name in ("a", "b", "c"):
            place.host(name, server, keys("user"), "ProxyJump hop", known=name == "a")
        client = place.client()
        data = os.urandom(1_500_000)
        with ThreadPoolExecutor(3) as threads:
            doors = [place.door(name, client) for name in "abc"]
            assert [r.stdout == data for r in threads.map(lambda door: run(door, "cat", data), doors)] == [True] * 3
        assert (hop.connections(), server.connections()) == (1, 3)
        assert "Accepted publickey" in server.log

    def test_each_hop_shows_its_own_key(self, start_sshd, place, keys) -> None:
        hop, server = start_sshd(), start_sshd(host_keys=(keys("inner"),))
        place.host("hop", hop, keys("user"), known=False)
        place.host("a", server, keys("user"), "ProxyJump hop")
        with pytest.raises(UnreachableError, match="the host key of hop is not known"):
            place.door("a").start()
        assert "publickey" not in hop.log
        assert server.connections() == 0

    def test_a_chain_is_travelled_in_order(self, start_sshd, place, keys, run) -> None:
        servers = {name: start_sshd() for name in ("outer", "inner", "a")}
        place.host("outer", servers["outer"], keys("user"))
        place.host("inner", servers["inner"], keys("user"))
        place.host("a", servers["a"], keys("user"), "ProxyJump outer,inner")
        assert run(place.door("a"), "echo there", b"").stdout == b"there\n"
        assert [server.connections() for server in servers.values()] == [1, 1, 1]

    def test_a_hop_that_forwards_nothing_is_named(self, start_sshd, place, keys) -> None:
        hop, server = start_sshd("AllowTcpForwarding no"), start_sshd()
        place.host("hop", hop, keys("user"))
        place.host("a", server, keys("user"), "ProxyJump hop")
        with pytest.raises(UnreachableError, match=r"@hop refused to connect to 127\.0\.0\.1 port"):
            place.door("a").start()

    def test_a_frozen_hop_ends_at_the_limit(self, start_sshd, place, keys, start) -> None:
        hop, server = start_sshd(), start_sshd(host_keys=(keys("inner"),))
        place.host("hop", hop, keys("user"))
        place.host("a", server, keys("user"), "ProxyJump hop")
        exchange = start(place.door("a", limits=Limits(silence_seconds=1)), "echo ready; cat >/dev/null")
        exchange.wait_for(b"ready\n")
        hop.freeze()
        exchange.say(b"x" * 20_000_000)
        began = time.monotonic()
        with pytest.raises(UnreachableError, match="said nothing for 1 seconds"):
            exchange.finish()
        assert time.monotonic() - began < 3


RELAY = """
import os, socket, sys, threading
open(sys.argv[0] + ".pid", "w").write(str(os.getpid()))
way = socket.create_connection((sys.argv[1], int(sys.argv[2])))
def back():
    while data := way.recv(65536):
        os.write(1, data)
threading.Thread(target=back, daemon=True).start()
while data := os.read(0, 65536):
    way.sendall(data)
"""


class TestProxyCommand:
    @pytest.fixture
    def relay(self, start_sshd, place, keys):
        script = place.folder / "relay.py"
        script.write_text(RELAY)
        place.host("a", start_sshd(), keys("user"), f"ProxyCommand python3 {script} %h %p")
        return script

    def test_the_command_is_the_way(self, relay, place, run) -> None:
        data = os.urandom(500_000)
        assert run(place.door("a"), "cat", data).stdout == data

    def test_it_ends_with_the_connection(self, relay, place, run) -> None:
        door = place.door("a")
        run(door, "true", b"")
        process = int(relay.with_name("relay.py.pid").read_text())
        door.close()
        until = time.monotonic() + 3
        while Path(f"/proc/{process}").exists():
            assert time.monotonic() < until
            time.sleep(0.02)

    def test_a_way_that_takes_nothing_more_ends_at_the_limit(self, relay, place, start) -> None:
        exchange = start(place.door("a", limits=Limits(silence_seconds=1)), "echo ready; cat >/dev/null")
        exchange.wait_for(b"ready\n")
        process = int(relay.with_name("relay.py.pid").read_text())
        os.kill(process, signal.SIGSTOP)
        exchange.say(b"x" * 10_000_000)
        began = time.monotonic()
        with pytest.raises(UnreachableError, match="said nothing for 1 seconds"):
            exchange.finish()
        assert time.monotonic() - began < 3
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)

    def test_a_command_that_fails_is_quoted(self, start_sshd, place, keys) -> None:
        place.host("a", start_sshd(), keys("user"), "ProxyCommand echo no such gate >&2; exit 3")
        with pytest.raises(UnreachableError, match="the ProxyCommand for a failed: no such gate"):
            place.door("a").start()


def test_nothing_reaches_the_terminal(machine, place, keys, start, capfd) -> None:
    exchange = start(place.door("build-07"), "echo ready; exec sleep 60")
    exchange.wait_for(b"ready\n")
    machine.stop()
    with pytest.raises(UnreachableError):
        exchange.finish()
    with pytest.raises(UnreachableError):
        place.door("build-07").start()
    assert capfd.readouterr() == ("", "")
