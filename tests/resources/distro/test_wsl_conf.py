"""Settings of /etc/wsl.conf: what WSL reads there, and what is written."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.formats import wsl_ini
from reconciler.formats.wsl_ini import Dialect
from reconciler.model.address import Layer, Target
from reconciler.model.plan import ItemPlan, Plan
from reconciler.model.secrets import SecretHole, SecretText
from reconciler.model.states import Effect, Risk, State
from reconciler.model.values import ABSENT, UNMANAGED
from reconciler.resources.distro.wsl_conf import WslConf

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine

DISTRO = Target("lt", "main")
PATH = "/etc/wsl.conf"


def conf(items: dict[str, object], *, repair: bool | None = None) -> WslConf:
    return WslConf(items=items, options={} if repair is None else {"repair": repair}, layer=Layer.DISTRO)


def plan(machine: Machine, items: dict[str, object], *, repair: bool | None = None, elevated: bool = True) -> Plan:
    return machine.plan({DISTRO: [conf(items, repair=repair)]}, elevated=elevated)


def only(found: Plan) -> ItemPlan:
    (item,) = found.items
    return item


def applied(machine: Machine, items: dict[str, object], *, repair: bool | None = None) -> str:
    """The file afterwards; planning again finds nothing to do."""
    assert machine.apply(plan(machine, items, repair=repair)) == {}
    again = plan(machine, items, repair=repair)
    assert again.changes == ()
    assert {item.state for item in again.items} <= {State.IN_SYNC, State.PENDING}
    return machine.text(PATH)


# ---- reading and writing


def test_a_missing_file_is_made(machine: Machine) -> None:
    assert applied(machine, {"boot.systemd": True}) == "[boot]\nsystemd=true\n"
    assert machine.nodes[PATH].mode == 0o644


def test_comments_unknown_lines_and_order_stay(machine: Machine) -> None:
    machine.file(PATH, "# mine\n[boot]\nsystemd = false # no\n# note\nodd=1\n[automount]\nenabled=true\n")
    assert applied(machine, {"boot.systemd": True, "automount.options": "metadata"}) == (
        "# mine\n[boot]\nsystemd = true # no\n# note\nodd=1\n[automount]\nenabled=true\noptions=metadata\n"
    )


def test_a_removal_and_an_addition_go_together(machine: Machine) -> None:
    machine.file(PATH, "[network]\nhostname=old\n")
    assert (
        applied(machine, {"network.hostname": ABSENT, "network.generateHosts": False})
        == "[network]\ngenerateHosts=false\n"
    )


@pytest.mark.parametrize(
    ("name", "written", "declared"),
    [
        ("boot.systemd", "TRUE", True),
        ("boot.systemd", "1", True),
        ("filesystem.umask", "022", "0022"),
        ("filesystem.umask", "18", "022"),
        ("automount.root", "/mnt", "/mnt/"),
        ("automount.root", "/mnt/", "/mnt"),
        ("automount.options", '"metadata,umask=022"', "metadata,umask=022"),
        ("boot.initTimeout", "0x10", 16),
    ],
)
def test_what_means_the_same_to_wsl_is_in_sync(machine: Machine, name: str, written: str, declared: object) -> None:
    section, key = name.split(".")
    machine.file(PATH, f"[{section}]\n{key}={written}\n")
    assert only(plan(machine, {name: declared})).state in (State.IN_SYNC, State.PENDING)


def test_a_value_that_wsl_ignores_does_not_count_as_set(machine: Machine) -> None:
    machine.file(PATH, "[boot]\nsystemd=yes\n")
    item = only(plan(machine, {"boot.systemd": False}))
    assert (item.state, item.before) == (State.ADD, None)


def test_keys_go_above_the_line_that_ends_the_reading(machine: Machine) -> None:
    machine.file(PATH, "[boot]\nsystemd=false\n[oops\n[network]\nhostname=x\n")
    text = applied(machine, {"boot.systemd": True, "network.generateHosts": False})
    effective = wsl_ini.parse(text, Dialect.WSL_CONF).effective
    assert effective == {"boot.systemd": True, "network.generateHosts": False}
    assert text.endswith("[oops\n[network]\nhostname=x\n")


def test_what_is_dead_below_is_listed(machine: Machine) -> None:
    machine.file(PATH, "[boot]\n[oops\n[network]\nhostname=x\n")
    (target,) = plan(machine, {"boot.systemd": True}).targets
    assert any("dead below this line: network.hostname" in note and "repair: true" in note for note in target.notes)


# ---- repair


def test_repair_comments_the_malformed_lines_out_and_names_what_revives(machine: Machine) -> None:
    machine.file(PATH, "[boot]\n[oops\nsystemd=true\n[network]\nhostname=x\n")
    found = plan(machine, {}, repair=True)
    assert only(found).address.item == "repair"
    assert only(found).state is State.CHANGE
    assert only(found).notes == ("revives boot.systemd = true", "revives network.hostname = x")
    assert applied(machine, {}, repair=True) == "[boot]\n# [oops\nsystemd=true\n[network]\nhostname=x\n"


def test_repair_of_a_sound_file_is_in_sync(machine: Machine) -> None:
    machine.file(PATH, "[boot]\nsystemd=true\n")
    assert only(plan(machine, {}, repair=True)).state is State.IN_SYNC
    assert plan(machine, {}, repair=False).items == ()


def test_what_shall_be_absent_is_not_revived(machine: Machine) -> None:
    machine.file(PATH, "[oops\n[boot]\nsystemd=true\n")
    found = plan(machine, {"boot.systemd": ABSENT}, repair=True)
    assert {item.address.item: item.state for item in found.items} == {
        "boot.systemd": State.REMOVE,
        "repair": State.CHANGE,
    }
    assert wsl_ini.parse(applied(machine, {"boot.systemd": ABSENT}, repair=True), Dialect.WSL_CONF).effective == {}


def test_what_is_revived_gives_way_to_what_is_declared(machine: Machine) -> None:
    machine.file(PATH, "[oops\n[boot]\nsystemd=true\n")
    text = applied(machine, {"boot.systemd": False}, repair=True)
    assert wsl_ini.parse(text, Dialect.WSL_CONF).effective == {"boot.systemd": False}


def test_an_unmanaged_setting_is_revived(machine: Machine) -> None:
    machine.file(PATH, "[oops\n[boot]\nsystemd=true\n")
    text = applied(machine, {"boot.systemd": UNMANAGED}, repair=True)
    assert wsl_ini.parse(text, Dialect.WSL_CONF).effective == {"boot.systemd": True}


# ---- any file


LINES = st.one_of(
    st.sampled_from(
        [
            "[boot]", "[network]", "[automount]", "[net]", "[user]", "[BOOT] # x", "[bad", "[]", "systemd=true", "systemd = 0",
            "systemd=yes", "command=a \\", 'command="x', "hostname=h", "root=/mnt", "options=metadata", "umask=22", "; x", "# x",
            "key", "=v", "systemd", "\ufeff[boot]", "initTimeout=5", "cgroups=v1", "[filesystem]", "systemd=true\r", "hostname = ",
        ]
    ),
    st.text(max_size=8),
)  # fmt: skip
ITEMS = st.fixed_dictionaries(
    {},
    optional={
        "boot.systemd": st.sampled_from([True, False, ABSENT, UNMANAGED]),
        "boot.command": st.sampled_from(['echo "a # b"', "x \\ y", ABSENT]),
        "boot.initTimeout": st.sampled_from([0, 5, -1, ABSENT]),
        "network.hostname": st.sampled_from(["h", "lt", ABSENT]),
        "automount.root": st.sampled_from(["/mnt", "/drives/", ABSENT]),
        "automount.cgroups": st.sampled_from(["v1", "v2", ABSENT]),
        "filesystem.umask": st.sampled_from(["022", "0077", ABSENT]),
    },
)


@settings(max_examples=500, deadline=None)
@given(
    lines=st.lists(LINES, max_size=9),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    items=ITEMS,
    repair=st.sampled_from([None, True, False]),
)
def test_whatever_is_in_the_file_what_is_written_is_in_sync_and_effective(
    machines: type[Machine], lines: list[str], end: str, items: dict[str, object], repair: bool | None
) -> None:
    machine = machines()
    machine.file(PATH, end.join(lines).encode("utf-8", "surrogatepass"))
    before = wsl_ini.parse(machine.text(PATH), Dialect.WSL_CONF)
    text = applied(machine, items, repair=repair)
    after = wsl_ini.parse(text, Dialect.WSL_CONF)
    for name, item in items.items():
        if item is ABSENT:
            assert name not in after.effective
        elif item is not UNMANAGED:
            assert name in after.effective
    if repair:
        assert after.stopped_at is None
    else:
        untouched = {name: value for name, value in before.effective.items() if name not in items}
        assert untouched.items() <= after.effective.items()


# ---- where and when


def test_outside_wsl_it_is_not_applicable(machine: Machine) -> None:
    machine.life = replace(machine.life, wsl=False)
    item = only(plan(machine, {"boot.systemd": True}))
    assert (item.state, item.why) == (State.NOT_APPLICABLE, "this is not WSL")


def test_it_takes_effect_when_the_distro_is_terminated(machine: Machine) -> None:
    found = plan(machine, {"boot.systemd": True})
    assert only(found).effect is found.changes[0].effect is Effect.TERMINATE
    assert found.needs == ("wsl --terminate",)


def test_systemd_is_pending_until_it_runs(machine: Machine) -> None:
    machine.file(PATH, "[boot]\nsystemd=true\n")
    assert only(plan(machine, {"boot.systemd": True})).state is State.PENDING
    machine.life = replace(machine.life, systemd=True)
    assert only(plan(machine, {"boot.systemd": True})).state is State.IN_SYNC


def test_systemd_that_still_runs_is_pending_until_it_does_not(machine: Machine) -> None:
    machine.file(PATH, "[boot]\nsystemd=false\n")
    machine.life = replace(machine.life, systemd=True)
    assert only(plan(machine, {"boot.systemd": False})).state is State.PENDING


def test_the_default_user_must_exist(machine: Machine) -> None:
    assert only(plan(machine, {"user.default": "alice"})).state is State.ADD
    item = only(plan(machine, {"user.default": "bob"}))
    assert (item.state, item.why) == (State.BLOCKED, "needs the user bob, which is not there and nobody declares")


def test_a_file_that_only_root_may_read_is_unknown(machine: Machine) -> None:
    machine.file(PATH, "[boot]\n", mode=0o600)
    machine.secretive.add(PATH)
    found = plan(machine, {"boot.systemd": True}, repair=True, elevated=False)
    assert {(item.state, item.why, item.elevation) for item in found.items} == {(State.UNKNOWN, "needs root", True)}


def test_a_link_blocks(machine: Machine) -> None:
    machine.file("/etc/real.conf", "")
    machine.link(PATH, "real.conf")
    assert only(plan(machine, {"boot.systemd": True})).state is State.BLOCKED


def test_a_command_runs_code_later() -> None:
    assert conf({}).want("boot.command", "x").risks == {Risk.RUNS_CODE_LATER, Risk.CUTS_ACCESS}


def test_what_happens_when_the_distro_starts_can_keep_everybody_out() -> None:
    assert conf({}).want("boot.systemd", True).risks == {Risk.CUTS_ACCESS}
    assert conf({}).want("network.generateHosts", True).risks == set()


def test_root_as_who_logs_in_grants_rights() -> None:
    assert conf({}).want("user.default", "root").risks == {Risk.GRANTS_RIGHTS}
    assert conf({}).want("user.default", "alice").risks == frozenset()


# ---- documents


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("network.hostname", "a\0b"),
        ("network.hostname", "a\n[boot]"),
        ("boot.command", "a\rb"),
        ("automount.cgroups", "v3"),
    ],
)
def test_a_value_that_wsl_would_not_take_is_refused(name: str, value: str) -> None:
    check = WslConf.schema(Layer.DISTRO).check
    assert check is not None
    (complaint,) = check(name, {"value": value})
    assert complaint.what.startswith(f"wsl_conf {name} ")


def test_a_secret_is_refused_because_everyone_reads_the_file() -> None:
    check = WslConf.schema(Layer.DISTRO).check
    assert check is not None
    (complaint,) = check("boot.command", {"value": SecretText((SecretHole("password"),))})
    assert complaint.what == "wsl_conf boot.command would hold a secret, and everyone may read /etc/wsl.conf"
