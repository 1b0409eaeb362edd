"""Addresses of host names in /etc/hosts, by name.

Manages all addresses of the declared names, and leaves other names, comments and order alone: also the line 127.0.1.1 of
the machine's own name, and localhost. Inside WSL the file is written anew at every start, so there an item needs
`network.generateHosts: false` under wsl_conf. Takes effect at once.

    distro:
      hosts:
        db.internal: 10.0.0.5
        dual.internal: [10.0.0.6, "fd00::6"]
        old.internal: {absent: true}

Source: hosts(5), host.conf(5); microsoft/WSL src/linux/init/config.cpp.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from reconciler.formats import hosts as hosts_file
from reconciler.model.address import Layer
from reconciler.model.claims import Setting
from reconciler.model.facts import Fact, FactSheet
from reconciler.model.resource import Blocked, Fields, NotApplicable, Observed, Part, Resource, Seen, Want
from reconciler.model.schema import Complaint, KindSchema, ListOf, MapOf, Text
from reconciler.model.secrets import SecretText
from reconciler.model.states import Risk
from reconciler.model.values import Absent
from reconciler.resources.members import MemberKind
from reconciler.resources.wsl_files import Generator

OWN_ADDRESS: Final = "127.0.1.1"
_GENERATOR: Final = Generator(Setting("network.generateHosts", "false"))
_PASSING: Final = "WSL writes /etc/hosts anew at every start: what stands there now does not last"
_LOCAL: Final = frozenset(
    {
        *("localhost", "localhost.localdomain", "localhost4", "localhost6", "localhost4.localdomain4"),
        *("localhost6.localdomain6", "ip6-localhost", "ip6-loopback", "ip6-localnet", "ip6-mcastprefix"),
        *("ip6-allnodes", "ip6-allrouters", "ip6-allhosts"),
    }
)
"""Names that distributions ship and programs rely on."""
_CODE_COMES_FROM: Final = frozenset(
    {
        *("golang.org", "go.dev", "google.golang.org", "gopkg.in", "goproxy.cn", "goproxy.io", "dl.google.com"),
        *("github.com", "githubusercontent.com", "ghcr.io", "gitlab.com", "bitbucket.org"),
        *("npmjs.org", "npmjs.com", "yarnpkg.com", "nodejs.org", "pypi.org", "pythonhosted.org", "crates.io"),
        *("rubygems.org", "maven.org", "maven.apache.org", "gradle.org", "docker.io", "docker.com", "rust-lang.org"),
        *("debian.org", "ubuntu.com", "fedoraproject.org", "alpinelinux.org", "microsoft.com", "vsassets.io"),
        *("visualstudio.com", "open-vsx.org", "cursor.sh", "jetbrains.com"),
    }
)
"""Domains that programs and source code are fetched from: whoever answers in their place may send others."""


@dataclass(frozen=True, slots=True)
class HostsCodec:
    def members(self, text: str) -> Mapping[str, str]:
        return hosts_file.members(text)

    def edit(self, text: str, changes: Mapping[str, str | None]) -> str:
        return hosts_file.edit(text, changes)


class Hosts(MemberKind):
    kind: ClassVar[str] = "hosts"
    layers: ClassVar[frozenset[Layer]] = frozenset({Layer.DISTRO})
    path = "/etc/hosts"
    codec = HostsCodec()

    @classmethod
    def schema(cls, layer: Layer) -> KindSchema:
        name = Text(
            pattern=r"^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$",
            expected="a host name in lower case",
            fixed=True,
        )
        addresses = ListOf(of=Text(expected="an IPv4 or IPv6 address"), single=True, empty=False, expected="addresses")
        return KindSchema(
            items=MapOf(of=addresses, keys=name, expected="host names, each with its address or addresses"),
            description="Addresses of host names in /etc/hosts.",
            check=_check,
        )

    def wanted_facts(self) -> frozenset[Fact]:
        return super().wanted_facts() | _GENERATOR.facts()

    def seen(self, text: str, sheet: FactSheet) -> Mapping[str, Observed]:
        passing = _GENERATOR.is_on(sheet)
        if passing and not self.items:
            return {}
        found: dict[str, Observed] = {}
        for name, value in hosts_file.members(text).items():
            addresses = value.split()
            if OWN_ADDRESS not in addresses and name not in _LOCAL:
                found[name] = _seen(addresses, passing=passing and not isinstance(self.items.get(name), Absent))
            elif name in self.items:
                why = f"{name} is this machine's own name: its line {OWN_ADDRESS} is left alone"
                found[name] = Blocked(why, fix="the machine's name is network.hostname of wsl_conf, or hostnamectl's")
        return found

    def want(self, name: str, item: object) -> Want:
        if isinstance(item, Absent):
            return Want(shares=(self.path,))
        assert isinstance(item, Sequence)
        addresses = hosts_file.normal_addresses(" ".join(item)).split()
        risks = frozenset({Risk.RUNS_CODE_LATER}) if _brings_code(name) else frozenset[Risk]()
        return Want(fields={"value": [*addresses]}, shares=(self.path,), risks=risks)

    def member_value(self, name: str, value: object) -> str:
        assert isinstance(value, list)
        return " ".join(value)

    def write(
        self, name: str, before: Seen | None, after: Fields | Absent, sheet: FactSheet
    ) -> Sequence[Part] | Blocked | NotApplicable:
        parts = super().write(name, before, after, sheet)
        if isinstance(after, Absent) or isinstance(parts, Blocked | NotApplicable):
            return parts
        return _GENERATOR.guarded(parts, sheet)


def _brings_code(host: str) -> bool:
    labels = host.split(".")
    return any(".".join(labels[start:]) in _CODE_COMES_FROM for start in range(len(labels)))


def _seen(addresses: list[str], *, passing: bool) -> Seen:
    return Seen(fields={"value": None if passing else [*addresses]}, notes=(_PASSING,) if passing else ())


def _check(name: str, fields: Mapping[str, object]) -> tuple[Complaint, ...]:
    value = fields.get("value")
    if name in _LOCAL:
        return (Complaint(f"{name} is not for documents: programs rely on what the distribution says of it"),)
    found = []
    for address in value if isinstance(value, Sequence) and not isinstance(value, str) else ():
        if isinstance(address, SecretText):
            what = f"{name} would have a secret as its address, and everyone may read /etc/hosts"
            found.append(Complaint(what, fix="write the address, or use  vars"))
        elif isinstance(address, str):
            found += _complaints(name, address)
    return tuple(found)


def _complaints(name: str, address: str) -> Sequence[Complaint]:
    try:
        normal = hosts_file.normal_addresses(address) if len(address.split()) == 1 else ""
    except ValueError:
        normal = ""
    if not normal:
        return [Complaint(f"{name} has {address!r}, which is no address", fix="write one such as 10.0.0.5 or fd00::6")]
    if normal == OWN_ADDRESS:
        return [
            Complaint(f"{name} has {OWN_ADDRESS}, which is the line of the machine's own name", fix="write  127.0.0.1")
        ]
    return []


RESOURCE: Final[type[Resource]] = Hosts
