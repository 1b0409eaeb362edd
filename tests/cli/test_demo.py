"""The demo really plans, applies, verifies and shows that a second apply changes nothing."""

from __future__ import annotations

from pathlib import Path


def test_the_demo_plays_the_whole_job(command) -> None:
    played = command("demo")
    assert played.code == 0, played.err
    steps = [line for line in played.out.splitlines() if line.startswith("$ reconcile")]
    assert steps == [
        "$ reconcile plan --detailed-exitcode",
        "$ reconcile apply --yes",
        "$ reconcile verify",
        "$ reconcile apply --yes",
    ]
    assert "Verify: nothing to change, 15 in sync" in played.out
    assert played.out.count("Applied: ") == 1


def test_the_demo_leaves_the_callers_home_alone(command, tmp_path: Path) -> None:
    assert command("demo").code == 0
    assert list((tmp_path / "home-of-the-caller").iterdir()) == []


def test_the_demo_can_be_kept(command, tmp_path: Path) -> None:
    assert command("demo", "--keep", str(tmp_path / "kept")).code == 0
    assert "systemd=true" in (tmp_path / "kept/machine/etc/wsl.conf").read_text()
