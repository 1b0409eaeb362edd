"""Derived facts: a value, or why there is none."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model import derived_facts
from reconciler.model.derived_facts import DERIVED_FACTS
from reconciler.model.facts import (
    Answer,
    CommandResult,
    CommandText,
    Fact,
    FactSheet,
    FileState,
    FileText,
    Host,
    Libc,
    PathState,
    PathType,
    Unread,
)
from reconciler.model.later import NoValue

HOST = Host(
    user="alice",
    uid=1000,
    home="/home/alice",
    kernel="6.6.87.2-microsoft-standard-WSL2",
    architecture="x86_64",
    wsl=True,
)
MODE = CommandText(("wslinfo", "--networking-mode", "-n"))
ROUTES = FileText("/proc/net/route")
RELEASE = FileText("/etc/os-release")
HEAD = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT   \n"


def file(path: str, text: str | bytes | None) -> FileState:
    data = text.encode() if isinstance(text, str) else text
    return FileState(state=PathState(path=path, type=PathType.MISSING if data is None else PathType.FILE), data=data)


def value(name: str, answers: dict[Fact, Answer | Unread] | None = None, host: Host = HOST) -> object:
    """Of one fact, from just the facts that it wants."""
    nothing: dict[Fact, Answer | Unread] = {
        MODE: None,
        ROUTES: file(ROUTES.path, None),
        RELEASE: file(RELEASE.path, None),
        Libc(): None,
    }
    given_answers = {fact: (answers or {}).get(fact, nothing[fact]) for fact in derived_facts.wanted(frozenset({name}))}
    return derived_facts.values(FactSheet(host=host, answers=given_answers), frozenset({name}))[name]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [("glibc 2.36", "glibc"), ("musl", "musl"), (None, NoValue("no C library was found in the root file system"))],
)
def test_libc(answer: str | None, expected: object) -> None:
    assert value("libc", {Libc(): answer}) == expected


def test_kernel_and_architecture() -> None:
    assert value("kernel") == "6.6.87.2-microsoft-standard-WSL2"
    assert value("architecture") == "x86_64"
    assert value("architecture", host=replace(HOST, architecture="")) == NoValue("the machine does not say")


def test_at_rest_there_is_no_kernel_and_no_network() -> None:
    host = replace(HOST, at_rest=True)
    assert value("kernel", host=host) == NoValue("no kernel runs (--root)")
    for name in ("networking_mode", "windows_host_address"):
        assert value(name, {MODE: Unread("--root")}, host) == NoValue("the system does not run (--root)")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ID=ubuntu\n", "ubuntu"),
        ('NAME="x"\nID="debian"\r\n', "debian"),
        ("ID='alpine'", "alpine"),
        ("ID_LIKE=debian\nVERSION_ID=1\n", None),
        ("ID=\nID=''\n", None),
        (None, None),
        (b"\xff\xfe\nID=arch\n", "arch"),
    ],
)
def test_distro_id(text: str | bytes | None, expected: str | None) -> None:
    found = value("distro_id", {RELEASE: file(RELEASE.path, text)})
    assert found == (expected or NoValue("/etc/os-release does not name it"))


@pytest.mark.parametrize(("printed", "expected"), [("nat", "nat"), ("Mirrored\n", "mirrored"), ("wsl1", "wsl1")])
def test_networking_mode(printed: str, expected: str) -> None:
    assert value("networking_mode", {MODE: CommandResult(0, printed)}) == expected


@pytest.mark.parametrize("answer", [None, Unread("timed out"), CommandResult(1, ""), CommandResult(0, " \n")])
@pytest.mark.parametrize("name", ["networking_mode", "windows_host_address"])
def test_without_wslinfo_there_is_no_networking_mode(name: str, answer: Answer | Unread) -> None:
    assert value(name, {MODE: answer}) == NoValue("wslinfo does not tell the networking mode here")
    assert value(name, {MODE: answer}, replace(HOST, wsl=False)) == NoValue("this is not WSL")


def routes(*lines: tuple[str, str, str, int, str]) -> FileState:
    rows = [f"{dev}\t{to}\t{via}\t0003\t0\t0\t{metric}\t{mask}\t0\t0\t0\n" for dev, to, via, metric, mask in lines]
    return file(ROUTES.path, HEAD + "".join(rows))


NAT = CommandResult(0, "nat")
ANY = "00000000"


def test_under_nat_windows_is_the_default_gateway() -> None:
    """172.20.32.1, byte-swapped, as the kernel prints it."""
    table = routes(("eth0", ANY, "012014AC", 0, ANY), ("eth0", "002014AC", ANY, 0, "00F0FFFF"))
    assert value("windows_host_address", {MODE: NAT, ROUTES: table}) == "172.20.32.1"


def test_the_default_route_with_the_least_metric_counts() -> None:
    """A VPN or a container may bring others."""
    table = routes(
        ("tun0", ANY, "0100000A", 500, ANY), ("eth0", ANY, "012014AC", 20, ANY), ("wg0", ANY, "0200000A", 1000, ANY)
    )
    assert value("windows_host_address", {MODE: NAT, ROUTES: table}) == "172.20.32.1"


@pytest.mark.parametrize(
    "table",
    [
        file(ROUTES.path, None),
        file(ROUTES.path, ""),
        file(ROUTES.path, HEAD),
        routes(("eth0", "002014AC", "012014AC", 0, "00F0FFFF")),
        routes(("tun0", ANY, ANY, 0, ANY)),
        routes(("tun0", ANY, "012014AC", 0, "00000080")),
        routes(("eth0", ANY, "ZZZZZZZZ", 0, ANY)),
    ],
    ids=["missing", "empty", "no route", "no default", "no gateway", "half of everything", "not hexadecimal"],
)
def test_under_nat_without_a_default_gateway_there_is_no_address(table: FileState) -> None:
    assert value("windows_host_address", {MODE: NAT, ROUTES: table}) == NoValue("there is no default route")


@pytest.mark.parametrize("mode", ["mirrored", "wsl1"])
def test_where_windows_shares_the_network_it_is_local(mode: str) -> None:
    assert value("windows_host_address", {MODE: CommandResult(0, mode)}) == "127.0.0.1"


@pytest.mark.parametrize("mode", ["none", "bridged", "virtioproxy", "consomme"])
def test_in_other_modes_the_route_does_not_tell(mode: str) -> None:
    """The gateway is then the router of the network, not Windows."""
    table = routes(("eth0", ANY, "012014AC", 0, ANY))
    found = value("windows_host_address", {MODE: CommandResult(0, mode), ROUTES: table})
    assert found == NoValue(f"in networking mode {mode} the route does not tell where Windows is")


@given(st.binary(max_size=80))
def test_any_bytes_are_a_table_without_a_route_or_an_address(data: bytes) -> None:
    table = file(ROUTES.path, b"eth0\t" + data)
    found = value("windows_host_address", {MODE: NAT, ROUTES: table})
    assert isinstance(found, NoValue) or re.fullmatch(r"\d+\.\d+\.\d+\.\d+", str(found))


def test_the_real_table_of_this_machine_is_understood() -> None:
    path = Path(ROUTES.path)
    if not path.exists():
        pytest.skip("no /proc/net/route here")
    found = value("windows_host_address", {MODE: NAT, ROUTES: file(ROUTES.path, path.read_bytes())})
    defaults = [line for line in path.read_text().splitlines()[1:] if line.split()[1] == ANY and line.split()[7] == ANY]
    assert isinstance(found, NoValue) == (not [line for line in defaults if line.split()[2] != ANY])


def test_each_fact_says_what_it_is_and_wants_only_what_it_reads() -> None:
    assert list(DERIVED_FACTS) == [
        "libc",
        "kernel",
        "architecture",
        "distro_id",
        "networking_mode",
        "windows_host_address",
    ]
    assert all(fact.description and fact.name == name for name, fact in DERIVED_FACTS.items())
    assert derived_facts.wanted(frozenset({"libc", "no such"})) == {Libc()}
    assert derived_facts.wanted(frozenset()) == frozenset()
