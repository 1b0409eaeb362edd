from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from reconciler.formats.fstab import Entry, edit, entries, ignored_lines, line_of, members, misplaced, parse_line
from reconciler.formats.lines import lines_of
from reconciler.formats.octal_escapes import encode

DEBIAN = (
    "# /etc/fstab: static file system information.\n"
    "UUID=1d2f-3 /               ext4    errors=remount-ro 0       1\n"
    "\n"
    "# swap was on /dev/sda5\n"
    "UUID=77  none\tswap    sw              0       0\n"
    "tmpfs /tmp tmpfs\n"
)
BIND = "/mnt/c/x /home/u/x none bind 0 0"
DRIVE = "C: /mnt/c drvfs metadata 0 0"

FIELDS = st.one_of(
    st.sampled_from(
        ["a", "/", "/a", "/a/b", "/b//", "none", r"/s\040p", r"\134", r"\04", r"\777", "ro,x,,y", "1", "-2", "#", "ä"]
    ),
    st.text(st.sampled_from(["\\", "0", "4", "1", "/", "a", "#", ",", '"', "ü"]), min_size=1, max_size=8),
)
LINES = st.one_of(
    st.sampled_from(["", "  # x", "#", "/dev/x /y", DRIVE, BIND, "a /b c d 1x", "a /b c d 1 2 # more", "a /b c d #"]),
    st.builds(lambda words, gap: gap.join(words), st.lists(FIELDS, max_size=7), st.sampled_from([" ", "\t", " \t "])),
)
NUL = re.compile(r"\\[04]00")
"""An escape at which libmount ends the field, whatever comes behind it: no fstab has one."""
TEXTS = st.builds(
    lambda lines, ending, tail: ending.join(lines) + tail,
    st.lists(LINES.filter(lambda line: not NUL.search(line)), max_size=9),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["", "\n", "\r"]),
)
WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=8)
ENTRIES = st.builds(
    Entry,
    source=WORDS | st.sampled_from(["/a/src", "/b", "C:", r"a\040b"]),
    target=st.sampled_from(["/a", "/a/b", "/b", "/c d", "/ä", "/"]),
    type=WORDS,
    options=st.lists(st.sampled_from(["ro", 'context="a,b"', "x-y=ä ö"]), min_size=1, max_size=3).map(tuple),
    dump=st.integers(0, 9),
    passno=st.integers(0, 2),
)


def test_an_entry_has_six_fields_without_escapes() -> None:
    assert entries(r"//srv/a\040b /mnt/t\011\134\043 cifs ro,credentials=/c\040d 1 2") == (
        (
            1,
            Entry(
                source="//srv/a b",
                target="/mnt/t\t\\#",
                type="cifs",
                options=("ro", "credentials=/c d"),
                dump=1,
                passno=2,
            ),
        ),
    )


def test_missing_last_fields_are_read_as_what_they_mean() -> None:
    expected = Entry(source="tmpfs", target="/tmp", type="tmpfs", options=("defaults",), dump=0, passno=0)
    assert parse_line("tmpfs /tmp tmpfs") == parse_line("  tmpfs\t/tmp  tmpfs defaults 0 0 # more\r\n") == expected


def test_a_comma_in_quotes_parts_no_options() -> None:
    entry = parse_line('tmpfs /t tmpfs size=1m,context="u:o:t:c1,c2",ro')
    assert entry is not None and entry.options == ("size=1m", 'context="u:o:t:c1,c2"', "ro")


def test_what_mount_does_not_take_is_no_entry_and_is_named() -> None:
    text = "a /b\n\n#c /c c\n  # d /d d\na /b c defaults # no comment here\na /b c d 1 2 x\na /b c d 1x 2\n"
    assert [number for number, _ in entries(text)] == [6]
    assert ignored_lines(text) == ((1, "a /b"), (5, "a /b c defaults # no comment here"), (7, "a /b c d 1x 2"))


def test_members_are_mount_points_and_swap_is_none() -> None:
    assert members(DEBIAN) == {
        "/": "UUID=1d2f-3 / ext4 errors=remount-ro 0 1",
        "/tmp": "tmpfs /tmp tmpfs defaults 0 0",
    }


