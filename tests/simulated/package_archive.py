"""What apt finds in its sources, in the simulation, and what dpkg knows. No program, but what apt-get and dpkg-query share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, cast

from reconciler.model.facts import PathType

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A package in the archive, the newest version last."""

    versions: Sequence[str] = ("1.0-1",)
    programs: Sequence[str] = ()
    units: Sequence[str] = ()
    folders: Sequence[str] = ()
    provides: Sequence[str] = ()
    depends: Sequence[str] = ()
    conflicts: Sequence[str] = ()
    essential: bool = False
    priority: str = "optional"


@dataclass(kw_only=True)
class Package:
    version: str
    held: bool = False
    automatic: bool = False


ARCHIVE = {
    "dpkg": Offer(essential=True, priority="required"),
    "libc6": Offer(priority="required"),
    "git": Offer(programs=["git"], depends=["libc6", "git-man"]),
    "git-man": Offer(),
    "curl": Offer(programs=["curl"]),
    "golang-go": Offer(programs=["go"]),
    "nodejs": Offer(versions=["16.0-1", "18.19.0-1", "18.20.4-1", "20.1-1"], programs=["node"]),
    "vim-tiny": Offer(programs=["vi"]),
    "vim": Offer(programs=["vim"], conflicts=["vim-tiny"]),
    "libncurses-dev": Offer(provides=["libncurses5-dev"]),
    "zsh": Offer(programs=["zsh"]),
    "sudo": Offer(programs=["sudo", "visudo"], folders=["/etc/sudoers.d"]),
    "cron": Offer(units=["cron.service"]),
}


def installed(machine: Machine) -> dict[str, Package]:
    """What dpkg knows, by name."""
    first: dict[str, object] = {"dpkg": Package(version="1.0-1"), "libc6": Package(version="1.0-1", automatic=True)}
    return cast(dict[str, Package], machine.memory.setdefault("dpkg", first))


def put(machine: Machine, name: str, version: str | None = None, *, automatic: bool = False) -> None:
    """Installed, with what it brings and what it needs; `version` may be a glob."""
    assert name in ARCHIVE, f"E: Unable to locate package {name}"
    offer = ARCHIVE[name]
    fitting = [each for each in offer.versions if fnmatchcase(each, version or "*")]
    assert fitting, f"E: Version '{version}' for '{name}' was not found"
    assert not set(offer.conflicts) & installed(machine).keys(), (
        "E: Packages need to be removed but remove is disabled."
    )
    for other in offer.depends:
        if other not in installed(machine):
            put(machine, other, automatic=True)
    installed(machine)[name] = Package(version=fitting[-1], automatic=automatic)
    for program in offer.programs:
        machine.programs[program] = f"/usr/bin/{program}"
        for folder in ("/usr/bin", "/bin"):
            machine.file(f"{folder}/{program}", mode=0o755)
    for folder in offer.folders:
        machine.directory(folder)
    for unit in offer.units:
        machine.file(
            f"/usr/lib/systemd/system/{unit}", "[Service]\nExecStart=/x\n[Install]\nWantedBy=multi-user.target\n"
        )


def take(machine: Machine, name: str) -> None:
    offer = ARCHIVE[name]
    others = [other for other in installed(machine) if name in ARCHIVE[other].depends]
    assert not offer.essential, "E: Essential packages were removed and -y was used without --allow-remove-essential."
    assert not others, f"{name} cannot go alone, others need it or would take its place: {' '.join(others)}"
    del installed(machine)[name]
    for program in offer.programs:
        del machine.programs[program], machine.nodes[f"/usr/bin/{program}"], machine.nodes[f"/bin/{program}"]
    for unit in offer.units:
        assert machine.nodes.pop(f"/usr/lib/systemd/system/{unit}").type is PathType.FILE
