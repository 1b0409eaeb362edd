"""Registrations of binfmt_misc, as files and the kernel say them. The kernel itself is asked in tests/lab."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.formats.binfmt import (
    Registration,
    bytes_of,
    line_of,
    read_file,
    read_status,
    registration,
    text_of,
)


@given(st.binary(max_size=40))
def test_bytes_survive_as_text_that_a_registration_may_hold(data: bytes) -> None:
    text = text_of(data)
    assert bytes_of(text) == data
    assert ":" not in text and text.isascii() and text.isprintable() and " " not in text


MAGIC = st.builds(
    registration,
    interpreter=st.sampled_from(["/init", "/usr/bin/qemu-arm-static"]),
    magic=st.binary(min_size=1, max_size=4).map(text_of),
    mask=st.none() | st.just(r"\xff\x00"),
    offset=st.integers(0, 100),
    flags=st.sampled_from(["", "P", "FP", "OC", "C", "POCF"]),
)
EXTENSION = st.builds(
    registration, interpreter=st.just("/usr/bin/jexec"), extension=st.just("jar"), flags=st.sampled_from(["", "PF"])
)


@given(MAGIC | EXTENSION)
def test_a_line_says_what_was_registered(found: Registration) -> None:
    assert read_file(f"# ours\n\n{line_of('x', found)}\n", "x") == found


def test_flags_and_masks_have_one_form() -> None:
    assert registration(interpreter="/i", magic="MZ", flags="FP").flags == "PF"
    assert registration(interpreter="/i", magic="MZ", flags="C").flags == "OC"
    assert registration(interpreter="/i", magic="MZ", mask=r"\xff\xFF").mask is None
    assert registration(interpreter="/i", magic=r"\x4d\x5A:").magic == r"MZ\x3a"


def test_any_sign_may_part_the_fields() -> None:
    assert read_file(",x,M,,MZ,,/init,PF", "x") == registration(interpreter="/init", magic="MZ", flags="PF")


@pytest.mark.parametrize(
    "text",
    ["", "# nothing\n", ":y:M::MZ::/init:\n", ":x:M::MZ::/init\n", ":x:Q::MZ::/init:\n", ":x:M:a:MZ::/init:\n",
     ":x:M::::/init:\n", ":x:M::MZ:::\n", ":x:M::MZ::/init:Z\n", ":x:M::MZ::/init:\n:y:M::MZ::/init:\n"],
)  # fmt: skip
def test_a_file_that_is_something_else_is_none(text: str) -> None:
    assert read_file(text, "x") is None


def test_the_kernel_s_own_words_are_read() -> None:
    wsl = "enabled\ninterpreter /init\nflags: PF\noffset 0\nmagic 4d5a\n"
    assert read_status(wsl) == registration(interpreter="/init", magic="MZ", flags="PF")
    masked = "enabled\ninterpreter /q\nflags: \noffset 4\nmagic 7f3a\nmask ff00\n"
    assert read_status(masked) == registration(interpreter="/q", magic=r"\x7f\x3a", mask=r"\xff\x00", offset=4)
    jar = "enabled\ninterpreter /usr/bin/jexec\nflags: \nextension .jar\n"
    assert read_status(jar) == registration(interpreter="/usr/bin/jexec", extension="jar")


def test_what_is_switched_off_is_not_registered() -> None:
    assert read_status("disabled\ninterpreter /init\nflags: PF\noffset 0\nmagic 4d5a\n") is None
