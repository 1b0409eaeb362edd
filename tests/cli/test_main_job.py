"""The main job from end to end, through the command line, on a scratch root file system."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.model.transport import Exchange
from reconciler.transports.local import LocalTransport

Census = Callable[[Path], dict[str, tuple[object, ...]]]


def test_plan_apply_verify_and_a_second_apply_that_changes_nothing(machine, census: Census) -> None:
    assert machine.run("plan", "--detailed-exitcode").code == 2
    applied = machine.run("apply", "--yes")
    assert applied.code == 0, applied.out + applied.err
    assert "Applied: 15 changed, 0 failed on demo-laptop." in applied.out
    assert machine.run("verify").code == 0
    assert machine.run("plan", "--detailed-exitcode").code == 0
    before = census(machine.root)
    again = machine.run("apply", "--yes")
    assert (again.code, again.first) == (0, "Plan: nothing to change, 15 in sync on demo-laptop.")
    assert census(machine.root) == before


def test_what_is_written_is_what_was_meant(machine) -> None:
    assert machine.run("apply", "--yes").code == 0
    conf = machine.at("/etc/wsl.conf").read_text()
    assert conf.startswith("# set up by hand in 2021\n[net]\ngenerateResolvConf = false\n")
    assert "# ; the drives" in conf and "systemd=true" in conf
    env = machine.at("~/.config/go/env").read_text().splitlines()
    assert "GOPROXY=https://goproxy.cn,direct" in env and not any(line.startswith("GOFLAGS") for line in env)
    assert machine.at("/usr/local/gobin").readlink() == Path("/opt/gobin/stable")
    assert machine.at("~/.config/git/ignore").read_text() == "*.test\n*.out\n"
    leftovers = [
        path for path in machine.root.rglob("*") if ".reconcile." in path.name or path.name.startswith("stage")
    ]
    assert leftovers == []


def test_a_plan_changes_nothing_at_all(machine, census: Census) -> None:
    before = census(machine.root)
    for form in ("text", "json", "yaml", "script"):
        assert machine.run("plan", "--format", form).code == 0
    assert census(machine.root) == before


def test_plan_is_one_exec_and_apply_one_more_whatever_the_number_of_items(
    machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = LocalTransport.start, []

    def counting(self: LocalTransport) -> Exchange:
        calls.append(self)
        return real(self)

    monkeypatch.setattr(LocalTransport, "start", counting)
    many = "\n".join(f"    /opt/d{number}: {{mode: '0755'}}" for number in range(60))
    machine.write(
        machine.document.read_text()
        .replace("  directories: {", f"  directories:\n{many}\n  symlinks2: {{", 1)
        .split("  symlinks2")[0]
    )
    assert machine.run("plan").code == 0
    assert len(calls) == 1
    assert machine.run("apply", "--yes").code == 0
    assert len(calls) == 3
    assert machine.run("verify").code == 0
    assert len(calls) == 4


def test_drift_is_seen_and_mended(machine) -> None:
    assert machine.run("apply", "--yes").code == 0
    ignore = machine.at("~/.config/git/ignore")
    ignore.write_text("by hand\n")
    drifted = machine.run("verify")
    assert drifted.code == 2 and "~/.config/git/ignore" in drifted.out
    assert machine.run("apply", "--yes").code == 0
    assert ignore.read_text() == "*.test\n*.out\n"


def test_the_json_says_what_the_text_says(machine) -> None:
    document = json.loads(machine.run("plan", "--format", "json").out)
    assert document["format"] == 1
    found = json.dumps(document)
    assert "demo-laptop/main/dev:go_env:GOPROXY" in found


def test_a_saved_plan_is_applied_exactly(machine, tmp_path: Path) -> None:
    saved = tmp_path / "plan.json"
    assert machine.run("plan", "-o", str(saved)).code == 0
    assert saved.stat().st_mode & 0o777 == 0o600
    machine.write("version: 1\n")
    applied = machine.command("apply", "--yes", str(saved))
    assert applied.code == 0, applied.out + applied.err
    assert machine.at("/etc/wsl.conf").read_text().count("systemd=true") == 1


def test_a_saved_plan_is_refused_by_name_where_the_machine_has_moved_and_the_rest_goes_on(
    machine, tmp_path: Path
) -> None:
    saved = tmp_path / "plan.json"
    assert machine.run("plan", "-o", str(saved)).code == 0
    machine.at("/etc/wsl.conf").write_text("[boot]\nsystemd=false\n")
    applied = machine.command("apply", "--yes", str(saved))
    assert applied.code == 5
    assert "it has moved since the plan" in applied.out
    assert machine.at("/etc/wsl.conf").read_text() == "[boot]\nsystemd=false\n"
    assert machine.at("~/.config/git/ignore").exists()


def test_a_saved_plan_that_was_changed_by_hand_is_refused(machine, tmp_path: Path) -> None:
    saved = tmp_path / "plan.json"
    assert machine.run("plan", "-o", str(saved)).code == 0
    saved.write_text(saved.read_text().replace("goproxy.cn", "evil.example"))
    applied = machine.command("apply", "--yes", str(saved))
    assert applied.code == 1 and "changed by hand" in applied.err
    assert not machine.at("~/.config/git/ignore").exists()


def test_apply_of_a_document_says_what_to_do(machine) -> None:
    refused = machine.command("apply", str(machine.document))
    assert refused.code == 64
    assert "is a document" in refused.err and "-f" in refused.err


def test_without_a_terminal_and_without_yes_nothing_happens(
    machine, census: Census, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = census(machine.root)
    refused = machine.run("apply")
    assert refused.code == 5 and "--yes" in refused.err
    assert census(machine.root) == before
