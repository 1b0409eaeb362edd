"""Settings of /etc/wsl.conf, which WSL reads when the distro starts.

Manages single settings, by section and key; keeps comments, unknown lines and order. Where a malformed line ends WSL's
reading, our settings go above it, and what stays dead below is listed; `repair: true` comments the malformed lines out.
Takes effect after `wsl --terminate`: until then a change is pending. Exists only inside WSL.

    distro:
      wsl_conf:
        boot: {systemd: true}
        automount: {options: "metadata,umask=022"}
        repair: true

Source: microsoft/WSL src/linux/init/WslDistributionConfig.cpp; the dialect: src/shared/configfile/configfile.cpp.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from reconciler.formats import wsl_ini
from reconciler.formats.wsl_ini import Dialect, Key, ValueType
from reconciler.model.address import Layer
from reconciler.model.claims import WSL_CONF, Account, Claim, Need, Running, Setting
from reconciler.model.facts import Account as AccountFact
from reconciler.model.facts import Fact, FactSheet
from reconciler.model.resource import Blocked, Fields, NotApplicable, Part, Resource, Seen, Want
from reconciler.model.schema import Boolean, Complaint, Field, Integer, KindSchema, Record, Schema, Text
from reconciler.model.secrets import SecretText
from reconciler.model.states import Effect, Risk
from reconciler.model.values import ABSENT, Absent
from reconciler.resources.members import MemberKind

REPAIR: Final = "repair"
UMASK: Final = "filesystem.umask"
ROOT: Final = "automount.root"
SYSTEMD: Final = "boot.systemd"
DEFAULT_USER: Final = "user.default"
_BOOT: Final = "boot."
_COMMAND: Final = "boot.command"
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_KEYS: Final[Mapping[str, Key]] = wsl_ini.KEYS[Dialect.WSL_CONF]


@dataclass(frozen=True, slots=True)
class WslConfCodec:
    """Members are settings by `section.key`, as WSL spells them, and `repair`."""

    def members(self, text: str) -> Mapping[str, str]:
        effective = wsl_ini.parse(text, Dialect.WSL_CONF).effective
        return {name: str(normal(name, value)) for name, value in effective.items()}

    def edit(self, text: str, changes: Mapping[str, str | None]) -> str:
        settings = {name: value for name, value in changes.items() if name != REPAIR}
        repaired = wsl_ini.repair(text)[0] if changes.get(REPAIR) else text
        return wsl_ini.edit(repaired, settings, Dialect.WSL_CONF)


class WslConf(MemberKind):
    kind: ClassVar[str] = "wsl_conf"
    layers: ClassVar[frozenset[Layer]] = frozenset({Layer.DISTRO})
    path = WSL_CONF
    codec = WslConfCodec()

    @classmethod
    def schema(cls, layer: Layer) -> KindSchema:
        sections: dict[str, dict[str, Field]] = {}
        for name, key in _KEYS.items():
            words = f"{key.description} {key.note}".strip()
            section, _, short = name.partition(".")
            sections.setdefault(section, {})[short] = Field(schema=_schema_of(key), description=words, removable=True)
        fields = {name: Field(schema=Record(fields=keys, partial=True)) for name, keys in sections.items()}
        repair = Field(schema=Boolean(), description="Comment out the lines that end WSL's reading of the file.")
        return KindSchema(
            items=Record(fields=fields, expected="sections of wsl.conf"),
            depth=2,
            options={REPAIR: repair},
            description="Settings of /etc/wsl.conf, in force after wsl --terminate.",
            check=_check,
        )

    def wanted_facts(self) -> frozenset[Fact]:
        user = self.items.get(DEFAULT_USER)
        return super().wanted_facts() | ({AccountFact(user)} if isinstance(user, str) else set())

    def implied(self, sheet: FactSheet) -> Mapping[str, object]:
        return {REPAIR: True} if self.options.get(REPAIR) is True else {}

    def seen(self, text: str, sheet: FactSheet) -> Mapping[str, Seen]:
        parsed = wsl_ini.parse(text, Dialect.WSL_CONF)
        found = {name: Seen(fields={"value": normal(name, value)}) for name, value in parsed.effective.items()}
        if SYSTEMD in found and not sheet.host.at_rest:
            found[SYSTEMD] = Seen(fields=found[SYSTEMD].fields, running={"value": sheet.host.systemd})
        if self.options.get(REPAIR) is True:
            revived = tuple(f"revives {setting.name} = {setting.value}" for setting in wsl_ini.dead_settings(text))
            found = {**self._revived_against_wish(text), **found}
            found[REPAIR] = Seen(fields={"value": parsed.stopped_at is None}, notes=revived)
        return found

    def _revived_against_wish(self, text: str) -> Mapping[str, Seen]:
        """What would come back to life with the repair though it shall be absent: it has to go with it."""
        repaired = wsl_ini.parse(wsl_ini.repair(text)[0], Dialect.WSL_CONF).effective
        values = {name: value for name, value in repaired.items() if isinstance(self.items.get(name), Absent)}
        return {name: Seen(fields={"value": normal(name, value)}) for name, value in values.items()}

    def want(self, name: str, item: object) -> Want:
        if isinstance(item, Absent):
            return Want(shares=(self.path,), takes_effect=Effect.TERMINATE)
        value = normal(name, item)
        provides: set[Claim] = set()
        if name in _KEYS and (read := wsl_ini.interpret(_KEYS[name], self.member_value(name, value)).value) is not None:
            provides.add(Setting(name, wsl_ini.format_value(read)))
        if (name, value) == (SYSTEMD, True):
            provides.add(Running("systemd"))
        return Want(
            fields={"value": value},
            shares=(self.path,),
            provides=frozenset(provides),
            risks=_risks(name, value),
            takes_effect=Effect.TERMINATE,
        )

    def write(
        self, name: str, before: Seen | None, after: Fields | Absent, sheet: FactSheet
    ) -> Sequence[Part] | Blocked | NotApplicable:
        if not sheet.host.wsl:
            return NotApplicable("this is not WSL")
        return super().write(name, before, after, sheet)

    def member_value(self, name: str, value: object) -> str:
        return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)

    def member_needs(self, name: str, after: Fields) -> tuple[Need, ...]:
        return (Need(Account(str(after["value"]))),) if name == DEFAULT_USER else ()

    def remarks(self, sheet: FactSheet) -> Sequence[str]:
        return list(_remarks(self.text(sheet), repaired=self.options.get(REPAIR) is True)) if sheet.host.wsl else ()


def _risks(name: str, value: object) -> frozenset[Risk]:
    if name == DEFAULT_USER and value == "root":
        return frozenset({Risk.GRANTS_RIGHTS})
    if name == _COMMAND:
        return frozenset({Risk.RUNS_CODE_LATER, Risk.CUTS_ACCESS})
    return frozenset({Risk.CUTS_ACCESS}) if name.startswith(_BOOT) else frozenset()


def normal(name: str, value: object) -> bool | int | str:
    """A setting's value in the document's terms: umask as four octal digits, the drives' root with its slash."""
    if name == UMASK:
        return f"{int(value, 8) if isinstance(value, str) else value:04o}"
    if name == ROOT:
        return str(value).rstrip("/") + "/"
    assert isinstance(value, bool | int | str)
    return value


