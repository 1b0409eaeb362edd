"""What other tools were measured for, measured for ours, on the same four files and by the same definitions.

What is promised is asserted; the rest is counted, see `measured`. The full run takes every call for kills, and for errors and
power losses every call on or beside one of the files, with each sixth or eighth of the others.
"""

from __future__ import annotations

import errno
import random
import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest

from agents.apply_machine import as_root
from faults.apart import apart, with_private_mounts
from faults.campaign import IS_FULL, spread
from faults.measured import Measured, rounds
from faults.peers_files import (
    COMMENTED,
    GO_ENV,
    HOME,
    NEW,
    OLD,
    RESOLV_CONF,
    SETTINGS,
    WSL_CONF,
    Editor,
    PoweredWorkplace,
    Workplace,
    syncs_and_switches,
)
from faults.power_loss import STOCK, UNAIDED, why_not
from faults.sweep_fixtures import bench, open_bench, why_untraced
from faults.tracer import FailAt, KillAt, Trace
from faults.witness import State, see

__all__ = ["bench"]

pytestmark = pytest.mark.skipif(why_untraced() is not None, reason=f"processes cannot be traced: {why_untraced()}")

HELD_UP_SECONDS = 0.02
EDITED_AFTER_SECONDS = 0.025
BEHIND_THE_LAST = 10_000
CONTROLLERS_OWN = re.compile(r"home/\.(cache|local/state)/reconcile/(runs/)?\.[^/]+\.[0-9a-f]{16}")
"""What it was writing in its own home when it was killed: nobody clears that away."""


@pytest.fixture(scope="module")
def workplace() -> Iterator[Workplace]:
    with open_bench() as folder:
        yield Workplace(folder)


