from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from reconciler.formats.wsl_ini import (
    KEYS,
    Dialect,
    Key,
    Setting,
    ValueType,
    WarningKind,
    dead_settings,
    edit,
    find_key,
    format_value,
    interpret,
    parse,
    repair,
    why_refused,
)

WSL_CONF, WSLCONFIG = Dialect.WSL_CONF, Dialect.WSLCONFIG
CORPUS = Path(__file__).parents[1] / "corpus"
DEFAULTS = json.loads((CORPUS / "wsl-ini-defaults.json").read_text(encoding="utf-8"))


Changes = Mapping[str, str | None]


class Case(NamedTuple):
    dialect: Dialect
    text: str
    recorded: Mapping[str, object]


def decoded(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def corpus() -> list[Case]:
    with (CORPUS / "wsl-ini.jsonl").open(encoding="utf-8") as lines:
        cases = [json.loads(line) for line in lines]
    return [
        Case(
            Dialect(case["file"]),
            decoded(base64.b64decode(case["text_base64"])),
            {name: case[name] for name in ("settings", "stopped", "warnings", "effective")},
        )
        for case in cases
    ]


CASES = corpus()


def names(found: tuple[Setting, ...]) -> list[tuple[str, str]]:
    return [(setting.name, setting.value) for setting in found]


def kinds(text: str, dialect: Dialect) -> list[WarningKind]:
    return [warning.kind for warning in parse(text, dialect).warnings]


# What WSL itself answered


def answer(case: Case) -> dict[str, object]:
    parsed = parse(case.text, case.dialect)
    defaults = DEFAULTS[case.dialect.value]
    return {
        "settings": [[setting.section, setting.key, setting.value, setting.line] for setting in parsed.settings],
        "stopped": parsed.stopped_at is not None,
        "warnings": [warning.kind.value for warning in parsed.warnings],
        "effective": {name: value for name, value in parsed.effective.items() if value != defaults[name]},
    }


@pytest.mark.parametrize(("dialect", "count"), [(WSL_CONF, 415), (WSLCONFIG, 332)])
def test_every_recorded_file_means_to_us_what_it_means_to_wsl(dialect: Dialect, count: int) -> None:
    cases = [case for case in CASES if case.dialect is dialect]
    assert len(cases) == count
    wrong = [(case.text, answer(case), case.recorded) for case in cases if answer(case) != case.recorded]
    assert wrong == []


@pytest.mark.parametrize("dialect", Dialect)
def test_the_catalogue_has_exactly_the_recorded_keys_and_defaults(dialect: Dialect) -> None:
    assert {name: key.default for name, key in KEYS[dialect].items()} == DEFAULTS[dialect.value]


# The catalogue


@pytest.mark.parametrize(
    "key", [key for dialect in Dialect for key in KEYS[dialect].values()], ids=lambda key: key.name
)
def test_every_key_says_what_it_does_in_one_sentence(key: Key) -> None:
    assert key.description.endswith(".")
    assert "\n" not in key.description + key.note
    assert bool(key.choices) == (key.type is ValueType.CHOICE)
    if key.type is ValueType.CHOICE:
        assert key.default in key.choices.values()


def test_a_key_is_found_in_any_case_and_under_its_alias() -> None:
    assert find_key("BOOT.SYSTEMD", WSL_CONF) is KEYS[WSL_CONF]["boot.systemd"]
    assert find_key("experimental.networkingmode", WSLCONFIG) is KEYS[WSLCONFIG]["wsl2.networkingMode"]
    assert find_key("wsl2.memory", WSL_CONF) is None


# Where the recorded files do not go


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("[wsl2]\n[abcdefg]x\nmemory=1\n", [("abcd.memory", "1")]),
        ("[wsl2]\n[ab]x\nmemory=1\nswap=0\n", [("ab", "1"), ("ab", "0")]),
        ("[wsl2]\n[ experimental]\nmemory=1\n", [("wsl2.memory", "1")]),
        ("[ab]\n[wsl2]x\nmemory=1\n[wsl2]\nswap=0\n", [("ws.memory", "1"), ("wsl2.swap", "0")]),
        ("[wsl2 ]\nmemory=1\n", [("memory", "1")]),
    ],
)
def test_below_a_malformed_header_wslconfig_keys_land_in_a_mixture_of_two_sections(
    text: str, read: list[tuple[str, str]]
) -> None:
    assert names(parse(text, WSLCONFIG).settings) == read


