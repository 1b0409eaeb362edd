from __future__ import annotations

import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.formats.hosts import edit, members, normal_addresses

DEBIAN = (
    "127.0.0.1\tlocalhost\n"
    "127.0.1.1\tbox.lan\tbox  # set by hand\n"
    "\n"
    "# IPv6\n"
    "::1     localhost ip6-localhost ip6-loopback\n"
)
NAMES = ["localhost", "box", "Box", "a.b", "ä", "x"]
ADDRESSES = ["127.0.0.1", "10.0.0.1", "10.0.0.2", "::1", "fe80::1", "::ffff:1.2.3.4"]
WORDS = st.sampled_from([*NAMES, "box#c", "#", "#box"])
LINES = st.one_of(
    st.sampled_from(["", "# c", "box", "fe80::1%eth0 box", "127.0.0.01 box", "10.1 box", "10.0.0.1", "127.0.0.1 #box"]),
    st.builds(
        lambda address, gap, words: gap.join([address, *words]),
        st.sampled_from([*ADDRESSES, " 10.0.0.1", "FE80:0::1", "::FFFF:102:304"]),
        st.sampled_from([" ", "\t", " \t ", "\f"]),
        st.lists(WORDS, max_size=4),
    ),
)
TEXTS = st.builds(
    lambda lines, ending, tail: ending.join(lines) + tail,
    st.lists(LINES, max_size=8),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["", "\n"]),
)
VALUES = st.lists(st.sampled_from(ADDRESSES), min_size=1, max_size=3).map(" ".join)
CHANGES = st.dictionaries(st.sampled_from(NAMES), st.none() | VALUES, max_size=3).filter(
    lambda changes: len({name.lower() for name in changes}) == len(changes)
)


def test_a_name_has_the_addresses_of_all_its_lines_ipv4_first() -> None:
    text = "::1 box\n10.0.0.10 BOX\n10.0.0.9 other Box#comment box2\n10.0.0.9 box\n::ffff:1.2.3.4 Mapped\n"
    assert members(text) == {
        "box": "10.0.0.9 10.0.0.10 ::1",
        "other": "10.0.0.9",
        "mapped": "::ffff:1.2.3.4",
    }


@pytest.mark.parametrize("line", ["# 10.0.0.1 x", "fe80::1%eth0 x", "010.0.0.1 x", "10.1 x", "host x", "10.0.0.1", ""])
def test_a_line_without_an_address_and_a_name_is_not_read_and_stays(line: str) -> None:
    assert members(line) == {}
    assert edit(line, {"x": None}) == line


def test_a_new_name_joins_the_first_line_of_its_address() -> None:
    assert edit(DEBIAN, {"box2": "127.0.1.1"}) == DEBIAN.replace("\tbox  #", "\tbox box2  #")
    assert (
        edit("10.0.0.1 # x\n10.0.0.1 a\r\n10.0.0.1 b", {"C": "10.0.0.1"}) == "10.0.0.1 # x\n10.0.0.1 a C\r\n10.0.0.1 b"
    )


def test_a_new_address_gets_a_line_at_the_end() -> None:
    assert edit(DEBIAN, {"nas": "10.0.0.9"}) == DEBIAN + "10.0.0.9 nas\n"
    assert edit("", {"nas": "FE80:0::1 10.0.0.10 10.0.0.9"}) == "10.0.0.9 nas\n10.0.0.10 nas\nfe80::1 nas\n"
    assert edit("10.0.0.1 a\r\n# end", {"nas": "10.0.0.9"}) == "10.0.0.1 a\r\n# end\r\n10.0.0.9 nas\r\n"


def test_a_name_is_taken_off_the_lines_that_give_it_other_addresses() -> None:
    assert edit(DEBIAN, {"localhost": "127.0.0.1"}) == DEBIAN.replace("localhost ip6-localhost", "ip6-localhost")
    assert edit("10.0.0.1 a  BOX\tb # c\n10.0.0.2 box\n", {"box": "10.0.0.2"}) == "10.0.0.1 a  b # c\n10.0.0.2 box\n"


def test_a_line_that_is_left_without_names_goes_and_its_comment_stays() -> None:
    assert edit("10.0.0.1 box\n10.0.0.2 BOX box # two\r\n10.0.0.3\tbox#three", {"box": None}) == "# two\r\n#three"


def test_nothing_changes_when_the_file_already_says_so() -> None:
    text = "10.0.0.1 box\n10.0.0.1 BOX # again\nFE80:0::1 box"
    assert edit(text, {"box": "fe80::1 10.0.0.1", "Box": "10.0.0.1   fe80:0::1"}) == text


