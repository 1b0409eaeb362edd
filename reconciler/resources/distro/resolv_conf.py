"""Name servers, search domains and options of /etc/resolv.conf.

Manages the declared ones of the three; the file is written as a whole, so that comments go. It is a regular file
afterwards: a link is never written through, for what is behind it may be shared with other distros, and nothing of that is
carried over. Takes effect with the next name that is looked up.

Inside WSL an item needs `network.generateResolvConf: false` under wsl_conf, in the same apply or before it. WSL goes on
putting its link back at every new session until the distro is terminated: that is asked for, and until then apply mends it.
Elsewhere a file that systemd-resolved or NetworkManager owns is left to them.

    distro:
      wsl_conf: {network: {generateResolvConf: false}}
      resolv_conf:
        nameservers: [10.255.255.254]
        search: [corp.example]
        options: [ndots:2]

Source: resolv.conf(5); microsoft/WSL src/linux/init/config.cpp.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar, Final

from reconciler.formats import resolv_conf
from reconciler.formats.resolv_conf import ResolvConf
from reconciler.model.address import Layer
from reconciler.model.claims import Setting
from reconciler.model.facts import Environment, Fact, FactSheet, FileState, FileText, PathType, Session
from reconciler.model.resource import (
    Blocked,
    Fields,
    FileEdit,
    NotApplicable,
    Observed,
    Part,
    Resource,
    Seen,
    Unknown,
    Want,
)
from reconciler.model.schema import Complaint, Field, KindSchema, ListOf, Record, Text
from reconciler.model.secrets import SecretText
from reconciler.model.states import Risk
from reconciler.model.values import Absent
from reconciler.resources.base import Base, distrusted, parent_facts, parent_needs
from reconciler.resources.resolver_owners import Owner, owner_of
from reconciler.resources.wsl_files import Generator

PATH: Final = "/etc/resolv.conf"
_GENERATOR: Final = Generator(Setting("network.generateResolvConf", "false"))
_DISTRO_NAME: Final = Environment(Session.PROCESS, "WSL_DISTRO_NAME")
_ITEMS: Final[Mapping[str, tuple[str, str]]] = {
    "nameservers": ("an IP address", "Servers that are asked in this order; up to three."),
    "search": ("a domain", "Domains that are tried behind a short name, in this order."),
    "options": ("an option such as ndots:2", "Options of the resolver."),
}


@dataclass(frozen=True, slots=True)
class ResolvConfCodec:
    """Members are the three lists, each as words."""

    def members(self, text: str) -> Mapping[str, str]:
        return {name: " ".join(words) for name, words in asdict(resolv_conf.parse(text)).items() if words}

    def edit(self, text: str, changes: Mapping[str, str | None]) -> str:
        found = resolv_conf.parse(text)
        # What glibc takes for a domain or an option need not be one.
        kept = {
            name: tuple(word for word in words if _refusal(name, (word,)) is None)
            for name, words in asdict(found).items()
        }
        wanted = {name: tuple((value or "").split()) for name, value in changes.items()}
        return resolv_conf.text_of(ResolvConf(**{**kept, **wanted}))


class ResolvConfFile(Base):
    kind: ClassVar[str] = "resolv_conf"
    layers: ClassVar[frozenset[Layer]] = frozenset({Layer.DISTRO})

    @classmethod
    def schema(cls, layer: Layer) -> KindSchema:
        fields = {
            name: Field(
                schema=ListOf(of=Text(expected=word), single=True, empty=False, expected=f"{word}, or a list"),
                description=description,
                removable=True,
            )
            for name, (word, description) in _ITEMS.items()
        }
        return KindSchema(
            items=Record(fields=fields, partial=True, expected="nameservers, search or options"),
            description="Name servers, search domains and options of /etc/resolv.conf.",
            check=_check,
        )

    def wanted_facts(self) -> frozenset[Fact]:
        return frozenset({FileText(PATH), _DISTRO_NAME, *parent_facts(PATH), *_GENERATOR.facts()})

    def observe(self, sheet: FactSheet) -> Mapping[str, Observed]:
        file, owner = sheet.file(PATH), _owner(sheet)
        refusal = distrusted(file.state)
        is_link = file.state.type is PathType.LINK
        if not self.items:
            passing = owner is not None or is_link or _GENERATOR.is_on(sheet)
            return {} if passing else {name: _seen(words) for name, words in _said(file).items()}
        if refusal:
            return {name: Blocked(refusal) for name in self.items}
        if owner is not None:
            return {name: owner.refusal(file.state) for name in self.items if not self._is_gone(name, file)}
        if is_link:
            note = f"{PATH} is a link to {file.state.link}; a file takes its place"
            return {
                name: Seen(fields={"value": None}, notes=(note,)) for name in self.items if not self._is_absent(name)
            }
        if file.unreadable:
            return {name: Unknown(file.unreadable) for name in self.items}
        return {name: self._seen_of(name, words, sheet) for name, words in _said(file).items()}

    def _seen_of(self, name: str, words: list[str], sheet: FactSheet) -> Seen:
        if not _GENERATOR.is_on(sheet) or self._is_absent(name):
            return _seen(words)
        note = f"WSL puts its link in place of {PATH} at every new session: what stands there now does not last"
        return Seen(fields={"value": None}, notes=(note,))

    def _is_absent(self, name: str) -> bool:
        return isinstance(self.items.get(name), Absent)

    def _is_gone(self, name: str, file: FileState) -> bool:
        return self._is_absent(name) and name not in _said(file)

    def want(self, name: str, item: object) -> Want:
        risks = frozenset({Risk.CUTS_ACCESS})
        if isinstance(item, Absent):
            return Want(shares=(PATH,), risks=risks)
        assert isinstance(item, Sequence)
        words = asdict(resolv_conf.normal(ResolvConf(**{name: tuple(item)})))[name]
        return Want(fields={"value": [*words]}, shares=(PATH,), risks=risks)

    def write(
        self, name: str, before: Seen | None, after: Fields | Absent, sheet: FactSheet
    ) -> Sequence[Part] | Blocked | NotApplicable:
        words = None if isinstance(after, Absent) else after["value"]
        assert words is None or isinstance(words, list)
        value = None if words is None else " ".join(map(str, words))
        edit = FileEdit(path=PATH, codec=_CODEC, member=name, value=value, replaces_link=True)
        part = Part(thing=PATH, edits=(edit,), needs=parent_needs(PATH, sheet), asks=tuple(_asks(sheet)))
        return [part] if value is None else _GENERATOR.guarded([part], sheet)

    def remarks(self, sheet: FactSheet) -> Sequence[str]:
        file = sheet.file(PATH)
        ignored = resolv_conf.ignored_lines(_text(file)) if file.state.type is PathType.FILE else ()
        return [f"{PATH}:{number}: glibc makes nothing of this line: {line.strip()}" for number, line in ignored]


_CODEC: Final = ResolvConfCodec()


def _text(file: FileState) -> str:
    return (file.data or b"").decode("utf-8", "surrogateescape")


def _said(file: FileState) -> Mapping[str, list[str]]:
    """The items that the file has lines for."""
    return {name: [*words] for name, words in asdict(resolv_conf.parse(_text(file))).items() if words}


def _seen(words: list[str]) -> Seen:
    return Seen(fields={"value": [*words]})


def _owner(sheet: FactSheet) -> Owner | None:
    """Inside WSL that is WSL alone: it takes away what others put there, or nobody does."""
    file = sheet.file(PATH)
    return None if sheet.host.wsl and not sheet.host.at_rest else owner_of(file.state, _text(file))


def _asks(sheet: FactSheet) -> Sequence[str]:
    """While WSL still makes its link, the next session would undo the work."""
    link = sheet.file(PATH).state.link or ""
    if not sheet.host.wsl or sheet.host.at_rest or not (_GENERATOR.is_on(sheet) or link.endswith("wsl/resolv.conf")):
        return ()
    name = sheet.variable(Session.PROCESS, "WSL_DISTRO_NAME")
    of = name if isinstance(name, str) and name else "with this distro's name"
    return (f"now, before opening another WSL window: wsl --terminate {of}",)


def _refusal(name: str, words: tuple[str, ...]) -> str | None:
    """Why resolv.conf may not say that, None where it may."""
    try:
        resolv_conf.text_of(ResolvConf(**{name: words}))
    except ValueError as error:
        return str(error)
    return None


def _check(name: str, fields: Mapping[str, object]) -> tuple[Complaint, ...]:
    value = fields.get("value")
    words = tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else ()
    if any(isinstance(word, SecretText) for word in words):
        what = f"resolv_conf {name} would hold a secret, and everyone may read {PATH}"
        return (Complaint(what, fix="write the value, or use  vars"),)
    why = _refusal(name, words) if all(isinstance(word, str) for word in words) else None
    return (Complaint(f"resolv_conf: {why}"),) if why else ()


RESOURCE: Final[type[Resource]] = ResolvConfFile
