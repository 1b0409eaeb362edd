"""`reconcile explain ADDRESS`: offline, from the documents alone."""

from __future__ import annotations

from pathlib import Path

import pytest

DOCUMENT = """version: 1
workstations: {bob-lt: {}, alice-lt: {match: {hostname: "*"}}}
user:
  go_env: {GOPROXY: direct, GOFLAGS: {absent: true}}
  files: {"~/a:b": {content: "{{ facts.libc }}"}}
distro:
  wsl_conf: {boot: {systemd: true}}
overlays:
  - name: bob has his own
    where: {workstation: bob-lt}
    user: {go_env: {GOPROXY: "off", GONOSUMDB: x}}
"""


@pytest.fixture
def explain(command, tmp_path: Path):
    (tmp_path / "explained").mkdir()
    (tmp_path / "explained/reconcile.yaml").write_text(DOCUMENT)
    return lambda *words: command("explain", "-C", str(tmp_path / "explained"), *words)


def test_an_address_is_shown_with_every_place_that_speaks_of_it(explain) -> None:
    ran = explain("bob-lt/main/bob:go_env:GOPROXY")
    assert (ran.code, ran.err) == (0, "")
    lines = [line.strip() for line in ran.out.splitlines() if line.strip()]
    assert lines[0] == "bob-lt/main/bob:go_env:GOPROXY"
    assert lines[1] == "value: off"
    assert [line for line in lines[2:] if line.startswith(("reconcile.yaml", "> "))] == [
        "reconcile.yaml:4",
        "> reconcile.yaml, overlay bob has his own" + lines[5].partition("own")[2],
    ]


def test_without_a_target_this_workstation_is_meant(explain) -> None:
    ran = explain("go_env:GOPROXY")
    assert ran.code == 0 and ran.out.startswith("alice-lt/main/") and "value: direct" in ran.out
    assert "does not count: its where: means others" in ran.out


@pytest.mark.parametrize(
    ("address", "value"),
    [
        ("go_env:GOFLAGS", "absent"),
        ("wsl_conf:boot.systemd", "true"),
        ("alice-lt/main:wsl_conf:boot.systemd", "true"),
        ("files:~/a:b", "(waits for facts.libc)"),
        ("alice-lt/main/zoe:files:~/a:b", "(waits for facts.libc)"),
    ],
)
def test_reserved_values_deep_items_and_colons_are_understood(explain, address: str, value: str) -> None:
    ran = explain(address)
    assert ran.code == 0 and value in ran.out, ran.out + ran.err


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("go_env:GOPRXY", "did you mean  go_env:GOPROXY"),
        ("bob-lt/main/bob:go_env:GOPRXY", "did you mean  bob-lt/main/bob:go_env:GOPROXY"),
        ("nowhere/main/bob:go_env:GOPROXY", "no workstation nowhere"),
        ("bob-lr/main/bob:go_env:GOPROXY", "did you mean  bob-lt"),
        ("bob-lt/other/bob:go_env:GOPROXY", "bob-lt has no distro other"),
        ("GOPROXY", "is no address"),
        ("a/b/c/d:go_env:GOPROXY", "is no address"),
        (":", "is no address"),
        ("a/b/c", "is no address"),
        ("a/b:c", "is no address"),
    ],
)
def test_what_nothing_speaks_of_is_a_wrong_command_line(explain, address: str, words: str) -> None:
    ran = explain(address)
    assert ran.code == 64 and words in ran.err and "Traceback" not in ran.err, ran.err


def test_a_secret_is_named_and_never_looked_up(command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECONCILE_SECRET_TOKEN", "hunter2")
    (tmp_path / "reconcile.yaml").write_text(
        "version: 1\nsecrets: {token: {}}\nuser: {go_env: {GOPROXY: 'https://{{ secrets.token }}@x'}}\n"
    )
    ran = command("explain", "-C", str(tmp_path), "go_env:GOPROXY")
    assert "{{ secrets.token }}" in ran.out and "hunter2" not in ran.out + ran.err


def test_what_only_others_have_is_shown_with_the_reason(explain) -> None:
    ran = explain("bob-lt/main/zoe:files:~/a:b")
    assert ran.code == 0
    ran = explain("alice-lt/main/zoe:go_env:GONOSUMDB")
    assert ran.code == 0 and "declared nowhere" in ran.out and "does not count: its where: means others" in ran.out
