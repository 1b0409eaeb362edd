"""Secrets in every place that takes one, and none of them anywhere else.

A user with a sudo password plans and applies on the machine where they work, under strace. Searched are: the words and the
environment of every program that is started, all that is printed, and every file; for each secret as it is and as it could be
encoded. Source: the failures of other tools, such as passwords in command lines, logs and saved plans.
"""

from __future__ import annotations

import base64
import contextlib
import os
import re
import secrets
import shutil
import stat
import subprocess
import time
import urllib.parse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from lab.accounts import User
from private_etc import NAME, PATIENCE_SECONDS, PYTHON, PrivateEtc, converse, private_etc

HOME: Final = f"/home/{NAME}"
PREFIX: Final = "RECONCILE_SECRET_"
AWKWARD: Final = " $(id) 'x' \"y\" `z` %2 \\ é"
"""Behind each secret: what would show an encoding that was forgotten."""
OWN: Final = ("/home", "/etc", "/run", "/var/lib", "/root/.local/state", "/root/.config/reconcile")
SHARED: Final = ("/tmp", "/var/tmp", "/dev/shm", "/var/log")
"""With the whole computer, which keeps much there: looked into not so deep."""
KEPT: Final = re.compile(r"(/var/lib|/home/dev/\.local/state)/reconcile/(before|conflict)/.*")
"""What apply keeps of files as they were: the same bytes, for the same reader."""

SLOTS: Final = (
    *("go_env", "shell_env", "environment_d", "file", "file_template", "file_json", "file_quoted"),
    *("root_file", "root_template", "by_file", "by_command", "by_variable"),
)
EXPORTED: Final = frozenset({"shell_env by default", "by_variable"})
"""Those that are variables of each session."""
MACHINE_FILE: Final = f"""\
workstation: box
secrets:
  by_file: {{file: {HOME}/.token}}
  by_command: {{command: [{HOME}/give]}}
  by_variable: {{env: OWN_TOKEN}}
"""
DOCUMENT: Final = """\
version: 1
workstations: {box: {}}
secrets: {SECRETS}
distro:
  files:
    /etc/canary: {content: "{{ secrets.root_file }}\\n"}
    /etc/canary.conf: {template: root.j2, mode: "0600"}
user:
  go_env:
    GOPROXY: "https://u:{{ secrets.go_env | urlencode }}@proxy.example.com,direct"
    GOBIN: "{{ user.home }}/bin"
  shell_env:
    variables:
      HTTPS_PROXY: "http://u:{{ secrets.shell_env | urlencode }}@proxy.example.com"
      OWN: "{{ secrets.by_variable }}"
  environment_d: {TOKEN: "{{ secrets.environment_d }}"}
  files:
    ~/.netrc: {content: "password {{ secrets.file }}\\n"}
    ~/.config/one: {template: one.j2}
    ~/.config/two: {content: "{{ secrets.by_file }} {{ secrets.by_command }}\\n"}
""".replace("SECRETS", ", ".join(f"{slot}: {{}}" for slot in SLOTS))
WITHOUT: Final = """\
version: 1
workstations: {box: {}}
distro: {files: {/etc/canary: {absent: true}, /etc/canary.conf: {absent: true}}}
user:
  go_env: {GOPROXY: {absent: true}}
  shell_env: {variables: {HTTPS_PROXY: {absent: true}, OWN: {absent: true}}}
  environment_d: {TOKEN: {absent: true}}
  files: {~/.netrc: {absent: true}, ~/.config/one: {absent: true}, ~/.config/two: {absent: true}}
"""
GIVER: Final = """#!/bin/sh
IFS= read -r line <.given; printf '%s\\n' "$line"
"""
TEMPLATES: Final = {
    "root.j2": "a={{ secrets.root_template }}\n{% if true %}b={{ secrets.root_template | quote }}\n{% endif %}",
    "one.j2": "{{ secrets.file_template }}\n{{ secrets.file_json | tojson }}\n{{ secrets.file_quoted | quote }}\n",
}
MANAGED: Final = {
    *("/etc/canary", "/etc/canary.conf", f"{HOME}/.config/go/env", f"{HOME}/.config/reconcile/env.sh"),
    *(
        f"{HOME}/.config/environment.d/60-reconcile.conf",
        f"{HOME}/.netrc",
        f"{HOME}/.config/one",
        f"{HOME}/.config/two",
    ),
}
SOURCES: Final = {f"{HOME}/.token", f"{HOME}/.given", f"{HOME}/.password"}


