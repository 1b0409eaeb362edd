"""Units of systemd: what is there, what systemctl is told, and what is refused, in both layers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

import pytest

from reconciler.model.address import Layer, Target
from reconciler.model.errors import DocumentError
from reconciler.model.facts import CommandResult
from reconciler.model.plan import ItemPlan, Plan
from reconciler.model.resource import Resource, Seen
from reconciler.model.states import Phase, Risk, State
from reconciler.model.tasks import RunCommand
from reconciler.model.values import ABSENT
from reconciler.resources.any.files import File, Files, OwnedFile
from reconciler.resources.any.services import LINGER, Service, Services
from reconciler.resources.distro.packages import Package, Packages
from reconciler.resources.distro.wsl_conf import WslConf
from simulated import systemctl

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine
    from tests.resources.conftest import Reading

DISTRO = Target("lt", "main")
ALICE = Target("lt", "main", "alice")
UNIT = "[Service]\nExecStart=/x\n[Install]\nWantedBy=multi-user.target\n"
STATIC = "[Service]\nExecStart=/x\n"
BOTH = {"enabled": True, "running": True}


@pytest.fixture
def running(machine: Machine) -> Machine:
    """With systemd and a few units: `app` and `web.socket` may be enabled, `helper` may not."""
    machine.life = replace(machine.life, systemd=True)
    machine.file("/etc/systemd/system/app.service", UNIT)
    machine.file("/usr/lib/systemd/system/web.socket", UNIT)
    machine.file("/usr/lib/systemd/system/helper.service", STATIC)
    return machine


def knows(machine: Machine, unit: str, whose: str = "", **state: str) -> None:
    cast(dict[str, systemctl.Unit], machine.memory.setdefault(f"systemd {whose}", {}))[unit] = {
        "file": "disabled",
        "active": "inactive",
        **state,
    }


def services(items: dict[str, object], layer: Layer = Layer.DISTRO) -> Services:
    return Services(items=items, options={}, layer=layer)


def plan(machine: Machine, items: dict[str, object], *others: Resource) -> Plan:
    return machine.plan({DISTRO: [services(items), *others]})


def only(found: Plan) -> ItemPlan:
    (item,) = [item for item in found.items if item.address.kind == "services"]
    return item


def told(found: Plan) -> list[str]:
    """What systemctl is told, in order."""
    every = [task.words for change in found.changes for task in change.tasks if isinstance(task, RunCommand)]
    return [" ".join(words[words.index("systemctl") + 1 :]) for words in every if "systemctl" in words]


def applied(machine: Machine, items: dict[str, object]) -> list[str]:
    """What was told; planning again finds nothing to do."""
    found = plan(machine, items)
    assert machine.apply(found) == {}
    again = plan(machine, items)
    assert again.changes == () and {item.state for item in again.items} == {State.IN_SYNC}
    return told(found)


# ---- what is wanted


def test_a_unit_that_is_only_named_is_enabled_and_runs(running: Machine) -> None:
    assert applied(running, {"app": Service()}) == ["enable app.service", "start app.service"]


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (Service(enabled=True), ["enable app.service"]),
        (Service(running=True), ["start app.service"]),
        (Service(enabled=False), []),
        (Service(enabled=False, running=False), []),
        (Service(masked=True), ["mask app.service"]),
        (Service(masked=False), []),
        (Service(masked=False, enabled=True, running=True), ["enable app.service", "start app.service"]),
    ],
)
def test_only_what_is_declared_counts(running: Machine, item: Service, words: list[str]) -> None:
    assert applied(running, {"app": item}) == words


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (Service(), []),
        (Service(enabled=False), ["disable app.service"]),
        (Service(running=False), ["stop app.service"]),
        (
            Service(enabled=False, running=False, masked=True),
            ["disable app.service", "stop app.service", "mask app.service"],
        ),
        (ABSENT, ["disable app.service", "stop app.service"]),
    ],
)
def test_a_unit_that_runs_is_changed_no_more_than_needed(running: Machine, item: object, words: list[str]) -> None:
    knows(running, "app.service", file="enabled", active="active")
    assert applied(running, {"app": item}) == words


def test_each_unit_is_a_change_of_its_own(running: Machine) -> None:
    knows(running, "app.service", file="enabled", active="active")
    found = plan(running, {"web.socket": Service(), "app.service": Service(running=False)})
    assert [change.thing for change in found.changes] == ["app.service", "web.socket"]
    assert [change.phase for change in found.changes] == [Phase.STOPS, Phase.SERVICES]


def test_a_unit_goes_by_its_own_name(running: Machine) -> None:
    """systemctl refuses to enable an alias."""
    (question,) = (fact for fact in services({"sshd": Service()}).wanted_facts())
    properties = "Id=ssh.service\nNames=sshd.service ssh.service\nLoadState=loaded\nUnitFileState=disabled\n"
    running.commands[question.argv] = CommandResult(0, f"{properties}ActiveState=inactive\n")  # type: ignore[union-attr]
    found = plan(running, {"sshd": Service()})
    assert told(found) == ["enable ssh.service", "start ssh.service"]


@pytest.mark.parametrize("active", ["reloading", "activating", "refreshing"])
def test_what_is_about_to_run_runs(running: Machine, active: str) -> None:
    knows(running, "app.service", file="enabled", active=active)
    assert plan(running, {"app": Service()}).changes == ()


def test_what_failed_is_started_again_and_said_to_have_failed(running: Machine) -> None:
    knows(running, "app.service", file="enabled", active="failed")
    item = only(plan(running, {"app": Service()}))
    assert (item.state, item.notes) == (State.CHANGE, ("it failed",))


# ---- units that come or change


def test_a_unit_may_come_with_a_file_of_the_same_apply(running: Machine) -> None:
    file = Files(items={"/etc/systemd/system/new.service": OwnedFile(content=UNIT)}, options={}, layer=Layer.DISTRO)
    found = plan(running, {"new": Service()}, file)
    assert only(found).state is State.ADD
    assert [change.thing for change in found.changes] == [
        "/etc/systemd/system/new.service",
        "units of systemd",
        "new.service",
    ]
    assert told(found) == ["daemon-reload", "enable new.service", "start new.service"]
    assert running.apply(found) == {}
    assert plan(running, {"new": Service()}, file).changes == ()


def test_a_unit_may_come_with_a_package_of_the_same_apply(running: Machine) -> None:
    running.programs = {"apt-get": "/usr/bin/apt-get"}
    package = Packages(items={"cron": Package()}, options={}, layer=Layer.DISTRO)
    found = plan(running, {"cron": Service()}, package)
    assert [change.thing for change in found.changes] == ["packages", "units of systemd", "cron.service"]
    assert running.apply(found) == {}
    gone = plan(running, {"cron": ABSENT}, Packages(items={"cron": ABSENT}, options={}, layer=Layer.DISTRO))
    assert [change.thing for change in gone.changes] == ["cron.service", "absent packages"]
    assert running.apply(gone) == {}


def test_a_unit_that_never_comes_fails_to_start(running: Machine) -> None:
    found = plan(running, {"nothere": Service()})
    assert only(found).state is State.ADD
    assert list(running.apply(found)) == ["lt/main:nothere.service"]


@pytest.mark.parametrize("item", [Service(enabled=False), Service(enabled=False, running=False), ABSENT])
def test_a_unit_that_is_not_there_neither_runs_nor_is_enabled(running: Machine, item: object) -> None:
    assert only(plan(running, {"nothere": item})).state is State.IN_SYNC


def test_several_new_units_are_read_at_once(running: Machine) -> None:
    words = told(plan(running, {"a": Service(), "b": Service()}))
    assert words == ["daemon-reload", "enable a.service", "start a.service", "enable b.service", "start b.service"]


def test_a_changed_unit_is_read_before_it_is_started(running: Machine) -> None:
    knows(running, "app.service", stale="yes")
    assert told(plan(running, {"app": Service()})) == ["daemon-reload", "enable app.service", "start app.service"]
    assert told(plan(running, {"app": ABSENT})) == []


def test_a_unit_that_runs_by_an_older_file_is_read_anew(running: Machine) -> None:
    knows(running, "app.service", file="enabled", active="active", stale="yes")
    found = plan(running, {"app": Service()})
    assert [(diff.before, diff.after) for diff in only(found).diffs] == [("as an older unit file says", True)]
    assert told(found) == ["daemon-reload"]
    assert told(plan(running, {"app": Service(running=False)})) == ["stop app.service"]


# ---- refused


@pytest.mark.parametrize("item", [Service(), Service(enabled=True)])
def test_a_static_unit_cannot_be_enabled(running: Machine, item: Service) -> None:
    found = only(plan(running, {"helper": item}))
    assert (found.state, found.fix) == (State.BLOCKED, "write  running: true  alone, or enable what starts it")
    assert found.why is not None and found.why.startswith(
        "helper.service cannot be enabled (static): it has no [Install]"
    )
    assert applied(running, {"helper": Service(running=True, enabled=False)}) == ["start helper.service"]


def test_what_a_changed_file_says_now_is_not_known_before_it_is_read(running: Machine) -> None:
    knows(running, "app.service", file="static", stale="yes")
    assert told(plan(running, {"app": Service()})) == ["daemon-reload", "enable app.service", "start app.service"]


@pytest.mark.parametrize("file", ["indirect", "generated", "transient", "bad"])
def test_other_units_cannot_be_enabled_either(running: Machine, file: str) -> None:
    knows(running, "app.service", file=file)
    assert f"cannot be enabled ({file})" in str(only(plan(running, {"app": Service()})).why)
    assert only(plan(running, {"app": Service(enabled=False)})).state is State.IN_SYNC


@pytest.mark.parametrize("item", [Service(), Service(enabled=True), Service(running=True)])
def test_a_masked_unit_is_not_unmasked_unasked(running: Machine, item: Service) -> None:
    knows(running, "app.service", file="masked")
    found = only(plan(running, {"app": item}))
    assert (found.state, found.why) == (State.BLOCKED, "app.service is masked")


def test_a_masked_unit_may_be_unmasked_and_started(running: Machine) -> None:
    knows(running, "app.service", file="masked")
    found = plan(running, {"app": Service(masked=False, enabled=True, running=True)})
    assert told(found) == ["daemon-reload", "unmask app.service", "enable app.service", "start app.service"]
    assert running.apply(found) == {}


def test_what_does_something_and_ends_never_runs(running: Machine) -> None:
    knows(running, "app.service", type="oneshot")
    assert only(plan(running, {"app": Service()})).why == "app.service never runs: it does something and ends"
    assert told(plan(running, {"app": Service(enabled=True)})) == ["enable app.service"]


# ---- systemd itself


def test_it_waits_while_systemd_waits_for_a_restart(machine: Machine) -> None:
    machine.file("/etc/wsl.conf", "[boot]\nsystemd=true\n")
    conf = WslConf(items={"boot.systemd": True}, options={}, layer=Layer.DISTRO)
    item = only(plan(machine, {"app": Service()}, conf))
    assert (item.state, item.why) == (
        State.WAITING,
        "waits for a running systemd: lt/main:wsl_conf:boot.systemd takes effect at wsl --terminate",
    )


def test_a_users_units_wait_too(machine: Machine) -> None:
    conf = WslConf(items={"boot.systemd": True}, options={}, layer=Layer.DISTRO)
    found = machine.plan({DISTRO: [conf], ALICE: [services({"app": Service()}, Layer.USER)]})
    assert only(found).state is State.WAITING


def test_it_is_blocked_where_nobody_brings_systemd(machine: Machine) -> None:
    item = only(plan(machine, {"app": Service()}))
    assert (item.state, item.why) == (
        State.BLOCKED,
        "needs a running systemd, which is not there and nobody declares",
    )
    assert only(plan(machine, {"app": ABSENT})).why == "systemd does not run"


def test_at_rest_nothing_runs(running: Machine) -> None:
    running.life = replace(running.life, at_rest=True)
    found = plan(running, {"app": Service(), "helper": ABSENT})
    assert [item.state for item in found.items] == [State.NOT_APPLICABLE] * 2


def test_without_an_answer_nobody_knows(running: Machine) -> None:
    (question,) = services({"app": Service()}).wanted_facts()
    running.commands[question.argv] = CommandResult(1, "")  # type: ignore[union-attr]
    item = only(plan(running, {"app": Service()}))
    assert (item.state, item.why) == (State.UNKNOWN, "systemctl tells nothing")
    asked_by_alice = only(running.plan({DISTRO: [services({"app": Service()})]}, elevated=False))
    assert (asked_by_alice.state, asked_by_alice.elevation) == (State.UNKNOWN, True)


# ---- a user's own


def test_a_users_unit_is_started_by_their_own_systemd(running: Machine) -> None:
    file = Files(items={"~/.config/systemd/user/mine.service": File(content=UNIT)}, options={}, layer=Layer.USER)
    target = {ALICE: [file, services({"mine": Service()}, Layer.USER)]}
    found = running.plan(target)
    assert told(found) == ["daemon-reload", "enable mine.service", "start mine.service"]
    assert running.apply(found) == {}
    assert running.plan(target).changes == ()
    assert running.memory["systemd alice"]["mine.service"] == {"file": "enabled", "active": "active"}


def test_a_user_who_is_not_logged_in_has_no_systemd(running: Machine) -> None:
    own = services({"app": Service()}, Layer.USER)
    (question,) = (fact for fact in own.wanted_facts() if hasattr(fact, "argv"))
    running.commands[question.argv] = CommandResult(1, "")
    item = only(running.plan({ALICE: [own]}))
    assert item.why == "alice is not logged in and has no systemd; `loginctl enable-linger alice` starts one"


def test_that_units_end_with_the_last_login_is_said(running: Machine) -> None:
    items: dict[str, object] = {"app": Service(), "off": Service(running=False), "gone": ABSENT}

    def notes() -> tuple[str, ...]:
        return running.plan({ALICE: [services(items, Layer.USER)]}).targets[0].notes

    assert notes() == (
        "app: only while alice is logged in; `sudo loginctl enable-linger alice` lets units run without that",
    )
    running.file(f"{LINGER}/bob")
    assert len(notes()) == 1
    running.file(f"{LINGER}/alice")
    assert notes() == ()
    assert plan(running, items).targets[0].notes == ()


# ---- risks, without items, documents


@pytest.mark.parametrize(
    ("name", "item", "risks"),
    [
        ("app", Service(), {Risk.RUNS_CODE_LATER}),
        ("app", Service(running=True), {Risk.RUNS_CODE_LATER}),
        ("app", Service(running=False), set()),
        ("app", ABSENT, set()),
        ("ssh", ABSENT, {Risk.CUTS_ACCESS}),
        ("sshd.service", Service(running=False), {Risk.CUTS_ACCESS}),
        ("ssh.socket", Service(enabled=True, running=False), {Risk.CUTS_ACCESS, Risk.RUNS_CODE_LATER}),
        ("systemd-networkd", Service(masked=True), {Risk.CUTS_ACCESS}),
        ("sshguard", ABSENT, set()),
    ],
)
def test_risks_are_marked(name: str, item: object, risks: set[Risk]) -> None:
    assert services({}).want(name, item).risks == risks


def test_without_items_it_tells_what_somebody_may_have_enabled(running: Machine) -> None:
    for unit in ("app.service", "web.socket", "systemd-pstore.service", "getty@.service", "tpl@.service"):
        knows(running, unit, file="enabled")
    empty = services({})
    found = cast(dict[str, Seen], dict(empty.observe(running.sheet(empty.wanted_facts()))))
    assert {name: seen.fields for name, seen in found.items()} == {
        "app": {"enabled": True},
        "web.socket": {"enabled": True},
    }
    declared = services({name: Service(enabled=True) for name in found})
    assert declared.observe(running.sheet(empty.wanted_facts())) == found


@pytest.mark.parametrize(
    "text",
    [
        "['a b']",
        "['x@.service']",
        "['x@']",
        "['*']",
        "['a;b']",
        "{app: {masked: true, running: true}}",
        "{app: {enabled: yes}}",
    ],
)
def test_what_cannot_be_meant_is_refused(reading: Reading, text: str) -> None:
    with pytest.raises(DocumentError):
        reading(f"distro:\n  services: {text}\n")


def test_a_list_of_names_will_do(reading: Reading) -> None:
    text = r"services: [docker, ssh.socket, 'tpl@a\x2db', 'dbus-org.freedesktop.timesync1']"
    desired = reading(f"distro:\n  {text}\n")[DISTRO]
    assert list(desired.kinds["services"].items) == text.partition("[")[2].rstrip("]").replace("'", "").split(", ")
