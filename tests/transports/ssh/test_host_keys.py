"""Whether a server is the one that is known: against a real sshd, and files as OpenSSH writes them."""

from __future__ import annotations

import base64
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from reconciler.model.errors import UnreachableError
from reconciler.transports.ssh import host_check
from reconciler.transports.ssh.host_keys import KnownHosts, Marker


def refusal(place, name: str = "m") -> UnreachableError:
    with pytest.raises(UnreachableError) as error:
        place.door(name).start()
    return error.value


def fix(error: UnreachableError) -> str:
    return error.problems[0].fix or ""


def fingerprint(key) -> str:
    return subprocess.run(
        ["ssh-keygen", "-lf", f"{key}.pub"], capture_output=True, text=True, check=True
    ).stdout.split()[1]


@pytest.fixture
def server(start_sshd, place, keys):
    server = start_sshd()
    place.host("m", server, keys("user"), known=False)
    return server


def nothing_was_said_about_us(server) -> bool:
    """Not even who wants to come in: its log would name the user."""
    time.sleep(0.2)
    log = server.log
    return "Connection from" in log and not any(word in log for word in ("publickey", "user", "invalid", "none for"))


def test_an_unknown_key_is_refused_with_its_fingerprint_and_how_to_trust_it(server, place, keys) -> None:
    error = refusal(place)
    assert f"the host key of m is not known: {place.known_hosts} has no line for [127.0.0.1]:{server.port}" in str(
        error
    )
    assert f"showed the ed25519 key {fingerprint(keys('host'))}" in str(error)
    assert "reconcile trust m" in fix(error)
    assert nothing_was_said_about_us(server)
    assert not place.known_hosts.exists()


def test_a_changed_key_names_the_line_and_both_fingerprints(server, place, keys) -> None:
    place.know("# a comment\n", "\n", server.known_line(keys("other")))
    error = refusal(place)
    assert f"{place.known_hosts}:3 has another ed25519 key for m: {fingerprint(keys('other'))}" in str(error)
    assert f"showed the ed25519 key {fingerprint(keys('host'))}" in str(error)
    assert "Have whoever runs it confirm" in fix(error)
    assert f"only then take out {place.known_hosts}:3" in fix(error)
    assert nothing_was_said_about_us(server)


def test_a_revoked_key_is_refused_though_it_is_known(server, place, keys) -> None:
    place.know(server.known_line(keys("host")), "@revoked * " + server.known_line(keys("host")).split(" ", 1)[1])
    error = refusal(place)
    assert f"which {place.known_hosts}:2 revokes" in str(error)
    assert nothing_was_said_about_us(server)


def test_a_host_known_by_one_of_its_keys_shows_that_one(start_sshd, place, keys, run) -> None:
    hosts = (keys("host"), keys("host", kind="rsa"), keys("host", kind="ecdsa"))
    server = start_sshd(host_keys=hosts)
    for number, key in enumerate(hosts):
        place.host(f"m{number}", server, keys("user"), "HostKeyAlias m" + str(number), known=False)
        place.know(server.known_line(key, f"m{number}"))
        assert run(place.door(f"m{number}"), "echo known", b"").stdout == b"known\n"


def test_a_host_that_lost_the_only_known_kind_of_key_is_refused(server, place, keys) -> None:
    place.know(server.known_line(keys("host", kind="ecdsa")))
    error = refusal(place)
    assert f"{place.known_hosts}:1 knows m by its ecdsa key only, which it no longer shows" in str(error)


NAMES = {
    "with its port": "[127.0.0.1]:{port}",
    "without its port": "127.0.0.1",
    "among others": "build-07,[127.0.0.1]:{port},10.0.0.7",
    "by a pattern": "[127.0.0.*]:{port}",
    "by a pattern of one character": "127.0.0.?",
    "for all": "*",
    "in capitals": "[127.0.0.1]:{port},BUILD",
}


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES.keys())
def test_a_host_is_found(server, place, keys, run, names: str) -> None:
    place.know(server.known_line(keys("host"), names.format(port=server.port)))
    assert run(place.door("m"), "echo known", b"").stdout == b"known\n"


@pytest.mark.parametrize(
    "names", ["[127.0.0.1]:1", "*,!127.0.0.1,![127.0.0.1]:*", "127.0.0.2", "[127.0.0.?]", "127.0.0"]
)
def test_a_host_is_not_found(server, place, keys, names: str) -> None:
    place.know(server.known_line(keys("host"), names))
    assert "is not known" in str(refusal(place))


def test_hashed_names_are_found_as_ssh_keygen_hashes_them(server, place, keys, run) -> None:
    place.know(server.known_line(keys("other"), "elsewhere"), server.known_line(keys("host")))
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", place.known_hosts], check=True, capture_output=True)
    assert "127.0.0.1" not in place.known_hosts.read_text()
    assert run(place.door("m"), "echo known", b"").stdout == b"known\n"


