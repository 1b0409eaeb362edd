"""Kernel parameters: what the kernel has now, and what it gets at the next start.

Manages single parameters: their lines in a file of its own, /etc/sysctl.d/99-reconcile.conf, and their values below
/proc/sys, which inside WSL all distros share. In sync is what both say. Leaves every other file alone, and tells when one of
them wins. Takes effect at once; a parameter that is taken out keeps its value until the kernel starts anew.

    distro:
      sysctl:
        fs.inotify.max_user_watches: 524288
        net.ipv4.ip_local_port_range: 10000 60999
        net.ipv4.conf.eth0/100.forwarding: 1          # `/` for the dot in eth0.100

Source: sysctl.d(5), sysctl(8), Documentation/admin-guide/sysctl of Linux.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from reconciler.formats import sysctl_conf
from reconciler.model.address import Layer
from reconciler.model.claims import Need, Program
from reconciler.model.facts import CommandResult, CommandText, Fact, FactSheet, FileText, Listing
from reconciler.model.resource import Blocked, FileEdit, Observed, Part, Resource, Seen, Unknown, Want
from reconciler.model.schema import Complaint, KindSchema, MapOf, Text
from reconciler.model.secrets import SecretText
from reconciler.model.states import Effect, Phase, Risk
from reconciler.model.tasks import RunCommand
from reconciler.model.values import ABSENT, UNMANAGED, Absent
from reconciler.resources.base import distrusted, parent_facts, parent_needs
from reconciler.resources.kernel import LIVE, KernelKind

FOLDER: Final = "/etc/sysctl.d"
PATH: Final = f"{FOLDER}/99-reconcile.conf"
_OLD_FILE: Final = "/etc/sysctl.conf"
_OLD_LINK: Final = "99-sysctl.conf"
"""Distributions link the old file under this name, where systemd reads it."""
_ALL: Final = CommandText(("sysctl", "-a"))
_PROGRAMS: Final = frozenset({"kernel.hotplug", "kernel.modprobe", "kernel.poweroff_cmd"})
"""Parameters that name a program, which the kernel starts as root."""
_WALLS: Final = frozenset(
    {
        *("fs.protected_fifos", "fs.protected_hardlinks", "fs.protected_regular", "fs.protected_symlinks"),
        *("kernel.randomize_va_space", "kernel.unprivileged_bpf_disabled", "kernel.yama.ptrace_scope"),
        "vm.mmap_min_addr",
    }
)
"""Parameters that keep users from each other and from root; 0 takes them away."""


@dataclass(frozen=True, slots=True)
class SysctlCodec:
    def members(self, text: str) -> Mapping[str, str]:
        return sysctl_conf.members(text)

    def edit(self, text: str, changes: Mapping[str, str | None]) -> str:
        return sysctl_conf.edit(text, changes)


class Sysctl(KernelKind):
    kind: ClassVar[str] = "sysctl"
    layers: ClassVar[frozenset[Layer]] = frozenset({Layer.DISTRO})

    @classmethod
    def schema(cls, layer: Layer) -> KindSchema:
        name = Text(
            pattern=r"^[a-z0-9_-]+(\.[A-Za-z0-9_-][A-Za-z0-9_/:@-]*)+$",
            expected="a kernel parameter such as vm.max_map_count, with `/` for a dot that is part of a name",
            fixed=True,
        )
        value = Text(pattern=r"\S", expected="the parameter's value on one line")
        return KindSchema(
            items=MapOf(of=value, keys=name, expected="kernel parameters with their values"),
            description="Kernel parameters, now and at the next start.",
            check=_check,
        )

    def wanted_facts(self) -> frozenset[Fact]:
        live: set[Fact] = {FileText(_live_path(name)) for name in self.items} or {_ALL}
        files = {FileText(PATH), FileText(_OLD_FILE), Listing(FOLDER), *parent_facts(PATH)}
        return frozenset({*live, *files, *Program("sysctl").facts()})

    def names(self, sheet: FactSheet) -> Iterable[str]:
        return self.items or _members(PATH, sheet)

    def kept(self, name: str, sheet: FactSheet) -> str | Unknown | Blocked | None:
        file = sheet.file(PATH)
        refusal = distrusted(file.state)
        if refusal:
            return Blocked(refusal)
        return Unknown(file.unreadable) if file.unreadable else _members(PATH, sheet).get(name)

    def live(self, name: str, sheet: FactSheet) -> str | Unknown | Blocked | None:
        if FileText(_live_path(name)) not in sheet.answers:
            return _all(sheet).get(name)
        file = sheet.file(_live_path(name))
        if not (file.state.mode or 0o444) & 0o444 and self.declared(name) is not None:
            return Blocked(f"{name} is an order to the kernel, not a value: it cannot be read")
        if file.unreadable and self.declared(name) is not None:
            return Unknown(file.unreadable)
        return None if file.data is None else _normal(file.data.decode("utf-8", "surrogateescape"))

    def declared(self, name: str) -> str | None:
        item = self.items.get(name, ABSENT)
        return None if isinstance(item, Absent) else _normal(str(item))

    def observe(self, sheet: FactSheet) -> Mapping[str, Observed]:
        found = super().observe(sheet)
        return {name: self._with_note(name, seen, sheet) for name, seen in found.items()}

    def _with_note(self, name: str, seen: Observed, sheet: FactSheet) -> Observed:
        gone = self.items.get(name) is ABSENT and self.has_kernel(sheet)
        if not gone or not isinstance(seen, Seen) or seen.fields[LIVE] is None:
            return seen
        until = "wsl --shutdown" if sheet.host.wsl else "a reboot"
        note = f"the kernel keeps {name} = {seen.fields[LIVE]} until {until}"
        return Seen(fields=seen.fields, notes=(note,))

    def want(self, name: str, item: object) -> Want:
        if isinstance(item, Absent):
            return Want(shares=(PATH,), takes_effect=Effect.REBOOT)
        value = _normal(str(item))
        return Want(fields={"value": value, LIVE: value}, shares=(PATH,), risks=frozenset(_risks(name, value)))

    def edit(self, name: str, normal: str | None) -> FileEdit:
        return FileEdit(path=PATH, codec=SysctlCodec(), member=name, value=normal, ours=True)

    def edit_needs(self, sheet: FactSheet) -> tuple[Need, ...]:
        return parent_needs(PATH, sheet)

    def load(self, name: str, normal: str | None, sheet: FactSheet) -> Sequence[Part] | Blocked:
        if normal is None:
            return ()
        if self.live(name, sheet) is None:
            return Blocked(f"this kernel has no {name}", fix="load the module that brings it, or take it out")
        task = RunCommand(argv=("sysctl", "-w"), more=(f"{name}={normal}",))
        return (Part(thing="sysctl", tasks=(task,), needs=(Need(Program("sysctl")),), phase=Phase.RELOADS),)

    def remarks(self, sheet: FactSheet) -> Sequence[str]:
        declared = {name for name, item in self.items.items() if item not in (ABSENT, UNMANAGED)}
        return [*self._overruled(sheet), *self.start_remarks(FOLDER, "sysctl --system", sheet)] if declared else []

    def _overruled(self, sheet: FactSheet) -> Iterator[str]:
        """What is read after our file: of two lines for a parameter the later wins."""
        listed = sheet.listing(FOLDER)
        names = listed if isinstance(listed, tuple) else ()
        if _OLD_LINK in names or not sheet.host.systemd:
            for name, value in _members(_OLD_FILE, sheet).items():
                if name in self.items and self.items[name] not in (ABSENT, UNMANAGED) and value != self.declared(name):
                    yield f"{_OLD_FILE} is read after {PATH} and sets {name} = {value}: at the next start that wins"
        for later in names:
            if later > PATH.rpartition("/")[2] and later.endswith(".conf") and later != _OLD_LINK:
                yield f"{FOLDER}/{later} is read after {PATH}: at the next start what it sets wins"


def _risks(name: str, value: str) -> Iterator[Risk]:
    if name in _PROGRAMS or (name == "kernel.core_pattern" and value.startswith("|")):
        yield Risk.RUNS_CODE_LATER
    if (name in _WALLS and value == "0") or (name == "fs.suid_dumpable" and value != "0"):
        yield Risk.GRANTS_RIGHTS


def _live_path(name: str) -> str:
    return "/proc/sys/" + name.translate({ord("."): "/", ord("/"): "."})


def _normal(value: str) -> str:
    """As the kernel and files may differ in it: blanks, tabs and line ends between words."""
    return " ".join(value.split())


def _members(path: str, sheet: FactSheet) -> Mapping[str, str]:
    text = (sheet.file(path).data or b"").decode("utf-8", "surrogateescape")
    return {name: _normal(value) for name, value in sysctl_conf.members(text).items()}


def _all(sheet: FactSheet) -> Mapping[str, str]:
    """What the kernel has of everything, where that was asked for."""
    answer = sheet.answers.get(_ALL)
    lines = answer.text.split("\n") if isinstance(answer, CommandResult) else ()
    return {name.strip(): _normal(value) for name, equals, value in (line.partition("=") for line in lines) if equals}


def _check(name: str, fields: Mapping[str, object]) -> tuple[Complaint, ...]:
    value = fields.get("value")
    if isinstance(value, SecretText):
        return (Complaint(f"sysctl {name} would hold a secret, and everyone may read {PATH}"),)
    if name.startswith("fs.binfmt_misc."):
        return (Complaint(f"{name} is a registration, which is of another kind", fix="declare it under  binfmt"),)
    if not isinstance(value, str):
        return ()
    why = sysctl_conf.refused_reason(name, value.strip())
    if why is not None:
        return (Complaint(f"sysctl: {why}"),)
    for word in value.split():
        if re.fullmatch(r"0[xX][0-9a-fA-F]+|0[0-7]+", word):
            number = int(word, 16 if word[1] in "xX" else 8)
            return (
                Complaint(
                    f"sysctl {name} has {word}, which the kernel takes for {number} and shows so",
                    fix=f"write  {number}",
                ),
            )
    return ()


RESOURCE: Final[type[Resource]] = Sysctl
