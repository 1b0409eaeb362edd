"""`guard:` in documents: what a machine must be, so that nothing is written to another one that answers in its place.

A guard is checked with the facts of the gather trip. What it asks for and cannot be read is a mismatch too.

Source: machine-id(5), os-release(5), uname(2), go.dev/doc/install/source#environment, ssh-keygen(1).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from reconciler.model.derived_facts import DERIVED_FACTS
from reconciler.model.facts import Fact, FactSheet, FileText
from reconciler.model.later import NoValue
from reconciler.model.origin_json import origin_from_json, origin_to_json
from reconciler.model.schema import Text
from reconciler.model.tree import Origin
from reconciler.model.values import Json

_SPELLINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "amd64": ("amd64", "x86_64", "x86-64", "x64"),
    "arm64": ("arm64", "aarch64"),
    "386": ("386", "i386", "i486", "i586", "i686", "x86"),
    "arm": ("arm", "armhf", "armv5tel", "armv6l", "armv7l", "armv8l"),
    "riscv64": ("riscv64",),
    "ppc64le": ("ppc64le", "ppc64el", "powerpc64le"),
    "s390x": ("s390x",),
    "loong64": ("loong64", "loongarch64"),
}
ARCHITECTURES: Final[Mapping[str, str]] = {name: go for go, names in _SPELLINGS.items() for name in names}
"""Go's name by each spelling: Go's, the kernel's and Debian's."""

MACHINE_ID: Final = Text(pattern=r"^[0-9a-f]{32}$", expected="32 hexadecimal digits, as in /etc/machine-id", fixed=True)
HOST_KEY: Final = Text(
    pattern=r"^SHA256:[A-Za-z0-9+/]{43}$",
    expected="a fingerprint, SHA256: and 43 characters, as `ssh-keygen -l` prints it",
    fixed=True,
)
OS: Final = Text(
    pattern=r"^(?!linux$)[a-z0-9][a-z0-9._-]*$", expected="the ID of /etc/os-release, such as ubuntu", fixed=True
)
"""No distribution has the ID `linux`: it is what os-release(5) says of those that do not name themselves."""
ARCH: Final = Text(choices=tuple(ARCHITECTURES), expected="an architecture, such as amd64 or aarch64", fixed=True)
LIBC: Final = Text(choices=("glibc", "musl"), expected="glibc or musl", fixed=True)

_MACHINE_ID_FILE: Final = "/etc/machine-id"
PIN_FACTS: Final[frozenset[Fact]] = frozenset({FileText(_MACHINE_ID_FILE)})
"""What `pinned` looks at."""
_HOST_KEY_FILES: Final = tuple(f"/etc/ssh/ssh_host_{kind}_key.pub" for kind in ("ed25519", "ecdsa", "rsa", "dsa"))
_PUBLIC_KEY: Final = re.compile(r"^[a-z][a-z0-9@.-]{2,50} +(?P<blob>AAAA[A-Za-z0-9+/]{1,10000}={0,2})(?!\S)")
_LONGEST_SHOWN_CHARACTERS: Final = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """Why a machine is not the one that is meant; `what` ends with the place of the guard."""

    what: str
    fix: str
    origin: Origin | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """What documents ask of a machine; None: nothing. `origins` says where each field was written."""

    machine_id: str | None = None
    host_key: str | None = None
    os: str | None = None
    arch: str | None = None
    libc: str | None = None
    origins: Mapping[str, Origin] = field(default_factory=dict)

    def wanted_facts(self) -> frozenset[Fact]:
        """What `mismatch` looks at; the files of host keys too, in case the machine is reached without SSH."""
        return frozenset(fact for name in self._asked for fact in _CHECKS[name].wanted)

    def mismatch(self, sheet: FactSheet, host_key: str | None) -> Mismatch | None:
        """The first thing that is not as asked. `host_key` is the fingerprint that the machine proved itself with; None
        where it is reached without SSH: then any of the keys in its files will do."""
        for name, desired in self._asked.items():
            check = _CHECKS[name]
            found = check.observe(sheet) if name != "host_key" or host_key is None else (host_key,)
            if isinstance(found, NoValue):
                return self._mismatch(name, f"{name} cannot be checked: {found.why}", check.unread_fix)
            if check.normal(desired) not in map(check.normal, found):
                shown = " or ".join(value[:_LONGEST_SHOWN_CHARACTERS] for value in found)
                fix = f"see that the right machine answers; if this is the one, write  {name}: {shown}"
                return self._mismatch(name, f"{name} is {shown}, not {desired}", fix)
        return None

    def pinned(self, sheets: Iterable[FactSheet], host_key: str | None) -> Guard:
        """The same, and where nothing was asked, what the machine is found to be."""
        found = (_machine_id(sheet) for sheet in sheets)
        machine_id = next((value[0] for value in found if not isinstance(value, NoValue)), None)
        return replace(self, machine_id=self.machine_id or machine_id, host_key=self.host_key or host_key)

    @property
    def _asked(self) -> dict[str, str]:
        fields = {
            "machine_id": self.machine_id,
            "host_key": self.host_key,
            "os": self.os,
            "arch": self.arch,
            "libc": self.libc,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def _mismatch(self, name: str, what: str, fix: str) -> Mismatch:
        origin = self.origins.get(name)
        return Mismatch(what=f"guard: {what}" + (f" ({origin})" if origin else ""), fix=fix, origin=origin)

    def to_json(self) -> Json:
        asked: dict[str, Json] = {**self._asked}
        return {name: [value, origin_to_json(self.origins.get(name))] for name, value in asked.items()}

    @classmethod
    def from_json(cls, value: Json) -> Guard:
        """The inverse of `to_json`. Raises ValueError for anything that it did not write."""
        if not isinstance(value, dict) or not value.keys() <= _CHECKS.keys():
            raise ValueError("a guard is an object with the fields of `guard:`")
        asked: dict[str, str] = {}
        origins: dict[str, Origin] = {}
        for name, written in value.items():
            match written:
                case [str(text), place]:
                    origin = origin_from_json(place)
                    asked[name] = text
                    origins |= {name: origin} if origin else {}
                case _:
                    raise ValueError(f"{name} of a guard is not a value with its place")
        return cls(**asked, origins=origins)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Check:
    """How one field is checked: `observe` gives all values of which any may be the desired one."""

    wanted: frozenset[Fact]
    observe: Callable[[FactSheet], tuple[str, ...] | NoValue]
    unread_fix: str
    normal: Callable[[str], str] = str


def _machine_id(sheet: FactSheet) -> tuple[str, ...] | NoValue:
    file = sheet.file(_MACHINE_ID_FILE)
    text = (file.data or b"").decode("ascii", "replace").strip().lower()
    if MACHINE_ID.reads(text):
        return (text,)
    if file.unreadable:
        return NoValue(f"{_MACHINE_ID_FILE} cannot be read: {file.unreadable}")
    what = "is missing" if file.data is None else "holds no machine id" if text else "is empty"
    return NoValue(f"{_MACHINE_ID_FILE} {what}" + (", as in a new WSL distro" if sheet.host.wsl and not text else ""))


def _host_keys(sheet: FactSheet) -> tuple[str, ...] | NoValue:
    files = [sheet.file(path) for path in _HOST_KEY_FILES]
    found = tuple(key for file in files if file.data and (key := fingerprint(file.data.decode("utf-8", "replace"))))
    why = next((f": {file.unreadable}" for file in files if file.unreadable), "")
    return found or NoValue(f"no host key can be read in /etc/ssh{why}")


def fingerprint(public_key: str) -> str | None:
    """Of a key as it stands in a `.pub` file or in known_hosts; None for what is none."""
    found = _PUBLIC_KEY.search(public_key)
    try:
        blob = base64.b64decode(found["blob"], validate=True) if found else b""
    except binascii.Error:
        return None
    return key_fingerprint(blob) if blob else None


def key_fingerprint(blob: bytes) -> str:
    """Of a key as it is sent."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode("ascii").rstrip("=")


