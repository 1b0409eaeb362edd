"""machine.yaml, and where secrets come from."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reconciler.documents import machine_file
from reconciler.documents.reader import Caller
from reconciler.model.errors import DocumentError

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user: needs root")


def read(repo, text: str) -> machine_file.MachineFile:
    repo.machine(text)
    return machine_file.read(repo.caller)


def refused(repo, text: str) -> list[tuple[str, str]]:
    """What is wrong, each with its line and column."""
    with pytest.raises(DocumentError) as caught:
        read(repo, text)
    return [(":".join(str(found.origin).rsplit(":", 2)[1:]), found.what) for found in caught.value.problems]


def secret(repo, source: str, **environment: str) -> str | None:
    machine = read(repo, f"secrets: {{token: {source}}}")
    return machine_file.secret(machine, "token", repo.caller, {"PATH": os.environ["PATH"], **environment})


def failed(repo, source: str, **environment: str) -> str:
    with pytest.raises(DocumentError) as caught:
        secret(repo, source, **environment)
    (problem,) = caught.value.problems
    assert str(problem.origin).endswith("machine.yaml:1:" + str(problem.origin).rsplit(":", 1)[1])
    return problem.what


# ── what may stand in it ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_machine_without_the_file_was_not_introduced(repo) -> None:
    assert not machine_file.read(repo.caller).introduces


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}\n"])
def test_an_empty_file_does_not_introduce_the_machine(repo, text: str) -> None:
    found = read(repo, text)
    assert not found.introduces and found.workstation is None and found.groups == ()


def test_all_of_it_is_read(repo) -> None:
    found = read(
        repo,
        "workstation: lt\ngroups: [a, b]\nvars: {x: 1}\nsecrets: {token: {env: TOKEN}}\nallow: ['lt/*:go_env:GOFLAGS']\n"
        "become: none\n",
    )
    assert found.workstation is not None and found.workstation.text == "lt"
    assert [scalar.text for scalar in found.groups] == ["a", "b"]
    assert found.allow == ("lt/*:go_env:GOFLAGS",)
    assert list(found.secrets) == ["token"]
    assert found.become == "none"


def test_root_is_become_by_whatever_there_is_unless_the_file_says_otherwise(repo) -> None:
    assert machine_file.read(repo.caller).become == "auto"
    assert read(repo, "workstation: lt").become == "auto"
    assert read(repo, "become: auto").become == "auto"


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("[]", "1:1", "not a mapping"),
        ("workstation: a/b", "1:14", "expected a name"),
        ("workstation: |\n  lt\n", "1:14", "a line end in a name or path"),
        ("workstation: '{{ vars.x }}'", "1:14", "a template may not stand here"),
        ("workstaton: lt", "1:1", 'unknown key "workstaton"'),
        ("user: {go_env: {}}", "1:1", 'unknown key "user"'),
        ("groups: a", "1:9", "expected a list of groups"),
        ("vars: {x: }", "1:8", "has no value"),
        ("vars: {x: '{{ vars.y }}'}", "1:11", "a template in a variable"),
        ("secrets: {token: hunter2}", "1:18", "expected where the secret comes from"),
        ("secrets: {token: {}}", "1:11", "needs one source"),
        ("secrets: {token: {env: A, file: b}}", "1:11", "needs one source"),
        ("secrets: {token: {command: []}}", "1:28", "is an empty list"),
        ("secrets: {token: {command: pass show x}}", "1:28", "the program and its arguments as a list"),
        ("secrets: {token: {env: 'A B'}}", "1:24", "expected a name of letters"),
        ("become: sudo", "1:9", 'become is "sudo"; expected auto (by sudo, else doas) or none'),
        ("become: true", "1:9", "expected auto (by sudo, else doas) or none"),
        ("become: [sudo]", "1:9", "expected auto (by sudo, else doas) or none"),
        ("workstation: '../x'", "1:14", "expected a name"),
        ("workstation: '-x'", "1:14", "expected a name"),
        ("groups: ['-x']", "1:10", "expected a name"),
        ("workstation: @lt", "1:14", "without quotes"),
        ("workstation: lt\nworkstation: lt", "2:1", "for the second time"),
    ],
)
def test_what_may_not_stand_in_it_is_named_with_its_place(repo, text: str, place: str, words: str) -> None:
    ((found, what),) = refused(repo, text)
    assert found == place and words in what


@pytest.mark.parametrize("kind", ["directory", "fifo", "dangling"])
def test_something_else_in_its_place_is_named(repo, kind: str) -> None:
    path = repo.caller.config / "machine.yaml"
    path.parent.mkdir(parents=True)
    {
        "directory": lambda: path.mkdir(),
        "fifo": lambda: os.mkfifo(path),
        "dangling": lambda: path.symlink_to("nothing"),
    }[kind]()
    with pytest.raises(DocumentError, match=r"machine.yaml is not a regular file|there is no file .*machine.yaml"):
        machine_file.read(repo.caller)


def test_a_file_found_good_is_not_checked_again(repo) -> None:
    repo.machine("workstation: lt")
    good: set[str] = set()
    machine_file.read(repo.caller, good)
    assert len(good) == 1


# ── secrets ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_secret_comes_from_a_variable(repo) -> None:
    assert secret(repo, "{env: TOKEN}", TOKEN="s3cret") == "s3cret"
    assert secret(repo, "{env: TOKEN}", RECONCILE_SECRET_TOKEN="other") is None


def test_without_a_source_it_comes_from_a_variable_of_its_own_name(repo) -> None:
    machine = read(repo, "{}")
    assert machine_file.secret(machine, "token", repo.caller, {"RECONCILE_SECRET_TOKEN": "s3cret"}) == "s3cret"
    assert machine_file.secret(machine, "token", repo.caller, {"TOKEN": "s3cret"}) is None


@pytest.mark.parametrize(
    ("data", "text"),
    [(b"s3cret\n", "s3cret"), (b"s3cret\r\n", "s3cret"), (b"a\nb\n\n", "a\nb\n"), (b" x ", " x "), (b"", "")],
)
def test_a_secret_comes_from_a_file_without_its_last_line_end(repo, data: bytes, text: str) -> None:
    repo.file("../home/token", data).file("../home/.config/reconcile/token", b"beside machine.yaml")
    assert secret(repo, "{file: ~/token}") == text
    assert secret(repo, "{file: token}") == "beside machine.yaml"
    assert secret(repo, f"{{file: {repo.home}/token}}") == text


def test_a_secret_comes_from_what_a_program_prints(repo) -> None:
    assert secret(repo, "{command: [printf, '%s %s\\n', \"a b\", $HOME]}") == "a b $HOME"
    assert secret(repo, "{command: [sh, -c, 'echo $HOME:$USER:$(pwd)']}") == f"{repo.home}:alice:{repo.home}"


def test_a_program_that_gives_one_secret_does_not_see_the_others(repo) -> None:
    machine = read(repo, "secrets: {token: {command: [env]}, other: {env: OWN_TOKEN}}")
    environment = {"RECONCILE_SECRET_X": "hidden", "OWN_TOKEN": "hidden", "VAULT": "open", "PATH": "/usr/bin:/bin"}
    assert machine_file.for_programs(machine, environment) == {"VAULT": "open", "PATH": "/usr/bin:/bin"}
    printed = machine_file.secret(machine, "token", repo.caller, environment) or ""
    assert "VAULT=open" in printed and "hidden" not in printed
    assert machine_file.secret(machine, "other", repo.caller, environment) == "hidden"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{file: ~/gone}", "there is no file ~/gone"),
        ("{file: ~nobody-of-this-name/x}", "there is no file"),
        ("{file: ~/folder}", "is not a regular file"),
        ("{file: /dev/zero}", "is not a regular file"),
        ("{file: ~/binary}", "it is not UTF-8 text"),
        ("{command: [no-such-program-anywhere]}", "No such file or directory"),
        ("{command: [sh, -c, 'echo s3cret; echo s3cret >&2; exit 3']}", "its program ended with 3"),
        ('{command: [printf, "\\\\377"]}', "it is not UTF-8 text"),
    ],
)
def test_a_source_that_fails_says_why_and_never_what_it_printed(repo, source: str, words: str) -> None:
    repo.file("../home/binary", b"\xff\xfe").file("../home/folder/x", "")
    message = failed(repo, source)
    assert words in message and "s3cret" not in message


def test_a_program_that_never_ends_is_given_up(repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.documents.secret_sources.COMMAND_TIMEOUT_SECONDS", 0.2)
    assert "took more than" in failed(repo, "{command: [sleep, '30']}")


def test_a_program_gets_no_input(repo) -> None:
    assert secret(repo, "{command: [cat]}") == ""


@pytest.mark.parametrize("name", ["sudo_password", "ssh_password"])
def test_the_passwords_of_machines_have_sources_like_all_secrets(repo, name: str) -> None:
    machine = read(repo, f"secrets: {{{name}: {{command: [printf, hunter2]}}}}")
    assert machine_file.secret(machine, name, repo.caller, {"PATH": os.environ["PATH"]}) == "hunter2"


# ── under sudo ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def other(tmp_path: Path, open_to_others: None) -> Caller:
    """A second user, whose home this is."""
    home = tmp_path / "other"
    (home / ".config/reconcile").mkdir(parents=True)
    return Caller(name="other", uid=12345, gid=12345, home=str(home), config=home / ".config/reconcile")


@as_root
def test_files_are_read_and_programs_run_as_the_caller(repo, other: Caller) -> None:
    (other.config / "machine.yaml").write_text(
        "secrets: {id: {command: [sh, -c, 'id -u; id -G; grep ^Uid /proc/self/status']}, root: {file: ROOT}}".replace(
            "ROOT", str(repo.home / "root")
        )
    )
    (repo.home / "root").write_text("only for root")
    (repo.home / "root").chmod(0o600)
    machine = machine_file.read(other)
    environment = {"PATH": os.environ["PATH"]}
    assert (machine_file.secret(machine, "id", other, environment) or "").split() == [
        "12345",
        "12345",
        "Uid:",
        *["12345"] * 4,
    ]
    with pytest.raises(DocumentError, match="Permission denied"):
        machine_file.secret(machine, "root", other, environment)
    assert os.geteuid() == 0


@as_root
def test_a_machine_file_that_the_caller_cannot_read_is_not_read_with_roots_rights(other: Caller) -> None:
    path = other.config / "machine.yaml"
    path.write_text("workstation: lt")
    path.chmod(0o600)
    with pytest.raises(DocumentError, match="cannot be read: Permission denied"):
        machine_file.read(other)