@pytest.mark.parametrize(
    ("text", "dialect", "read"),
    [
        ("[boot]\ncommand=a\rsystemd=1", WSL_CONF, [("boot.command", "a"), ("boot.systemd", "1")]),
        ("[boot] # a\rcommand=b\nsystemd=1", WSL_CONF, [("boot.systemd", "1")]),
        ("[boot]\ncommand=a\\\r\nb=1", WSL_CONF, [("boot.command", "a"), ("boot.b", "1")]),
        ("[boot]\ncommand=a\\\rb", WSL_CONF, [("boot.command", "ab")]),
        ("[a]\nb=c\\\r\nd", WSLCONFIG, [("a.b", "cd")]),
        ("[a]\nb=1\r\r\nc=2", WSLCONFIG, [("a.b", "1"), ("a.c", "2")]),
        ("[a]\nb=1\x1a\nc=2", WSLCONFIG, [("a.b", "1")]),
        ("[a]\nb=1\x1a\nc=2", WSL_CONF, [("a.b", "1\x1a"), ("a.c", "2")]),
        ("[a]\nb=1\0\nc=2", WSL_CONF, [("a.b", "1"), ("a.c", "2")]),
        ('[a]\nb="1\0"\n', WSL_CONF, [("a.b", "1")]),
        ("\ufeff[a]\nb=1", WSLCONFIG, [("a.b", "1")]),
        ("[a]\n\ufeff\nb=1", WSLCONFIG, [("a.b", "1")]),
        ("[a]\nb=\udcff", WSL_CONF, [("a.b", "\udcff")]),
        ('[a]\nb= " x "  \t', WSL_CONF, [("a.b", " x ")]),
        ('[a]\nb=x  ""', WSL_CONF, [("a.b", "x  ")]),
        ("[a]\nb=x \\\n", WSL_CONF, [("a.b", "x ")]),
    ],
)
def test_line_ends_and_control_characters_are_read_as_wsl_reads_them(
    text: str, dialect: Dialect, read: list[tuple[str, str]]
) -> None:
    assert names(parse(text, dialect).settings) == read


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("wsl2.processors", "0x1F", 31),
        ("wsl2.processors", "-010", -8),
        ("wsl2.processors", "2147483647", 2**31 - 1),
        ("wsl2.processors", "2147483648", None),
        ("wsl2.processors", "-2147483648", -(2**31)),
        ("wsl2.processors", "9" * 10_000, None),
        ("wsl2.processors", "0x", None),
        ("wsl2.processors", "08", None),
        ("wsl2.processors", "\n5", 5),
        ("wsl2.processors", "5\n", None),
        ("wsl2.processors", "\N{ARABIC-INDIC DIGIT FIVE}", None),
        ("wsl2.memory", "8GB", 2**33),
        ("wsl2.memory", "8G", 2**33),
        ("wsl2.memory", "008T", 2**43),
        ("wsl2.memory", "8gb", None),
        ("wsl2.memory", "8 GB", None),
        ("wsl2.memory", "8BB", None),
        ("wsl2.memory", "1.5GB", None),
        ("wsl2.memory", "0GB", 0),
        ("wsl2.memory", "00", None),
        ("wsl2.memory", "+0", None),
        ("wsl2.memory", "-1", 2**64 - 1),
        ("wsl2.memory", "9" * 10_000, 2**64 - 1),
        ("wsl2.memory", "", None),
        ("wsl2.firewall", "TRUE", True),
        ("wsl2.firewall", "yes", None),
        ("wsl2.networkingMode", "NAT", "Nat"),
        ("wsl2.networkingMode", "virtioproxy", "Consomme"),
        ("wsl2.networkingMode", "host", None),
        ("wsl2.macAddress", "00-15-5d-01-02-ff", "00:15:5D:01:02:FF"),
        ("wsl2.macAddress", "00-15:5d-01-02-ff", None),
        ("experimental.dnsTunnelingIpAddress", "10.0.0.1", "10.0.0.1"),
        ("experimental.dnsTunnelingIpAddress", "10.0.0.256", None),
        ("experimental.ignoredPorts", "443,80,,443", "80,443"),
        ("experimental.ignoredPorts", "", ""),
        ("experimental.ignoredPorts", "0", None),
    ],
)
def test_a_value_is_typed_as_wsl_types_it(name: str, text: str, value: object) -> None:
    reading = interpret(KEYS[WSLCONFIG][name], text)
    assert reading.value == value
    assert bool(reading.warnings) == (value is None)


