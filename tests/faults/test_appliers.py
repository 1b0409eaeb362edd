"""Two to four who apply to one machine at once, some of them killed: one works, the others are told who does."""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import pytest

from agents.apply_machine import IS_ROOT, Machine, Shell, root_file_system, shell_named
from faults.appliers import PATIENCE_SECONDS, WATCHED, Arena, Contest, generations, is_whole
from faults.measured import Measured, rounds
from faults.slow_tools import Marks, SlowTools
from reconciler.model.outcome import Status
from yardstick import SOON_SECONDS


def ways_to_start() -> tuple[tuple[str, ...], ...]:
    """Among the other processes, or where they cannot be seen."""
    apart = ("unshare", "--pid", "--fork", "--mount-proc", "--")
    can_be_had = IS_ROOT and subprocess.run([*apart, "true"], capture_output=True).returncode == 0
    return ((), (), (shutil.which("unshare") or "unshare", *apart[1:])) if can_be_had else ((),)


@pytest.mark.parametrize("has_flock", [True, False], ids=["flock", "no flock"])
def test_one_works_and_the_others_are_told(tmp_path: Path, has_flock: bool) -> None:
    variant = "flock" if has_flock else "no flock"
    draw, wanted = random.Random(variant), rounds(20, 200)
    with Marks(tmp_path / "marks") as marks, Measured("appliers at once", variant) as measured:
        machine = Machine(root_file_system(tmp_path / "root"), shell_named("dash", tmp_path))
        arena = Arena(machine, marks, tmp_path / "tools", draw)
        if not has_flock:
            # Nothing holds on for what a dead one left at work; but a lock tells apart who is of another process namespace.
            arena.hidden, arena.kills, arena.wraps = ("flock", "busybox"), ("all of it",), ways_to_start()
        arena.prepare()
        for number in range(4 * wanted):  # under load they meet less often: then there are more rounds
            if number >= wanted and min(measured.counted[each] for each in ("killed", "contested")) >= wanted // 3:
                break
            contest = arena.contest(number)
            measured.count(rounds=1, contested=bool(contest.losers), killed=any(one.killed for one in contest.appliers))
            measured.count(interleaved=contest.is_interleaved, mixed=contest.is_mixed, losers=len(contest.losers))
            if has_flock:
                measured.count(misled=len(contest.misled))
                assert contest.robbed == []
            else:  # of who is in another process namespace nobody can tell whether he lives
                measured.count(robbed=len(contest.robbed))
            assert all(map(is_whole, contest.contents)), contest.contents
            check_promise(contest)
            numbers = list(generations(arena.state_folder / "ledger"))
            assert numbers == sorted(numbers), "one generation began before the last had ended"
            after, waited = arena.converge(f"after {number}")
            assert waited < SOON_SECONDS, f"the lock was held for {waited} s after its holder's death: {after.outcomes}"
            assert after.statuses == {Status.DONE}, after.outcomes
            measured.count(left_over=len(machine.leftovers()))
            assert machine.leftovers() == []
        assert measured.counted["killed"] >= wanted // 3
        assert measured.counted["contested"] >= wanted // 3, "they hardly ever met"


def test_what_a_dead_one_left_at_work_still_holds_the_lock(tmp_path: Path) -> None:
    """It may be about to put something in a file's place."""
    gate = tmp_path / "gate"
    with Marks(tmp_path / "marks") as marks, Measured("appliers at once", "orphan") as measured:
        machine = Machine(root_file_system(tmp_path / "root"), shell_named("dash", tmp_path))
        arena = Arena(machine, marks, tmp_path / "tools", random.Random(0))
        arena.prepare()
        tools = SlowTools(folder=tmp_path / "gated", marks=marks, watched=WATCHED, who="dead", gate=gate)
        shell = Shell(machine.shell.argv, tools.path())
        marks.forget()
        gate.touch()
        dead = arena.start("dead", arena.plan("dead", "this"), shell)
        marks.wait_for_switch(0, PATIENCE_SECONDS)
        dead.process.kill()
        dead.process.wait()
        other = arena.start("other", arena.plan("other", "that"), machine.shell)
        other.end()
        measured.count(rounds=1, losers=other.is_busy)
        assert other.is_busy, other.outcomes
        gate.unlink()
        dead.end()
        after, waited = arena.converge("after")
        assert after.statuses == {Status.DONE}, after.outcomes
        assert waited < SOON_SECONDS
        assert machine.leftovers() == []


def check_promise(contest: Contest) -> None:
    """What holds where there is a lock."""
    assert not contest.is_interleaved, contest.order
    assert not contest.is_mixed, contest.contents
    for one in (*contest.losers, *contest.robbed):
        assert one.name not in contest.order, f"{one.name} touched what it should not: {contest.order}"
    for one in contest.losers:
        assert one.statuses == {Status.REFUSED}, one.outcomes
        assert all("another run is at work" in outcome.message for outcome in one.outcomes.values()), one.outcomes
    for one in contest.appliers:
        if one not in (*contest.losers, *contest.robbed) and not one.killed:
            assert one.statuses <= {Status.DONE, Status.REFUSED}, one.outcomes
    if not contest.robbed and not any(one.killed for one in contest.appliers):
        told = "\n".join(f"{one.name}: {one.outcomes}" for one in contest.appliers)
        assert any(one.statuses == {Status.DONE} for one in contest.appliers), f"nobody won:\n{told}"
