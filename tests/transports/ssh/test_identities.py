"""With what we come in: keys in files and in a real agent, certificates, and what is said when nothing helps."""

from __future__ import annotations

import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from reconciler.model.errors import UnreachableError


class Person:
    """Answers questions, and remembers them."""

    def __init__(self, answer: str | None) -> None:
        self.answer, self.questions = answer, []

    def __call__(self, question: str) -> str | None:
        self.questions.append(question)
        return self.answer


def refusal(place, name: str = "m", client=None) -> UnreachableError:
    with pytest.raises(UnreachableError) as error:
        place.door(name, client).start()
    return error.value


def comes_in(place, run, name: str = "m", client=None) -> bool:
    return run(place.door(name, client), "echo in", b"").stdout == b"in\n"


def copy(key, folder, name: str, *, with_public: bool = True):
    path = folder / name
    shutil.copy(key, path)
    path.chmod(0o600)
    if with_public:
        shutil.copy(f"{key}.pub", f"{path}.pub")
    return path


FORMS = [("ed25519", "OPENSSH"), *((kind, form) for kind in ("ecdsa", "rsa") for form in ("OPENSSH", "PEM", "PKCS8"))]


@pytest.mark.parametrize(("kind", "form"), FORMS)
@pytest.mark.parametrize("passphrase", ["", "sécret 'word'"])
def test_keys_of_all_kinds_and_forms(start_sshd, place, keys, run, kind: str, form: str, passphrase: str) -> None:
    key = keys(f"user{len(passphrase)}", kind=kind, form=form, passphrase=passphrase)
    place.host("m", start_sshd(authorized=(key,)), key)
    person = Person(passphrase)
    assert comes_in(place, run, client=place.client(person))
    assert len(person.questions) == bool(passphrase)


@pytest.mark.parametrize("form", ["OPENSSH", "PEM"])
def test_a_locked_key_without_its_public_half_beside_it(start_sshd, place, keys, run, tmp_path, form: str) -> None:
    key = keys("user", kind="rsa", form=form, passphrase="secret word")
    alone = copy(key, tmp_path, "alone", with_public=False)
    place.host("m", start_sshd(authorized=(key,)), alone)
    assert comes_in(place, run, client=place.client(Person("secret word")))


def test_a_passphrase_is_asked_for_once_for_all_machines(start_sshd, place, keys, run) -> None:
    key = keys("user", passphrase="secret word")
    server = start_sshd(authorized=(key,))
    for number in range(6):
        place.host(f"m{number}", server, key, known=number == 0)
    person = Person("secret word")
    client = place.client(person)
    with ThreadPoolExecutor(6) as threads:
        assert all(threads.map(lambda number: comes_in(place, run, f"m{number}", client), range(6)))
    assert person.questions == [f"Passphrase for {key}: "]


def test_a_passphrase_is_asked_for_only_when_the_server_would_take_the_key(start_sshd, place, keys, run) -> None:
    locked = keys("stranger", passphrase="secret word")
    place.host("m", start_sshd(), keys("user"), f"IdentityFile {locked}")
    person = Person("secret word")
    assert comes_in(place, run, client=place.client(person))
    assert person.questions == []


def test_a_wrong_passphrase_and_nobody_to_ask_are_told_apart(start_sshd, place, keys) -> None:
    key = keys("user", passphrase="secret word")
    place.host("m", start_sshd(authorized=(key,)), key)
    wrong = refusal(place, client=place.client(Person("another")))
    assert f"not used: {key} was not opened by the passphrase that was given" in str(wrong)
    nobody = refusal(place)
    assert f"{key} has a passphrase, and nobody could be asked for it" in str(nobody)
    assert "ssh-add" in (nobody.problems[0].fix or "")


def test_what_was_tried_is_named_with_the_fix(start_sshd, place, keys) -> None:
    one, two = keys("stranger"), keys("stranger", kind="rsa")
    place.host("m", start_sshd(), one, f"IdentityFile {two}")
    error = refusal(place)
    assert f"tried: {two}, {one}" in str(error)
    assert "ssh-copy-id" in (error.problems[0].fix or "")