def test_of_a_list_of_ports_the_good_ones_count_and_each_bad_one_is_warned_of() -> None:
    parsed = parse("[experimental]\nignoredPorts=x,80,70000\n", WSLCONFIG)
    assert parsed.effective == {"experimental.ignoredPorts": "80"}
    assert [warning.kind for warning in parsed.warnings] == [WarningKind.INVALID_INTEGER] * 2


def test_the_places_of_a_setting_are_those_in_the_file_whatever_was_dropped_in_reading() -> None:
    text = '\ufeff[wsl2]\r\n\r\n  kernel = "a b" # why\r\nswap=0'
    kernel, swap = parse(text, WSLCONFIG).settings
    assert kernel.source(text) == '  kernel = "a b" # why'
    assert text[kernel.value_start : kernel.value_end] == '"a b"'
    assert text[kernel.start : kernel.end].endswith("why\r\n")
    assert swap.source(text) == "swap=0"
    assert (kernel.row, swap.row) == (3, 4)


def test_the_line_wsl_reports_and_the_line_an_editor_shows_part_with_crlf() -> None:
    parsed = parse("[boot]\r\nsystemd=1\r\n; x\r\n", WSL_CONF)
    assert (parsed.settings[0].line, parsed.settings[0].row) == (3, 2)
    assert (parsed.warnings[0].line, parsed.warnings[0].row) == (5, 3)
    assert parsed.stopped_at == 3


# What is said of a file


@pytest.mark.parametrize(
    ("text", "dialect", "said"),
    [
        ("[net]\ngenerateResolvConf=0", WSL_CONF, "unknown section [net]; did you mean [network]"),
        ("[netwrok]\nx=0", WSL_CONF, "unknown section [netwrok]; did you mean [network]"),
        ("[boot]\nsytemd=1", WSL_CONF, "unknown key boot.sytemd; did you mean systemd"),
        ("[user]\nsystemd=1", WSL_CONF, "unknown key user.systemd; did you mean [boot]"),
        ("systemd=1", WSL_CONF, "systemd stands above every [section]; did you mean [boot]"),
        ("[wsl2]\nmemory=1", WSL_CONF, "wsl2.memory belongs in .wslconfig"),
        ("[boot]\nsystemd=1", WSLCONFIG, "boot.systemd belongs in /etc/wsl.conf"),
        ("[x]\n" + "y" * 5000 + "=1", WSLCONFIG, "unknown section [x]"),
        (
            "[boot]\nsystemd=yes",
            WSL_CONF,
            'boot.systemd is "yes"; WSL reads only true, false, 1 or 0, and keeps its default',
        ),
        (
            "[automount]\ncgroups=v3",
            WSL_CONF,
            'automount.cgroups is "v3"; WSL reads only v1, v2, and keeps its default',
        ),
        (
            "[boot]\nsystemd=1\n\nsystemd=0",
            WSL_CONF,
            "boot.systemd is already on line 2; WSL keeps the first and ignores this one",
        ),
        ("; x", WSL_CONF, "; starts no comment, # does; WSL reads nothing from here on"),
        ("; x", WSLCONFIG, "; starts no comment, # does; WSL skips the line"),
        (
            "\ufeff[boot]",
            WSL_CONF,
            "a byte order mark (UTF-8 with BOM) stands here; save the file without it; WSL reads nothing from here on",
        ),
        ("a=C:\\Users", WSLCONFIG, r"\U is no escape; a backslash is written \\; WSL skips the line"),
        (
            "[net-work]",
            WSLCONFIG,
            "a section is [letters and digits] alone on its line: ] is missing before -; WSL skips the line",
        ),
        ("[ x ]", WSLCONFIG, "the name must follow [ at once and begin with a letter; WSL skips the line"),
        ("a_b=1", WSLCONFIG, "a key is letters and digits and then =, but _ follows; WSL skips the line"),
        (
            "ab",
            WSLCONFIG,
            "a key is letters and digits and then =, but the end of the line follows; WSL skips the line",
        ),
        ('a="x', WSLCONFIG, r"a quote is not closed on its line; a quote of its own is written \"; WSL skips the line"),
    ],
)
def test_a_warning_says_what_is_wrong_and_what_was_probably_meant(text: str, dialect: Dialect, said: str) -> None:
    shown = parse(text, dialect).warnings[-1].text
    assert shown.startswith(said)
    assert len(shown) < 300


