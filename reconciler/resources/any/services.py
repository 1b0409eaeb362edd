"""Units of systemd: the system's in the distro layer, the user's own in the user layer.

Manages whether a unit is enabled, runs, and is masked, as far as that is declared; of a unit that is only named, that it is
enabled and runs. Absent: neither. `.service` is implied. Leaves alone what the unit is: units and drop-ins are written by
`files`, or come with a package, also in the same apply, and systemd reads them anew where it has to. What cannot be enabled
is refused with the reason. Waits where systemd itself waits for a restart (`wsl_conf: boot.systemd`). A user's units run
while they are logged in, and beyond that after `loginctl enable-linger`. Takes effect at once.

    distro:
      services:                           # or only names: [docker, ssh]
        docker: {enabled: true, running: true}
        ssh.socket: {enabled: false, running: false}
        apt-daily.timer: {masked: true}
    user:
      services: [ssh-agent]

Source: systemctl(1), systemd.unit(5), loginctl(1).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Final

from reconciler.formats import systemctl
from reconciler.formats.systemctl import Unit
from reconciler.model.address import Layer
from reconciler.model.claims import Need, Running
from reconciler.model.facts import NEEDS_ROOT, CommandResult, CommandText, Fact, FactSheet, Listing, Unread
from reconciler.model.resource import Blocked, Fields, NotApplicable, Observed, Part, Resource, Seen, Unknown, Want
from reconciler.model.schema import Boolean, Complaint, KindSchema, MapOf, Text, described, record_of
from reconciler.model.states import Phase, Risk
from reconciler.model.tasks import RunCommand
from reconciler.model.values import Absent, Json
from reconciler.resources.base import Base

LINGER: Final = "/var/lib/systemd/linger"
_UNIT: Final = Text(
    pattern=r"^(?!.*@(\.|$))[A-Za-z0-9:_.\\-]+(@[A-Za-z0-9:_.\\-]+)?$",
    expected="a unit's name; of a template, an instance: x@y.service",
    fixed=True,
)
_LIST: Final = (
    "list-unit-files",
    "--type=service,socket,timer",
    "--state=enabled",
    "--plain",
    "--no-legend",
    "--no-pager",
)
_OF_THE_DISTRO: Final = re.compile(r"(systemd-|getty@|console-|dbus|wsl)")
"""Units that are enabled everywhere: nobody would think of declaring them."""
_JOB_SECONDS: Final = 120
"""Beyond the 90 s that systemd gives a unit to start or stop."""
_WAYS_IN: Final = re.compile(r"(sshd?|dbus|systemd-logind|systemd-networkd|NetworkManager|networking)\.")
_FIREWALLS: Final = re.compile(r"(nftables|iptables|ip6tables|netfilter-persistent|ufw|firewalld|shorewall6?)\.")
_REVERSE: Final[Mapping[str, str]] = {
    "enable": "disable",
    "disable": "enable",
    "start": "stop",
    "stop": "start",
    "mask": "unmask",
    "unmask": "mask",
    "daemon-reload": "daemon-reload",
}
_NEVER_ENABLED: Final[Mapping[str, str]] = {
    "static": "it has no [Install] section: it starts when another unit needs it",
    "indirect": "its [Install] section only names other units",
    "generated": "systemd makes it from another file, which says when it starts",
    "transient": "it was started by hand and goes when it stops",
    "bad": "systemd cannot read its file",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    enabled: Annotated[bool | None, Boolean()] = field(
        default=None, metadata=described("Started when the system comes up, or whatever starts it.")
    )
    running: Annotated[bool | None, Boolean()] = field(default=None, metadata=described("Started now, or stopped."))
    masked: Annotated[bool | None, Boolean()] = field(default=None, metadata=described("Not to be started by anybody."))

    def declared(self) -> dict[str, Json]:
        """A unit that is only named shall be enabled and run."""
        if (self.enabled, self.running, self.masked) == (None, None, None):
            return {"enabled": True, "running": True}
        every = {"enabled": self.enabled, "running": self.running, "masked": self.masked}
        return {key: value for key, value in every.items() if value is not None}


_OWN_SYSTEMCTL: Final = 'XDG_RUNTIME_DIR=/run/user/$(id -u) exec systemctl --user "$@"'
"""Of a user who need not have come by a login; one line, for it is part of a question."""


class Services(Base):
    kind: ClassVar[str] = "services"
    layers: ClassVar[frozenset[Layer]] = frozenset({Layer.DISTRO, Layer.USER})

    @classmethod
    def schema(cls, layer: Layer) -> KindSchema:
        expected = "units by name, or a list of names"
        return KindSchema(
            items=MapOf(of=record_of(Service), keys=_UNIT, names=True, expected=expected),
            description="Units of systemd: enabled, running, masked.",
            check=_check,
        )

    @property
    def _systemctl(self) -> tuple[str, ...]:
        own = ("sh", "-c", _OWN_SYSTEMCTL, "systemctl")
        return own if self.layer is Layer.USER else ("systemctl",)

    @property
    def _question(self) -> tuple[str, ...]:
        names = sorted({systemctl.unit_name(name) for name in self.items})
        return (*self._systemctl, "show", f"--property={','.join(systemctl.PROPERTIES)}", "--", *names)

    def wanted_facts(self) -> frozenset[Fact]:
        linger = {Listing(LINGER)} if self.layer is Layer.USER else set()
        argv = self._question if self.items else (*self._systemctl, *_LIST)
        return frozenset({CommandText(argv), *linger})

    def observe(self, sheet: FactSheet) -> Mapping[str, Observed]:
        absent = [name for name, item in self.items.items() if isinstance(item, Absent)]
        if sheet.host.at_rest:
            return dict.fromkeys(absent, Seen(fields={}))
        if not sheet.host.systemd:
            return dict.fromkeys(absent, Unknown("systemd does not run"))
        if CommandText(self._question) not in sheet.answers:
            return self._enabled(sheet)
        units = self._units(sheet)
        if isinstance(units, Unknown):
            return dict.fromkeys(self.items, units)
        there = {name: units[systemctl.unit_name(name)] for name in self.items}
        return {name: _seen(unit) for name, unit in there.items() if _is_there(unit, self.items[name])}

    def _enabled(self, sheet: FactSheet) -> Mapping[str, Observed]:
        """What somebody might have enabled."""
        answer = sheet.command(*self._systemctl, *_LIST)
        text = answer.text if isinstance(answer, CommandResult) and answer.code == 0 else ""
        names = [line.split()[0] for line in text.splitlines() if line.strip()]
        theirs = [name for name in names if "@." not in name and not _OF_THE_DISTRO.match(name)]
        return {name.removesuffix(".service"): Seen(fields={"enabled": True}) for name in theirs}

    def _units(self, sheet: FactSheet) -> Mapping[str, Unit] | Unknown:
        """By every name that was asked for."""
        answer = sheet.command(*self._question)
        match answer:
            case Unread(why=why):
                return Unknown(why)
            case CommandResult(code=0, text=text):
                return {name: unit for unit in systemctl.parsed(text) for name in unit.names}
            case _ if self.layer is Layer.USER:
                user = sheet.host.user
                return Unknown(
                    f"{user} is not logged in and has no systemd; `loginctl enable-linger {user}` starts one"
                )
            case _:
                return Unknown("systemctl tells nothing" if sheet.host.elevated else NEEDS_ROOT)

    def want(self, name: str, item: object) -> Want:
        unit = systemctl.unit_name(name)
        is_way_in, is_firewall = _WAYS_IN.match(unit) is not None, _FIREWALLS.match(unit) is not None
        if isinstance(item, Absent):
            return Want(risks=frozenset({Risk.CUTS_ACCESS} if is_way_in or is_firewall else ()))
        assert isinstance(item, Service)
        fields = item.declared()
        risks = {Risk.RUNS_CODE_LATER} if fields.get("enabled") or fields.get("running") else set()
        if is_firewall or (
            is_way_in and (fields.get("masked") or False in (fields.get("enabled"), fields.get("running")))
        ):
            risks.add(Risk.CUTS_ACCESS)
        return Want(fields=fields, risks=frozenset(risks))

    def write(
        self, name: str, before: Seen | None, after: Fields | Absent, sheet: FactSheet
    ) -> Sequence[Part] | Blocked | NotApplicable:
        if sheet.host.at_rest:
            return NotApplicable("nothing runs in a root file system at rest")
        units = self._units(sheet) if sheet.host.systemd else {}
        unit = None if isinstance(units, Unknown) else units.get(systemctl.unit_name(name))
        fields = {"enabled": False, "running": False} if isinstance(after, Absent) else after
        refusal = _refusal(unit, fields) if unit else None
        if refusal:
            return refusal
        verbs = tuple(_verbs(before.fields if before else {}, fields))
        starts = bool({"enable", "start", "unmask"}.intersection(verbs))
        parts = []
        if (starts or not verbs) and (unit is None or unit.is_stale or unit.load != "loaded"):
            parts.append(self._part("units of systemd", Phase.RELOADS, ("daemon-reload",)))
        own = unit.id if unit else systemctl.unit_name(name)
        if verbs:
            phase = Phase.SERVICES if starts else Phase.STOPS
            parts.append(self._part(own, phase, *((verb, own) for verb in verbs)))
        return parts

    def _part(self, thing: str, phase: Phase, *commands: tuple[str, ...]) -> Part:
        return Part(thing=thing, tasks=tuple(map(self._task, commands)), needs=(Need(Running("systemd")),), phase=phase)

    def _task(self, words: tuple[str, ...]) -> RunCommand:
        verb, *units = words
        back = (*self._systemctl, _REVERSE[verb], *units)
        return RunCommand(argv=(*self._systemctl, *words), timeout_seconds=_JOB_SECONDS, back=back)

    def remarks(self, sheet: FactSheet) -> Sequence[str]:
        if self.layer is Layer.DISTRO or not sheet.host.systemd or sheet.host.at_rest:
            return ()
        user, staying = sheet.host.user, sheet.listing(LINGER) or ()
        if isinstance(staying, Unread) or user in staying:
            return ()
        wanted = [
            name for name, item in self.items.items() if isinstance(item, Service) and True in item.declared().values()
        ]
        how = f"`sudo loginctl enable-linger {user}` lets units run without that"
        return (f"{', '.join(wanted)}: only while {user} is logged in; {how}",) if wanted else ()


def _is_there(unit: Unit, item: object) -> bool:
    """A unit that shall not be enabled nor run is as it should be where there is none."""
    if isinstance(item, Absent):
        return unit.is_enabled or unit.runs
    return unit.load != "not-found" or (isinstance(item, Service) and True not in item.declared().values())


def _seen(unit: Unit) -> Seen:
    runs = "as an older unit file says" if unit.runs and unit.is_stale else unit.runs
    fields: dict[str, Json] = {"enabled": unit.is_enabled, "running": runs, "masked": unit.is_masked}
    return Seen(fields=fields, notes=(unit.trouble,) if unit.trouble else ())


def _refusal(unit: Unit, wanted: Fields) -> Blocked | None:
    if unit.is_masked and wanted.get("masked") is not False and (wanted.get("enabled") or wanted.get("running")):
        return Blocked(f"{unit.id} is masked", fix="if it may run after all, write  masked: false")
    if unit.load != "loaded" or unit.is_stale:
        return None
    if wanted.get("enabled") and unit.file in _NEVER_ENABLED:
        why = f"{unit.id} cannot be enabled ({unit.file}): {_NEVER_ENABLED[unit.file]}"
        return Blocked(why, fix="write  running: true  alone, or enable what starts it")
    if wanted.get("running") and unit.ends:
        return Blocked(f"{unit.id} never runs: it does something and ends", fix="write  enabled: true  alone")
    return None


def _verbs(before: Fields, wanted: Fields) -> Iterator[str]:
    """What systemctl is to do, in order."""
    changed = {key: value for key, value in wanted.items() if before.get(key, False) != value}
    if changed.get("masked") is False:
        yield "unmask"
    if "enabled" in changed:
        yield "enable" if changed["enabled"] else "disable"
    if changed.get("running") and not before.get("running"):
        yield "start"
    if changed.get("running") is False:
        yield "stop"
    if changed.get("masked"):
        yield "mask"


def _check(name: str, fields: Mapping[str, object]) -> tuple[Complaint, ...]:
    if fields.get("masked") is True and True in (fields.get("enabled"), fields.get("running")):
        return (Complaint(f"{name} cannot be started while it is masked", field="masked"),)
    return ()


RESOURCE: Final[type[Resource]] = Services
