"""Users: accounts, groups and sudo, made and changed as shadow or busybox does it, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

import pytest

from reconciler.model.address import Layer, Target
from reconciler.model.claims import Account, Group
from reconciler.model.errors import DocumentError
from reconciler.model.plan import ItemPlan, Plan
from reconciler.model.resource import Resource, Seen
from reconciler.model.states import Phase, Risk, State
from reconciler.model.tasks import RunCommand, WriteFile
from reconciler.model.values import ABSENT, Json
from reconciler.resources.any.files import Files, OwnedFile
from reconciler.resources.distro import groups as group_kind
from reconciler.resources.distro.packages import Package, Packages
from reconciler.resources.distro.users import User, Users

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine
    from tests.resources.conftest import Reading

DISTRO = Target("lt", "main")
PASSWD = """\
root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
alice:x:1000:1000:Alice Example,,,:/home/alice:/bin/bash
sync:x:1999:1999::/srv/sync:/usr/sbin/nologin
"""
GROUP = "root:x:0:\nsudo:x:27:\nalice:x:1000:\ndocker:x:998:eve,alice\ndialout:x:20:\n"
RULE = "/etc/sudoers.d/reconcile-alice"


def equipped(machine: Machine, program: str = "useradd") -> Machine:
    machine.programs = {program: f"/usr/sbin/{program}", "sudo": "/usr/bin/sudo"}
    machine.file("/etc/passwd", PASSWD)
    machine.file("/etc/group", GROUP)
    machine.directory("/etc/sudoers.d", mode=0o750)
    machine.accounts |= {"daemon": "/usr/sbin", "sync": "/srv/sync"}
    for shell in ("/bin/bash", "/bin/zsh"):
        machine.file(shell, mode=0o755)
    return machine


@pytest.fixture(params=["useradd", "adduser"])
def any_suite(request: pytest.FixtureRequest, machine: Machine) -> Machine:
    return equipped(machine, request.param)


@pytest.fixture
def shadow(machine: Machine) -> Machine:
    return equipped(machine)


@pytest.fixture
def busybox(machine: Machine) -> Machine:
    return equipped(machine, "adduser")


def users(items: dict[str, object]) -> Users:
    return Users(items=items, options={}, layer=Layer.DISTRO)


def plan(machine: Machine, items: dict[str, object], *others: Resource, elevated: bool = True) -> Plan:
    return machine.plan({DISTRO: [users(items), *others]}, elevated=elevated)


def only(found: Plan) -> ItemPlan:
    (item,) = [item for item in found.items if item.address.kind == "users"]
    return item


def applied(machine: Machine, items: dict[str, object]) -> list[tuple[str, ...]]:
    """The programs that ran, without scripts; planning again finds nothing to do."""
    found = plan(machine, items)
    assert machine.apply(found) == {}
    again = plan(machine, items)
    assert again.changes == () and {item.state for item in again.items} == {State.IN_SYNC}
    return programs(found)


def programs(found: Plan) -> list[tuple[str, ...]]:
    every = [task.words for change in found.changes for task in change.tasks if isinstance(task, RunCommand)]
    return [words[3:] if words[:2] == ("sh", "-c") else words for words in every]


def line(machine: Machine, name: str, path: str = "/etc/passwd") -> list[str]:
    return next(text.split(":") for text in machine.text(path).splitlines() if text.startswith(f"{name}:"))


# ---- new accounts


def test_a_missing_account_is_made_with_a_home_and_a_group(any_suite: Machine) -> None:
    applied(any_suite, {"eve": User()})
    assert line(any_suite, "eve") == ["eve", "x", "1001", "1001", "", "/home/eve", "/bin/sh"]
    assert line(any_suite, "eve", "/etc/group")[2] == "1001"
    assert any_suite.nodes["/home/eve"].owner == "eve"


def test_it_gets_what_is_declared(any_suite: Machine) -> None:
    wanted = User(uid=1500, home="/srv/eve", shell="/bin/zsh", comment="Eve, who builds", groups=("docker", "dialout"))
    applied(any_suite, {"eve": wanted})
    assert line(any_suite, "eve")[2:3] + line(any_suite, "eve")[4:] == [
        "1500",
        "Eve, who builds",
        "/srv/eve",
        "/bin/zsh",
    ]
    assert "eve" in line(any_suite, "docker", "/etc/group")[3].split(",")
    assert line(any_suite, "dialout", "/etc/group")[3] == "eve"


def test_the_words_are_those_of_the_suite(shadow: Machine) -> None:
    wanted: dict[str, object] = {"eve": User(uid=1500, shell="/bin/zsh", groups=("docker", "dialout"))}
    assert applied(shadow, wanted) == [
        ("useradd", "eve", "-s", "/bin/zsh", "-u", "1500", "-G", "dialout,docker"),
    ]
    machine = equipped(shadow, "adduser")
    del machine.accounts["eve"]
    assert applied(machine, wanted) == [
        ("adduser", "-D", "-s", "/bin/zsh", "-u", "1500", "eve"),
        ("addgroup", "eve", "dialout"),
        ("addgroup", "eve", "docker"),
    ]


def test_a_group_of_its_name_may_be_there(any_suite: Machine) -> None:
    any_suite.file("/etc/group", GROUP + "eve:x:4321:\n")
    applied(any_suite, {"eve": User()})
    assert line(any_suite, "eve")[3] == "4321"


def test_it_is_there_for_others() -> None:
    assert users({}).want("eve", User()).provides == {Account("eve"), Group("eve")}


def test_whoever_owns_a_file_is_made_before_it(shadow: Machine) -> None:
    file = Files(items={"/etc/x": OwnedFile(content="x", owner="eve")}, options={}, layer=Layer.DISTRO)
    found = plan(shadow, {"eve": User()}, file)
    assert [change.thing for change in found.changes] == ["user eve", "/etc/x"]
    assert found.changes[0].phase is Phase.ACCOUNTS


# ---- accounts that are there


@pytest.mark.parametrize(
    "wanted",
    [
        User(),
        User(shell="/bin/bash"),
        User(comment="Alice Example"),
        User(comment="Alice Example,,,"),
        User(groups=("docker",)),
        User(groups=("docker", "alice", "docker")),
        User(uid=1000, home="/home/alice"),
    ],
)
def test_nothing_changes_where_the_account_is_as_declared(any_suite: Machine, wanted: User) -> None:
    found = plan(any_suite, {"alice": wanted})
    assert (only(found).state, found.changes) == (State.IN_SYNC, ())


def test_only_what_differs_is_changed_in_one_run(shadow: Machine) -> None:
    wanted = User(shell="/bin/zsh", home="/home/alice", comment="A", groups=("dialout", "docker", "sudo"))
    assert applied(shadow, {"alice": wanted}) == [
        ("usermod", "-s", "/bin/zsh", "-c", "A", "-aG", "dialout,docker,sudo", "alice")
    ]
    assert line(shadow, "alice")[4:] == ["A", "/home/alice", "/bin/zsh"]


def test_other_memberships_stay(any_suite: Machine) -> None:
    applied(any_suite, {"alice": User(groups=("dialout",))})
    assert line(any_suite, "docker", "/etc/group")[3] == "eve,alice"


def test_who_is_changed_has_to_log_in_anew(shadow: Machine) -> None:
    assert plan(shadow, {"alice": User(groups=("dialout",))}).needs == ("a new login of alice",)
    assert plan(shadow, {"alice": User(comment="A")}).needs == ()
    assert plan(shadow, {"eve": User(groups=("dialout",))}).needs == ()


def test_busybox_changes_memberships_only(busybox: Machine) -> None:
    item = only(plan(busybox, {"alice": User(shell="/bin/zsh", groups=("dialout",))}))
    assert (item.state, item.why) == (State.BLOCKED, "busybox cannot change the shell of an account")
    assert item.fix == "add  shadow  to packages, apply, then plan again"


@pytest.mark.parametrize("name", ["root", "daemon"])
def test_the_number_of_a_system_account_stays(shadow: Machine, name: str) -> None:
    item = only(plan(shadow, {name: User(uid=1234)}))
    assert item.state is State.BLOCKED and item.why is not None and "its number stays" in item.why


def test_root_may_have_another_shell(shadow: Machine) -> None:
    assert applied(shadow, {"root": User(shell="/bin/zsh")}) == [("usermod", "-s", "/bin/zsh", "root")]


def test_an_account_from_elsewhere_is_left_alone(shadow: Machine) -> None:
    shadow.accounts["ldap"] = "/home/ldap"
    item = only(plan(shadow, {"ldap": User(groups=("docker",))}))
    assert item.why == "ldap does not stand in /etc/passwd: the account comes from elsewhere"


# ---- what an account needs


def test_a_shell_that_nobody_brings_blocks(shadow: Machine) -> None:
    item = only(plan(shadow, {"alice": User(shell="/usr/bin/fish")}))
    assert (item.state, item.why) == (
        State.BLOCKED,
        "needs the program /usr/bin/fish, which is not there and nobody declares",
    )


def test_a_shell_may_come_with_its_package_and_is_looked_for_again(shadow: Machine) -> None:
    del shadow.nodes["/bin/zsh"]
    shadow.programs |= {"apt-get": "/usr/bin/apt-get"}
    package = Packages(items={"zsh": Package(programs=("zsh",))}, options={}, layer=Layer.DISTRO)
    found = plan(shadow, {"alice": User(shell="/bin/zsh")}, package)
    assert [change.thing for change in found.changes] == ["packages", "user alice"]
    assert programs(found)[1:] == [("shell", "/bin/zsh"), ("usermod", "-s", "/bin/zsh", "alice")]
    assert shadow.apply(found) == {}


def test_a_group_that_nobody_brings_blocks(shadow: Machine) -> None:
    item = only(plan(shadow, {"alice": User(groups=("wireshark",))}))
    assert item.why == "needs the group wireshark, which is not there and nobody declares"


def test_a_group_may_be_made_by_the_same_apply(any_suite: Machine) -> None:
    group = group_kind.Groups(items={"zz": group_kind.Group()}, options={}, layer=Layer.DISTRO)
    found = plan(any_suite, {"alice": User(groups=("zz",))}, group)
    assert [change.thing for change in found.changes] == ["group zz", "user alice"]
    assert any_suite.apply(found) == {}


# ---- sudo


def test_a_rule_is_a_file_that_visudo_must_find_right(shadow: Machine) -> None:
    found = plan(shadow, {"alice": User(sudo="password")})
    ((task,),) = [change.tasks for change in found.changes]
    assert isinstance(task, WriteFile)
    assert (task.path, task.content, task.validate) == (RULE, b"alice ALL=(ALL:ALL) ALL\n", ("visudo", "-cf"))
    assert (task.mode, task.owner, task.group) == (0o440, "root", "root")
    applied(shadow, {"alice": User(sudo="password")})


def test_a_rule_comes_after_its_account(shadow: Machine) -> None:
    found = plan(shadow, {"eve": User(sudo="nopasswd")})
    assert [change.thing for change in found.changes] == ["user eve", "/etc/sudoers.d/reconcile-eve"]
    assert found.changes[1].needs == (found.changes[0].id,)


def test_another_rule_replaces_it(shadow: Machine) -> None:
    applied(shadow, {"alice": User(sudo="password")})
    item = only(plan(shadow, {"alice": User(sudo="ALL=(root) NOPASSWD: /bin/ls")}))
    assert [(diff.before, diff.after) for diff in item.diffs] == [("password", "ALL=(root) NOPASSWD: /bin/ls")]
    applied(shadow, {"alice": User(sudo="ALL=(root) NOPASSWD: /bin/ls")})


def test_without_a_wish_a_rule_stays(shadow: Machine) -> None:
    applied(shadow, {"alice": User(sudo="password")})
    assert plan(shadow, {"alice": User()}).changes == ()
    assert RULE in shadow.nodes


def test_an_absent_rule_goes(shadow: Machine) -> None:
    applied(shadow, {"alice": User(sudo="password")})
    assert only(plan(shadow, {"alice": User(sudo=ABSENT)})).state is State.CHANGE
    applied(shadow, {"alice": User(sudo=ABSENT)})
    assert RULE not in shadow.nodes


@pytest.mark.parametrize(("mode", "owner"), [(0o666, "root"), (0o440, "alice")])
def test_a_file_that_sudo_does_not_heed_is_no_rule(shadow: Machine, mode: int, owner: str) -> None:
    shadow.file(RULE, "alice ALL=(ALL:ALL) ALL\n", mode=mode, owner=owner)
    assert only(plan(shadow, {"alice": User(sudo="password")})).state is State.CHANGE
    applied(shadow, {"alice": User(sudo="password")})
    shadow.file(RULE, "alice ALL=(ALL:ALL) ALL\n", mode=mode, owner=owner)
    applied(shadow, {"alice": User(sudo=ABSENT)})
    assert RULE not in shadow.nodes


def test_a_link_in_the_rules_place_is_left_alone(shadow: Machine) -> None:
    shadow.link(RULE, "/etc/x")
    assert only(plan(shadow, {"alice": User(sudo="password")})).why == f"{RULE} is a link to /etc/x, not a file"


def test_sudo_itself_must_be_there(shadow: Machine) -> None:
    del shadow.programs["sudo"], shadow.nodes["/etc/sudoers.d"]
    item = only(plan(shadow, {"alice": User(sudo="password")}))
    assert item.why == "needs the program sudo, which is not there and nobody declares"


def test_sudo_may_come_with_its_package(shadow: Machine) -> None:
    del shadow.programs["sudo"], shadow.nodes["/etc/sudoers.d"]
    shadow.programs |= {"apt-get": "/usr/bin/apt-get"}
    package = Packages(items={"sudo": Package(programs=("sudo",))}, options={}, layer=Layer.DISTRO)
    found = plan(shadow, {"alice": User(sudo="password")}, package)
    assert [change.thing for change in found.changes] == ["packages", RULE]
    assert shadow.apply(found) == {}


def test_who_may_not_look_does_not_know(shadow: Machine) -> None:
    shadow.secretive.add("/etc/sudoers.d")
    found = plan(shadow, {"alice": User(sudo="password")}, elevated=False)
    assert (only(found).state, only(found).elevation) == (State.UNKNOWN, True)
    assert only(plan(shadow, {"alice": User(shell="/bin/bash")}, elevated=False)).state is State.IN_SYNC


@pytest.mark.parametrize(
    ("item", "risks"),
    [
        (User(sudo="password"), {Risk.GRANTS_RIGHTS}),
        (User(sudo="ALL=(root) /bin/ls"), {Risk.GRANTS_RIGHTS}),
        (User(sudo=ABSENT), {Risk.CUTS_ACCESS}),
        (User(groups=("docker",)), {Risk.GRANTS_RIGHTS}),
        (User(groups=("staff",)), {Risk.GRANTS_RIGHTS}),
        (User(groups=("dialout",), shell="/bin/zsh"), set()),
        (User(shell="/usr/local/bin/fish", home="/srv/alice"), set()),
        (User(shell="/tmp/sh"), {Risk.RUNS_CODE_LATER}),
        (User(home="/tmp/alice"), {Risk.RUNS_CODE_LATER}),
        (User(home="/etc/systemd"), {Risk.RUNS_CODE_LATER}),
        (ABSENT, {Risk.DELETES, Risk.CUTS_ACCESS}),
    ],
)
def test_risks_are_marked(item: object, risks: set[Risk]) -> None:
    assert users({}).want("alice", item).risks == risks


def test_a_file_of_the_document_cannot_be_the_rule_too(shadow: Machine) -> None:
    file = Files(items={RULE: OwnedFile(content="x")}, options={}, layer=Layer.DISTRO)
    with pytest.raises(DocumentError, match="two items would write"):
        plan(shadow, {"alice": User(sudo="password")}, file)


# ---- absent


def test_absent_goes_with_its_rule_and_leaves_its_home(any_suite: Machine) -> None:
    applied(any_suite, {"eve": User(sudo="nopasswd", groups=("dialout",))})
    found = plan(any_suite, {"eve": ABSENT})
    assert [change.thing for change in found.changes] == ["/etc/sudoers.d/reconcile-eve", "user eve"]
    assert only(found).state is State.REMOVE
    applied(any_suite, {"eve": ABSENT})
    assert "eve" not in any_suite.text("/etc/passwd") and "/home/eve" in any_suite.nodes


def test_a_rule_without_an_account_goes_too(shadow: Machine) -> None:
    shadow.file("/etc/sudoers.d/reconcile-gone", "gone ALL=(ALL:ALL) ALL\n", mode=0o440)
    assert applied(shadow, {"gone": ABSENT}) == []
    assert "/etc/sudoers.d/reconcile-gone" not in shadow.nodes


def test_busybox_first_looks_whether_somebody_is_logged_in(busybox: Machine) -> None:
    assert applied(busybox, {"sync": ABSENT}) == [("user", "sync", "1999"), ("deluser", "sync")]


def test_root_is_not_removed(shadow: Machine) -> None:
    assert only(plan(shadow, {"root": ABSENT})).why == "nobody removes root, whose number is 0"


def test_who_asks_is_not_removed(shadow: Machine) -> None:
    assert only(plan(shadow, {"alice": ABSENT}, elevated=False)).why == "alice is who asks"
    assert only(plan(shadow, {"alice": ABSENT})).state is State.REMOVE
    shadow.file("/proc/self/loginuid", "1000")
    assert only(plan(shadow, {"alice": ABSENT})).why == "alice is who asks"


# ---- at rest, unread, without items


def test_at_rest_rules_are_written_and_accounts_are_not(shadow: Machine) -> None:
    shadow.life = replace(shadow.life, at_rest=True)
    found = plan(shadow, {"alice": User(sudo="password"), "eve": User(), "sync": ABSENT, "gone": ABSENT})
    states = [item.state for item in found.items]
    assert states == [State.CHANGE, State.NOT_APPLICABLE, State.NOT_APPLICABLE, State.IN_SYNC]
    assert [change.thing for change in found.changes] == [RULE]


def test_without_programs_for_it_nothing_can_be_done(shadow: Machine) -> None:
    del shadow.programs["useradd"]
    for items in ({"eve": User()}, {"sync": ABSENT}):
        assert only(plan(shadow, items)).why == "nothing here makes accounts"


def test_a_passwd_that_cannot_be_read_makes_users_unknown(shadow: Machine) -> None:
    shadow.secretive.add("/etc/passwd")
    assert only(plan(shadow, {"alice": User()}, elevated=False)).state is State.UNKNOWN


def test_without_items_it_tells_who_logs_in_here(shadow: Machine) -> None:
    empty = users({})
    found = cast(dict[str, Seen], dict(empty.observe(shadow.sheet(empty.wanted_facts()))))
    assert {name: seen.fields for name, seen in found.items()} == {
        "alice": {"shell": "/bin/bash", "home": None, "comment": "Alice Example", "groups": ["docker"]}
    }


# ---- documents


@pytest.mark.parametrize(
    "text",
    [
        "eve: {uid: 0}",
        "eve: {shell: zsh}",
        "eve: {comment: 'a:b'}",
        'eve: {comment: "a\\nb"}',
        "eve: {groups: ['a b']}",
        "eve: {sudo: yes please}",
        "eve: {sudo: 'ALL=(ALL) ALL\\'}",
        'eve: {sudo: "ALL=(ALL) ALL\\nroot ALL=(ALL) ALL"}',
        "eve: {sudo: '#0 ALL=(ALL) ALL'}",
        "'-x': {}",
        "'a b': {}",
        "'a/b': {}",
        "ALL: {sudo: password}",
        "eve: {password: x}",
    ],
)
def test_what_cannot_be_meant_is_refused(reading: Reading, text: str) -> None:
    with pytest.raises(DocumentError):
        reading(f"distro:\n  users:\n    {text}\n")


@pytest.mark.parametrize("field", ["comment", "sudo"])
def test_a_secret_is_refused(reading: Reading, field: str) -> None:
    with pytest.raises(DocumentError):
        reading(f"secrets: {{v: {{}}}}\ndistro:\n  users: {{eve: {{{field}: '{{{{ secrets.v }}}}'}}}}\n")


def test_a_rule_may_be_declared_absent(reading: Reading) -> None:
    desired = reading("distro:\n  users: {eve: {shell: /bin/sh, sudo: {absent: true}}}\n")[DISTRO]
    item = Users.schema(Layer.DISTRO).built("eve", desired.kinds["users"].items["eve"])
    assert item == User(shell="/bin/sh", sudo=ABSENT)


# ---- the way back


def led_back(name: str, before: dict[str, Json], after: dict[str, Json]) -> object:
    item = Users.as_declared(Layer.DISTRO, name, before, None, after)
    return Users.schema(Layer.DISTRO).built(name, item)


def test_who_had_no_rule_has_none_again() -> None:
    back = led_back("alice", {"sudo": None, "shell": "/bin/sh"}, {"sudo": "nopasswd"})
    assert back == User(shell="/bin/sh", sudo=ABSENT)


@pytest.mark.parametrize(
    ("program", "words"), [("useradd", ("gpasswd", "alice", "docker", "-d")), ("adduser", ("delgroup", "alice", "docker", ""))]
)  # fmt: skip
def test_who_was_put_into_a_group_is_led_out_of_it(machine: Machine, program: str, words: tuple[str, ...]) -> None:
    machine = equipped(machine, program)
    back = led_back("alice", {"groups": ["alice"]}, {"groups": ["alice", "docker"]})
    found = plan(machine, {"alice": back})
    assert programs(found) == [words]
    assert only(found).diffs[0].before == ["alice", "docker"] and only(found).diffs[0].after == ["alice"]
    assert plan(machine, {"alice": led_back("alice", {"groups": []}, {"groups": ["dialout"]})}).changes == ()


def test_the_group_of_its_own_comes_with_an_account_that_is_made_again(shadow: Machine) -> None:
    before = only(plan(shadow, {"alice": ABSENT})).before
    assert before is not None and before["groups"] == ["docker"]


def test_a_new_account_has_no_password_and_that_is_said(any_suite: Machine) -> None:
    (target,) = plan(any_suite, {"eve": User(), "alice": User()}).targets
    assert "eve: a new account has no password, also one that had one before" in target.notes
