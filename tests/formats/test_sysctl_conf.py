from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.formats.sysctl_conf import edit, members, normal_key, refused_reason

KEYS = ["vm.swappiness", "net.ipv4.conf.eth0/100.rp_filter", "net.ipv4.conf.*.rp_filter", "a.b"]
VALUES = st.one_of(
    st.text(st.characters(exclude_characters="\n\0", exclude_categories=["Cs"]), max_size=8),
    st.sampled_from(["1", "|/bin/x %p # y; z", "4096\t8192 1", "=", "-1", "a\\"]),
).map(lambda value: value.strip(" \t\r"))
LINES = st.one_of(
    st.builds(
        lambda before, key, equals, value, behind: before + key + equals + value + behind,
        st.sampled_from(["", " ", "-", " - ", "#", ";"]),
        st.sampled_from([*KEYS, "vm/swappiness", "net/ipv4/conf/eth0.100/rp_filter", "/a/b", "a..b"]),
        st.sampled_from(["=", " = ", "\t=", ""]),
        VALUES,
        st.sampled_from(["", " ", "\t"]),
    ),
    st.sampled_from(["", "# c", "  ; d", "=", "= 1", "nonsense"]),
)
TEXTS = st.builds(
    lambda lines, ending, tail: ending.join(lines) + tail,
    st.lists(LINES, max_size=6),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["", "\n"]),
)
CHANGES = st.dictionaries(st.sampled_from(KEYS), st.none() | VALUES, max_size=3)
STATEMENTS = [
    ("a.b", "a.b = 1"),
    ("a.b", " -a/b=x # y"),
    ("a.b", "a.b ="),
    ("", "#a.b = 1"),
    ("", "; c"),
    ("", "-a.b"),
    ("", ""),
    ("a.c", "a.c\t= a.b = 1"),
]


@pytest.mark.parametrize(
    ("key", "normal"),
    [
        ("net.ipv4.ip_forward", "net.ipv4.ip_forward"),
        ("net/ipv4/ip_forward", "net.ipv4.ip_forward"),
        ("net.ipv4.conf.eth0/100.rp_filter", "net.ipv4.conf.eth0/100.rp_filter"),
        ("net/ipv4/conf/eth0.100/rp_filter", "net.ipv4.conf.eth0/100.rp_filter"),
        ("/vm//swappiness/", "vm.swappiness"),
        ("vm..swappiness", "vm.swappiness"),
        ("kernel", "kernel"),
    ],
)
def test_a_key_has_one_form(key: str, normal: str) -> None:
    assert normal_key(key) == normal_key(normal) == normal


def test_a_value_goes_to_the_line_end_without_outer_blanks() -> None:
    text = "kernel.core_pattern = |/bin/x %p # c; d \t\r\n-vm.x=1\n - vm/y =\t2 3\nvm.z=\n"
    assert members(text) == {"kernel.core_pattern": "|/bin/x %p # c; d", "vm.x": "1", "vm.y": "2 3", "vm.z": ""}


def test_comments_exclusions_and_nonsense_are_no_members() -> None:
    assert members("# a.b = 1\n  ;a.c = 2\n-a.d\na.e\n= 3\n-=4\n\n") == {}


def test_the_last_line_of_a_key_counts_and_is_written() -> None:
    text = "vm.x = 1\n-vm/x  =\t2 \nvm.y=3\n"
    assert members(text)["vm.x"] == "2"
    assert edit(text, {"vm.x": "4"}) == "vm.x = 1\n-vm/x  =\t4 \nvm.y=3\n"


def test_a_removed_key_takes_all_its_lines_with_it_in_any_form() -> None:
    text = "# x\nvm.x = 1\n-vm.x\nvm/x=2\n#vm.x=3\nvm.xy = 4"
    assert edit(text, {"vm/x": None}) == "# x\n-vm.x\n#vm.x=3\nvm.xy = 4"


