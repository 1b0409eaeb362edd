"""Applies over SSH that are interrupted: files are old or new, the old bytes are kept, and one run more does what is left.

tests/lab/test_trouble.py has that machines and lines that freeze, drip, break at any byte, or lose their power are told of,
leave files whole and converge; that a full disk and a read-only /etc are named; and what signals do to a command. Here is
what a kill of the controller leaves, what becomes of a disk that changes under way, and what is left beside the files:
copies of the old bytes, locks, staged files.
"""

from __future__ import annotations

import random
import secrets
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.apply_machine import Machine as Root
from agents.apply_machine import as_root, change, root_file_system, shell_named, statuses
from faults.interrupted import FILES, Desk, ended, until
from faults.measured import Measured, rounds
from lab.accounts import User
from lab.keys import KeyPair, make_key
from lab.machines import Lab
from lab.office import Office
from lab.relay import Door
from lab.trouble import Pause, assert_is_plain, boot, scripts_on, way
from reconciler.model.outcome import Status

STEP_SECONDS = 0.02
SILENCE_SECONDS = 3


@pytest.fixture(scope="module")
def key_pair(tmp_path_factory: pytest.TempPathFactory) -> KeyPair:
    return make_key(tmp_path_factory.mktemp("keys") / "id_ed25519")


