"""Where passwords come from, who is asked for them when, and that they go nowhere else."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.accounts import User
from private_etc import NAME, PATIENCE_SECONDS, Conversation, PrivateEtc, converse, private_etc
from reconciler import __version__
from reconciler.cli.passwords import read_password_file, secret_password
from reconciler.cli.session import Choice, session_of_saved
from reconciler.documents.machine_file import MachineFile
from reconciler.documents.machine_file import read as read_machine_file
from reconciler.documents.reader import Caller
from reconciler.model.address import Target
from reconciler.model.desired import DesiredItems, DesiredKind
from reconciler.model.errors import DocumentError, UsageError
from reconciler.model.saved_plan import SavedPlan, to_text
from reconciler.model.secrets import SecretHole, SecretText

PASSWORD = "canary-7f3a $(id) 'x"

# ── a file ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def file(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(data: bytes, mode: int = 0o600) -> Path:
        path = tmp_path / "password"
        path.write_bytes(data)
        path.chmod(mode)
        return path

    return write


@pytest.mark.parametrize(
    ("data", "password"),
    [
        (b"secret", "secret"),
        (b"secret\n", "secret"),
        (b"secret\r\n", "secret"),
        (b" a 'b' \\ \n", " a 'b' \\ "),
        (b"first\nsecond\n", "first"),
        ("pässwörd\n".encode(), "pässwörd"),
        (b"\xff\xfe\n", "\udcff\udcfe"),
    ],
)
def test_the_first_line_of_the_file_is_the_password(file: Callable[[bytes], Path], data: bytes, password: str) -> None:
    assert read_password_file(file(data)) == password


@pytest.mark.parametrize("data", [b"", b"\n", b"\nsecond", b"a\0b"])
def test_a_file_without_a_password_is_refused(file: Callable[[bytes], Path], data: bytes) -> None:
    with pytest.raises(UsageError, match="holds no password"):
        read_password_file(file(data))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620, 0o602, 0o660, 0o777])
def test_a_file_that_others_can_read_is_refused_with_the_command_to_close_it(
    file: Callable[..., Path], mode: int
) -> None:
    path = file(b"secret\n", mode)
    with pytest.raises(UsageError) as error:
        read_password_file(path)
    (problem,) = error.value.problems
    assert problem.what == f"{path} can be read by others" and problem.fix == f"chmod 600 {path}"


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_file_of_ones_own_is_read(file: Callable[..., Path], mode: int) -> None:
    assert read_password_file(file(b"secret\n", mode)) == "secret"


def test_what_is_no_file_says_why(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="missing cannot be read: No such file or directory"):
        read_password_file(tmp_path / "missing")
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        read_password_file(tmp_path)


def test_a_pipe_of_a_password_manager_is_read() -> None:
    """`--sudo-password-file <(pass sudo)`"""
    reading, writing = os.pipe()
    os.write(writing, b"secret\n")
    os.close(writing)
    assert read_password_file(Path(f"/dev/fd/{reading}")) == "secret"
    os.close(reading)


def test_a_bad_password_file_is_a_usage_error_before_anything_is_asked(machine, tmp_path: Path) -> None:
    ran = machine.run("plan", "--sudo-password-file", str(tmp_path / "missing"))
    assert (ran.code, ran.out) == (64, "")
    assert f"{tmp_path}/missing cannot be read" in ran.err


# ── machine.yaml ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def me(tmp_path: Path) -> Caller:
    config = tmp_path / "config"
    config.mkdir()
    return Caller(name="me", uid=os.geteuid(), gid=os.getegid(), home=str(tmp_path), config=config)


def machine_yaml(me: Caller, secrets: str) -> MachineFile:
    (me.config / "machine.yaml").write_text(f"secrets: {secrets}\n")
    return read_machine_file(me)


def test_a_secret_of_machine_yaml_is_the_password(me: Caller, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("of a file\n")
    (tmp_path / "kept").chmod(0o600)
    assert (
        secret_password(machine_yaml(me, f"{{sudo_password: {{file: {tmp_path}/kept}}}}"), "sudo_password", me)
        == "of a file"
    )
    found = machine_yaml(me, "{ssh_password: {command: [printf, 'of a program']}}")
    assert secret_password(found, "ssh_password", me) == "of a program"
    assert secret_password(found, "sudo_password", me) is None


@pytest.mark.parametrize("printed", ["one\\ntwo", ""])
def test_a_secret_that_is_not_one_line_is_refused(me: Caller, printed: str) -> None:
    found = machine_yaml(me, f"{{sudo_password: {{command: [printf, '{printed}']}}}}")
    with pytest.raises(DocumentError) as error:
        secret_password(found, "sudo_password", me)
    (problem,) = error.value.problems
    assert problem.what == "the secret sudo_password is not one line of text" and problem.fix
    assert "two" not in str(error.value)


# ── reserved names ──────────────────────────────────────────────────────────────────────────────────────────────────


def saved(name: str) -> SavedPlan:
    """A plan that somebody forged, to see a secret in a file."""
    here = Target("lt", "main")
    content = {"content": SecretText((SecretHole(name),)), "mode": "0644"}
    kinds = {"files": DesiredKind(items={"/etc/reconcile-test-leak": content})}
    return SavedPlan(
        tool=__version__, root=None, here=here, desired=(DesiredItems(target=here, kinds=kinds),), changes={}
    )


@pytest.fixture
def passwords_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    config = tmp_path / "home/.config/reconcile"
    config.mkdir(parents=True)
    (tmp_path / "kept").write_text(PASSWORD)
    (tmp_path / "kept").chmod(0o600)
    sources = ", ".join(f"{name}: {{file: {tmp_path}/kept}}" for name in ("sudo_password", "ssh_password", "word"))
    (config / "machine.yaml").write_text(f"secrets: {{{sources}}}\n")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "SUDO_USER"):
        monkeypatch.delenv(name, raising=False)
    for name in ("SUDO_PASSWORD", "SSH_PASSWORD"):
        monkeypatch.setenv(f"RECONCILE_SECRET_{name}", PASSWORD)
    return tmp_path


@pytest.mark.parametrize("name", ["sudo_password", "ssh_password", "SUDO_PASSWORD", "Ssh_Password"])
def test_no_plan_is_ever_filled_with_a_password(passwords_everywhere: Path, name: str) -> None:
    session = session_of_saved(Choice(directory=passwords_everywhere), saved(name))
    assert session.secrets.lookup("word") == PASSWORD
    assert session.secrets.lookup(name) is None


@pytest.mark.parametrize("name", ["sudo_password", "SSH_PASSWORD"])
def test_a_forged_plan_that_names_a_password_is_refused(
    passwords_everywhere: Path, command: Callable[..., object], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("HOME", str(passwords_everywhere / "home"))
    path = passwords_everywhere / "plan.json"
    path.write_text(to_text(saved(name)))
    ran = command("apply", str(path), "--yes")
    assert ran.code == 5 and "1 blocked" in ran.out  # type: ignore[attr-defined]
    assert "canary" not in ran.out + ran.err  # type: ignore[attr-defined]
    assert not Path("/etc/reconcile-test-leak").exists()


# ── a person at a terminal, on this machine ─────────────────────────────────────────────────────────────────────────


DOCUMENT = """\
version: 1
distro:
  files: {/etc/hello: {content: "hello\\n", mode: "0600"}}
  directories: {/root/only-root-sees: {}}
