"""Addresses by host name: what is written, when WSL lets it stand, and what glibc makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from private_machine import PrivateMachine, private_machine
from reconciler.model.address import Layer, Target
from reconciler.model.plan import ItemPlan, Plan
from reconciler.model.secrets import SecretHole, SecretText
from reconciler.model.states import Risk, State
from reconciler.model.values import ABSENT, UNMANAGED
from reconciler.planning.describe import describe
from reconciler.resources.distro.hosts import Hosts
from reconciler.resources.distro.wsl_conf import WslConf

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine

DISTRO = Target("lt", "main")
PATH, CONF = "/etc/hosts", "/etc/wsl.conf"
DEBIAN = (
    "127.0.0.1\tlocalhost\n127.0.1.1\tlt.corp.example\tlt\n\n# by hand\n10.0.0.9 db.internal other\n"
    "::1     localhost ip6-localhost ip6-loopback\n"
)


def hosts(items: dict[str, object]) -> Hosts:
    return Hosts(items=items, options={}, layer=Layer.DISTRO)


def plan(machine: Machine, items: dict[str, object], *, off: bool = True) -> Plan:
    """With `off` the same documents turn WSL's own writing off."""
    conf = WslConf(items={"network.generateHosts": False} if off else {}, options={}, layer=Layer.DISTRO)
    return machine.plan({DISTRO: [conf, hosts(items)]})


def item(found: Plan, name: str = "db.internal") -> ItemPlan:
    return next(each for each in found.items if each.address.item == name)


def applied(machine: Machine, items: dict[str, object]) -> str:
    assert machine.apply(plan(machine, items)) == {}
    assert {each.state for each in plan(machine, items).items} <= {State.IN_SYNC, State.PENDING}
    return machine.text(PATH)


@pytest.fixture
def debian(machine: Machine) -> Machine:
    machine.file(PATH, DEBIAN)
    machine.file(CONF, "[network]\ngenerateHosts=false\n")
    return machine


# ---- what is written


def test_names_get_their_addresses_and_all_else_stays(debian: Machine) -> None:
    text = applied(debian, {"db.internal": ("10.0.0.5",), "dual.internal": ("fd00::6", "10.0.0.6")})
    assert (
        text
        == DEBIAN.replace("db.internal ", "") + "10.0.0.5 db.internal\n10.0.0.6 dual.internal\nfd00::6 dual.internal\n"
    )


def test_the_order_and_spelling_of_addresses_make_no_difference(debian: Machine) -> None:
    debian.file(PATH, "fd00::6 db.internal\n10.0.0.6 DB.internal\n")
    assert item(plan(debian, {"db.internal": ("10.0.0.6", "FD00:0::6")})).state is State.IN_SYNC


def test_absent_takes_the_name_off_its_lines(debian: Machine) -> None:
    assert applied(debian, {"db.internal": ABSENT}) == DEBIAN.replace("db.internal ", "")


@pytest.mark.parametrize(
    ("name", "is_risk"),
    [("proxy.golang.org", True), ("github.com", True), ("notgithub.com", False), ("github.com.corp.example", False)],
)
def test_another_address_for_where_code_comes_from_runs_code_later(name: str, is_risk: bool) -> None:
    assert hosts({}).want(name, ("10.0.0.5",)).risks == ({Risk.RUNS_CODE_LATER} if is_risk else set())
    assert hosts({}).want(name, ABSENT).risks == set()


def test_unmanaged_is_left_alone(debian: Machine) -> None:
    assert [each.address.kind for each in plan(debian, {"db.internal": UNMANAGED}).items] == ["wsl_conf"]


@pytest.mark.parametrize("wanted", [("10.0.0.5",), ABSENT])
def test_the_machine_s_own_line_is_left_alone(debian: Machine, wanted: object) -> None:
    found = item(plan(debian, {"lt": wanted}), "lt")
    assert found.state is State.BLOCKED and "its line 127.0.1.1 is left alone" in (found.why or "")


def test_a_link_is_not_written_through(debian: Machine) -> None:
    debian.link(PATH, "/mnt/wsl/hosts")
    debian.file("/mnt/wsl/hosts", "")
    assert item(plan(debian, {"db.internal": ("10.0.0.5",)})).state is State.BLOCKED


# ---- WSL


def test_where_wsl_writes_the_file_it_is_blocked_with_what_to_declare(debian: Machine) -> None:
    debian.file(CONF, "")
    found = item(plan(debian, {"db.internal": ("10.0.0.5",)}, off=False))
    assert found.state is State.BLOCKED
    assert found.fix == "declare under distro:  wsl_conf: {network: {generateHosts: false}}"


def test_what_wsl_would_write_over_is_not_in_sync_though_it_stands_there(debian: Machine) -> None:
    debian.file(CONF, "[network]\ngenerateHosts=true\n")
    found = item(plan(debian, {"db.internal": ("10.0.0.9",)}))
    assert found.state is State.CHANGE and "does not last" in found.notes[0]
    applied(debian, {"db.internal": ("10.0.0.9",)})


def test_one_apply_turns_wsl_off_and_writes(debian: Machine) -> None:
    debian.file(CONF, "")
    found = plan(debian, {"db.internal": ("10.0.0.5",)})
    assert [change.thing for change in found.changes] == [CONF, PATH]
    applied(debian, {"db.internal": ("10.0.0.5",)})