@pytest.fixture(scope="module")
def desk(lab: Lab, key_pair: KeyPair, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    made = desk_with(lab, key_pair, tmp_path_factory.mktemp("interrupted") / "office")
    made.put_slow_tools(STEP_SECONDS)
    yield made
    made.one.close()


def desk_with(lab: Lab, key_pair: KeyPair, folder: Path, *, disk_mib: int = 64) -> Desk:
    user = User(keys=[key_pair.public])
    office = Office(folder)
    office.has_key(key_pair)
    one = boot(lab, users={"root": user, "dev": user}, disk_mib=disk_mib)
    return Desk(one, office)


# ---- both ends of a session


@pytest.mark.parametrize("who", ["controller", "session"])
def test_a_kill_leaves_nothing_that_one_run_does_not_mend(desk: Desk, who: str) -> None:
    """Of the command, or of the sshd that serves it: the script works on to its end, or nothing has begun."""
    draw, wanted = random.Random(who), rounds(8, 50) if who == "controller" else rounds(3, 50)
    desk.declare()
    with Measured("interruption", f"{who} killed") as measured:
        measured.count(rounds=0, in_window=0, partly=0, unkept=0)
        desk.make_old(0)
        desk.is_slow(wanted=True)
        began, process = time.monotonic(), desk.start()
        until(desk.is_at_work, process)
        before_work = time.monotonic() - began
        assert ended(process).code == 0
        work = time.monotonic() - began - before_work
        for number in range(1, wanted + 1):
            desk.make_old(number)
            desk.is_slow(wanted=True)
            process = desk.start()
            if number % 8:  # evenly, so that few rounds see all of it
                until(desk.is_at_work, process)
                time.sleep((number - draw.random()) / wanted * 0.8 * work)
            else:
                time.sleep(draw.uniform(0, before_work))
            measured.count(rounds=1, in_window=desk.is_at_work())
            if who == "controller":
                process.kill()
            else:
                desk.one.kill_sessions()
            ran = ended(process)
            assert who == "controller" or ran.code in (0, 4), ran
            desk.is_slow(wanted=False)
            desk.await_end()
            new = desk.check_whole()
            unkept = desk.unkept(new)
            measured.count(partly=0 < len(new) < desk.count, unkept=bool(unkept))
            assert unkept == []
            desk.check_converges()
        assert measured.counted["in_window"] >= wanted // 3, "it was hardly ever killed while something was written"


def test_who_comes_second_is_told_and_writes_nothing(desk: Desk) -> None:
    desk.declare()
    desk.make_old(0)
    desk.check_converges()
    desk.make_old(1)
    apply = ("apply", "-l", "root", "--yes")
    with Measured("appliers at once", "two commands") as measured:
        pause = Pause(desk.one, "sync")
        first = desk.start(*apply)
        pause.wait()
        second = desk.office.run(*apply)
        pause.let_go()
        measured.count(rounds=1, losers=second.code == 5)
        assert second.code == 5, second
        assert_is_plain(second)
        assert ended(first).code == 0
        assert {f"/root/f{number}" for number in range(FILES)} <= set(desk.check_whole())
        desk.check_converges()


def test_a_line_that_freezes_while_the_input_is_sent_keeps_nobody_out(lab: Lab, desk: Desk) -> None:
    """The script waits for the rest as long as the line seems to be there: nobody else should have to."""
    one = desk.one
    door = Door(lab.relay, "127.79.0.1", one.address)
    (desk.office.repo / "big").write_text(secrets.token_hex(4_000_000))
    desk.declare("    ~/big: {source: big}\n", {"root": way(one, door=door)})
    with Measured("interruption", "line frozen in the input") as measured:
        pause = Pause(one, "mkdir")
        process = desk.start("apply", "--all", "--yes", "--timeout", str(SILENCE_SECONDS))
        pause.wait()
        door.freeze()
        pause.let_go()
        ran = ended(process)
        assert ran.code == 4, ran
        assert f"has said nothing for {SILENCE_SECONDS} seconds" in ran.words, ran
        assert scripts_on(one), "it waits no more, so this proves nothing"
        desk.declare()
        desk.make_old(1)
        again = desk.office.run("apply", "--all", "--yes")
        measured.count(rounds=1, kept_out=again.code != 0)
        assert again.code == 0, again
        door.close()
        desk.await_end()
        assert one.run(["test", "-e", "/root/big"]).code == 1
        desk.make_old(2)
        desk.check_converges()


# ---- disks that change under way


def test_a_disk_that_fills_leaves_files_whole_and_nothing_beside_them(
    lab: Lab, key_pair: KeyPair, tmp_path: Path
) -> None:
    draw, wanted = random.Random("full disk"), rounds(3, 30)
    desk = desk_with(lab, key_pair, tmp_path / "office", disk_mib=8)
    desk.lines = 600
    desk.declare()
    with Measured("interruption", "disk full") as measured:
        measured.count(rounds=0, failed=0, partly=0, unkept=0)
        desk.make_old(0)
        desk.check_converges()
        for number in range(1, wanted + 1):
            desk.make_old(number)
            desk.one.fill(leave_bytes=draw.randrange(250_000))
            ran = desk.office.run("apply", "--all", "--yes")
            assert_is_plain(ran)
            assert ran.code in (0, 3), ran
            assert ran.code == 0 or "No space left on device" in ran.words, ran
            new = desk.check_whole()
            unkept = desk.unkept(new)
            assert (ran.code == 0) == (len(new) == desk.count), ran
            measured.count(rounds=1, failed=ran.code != 0, partly=0 < len(new) < desk.count)
            measured.count(unkept=bool(unkept))
            assert unkept == []
            assert desk.leftovers() == ""
            desk.one.make_room()
            desk.check_converges()
        assert measured.counted["failed"] >= wanted // 3, "there was always room"
    desk.one.close()


def test_a_folder_that_becomes_read_only_under_way_is_cleared_by_the_next_run(
    lab: Lab, key_pair: KeyPair, tmp_path: Path
) -> None:
    desk = desk_with(lab, key_pair, tmp_path / "office")
    desk.declare()
    desk.mount("/root", "bind")
    with Measured("interruption", "read-only remount") as measured:
        measured.count(rounds=0, in_window=0, failed=0, unkept=0)
        desk.make_old(0)
        desk.check_converges()
        for number in range(rounds(3, 20)):
            desk.make_old(number + 1)
            pause = Pause(desk.one, "sync", skip=2 * number if number < 3 else number)
            process = desk.start()
            is_held = until(lambda: desk.one.run(["test", "-e", "/run/held-sync"]).code == 0, process)
            desk.mount("/root", "read-only")
            pause.let_go()
            ran = ended(process)
            assert_is_plain(ran)
            assert ran.code in (0, 3), ran
            assert ran.code == 0 or "Read-only file system" in ran.words, ran
            new = desk.check_whole()
            unkept = desk.unkept(new)
            assert {f"/home/dev/f{each}" for each in range(FILES)} <= set(new), "that is another mount"
            assert (ran.code == 0) == (len(new) == desk.count), ran
            measured.count(rounds=1, in_window=is_held, failed=ran.code != 0, unkept=bool(unkept))
            assert unkept == []
            desk.mount("/root", "writable")
            desk.one.commander.succeed(["rm", "-f", "/run/held-sync"])
            desk.check_converges()
        assert measured.counted["failed"] >= 1, "it was never read-only in time"
    desk.one.close()


@as_root
@pytest.mark.parametrize("what", ["file", "folder"])
@pytest.mark.parametrize("flag", ["i", "a"])
def test_what_nobody_may_change_is_named_and_nothing_is_left_beside_it(tmp_path: Path, what: str, flag: str) -> None:
    """Immutable, or to be added to only: in such a folder a staged file can be made and not taken away again."""
    machine = Root(root_file_system(tmp_path / "root"), shell_named("dash", tmp_path))
    files = [machine.file(f"/srv/{folder}/file", b"old\n") for folder in ("fixed", "other")]
    locked = files[0] if what == "file" else files[0].parent
    planned = [change(folder, machine.write(f"/srv/{folder}/file", b"new\n")) for folder in ("fixed", "other")]
    with Measured("interruption", f"{what} with chattr +{flag}") as measured:
        if subprocess.run(["chattr", f"+{flag}", locked], capture_output=True).returncode:
            pytest.skip("this file system has no such flags")
        try:
            found = machine.apply(*planned)
            content, left = files[0].read_bytes(), machine.leftovers()
        finally:
            subprocess.run(["chattr", f"-{flag}", locked], check=True)
        assert found["fixed"].status in (Status.REFUSED, Status.FAILED), found
        assert "Operation not permitted" in found["fixed"].message, found
        assert content == b"old\n"
        assert (found["other"].status, files[1].read_bytes()) == (Status.DONE, b"new\n"), found
        assert (what, flag) == ("folder", "a") or left == []
        assert statuses(machine.apply(*planned)) == {"fixed": Status.DONE, "other": Status.DONE}
        assert files[0].read_bytes() == b"new\n"
        measured.count(rounds=1, left_over=len(machine.leftovers()))
        assert machine.leftovers() == []