def test_a_value_wsl_would_not_take_is_refused_with_the_reason() -> None:
    assert why_refused("boot.systemd", "true", WSL_CONF) is None
    assert "true, false" in (why_refused("boot.systemd", "on", WSL_CONF) or "")
    assert "[boot]" in (why_refused("systemd", "true", WSL_CONF) or "")
    assert "carriage return" in (why_refused("boot.command", "a\rb", WSL_CONF) or "")
    assert why_refused("boot.command", "echo ü", WSL_CONF) is None
    assert "not ASCII" in (why_refused("wsl2.swapFile", "C:\\Jürgen", WSLCONFIG) or "")
    assert "65535" in (why_refused("experimental.ignoredPorts", "80,x", WSLCONFIG) or "")


# Writing values

AWKWARD = "aA1 \t\n\b\"\\#;=[]'$`%é日\U0001f600\udcff\ufeff"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (True, "true"),
        (False, "false"),
        (0o022, "18"),
        ("metadata,umask=022", "metadata,umask=022"),
        ("", ""),
        ("a # b", '"a # b"'),
        (" a", '" a"'),
        ("a ", '"a "'),
        ("\ta", "\\ta"),
        ('say "x"', 'say \\"x\\"'),
        ("C:\\a\nb", "C:\\\\a\\nb"),
    ],
)
def test_a_value_is_quoted_and_escaped_only_where_it_must_be(value: bool | int | str, written: str) -> None:
    assert format_value(value) == written


@given(st.text(st.sampled_from(AWKWARD)))
def test_a_written_value_is_read_back_as_it_was(value: str) -> None:
    for line_end in ("", "\n", "\r\n", " # note\n"):
        parsed = parse(f"[boot]\ncommand={format_value(value)}{line_end}", WSL_CONF)
        assert parsed.effective["boot.command"] == value


@pytest.mark.parametrize("character", ["\0", "\r", "\x1a"])
def test_what_no_file_can_hold_is_not_written(character: str) -> None:
    with pytest.raises(ValueError, match="cannot be written"):
        format_value(f"a{character}b")


# Editing