def test_removing_needs_nothing_of_wsl(debian: Machine) -> None:
    debian.file(CONF, "")
    assert item(plan(debian, {"db.internal": ABSENT}, off=False)).state is State.REMOVE


def test_a_wsl_conf_that_cannot_be_read_leaves_it_unknown(debian: Machine) -> None:
    debian.secretive.add(CONF)
    found = debian.plan({DISTRO: [hosts({"db.internal": ("10.0.0.5",)})]}, elevated=False)
    assert item(found).state is State.UNKNOWN


@pytest.mark.parametrize("life", [{"wsl": False}, {"at_rest": True}])
def test_elsewhere_nothing_of_wsl_is_needed(debian: Machine, life: dict[str, bool]) -> None:
    debian.life = replace(debian.life, **life)  # type: ignore[arg-type]
    del debian.nodes[CONF]
    found = debian.plan({DISTRO: [hosts({"db.internal": ("10.0.0.5",)})]})
    assert debian.apply(found) == {}
    assert item(debian.plan({DISTRO: [hosts({"db.internal": ("10.0.0.5",)})]})).state is State.IN_SYNC


# ---- init and documents


def test_init_describes_names_that_are_neither_local_nor_the_machine_s_own(debian: Machine) -> None:
    sheet = debian.sheet(hosts({}).wanted_facts())
    (found,) = describe(DISTRO, {"hosts": (Hosts, Hosts.schema(Layer.DISTRO))}, sheet)
    told = {entry.path[0]: entry.value for entry in found.items}
    assert told == {"db.internal": ["10.0.0.9"], "other": ["10.0.0.9"]}
    debian.file(CONF, "")
    assert hosts({}).observe(debian.sheet(hosts({}).wanted_facts())) == {}


def complaints(name: str, *addresses: object) -> list[str]:
    check = Hosts.schema(Layer.DISTRO).check
    assert check is not None
    return [found.what for found in check(name, {"value": addresses})]


@pytest.mark.parametrize("address", ["", "10.0.0", "db", "10.0.0.1 10.0.0.2", "fe80::1%eth0", "010.0.0.1"])
def test_what_is_no_address_is_refused(address: str) -> None:
    (found,) = complaints("x", address)
    assert "which is no address" in found


def test_localhost_the_own_line_and_secrets_are_refused() -> None:
    assert "not for documents" in complaints("localhost", "127.0.0.1")[0]
    assert "the machine's own name" in complaints("x", "127.0.1.1")[0]
    assert "secret" in complaints("x", SecretText((SecretHole("address"),)))[0]
    assert complaints("x", "10.0.0.1", "fd00::6") == []


@pytest.mark.parametrize("name", ["DB.internal", "a b", "-x", "x-", "x..y", "x#", "ä", "a" * 254])
def test_what_is_no_name_in_lower_case_is_refused(name: str) -> None:
    keys = Hosts.schema(Layer.DISTRO).items.keys  # type: ignore[union-attr]
    assert not keys.reads(name) and keys.reads("db_1.internal")


# ---- glibc


@pytest.fixture
def etc() -> Iterator[PrivateMachine]:
    with private_machine() as made:
        made.at(PATH).unlink(missing_ok=True)
        made.at(PATH).write_text(DEBIAN)
        made.at("/etc/nsswitch.conf").write_text("hosts: files\n")
        made.at("/etc/host.conf").write_text("multi on\n")
        yield made


def addresses(etc: PrivateMachine, name: str) -> set[str]:
    return {line.split()[0] for line in etc.run("getent", "ahosts", name, check=False).stdout.splitlines()}


def test_glibc_finds_every_address_that_is_declared(etc: PrivateMachine) -> None:
    assert addresses(etc, "db.internal") == {"10.0.0.9"}
    etc.applies(
        "distro: {hosts: {db.internal: 10.0.0.5, dual.internal: [10.0.0.6, 'fd00::6'], other: {absent: true}}}\n"
    )
    assert addresses(etc, "db.internal") == {"10.0.0.5"}
    assert addresses(etc, "dual.internal") == {"10.0.0.6", "fd00::6"}
    assert addresses(etc, "other") == set()
    assert addresses(etc, "lt") == {"127.0.1.1"}
    assert "127.0.0.1" in addresses(etc, "localhost")


def test_inside_wsl_the_way_out_is_shown_and_works(etc: PrivateMachine) -> None:
    etc.at("/run/WSL").mkdir()
    etc.at(CONF).write_text("# mine\n")
    refused = etc.reconcile("apply", "distro: {hosts: {db.internal: 10.0.0.5}}\n", "--yes")
    assert refused.returncode == 5
    assert "declare under distro:  wsl_conf: {network: {generateHosts: false}}" in refused.stdout + refused.stderr
    etc.applies("distro: {wsl_conf: {network: {generateHosts: false}}, hosts: {db.internal: 10.0.0.5}}\n")
    assert etc.at(CONF).read_text().endswith("[network]\ngenerateHosts=false\n")
    assert addresses(etc, "db.internal") == {"10.0.0.5"}
