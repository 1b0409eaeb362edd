"""The journal's rows: what they say, what is ours by them, and what may go."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from reconciler.model import ledger
from reconciler.model.address import Address, Target
from reconciler.model.facts import PathType
from reconciler.model.ledger import ChangeRecord, DueRecord, ItemRecord, PathRecord, RunRecord, RunStamp, retention
from reconciler.model.secrets import Secret
from reconciler.model.tasks import Base
from reconciler.model.values import Json

MAIN = Target("lt", "main")
NOW = RunStamp(id="now", at="2026-12-01 12:00:00 UTC")


def run(generation: int, name: str, before: str | None, after: str | None, day: str = "2026-12-01") -> RunRecord:
    def fields(value: str | None) -> dict[str, Json] | None:
        return None if value is None else {"value": value}

    item = ItemRecord(address=Address(MAIN, "go_env", name), before=fields(before), after=fields(after))
    change = ChangeRecord(number=1, id="c", thing="/etc/x", target=MAIN, items=(item,), is_done=True)
    stamp = RunStamp(id=f"r{generation}", by="zoe", at=f"{day} 10:00:00 UTC", tool="1")
    return RunRecord(generation=generation, stamp=stamp, changes=(change,))


def written(*runs: RunRecord) -> bytes:
    return retention.compacted(runs, NOW)


def test_what_is_written_is_read_again() -> None:
    odd = ChangeRecord(
        number=7, id="lt/main:/etc/a b", thing="/etc/ü", target=MAIN, is_done=False,
        items=(ItemRecord(address=Address(MAIN, "files", "/a:b"), before=None, after={"x": [1, None, {"y": True}]}, options={"bin": "/b"}),),
        paths=(PathRecord(task=3, path="/etc/\udcff", before=Base(type=PathType.MISSING),
               after=Base(type=PathType.FILE, digest="0" * 64, mode=0o644, owner="root"), secrets=("token",)),),
        due=(DueRecord(argv=("sysctl", "-p"), stdin="\udcff", timeout_seconds=60),),
    )  # fmt: skip
    known = replace(run(1, "A", None, "1"), changes=(odd,), recovered=True)
    assert ledger.read(written(known, run(2, "A", "1", "2"))) == (known, run(2, "A", "1", "2"))


@pytest.mark.parametrize(
    "noise", [b"{", b"[]", b"null", b'{"generation": 1}', b'{"generation": "x", "done": [1]}', b"\xff\n", b'{"generation": 9, "done": [1]}',
              b'{"generation": 1, "run": "r", "by": "z", "at": "x", "tool": "", "changes": [{}]}', b"[" * 5000]
)  # fmt: skip
def test_what_was_cut_off_or_is_no_row_is_passed_over(noise: bytes) -> None:
    good = written(run(1, "A", None, "1"))
    assert ledger.read(noise + b"\n" + good + noise) == ledger.read(good)
    assert ledger.read(None) == ledger.read(noise) == ()


def test_what_is_ours_has_its_first_value_before_and_its_last_after() -> None:
    ours = ledger.held((run(1, "A", "0", "1"), run(2, "B", None, "1"), run(3, "A", "1", "2"), run(4, "B", "1", None)))
    assert [str(address) for address in ours] == ["lt/main:go_env:A"], "B is back at what it was"
    (held,) = ours.values()
    assert (held.origin.before, held.last.after) == ({"value": "0"}, {"value": "2"})
    assert (held.origin_generation, held.last_generation) == (1, 3)


def test_what_took_several_changes_is_ours_once_and_no_more_when_it_is_led_back() -> None:
    """A unit is read anew, then started: two changes of one item."""
    there, back = (replace(one, changes=one.changes * 2) for one in (run(1, "A", "0", "1"), run(2, "A", "1", "0")))
    (held,) = ledger.held((there,)).values()
    assert held.origin.before == {"value": "0"}
    assert ledger.held((there, back)) == {}


def test_what_was_not_done_makes_nothing_ours() -> None:
    undone = run(1, "A", "0", "1")
    assert ledger.held((replace(undone, changes=(replace(undone.changes[0], is_done=False),)),)) == {}


def released(generation: int, name: str) -> RunRecord:
    return replace(run(generation, name, "1", "1"), changes=(), released=frozenset({Address(MAIN, "go_env", name)}))


def test_what_was_released_is_ours_no_more_until_it_is_written_anew() -> None:
    known = (run(1, "A", "0", "1"), run(2, "B", "0", "1"), released(3, "A"))
    assert ledger.read(written(*known)) == known
    assert [str(address) for address in ledger.held(known)] == ["lt/main:go_env:B"]
    anew = ledger.held((*known, run(4, "A", "5", "6")))
    assert anew[Address(MAIN, "go_env", "A")].origin.before == {"value": "5"}


def test_what_was_released_and_led_back_is_not_ours_by_that() -> None:
    back = run(3, "A", "1", "0")
    assert ledger.held((run(1, "A", "0", "1"), released(2, "A"), back)) == {}
    assert len(ledger.held((run(1, "A", "0", "1"), released(2, "A"), back, run(4, "A", "0", "1")))) == 1


def test_a_row_that_releases_stays_as_long_as_what_it_takes_back() -> None:
    """Else what was released long ago would be ours again: its run is kept for the sake of another address."""
    day = "2025-01-01"
    both = run(1, "A", "0", "1", day)
    both = replace(both, changes=(*both.changes, replace(run(1, "B", "0", "1").changes[0], number=2)))
    gone = replace(released(2, "A"), stamp=both.stamp)
    others = [run(number, f"C{number}", "0", "0", day) for number in range(3, 40)]
    assert [str(address) for address in ledger.held(ledger.read(written(both, gone, *others)))] == ["lt/main:go_env:B"]


def test_bytes_are_kept_for_twenty_runs_ninety_days_and_while_an_address_is_ours() -> None:
    old = [
        run(number, "A" if number == 1 else f"B{number}", "0", "1" if number == 1 else "0", "2025-01-01")
        for number in range(1, 31)
    ]
    assert retention.outdated(tuple(old), NOW) == tuple(range(2, 11)), "the first holds the value from before us"
    young = [run(number, f"B{number}", "0", "0") for number in range(1, 31)]
    assert retention.outdated(tuple(young), NOW) == ()


def test_a_large_ledger_keeps_what_is_needed() -> None:
    large = "x" * 399
    runs = tuple(
        run(number, "A" if number == 1 else "B", large, large + str(number % 2) if number == 1 else large)
        for number in range(1, 1201)
    )
    assert len(b"".join(ledger.rows_of(each).encode() for each in runs)) > 2 * retention.LARGE_BYTES
    kept = ledger.read(written(*runs))
    assert len(written(*runs)) <= retention.LARGE_BYTES
    assert kept[0].generation == 1 and kept[-1].generation == 1200
    assert ledger.held(kept).keys() == ledger.held(runs).keys()


def test_no_secret_and_no_long_text_is_told() -> None:
    told = ledger.told({"a": Secret("hunter2", frozenset({"token"})), "b": "x" * 401, "c": "short"})
    assert told is not None and "hunter2" not in json.dumps(told) and "xxx" not in json.dumps(told)
    assert ledger.is_secret(told["a"]) and ledger.is_untold(told["b"]) and told["c"] == "short"