def test_a_key_that_others_may_read_is_not_used(start_sshd, place, keys, tmp_path) -> None:
    key = copy(keys("user"), tmp_path, "open")
    key.chmod(0o644)
    place.host("m", start_sshd(), key)
    assert f"{key} may be read by others (mode 0644), so it is not used: chmod 600 {key}" in str(refusal(place))


def test_files_that_are_no_keys_are_named(start_sshd, place, keys, tmp_path) -> None:
    for name, text in (("empty", ""), ("text", "hello\n"), ("cut", keys("user").read_text()[:200])):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    lines = [f"IdentityFile {tmp_path}/{name}" for name in ("text", "cut", "missing")]
    place.host("m", start_sshd(), tmp_path / "empty", *lines)
    error = str(refusal(place))
    for name in ("empty", "text", "cut"):
        assert f"{tmp_path}/{name} is not a private key that we can read" in error
    assert f"{tmp_path}/missing does not exist" in error


def test_too_many_keys_are_said_to_be_too_many(start_sshd, place, keys) -> None:
    lines = [f"IdentityFile {keys(f'stranger{number}')}" for number in range(4)]
    place.host("m", start_sshd("MaxAuthTries 3"), keys("user"), *lines)
    error = refusal(place)
    assert "hung up after too many attempts to log in" in str(error)
    assert "IdentitiesOnly yes" in (error.problems[0].fix or "")


def test_an_account_that_may_not_log_in(start_sshd, place, keys) -> None:
    place.host("m", start_sshd("DenyUsers *"), keys("user"))
    assert f"m does not let {place.local.user} in; tried: {keys('user')}" in str(refusal(place))


def test_two_proofs_where_two_are_wanted(start_sshd, place, keys, run) -> None:
    both = (keys("user"), keys("second"))
    server = start_sshd("AuthenticationMethods publickey,publickey", authorized=both)
    place.host("m", server, both[0], f"IdentityFile {both[1]}")
    assert comes_in(place, run)


def test_only_keys_of_accepted_algorithms_are_tried(start_sshd, place, keys) -> None:
    place.host("m", start_sshd(), keys("user"), "PubkeyAcceptedAlgorithms rsa-sha2-512")
    assert f"{keys('user')} has no algorithm that both sides take" in str(refusal(place))


def test_no_keys_are_shown_where_they_are_switched_off(start_sshd, place, keys) -> None:
    server = start_sshd()
    place.host("m", server, keys("user"), "PubkeyAuthentication no")
    assert "there was nothing to try" in str(refusal(place))
    assert "Accepted" not in server.log