def _derived(name: str, unread_fix: str, normal: Callable[[str], str] = str.lower) -> _Check:
    fact = DERIVED_FACTS[name]

    def observe(sheet: FactSheet) -> tuple[str, ...] | NoValue:
        value = fact.value(sheet)
        return value if isinstance(value, NoValue) else (value,)

    return _Check(wanted=fact.wanted, observe=observe, unread_fix=unread_fix, normal=normal)


def _architecture(name: str) -> str:
    return ARCHITECTURES.get(name.lower(), name.lower())


_CHECKS: Final[Mapping[str, _Check]] = {
    "machine_id": _Check(
        wanted=frozenset({FileText(_MACHINE_ID_FILE)}),
        observe=_machine_id,
        unread_fix="run `systemd-machine-id-setup` or `dbus-uuidgen --ensure=/etc/machine-id` there as root, or take "
        "machine_id out of the guard",
    ),
    "host_key": _Check(
        wanted=frozenset(FileText(path) for path in _HOST_KEY_FILES),
        observe=_host_keys,
        unread_fix="run `ssh-keygen -A` there as root, or take host_key out of the guard",
    ),
    "os": _derived("distro_id", "take os out of the guard"),
    "arch": _derived("architecture", "take arch out of the guard", _architecture),
    "libc": _derived("libc", "take libc out of the guard"),
}