def test_a_changed_key_under_a_hashed_name_names_its_line(server, place, keys) -> None:
    place.know(server.known_line(keys("host"), "elsewhere"), server.known_line(keys("other")))
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", place.known_hosts], check=True, capture_output=True)
    assert f"{place.known_hosts}:2 has another ed25519 key" in str(refusal(place))


def test_an_alias_is_looked_up_instead_of_the_name_and_port(start_sshd, place, keys, run) -> None:
    server = start_sshd()
    place.host("m", server, keys("user"), "HostKeyAlias The-Build-Host", known=False)
    place.know(server.known_line(keys("host"), "the-build-host"))
    assert run(place.door("m"), "echo known", b"").stdout == b"known\n"


def test_several_files_count_and_one_that_is_missing_does_not_matter(start_sshd, place, keys, run) -> None:
    server = start_sshd()
    user, system = place.folder / "user_hosts", place.folder / "system_hosts"
    lines = (f"UserKnownHostsFile {place.folder}/none {user}", f"GlobalKnownHostsFile {system}")
    place.host("m", server, keys("user"), *lines, known=False)
    assert f"{place.folder}/none has no line for" in str(refusal(place))
    system.write_text(server.known_line(keys("host")))
    assert run(place.door("m"), "echo known", b"").stdout == b"known\n"
    user.write_text("@revoked " + server.known_line(keys("host")))
    assert f"{user}:1 revokes" in str(refusal(place))


def test_lines_that_are_not_well_formed_are_passed_over(server, place, keys, run) -> None:
    junk = [
        "host ssh-ed25519 %%%\n",
        "@strange * ssh-rsa AAAA\n",
        "onlyname\n",
        "h ssh-rsa AAAAC3NzaC1lZDI1NTE5\n",
        "\xff\n",
    ]
    place.know(*junk, "  " + server.known_line(keys("host")).replace(" ", "\t", 1).strip() + " a comment\r\n")
    assert run(place.door("m"), "echo known", b"").stdout == b"known\n"


def test_a_file_that_cannot_be_read_is_named(start_sshd, place, keys) -> None:
    folder = place.folder / "a-folder"
    folder.mkdir()
    place.host("m", start_sshd(), keys("user"), f"UserKnownHostsFile {folder}", known=False)
    assert f"({folder} cannot be read: Is a directory)" in str(refusal(place))


def test_ssh_keygen_finds_the_same_lines(place, keys) -> None:
    """For names and patterns of all kinds; ssh-keygen -F is the judge."""
    key = f"{keys('host')}.pub"
    blob = " ".join(open(key).read().split()[:2])  # noqa: PTH123, SIM115
    patterns = [
        "a.example.com",
        "*.example.com",
        "a?example.com",
        "[a.example.com]:2222",
        "*,!b.example.com",
        "A.Example.COM",
    ]
    place.know(*(f"{pattern} {blob}\n" for pattern in patterns), f"@cert-authority *.com {blob}\n")
    known = KnownHosts().file(str(place.known_hosts))
    for name in ("a.example.com", "b.example.com", "[a.example.com]:2222", "example.com", "axexample.com", "x"):
        words = ["ssh-keygen", "-F", name, "-f", place.known_hosts]
        found = subprocess.run(words, capture_output=True, text=True).stdout
        lines = [int(line.split("found: line ")[1].split()[0]) for line in found.splitlines() if line.startswith("#")]
        assert [key.line for key in known.keys_for(name)] == lines, name
    assert known.keys_for("a.example.com")[-1].marker is Marker.AUTHORITY


