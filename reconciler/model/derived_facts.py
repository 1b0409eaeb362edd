"""Facts that templates and rules may use by name: each a pure function from the answers of a machine to a value.

A derived fact that has no value on a machine says why; then only the items that use it are unknown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from reconciler.formats import os_release
from reconciler.model.facts import CommandResult, CommandText, Fact, FactSheet, FileText, Libc
from reconciler.model.later import NoValue

_ROUTES: Final = "/proc/net/route"
_DEFAULT_ROUTE: Final = re.compile(
    r"\S+\t00000000\t(?P<gateway>(?!0{8})[0-9A-Fa-f]{8})\t\w+\t\d+\t\d+\t(?P<metric>\d{1,10})\t0{8}\b"
)
"""Of Iface, Destination, Gateway, Flags, RefCnt, Use, Metric and Mask."""
_NETWORKING_MODE: Final = ("wslinfo", "--networking-mode", "-n")


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivedFact:
    """`wanted` are the facts it is made of, `value` the function."""

    name: str
    description: str
    wanted: frozenset[Fact]
    value: Callable[[FactSheet], str | NoValue]


def _libc(sheet: FactSheet) -> str | NoValue:
    return (sheet.libc() or "").partition(" ")[0] or NoValue("no C library was found in the root file system")


def _kernel(sheet: FactSheet) -> str | NoValue:
    return sheet.host.kernel if sheet.host.kernel and not sheet.host.at_rest else NoValue("no kernel runs (--root)")


def _architecture(sheet: FactSheet) -> str | NoValue:
    return sheet.host.architecture or NoValue("the machine does not say")


def _distro_id(sheet: FactSheet) -> str | NoValue:
    data = sheet.file(os_release.PATH).data or b""
    found = os_release.fields(data.decode("utf-8", "replace")).get("ID")
    return found or NoValue(f"{os_release.PATH} does not name it")


def _networking_mode(sheet: FactSheet) -> str | NoValue:
    answer = sheet.command(*_NETWORKING_MODE)
    if isinstance(answer, CommandResult) and answer.code == 0 and answer.text.strip():
        return answer.text.strip().lower()
    if sheet.host.at_rest:
        return NoValue("the system does not run (--root)")
    return NoValue("wslinfo does not tell the networking mode here" if sheet.host.wsl else "this is not WSL")


def _windows_host_address(sheet: FactSheet) -> str | NoValue:
    mode = _networking_mode(sheet)
    match mode:
        case NoValue():
            return mode
        case "mirrored" | "wsl1":
            return "127.0.0.1"
        case "nat":
            return _gateway(sheet)
        case _:
            return NoValue(f"in networking mode {mode} the route does not tell where Windows is")


def _gateway(sheet: FactSheet) -> str | NoValue:
    """The gateway of the default route that counts, the one with the least metric; /proc/net/route has it byte-swapped."""
    routes: list[tuple[int, str]] = []
    for line in (sheet.file(_ROUTES).data or b"").decode("ascii", "replace").splitlines():
        default = _DEFAULT_ROUTE.match(line)
        if default:
            routes.append((int(default["metric"]), default["gateway"]))
    if not routes:
        return NoValue("there is no default route")
    return ".".join(str(byte) for byte in reversed(bytes.fromhex(min(routes)[1])))


_ALL: Final = (
    DerivedFact(name="libc", description="glibc or musl", wanted=frozenset({Libc()}), value=_libc),
    DerivedFact(name="kernel", description="the kernel's release", wanted=frozenset(), value=_kernel),
    DerivedFact(name="architecture", description="as uname -m says", wanted=frozenset(), value=_architecture),
    DerivedFact(
        name="distro_id",
        description="ID of os-release",
        wanted=frozenset({FileText(os_release.PATH)}),
        value=_distro_id,
    ),
    DerivedFact(
        name="networking_mode",
        description="WSL's networking mode",
        wanted=frozenset({CommandText(_NETWORKING_MODE)}),
        value=_networking_mode,
    ),
    DerivedFact(
        name="windows_host_address",
        description="where the distro reaches the Windows host",
        wanted=frozenset({CommandText(_NETWORKING_MODE), FileText(_ROUTES)}),
        value=_windows_host_address,
    ),
)
DERIVED_FACTS: Final[Mapping[str, DerivedFact]] = {fact.name: fact for fact in _ALL}


def wanted(names: frozenset[str]) -> frozenset[Fact]:
    return frozenset(fact for name in names if name in DERIVED_FACTS for fact in DERIVED_FACTS[name].wanted)


def values(sheet: FactSheet, names: frozenset[str]) -> dict[str, str | NoValue]:
    return {name: DERIVED_FACTS[name].value(sheet) for name in sorted(names) if name in DERIVED_FACTS}
