"""What `reconcile trust` stands on: the keys that a host shows, and the lines that are added."""

from __future__ import annotations

import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from reconciler.model.errors import ReconcileError, UnreachableError
from reconciler.transports.ssh.host_keys import names_of
from reconciler.transports.ssh.trust import OfferedKey, add_to_known_hosts, offered_keys


@pytest.fixture
def server(start_sshd, place, keys):
    server = start_sshd(host_keys=tuple(keys("host", kind=kind) for kind in ("rsa", "ed25519", "ecdsa")))
    place.host("m", server, keys("user"), known=False)
    return server


def fingerprints(server) -> set[str]:
    lines = [
        subprocess.run(["ssh-keygen", "-lf", key], capture_output=True, text=True).stdout for key in server.host_keys
    ]
    return {line.split()[1] for line in lines}


def test_all_keys_of_a_host_are_shown_and_nobody_logs_in(server, place) -> None:
    shown = offered_keys(place.client(), place.route("m"))
    assert {key.fingerprint for key in shown} == fingerprints(server)
    assert [key.type for key in shown] == ["ed25519", "ecdsa", "rsa"]
    assert not any(word in server.log for word in ("publickey", "user", "Accepted"))
    assert not place.known_hosts.exists()


def test_a_host_with_one_key_is_asked_once(start_sshd, place, keys) -> None:
    server = start_sshd(host_keys=(keys("host", kind="rsa"),))
    place.host("m", server, keys("user"), "HostKeyAlgorithms ssh-ed25519", known=False)
    assert [key.type for key in offered_keys(place.client(), place.route("m"))] == ["rsa"]
    assert server.connections() <= 2


def test_what_was_added_is_trusted_by_us_and_by_ssh(server, place, run) -> None:
    with pytest.raises(UnreachableError, match="is not known"):
        place.door("m").start()
    shown = offered_keys(place.client(), place.route("m"))
    names = names_of(place.settings("m"))[:1]
    assert add_to_known_hosts(str(place.known_hosts), names, shown, hashed=False) == 3
    assert run(place.door("m"), "echo in", b"").stdout == b"in\n"
    done = subprocess.run(["ssh", "-F", place.config_file, "-o", "BatchMode=yes", "m", "echo in"], capture_output=True)
    assert done.stdout == b"in\n"


@pytest.mark.parametrize("hashed", [False, True])
def test_nothing_is_added_twice(server, place, hashed: bool) -> None:
    shown = offered_keys(place.client(), place.route("m"))
    path = str(place.known_hosts)
    assert add_to_known_hosts(path, ["Host.example.com", "10.0.0.7"], shown, hashed=hashed) == 6
    assert add_to_known_hosts(path, ["host.example.com", "10.0.0.7"], shown, hashed=not hashed) == 0
    assert (b"example" in place.known_hosts.read_bytes()) is not hashed
    found = subprocess.run(["ssh-keygen", "-F", "host.example.com", "-f", path], capture_output=True, text=True).stdout
    assert found.count("found: line") == 3


KEY = OfferedKey(blob=b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + bytes(32))


def test_a_new_file_and_its_folder_are_for_the_person_alone(place) -> None:
    path = place.folder / ".ssh" / "known_hosts"
    add_to_known_hosts(str(path), ["h"], [KEY], hashed=False)
    assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)) == (0o600, 0o700)


def test_the_rest_of_the_file_stays_as_it_is(place) -> None:
    place.known_hosts.write_bytes(b"# mine\r\nold ssh-rsa AAAA\xff no line end")
    place.known_hosts.chmod(0o644)
    add_to_known_hosts(str(place.known_hosts), ["h"], [KEY], hashed=False)
    data = place.known_hosts.read_bytes()
    assert data.startswith(b"# mine\r\nold ssh-rsa AAAA\xff no line end\nh ssh-ed25519 ")
    assert stat.S_IMODE(place.known_hosts.stat().st_mode) == 0o644


def test_many_who_add_at_once_lose_nothing(place) -> None:
    def add(number: int) -> int:
        return add_to_known_hosts(str(place.known_hosts), [f"h{number}"], [KEY], hashed=False)

    with ThreadPoolExecutor(20) as threads:
        assert list(threads.map(add, range(60))) == [1] * 60
    names = sorted(line.split()[0] for line in place.known_hosts.read_text().splitlines())
    assert names == sorted(f"h{number}" for number in range(60))


def test_a_file_that_cannot_be_written_is_named(place) -> None:
    with pytest.raises(ReconcileError, match=r"cannot be (read|written): (Is|Not) a directory"):
        add_to_known_hosts(str(place.folder), ["h"], [KEY], hashed=False)
