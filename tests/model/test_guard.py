"""Whether a machine is the one that is meant."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.facts import Answer, Fact, FactSheet, FileState, FileText, Host, Libc, PathState, PathType
from reconciler.model.guard import ARCHITECTURES, PIN_FACTS, Guard, fingerprint
from reconciler.model.tree import Origin

ID, OTHER_ID = "4f0c6d2a9b1e4a7f8c3d5e6f7a8b9c0d", "1c0c6d2a9b1e4a7f8c3d5e6f7a8b9c0d"
HOST = Host(user="ops", uid=1000, home="/home/ops", architecture="x86_64")
PLACE = Origin("team/hosts.yaml", 12, 5)
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJpHj0WVvK1dx6FUFxgt4kTrcSwOnqfCJLbsCWPxRDEP root@build\n"
FINGERPRINT = "SHA256:QZvwgL1A+Ruwky04oP2jfQdY0KmUo9dd5TgzfGBbA9k"
OTHER_FINGERPRINT = "SHA256:" + 43 * "A"


def file(path: str, data: bytes | None, unreadable: str | None = None) -> FileState:
    kind = PathType.MISSING if data is None and not unreadable else PathType.FILE
    return FileState(state=PathState(path=path, type=kind), data=data, unreadable=unreadable)


def sheet(
    guard: Guard,
    files: dict[str, str | bytes] | None = None,
    libc: str | None = "glibc 2.36",
    host: Host = HOST,
    unreadable: str | None = None,
) -> FactSheet:
    """The answers to just what the guard wants to know, from a machine with these files."""
    answers: dict[Fact, Answer] = {}
    for fact in guard.wanted_facts():
        match fact:
            case FileText(path=path):
                text = (files or {}).get(path)
                data = text.encode() if isinstance(text, str) else text
                answers[fact] = file(path, data, unreadable if data is None else None)
            case Libc():
                answers[fact] = libc
            case _:
                raise AssertionError(fact)
    return FactSheet(host=host, answers=answers)


def what(guard: Guard, files: dict[str, str | bytes] | None = None, host_key: str | None = None, **more: object) -> str:
    """Why the machine is not the one; empty where it is."""
    found = guard.mismatch(sheet(guard, files, **more), host_key)  # type: ignore[arg-type]
    assert found is None or found.fix
    return found.what if found else ""


# ── fits ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_machine_that_is_all_that_is_asked_fits() -> None:
    guard = Guard(machine_id=ID, host_key=FINGERPRINT, os="debian", arch="amd64", libc="glibc")
    files: dict[str, str | bytes] = {"/etc/machine-id": f"{ID}\n", "/etc/os-release": 'NAME="Debian"\nID=debian\n'}
    assert what(guard, files, FINGERPRINT) == ""
    assert guard.mismatch(sheet(guard, files, host=replace(HOST, architecture="aarch64")), FINGERPRINT) is not None


def test_a_guard_that_asks_nothing_fits_every_machine_and_wants_no_facts() -> None:
    assert Guard().wanted_facts() == frozenset()
    assert what(Guard()) == ""


@pytest.mark.parametrize(
    ("desired", "observed"),
    [("amd64", "x86_64"), ("x86_64", "x86_64"), ("x64", "AMD64"), ("aarch64", "arm64"), ("arm64", "aarch64"),
     ("386", "i686"), ("arm", "armv7l"), ("riscv64", "riscv64"), ("ppc64le", "ppc64le")],
)  # fmt: skip
def test_an_architecture_may_be_spelt_as_go_or_as_the_kernel_does(desired: str, observed: str) -> None:
    assert what(Guard(arch=desired), host=replace(HOST, architecture=observed)) == ""


def test_every_spelling_of_an_architecture_is_that_of_one() -> None:
    for name, go in ARCHITECTURES.items():
        for other, its in ARCHITECTURES.items():
            fits = what(Guard(arch=name), host=replace(HOST, architecture=other)) == ""
            assert fits == (go == its), (name, other)


def test_a_system_is_known_by_its_own_id_not_by_what_it_is_like() -> None:
    release = 'ID_LIKE="debian"\nID="ubuntu"\n'
    assert what(Guard(os="ubuntu"), {"/etc/os-release": release}) == ""
    assert what(Guard(os="debian"), {"/etc/os-release": release}) == "guard: os is ubuntu, not debian"


@pytest.mark.parametrize(("libc", "found"), [("glibc", "glibc 2.36"), ("musl", "musl")])
def test_a_c_library_is_asked_for_without_its_version(libc: str, found: str) -> None:
    assert what(Guard(libc=libc), libc=found) == ""


# ── does not ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_another_machine_is_told_with_both_values_and_the_place() -> None:
    guard = Guard(machine_id=ID, origins={"machine_id": PLACE})
    found = guard.mismatch(sheet(guard, {"/etc/machine-id": f"{OTHER_ID}\n"}), None)
    assert found is not None
    assert found.what == f"guard: machine_id is {OTHER_ID}, not {ID} (team/hosts.yaml:12:5)"
    assert found.fix.endswith(f"if this is the one, write  machine_id: {OTHER_ID}")
    assert found.origin == PLACE


def test_the_first_that_differs_is_told() -> None:
    guard = Guard(machine_id=ID, arch="arm64", libc="musl")
    assert what(guard, {"/etc/machine-id": ID}) == "guard: arch is x86_64, not arm64"


def test_the_key_of_the_connection_counts_and_not_the_files_of_the_machine() -> None:
    guard, files = Guard(host_key=FINGERPRINT), {"/etc/ssh/ssh_host_ed25519_key.pub": KEY}
    assert what(guard, files, OTHER_FINGERPRINT) == f"guard: host_key is {OTHER_FINGERPRINT}, not {FINGERPRINT}"
    assert what(guard, {}, FINGERPRINT) == ""


# ── reached without SSH ──────────────────────────────────────────────────────────────────────────────────────────────


def test_without_ssh_any_of_the_machines_own_keys_will_do() -> None:
    rsa = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC7 root@build\n"
    files = {"/etc/ssh/ssh_host_rsa_key.pub": rsa, "/etc/ssh/ssh_host_ed25519_key.pub": KEY}
    assert what(Guard(host_key=FINGERPRINT), files) == ""
    assert what(Guard(host_key=fingerprint(rsa) or ""), files) == ""
    told = what(Guard(host_key=OTHER_FINGERPRINT), files)
    assert told == f"guard: host_key is {FINGERPRINT} or {fingerprint(rsa)}, not {OTHER_FINGERPRINT}"


def test_a_fingerprint_is_the_one_that_ssh_keygen_prints(tmp_path: Path) -> None:
    for kind in ("ed25519", "ecdsa", "rsa"):
        path = tmp_path / kind
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "a b", "-f", str(path)], check=True)
        public = path.with_suffix(".pub")
        printed = subprocess.run(["ssh-keygen", "-lf", str(public)], check=True, capture_output=True, text=True).stdout
        assert fingerprint(public.read_text()) == printed.split()[1]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ssh-ed25519",
        "ssh-ed25519 AAAA!",
        "ssh-ed25519 AAAAA comment",
        "# ssh-ed25519 AAAA",
        "ssh-ed25519\nAAAA",
        "\0",
    ],
)
def test_what_is_no_key_has_no_fingerprint(text: str) -> None:
    assert fingerprint(text) is None


@given(st.text(max_size=200))
def test_whatever_a_key_file_holds_it_has_a_fingerprint_or_none(text: str) -> None:
    found = fingerprint(text)
    assert found is None or len(found) == len(FINGERPRINT)


# ── cannot be checked ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("guard", "files", "words"),
    [
        (Guard(machine_id=ID), {}, "guard: machine_id cannot be checked: /etc/machine-id is missing"),
        (Guard(machine_id=ID), {"/etc/machine-id": "\n"}, "machine_id cannot be checked: /etc/machine-id is empty"),
        (Guard(machine_id=ID), {"/etc/machine-id": "uninitialized\n"}, "/etc/machine-id holds no machine id"),
        (Guard(machine_id=ID), {"/etc/machine-id": b"\x1b[2J" * 9}, "/etc/machine-id holds no machine id"),
        (Guard(host_key=FINGERPRINT), {}, "host_key cannot be checked: no host key can be read in /etc/ssh"),
        (Guard(host_key=FINGERPRINT), {"/etc/ssh/ssh_host_rsa_key.pub": "x"}, "host_key cannot be checked"),
        (Guard(os="debian"), {}, "os cannot be checked: /etc/os-release does not name it"),
        (Guard(libc="musl"), {}, "libc cannot be checked: no C library was found"),
    ],
)
def test_what_cannot_be_checked_does_not_fit(guard: Guard, files: dict[str, str | bytes], words: str) -> None:
    assert words in what(guard, files, libc=None)


def test_an_architecture_that_a_machine_does_not_say_does_not_fit() -> None:
    told = what(Guard(arch="amd64"), host=replace(HOST, architecture=""))
    assert told == "guard: arch cannot be checked: the machine does not say"


def test_a_file_that_may_not_be_read_is_told_with_the_reason() -> None:
    assert what(Guard(machine_id=ID), unreadable="needs root").endswith("/etc/machine-id cannot be read: needs root")
    assert what(Guard(host_key=FINGERPRINT), unreadable="needs root").endswith("in /etc/ssh: needs root")


@pytest.mark.parametrize("files", [{}, {"/etc/machine-id": ""}])
def test_a_new_wsl_distro_has_no_machine_id_yet(files: dict[str, str | bytes]) -> None:
    guard = Guard(machine_id=ID)
    found = guard.mismatch(sheet(guard, files, host=replace(HOST, wsl=True)), None)
    assert found is not None and found.what.endswith(", as in a new WSL distro")
    assert "systemd-machine-id-setup" in found.fix


def test_what_a_machine_says_is_not_shown_at_any_length() -> None:
    told = what(Guard(os="debian"), {"/etc/os-release": "ID=" + "x" * 100_000})
    assert len(told) < 200


# ── a plan's machine ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_plan_pins_what_a_machine_was_and_keeps_what_documents_ask() -> None:
    asked = Guard(machine_id=ID)
    mine, other = (sheet(asked, {"/etc/machine-id": text}) for text in (ID, OTHER_ID))
    assert Guard().pinned([mine], FINGERPRINT) == Guard(machine_id=ID, host_key=FINGERPRINT)
    assert Guard(os="debian").pinned([sheet(asked, {}), mine], None) == Guard(os="debian", machine_id=ID)
    assert replace(asked, host_key=FINGERPRINT).pinned([other], OTHER_FINGERPRINT).host_key == FINGERPRINT
    assert asked.pinned([other], None) == asked
    assert Guard().pinned([sheet(asked, {})], None) == Guard()
    assert asked.wanted_facts() == PIN_FACTS


# ── kept ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "guard",
    [
        Guard(),
        Guard(os="debian"),
        Guard(machine_id=ID, host_key=FINGERPRINT, os="debian", arch="amd64", libc="glibc", origins={"os": PLACE}),
    ],
)
def test_a_guard_comes_back_from_json_as_it_was(guard: Guard) -> None:
    assert Guard.from_json(json.loads(json.dumps(guard.to_json()))) == guard


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {"os": "debian"},
        {"os": [1, None]},
        {"os": ["debian", "x"]},
        {"kernel": ["6", None]},
        {"origins": ["x", None]},
    ],
)
def test_what_was_not_written_so_is_no_guard(value: object) -> None:
    with pytest.raises(ValueError):
        Guard.from_json(value)  # type: ignore[arg-type]