class TestAuthorities:
    @pytest.fixture
    def certified(self, start_sshd, place, keys, tmp_path):
        """A server whose host key an authority has signed: `certified("-n", "127.0.0.1")`."""

        def certified(*words: str, kind: str = "ed25519", authority=None, alias: str = "the-host", host: bool = True):
            key = tmp_path / f"host-{kind}-{len(list(tmp_path.iterdir()))}"
            subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", key], check=True)
            signer = authority or keys("authority")
            flags = ["-h"] if host else []
            sign = ["ssh-keygen", "-q", "-s", signer, *flags, "-I", "id", "-n", alias, *words, f"{key}.pub"]
            subprocess.run(sign, check=True)
            server = start_sshd(f"HostCertificate {key}-cert.pub", host_keys=(key,))
            place.host("m", server, keys("user"), "HostKeyAlias the-host", known=False)
            return server

        return certified

    def trust(self, place, server, key, names: str = "*") -> None:
        place.know("@cert-authority " + server.known_line(key, names))

    @pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
    @pytest.mark.parametrize("authority", ["ed25519", "ecdsa", "rsa"])
    def test_a_host_that_it_has_signed_is_known(self, certified, place, keys, run, kind: str, authority: str) -> None:
        signer = keys("authority", kind=authority)
        self.trust(place, certified(kind=kind, authority=signer), signer)
        assert run(place.door("m"), "echo known", b"").stdout == b"known\n"

    @pytest.mark.parametrize(
        ("words", "options", "why"),
        [
            (["-V", "-2d:-1d"], {}, "expired on "),
            (["-V", "+1d:+2d"], {}, "is not valid yet"),
            ([], {"alias": "another-host"}, "is for another-host, not for the-host"),
        ],
    )
    def test_a_certificate_that_does_not_fit_is_refused(self, certified, place, keys, words, options, why) -> None:
        server = certified(*words, **options)
        self.trust(place, server, keys("authority"))
        error = refusal(place)
        assert f"the host certificate that m showed {why}" in str(error)
        assert nothing_was_said_about_us(server)

    def test_one_of_another_authority_is_refused(self, certified, place, keys) -> None:
        server = certified(authority=keys("stranger"))
        self.trust(place, server, keys("authority"))
        assert f"the authority {fingerprint(keys('stranger'))}, which is not that of {place.known_hosts}:1" in str(
            refusal(place)
        )

    def test_an_authority_for_other_hosts_does_not_count(self, certified, place, keys) -> None:
        self.trust(place, certified(), keys("authority"), "*.elsewhere.example.com")
        assert "is not known" in str(refusal(place))

    def test_a_revoked_authority_is_refused(self, certified, place, keys) -> None:
        server = certified()
        self.trust(place, server, keys("authority"))
        place.know("@revoked " + server.known_line(keys("authority"), "*"))
        assert f"{place.known_hosts}:2 revokes" in str(refusal(place))

    def test_a_host_without_a_certificate_may_be_known_by_its_key(self, server, place, keys, run) -> None:
        self.trust(place, server, keys("authority"))
        assert "is not known" in str(refusal(place))
        place.know(server.known_line(keys("host")))
        assert run(place.door("m"), "echo known", b"").stdout == b"known\n"

    def test_the_fingerprint_of_a_host_with_a_certificate_is_that_of_its_key(self, certified, place, keys) -> None:
        server = certified()
        self.trust(place, server, keys("authority"))
        door = place.door("m")
        door.start()
        assert door.host_key == fingerprint(server.host_keys[0])


class TestCertificatesThatNoServerShows:
    """A real sshd refuses to show them; another one might."""

    @pytest.fixture
    def check(self, place, keys, tmp_path):
        place.write("Host m\n  HostName the-host\n")
        authority = Path(f"{keys('authority')}.pub")
        place.know(f"@cert-authority * {authority.read_text()}")

        def check(*words: str, spoil: bytes = b"") -> None:
            shutil.copy(f"{keys('host')}.pub", tmp_path / "id.pub")
            sign = [
                "ssh-keygen",
                "-q",
                "-s",
                keys("authority"),
                "-I",
                "name",
                "-n",
                "the-host",
                *words,
                tmp_path / "id.pub",
            ]
            subprocess.run(sign, check=True)
            blob = base64.b64decode((tmp_path / "id-cert.pub").read_text().split()[1])
            if spoil:
                assert blob.count(spoil) == 1
                blob = blob.replace(spoil, bytes(reversed(spoil)))
            settings = place.settings("m")
            host_check.check(KnownHosts().of(settings), blob, settings)

        return check

    def test_a_good_one_is_taken(self, check) -> None:
        check("-h")

    @pytest.mark.parametrize(
        ("words", "spoil", "why"),
        [
            ([], b"", "is one for a user, not for a host"),
            (["-h", "-O", "critical:strange@example.com=1"], b"", "has conditions that we do not know"),
            (["-h"], b"name", "has a wrong signature"),
        ],
    )
    def test_a_bad_one_is_refused(self, check, words, spoil: bytes, why: str) -> None:
        with pytest.raises(UnreachableError, match=why):
            check(*words, spoil=spoil)

    def test_one_for_a_revoked_key_is_refused(self, check, place, keys) -> None:
        host = Path(f"{keys('host')}.pub")
        place.know(f"@revoked * {host.read_text()}")
        with pytest.raises(UnreachableError, match="known_hosts:2 revokes"):
            check("-h")

    def test_one_without_names_is_refused(self, check) -> None:
        with pytest.raises(UnreachableError, match="is for another, not for the-host"):
            check("-h", "-n", "another")


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_a_certificate_that_was_cut_or_changed_is_never_taken(place, keys, tmp_path, kind: str) -> None:
    signer = keys("authority", kind=kind)
    shutil.copy(f"{keys('host', kind=kind)}.pub", tmp_path / "id.pub")
    words = ["ssh-keygen", "-q", "-s", signer, "-h", "-I", "name", "-n", "m", tmp_path / "id.pub"]
    subprocess.run(words, check=True)
    place.know(f"@cert-authority * {Path(f'{signer}.pub').read_text()}")
    place.write("Host m\n")
    settings, blob = place.settings("m"), base64.b64decode((tmp_path / "id-cert.pub").read_text().split()[1])
    known = KnownHosts().of(settings)
    host_check.check(known, blob, settings)
    for place_in_it in range(0, len(blob), 3):
        for spoilt in (
            blob[:place_in_it],
            blob[:place_in_it] + bytes([blob[place_in_it] ^ 4]) + blob[place_in_it + 1 :],
        ):
            with pytest.raises(UnreachableError):
                host_check.check(known, spoilt, settings)