@pytest.mark.parametrize(
    ("text", "changes", "result"),
    [
        pytest.param("", {"boot.systemd": "true"}, "[boot]\nsystemd=true\n", id="an empty file"),
        pytest.param(
            "# mine\n[boot]\n  systemd = false   # why\ncommand=x\n",
            {"boot.systemd": "true"},
            "# mine\n[boot]\n  systemd = true   # why\ncommand=x\n",
            id="a value in place, with the comment behind it",
        ),
        pytest.param(
            "[boot]\ncommand=# why\n", {"boot.command": "x"}, "[boot]\ncommand=x # why\n", id="an empty value"
        ),
        pytest.param(
            "[boot]\ncommand=a\\\n b\nsystemd=1\n",
            {"boot.command": "x"},
            "[boot]\ncommand=x\nsystemd=1\n",
            id="a value over two lines",
        ),
        pytest.param(
            "[BOOT]\nSYSTEMD=yes\n[boot]\nsystemd=true\n",
            {"boot.systemd": "true"},
            "[BOOT]\nSYSTEMD=true\n[boot]\nsystemd=true\n",
            id="an invalid first value with a valid duplicate",
        ),
        pytest.param(
            "[boot]\ncommand=x\n\n# network\n[network]\nhostname=h\n",
            {"boot.systemd": "true"},
            "[boot]\ncommand=x\nsystemd=true\n\n# network\n[network]\nhostname=h\n",
            id="a new key at the end of its section",
        ),
        pytest.param("[boot] # b", {"boot.systemd": "true"}, "[boot] # b\nsystemd=true\n", id="no line end at the end"),
        pytest.param(
            "[boot]\nsystemd=1\n",
            {"user.default": "a", "network.hostname": "h"},
            "[boot]\nsystemd=1\n\n[user]\ndefault=a\n\n[network]\nhostname=h\n",
            id="new sections",
        ),
        pytest.param(
            "[boot]\r\nsystemd=1\r\n",
            {"boot.command": "x", "user.default": "a"},
            "[boot]\r\nsystemd=1\r\ncommand=x\r\n\r\n[user]\r\ndefault=a\r\n",
            id="a file of CRLF",
        ),
        pytest.param(
            "[boot]\r\nsystemd=1\n", {"boot.command": "x"}, "[boot]\r\nsystemd=1\ncommand=x\n", id="mixed line ends"
        ),
        pytest.param(
            "[boot]\nsystemd=1 # why\n# next\nSystemd=0\n[Boot]\nsystemd=yes\ncommand=x",
            {"boot.systemd": None},
            "[boot]\n# why\n# next\n[Boot]\ncommand=x",
            id="all occurrences removed",
        ),
        pytest.param(
            "# c\n[boot]\nsystemd=1\n; bad\n[network]\nhostname=old\n",
            {"network.hostname": "h", "boot.command": "x"},
            "[network]\nhostname=h\n\n# c\n[boot]\nsystemd=1\ncommand=x\n; bad\n[network]\nhostname=old\n",
            id="above the malformed line, which stays in its section",
        ),
        pytest.param(
            "[boot]\nsystemd=0\n\n# n\n[network]\nx_y=1\nhostname=old\n",
            {"network.hostname": "h", "user.default": "a"},
            "[boot]\nsystemd=0\n\n[user]\ndefault=a\n\n# n\n[network]\nhostname=h\nx_y=1\nhostname=old\n",
            id="a malformed line in the middle of a section",
        ),
        pytest.param(
            "\ufeff[boot]\nsystemd=1\n",
            {"boot.systemd": "true"},
            "[boot]\nsystemd=true\n\n\ufeff[boot]\nsystemd=1\n",
            id="above a byte order mark",
        ),
        pytest.param(
            "[boot]\nsystemd=1\n; bad\nsystemd=0\n",
            {"boot.systemd": None},
            "[boot]\n; bad\nsystemd=0\n",
            id="what is dead is left alone",
        ),
    ],
)
def test_an_edit_of_wsl_conf_changes_just_what_it_must(text: str, changes: Changes, result: str) -> None:
    assert edit(text, changes, WSL_CONF) == result


@pytest.mark.parametrize(
    ("text", "changes", "result"),
    [
        pytest.param("\ufeff", {"wsl2.memory": "8GB"}, "\ufeff[wsl2]\nmemory=8GB\n", id="behind the byte order mark"),
        pytest.param(
            "[wsl2]\nswap=0\x1ajunk",
            {"wsl2.memory": "8GB"},
            "[wsl2]\nswap=0\nmemory=8GB\n\x1ajunk",
            id="before Ctrl-Z",
        ),
        pytest.param(
            "[experimental]\nnetworkingMode=nat\n",
            {"wsl2.networkingMode": "mirrored"},
            "[experimental]\nnetworkingMode=mirrored\n",
            id="under the alias that is there",
        ),
        pytest.param(
            "[wsl2]\nswap=0\nkernel=C:\\",
            {"experimental.sparseVhd": "true", "wsl2.memory": "8GB"},
            "[experimental]\nsparseVhd=true\n\n[wsl2]\nswap=0\nmemory=8GB\nkernel=C:\\",
            id="not behind a backslash, which a line end would make a continuation",
        ),
        pytest.param(
            "kernel=C:\\",
            {"wsl2.memory": "8GB"},
            "[wsl2]\nmemory=8GB\n\nkernel=C:\\",
            id="not behind a backslash without a section",
        ),
        pytest.param(
            "[wsl2]\n; bad\nswap=0\n[ wsl2 ]\nswapFile=C:\\\\a\n",
            {"wsl2.swapFile": r"D:\b"},
            "[wsl2]\n; bad\nswap=0\n[ wsl2 ]\nswapFile=D:\\\\b\n",
            id="malformed lines are passed over",
        ),
    ],
)
def test_an_edit_of_wslconfig_changes_just_what_it_must(text: str, changes: Changes, result: str) -> None:
    assert edit(text, changes, WSLCONFIG) == result


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("[boot]\nsystemd=1", "boot.systemd", "true"),
        ("[boot]\r\nSystemd = TRUE ; no\n", "boot.systemd", None),
        ("[filesystem]\numask=022", "filesystem.umask", "18"),
        ("[automount]\nroot=/mnt", "automount.root", "/mnt/"),
        ("[automount]\ncgroups=V1", "automount.cgroups", "v1"),
    ],
)
def test_another_spelling_of_the_same_value_is_left_alone(text: str, name: str, value: str | None) -> None:
    changed = edit(text, {name: value}, WSL_CONF)
    assert (changed == text) == (value is not None)


