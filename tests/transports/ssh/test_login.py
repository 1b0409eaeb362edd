"""Passwords and questions, against a server of paramiko's own: a real sshd here knows no password of ours."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from pathlib import Path

import pytest

from reconciler.model.errors import UnreachableError
from reconciler.transports.ssh.library import paramiko
from reconciler.transports.ssh.login import MORE
from yardstick import SOON_SECONDS


class Gate(paramiko.ServerInterface):
    """Lets `password` in, by the methods it takes; answers each command with `welcome`."""

    methods = "password"
    password = "pässword"
    rounds: tuple[tuple[tuple[str, bool], ...], ...] = ((("Password: ", False),),)
    wanted: tuple[str, ...] = ("pässword",)
    instructions = ""
    expired = False

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.transport: paramiko.Transport | None = None

    def get_allowed_auths(self, username: str) -> str:
        return self.methods

    def check_auth_password(self, username: str, password: str) -> int:
        self.heard.append(password)
        if self.expired and self.transport:
            message = paramiko.Message()
            message.add_byte(bytes([MORE]))
            message.add_string("Your password has expired.")
            message.add_string("")
            self.transport._send_message(message)
        return paramiko.AUTH_SUCCESSFUL if password == self.password and not self.expired else paramiko.AUTH_FAILED

    def check_auth_interactive(self, username: str, submethods: str):
        self.answers: list[str] = []
        return self._ask()

    def check_auth_interactive_response(self, responses):
        self.answers += responses
        self.heard += responses
        if len(self.answers) < sum(map(len, self.rounds)):
            return self._ask()
        return paramiko.AUTH_SUCCESSFUL if tuple(self.answers) == self.wanted else paramiko.AUTH_FAILED

    def _ask(self):
        done = len(self.answers)
        for prompts in self.rounds:
            if done == 0:
                return paramiko.InteractiveQuery("title", self.instructions, *prompts)
            done -= len(prompts)
        raise AssertionError

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        def answer() -> None:
            channel.sendall(b"welcome\n")
            channel.send_exit_status(0)
            channel.shutdown(1)
            channel.close()

        threading.Timer(0.05, answer).start()
        return True


class Person:
    def __init__(self, **answers: str | None) -> None:
        self.answers, self.questions = answers, []

    def __call__(self, question: str) -> str | None:
        self.questions.append(question)
        return next((answer for word, answer in self.answers.items() if word in question), None)


@pytest.fixture
def gate(place, keys, server_that):
    """`gate(Gate, "m")`: adds a host to the config; what each connection's gate heard is in the list."""

    def gate(kind: type[Gate], name: str = "m", *lines: str) -> list[str]:
        heard: list[str] = []
        key = paramiko.Ed25519Key.from_private_key_file(str(keys("host")))

        def serve(connection) -> None:
            gate = kind()
            gate.heard = heard
            transport = gate.transport = paramiko.Transport(connection)
            transport.add_server_key(key)
            with contextlib.suppress(paramiko.SSHException):
                transport.start_server(server=gate)
            while transport.is_active():
                time.sleep(0.05)

        port = server_that(serve)
        place.host(name, port, None, *lines)
        public = Path(f"{keys('host')}.pub").read_text()
        place.know(f"[127.0.0.1]:{port} {public}")
        return heard

    return gate


def comes_in(place, client, name: str = "m") -> bool:
    return place.door(name, client).start().finish().stdout == b"welcome\n"


def refusal(place, client) -> UnreachableError:
    with pytest.raises(UnreachableError) as error:
        place.door("m", client).start()
    return error.value


class Interactive(Gate):
    methods = "keyboard-interactive,password"


class Slow(Gate):
    def check_auth_password(self, username: str, password: str) -> int:
        time.sleep(20)
        return paramiko.AUTH_FAILED


class Pushy(Gate):
    """Sends whatever we allowed it to send."""

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        def push() -> None:
            channel.out_window_size = 2**40
            with contextlib.suppress(EOFError, OSError):
                for _ in range(1000):
                    channel.sendall(bytes(60_000))

        threading.Thread(target=push, daemon=True).start()
        return True


class Garbled(Interactive):
    instructions = ""

    def check_auth_interactive(self, username: str, submethods: str):
        message = paramiko.Message()
        message.add_byte(bytes([MORE]))
        for text in (b"\xff\xfe", b"\x1b[2J", b""):
            message.add_string(text)
        message.add_int(2**32 - 1)
        message.add_string(b"\xff?")
        assert self.transport
        self.transport._send_message(message)
        return paramiko.AUTH_FAILED


class TwoFactors(Interactive):
    rounds = ((("Password: ", False),), (("Code: ", False), ("Place: ", True)))
    wanted = ("pässword", "123", "home")