def test_only_the_field_that_differs_changes() -> None:
    edited = edit(DEBIAN, {"/": "UUID=1d2f-3 / ext4 noatime 0 1"})
    assert edited == DEBIAN.replace("errors=remount-ro", "noatime")
    assert edit("a  /b\tc  \n", {"/b": "a /b c defaults 0 2"}) == "a  /b\tc defaults 0 2\n"
    assert edit("a\t/b//  c ro 00 1 # x\r\n", {"/b": "a /b d ro 0 1"}) == "a\t/b//  d ro 00 1 # x\r\n"


def test_removing_takes_every_line_of_the_mount_point_and_no_other() -> None:
    text = "# tmp\na /t x\nb /t/ y\n  c /tt z\nd /t\n"
    assert edit(text, {"/t": None}) == "# tmp\n  c /tt z\nd /t\n"


def test_setting_removes_later_entries_of_the_mount_point() -> None:
    text = "a /t x\nc /u z\nb /t y\n"
    assert members(text)["/t"] == "a /t x defaults 0 0"
    assert edit(text, {"/t": "q /t x defaults 0 0"}) == "q /t x\nc /u z\n"
    assert edit(text, {"/t": "a /t x defaults 0 0"}) == "a /t x\nc /u z\n"


def test_a_new_entry_goes_to_the_end_with_the_line_end_of_the_file() -> None:
    assert edit("", {"/mnt/c": DRIVE}) == DRIVE + "\n"
    assert edit("# none", {"/mnt/c": DRIVE}) == f"# none\n{DRIVE}\n"
    assert edit("a /b c\r\nd /e f", {"/mnt/c": DRIVE}) == f"a /b c\r\nd /e f\r\n{DRIVE}\r\n"


@pytest.mark.parametrize(
    "dependent",
    [
        BIND,
        "/mnt/c /home/u/c none bind 0 0",
        "tmpfs /mnt/c/t tmpfs",
        "/mnt/c//x/ /home/u/x none bind",
        "/mnt/c/swap none swap",
    ],
)
def test_a_drive_goes_above_what_is_on_it(dependent: str) -> None:
    text = f"tmpfs /t tmpfs\n{dependent}\n/mnt/cx /y none bind\n"
    assert edit(text, {"/mnt/c": DRIVE}) == f"tmpfs /t tmpfs\n{DRIVE}\n{dependent}\n/mnt/cx /y none bind\n"


def test_entries_that_are_set_at_once_stand_in_the_order_in_which_they_must_be_mounted() -> None:
    for order in ([BIND, DRIVE], [DRIVE, BIND]):
        changes = {line.split()[1]: line for line in order}
        assert edit("", changes) == f"{DRIVE}\n{BIND}\n"
    assert edit("", {"/b": "x /b y 0 0 0", "/a": "x /a y 0 0 0"}) == "x /a y 0 0 0\nx /b y 0 0 0\n"


def test_an_entry_moves_only_when_it_is_changed_into_one_that_needs_a_later_one() -> None:
    text = f"/data/x /home/u/x none bind\n# drives\n{DRIVE}\n"
    assert edit(text, {"/home/u/x": "/mnt/c/x /home/u/x none bind 0 0"}) == (
        f"# drives\n{DRIVE}\n/mnt/c/x /home/u/x none bind\n"
    )
    late = f"{BIND}\n{DRIVE}\n"
    assert edit(late, {"/home/u/x": BIND, "/mnt/c": DRIVE}) == late
    assert misplaced(late) == ((1, 2),)
    assert edit(late, {"/mnt/c": "C: /mnt/c drvfs ro 0 0"}) == f"C: /mnt/c drvfs ro 0 0\n{BIND}\n"


def test_entries_of_one_mount_point_do_not_need_each_other() -> None:
    assert misplaced("/a /a none bind\n/a /a none remount,ro,bind\n") == ()


@pytest.mark.parametrize(
    ("target", "value"),
    [
        ("/a", "# x"),
        ("/a", "b /a"),
        ("/a", "b /c d"),
        ("/a", "b /a c\nd"),
        ("none", "a none swap"),
        ("/a", "a /a c d x"),
    ],
)
def test_a_value_that_is_no_line_of_its_mount_point_is_never_written(target: str, value: str) -> None:
    with pytest.raises(ValueError, match="is no fstab line"):
        edit("", {target: value})