def test_wrong_changes_are_refused_before_anything_is_changed() -> None:
    with pytest.raises(ValueError, match="unknown section \\[net\\]"):
        edit("", {"net.generateHosts": "true"}, WSL_CONF)
    with pytest.raises(ValueError, match="unknown section \\[net\\]"):
        edit("", {"net.generateHosts": None}, WSL_CONF)
    with pytest.raises(ValueError, match="reads only true"):
        edit("", {"boot.systemd": "yes"}, WSL_CONF)
    with pytest.raises(ValueError, match="given twice"):
        edit("", {"wsl2.firewall": "true", "experimental.firewall": "true"}, WSLCONFIG)


# Properties, over the recorded files and what random changes make of them

PIECES = (
    *("[boot]", "[wsl2]", "[Experimental]", "[net-work]", "[ x", "[]", "]", "\n", "\n", "\r\n", "\r", "#", "# note"),
    *(" ", "\t", '"', "\\", "\\\n", "\\\r\n", "\\n", "\\.", "=", ";", "a=1", "systemd=true", "command = x", "\0"),
    *("memory=8GB", "swap=0", "sparseVhd=1", "networkingMode=nat", "a_b=1", "\ufeff", "\x1a", "é", "\udcff", "9"),
)
SAMPLES: Mapping[ValueType, tuple[str, ...]] = {
    ValueType.BOOLEAN: ("true", "false", "1", "0", "TRUE"),
    ValueType.INTEGER: ("0", "18", "022", "-1"),
    ValueType.SIZE: ("0", "8GB", "512M"),
    ValueType.TEXT: ("", "x", " a # b ", 'echo "hi" \\ \n\t\b', "#", "true", '"'),
    ValueType.PATH: ("", "C:\\a b\\c.vhdx", "%USERPROFILE%\\x"),
    ValueType.CHOICE: (),
    ValueType.MAC_ADDRESS: ("00:15:5D:01:02:03",),
    ValueType.IPV4_ADDRESS: ("10.0.0.1",),
    ValueType.PORTS: ("", "80,443"),
    ValueType.MOUNT_ROOT: ("", "/", "/mnt", "/a # b"),
}
TEXTS = {dialect: [case.text for case in CASES if case.dialect is dialect] for dialect in Dialect}
# The keys that the recorded files set most, so that edits meet them.
OFTEN = {
    WSL_CONF: ("boot.systemd", "boot.command", "user.default", "network.generateResolvConf", "automount.root"),
    WSLCONFIG: ("wsl2.memory", "wsl2.swap", "wsl2.networkingMode", "experimental.sparseVhd", "wsl2.dnsTunneling"),
}


@st.composite
def texts(draw: st.DrawFn, dialect: Dialect) -> str:
    if draw(st.booleans()):
        return "".join(draw(st.lists(st.sampled_from(PIECES), max_size=25)))
    text = draw(st.sampled_from(TEXTS[dialect]))
    for piece in draw(st.lists(st.sampled_from(PIECES), max_size=3)):
        place = draw(st.integers(0, len(text)))
        cut = draw(st.integers(0, 3))
        text = text[:place] + piece + text[place + cut :]
    return text


