"""What fstab and the kernel say of a mount point, and what a mount on it would do to the rest of the machine."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from reconciler.formats import fstab, mountinfo, wsl_ini
from reconciler.formats.fstab import Entry
from reconciler.formats.mountinfo import Mount
from reconciler.model.claims import WSL_CONF, Need, Setting
from reconciler.model.facts import FactSheet, Listing, PathInfo, PathState
from reconciler.model.resource import Blocked
from reconciler.model.schema import Complaint, ListOf, Text
from reconciler.model.secrets import SecretText
from reconciler.model.tasks import RunCommand

FSTAB: Final = "/etc/fstab"
NOFAIL: Final = "nofail"
OPTIONS: Final = ListOf(
    of=Text(pattern=r'^([^\s,"]|"[^"]*")+$', expected="one option, without a comma"), expected="options of mount(8)"
)
_ON_DEMAND: Final = frozenset({"noauto", "x-systemd.automount"})
_IN_USE: Final = re.compile(
    r"/(s?bin|boot|dev|etc|home(/[^/]+)?|lib(64)?|mnt|proc|root|run|sys|tmp|usr(/(s?bin|lib|local(/(bin|go(/bin)?))?))?|var(/(lib|tmp))?)"
)
"""Where programs look even while there is nothing."""


class MountPoint(Protocol):
    """What the items of all kinds of mounts have. `hides` allows a mount point that is in use."""

    @property
    def options(self) -> tuple[str, ...]: ...

    @property
    def hides(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class FstabCodec:
    """Members are mount points, values are lines."""

    def members(self, text: str) -> Mapping[str, str]:
        return fstab.members(text)

    def edit(self, text: str, changes: Mapping[str, str | None]) -> str:
        return fstab.edit(text, changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A machine's fstab, the first line of each mount point, and its mounts: none at rest."""

    entries: Mapping[str, Entry]
    mounts: tuple[Mount, ...]
    sheet: FactSheet

    def top(self, target: str) -> Mount | None:
        return mountinfo.at(self.mounts, target)


def secrets(name: str, fields: Mapping[str, object]) -> Iterator[Complaint]:
    """Complaints about secrets: everybody may read fstab."""
    for key, value in fields.items():
        if any(isinstance(word, SecretText) for word in (value if isinstance(value, tuple | list) else (value,))):
            yield Complaint(f"{key} of {name} would hold a secret, and everyone may read {FSTAB}", field=key)


def state_of(path: str, sheet: FactSheet) -> PathState | None:
    """None where nobody asked: a machine is described by what stands in fstab, which is not known before."""
    state = sheet.answers.get(PathInfo(path))
    return state if isinstance(state, PathState) else None


def is_on_demand(item: MountPoint) -> bool:
    """Whether it may be mounted or not: something else does that."""
    return not _ON_DEMAND.isdisjoint(item.options)


def stops_the_boot(item: MountPoint) -> bool:
    """Whether a machine with systemd does not start without it."""
    return NOFAIL not in item.options and not is_on_demand(item)


def keeps_rights(item: MountPoint) -> bool:
    """Whether its options ask for what mounts by others never give: programs that run as their owners, and devices."""
    last = {option.removeprefix("no"): option for option in item.options}
    return last.get("suid") == "suid" or last.get("dev") == "dev"


def unmounting(target: str, times: int) -> RunCommand:
    """Never by force, nor later: what is in use stays."""
    return RunCommand(argv=("umount", *([target] * times)))


def hidden_by(target: str, sheet: FactSheet) -> Blocked | None:
    """What would not be seen any more once something is mounted there."""
    listing = sheet.answers.get(Listing(target))
    names = listing if isinstance(listing, tuple) else ()
    if not names and not _IN_USE.fullmatch(target):
        return None
    held = f"{target}, which holds {', '.join(names[:3])}{' and more' if len(names) > 3 else ''}" if names else target
    return Blocked(f"the mount would hide {held}", fix="mount it at a directory of its own, or say  hides: true")


def read_at_start(sheet: FactSheet) -> tuple[Need, ...]:
    """What it takes that WSL mounts what stands in fstab; systemd does so whatever wsl.conf says."""
    text = (sheet.file(WSL_CONF).data or b"").decode("utf-8", "surrogateescape")
    said = wsl_ini.parse(text, wsl_ini.Dialect.WSL_CONF).effective
    if said.get("automount.mountFsTab") is not False or said.get("boot.systemd") is True or sheet.host.systemd:
        return ()
    return (Need(Setting("automount.mountFsTab", "true")),)