class Expired(Gate):
    expired = True


class ExpiredByQuestions(Interactive):
    rounds = ((("Password: ", False),), (("Current password: ", False), ("New password: ", False)))


@pytest.mark.parametrize("kind", [Gate, Interactive])
def test_a_known_password_is_used_without_asking(gate, place, kind) -> None:
    heard, person = gate(kind), Person()
    assert comes_in(place, place.client(person, login_password=lambda settings: "pässword"))
    assert (heard, person.questions) == (["pässword"], [])


@pytest.mark.parametrize("kind", [Gate, Interactive])
def test_else_it_is_asked_for_once_a_run(gate, place, kind) -> None:
    gate(kind)
    person = Person(password="pässword")
    client = place.client(person)
    assert comes_in(place, client) and comes_in(place, client)
    assert person.questions == [f"{place.local.user}@m's password: "]


@pytest.mark.parametrize("kind", [Gate, Interactive])
def test_a_wrong_password_is_tried_once_and_said_to_be_refused(gate, place, kind) -> None:
    heard = gate(kind)
    error = refusal(place, place.client(Person(password="wrong")))
    assert f"m does not let {place.local.user} in; tried: password" in str(error)
    assert "check the password" in (error.problems[0].fix or "")
    assert heard == ["wrong"]


def test_a_wrong_password_is_not_tried_again_by_another_method(gate, place) -> None:
    heard = gate(Interactive, "m", "PreferredAuthentications password,keyboard-interactive")
    refusal(place, place.client(Person(password="wrong")))
    assert heard == ["wrong"]


@pytest.mark.parametrize("kind", [Gate, Interactive])
def test_nobody_to_ask_is_said(gate, place, kind) -> None:
    heard = gate(kind)
    error = refusal(place, place.client())
    assert "the password, for nobody could be asked for it" in str(error)
    assert "ssh_password" in (error.problems[0].fix or "")
    assert heard == []


def test_batch_mode_asks_nobody(gate, place) -> None:
    gate(Gate, "m", "BatchMode yes")
    person = Person(password="pässword")
    refusal(place, place.client(person))
    assert person.questions == []


def test_further_questions_are_put_in_the_words_of_the_server(gate, place) -> None:
    gate(TwoFactors)
    person = Person(password="pässword", Code="123", Place="home")
    assert comes_in(place, place.client(person))
    who = f"{place.local.user}@m"
    assert person.questions == [f"{who}'s password: ", f"{who}: Code: ", f"{who}: Place: "]


@pytest.mark.parametrize("kind", [Expired, ExpiredByQuestions])
def test_an_expired_password_is_said_to_be_expired(gate, place, kind) -> None:
    gate(kind)
    error = refusal(place, place.client(Person(password="pässword")))
    assert f"the password of {place.local.user} on m has expired" in str(error)
    assert f"{place.local.user}@m  and choose one" in (error.problems[0].fix or "")


def test_the_password_of_a_machine_is_not_told_to_a_hop(gate, place) -> None:
    hop, machine = gate(Gate, "hop"), gate(Gate, "m", "ProxyJump hop")
    client = place.client(Person(), login_password=lambda settings: "pässword")
    error = refusal(place, client)
    assert "hop does not let" in str(error)
    assert (hop, machine) == ([], [])


def test_the_methods_of_ssh_config_are_the_ones_tried(gate, place) -> None:
    heard = gate(Interactive, "m", "PasswordAuthentication no", "KbdInteractiveAuthentication no")
    assert "there was nothing to try" in str(refusal(place, place.client(Person(password="pässword"))))
    assert heard == []


def test_a_password_stands_in_no_message(gate, place) -> None:
    gate(Gate)
    secret = os.urandom(8).hex()
    error = refusal(place, place.client(login_password=lambda settings: secret))
    assert secret not in repr(error) + str(error.problems)


def test_questions_that_are_no_text_end_in_a_refusal(gate, place) -> None:
    gate(Garbled)
    refusal(place, place.client())


def test_logging_in_can_be_given_up(gate, place) -> None:
    gate(Slow)
    door = place.door("m", place.client(login_password=lambda settings: "pässword"))
    threading.Timer(0.5, door.close).start()
    began = time.monotonic()
    with pytest.raises(UnreachableError, match="m hung up while"):
        door.start()
    assert time.monotonic() - began < SOON_SECONDS


def test_a_server_that_sends_more_than_it_may_is_cut_off(gate, place) -> None:
    gate(Pushy)
    exchange = place.door("m", place.client(login_password=lambda settings: "pässword")).start()
    time.sleep(1)  # a person reads a plan meanwhile
    with pytest.raises(
        UnreachableError, match="was lost while a command ran there: it sent more than it was allowed to"
    ):
        exchange.finish()