@st.composite
def values(draw: st.DrawFn, key: Key) -> str | None:
    samples = tuple(key.choices) or SAMPLES[key.type]
    return draw(st.none() | st.sampled_from(samples))


@st.composite
def edits(draw: st.DrawFn, dialects: tuple[Dialect, ...] = tuple(Dialect)) -> tuple[Dialect, str, Changes]:
    dialect = draw(st.sampled_from(dialects))
    often = st.sampled_from(OFTEN[dialect])
    chosen = draw(st.lists(often | st.sampled_from(sorted(KEYS[dialect])), min_size=1, max_size=4, unique=True))
    return dialect, draw(texts(dialect)), {name: draw(values(KEYS[dialect][name])) for name in chosen}


PROPERTY = settings(max_examples=600, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@PROPERTY
@given(edits())
@example((WSLCONFIG, "[wsl2]\nkernel=a\\", {"experimental.sparseVhd": "true"}))
@example((WSLCONFIG, "[wsl2]\nkernel=a\\\n", {"wsl2.swap": "0"}))
@example((WSL_CONF, "# c\r", {"boot.systemd": "true"}))
def test_after_an_edit_what_was_wanted_holds_and_the_rest_is_as_before(
    case: tuple[Dialect, str, Changes],
) -> None:
    dialect, text, changes = case
    result = edit(text, changes, dialect)
    before, after = parse(text, dialect), parse(result, dialect)
    for name, value in changes.items():
        assert after.effective.get(name) == (None if value is None else interpret(KEYS[dialect][name], value).value)
    assert edit(result, changes, dialect) == result
    keep: Callable[[Mapping[str, object]], dict[str, object]] = lambda effective: {  # noqa: E731
        name: value for name, value in effective.items() if name not in changes
    }
    assert keep(after.effective) == keep(before.effective)
    assert others(after.settings, changes, dialect) == others(before.settings, changes, dialect)


def others(found: tuple[Setting, ...], changes: Mapping[str, object], dialect: Dialect) -> list[tuple[str, str]]:
    """All settings, duplicates and unknown ones too, of other keys than those that change."""
    keys = [(setting, find_key(setting.name, dialect)) for setting in found]
    return names(tuple(setting for setting, key in keys if key is None or key.name not in changes))


@PROPERTY
@given(edits())
def test_an_edit_keeps_every_line_that_holds_none_of_its_keys(
    case: tuple[Dialect, str, Changes],
) -> None:
    dialect, text, changes = case
    touched = [s for s in parse(text, dialect).settings if (k := find_key(s.name, dialect)) and k.name in changes]
    gaps = zip([0, *(s.end for s in touched)], [*(s.start for s in touched), len(text)], strict=True)
    lines = (line for start, end in gaps for line in re.split("[\r\n\x1a\ufeff]", text[start:end]))
    result = edit(text, changes, dialect)
    position = 0
    for line in lines:
        found = result.find(line, position)
        assert found >= 0, line
        position = found + len(line)


@PROPERTY
@given(edits())
def test_an_edit_changes_no_byte_when_all_of_it_holds_already(
    case: tuple[Dialect, str, Changes],
) -> None:
    dialect, text, changes = case
    parsed = parse(text, dialect)
    first = {key.name: s.value for s in reversed(parsed.settings) if (key := find_key(s.name, dialect))}
    held: dict[str, str | None] = {
        name: value for name, value in first.items() if not why_refused(name, value, dialect)
    }
    absent = dict.fromkeys(changes.keys() - first.keys(), None)
    assert edit(text, {**held, **absent}, dialect) == text


@PROPERTY
@given(edits((WSL_CONF,)))
def test_an_edit_moves_nothing_that_is_dead_into_another_section(case: tuple[Dialect, str, Changes]) -> None:
    _, text, changes = case
    text = f"[time]\n{text}"  # above the first header there is no section to stay in
    assert names(dead_settings(edit(text, changes, WSL_CONF))) == names(dead_settings(text))


@PROPERTY
@given(st.sampled_from(Dialect).flatmap(texts))
def test_repair_brings_back_exactly_what_was_dead_and_touches_only_what_was_malformed(text: str) -> None:
    before = parse(text, WSL_CONF)
    dead = dead_settings(text)
    repaired, revived = repair(text)
    after = parse(repaired, WSL_CONF)
    assert after.stopped_at is None
    assert after.settings[len(before.settings) :] == revived
    assert names(after.settings) == names(before.settings) + names(dead) == names(before.settings + revived)
    assert repair(repaired) == (repaired, ())
    assert (repaired == text) == (before.stopped_at is None)
    assert repaired.replace("# ", "").replace("\ufeff", "") == text.replace("# ", "").replace("\ufeff", "")


@pytest.mark.parametrize(
    ("text", "repaired", "revived"),
    [
        ("[boot]\nsystemd=1\n", "[boot]\nsystemd=1\n", []),
        ("; x\n[boot]\nsystemd=1\n", "# ; x\n[boot]\nsystemd=1\n", [("boot.systemd", "1")]),
        ("\ufeff[boot]\nsystemd=1\n", "[boot]\nsystemd=1\n", [("boot.systemd", "1")]),
        ("\ufeff; x\n[boot]\nsystemd=1\n", "# ; x\n[boot]\nsystemd=1\n", [("boot.systemd", "1")]),
        (
            '[boot]\ncommand=a\\\n"b\n\n  [net-work]\nsystemd=1\n',
            '[boot]\n# command=a\\\n# "b\n\n#   [net-work]\nsystemd=1\n',
            [("boot.systemd", "1")],
        ),
        ("a=1\r;x\nb=2", "a=1\r# ;x\nb=2", [("b", "2")]),
    ],
)
def test_repair_comments_malformed_lines_out(text: str, repaired: str, revived: list[tuple[str, str]]) -> None:
    result, alive = repair(text)
    assert (result, names(alive)) == (repaired, revived)


@settings(PROPERTY, max_examples=300)
@given(
    st.text()
    | st.text(st.sampled_from("".join(PIECES)))
    | st.binary().map(lambda b: b.decode("utf-8", "surrogateescape"))
)
def test_no_text_raises_and_every_warning_has_words(text: str) -> None:
    for dialect in Dialect:
        for warning in parse(text, dialect).warnings:
            assert warning.text
    dead_settings(text)
    repair(text)


# Time


def cpu_seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


MEBIBYTE = 2**20
LINES = (
    "a=\n",
    "[boot]\r\nsystemd=1\r\n",
    "# note\n",
    "\t\r\n",
    "\r",
    "a",
    "[",
    "[x\n",
    "\ufeff",
    "a b c d e\n",
    "é=1\n",
)
VALUES = ('"', "\\\\", "\\\n", " ", "#", "9", "1,x,", ' \\"', "\0")


@pytest.mark.parametrize(
    ("start", "shape"),
    [*(("", shape) for shape in LINES), *(("[experimental]\nignoredPorts=", shape) for shape in VALUES)],
    ids=ascii,
)
def test_the_time_to_read_a_file_grows_with_its_length_only(start: str, shape: str) -> None:
    """A quadratic step would take minutes on 128 KiB."""
    text = start + shape * (MEBIBYTE // 8 // len(shape))
    assert cpu_seconds(lambda: parse(text, WSL_CONF)) < 1
    assert cpu_seconds(lambda: parse(text, WSLCONFIG)) < 1
    assert cpu_seconds(lambda: repair(text)) < 4


def test_a_weird_file_of_a_mebibyte_is_read_in_two_seconds() -> None:
    shapes = LINES + VALUES
    text = "\n".join(shape * (MEBIBYTE // len(shapes) // len(shape)) for shape in shapes)
    assert cpu_seconds(lambda: parse(text, WSLCONFIG)) < 2
    assert cpu_seconds(lambda: dead_settings(text)) < 4


def test_a_file_of_100_kibibytes_is_read_in_half_a_second() -> None:
    text = "[boot]\ncommand=x\n" * (100 * 1024 // 17)
    assert cpu_seconds(lambda: parse(text, WSL_CONF)) < 0.5
    assert cpu_seconds(lambda: edit(text, {"boot.systemd": "true", "user.default": "a"}, WSL_CONF)) < 2