def _schema_of(key: Key) -> Schema:
    if key.name == UMASK:
        return Text(
            pattern=r"^0[0-7]{1,3}$", expected='octal digits with a leading 0, such as "022" (WSL reads 22 as decimal)'
        )
    match key.type:
        case ValueType.BOOLEAN:
            return Boolean(expected="true or false: WSL reads only true, false, 1 or 0, and else keeps its default")
        case ValueType.INTEGER:
            return Integer(minimum=-(2**31), maximum=2**31 - 1)
        case ValueType.CHOICE:
            return Text(choices=tuple(key.choices), expected=" or ".join(key.choices))
        case _:
            return Text(expected=key.type.value)


def _check(name: str, fields: Mapping[str, object]) -> tuple[Complaint, ...]:
    value = fields.get("value")
    if isinstance(value, SecretText):
        fix = "have the program that needs it read it from a file"
        return (Complaint(f"wsl_conf {name} would hold a secret, and everyone may read {WSL_CONF}", fix=fix),)
    if isinstance(value, str) and name != _COMMAND and _CONTROL.search(value):
        return (Complaint(f"wsl_conf {name} holds a line end or another control character", fix="take it out"),)
    if name not in _KEYS or value is ABSENT or not isinstance(value, bool | int | str):
        return ()
    why = wsl_ini.why_refused(name, value if isinstance(value, str) else wsl_ini.format_value(value), Dialect.WSL_CONF)
    return (Complaint(f"wsl_conf {why}"),) if why else ()


def _remarks(text: str, *, repaired: bool) -> Iterator[str]:
    """What WSL itself would complain of, and what is dead."""
    parsed = wsl_ini.parse(text, Dialect.WSL_CONF)
    for warning in parsed.warnings:
        yield f"{WSL_CONF}:{warning.row}: {warning.text}"
    dead = wsl_ini.dead_settings(text)
    if dead and not repaired:
        listed = ", ".join(setting.name for setting in dead)
        yield f"{WSL_CONF}:{parsed.stopped_at}: dead below this line: {listed}; `repair: true` under wsl_conf brings them back"


RESOURCE: Final[type[Resource]] = WslConf