def encoded(word: str) -> Iterator[str]:
    """A word of letters and digits, in each way that text may hold it."""
    data = word.encode()
    yield word
    yield data.hex()
    yield "".join(f"%{byte:02X}" for byte in data)
    yield "".join(f"\\u{byte:04x}" for byte in data)
    yield word[::-1]
    for before in range(3):
        whole = base64.b64encode(b"\0" * before + data).decode().rstrip("=")
        yield whole[(before * 4 + 2) // 3 : -2]


@dataclass
class Canaries:
    """All that was tried: what is looked for, each with the slot that it is of."""

    forms: dict[str, str] = field(default_factory=dict)

    def made(self, slot: str) -> str:
        word = f"Kanary{secrets.token_hex(8)}"
        self.forms |= dict.fromkeys(encoded(word), slot)
        return word + AWKWARD

    def found(self, text: str) -> set[str]:
        """The slots whose secret stands in the text, also where a line was broken in the middle of it."""
        both = (text, re.sub(r"\s+", "", text))
        return {slot for form, slot in self.forms.items() if any(form in said for said in both)}


@dataclass
class Desk:
    """`variables` are those of the person's shell."""

    etc: PrivateEtc
    folder: Path
    monkeypatch: pytest.MonkeyPatch
    canaries: Canaries = field(default_factory=Canaries)
    since: float = field(default_factory=lambda: time.time() - 5)

    def has_new_secrets(self) -> None:
        """One for each slot. What the last ones were is still looked for."""
        for slot in SLOTS:
            self.monkeypatch.setenv(f"{PREFIX}{slot.upper()}", self.canaries.made(f"{slot} by default"))
        self.monkeypatch.setenv("OWN_TOKEN", self.canaries.made("by_variable"))
        self.monkeypatch.setenv("SOMEBODY_ELSES", self.canaries.made("inherited"))
        self.write(".token", self.canaries.made("by_file"), 0o600)
        self.write(".given", self.canaries.made("by_command"), 0o600)

    def write(self, name: str, text: str, mode: int = 0o644) -> None:
        path = self.etc.at(f"{HOME}/{name}")
        self.etc.as_root(f"setpriv --reuid {NAME} --regid {NAME} --clear-groups mkdir -p {Path(HOME, name).parent}")
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        os.chown(path, *[self.etc.at(HOME).stat().st_uid] * 2)

    def declares(self, document: str) -> None:
        self.write("repo/reconcile.yaml", document)

    def argv(self, words: Sequence[str]) -> list[str]:
        own = {**self.etc.environment, "PATH": "/usr/local/bin:/usr/bin:/bin", "PYTHONPATH": "/mnt/project:/mnt/site"}
        own |= {"PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "100", "NO_COLOR": "1", "LC_ALL": "C.UTF-8"}
        inside = [*self.etc.login, "env", *(f"{name}={value}" for name, value in own.items()), PYTHON, "-P"]
        strace = [
            "strace",
            "-f",
            "-qq",
            "-e",
            "trace=execve,clone,clone3,fork,vfork",
            "-v",
            "-s",
            "65536",
            "-o",
            str(self.trace),
        ]
        return [*strace, *inside, "-m", "reconciler", words[0], "-C", f"{HOME}/repo", *words[1:]]

    @property
    def trace(self) -> Path:
        return self.folder / "trace"

    def run(self, *words: str, code: int | None = 0) -> str:
        done = subprocess.run(
            self.argv(words), capture_output=True, timeout=PATIENCE_SECONDS, stdin=subprocess.DEVNULL, check=False
        )
        said = done.stdout.decode() + done.stderr.decode()
        assert code in (None, done.returncode), said
        self.check(words, said)
        return said

    def converse(self, *words: str, answers: Sequence[tuple[str, str]], code: int = 0) -> str:
        done = converse(self.argv(words), answers)
        assert done.code == code, done.said
        self.check(words, done.said)
        return done.said

    @property
    def password(self) -> str:
        return self.etc.at(f"{HOME}/.password").read_text().rstrip("\n")

    def sees_no_secret(self, *words: str) -> None:
        """In any form of a plan."""
        for form in ("text", "json", "markdown", "script"):
            self.run("plan", "-v", "--format", form, *words, code=None)
        self.run("plan", "-o", f"{HOME}/saved", *words)

    def has_them_where_they_belong(self, managed: set[str] = MANAGED) -> None:
        """What holds them is closed to others."""
        found = {path: state for path, state in self.files() if path not in SOURCES}
        strays = {path for path in found if path not in managed and not KEPT.fullmatch(path)}
        assert strays == set()
        assert managed <= found.keys()
        assert {path: oct(state.st_mode) for path, state in found.items() if state.st_mode & 0o077} == {}

    def check(self, words: Sequence[str], said: str) -> None:
        printed = self.canaries.found(said)
        assert printed == set(), f"{words} printed {printed}: {said}"
        for line, allowed in self.started():
            told = self.canaries.found(line) - allowed
            assert told == set(), f"{words} told a program {told}: {line}"

    def started(self) -> Iterator[tuple[str, frozenset[str]]]:
        """Each program that reconcile started, its own start left out, and the secrets that it may see: the command that
        gives a secret has its owner's environment without the others, and what a login shell starts has what is exported."""
        lines = self.trace.read_text(errors="replace").splitlines()
        first = next(number for number, line in enumerate(lines) if f'execve("{PYTHON}"' in line)
        logins: set[str] = set()
        for line in lines[first + 1 :]:
            process = line.split()[0]
            born = re.search(r"(?:fork|clone3?)(?:\(| resumed).* = (\d+)$", line)
            if born and process in logins:
                logins.add(born[1])
            if re.search(r'execve\("[^"]*", \["[^"]*", "-l"', line):
                logins.add(process)
            is_giver = f'execve("{HOME}/give"' in line
            yield line, EXPORTED if process in logins else frozenset({"inherited"}) if is_giver else frozenset()

    def files(self) -> Iterator[tuple[str, os.stat_result]]:
        """All that holds a secret, or bears one in its name, and was written since the test began."""
        top = self.etc.at("/")
        for folder, folders, names in (entry for name in (*OWN, *SHARED) for entry in os.walk(self.etc.at(name))):
            is_deep = folder.removeprefix(str(top)).count("/") > 2 and f"/{Path(folder).relative_to(top)}".startswith(
                SHARED
            )
            folders[:] = [name for name in folders if not is_deep and not name.startswith("pytest-of-")]
            for path in (Path(folder, name) for name in [*folders, *names]):
                with contextlib.suppress(OSError):  # it may go away meanwhile
                    state = path.lstat()
                    if state.st_ctime >= self.since and self.canaries.found(f"{path.name}\n{_text(path, state)}"):
                        yield f"/{path.relative_to(top)}", state


def _text(path: Path, state: os.stat_result) -> str:
    """What a file holds, or where a link leads."""
    if stat.S_ISLNK(state.st_mode):
        return str(path.readlink())
    return path.read_bytes().decode("latin-1") if stat.S_ISREG(state.st_mode) else ""


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    canaries = Canaries()
    password = canaries.made("sudo password").replace("\\", "")
    with private_etc({NAME: User(password=password, sudo="password")}) as etc:
        one = Desk(etc, tmp_path, monkeypatch, canaries)
        one.write(".password", f"{password}\n", 0o600)
        one.write(".config/reconcile/machine.yaml", MACHINE_FILE)
        one.write("give", GIVER, 0o755)
        one.write("repo/.git/HEAD", "")
        for name, text in TEMPLATES.items():
            one.write(f"repo/{name}", text)
        one.has_new_secrets()
        one.declares(DOCUMENT)
        yield one


# ---- the search itself


@pytest.mark.parametrize(
    "hide",
    [
        str,
        lambda text: base64.b64encode(text.encode()).decode(),
        lambda text: base64.b64encode(b"x" + text.encode()).decode(),
        lambda text: base64.b64encode(b"xy" + text.encode()).decode(),
        lambda text: text.encode().hex(),
        lambda text: urllib.parse.quote(text, safe=""),
        lambda text: text[:10] + "\n      " + text[10:],
    ],
)
def test_a_secret_is_found_however_it_is_written(hide: Callable[[str], str]) -> None:
    canaries = Canaries()
    assert canaries.found(hide(f"before {canaries.made('here')} after")) == {"here"}
    assert canaries.found(hide("nothing of that")) == set()


# ---- all commands


def test_no_secret_is_anywhere_but_in_what_is_managed(desk: Desk) -> None:
    """From nothing to the first apply."""
    desk.run("lint")
    for address in ("go_env:GOPROXY", "shell_env:variables.OWN", "files:~/.netrc", "files:~/.config/one"):
        desk.run("explain", address)
    desk.sees_no_secret()
    desk.run("facts")
    said = desk.converse("apply", "--yes", "--allow-exec", answers=[("sudo password on", desk.password + "\n")])
    assert "0 failed" in said
    desk.run("verify", "--sudo-password-file", f"{HOME}/.password")
    desk.has_them_where_they_belong()


def test_old_and_new_secrets_are_both_hidden(desk: Desk) -> None:
    """From one apply to the next: what stands there is a secret too."""
    apply = ("apply", "--yes", "--allow-exec", "--sudo-password-file", f"{HOME}/.password")
    assert "0 failed" in desk.run(*apply)
    desk.has_new_secrets()
    desk.sees_no_secret("--sudo-password-file", f"{HOME}/.password")
    desk.run("verify", "--sudo-password-file", f"{HOME}/.password", code=2)
    desk.run("facts", "--format", "json")
    assert "0 failed" in desk.run("apply", f"{HOME}/saved", *apply[1:])
    desk.has_them_where_they_belong()


def test_what_was_a_secret_stays_hidden_when_it_goes(desk: Desk) -> None:
    apply = ("apply", "--yes", "--allow-exec", "--sudo-password-file", f"{HOME}/.password")
    assert "0 failed" in desk.run(*apply)
    desk.declares(WITHOUT)
    desk.sees_no_secret("--sudo-password-file", f"{HOME}/.password")
    assert "0 failed" in desk.run(*apply)
    desk.has_them_where_they_belong(managed=set())


def test_what_was_a_secret_stays_hidden_when_another_value_comes(desk: Desk) -> None:
    apply = ("apply", "--yes", "--allow-exec", "--sudo-password-file", f"{HOME}/.password")
    assert "0 failed" in desk.run(*apply)
    desk.declares(re.sub(r"\{\{ secrets\.[^}]*\}\}", "plain", DOCUMENT))
    for name, text in TEMPLATES.items():
        desk.write(f"repo/{name}", re.sub(r"\{\{ secrets\.[^}]*\}\}", "plain", text))
    desk.sees_no_secret("--sudo-password-file", f"{HOME}/.password")
    assert "0 failed" in desk.run(*apply)
    desk.has_them_where_they_belong(managed=set())


# ---- what goes wrong


def test_what_goes_wrong_tells_no_secret(desk: Desk) -> None:
    """A document that is refused, files that cannot be written, sources that fail, a value that a file cannot hold."""
    password = ("--sudo-password-file", f"{HOME}/.password")
    desk.declares(DOCUMENT.replace("{{ secrets.file }}", "{{ secrets.file }}{{ vars.nowhere }}"))
    for words in (("lint",), ("plan",), ("apply", "--yes")):
        assert "vars.nowhere is not defined" in desk.run(*words, code=1)
    desk.declares(DOCUMENT)
    desk.write(".config/environment.d", "no folder")
    desk.etc.as_root("mkdir -p /etc/canary.conf/x")
    said = desk.run("apply", "--yes", "--allow-exec", *password, code=5)
    assert "not a file" in said
    desk.write("give", GIVER + 'printf "%s" "$line" >&2; exit 3\n', 0o755)
    assert "ended with 3" in desk.run("plan", code=1)
    desk.monkeypatch.setenv(f"{PREFIX}GO_ENV", desk.canaries.made("go_env") + "\nGOFLAGS=x")
    desk.monkeypatch.delenv(f"{PREFIX}FILE")
    desk.write("give", "#!/bin/sh\necho plain\n", 0o755)
    assert "blocked" in desk.run("plan", "-v", code=5)
    held = {f"{HOME}/.config/environment.d"}
    strays = {path for path, _ in desk.files()} - SOURCES - MANAGED - held
    assert {path for path in strays if not KEPT.fullmatch(path)} == set()


def test_ssh_and_its_helpers_see_no_secret(desk: Desk) -> None:
    """The user's own ssh, a `Match exec` and a `ProxyCommand` of ssh_config."""
    body = "  one: {ssh: {host: one.example.com}}\n  two: {ssh: {host: two.example.com, client: openssh}}\n"
    desk.declares(f"version: 1\nworkstations:\n  box: {{}}\n{body}user: {{files: {{~/x: {{content: x}}}}}}\n")
    desk.monkeypatch.delenv("SOMEBODY_ELSES")  # which is theirs as much as the shell's
    desk.write(".ssh/config", 'Match host * exec "true"\n  ProxyCommand false\n', 0o600)
    desk.run("plan", "--all", code=4)
    started = "\n".join(line for line, _ in desk.started())
    assert '"-c", "true"' in started and '"ssh", "-T"' in started and "exec false" in started