class TestAgent:
    def test_its_keys_let_us_in(self, start_sshd, place, keys, run, agent) -> None:
        place.host("m", start_sshd(), None, f"IdentityAgent {agent(keys('stranger'), keys('user'))}")
        assert comes_in(place, run)

    @pytest.mark.parametrize("kind", ["rsa", "ecdsa"])
    def test_so_do_keys_of_other_kinds(self, start_sshd, place, keys, run, agent, kind: str) -> None:
        key = keys("user", kind=kind)
        place.host("m", start_sshd(authorized=(key,)), None, f"IdentityAgent {agent(key)}")
        assert comes_in(place, run)

    def test_a_locked_file_whose_key_it_holds_is_not_asked_about(
        self, start_sshd, place, keys, run, agent, tmp_path
    ) -> None:
        locked = copy(keys("user"), tmp_path, "locked")
        subprocess.run(["ssh-keygen", "-q", "-p", "-N", "secret word", "-f", locked], check=True)
        socket = agent(keys("stranger"), keys("user"))
        place.host("m", start_sshd(), locked, f"IdentityAgent {socket}", "IdentitiesOnly yes")
        person = Person("secret word")
        assert comes_in(place, run, client=place.client(person))
        assert person.questions == []

    def test_identities_only_leaves_its_other_keys_alone(self, start_sshd, place, keys, agent) -> None:
        server = start_sshd()
        lines = (f"IdentityAgent {agent(keys('user'))}", "IdentitiesOnly yes")
        place.host("m", server, keys("stranger"), *lines)
        assert f"tried: {keys('stranger')};" in str(refusal(place))

    def test_a_public_key_file_names_one_of_its_keys(self, start_sshd, place, keys, run, agent, tmp_path) -> None:
        shutil.copy(f"{keys('user')}.pub", tmp_path / "named")
        others = [keys(f"stranger{number}") for number in range(4)]
        lines = (f"IdentityAgent {agent(*others, keys('user'))}", "IdentitiesOnly yes")
        place.host("m", start_sshd("MaxAuthTries 2"), tmp_path / "named", *lines)
        assert comes_in(place, run)

    def test_one_that_does_not_answer_is_named_and_keys_in_files_do(
        self, start_sshd, place, keys, run, tmp_path
    ) -> None:
        server = start_sshd()
        place.host("m", server, keys("user"), f"IdentityAgent {tmp_path}/none")
        assert comes_in(place, run)
        place.host("n", server, keys("stranger"), f"IdentityAgent {tmp_path}/none", known=False)
        assert f"the agent at {tmp_path}/none does not answer: No such file or directory" in str(refusal(place, "n"))

    def test_one_that_refuses_to_sign_is_named(self, start_sshd, place, keys, agent) -> None:
        socket = agent(keys("user"), words=("-c",))  # to be confirmed, and there is no program to do it with
        place.host("m", start_sshd(), None, f"IdentityAgent {socket}")
        assert "(agent) was not used: the agent does not sign with it" in str(refusal(place))

    def test_it_serves_many_machines_at_once(self, start_sshd, place, keys, run, agent) -> None:
        server, socket = start_sshd(), agent(keys("stranger"), keys("user"))
        for number in range(8):
            place.host(f"m{number}", server, None, f"IdentityAgent {socket}", known=number == 0)
        client = place.client()
        with ThreadPoolExecutor(8) as threads:
            assert all(threads.map(lambda number: comes_in(place, run, f"m{number}", client), range(8)))


class TestCertificates:
    @pytest.fixture
    def signed(self, keys, tmp_path, place):
        """A copy of a key, with its certificate for whoever runs this beside it."""

        def signed(*words: str, kind: str = "ed25519", name: str = "id"):
            key = copy(keys("user", kind=kind), tmp_path, name)
            sign = [
                "ssh-keygen",
                "-q",
                "-s",
                keys("authority"),
                "-I",
                "me",
                "-n",
                place.local.user,
                *words,
                f"{key}.pub",
            ]
            subprocess.run(sign, check=True)
            return key

        return signed

    @pytest.fixture
    def server(self, start_sshd, keys):
        return start_sshd(f"TrustedUserCAKeys {keys('authority')}.pub", authorized=())

    @pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
    def test_one_beside_its_key(self, server, place, run, signed, kind: str) -> None:
        place.host("m", server, signed(kind=kind))
        assert comes_in(place, run)
        assert "Accepted certificate" in server.log

    def test_one_named_on_its_own(self, server, place, run, signed, tmp_path) -> None:
        key = signed()
        (tmp_path / "id-cert.pub").rename(tmp_path / "elsewhere.pub")
        place.host("m", server, key, f"CertificateFile {tmp_path}/elsewhere.pub")
        assert comes_in(place, run)

    def test_one_whose_key_only_the_agent_has(self, server, place, run, signed, tmp_path, keys, agent) -> None:
        signed().unlink()
        lines = (f"CertificateFile {tmp_path}/id-cert.pub", f"IdentityAgent {agent(keys('user'))}")
        place.host("m", server, None, *lines)
        assert comes_in(place, run)

    def test_one_that_the_agent_holds(self, server, place, run, signed, agent) -> None:
        place.host("m", server, None, f"IdentityAgent {agent(signed())}")
        assert comes_in(place, run)

    def test_one_without_its_key_is_named(self, server, place, signed, tmp_path) -> None:
        signed().unlink()
        place.host("m", server, None, f"CertificateFile {tmp_path}/id-cert.pub")
        assert f"{tmp_path}/id-cert.pub is a certificate whose key is neither in a file named nor with" in str(
            refusal(place)
        )

    def test_one_that_has_expired_is_refused_by_name(self, server, place, signed) -> None:
        key = signed("-V", "-2d:-1d")
        place.host("m", server, key)
        assert f"tried: {key}, {key}-cert.pub" in str(refusal(place))