def test_an_empty_field_is_never_written() -> None:
    with pytest.raises(ValueError, match="cannot hold"):
        line_of(Entry(source="", target="/a", type="x"))


def test_a_source_that_begins_with_a_number_sign_is_no_comment() -> None:
    entry = Entry(source="#1", target="/a#b", type="x")
    assert line_of(entry) == r"\0431 /a#b x defaults 0 0"
    assert parse_line(line_of(entry)) == entry


@settings(deadline=None)
@given(ENTRIES)
def test_every_entry_reads_back_from_its_line(entry: Entry) -> None:
    assert parse_line(line_of(entry)) == entry


@settings(deadline=None)
@given(TEXTS)
@example("a /b c\r")
def test_setting_what_is_there_changes_nothing(text: str) -> None:
    found = members(text)
    if len(found) == sum(entry.target.startswith("/") for _, entry in entries(text)):
        assert edit(text, found) == text
    assert edit(text, {"/not/there": None}) == text


@settings(deadline=None)
@given(TEXTS, st.lists(ENTRIES, max_size=3), st.sampled_from(["/a", "/b", "/"]))
def test_the_members_are_what_was_set_and_other_lines_keep_their_bytes(text: str, new: list[Entry], gone: str) -> None:
    changes: dict[str, str | None] = {gone: None}
    changes |= {entry.target: line_of(entry) for entry in new}
    before = members(text)
    edited = edit(text, changes)
    wanted = {target: value for target, value in (before | changes).items() if value is not None}
    assert members(edited) == wanted
    assert edit(edited, changes) == edited
    assert _others(edited, changes) == _others(text, changes)


def _others(text: str, changes: dict[str, str | None]) -> list[str]:
    parsed = [(line, parse_line(line)) for line in lines_of(text)]
    return [line.rstrip("\r\n") for line, entry in parsed if entry is None or entry.target not in changes]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXTS)
def test_findmnt_reads_the_same(tmp_path: Path, text: str) -> None:
    if not shutil.which("findmnt"):
        pytest.skip("findmnt is not installed")
    assert _of_findmnt(tmp_path / "fstab", text) == [_plain(entry) for _, entry in entries(text)]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ENTRIES)
def test_findmnt_reads_what_was_written(tmp_path: Path, entry: Entry) -> None:
    if not shutil.which("findmnt"):
        pytest.skip("findmnt is not installed")
    text = edit("# x", {entry.target: line_of(entry)})
    assert _of_findmnt(tmp_path / "fstab", text) == [_plain(entry)]


def _plain(entry: Entry) -> tuple[object, ...]:
    return entry.source, entry.target, entry.type, entry.options, entry.dump, entry.passno


def _of_findmnt(path: Path, text: str) -> list[tuple[object, ...]]:
    # A first line of our own: libmount guesses from it that this is no mountinfo.
    path.write_bytes(b"first /first x\n" + text.encode("utf-8", "surrogateescape"))
    columns = "SOURCE,TARGET,FSTYPE,OPTIONS,FREQ,PASSNO"
    argv = ["findmnt", "--tab-file", str(path), "--json", "--nocanonicalize", "--list", "--output", columns]
    environment = {"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"}
    run = subprocess.run(argv, capture_output=True, check=False, timeout=20, env=environment)
    found = json.loads(run.stdout.decode("utf-8", "surrogateescape"))["filesystems"]
    return [_row(row) for row in found[1:]]


def _row(row: dict[str, object]) -> tuple[object, ...]:
    """Missing options mean defaults; findmnt shows doubled slashes that libmount compares away."""
    target = Entry(source="x", target=str(row["target"]), type="x").target
    while "//" in target:
        target = target.replace("//", "/")
    target = target if target == "/" or not target.startswith("/") else target.rstrip("/")
    parsed = parse_line("x /x x " + encode(str(row["options"] or "defaults")))
    assert parsed is not None
    return row["source"], target, row["fstype"], parsed.options, row["freq"], row["passno"]
