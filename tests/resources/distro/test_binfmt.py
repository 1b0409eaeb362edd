"""Registrations of binfmt_misc: file and kernel as one item. The real kernel is in tests/lab/test_distro_kinds.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from reconciler.model.address import Layer, Target
from reconciler.model.facts import CommandResult
from reconciler.model.plan import ItemPlan, Plan
from reconciler.model.states import Risk, State
from reconciler.model.values import ABSENT, UNMANAGED
from reconciler.planning.describe import describe
from reconciler.resources.distro.binfmt import KERNEL, BinaryFormat, Binfmt

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine

DISTRO = Target("lt", "main")
FILE = "/etc/binfmt.d/WSLInterop.conf"
LINE = ":WSLInterop:M::MZ::/init:PF\n"
LIVE = "enabled\ninterpreter /init\nflags: PF\noffset 0\nmagic 4d5a\n"
INTEROP = BinaryFormat(magic="MZ", interpreter="/init", flags="PF")


def plan(machine: Machine, item: object, name: str = "WSLInterop", *, elevated: bool = True) -> Plan:
    return machine.plan({DISTRO: [Binfmt(items={name: item}, options={}, layer=Layer.DISTRO)]}, elevated=elevated)


def only(found: Plan) -> ItemPlan:
    (item,) = found.items
    return item


def applied(machine: Machine, item: object) -> None:
    assert machine.apply(plan(machine, item)) == {}
    assert only(plan(machine, item)).state is State.IN_SYNC


def kernel(machine: Machine, text: str = LIVE, name: str = "WSLInterop") -> None:
    machine.file(f"{KERNEL}/{name}", text)


def test_it_is_written_and_registered_at_once(machine: Machine) -> None:
    applied(machine, INTEROP)
    assert machine.text(FILE) == LINE
    assert machine.text(f"{KERNEL}/WSLInterop") == LIVE.replace("offset 0", "offset 0")
    assert machine.ran == [("tee", f"{KERNEL}/register")]


def test_what_is_registered_already_only_gets_its_file(machine: Machine) -> None:
    kernel(machine)
    assert only(plan(machine, INTEROP)).state is State.ADD
    applied(machine, INTEROP)
    assert machine.ran == []


def test_a_registration_that_is_gone_comes_back(machine: Machine) -> None:
    machine.file(FILE, LINE)
    found = only(plan(machine, INTEROP))
    assert (found.state, [(diff.name, diff.before) for diff in found.diffs]) == (State.CHANGE, [("live", None)])
    applied(machine, INTEROP)
    assert machine.ran == [("tee", f"{KERNEL}/register")]


@pytest.mark.parametrize(
    "text",
    [LIVE.replace("PF", "P"), LIVE.replace("/init", "/other"), LIVE.replace("enabled", "disabled"),
     LIVE + "mask ff00\n", "enabled\ninterpreter /init\nflags: PF\nextension .MZ\n"],
)  # fmt: skip
def test_what_is_registered_otherwise_is_replaced(machine: Machine, text: str) -> None:
    machine.file(FILE, LINE)
    kernel(machine, text)
    applied(machine, INTEROP)
    assert machine.text(f"{KERNEL}/WSLInterop") == LIVE
    assert machine.ran == [("tee", f"{KERNEL}/WSLInterop"), ("tee", f"{KERNEL}/register")]


def test_the_list_as_a_whole_is_never_touched(machine: Machine) -> None:
    """WSL from 2.8.9 on mounts `status` read-only."""
    kernel(machine, LIVE.replace("PF", "P"))
    applied(machine, INTEROP)
    applied(machine, ABSENT)
    assert not any("status" in word for words in machine.ran for word in words)
    assert machine.text(f"{KERNEL}/status") == "enabled\n"


@pytest.mark.parametrize("text", ["", "# nothing\n", LINE.replace("/init", "/other"), LINE + ":more:E::x::/x:\n"])
def test_a_file_that_says_otherwise_is_rewritten(machine: Machine, text: str) -> None:
    machine.file(FILE, text)
    kernel(machine)
    applied(machine, INTEROP)
    assert machine.text(FILE) == LINE


def test_another_spelling_of_the_same_is_in_sync(machine: Machine) -> None:
    machine.file(FILE, "# Windows programs\n,WSLInterop,M,0,\\x4d\\x5A,,/init,FP\n")
    kernel(machine)
    assert only(plan(machine, INTEROP)).state is State.IN_SYNC


@pytest.mark.parametrize(("on_disk", "in_kernel"), [(True, True), (True, False), (False, True)])
def test_absent_takes_out_file_and_registration(machine: Machine, on_disk: bool, in_kernel: bool) -> None:
    if on_disk:
        machine.file(FILE, LINE)
    if in_kernel:
        kernel(machine)
    assert only(plan(machine, ABSENT)).state is State.REMOVE
    applied(machine, ABSENT)
    assert FILE not in machine.nodes and f"{KERNEL}/WSLInterop" not in machine.nodes
    assert only(plan(machine, ABSENT)).state is State.IN_SYNC


def test_unmanaged_is_left_alone(machine: Machine) -> None:
    kernel(machine)
    found = plan(machine, UNMANAGED)
    assert (found.items, found.targets[0].notes) == ((), ())


def test_without_the_file_system_only_the_file_counts(machine: Machine) -> None:
    for name in [path for path in machine.nodes if path.startswith(f"{KERNEL}/")]:
        del machine.nodes[name]
    assert "not mounted" in plan(machine, INTEROP).targets[0].notes[0]
    applied(machine, INTEROP)
    assert (machine.ran, machine.text(FILE)) == ([], LINE)


def test_at_rest_only_the_file_counts(machine: Machine) -> None:
    machine.life = replace(machine.life, at_rest=True)
    applied(machine, INTEROP)
    assert (machine.ran, machine.text(FILE)) == ([], LINE)
    assert plan(machine, INTEROP).targets[0].notes == ()


def test_without_systemd_somebody_must_read_the_file(machine: Machine) -> None:
    (note,) = plan(machine, INTEROP).targets[0].notes
    assert "systemd: true" in note and "command: " in note
    machine.life = replace(machine.life, systemd=True)
    assert plan(machine, INTEROP).targets[0].notes == ()


def test_a_link_is_not_written_through(machine: Machine) -> None:
    machine.file("/etc/real", LINE.replace("PF", ""))
    machine.link(FILE, "/etc/real")
    assert only(plan(machine, INTEROP)).state is State.BLOCKED


def test_what_only_root_may_read_is_unknown(machine: Machine) -> None:
    machine.file(FILE, LINE, mode=0o600)
    machine.secretive.add(FILE)
    found = only(plan(machine, INTEROP, elevated=False))
    assert (found.state, found.why, found.elevation) == (State.UNKNOWN, "needs root", True)


def test_it_runs_code_later_and_with_its_files_rights_grants_them() -> None:
    kind = Binfmt(items={}, options={}, layer=Layer.DISTRO)
    assert kind.want("x", INTEROP).risks == {Risk.RUNS_CODE_LATER}
    assert kind.want("x", replace(INTEROP, flags="OC")).risks == {Risk.RUNS_CODE_LATER, Risk.GRANTS_RIGHTS}
    assert kind.want("x", ABSENT).risks == {Risk.DELETES}


def test_init_describes_every_file_whose_registration_is_in_force(machine: Machine) -> None:
    """grep tells of all files at once, whatever their names."""
    files = (
        f"{FILE}:# c\n{FILE}:{LINE}/etc/binfmt.d/off.conf::off:E::jar::/usr/bin/jexec:\n/etc/binfmt.d/README:hello\n"
    )
    machine.commands["grep", "-r", "-H", "-s", "", "/etc/binfmt.d"] = CommandResult(0, files)
    live = "".join(f"{KERNEL}/WSLInterop:{line}\n" for line in LIVE.splitlines())
    machine.commands["grep", "-r", "-H", "-s", "", KERNEL] = CommandResult(2, f"{live}{KERNEL}/status:enabled\n")
    sheet = machine.sheet(Binfmt(items={}, options={}, layer=Layer.DISTRO).wanted_facts())
    (described,) = describe(DISTRO, {"binfmt": (Binfmt, Binfmt.schema(Layer.DISTRO))}, sheet)
    whole = {"magic": "MZ", "offset": 0, "interpreter": "/init", "flags": "PF"}
    assert {item.path[0]: item.value for item in described.items} == {"WSLInterop": whole, "off": None}


# ---- documents


def complaints(**fields: object) -> list[str]:
    check = Binfmt.schema(Layer.DISTRO).check
    assert check is not None
    return [complaint.what for complaint in check("x", {"interpreter": "/i", **fields})]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "neither magic nor extension"),
        ({"magic": "MZ", "extension": "x"}, "both magic and extension"),
        ({"extension": "x", "mask": r"\xff"}, "no magic that its mask"),
        ({"extension": "x", "offset": 1}, "no magic that its mask or offset"),
        ({"magic": "MZ", "mask": r"\xff"}, "as many bytes"),
        ({"magic": "MZ", "offset": 127}, "first 128 bytes"),
        ({"magic": "MZ", "interpreter": "/" + "x" * 127}, "more than 127 characters"),
    ],
)
def test_what_the_kernel_would_not_take_is_refused(fields: Mapping[str, object], words: str) -> None:
    (found,) = complaints(**fields)
    assert words in found


def test_what_the_kernel_takes_is_not_refused() -> None:
    assert complaints(magic=r"\x7fELF", mask=r"\xff\xff\xff\xff\xff", offset=123) != []
    assert complaints(magic=r"\x7fELF", mask=r"\xff\xff\xff\xff", offset=124) == []
    assert complaints(extension="jar") == []


def test_windows_programs_are_none_of_a_machine_that_is_not_wsl(machine: Machine) -> None:
    machine.life = replace(machine.life, wsl=False)
    (item,) = plan(machine, INTEROP).items
    assert (item.state, item.why) == (State.NOT_APPLICABLE, "this is not WSL")
