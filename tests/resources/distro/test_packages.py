"""Packages: what is there, what is asked of the package manager, and what is refused, by apt, apk and dnf."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

import pytest

from reconciler.model.address import Layer, Target
from reconciler.model.claims import Program
from reconciler.model.errors import DocumentError
from reconciler.model.facts import CommandResult
from reconciler.model.plan import ItemPlan, Plan
from reconciler.model.resource import Seen
from reconciler.model.states import Phase, Risk, State
from reconciler.model.tasks import RunCommand
from reconciler.model.values import ABSENT, Json
from reconciler.resources.distro.packages import Package, Packages
from reconciler.resources.package_managers.apk import QUERY as APK_QUERY
from reconciler.resources.package_managers.apt import AUTOMATIC
from reconciler.resources.package_managers.apt import QUERY as APT_QUERY
from simulated import package_archive

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine
    from tests.resources.conftest import Reading

DISTRO = Target("lt", "main")
DISTROS = {
    "apt": ("ID=ubuntu\nID_LIKE=debian\n", ("apt-get",)),
    "apk": ("ID=alpine\n", ("apk",)),
    "dnf": ('ID="rocky"\nID_LIKE="rhel centos fedora"\n', ("dnf",)),
}
each_manager = pytest.mark.parametrize("manager", DISTROS)


def become(machine: Machine, manager: str = "apt") -> Machine:
    text, programs = DISTROS[manager]
    machine.file("/etc/os-release", text)
    machine.programs = {name: f"/usr/bin/{name}" for name in programs}
    if manager == "dnf":
        machine.file("/etc/dnf/plugins/versionlock.conf", "[main]\nenabled = 1\n")
    return machine


@pytest.fixture
def debian(machine: Machine) -> Machine:
    return become(machine)


def packages(items: dict[str, object]) -> Packages:
    return Packages(items=items, options={}, layer=Layer.DISTRO)


def plan(machine: Machine, items: dict[str, object]) -> Plan:
    return machine.plan({DISTRO: [packages(items)]})


def only(found: Plan) -> ItemPlan:
    (item,) = found.items
    return item


def commands(found: Plan) -> list[tuple[str, ...]]:
    """What the package managers are told, without the scripts."""
    tasks = [task for change in found.changes for task in change.tasks if isinstance(task, RunCommand)]
    return [words[words.index("-c") + 2 :] for words in (task.words for task in tasks)]


def applied(machine: Machine, items: dict[str, object]) -> list[tuple[str, ...]]:
    """What was told; planning again finds nothing to do."""
    found = plan(machine, items)
    assert machine.apply(found) == {}
    again = plan(machine, items)
    assert again.changes == () and {item.state for item in again.items} == {State.IN_SYNC}
    return commands(found)


# ---- present


@each_manager
def test_what_is_missing_is_installed_by_one_run(machine: Machine, manager: str) -> None:
    become(machine, manager)
    package_archive.put(machine, "zsh")
    wanted: dict[str, object] = {"git": Package(), "zsh": Package(), "curl": Package()}
    ((program, _, *words),) = applied(machine, wanted)
    assert (program, words) == (DISTROS[manager][1][0], ["git", "curl"])


def test_it_runs_before_everything_else_with_a_long_limit(debian: Machine) -> None:
    (change,) = plan(debian, {"git": Package()}).changes
    (task,) = change.tasks
    assert isinstance(task, RunCommand)
    assert (change.phase, task.timeout_seconds) == (Phase.PACKAGES, 1800)


@pytest.mark.parametrize(
    ("status", "is_there"),
    [("ii ", True), ("hi ", True), ("rc ", False), ("un ", False), ("iF ", False), ("iU ", False), ("hn ", False)],
)
def test_only_what_dpkg_calls_installed_is_there(debian: Machine, status: str, is_there: bool) -> None:
    lines = ["dpkg\tamd64\t1.21\tii \tyes\tno\trequired\t\n", f"git\tamd64\t1:2.39\t{status}\tno\tno\toptional\t\n"]
    debian.commands[APT_QUERY] = CommandResult(0, "".join(lines))
    assert (only(plan(debian, {"git": Package()})).state is State.IN_SYNC) == is_there


def test_a_package_of_another_architecture_is_another(debian: Machine) -> None:
    lines = ["dpkg\tamd64\t1\tii \tyes\tno\trequired\t\n", "libc6\ti386\t2\tii \tno\tno\toptional\t\n"]
    debian.commands[APT_QUERY] = CommandResult(0, "".join(lines))
    found = plan(debian, {"libc6": Package(), "libc6:i386": Package()})
    assert [item.state for item in found.items] == [State.ADD, State.IN_SYNC]


@pytest.mark.parametrize("manager", ["apt", "dnf"])
def test_what_another_package_provides_is_there(machine: Machine, manager: str) -> None:
    become(machine, manager)
    package_archive.put(machine, "libncurses-dev")
    assert plan(machine, {"libncurses5-dev": Package()}).changes == ()
    assert only(plan(machine, {"libncurses5-dev": ABSENT})).state is State.IN_SYNC


def test_to_apk_what_the_world_names_is_there(machine: Machine) -> None:
    become(machine, "apk")
    machine.file("/etc/apk/world", "alpine-base\ncmd:vi\nmailx\n!nano\ngo@edge\n")
    machine.commands[APK_QUERY] = CommandResult(0, "alpine-base-3.20.3-r0\ngo-1.22.5-r0\n")
    found = plan(machine, {"mailx": Package(), "go": Package(), "nano": Package(), "vi": Package()})
    assert [item.state for item in found.items] == [State.IN_SYNC, State.IN_SYNC, State.ADD, State.ADD]


@pytest.mark.parametrize(
    ("release", "called"),
    [
        ("ID=debian\n", "golang-go"),
        ("ID=ubuntu\nID_LIKE=debian\n", "go-of-ubuntu"),
        ("ID=linuxmint\nID_LIKE='ubuntu debian'\n", "go-of-ubuntu"),
        ("ID=suse\n", "go-of-others"),
        ("", "go-of-others"),
    ],
)
def test_the_name_is_the_distros_own(debian: Machine, release: str, called: str) -> None:
    debian.file("/etc/os-release", release)
    names = {"debian": "golang-go", "ubuntu": "go-of-ubuntu", "default": "go-of-others"}
    assert commands(plan(debian, {"golang": Package(name=names)})) == [("apt-get", "install", called)]


def test_without_a_name_for_this_distro_the_items_own_is_taken(debian: Machine) -> None:
    assert commands(plan(debian, {"fd": Package(name={"alpine": "fd-find"})})) == [("apt-get", "install", "fd")]


def test_programs_are_there_for_others_that_need_them() -> None:
    want = packages({}).want("golang", Package(programs=("go", "/usr/sbin/gofmt")))
    assert want.provides == {Program(name) for name in ("go", "/usr/bin/go", "/bin/go", "/usr/sbin/gofmt")}


def test_what_is_written_to_the_package_sources_comes_first(debian: Machine, reading: Reading) -> None:
    debian.directory("/etc/apt/sources.list.d")
    (change,) = plan(debian, {"git": Package()}).changes
    assert [str(claim) for claim in change.claims] == ["the directory /etc/apt/sources.list.d"]


def test_the_distros_own_manager_is_asked(debian: Machine) -> None:
    debian.programs |= {"dnf": "/usr/bin/dnf", "apk": "/sbin/apk"}
    assert commands(plan(debian, {"git": Package()})) == [("apt-get", "install", "git")]
    debian.file("/etc/os-release", "ID=fedora\n")
    assert commands(plan(debian, {"git": Package()})) == [("dnf", "install", "git")]


# ---- pinned


@each_manager
def test_a_version_is_installed_and_kept(machine: Machine, manager: str) -> None:
    become(machine, manager)
    applied(machine, {"nodejs": Package(version="18.*")})
    assert package_archive.installed(machine)["nodejs"].version == "18.20.4-1"


@each_manager
def test_another_version_is_replaced(machine: Machine, manager: str) -> None:
    become(machine, manager)
    package_archive.put(machine, "nodejs", "20.*")
    item = only(plan(machine, {"nodejs": Package(version="18.*")}))
    assert item.state is State.CHANGE
    assert [(diff.name, diff.after) for diff in item.diffs] == [("version", "18.*"), ("held", True)]
    applied(machine, {"nodejs": Package(version="18.*")})
    applied(machine, {"nodejs": Package(version="20.*")})


@each_manager
def test_the_right_version_is_only_held(machine: Machine, manager: str) -> None:
    become(machine, manager)
    package_archive.put(machine, "nodejs", "18.*")
    expected = {
        "apt": ("apt-get", "hold", "nodejs"),
        "dnf": ("dnf", "hold", "nodejs"),
        "apk": ("apk", "add", "nodejs~18"),
    }
    assert applied(machine, {"nodejs": Package(version="18.*")}) == [expected[manager]]


def test_a_held_package_without_a_version_is_as_it_should_be(debian: Machine) -> None:
    applied(debian, {"nodejs": Package(version="18.*")})
    assert plan(debian, {"nodejs": Package()}).changes == ()


def test_a_whole_version_is_one(debian: Machine) -> None:
    assert applied(debian, {"nodejs": Package(version="18.19.0-1")}) == [("apt-get", "pin", "nodejs=18.19.0-1")]


@pytest.mark.parametrize(
    ("evr", "version", "fits"),
    [
        ("18.19.0-1.fc39", "18.*", True),
        ("1:18.19.0-1.fc39", "18.*", True),
        ("1:18.19.0-1.fc39", "18.19.0", True),
        ("1:18.19.0-1.fc39", "18.19.0-1.fc39", True),
        ("1:18.19.0-1.fc39", "1:18.19.0-1.fc39", True),
        ("1:18.19.0-1.fc39", "18.19.1", False),
        ("1:18.19.0-1.fc39", "8.*", False),
    ],
)
def test_to_dnf_a_version_need_not_be_whole(machine: Machine, evr: str, version: str, fits: bool) -> None:
    become(machine, "dnf")
    query = ("rpm", "-q", "--whatprovides", "--queryformat", "%{NAME}\\t%{EVR}\\t[%{PROVIDENAME} ]\\n", "nodejs")
    machine.commands[query] = CommandResult(0, f"nodejs\t{evr}\tnodejs npm(x) \n")
    machine.file("/etc/dnf/plugins/versionlock.list", f"\n# Added lock\nnodejs-{evr}.*\n")
    assert (only(plan(machine, {"nodejs": Package(version=version)})).state is State.IN_SYNC) == fits


@pytest.mark.parametrize(
    ("locks", "held"),
    [
        ('[[packages]]\nname = "git"\n[[packages.conditions]]\nkey = "evr"\ncomparator = "="\nvalue = "1.0-1"\n', True),
        ('[[packages]]\nname = "git"\n[[packages.conditions]]\nkey = "evr"\ncomparator = "!="\nvalue = "9"\n', False),
        ('[[packages]]\nname = "curl"\n[[packages.conditions]]\ncomparator = "="\n', False),
        ("this is no toml", False),
        ("packages = 3", False),
    ],
)
def test_dnf_5_keeps_its_locks_elsewhere(machine: Machine, locks: str, held: bool) -> None:
    become(machine, "dnf")
    machine.programs["dnf5"] = "/usr/bin/dnf5"
    machine.file("/etc/dnf/versionlock.toml", f'version = "1.0"\n{locks}')
    package_archive.put(machine, "git")
    assert (plan(machine, {"git": Package(version="1.*")}).changes == ()) == held


def test_dnf_without_its_plugin_cannot_keep_a_version(machine: Machine) -> None:
    become(machine, "dnf")
    del machine.nodes["/etc/dnf/plugins/versionlock.conf"]
    item = only(plan(machine, {"nodejs": Package(version="18.*")}))
    assert item.state is State.BLOCKED and item.why is not None and item.fix is not None
    assert "versionlock is missing" in item.why and "python3-dnf-plugin-versionlock" in item.fix
    applied(machine, {"nodejs": Package()})


@pytest.mark.parametrize(
    ("version", "word"),
    [("3.20.*", "git~3.20"), ("3.*", "git~3"), ("2.45.1-r0", "git=2.45.1-r0"), ("3.2*", None), ("*", None)],
)
def test_apk_knows_one_kind_of_glob(machine: Machine, version: str, word: str | None) -> None:
    become(machine, "apk")
    found = plan(machine, {"git": Package(version=version)})
    assert commands(found) == ([("apk", "add", word)] if word else [])
    assert (only(found).state is State.BLOCKED) == (word is None)


# ---- absent


@each_manager
def test_absent_is_removed_before_anything_is_installed(machine: Machine, manager: str) -> None:
    become(machine, manager)
    assert machine.apply(plan(machine, {"vim-tiny": Package()})) == {}
    told = applied(machine, {"vim": Package(), "vim-tiny": ABSENT})
    assert [words[1:] for words in told] in (
        [("remove", "vim-tiny"), ("install", "vim")],
        [("del", "vim-tiny"), ("add", "vim")],
    )


def test_a_removal_is_marked(debian: Machine) -> None:
    assert packages({}).want("vim", ABSENT).risks == {Risk.DELETES}
    assert packages({}).want("openssh-server", ABSENT).risks == {Risk.DELETES, Risk.CUTS_ACCESS}


@pytest.mark.parametrize(
    "line", ["dpkg\tamd64\t1\tii \tyes\tno", "init\tall\t1\tii \tno\tyes", "apt\tamd64\t2\tii \tno\tno"]
)
def test_what_the_system_cannot_do_without_is_not_removed(debian: Machine, line: str) -> None:
    debian.commands[APT_QUERY] = CommandResult(0, f"{line}\trequired\t\ndpkg\tamd64\t1\tii \tyes\tno\trequired\t\n")
    name = line.split("\t")[0]
    item = only(plan(debian, {name: ABSENT}))
    assert (item.state, item.fix) == (State.BLOCKED, "take it out of the document")
    assert item.why == f"{name} cannot be removed: it is marked essential, no system does without it"


def test_apk_does_not_remove_what_others_need(machine: Machine) -> None:
    become(machine, "apk")
    package_archive.put(machine, "git")
    machine.file("/etc/apk/world", "git\n")
    assert only(plan(machine, {"git-man": ABSENT})).why == "git-man cannot be removed: other packages need it"


# ---- not here


def test_at_rest_nothing_is_installed_nor_removed(debian: Machine) -> None:
    debian.life = replace(debian.life, at_rest=True)
    found = plan(debian, {"git": Package(), "vim": ABSENT})
    assert [item.state for item in found.items] == [State.NOT_APPLICABLE] * 2


def test_another_package_manager_is_named_as_missing(machine: Machine) -> None:
    machine.file("/etc/os-release", "ID=arch\n")
    item = only(plan(machine, {"git": Package()}))
    assert (item.state, item.why) == (State.BLOCKED, "neither apt, apk nor dnf is here")


def test_an_answer_that_is_none_makes_packages_unknown(debian: Machine) -> None:
    debian.commands[APT_QUERY] = CommandResult(2, "")
    item = only(plan(debian, {"git": Package()}))
    assert (item.state, item.why) == (State.UNKNOWN, "dpkg-query does not tell which packages are installed")


# ---- without items


def observed(machine: Machine) -> dict[str, Seen]:
    empty = packages({})
    return cast(dict[str, Seen], dict(empty.observe(machine.sheet(empty.wanted_facts()))))


def test_apt_tells_what_was_asked_for_and_is_not_the_base(debian: Machine) -> None:
    package_archive.put(debian, "git")
    package_archive.put(debian, "nodejs", "18.*")
    package_archive.installed(debian)["nodejs"].held = True
    marks = "".join(f"Package: {name}\nArchitecture: amd64\nAuto-Installed: 1\n\n" for name in ("git-man", "curl"))
    debian.file(AUTOMATIC, marks + "Package: git\nAuto-Installed: 0\n")
    assert {name: seen.fields for name, seen in observed(debian).items()} == {
        "git": {},
        "nodejs": {"version": "18.20.4-1"},
    }


def test_apk_tells_its_world(machine: Machine) -> None:
    become(machine, "apk")
    applied(machine, {"git": Package(), "nodejs": Package(version="18.*")})
    assert set(observed(machine)) == {"git", "nodejs"}


def test_dnf_is_not_asked(machine: Machine) -> None:
    become(machine, "dnf")
    package_archive.put(machine, "git")
    assert observed(machine) == {}


# ---- documents


def test_a_list_of_names_will_do(reading: Reading) -> None:
    desired = reading("distro: {packages: [git, libstdc++-12-dev, 'libc6:i386', python3.12]}\n")[DISTRO]
    assert list(desired.kinds["packages"].items) == ["git", "libstdc++-12-dev", "libc6:i386", "python3.12"]


@pytest.mark.parametrize(
    "text",
    [
        "packages: ['--purge']",
        "packages: ['git=1.0']",
        "packages: ['vim-']",
        "packages: ['a b']",
        "packages: ['git;id']",
        "packages: ['task^']",
        "packages: ['*']",
        "packages: {git: {version: '1.0; id'}}",
        "packages: {git: {version: ''}}",
        "packages: {git: {name: {debian: '-x'}}}",
        "packages: {git: {name: {debian: '{{ facts.libc }}'}}}",
        "packages: {git: {programs: ['a b']}}",
    ],
)
def test_what_is_no_name_or_version_is_refused(reading: Reading, text: str) -> None:
    with pytest.raises(DocumentError):
        reading(f"distro:\n  {text}\n")


def test_a_secret_version_is_refused(reading: Reading) -> None:
    with pytest.raises(DocumentError):
        reading("secrets: {v: {}}\ndistro:\n  packages: {git: {version: '{{ secrets.v }}'}}\n")


# ---- the way back


def led_back(before: dict[str, Json]) -> Package:
    item = Packages.as_declared(Layer.DISTRO, "git", before, None, None)
    found = Packages.schema(Layer.DISTRO).built("git", item)
    assert isinstance(found, Package)
    return found


def test_what_was_not_held_is_not_held_again(debian: Machine) -> None:
    assert led_back({"version": "1.2", "held": False}) == Package(version="1.2", held=False)
    applied(debian, {"nodejs": Package(version="18.*")})
    found = plan(debian, {"nodejs": led_back({"version": "18.20.4-1", "held": False})})
    assert [task.words for change in found.changes for task in change.tasks if isinstance(task, RunCommand)] == [
        ("apt-mark", "unhold", "nodejs")
    ]
    older = plan(debian, {"nodejs": led_back({"version": "18.19.0-1", "held": False})})
    assert [change.thing for change in older.changes] == ["pinned packages", "released packages"]


def test_a_version_that_fits_is_as_it_was_left() -> None:
    after: dict[str, Json] = {"version": "18.*", "held": True}
    assert Packages.is_as_left({"version": "18.20.4-1", "held": True}, after)
    assert not Packages.is_as_left({"version": "19.1", "held": True}, after)
    assert not Packages.is_as_left({"version": "18.20.4-1", "held": False}, after)
    assert not Packages.is_as_left(None, after)


def test_held_at_no_version_is_refused(reading: Reading) -> None:
    with pytest.raises(DocumentError, match="git is to be held at no version"):
        reading("distro: {packages: {git: {held: true}}}\n")


def test_what_a_removal_leaves_is_said(debian: Machine) -> None:
    assert debian.apply(plan(debian, {"git": Package()})) == {}
    (note,) = only(plan(debian, {"git": ABSENT})).notes
    assert note.endswith("packages that came with it: apt-get autoremove lists them")
