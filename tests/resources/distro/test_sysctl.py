"""Kernel parameters: file and kernel as one item. A real kernel is in tests/lab/test_distro_kinds.py."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from reconciler.model.address import Layer, Target
from reconciler.model.plan import ItemPlan, Plan
from reconciler.model.secrets import SecretHole, SecretText
from reconciler.model.states import Effect, Risk, State
from reconciler.model.values import ABSENT, UNMANAGED
from reconciler.planning.describe import describe
from reconciler.resources.distro.sysctl import Sysctl

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine

DISTRO = Target("lt", "main")
PATH, OLD = "/etc/sysctl.d/99-reconcile.conf", "/etc/sysctl.conf"
WATCHES, LIVE = "fs.inotify.max_user_watches", "/proc/sys/fs/inotify/max_user_watches"
PORTS = "net.ipv4.ip_local_port_range"


def kind(items: dict[str, object]) -> Sysctl:
    return Sysctl(items=items, options={}, layer=Layer.DISTRO)


def plan(machine: Machine, items: dict[str, object], *, elevated: bool = True) -> Plan:
    return machine.plan({DISTRO: [kind(items)]}, elevated=elevated)


def only(found: Plan) -> ItemPlan:
    (item,) = found.items
    return item


def applied(machine: Machine, items: dict[str, object]) -> None:
    assert machine.apply(plan(machine, items)) == {}
    assert {each.state for each in plan(machine, items).items} == {State.IN_SYNC}


def live(machine: Machine, path: str = LIVE) -> str:
    return machine.text(path)


# ---- what is written


def test_file_and_kernel_are_set_by_one_program(machine: Machine) -> None:
    applied(machine, {WATCHES: "524288", PORTS: "1024 65535"})
    assert (live(machine), live(machine, "/proc/sys/net/ipv4/ip_local_port_range")) == ("524288\n", "1024\t65535\n")
    assert machine.ran == [("sysctl", "-w", f"{WATCHES}=524288", f"{PORTS}=1024 65535")]
    assert f"{WATCHES} = 524288\n" in machine.text(PATH)


def test_files_come_before_programs(machine: Machine) -> None:
    assert [change.thing for change in plan(machine, {WATCHES: "1"}).changes] == ["/etc/sysctl.d", PATH, "sysctl"]


def test_what_the_kernel_has_already_only_gets_its_line(machine: Machine) -> None:
    applied(machine, {WATCHES: "65536"})
    assert machine.ran == []


def test_a_value_that_drifted_in_the_kernel_comes_back(machine: Machine) -> None:
    applied(machine, {WATCHES: "524288"})
    machine.file(LIVE, "8192\n")
    item = only(plan(machine, {WATCHES: "524288"}))
    assert [(diff.name, diff.before, diff.after) for diff in item.diffs] == [("live", "8192", "524288")]
    text = machine.text(PATH)
    applied(machine, {WATCHES: "524288"})
    assert (live(machine), machine.text(PATH)) == ("524288\n", text)


def test_a_line_that_differs_is_changed_alone(machine: Machine) -> None:
    machine.file(PATH, f"{WATCHES} = 1\n")
    applied(machine, {WATCHES: "65536"})
    assert machine.ran == []


def test_blanks_between_words_make_no_difference(machine: Machine) -> None:
    machine.file(PATH, f"{PORTS}\t=  32768 \t 60999\n")
    assert only(plan(machine, {PORTS: "32768  60999"})).state is State.IN_SYNC


def test_a_dot_in_a_name_is_written_as_a_slash(machine: Machine) -> None:
    machine.file("/proc/sys/net/ipv4/conf/eth0.100/forwarding", "0\n")
    applied(machine, {"net.ipv4.conf.eth0/100.forwarding": "1"})
    assert live(machine, "/proc/sys/net/ipv4/conf/eth0.100/forwarding") == "1\n"


def test_absent_takes_the_line_out_and_says_what_stays(machine: Machine) -> None:
    applied(machine, {WATCHES: "524288"})
    item = only(plan(machine, {WATCHES: ABSENT}))
    assert (item.state, item.effect) == (State.REMOVE, Effect.REBOOT)
    assert item.notes == (f"the kernel keeps {WATCHES} = 524288 until wsl --shutdown",)
    applied(machine, {WATCHES: ABSENT})
    assert PATH not in machine.nodes and live(machine) == "524288\n"
    machine.life = replace(machine.life, wsl=False)
    machine.file(PATH, f"{WATCHES}=1\n")
    assert "until a reboot" in only(plan(machine, {WATCHES: ABSENT})).notes[0]


def test_unmanaged_is_left_alone(machine: Machine) -> None:
    assert plan(machine, {WATCHES: UNMANAGED}).items == ()


def test_at_rest_only_the_file_counts(machine: Machine) -> None:
    machine.life = replace(machine.life, at_rest=True)
    applied(machine, {WATCHES: "524288", "net.bridge.bridge-nf-call-iptables": "1"})
    assert (machine.ran, live(machine)) == ([], "65536\n")
    assert only(plan(machine, {WATCHES: ABSENT})).notes == ()


# ---- what cannot be


def test_a_parameter_that_the_kernel_lacks_is_blocked_but_can_be_taken_out(machine: Machine) -> None:
    name = "net.bridge.bridge-nf-call-iptables"
    item = only(plan(machine, {name: "1"}))
    assert (item.state, item.why) == (State.BLOCKED, f"this kernel has no {name}")
    machine.file(PATH, f"{name} = 1\n")
    assert only(plan(machine, {name: "1"})).state is State.BLOCKED
    applied(machine, {name: ABSENT})


def test_an_order_to_the_kernel_is_no_value(machine: Machine) -> None:
    machine.file("/proc/sys/vm/drop_caches", "0\n", mode=0o200)
    item = only(plan(machine, {"vm.drop_caches": "3"}))
    assert item.state is State.BLOCKED and "an order to the kernel" in (item.why or "")
    machine.file(PATH, "vm.drop_caches = 3\n")
    applied(machine, {"vm.drop_caches": ABSENT})


def test_a_value_that_only_root_may_read_is_unknown(machine: Machine) -> None:
    machine.file("/proc/sys/kernel/secret", "0\n", mode=0o600)
    machine.secretive.add("/proc/sys/kernel/secret")
    item = only(plan(machine, {"kernel.secret": "1"}, elevated=False))
    assert (item.state, item.why, item.elevation) == (State.UNKNOWN, "needs root", True)


def test_a_kernel_that_refuses_is_told_of(machine: Machine) -> None:
    """As in a container."""
    machine.file(LIVE, "65536\n", mode=0o444)
    failed = machine.apply(plan(machine, {WATCHES: "1"}))
    assert list(failed.values()) == [f'sysctl: permission denied on key "{WATCHES}"']
    assert [diff.name for diff in only(plan(machine, {WATCHES: "1"})).diffs] == ["live"]


def test_without_the_program_it_is_blocked(machine: Machine) -> None:
    machine.programs.clear()
    assert "the program sysctl" in (only(plan(machine, {WATCHES: "1"})).why or "")


# ---- who else has a say


def notes(machine: Machine, items: dict[str, object]) -> tuple[str, ...]:
    return plan(machine, items).targets[0].notes


def test_a_file_that_is_read_later_is_named(machine: Machine) -> None:
    machine.life = replace(machine.life, systemd=True)
    for name in ("10-early.conf", "zz-late.conf", "zz-late.conf.bak", "README.sysctl"):
        machine.file(f"/etc/sysctl.d/{name}", "")
    (note,) = notes(machine, {WATCHES: "1"})
    assert "zz-late.conf is read after" in note
    assert notes(machine, {}) == notes(machine, {WATCHES: ABSENT}) == ()


def test_the_old_file_is_named_where_it_wins_and_is_read(machine: Machine) -> None:
    machine.life = replace(machine.life, systemd=True)
    machine.file(OLD, f"# {WATCHES}=3\n{WATCHES}=2\nnet.core.somaxconn = 128\n")
    items = {WATCHES: "1", "net.core.somaxconn": "128"}
    machine.directory("/etc/sysctl.d")
    assert notes(machine, items) == ()
    machine.link("/etc/sysctl.d/99-sysctl.conf", "../sysctl.conf")
    (note,) = notes(machine, items)
    assert f"sets {WATCHES} = 2" in note
    machine.life = replace(machine.life, systemd=False, wsl=False)
    assert notes(machine, items) == (note,)


def test_inside_wsl_without_systemd_nothing_reads_the_file(machine: Machine) -> None:
    (note,) = notes(machine, {WATCHES: "1"})
    assert "systemd: true" in note and "sysctl --system" in note
    machine.life = replace(machine.life, systemd=True)
    assert notes(machine, {WATCHES: "1"}) == ()


def test_parameters_that_name_a_program_run_code_later() -> None:
    kernel = kind({})
    assert kernel.want("kernel.core_pattern", "|/usr/bin/x %p").risks == {Risk.RUNS_CODE_LATER}
    assert kernel.want("kernel.core_pattern", "core").risks == frozenset()
    assert kernel.want("kernel.modprobe", "/x").risks == {Risk.RUNS_CODE_LATER}


def test_taking_away_what_keeps_users_apart_grants_rights() -> None:
    kernel = kind({})
    for name, value in (("fs.protected_symlinks", "0"), ("kernel.yama.ptrace_scope", "0"), ("fs.suid_dumpable", "1")):
        assert kernel.want(name, value).risks == {Risk.GRANTS_RIGHTS}
    for name, value in (("fs.protected_symlinks", "1"), ("fs.suid_dumpable", "0"), ("vm.swappiness", "0")):
        assert kernel.want(name, value).risks == frozenset()


# ---- init and documents


def test_init_describes_our_own_lines_that_are_in_force(machine: Machine) -> None:
    machine.file(PATH, f"{WATCHES} = 65536\n{PORTS} = 1 2\n")
    sheet = machine.sheet(kind({}).wanted_facts())
    (found,) = describe(DISTRO, {"sysctl": (Sysctl, Sysctl.schema(Layer.DISTRO))}, sheet)
    told = {item.path[0]: (item.value, item.reason) for item in found.items}
    assert told[WATCHES] == ("65536", None)
    assert "would not be in sync" in (told[PORTS][1] or "")


def complaints(name: str, value: object) -> list[str]:
    check = Sysctl.schema(Layer.DISTRO).check
    assert check is not None
    return [f"{found.what} {found.fix}" for found in check(name, {"value": value})]


def test_values_that_would_never_be_in_sync_are_refused() -> None:
    assert "write  16" in complaints("x.y", "0x10")[0]
    assert "write  8" in complaints("x.y", "1 010")[0]
    assert "line end" in complaints("x.y", "1\n2")[0]
    assert "binfmt" in complaints("fs.binfmt_misc.status", "1")[0]
    assert "secret" in complaints("x.y", SecretText((SecretHole("x"),)))[0]
    assert complaints("kernel.core_pattern", "|/bin/x 0 %p") == complaints("x.y", "0") == []


@pytest.mark.parametrize("name", ["vm", "vm..x", "vm./", "vm.a b", "net/core/x", "../x", "net.//.x", "net./.x", ".vm"])
def test_names_that_lead_elsewhere_are_refused(name: str) -> None:
    keys = Sysctl.schema(Layer.DISTRO).items.keys  # type: ignore[union-attr]
    assert not keys.reads(name)