@pytest.mark.parametrize("name", ["", "a b", "a#b", "a\nb", "a\0", "\u2028"])
def test_what_cannot_be_a_name_is_never_written(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be a name"):
        edit("", {name: "10.0.0.1"})


@pytest.mark.parametrize("value", ["", "x", "10.0.0.1 x", "10.0.0.1/8", "fe80::1%eth0", "10.0.0.1,10.0.0.2"])
def test_what_is_no_address_is_never_written(value: str) -> None:
    with pytest.raises(ValueError, match="is no address"):
        edit("", {"box": value})


def test_addresses_have_one_form() -> None:
    assert (
        normal_addresses("FE80:0:0::1  10.0.0.2\t10.0.0.1 ::FFFF:102:304") == "10.0.0.1 10.0.0.2 ::ffff:1.2.3.4 fe80::1"
    )


@settings(deadline=None)
@given(TEXTS)
def test_setting_what_is_there_changes_nothing(text: str) -> None:
    assert edit(text, members(text)) == text
    assert edit(text, {"not-there": None}) == text


@settings(deadline=None, max_examples=300)
@given(TEXTS, CHANGES)
def test_the_members_are_what_was_set_and_comments_stay_in_order(text: str, changes: dict[str, str | None]) -> None:
    edited = edit(text, changes)
    wanted = members(text) | {
        name.lower(): None if value is None else normal_addresses(value) for name, value in changes.items()
    }
    assert members(edited) == {name: value for name, value in wanted.items() if value is not None}
    assert edit(edited, changes) == edited
    assert _comments(edited) == _comments(text)


def _comments(text: str) -> list[str]:
    return [line.partition("#")[2].rstrip("\r") for line in text.split("\n") if "#" in line]


def _as_glibc_reads(folder: Path, text: str, names: list[str]) -> dict[str, set[str]]:
    if os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("getent"):
        pytest.skip("an /etc/hosts of its own: needs root, unshare and getent")
    (folder / "hosts").write_bytes(text.encode("utf-8", "surrogateescape"))
    (folder / "nsswitch.conf").write_text("hosts: files\n")
    (folder / "host.conf").write_text("multi on\n")
    program = """set -e
        for file in hosts nsswitch.conf host.conf; do [ -e "/etc/$file" ] && mount --bind "$1/$file" "/etc/$file"; done
        shift; for name; do echo "= $name"; getent ahosts "$name" || [ $? = 2 ]; done"""
    argv = ["unshare", "--mount", "--propagation", "private", "sh", "-c", program, "sh", str(folder), *names]
    run = subprocess.run(argv, capture_output=True, check=False, timeout=60)
    if b"unshare failed" in run.stderr:
        pytest.skip(f"no mount namespace can be had: {run.stderr.decode()}")
    assert run.returncode == 0, run.stderr
    answers = run.stdout.decode().split("= ")[1:]
    read = {name: answer.split("\n")[1:-1] for name, answer in zip(names, answers, strict=True)}
    return {name: {line.split()[0] for line in lines} for name, lines in read.items()}


def test_glibc_reads_the_same_and_what_is_written(tmp_path: Path) -> None:
    choice = random.Random(1)
    text = "127.0.0.01 zero\n10.1 short\nfe80::1%lo scoped\n10.0.0.3 crlf\r\n10.0.0.4\v vt\n10.0.0.5 nul\0x\n"
    for number in range(60):
        name, address = f"Host{number // 3}", choice.choice([*ADDRESSES, "10.0.0.300", "FE80:0::2"])
        text += (
            f"{choice.choice(['', ' ', '#'])}{address}{choice.choice([' ', chr(9)])}x {name} {name.upper()}#{name}y\n"
        )
    names = ["zero", "short", "scoped", "crlf", "vt", "nul", "x", *(f"host{number}" for number in range(20))]
    read = _as_glibc_reads(tmp_path, text, names)
    assert read == {name: set(members(text).get(name, "").split()) for name in names}
    edited = edit(text, {"x": None, "host1": "10.9.9.9 fe80::9", "new": "10.0.0.3", "Vt": "10.0.0.4 ::5"})
    read = _as_glibc_reads(tmp_path, edited, [*names, "new"])
    assert (read["x"], read["new"], read["vt"]) == (set(), {"10.0.0.3"}, {"10.0.0.4", "::5"})
    assert read == {name: set(members(edited).get(name, "").split()) for name in [*names, "new"]}