user:
  files: {~/mine: {content: "mine\\n"}}
"""
ASKED = "sudo password on this machine (nothing: go on without root): "
CONSENT = "[y/N]: "


@dataclass
class Desk:
    """A plain user who may do all with sudo, and the repo at home."""

    etc: PrivateEtc

    def converse(self, *words: str, answers: list[tuple[str, str]]) -> Conversation:
        found = converse(self.etc.reconcile(*words, "-C", f"/home/{NAME}/repo"), answers)
        assert "canary" not in found.said
        return found

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """With nobody to ask."""
        done = subprocess.run(
            self.etc.reconcile(*words, "-C", f"/home/{NAME}/repo"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
        )
        assert "canary" not in done.stdout + done.stderr
        return done

    def write(self, path: str, text: str, mode: int = 0o600) -> None:
        at = self.etc.at(f"/home/{NAME}/{path}")
        at.parent.mkdir(parents=True, exist_ok=True)
        at.write_text(text)
        at.chmod(mode)
        subprocess.run(["chown", "-R", "1000:1000", str(self.etc.at(f"/home/{NAME}"))], check=True)

    @property
    def written(self) -> list[str]:
        names = ("/etc/hello", f"/home/{NAME}/mine", "/root/only-root-sees")
        return [name for name in names if self.etc.at(name).exists()]


ALL_WRITTEN = ["/etc/hello", f"/home/{NAME}/mine", "/root/only-root-sees"]
OWN_WRITTEN = [f"/home/{NAME}/mine"]


@pytest.fixture
def desk() -> Iterator[Callable[..., Desk]]:
    with ExitStack() as stack:

        def make(sudo: str = "password", **user: object) -> Desk:
            etc = stack.enter_context(private_etc({NAME: User(password=PASSWORD, sudo=sudo, **user)}))  # type: ignore[arg-type]
            etc.as_root("mount -t tmpfs -o mode=700 private /root")
            one = Desk(etc)
            one.write("repo/reconcile.yaml", DOCUMENT)
            return one

        yield make


def test_the_password_is_asked_for_once_and_what_root_sees_is_shown_before_consent(desk: Callable[..., Desk]) -> None:
    one = desk()
    found = one.converse("apply", answers=[(ASKED, f"{PASSWORD}\n"), (CONSENT, "y\n")])
    assert found.code == 0, found.said
    assert found.said.count("sudo password") == 1
    before, _, after = found.said.partition(ASKED)
    assert "Plan:" not in before  # nothing is shown that consent is not asked for
    assert "Plan: 3 to add" in after and after.index("Plan:") < after.index(CONSENT)
    assert one.written == ALL_WRITTEN
    assert one.etc.at("/etc/hello").stat().st_uid == 0
    assert one.etc.at(f"/home/{NAME}/mine").stat().st_uid == 1000
    assert one.run("apply", "--yes").returncode == 5  # what root alone sees is unknown again, and nothing is hidden


def test_consent_that_is_declined_leaves_everything_as_it_was(desk: Callable[..., Desk]) -> None:
    one = desk()
    found = one.converse("apply", answers=[(ASKED, f"{PASSWORD}\n"), (CONSENT, "n\n")])
    assert found.code == 5 and "nothing was changed" in found.said
    assert one.written == []


@pytest.mark.parametrize("prompt", [ASKED, CONSENT])
def test_ctrl_c_at_a_question_is_130_and_nothing_is_written(desk: Callable[..., Desk], prompt: str) -> None:
    one = desk()
    answers = [(ASKED, f"{PASSWORD}\n"), (CONSENT, "y\n")]
    before = answers[: [question for question, _ in answers].index(prompt)]
    found = one.converse("apply", answers=[*before, (prompt, "\x03")])
    assert found.code == 130 and "interrupted" in found.said
    assert one.written == []


def test_a_wrong_password_is_said_and_asked_for_again(desk: Callable[..., Desk]) -> None:
    one = desk()
    found = one.converse("apply", "--yes", answers=[(ASKED, "guess\n"), (ASKED, f"{PASSWORD}\n")])
    assert found.code == 0 and found.said.count("That is not the password.") == 1, found.said
    assert one.written == ALL_WRITTEN


def test_who_types_nothing_gets_his_own_and_the_rest_is_refused_by_name(desk: Callable[..., Desk]) -> None:
    one = desk()
    found = one.converse("apply", "--yes", answers=[(ASKED, "\n")])
    assert found.code == 5, found.said
    assert one.written == OWN_WRITTEN
    assert "/etc/hello" in found.said and "needs root" in found.said


def test_where_sudo_wants_no_password_nobody_is_asked(desk: Callable[..., Desk]) -> None:
    one = desk("nopasswd")
    found = one.converse("apply", answers=[(CONSENT, "y\n")])
    assert found.code == 0 and "sudo password" not in found.said
    assert one.written == ALL_WRITTEN


def test_a_plan_asks_for_no_password(desk: Callable[..., Desk]) -> None:
    one = desk()
    found = one.converse("plan", answers=[])
    assert found.code == 0 and "sudo password" not in found.said and "unknown" in found.said


def test_verify_asks_for_no_password(desk: Callable[..., Desk]) -> None:
    found = desk().converse("verify", answers=[])
    assert found.code == 2 and "sudo password" not in found.said


# ── with nobody to ask ──────────────────────────────────────────────────────────────────────────────────────────────


def test_without_a_terminal_ones_own_is_written_and_the_rest_refused_with_the_way_out(
    desk: Callable[..., Desk],
) -> None:
    one = desk()
    done = one.run("apply", "--yes")
    assert done.returncode == 5
    assert one.written == OWN_WRITTEN
    assert "needs root: sudo: a password is required" in done.stdout and "--sudo-password-file" in done.stdout


@pytest.mark.parametrize("source", ["file", "secret"])
def test_a_known_password_serves_without_a_terminal(desk: Callable[..., Desk], source: str) -> None:
    one = desk()
    one.write("kept", f"{PASSWORD}\n")
    words: tuple[str, ...] = ("--sudo-password-file", f"/home/{NAME}/kept")
    if source == "secret":
        one.write(".config/reconcile/machine.yaml", f"secrets: {{sudo_password: {{file: /home/{NAME}/kept}}}}\n")
        words = ()
    done = one.run("apply", "--yes", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert one.written == ALL_WRITTEN


def test_a_known_password_that_is_wrong_is_said_so(desk: Callable[..., Desk]) -> None:
    one = desk()
    one.write("kept", "guess\n")
    done = one.run("apply", "--yes", "--sudo-password-file", f"/home/{NAME}/kept")
    assert done.returncode == 5
    assert "sudo did not take the password" in done.stdout
    assert one.written == OWN_WRITTEN


def test_a_known_password_that_is_wrong_is_asked_for_at_a_terminal(desk: Callable[..., Desk]) -> None:
    one = desk()
    one.write("kept", "guess\n")
    words = ("apply", "--yes", "--sudo-password-file", f"/home/{NAME}/kept")
    found = one.converse(*words, answers=[(ASKED, f"{PASSWORD}\n")])
    assert found.code == 0 and "That is not the password." in found.said, found.said
    assert one.written == ALL_WRITTEN


def test_a_machine_that_is_not_to_become_root_is_not_asked_for_a_password(desk: Callable[..., Desk]) -> None:
    one = desk("nopasswd")
    one.write(".config/reconcile/machine.yaml", "become: none\n")
    found = one.converse("apply", "--yes", answers=[])
    assert found.code == 5 and "sudo password" not in found.said
    assert one.written == OWN_WRITTEN


def test_a_saved_plan_is_applied_with_the_password_and_never_widens(desk: Callable[..., Desk]) -> None:
    one = desk()
    assert one.run("plan", "-o", f"/home/{NAME}/p.json").returncode == 0
    assert json.loads(one.etc.at(f"/home/{NAME}/p.json").read_text())["guards"]
    found = one.converse("apply", f"/home/{NAME}/p.json", "--yes", answers=[(ASKED, f"{PASSWORD}\n")])
    assert found.code in (0, 5), found.said
    assert "/root/only-root-sees" not in one.written  # it was unknown when the plan was made
    assert "/etc/hello" in one.written


def test_the_source_of_a_password_is_not_asked_where_nothing_needs_it(machine, tmp_path: Path) -> None:
    """It may be a program that wants a finger on a key."""
    config = machine.home / ".config/reconcile/machine.yaml"
    config.parent.mkdir(parents=True)
    config.write_text(f"secrets: {{sudo_password: {{command: [touch, {tmp_path}/asked]}}}}\n")
    config.chmod(0o600)
    assert machine.run("plan").code == 0
    assert machine.run("apply", "--yes").code == 0
    assert not (tmp_path / "asked").exists()