def test_a_new_key_gets_a_line_at_the_end() -> None:
    assert edit("", {"vm.swappiness": "10"}) == "vm.swappiness = 10\n"
    assert edit("# c\r\nvm.x=1", {"net/ipv4/conf/eth0.100/rp_filter": "2", "vm.y": ""}) == (
        "# c\r\nvm.x=1\r\nnet.ipv4.conf.eth0/100.rp_filter = 2\r\nvm.y =\r\n"
    )


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("vm", "1", "no key"),
        ("", "1", "no key"),
        ("vm.x y", "1", "no key"),
        ("vm.x=y", "1", "no key"),
        ("#vm.x", "1", "no key"),
        ("-vm.x", "1", "no key"),
        ("vm.x", "1\nkernel.core_pattern = |/bin/evil", "line end"),
        ("vm.x", "1\0", "NUL"),
        ("vm.x", " 1", "blank"),
        ("vm.x", "1\r", "blank"),
    ],
)
def test_what_a_line_cannot_say_is_never_written(key: str, value: str, why: str) -> None:
    assert why in (refused_reason(key, value) or "")
    with pytest.raises(ValueError, match=why):
        edit("", {key: value})


@settings(deadline=None)
@given(TEXTS)
def test_setting_what_is_there_changes_nothing(text: str) -> None:
    assert edit(text, members(text)) == text
    assert edit(text, {"not.there": None}) == text


@settings(deadline=None)
@given(TEXTS, CHANGES)
def test_the_members_are_what_was_set(text: str, changes: dict[str, str | None]) -> None:
    edited = edit(text, changes)
    wanted = members(text) | changes
    assert members(edited) == {key: value for key, value in wanted.items() if value is not None}
    assert edit(edited, changes) == edited


@settings(deadline=None)
@given(st.lists(st.sampled_from(STATEMENTS), max_size=8), VALUES, st.sampled_from(["\n", "\r\n"]))
def test_all_other_bytes_stay(statements: list[tuple[str, str]], value: str, ending: str) -> None:
    text = "".join(line + ending for _, line in statements)
    others = "".join(line + ending for key, line in statements if key != "a.b")
    assert edit(text, {"a.b": None}) == others
    assert edit(edit(text, {"a.b": value}), {"a.b": None}) == others


@pytest.mark.parametrize("program", ["/usr/lib/systemd/systemd-sysctl", "/usr/sbin/sysctl -p"])
def test_the_programs_that_apply_the_file_read_the_same(tmp_path: Path, program: str) -> None:
    text = (
        "# vm.c = 1\n;vm.c = 1\nvm/a = 1\r\n-vm.a = 2 # 3\nvm.b=|/bin/x %p; # c \t\n"
        "net.ipv4.conf.eth0/100.rp_filter = 1\nnet/ipv4/conf/eth0.100/rp_filter=2\nnet.ipv4.conf.eth0.rp_filter =3\nvm.d\n"
    )
    text = edit(text, {"net/ipv4/conf/eth0.200/rp_filter": "4", "vm.e": "a = b\\", "vm.a": "5 6"})
    assert _applied(tmp_path, text, program) == members(text)


def _applied(folder: Path, text: str, program: str) -> dict[str, str]:
    """What the program writes below /proc/sys: a scratch tree of plain files there, in a namespace of its own."""
    if os.geteuid() != 0 or not shutil.which("unshare") or not Path(program.split()[0]).exists():
        pytest.skip("a /proc/sys of its own: needs root, unshare and the program")
    (folder / "test.conf").write_bytes(text.encode())
    script = """set -e
        mount -t tmpfs private /proc/sys; cd /proc/sys
        conf=net/ipv4/conf; mkdir -p vm $conf/eth0 $conf/eth0.100 $conf/eth0.200
        touch vm/a vm/b vm/c vm/d vm/e $conf/eth0/rp_filter $conf/eth0.100/rp_filter $conf/eth0.200/rp_filter
        file=$1; shift; "$@" "$file" >/dev/null 2>&1 || :
        find . -type f -size +0 | while read -r path; do printf '%s=' "${path#./}"; cat "$path"; done"""
    argv = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", str(folder / "test.conf")]
    run = subprocess.run([*argv, *program.split()], capture_output=True, check=False, timeout=60)
    if b"unshare failed" in run.stderr:
        pytest.skip(f"no mount namespace can be had: {run.stderr.decode()}")
    assert run.returncode == 0, run.stderr
    pairs = (line.partition("=")[::2] for line in run.stdout.decode().split("\n") if line)
    return {normal_key(path): value for path, value in pairs}
