"""`init` describes a machine as it is: the next plan is in sync, whatever mess it found."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

DIRTY_GO_ENV = (
    b"# by hand\nGOPROXY=https://proxy.example.com,direct\r\nGOPRIVATE=git.example.com\nGOBIN=bin\nlower=1\n"
    b'GOSUMDB="off"\nFOO=1\nGONOSUMDB={{x}}\nGOFLAGS=-mod=mod\nGOFLAGS=-buildvcs=false\nGOROOT=/opt/go\nGOINSECURE=\xff\n'
)
DIRTY_WSL_CONF = (
    '\n[boot]\nsystemd = TRUE # yes\ncommand = "echo #1"\n[filesystem]\numask=22\n[net]\ngenerateResolvConf=false\n'
    "[user]\ndefault=dev\n[interop]\nenabled=yes\n; old\n[network]\nhostname=dead\n"
)


def described(machine, *words: str) -> str:
    machine.document.unlink()
    made = machine.command("init", "-C", str(machine.repo), "--root", str(machine.root), "--user", "dev", *words)
    assert made.code == 0, made.err
    return machine.document.read_text()


def test_after_init_on_a_dirty_machine_the_plan_is_in_sync(machine) -> None:
    machine.at("~/.config/go/env").write_bytes(DIRTY_GO_ENV)
    machine.at("/etc/wsl.conf").write_text(DIRTY_WSL_CONF)
    text = described(machine)
    plan = machine.run("plan", "--detailed-exitcode")
    assert plan.code == 0, plan.out + plan.err + text
    assert plan.first.startswith("Plan: nothing to change, ")


def test_what_a_document_would_refuse_stands_there_as_unmanaged_with_the_reason(machine) -> None:
    machine.at("~/.config/go/env").write_bytes(DIRTY_GO_ENV)
    text = described(machine)
    assert "GOPRIVATE: git.example.com" in text
    for key, reason in (
        ("GOBIN", "not an absolute path"),
        ("GONOSUMDB", "template"),
        ("GOROOT", "cannot be set"),
        ("FOO", "no variable FOO"),
    ):
        (line,) = [line for line in text.splitlines() if line.lstrip().startswith(f"{key}:")]
        assert "{unmanaged: true}  #" in line and reason in line, line


def test_settings_of_wsl_conf_are_described_by_section(machine) -> None:
    machine.at("/etc/wsl.conf").write_text(DIRTY_WSL_CONF)
    text = described(machine)
    assert "  wsl_conf:" in text and "      systemd: true" in text and 'umask: "0026"' in text
    assert "hostname" not in "".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))


def test_nothing_is_overwritten(machine) -> None:
    before = machine.document.read_bytes()
    again = machine.command(
        "init", "-C", str(machine.repo), "--root", str(machine.root), "--workstation", "demo-laptop"
    )
    assert again.code == 0 and "stays as it is" in again.out
    assert machine.document.read_bytes() == before


def test_machine_yaml_names_the_workstation_and_only_listed_ones_are_taken(machine, tmp_path: Path) -> None:
    refused = machine.command("init", "-C", str(machine.repo), "--workstation", "demo-latop")
    assert refused.code == 64 and "demo-laptop" in refused.err
    made = machine.command("init", "-C", str(machine.repo), "--workstation", "demo-laptop")
    assert made.code == 0
    machine_file = tmp_path / "home-of-the-caller/.config/reconcile/machine.yaml"
    assert "workstation: demo-laptop" in machine_file.read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to own files as somebody else")
def test_init_leaves_no_trace_on_the_machine(machine, census: Callable[[Path], object]) -> None:
    before = census(machine.root)
    described(machine)
    assert census(machine.root) == before


def test_a_machine_of_which_a_document_can_say_nothing_still_gets_a_document_that_loads(machine) -> None:
    machine.at("/etc/wsl.conf").write_text("[net\n")
    machine.at("~/.config/go/env").write_text("GOBIN=bin\n9=x\n")
    text = described(machine)
    assert "# wsl_conf: nothing that a document may say" in text
    assert machine.run("plan", "--detailed-exitcode").code == 0
