"""The faults find what they are for: an agent that was spoilt on purpose, and disks that hold what they must not."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from agents.apply_machine import as_root, shell_named
from faults.apart import apart, with_private_mounts
from faults.apply_scenario import FILES
from faults.power_loss import Journal, PoweredGround, power_lost, why_not
from faults.sweep import Ground, killed
from faults.sweep_fixtures import applets, bench, ground, ground_of
from faults.witness import Findings, at_rest, look, states, whole

__all__ = ["applets", "bench", "ground"]

IN_PLACE = """
mv() {
  [ "$#$1$2" = 4-fT-- ] && [ -f "$3" ] && [ ! -L "$3" ] || { command mv "$@"; return; }
  cat <"$3" >"$4" && rm "$3"
}"""
NO_SYNC = "sync() { :; }"
KEEPS_ALL = 'rm() { [ "$1" != -rf ] || return 0; command rm "$@"; }'


def first_found(found: Iterator[Findings], kind: str) -> list[str]:
    return next((lines for findings in found if (lines := getattr(findings, kind))), [])


def test_an_agent_that_writes_in_place_is_seen_to_tear_and_lose(applets: Path, bench: Path, ground: Ground) -> None:
    spoilt = replace(ground_of("busybox", ground.identity, applets, bench), sabotage=IN_PLACE)
    writes = (
        number
        for number in sorted(spoilt.reference.switches)
        if spoilt.reference.calls[number - 1].name in ("write", "sendfile", "copy_file_range")
    )
    assert first_found((killed(spoilt, number) for number in writes), "torn")


def test_an_agent_that_clears_nothing_is_seen_to_leave_it(ground: Ground) -> None:
    spoilt = replace(ground, sabotage=KEEPS_ALL)
    assert killed(spoilt, len(spoilt.reference.calls) // 2).left


@as_root
@pytest.mark.parametrize(("journal", "kind"), [(Journal.CHANGED, "torn"), (Journal.NONE, "untrue")])
def test_an_agent_that_does_not_sync_is_seen_when_the_power_goes(
    journal: Journal, kind: str, applets: Path, bench: Path
) -> None:
    why = why_not(bench)
    if why:
        pytest.skip(f"no file can be mounted as a disk here: {why}")
    spoilt = PoweredGround("dash", shell_named("dash", applets), 0, bench, sabotage=NO_SYNC)

    def tried() -> list[str]:
        with_private_mounts()
        return first_found(iter([power_lost(spoilt, len(spoilt.reference.calls) + 1, journal)]), kind)

    assert apart(tried)


def test_the_witness_sees_each_kind_of_wrong(ground: Ground) -> None:
    reference, root, plain = ground.reference, ground.root, FILES[0]
    place = root / plain.path.lstrip("/")
    ground.fresh()
    judged = partial(_judged, ground)
    assert judged(backups=True) == {}

    place.write_bytes(plain.new or b"")
    assert judged(backups=False) == {}
    assert judged(backups=True) == {"missing_backups": [f"{plain.path} is new and has no before-image"]}
    image = root / "var/lib/reconcile/before/1/1"
    image.parent.mkdir(parents=True)
    image.write_bytes(plain.old or b"")
    image.chmod(0o644)
    assert "missing_backups" in judged(backups=True)  # everybody could read it
    image.chmod(0o600)
    assert judged(backups=True) == {}

    place.write_bytes((plain.new or b"")[:100])
    assert judged(backups=True) == {"torn": [f"{plain.path} is torn"]}
    image.unlink()
    assert judged(backups=False) == {
        "torn": [f"{plain.path} is torn"],
        "lost": [f"the old bytes of {plain.path} are nowhere"],
    }
    place.write_bytes(plain.old or b"")
    place.chmod(0o600)
    assert judged(backups=False) == {"torn": [f"{plain.path} is torn"]}
    place.unlink()
    assert judged(backups=False)["torn"] == [f"{plain.path} is missing"]

    found = Findings()
    for stray in ("etc/.reconcile.abc.1", "var/lib/reconcile/stage.1.2.abc", "var/lib/reconcile/conflict/1.1"):
        (root / stray).parent.mkdir(exist_ok=True)
        (root / stray).touch()
    lock = root / "var/lib/reconcile/lock"
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        at_rest(root, states(look(root), reference.old, reference.new), found)
    assert len(found.left) == 3
    assert "var/lib/reconcile/lock is held" in found.not_converged
    assert f"{plain.path} is missing" in found.not_converged


def _judged(ground: Ground, *, backups: bool) -> dict[str, list[str]]:
    found = Findings()
    whole(ground.root, ground.reference.old, ground.reference.new, backups=backups, into=found)
    return found.all()
