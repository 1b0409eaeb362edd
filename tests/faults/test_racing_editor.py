"""Somebody edits a file while apply replaces it: the edit is in the file, or kept, and apply says so."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from agents.apply_machine import Machine, Shell, root_file_system, shell_named
from faults.measured import Measured, rounds
from faults.racing_editor import WATCHED, Moment, Race, edit_by_rename, edit_in_place
from faults.slow_tools import Marks, SlowTools, is_exchange_here

EDITORS = {"by rename": edit_by_rename, "in place": edit_in_place}


def moments(draw: random.Random, seconds: float, switches: int, switch_seconds: float) -> list[Moment]:
    """One time in two anywhere in a run, else when something is about to take the file's place; some edit once more."""
    first = Moment(draw.uniform(0, seconds))
    if switches and draw.random() < 0.5:
        first = Moment(draw.uniform(0, switch_seconds), draw.randrange(switches))
    again = Moment(draw.uniform(0, switch_seconds), draw.randrange(switches)) if switches else first
    return [first, again] if draw.random() < 0.25 else [first]


@pytest.mark.parametrize("has_exchange", [True, False], ids=["exchange", "no exchange"])
@pytest.mark.parametrize("editor", EDITORS)
def test_an_edit_while_apply_runs_is_not_lost(tmp_path: Path, editor: str, has_exchange: bool) -> None:
    """Without a tool to exchange names, an edit by rename right before ours can be lost: how often is measured."""
    if has_exchange and not is_exchange_here():
        pytest.skip("nothing here can exchange two names")
    variant = f"{editor}, {'exchange' if has_exchange else 'no exchange'}"
    draw, wanted, done = random.Random(variant), rounds(30, 400), 0
    with Marks(tmp_path / "marks") as marks, Measured("racing editor", variant) as measured:
        tools = SlowTools(folder=tmp_path / "tools", marks=marks, watched=WATCHED, can_exchange=has_exchange)
        shell = shell_named("dash", tmp_path)
        machine = Machine(root_file_system(tmp_path / "root"), Shell(shell.argv, tools.path()))
        race = Race(machine, marks, EDITORS[editor])
        quiet = [race.run(0), race.run(0)]
        seconds, switches = max(one.end - one.begin for one in quiet), len(marks.switches)
        while done < wanted:
            drawn = moments(draw, seconds, switches, 1.2 * tools.switch_seconds)
            # What two edits do to one who has no exchange to undo is not promised.
            raced = race.run(measured.count(runs=1), drawn if has_exchange else drawn[:1])
            raced.check()
            if raced.is_held_up:
                assert measured.count(held_up=1) <= wanted, "this computer is too busy to edit in time"
                continue
            done = measured.count(rounds=1)
            is_at_switch = any(begin <= edit.begin <= end for begin, end in marks.switches for edit in raced.edits)
            measured.count(in_window=raced.is_in_window, at_switch=is_at_switch)
            measured.count(lost=bool(raced.lost), detected=raced.is_told, untold=raced.is_untold)
            if has_exchange or editor == "in place":
                raced.check_promise()
        assert measured.counted["in_window"] >= wanted // 2, "the editor came too early or too late to prove anything"
        assert measured.counted["at_switch"] >= wanted // 6, "the editor missed the moment that matters"