def points(workplace: Workplace, few: int, every: int, seed: int = 0) -> Sequence[int]:
    """Calls for a fault to fall on: those on or beside the four files, and each so many of the others."""
    last = len(workplace.reference.calls)
    if not IS_FULL:
        others = spread(range(1, last), few // 2, seed)[: few // 2]
        return sorted({*others, *spread(workplace.switches, few - few // 2, seed)})
    return sorted({*range(1, last + 1, every), *workplace.near})


def judged(workplace: Workplace, ran: Trace, measured: Measured) -> Iterator[str]:
    """Counts what a fault left, and what a plain run after it made of that. Yields the promises that were broken."""
    found, where = workplace.look(), f"call {len(ran.calls)} {ran.calls[-1].name}"
    measured.count(runs=1, K=len(workplace.reference.calls) if not measured.counted["K"] else 0)
    torn, missing = found.count(State.TORN), found.count(State.MISSING)
    measured.count(torn=bool(torn), missing=bool(missing), beside=bool(found.beside))
    measured.count(says_ok=ran.code == 0, ok_and_wrong=ran.code == 0 and not found.is_new)
    measured.count(traceback=b"Traceback" in ran.stderr)
    again = workplace.apply()
    after = workplace.look()
    measured.count(rerun_refused=again.code != 0, rerun_wrong=not after.is_new)
    measured.count(beside_after_rerun=bool(after.beside), left_after_rerun=bool(after.left))
    on_the_machine = {name for name in after.left if not CONTROLLERS_OWN.fullmatch(name)}
    measured.count(left_on_the_machine=bool(on_the_machine), old_bytes_kept=workplace.kept() == len(OLD))
    if not found.is_whole or ran.hung:
        yield f"{where}: {found.states}"
    if ran.code == 0 and not found.is_new:
        yield f"{where}: it says ok, and is {found.states}"
    if b"Traceback" in ran.stderr + again.stderr:
        yield f"{where}: {(ran.stderr + again.stderr).decode()[-500:]}"
    if again.code != 0 or not after.is_new:
        yield f"{where}: the run after it ends with {again.code}, {after.states}, {again.stdout.decode()[-500:]}"
    if after.beside or on_the_machine:
        yield f"{where}: the run after it leaves {[*after.beside, *on_the_machine]}"


def check(broken: Sequence[str]) -> None:
    assert not broken, f"{len(broken)} promises were broken, such as\n" + "\n".join(broken[:5])


def test_a_kill_leaves_each_file_old_or_new_and_the_same_command_mends_all(workplace: Workplace) -> None:
    with Measured("four files: SIGKILL", "dash") as measured:
        broken: list[str] = []
        for number in points(workplace, few=2, every=1):
            workplace.fresh()
            broken += judged(workplace, workplace.apply(KillAt(number)), measured)
    check(broken)


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO], ids=["ENOSPC", "EIO"])
def test_a_call_that_fails_once_tears_nothing_and_is_not_passed_over(error: int, workplace: Workplace) -> None:
    with Measured("four files: one call fails", errno.errorcode[error]) as measured:
        broken: list[str] = []
        for number in points(workplace, few=1, every=6, seed=error):
            workplace.fresh()
            broken += judged(workplace, workplace.apply(FailAt(number, error)), measured)
    check(broken)


@as_root
@pytest.mark.parametrize("options", [UNAIDED, STOCK] if IS_FULL else [UNAIDED])
def test_a_power_loss_leaves_each_file_old_or_new_and_keeps_what_is_done(
    options: str, workplace: Workplace, bench: Path
) -> None:
    why = why_not(bench)
    if why:
        pytest.skip(f"no file can be mounted as a disk here: {why}")
    known = None if IS_FULL else workplace.reference
    apart(partial(_power_losses, PoweredWorkplace(bench, known=known, options=options)))


def _power_losses(workplace: PoweredWorkplace) -> None:
    with_private_mounts()
    with Measured("four files: power loss", "stock" if workplace.options == STOCK else "noauto_da_alloc") as measured:
        broken: list[str] = []
        for number in [*points(workplace, few=1, every=8, seed=4), BEHIND_THE_LAST]:
            workplace.fresh()
            ran = workplace.apply(KillAt(number))
            workplace.lose_power()
            if number == BEHIND_THE_LAST:
                assert ran.code == 0, ran
                assert measured.count(bad_after_ok=len(NEW) - workplace.look().count(State.NEW)) == 0
            broken += judged(workplace, ran, measured)
    check(broken)


def test_what_is_made_durable_and_how_files_take_their_places(workplace: Workplace) -> None:
    """Before its place is taken, what takes it; after it, the folder."""
    with Measured("four files: calls", "without a fault") as measured:
        measured.count(**syncs_and_switches(workplace.reference.calls, workplace.root))
    assert measured.counted["staged_files_synced"] == measured.counted["switches"] == len(NEW)
    assert measured.counted["folders_synced"] == len({Path(path).parent for path in NEW})


@pytest.mark.parametrize("path", [GO_ENV, RESOLV_CONF], ids=["a line", "a whole file"])
def test_an_edit_in_the_moment_of_a_write_is_kept_and_told_of(path: str, workplace: Workplace) -> None:
    draw = random.Random(0)
    with Measured("four files: racing editor", "a line" if path == GO_ENV else "a whole file") as measured:
        for number in range(rounds(1, 50)):
            workplace.fresh()
            token = f"# edited in round {number}\n".encode()
            with Editor(workplace.at(path), token, draw.uniform(0, EDITED_AFTER_SECONDS)) as editor:
                ran = workplace.apply(editor.hold_up(HELD_UP_SECONDS))
            assert editor.is_done, "nothing was written"
            is_in_place = token in workplace.at(path).read_bytes()
            is_told = path.encode() in b"".join(line for line in _lines(ran) if not line.startswith(b"  done"))
            measured.count(rounds=1, in_place=is_in_place, told=is_told, refused=ran.code != 0)
            measured.count(lost=not workplace.holds(token), lost_and_told=not workplace.holds(token) and is_told)
            assert workplace.holds(token), ran
            assert is_in_place or is_told, ran


def _lines(ran: Trace) -> list[bytes]:
    return (ran.stdout + ran.stderr).splitlines()


# ---- what root is led to by a user's links

HIDDEN = "/srv/hidden"
LINKED = "".join(
    f"    {HOME}/{link}/whole: {{content: ours}}\n    {HOME}/{link}/line: {{block: ours}}\n"
    for link in ("new", "there", "file")
)
LURES = f"""\
version: 1
distro:
  files:
{LINKED}user:
  files: {{~/there/own: {{content: ours}}, ~/new/own: {{block: ours}}}}
"""


@as_root
def test_nothing_is_written_through_a_link_of_a_user(bench: Path) -> None:
    """Its folder is a link, to where no such file is and to where one is; or it is a link itself. A user's own part has
    no more rights than that user."""
    workplace = Workplace(bench, LURES)
    workplace.fresh()
    for name in ("new", "there", "file"):
        workplace.at(f"{HIDDEN}/{name}").mkdir(parents=True)
        if name != "file":
            workplace.at(f"{HOME}/{name}").symlink_to(f"{HIDDEN}/{name}")
    workplace.at(f"{HOME}/file").mkdir()
    for kind in ("whole", "line"):
        workplace.at(f"{HOME}/file/{kind}").symlink_to(f"{HIDDEN}/file/{kind}")
        for name in ("there", "file"):
            workplace.at(f"{HIDDEN}/{name}/{kind}").write_text("root's own\n")
    before = {place: see(place) for place in workplace.at(HIDDEN).rglob("*")}
    ran = workplace.apply()
    after = {place: see(place) for place in workplace.at(HIDDEN).rglob("*")}
    with Measured("four files: links", "root, and a user") as measured:
        refused = ran.stdout.count(b"can be written by others, so root keeps out")
        measured.count(refused=refused, written=len(after.items() ^ before.items()), code=ran.code)
    assert (ran.code, refused, after) == (5, 6, before), ran
    assert all(workplace.at(f"{HOME}/file/{kind}").is_symlink() for kind in ("whole", "line"))


# ---- what else stands in such files


def test_what_others_wrote_stays_as_it_was_written_and_a_second_run_has_nothing_to_do(workplace: Workplace) -> None:
    """To go a line end of Windows is part of the value: there our own lines have none."""
    workplace.fresh()
    workplace.at(SETTINGS).write_text(COMMENTED[0])
    for path in (WSL_CONF, GO_ENV):
        workplace.at(path).write_bytes(OLD[path].replace("\n", "\r\n").encode())
    assert workplace.apply().code == 0
    found = {path: workplace.at(path).read_bytes() for path in (WSL_CONF, GO_ENV)}
    mixed = {
        path: [line for line in text.splitlines(True) if not line.endswith(b"\r\n")] for path, text in found.items()
    }
    with Measured("four files: what else stands there", "kept") as measured:
        measured.count(comments_and_comma=workplace.at(SETTINGS).read_text() == COMMENTED[1])
        measured.count(ini_lines_ended_otherwise=len(mixed[WSL_CONF]), go_lines_ended_otherwise=len(mixed[GO_ENV]))
    assert workplace.at(SETTINGS).read_text() == COMMENTED[1]
    assert found[WSL_CONF] == NEW[WSL_CONF].replace("\n", "\r\n").encode()
    assert found[GO_ENV].replace(b"\r\n", b"\n") == NEW[GO_ENV].encode()
    assert [line.partition(b"=")[0] for line in mixed[GO_ENV]] == [b"GOPRIVATE", b"GOPROXY", b"GOTOOLCHAIN"]
    again = workplace.apply()
    assert again.code == 0 and b"nothing to change" in again.stdout, again
