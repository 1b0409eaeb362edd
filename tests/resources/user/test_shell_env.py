"""PATH and variables for every shell: the file, the blocks that have it read, and what is told of them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.formats.shell_environment import fish, posix
from reconciler.model.address import Layer, Target
from reconciler.model.errors import DocumentError
from reconciler.model.plan import ItemPlan, Plan
from reconciler.model.secrets import Secret
from reconciler.model.states import Effect, Risk, State
from reconciler.model.values import ABSENT, UNMANAGED
from reconciler.planning.describe import describe
from reconciler.resources.user.shell_env import PathEntry, ShellEnv

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine
    from tests.resources.conftest import Reading

ALICE = Target("lt", "main", "alice")
HOME = "/home/alice"
FILE = f"{HOME}/.config/reconcile/env.sh"
FISH = f"{HOME}/.config/fish/conf.d/reconcile.fish"
GOBIN = PathEntry(directory="/usr/local/gobin", position="first")
LOCAL = PathEntry(directory="~/.local/bin")
ITEMS: dict[str, object] = {"path.gobin": GOBIN, "path.local": LOCAL, "variables.EDITOR": "vim"}
DEBIAN = "# ~/.bashrc\n\n# If not running interactively, don't do anything\ncase $- in\n    *i*) ;;\n      *) return;;\nesac\n\nHISTSIZE=1000\n"
PLAIN = "if [ -r ~/.config/reconcile/env.sh ]; then\n  . ~/.config/reconcile/env.sh\nfi\n"
BEGINS = "if [ -r ~/.config/reconcile/env.sh ]; then\n  _reconcile_anew=yes\n  . ~/.config/reconcile/env.sh\nfi\n"


def kind(items: dict[str, object]) -> ShellEnv:
    return ShellEnv(items=items, options={}, layer=Layer.USER)


def plan(machine: Machine, items: dict[str, object], **more: object) -> Plan:
    return machine.plan({ALICE: [kind(items)]}, **more)  # type: ignore[arg-type]


def applied(machine: Machine, items: dict[str, object]) -> None:
    """Done, and then in sync."""
    assert machine.apply(plan(machine, items)) == {}
    again = plan(machine, items)
    assert (again.changes, {item.state for item in again.items} - {State.IN_SYNC}) == ((), set())


def item(found: Plan, name: str) -> ItemPlan:
    return next(entry for entry in found.items if entry.address.item == name)


def states(found: Plan) -> dict[str, State]:
    return {entry.address.item: entry.state for entry in found.items}


def notes(machine: Machine, items: dict[str, object]) -> tuple[str, ...]:
    return plan(machine, items).targets[0].notes


def block(text: str) -> str:
    return f"# >>> reconcile shell_env >>>\n{text}# <<< reconcile shell_env <<<\n"


def shell(machine: Machine, path: str) -> None:
    machine.file("/etc/passwd", f"root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::{HOME}:{path}\n")


# ---- written


def test_the_file_and_the_block_that_has_it_read_are_written(machine: Machine) -> None:
    found = plan(machine, ITEMS)
    assert states(found) == dict.fromkeys([*ITEMS, "hook.profile"], State.ADD)
    assert {change.effect for change in found.changes if change.thing == FILE} == {Effect.NEW_SESSION}
    applied(machine, ITEMS)
    assert posix.members(machine.text(FILE)) == {
        "path.gobin": "first /usr/local/gobin",
        "path.local": "last ~/.local/bin",
        "variables.EDITOR": "vim",
    }
    assert machine.text(f"{HOME}/.profile") == block(BEGINS)
    assert machine.nodes[FILE].mode == 0o644 and FISH not in machine.nodes


@pytest.mark.parametrize(
    ("there", "login", "hooks"),
    [
        ((), "", {"profile"}),
        ((), "/bin/bash", {"profile", "bashrc"}),
        ((".bashrc",), "", {"profile", "bashrc"}),
        ((".bash_login",), "", {"profile", "bash_login"}),
        ((".bash_login", ".bash_profile"), "", {"profile", "bash_profile"}),
        ((), "/usr/bin/zsh", {"profile", "zshenv"}),
        ((".zshrc",), "", {"profile", "zshenv"}),
        ((), "/bin/mksh", {"profile", "mkshrc"}),
        ((".vscode-server/bin/x",), "", {"profile", "vscode_server"}),
        ((".vscode-server-insiders/bin/x",), "", {"profile", "vscode_server_insiders"}),
        ((), "/usr/bin/fish", {"profile"}),
    ],
)
def test_the_files_of_shells_in_use_get_the_block(
    machine: Machine, there: tuple[str, ...], login: str, hooks: set[str]
) -> None:
    for name in there:
        machine.file(f"{HOME}/{name}", "x=1\n")
    shell(machine, login)
    found = plan(machine, ITEMS)
    assert {name.removeprefix("hook.") for name in states(found) if name.startswith("hook.")} == hooks
    applied(machine, ITEMS)


def test_without_passwd_this_session_tells_the_shell(machine: Machine) -> None:
    from reconciler.model.facts import Session

    machine.environment[Session.PROCESS, "SHELL"] = "/usr/bin/zsh"
    assert "hook.zshenv" in states(plan(machine, ITEMS))


def test_the_block_stands_above_the_line_that_ends_the_file_for_programs(machine: Machine) -> None:
    machine.file(f"{HOME}/.bashrc", DEBIAN)
    applied(machine, ITEMS)
    text = machine.text(f"{HOME}/.bashrc")
    assert text.replace(block(PLAIN), "") == DEBIAN
    assert text.index(block(PLAIN)) < text.index("# If not running")


def test_a_block_that_somebody_moved_below_that_line_moves_back(machine: Machine) -> None:
    machine.file(f"{HOME}/.bashrc", DEBIAN + block(PLAIN))
    found = item(plan(machine, ITEMS), "hook.bashrc")
    assert found.state is State.CHANGE and "moves up" in found.notes[0]
    applied(machine, ITEMS)
    assert machine.text(f"{HOME}/.bashrc").index(block(PLAIN)) < len(DEBIAN) - 40


def test_fish_gets_a_file_in_its_own_language(machine: Machine) -> None:
    applied(machine, ITEMS)
    machine.directory(f"{HOME}/.config/fish")
    assert states(plan(machine, ITEMS))["path.gobin"] is State.ADD
    applied(machine, ITEMS)
    assert fish.members(machine.text(FISH)) == posix.members(machine.text(FILE))
    machine.file(FISH, fish.text({**fish.members(machine.text(FISH)), "variables.EDITOR": "nano"}))
    found = item(plan(machine, ITEMS), "variables.EDITOR")
    assert (found.state, found.before) == (State.CHANGE, {"value": "nano"})
    applied(machine, {**ITEMS, "path.local": ABSENT})
    assert "path.local" not in fish.members(machine.text(FISH))


def test_entries_stand_in_the_order_of_the_document(machine: Machine) -> None:
    first = {f"path.{name}": PathEntry(directory=f"/opt/{name}", position="first") for name in "abc"}
    applied(machine, {name: first[name] for name in ("path.a", "path.c")})
    applied(machine, first)
    assert list(posix.members(machine.text(FILE))) == ["path.a", "path.b", "path.c"]
    turned = dict(reversed(first.items()))
    found = plan(machine, turned)
    assert states(found)["file"] is State.CHANGE and states(found)["path.a"] is State.IN_SYNC
    applied(machine, turned)
    assert list(posix.members(machine.text(FILE))) == ["path.c", "path.b", "path.a"]


def test_what_another_hand_wrote_into_our_file_goes(machine: Machine) -> None:
    applied(machine, ITEMS)
    text = machine.text(FILE)
    machine.file(FILE, text + "echo hello\n")
    found = plan(machine, ITEMS)
    assert {name for name, state in states(found).items() if state is State.CHANGE} == {"file"}
    applied(machine, ITEMS)
    assert machine.text(FILE) == text


def test_what_others_declared_stays(machine: Machine) -> None:
    applied(machine, ITEMS)
    applied(machine, {"variables.PAGER": "less", "path.gobin": UNMANAGED})
    assert posix.members(machine.text(FILE)).keys() == {*ITEMS, "variables.PAGER"}


ENTRIES = st.sampled_from([GOBIN, LOCAL, PathEntry(directory="/opt/x", position="first"), ABSENT])
DOCUMENTS = st.dictionaries(st.sampled_from(["path.a", "path.b", "path.c"]), ENTRIES).flatmap(
    lambda paths: st.dictionaries(
        st.sampled_from(["variables.A", "variables.B"]), st.sampled_from(["", "$x 'y'", "\\", ABSENT])
    ).map(lambda variables: {**paths, **variables})
)
RC_LINES = st.sampled_from(
    ["case $- in", "  *i*) ;;", "*) return;;", "esac", "x=1", "# c", "", '[ -z "$PS1" ] && return', "x\r"]
)


@settings(max_examples=150, deadline=None)
@given(
    before=DOCUMENTS,
    after=DOCUMENTS,
    lines=st.lists(RC_LINES, max_size=6),
    finished=st.booleans(),
    with_fish=st.booleans(),
)
def test_the_files_are_what_the_document_says_whatever_was_there(
    machines: type[Machine],
    before: dict[str, object],
    after: dict[str, object],
    lines: list[str],
    finished: bool,
    with_fish: bool,
) -> None:
    rc = "\n".join(lines) + ("\n" if finished and lines else "")
    used, fresh = machines(), machines()
    for machine in (used, fresh):
        machine.file(f"{HOME}/.bashrc", rc)
        if with_fish:
            machine.directory(f"{HOME}/.config/fish")
    applied(used, before)
    whole = {**dict.fromkeys(before, ABSENT), **after}
    ordered = {name: whole[name] for name in (*after, *(name for name in whole if name not in after))}
    applied(used, ordered)
    applied(fresh, after)
    assert {path for path in used.nodes if path in (FILE, FISH)} == {
        path for path in fresh.nodes if path in (FILE, FISH)
    }
    for path in (FILE, FISH, f"{HOME}/.profile"):
        assert (path in used.nodes) == (path in fresh.nodes)
        if path in used.nodes:
            assert used.text(path) == fresh.text(path)
    if f"{HOME}/.bashrc" in used.nodes and FILE not in used.nodes:
        assert used.text(f"{HOME}/.bashrc") == rc


# ---- taken away


def test_the_last_entry_takes_the_files_and_the_blocks_along(machine: Machine) -> None:
    machine.file(f"{HOME}/.bashrc", DEBIAN)
    machine.file(f"{HOME}/.zshenv", "")
    machine.directory(f"{HOME}/.config/fish")
    applied(machine, ITEMS)
    applied(machine, {"path.gobin": ABSENT})
    assert "reconcile" in machine.text(f"{HOME}/.bashrc")
    applied(machine, dict.fromkeys(ITEMS, ABSENT))
    assert machine.text(f"{HOME}/.bashrc") == DEBIAN
    assert not {FILE, FISH, f"{HOME}/.profile"} & machine.nodes.keys()
    assert plan(machine, {"variables.NEVER": ABSENT}).changes == ()


def test_the_end_of_a_link_into_dotfiles_is_emptied_and_stays(machine: Machine) -> None:
    machine.file(f"{HOME}/dotfiles/profile", "")
    machine.link(f"{HOME}/.profile", f"{HOME}/dotfiles/profile")
    applied(machine, ITEMS)
    assert machine.text(f"{HOME}/dotfiles/profile") == block(BEGINS)
    applied(machine, dict.fromkeys(ITEMS, ABSENT))
    assert machine.text(f"{HOME}/dotfiles/profile") == ""
    assert machine.nodes[f"{HOME}/.profile"].link


def test_unmanaged_items_alone_touch_nothing(machine: Machine) -> None:
    found = plan(machine, {"path.gobin": UNMANAGED})
    assert (found.items, found.changes) == ((), ())


# ---- in the way


def test_markers_that_do_not_pair_block_their_file_only(machine: Machine) -> None:
    machine.file(f"{HOME}/.bashrc", "# >>> reconcile shell_env >>>\nmine\n")
    found = plan(machine, ITEMS)
    assert item(found, "hook.bashrc").why == "~/.bashrc:1: the block shell_env begins here and does not end"
    assert states(found)["path.gobin"] is State.ADD and states(found)["hook.profile"] is State.ADD


def test_what_cannot_be_read_is_unknown(machine: Machine) -> None:
    machine.file(FILE, "")
    machine.file(f"{HOME}/.bashrc", "")
    machine.secretive |= {FILE, f"{HOME}/.bashrc"}
    found = states(plan(machine, ITEMS))
    assert {found["path.gobin"], found["hook.bashrc"]} == {State.UNKNOWN}


def test_a_link_in_place_of_our_file_blocks(machine: Machine) -> None:
    machine.file(f"{HOME}/elsewhere", "")
    machine.link(FILE, f"{HOME}/elsewhere")
    assert states(plan(machine, ITEMS))["path.gobin"] is State.BLOCKED


# ---- secrets and risks


SECRET = Secret("http://me:pw-canary@proxy", frozenset({"password"}))


def test_a_file_with_a_secret_is_its_owners_alone(machine: Machine) -> None:
    machine.directory(f"{HOME}/.config/fish")
    applied(machine, ITEMS)
    items = {**ITEMS, "variables.HTTPS_PROXY": SECRET}
    found = plan(machine, items)
    assert "canary" not in repr(found.targets)
    assert all(change.text is None for change in found.changes if change.thing in (FILE, FISH))
    applied(machine, items)
    assert {machine.nodes[path].mode for path in (FILE, FISH)} == {0o600}
    machine.nodes[FILE] = dataclasses.replace(machine.nodes[FILE], mode=0o644)
    assert {name for name, state in states(plan(machine, items)).items() if state is State.CHANGE} == {"file"}
    applied(machine, items)
    assert machine.nodes[FILE].mode == 0o600


@pytest.mark.parametrize("later", [ABSENT, UNMANAGED, "plain", Secret("other", frozenset({"password"}))])
def test_a_secret_that_was_written_once_is_never_shown_again(machine: Machine, later: object) -> None:
    applied(machine, {"variables.HTTPS_PROXY": SECRET})
    found = plan(machine, {"variables.HTTPS_PROXY": later, "variables.PAGER": "less"})
    assert "canary" not in repr(found.targets)
    assert item(found, "variables.HTTPS_PROXY").state is not State.IN_SYNC if later is not UNMANAGED else True
    applied(machine, {"variables.HTTPS_PROXY": later})


def test_a_secret_that_becomes_plain_with_the_same_value_is_in_sync(machine: Machine) -> None:
    applied(machine, {"variables.TOKEN": Secret("t", frozenset({"password"}))})
    assert plan(machine, {"variables.TOKEN": "t"}).changes == ()


def test_init_tells_of_no_secret(machine: Machine) -> None:
    applied(machine, {"variables.HTTPS_PROXY": SECRET, **ITEMS})
    schemas = {"shell_env": (ShellEnv, ShellEnv.schema(Layer.USER))}
    (found,) = describe(ALICE, schemas, machine.sheet(kind({}).wanted_facts(), "alice"))
    said = {".".join(entry.path): entry.value for entry in found.items if entry.reason is None}
    assert said == {
        "path.gobin": {"directory": "/usr/local/gobin", "position": "first"},
        "path.local": {"directory": "~/.local/bin", "position": "last"},
        "variables.EDITOR": "vim",
    }
    assert [entry.reason for entry in found.items if entry.reason] == ["it is a secret"]
    assert "canary" not in repr(found)


def test_a_secret_of_two_lines_is_blocked_and_not_told(machine: Machine) -> None:
    found = item(plan(machine, {"variables.KEY": Secret("a\ncanary", frozenset({"password"}))}), "variables.KEY")
    assert (found.state, found.why) == (State.BLOCKED, "the secret in variables.KEY cannot stand on one line")


@pytest.mark.parametrize(
    ("name", "value", "is_risk"),
    [
        ("variables.LD_PRELOAD", "/x.so", True),
        ("variables.BASH_ENV", "~/x", True),
        ("variables.PROMPT_COMMAND", "x", True),
        ("variables.GOFLAGS", "-toolexec=/x", True),
        ("variables.GOFLAGS", "-mod=mod", False),
        ("variables.PS1", "$(id)", True),
        ("variables.PS1", "\\w", False),
        ("variables.EDITOR", "vim", False),
        ("path.x", PathEntry(directory="/tmp/bin", position="first"), True),
        ("path.x", PathEntry(directory="/mnt/c/bin", position="first"), True),
        ("path.x", PathEntry(directory="/tmp/bin"), True),
        ("path.x", PathEntry(directory="/mnt/c/bin"), False),
        ("path.x", PathEntry(directory="/tmpfs/bin", position="first"), False),
    ],
)
def test_what_runs_code_later_is_marked(name: str, value: object, is_risk: bool) -> None:
    assert kind({name: value}).want(name, value).risks == ({Risk.RUNS_CODE_LATER} if is_risk else frozenset())
    assert kind({}).want(name, ABSENT).risks == frozenset()


def test_what_nobody_allowed_is_in_no_file(machine: Machine) -> None:
    machine.directory(f"{HOME}/.config/fish")
    machine.apply(plan(machine, {**ITEMS, "variables.LD_PRELOAD": "/x.so"}, allow=()))
    for path in (FILE, FISH):
        assert "EDITOR" in machine.text(path) and "LD_PRELOAD" not in machine.text(path)


# ---- remarks


def test_variables_of_go_belong_elsewhere(machine: Machine) -> None:
    (note,) = notes(
        machine, {"variables.GOPATH": "/x", "variables.CC": "gcc", "variables.GODEBUG": "x=1", "path.x": LOCAL}
    )
    assert note.startswith("shell_env variables.GOPATH: put GOPATH under go_env, ")


def test_a_directory_in_front_that_others_write_is_told_of(machine: Machine) -> None:
    machine.directory("/srv/open", mode=0o777)
    machine.directory("/srv/mine", owner="alice")
    machine.directory("/srv/bobs", owner="bob")
    items = {
        f"path.{name}": PathEntry(directory=f"/srv/{name}", position="first")
        for name in ("open", "mine", "bobs", "none")
    }
    assert [note.partition(":")[0] for note in notes(machine, items)] == ["shell_env path.open", "shell_env path.bobs"]


def test_lines_that_a_terminal_reads_after_ours_are_told_of_without_their_values(machine: Machine) -> None:
    machine.file(f"{HOME}/.bashrc", DEBIAN + "export EDITOR=canary\nexport PATH=/usr/bin\n")
    machine.file(f"{HOME}/.zshrc", "export EDITOR=vim\nexport PATH=$PATH:/x\n")
    machine.file(f"{HOME}/.profile", "export EDITOR=canary\n")
    assert notes(machine, ITEMS) == (
        "~/.bashrc:10 exports EDITOR too: that one counts in terminals",
        "~/.bashrc:11 sets PATH anew, without what it held: entries of shell_env are lost in terminals",
    )
    assert notes(machine, {"variables.PAGER": "less", "variables.EDITOR": ABSENT}) == ()


# ---- in documents


@pytest.mark.parametrize(
    ("entry", "what"),
    [
        ("variables: {PATH: /bin}", "PATH is made of directories"),
        ("variables: {status: x}", "status is in lower case"),
        ("variables: {UID: '1'}", "UID is a name that shells keep for themselves"),
        ("variables: {HOME: /x}", "HOME is what the session itself says"),
        ("variables: {1A: x}", "1A"),
        ("variables: {'A B': x}", "A B"),
        ('variables: {A: "x\\ny"}', "A holds a line end"),
        ('variables: {A: "x\\u001by"}', "A holds a control character"),
        ("path: {x: {directory: bin}}", "a path that begins with ~/ or /"),
        ("path: {x: {directory: '/a:/b'}}", "holds a colon"),
        ("path: {x: {directory: /a, position: middle}}", "middle"),
        ("path: {x: {position: first}}", "lacks directory"),
        ("path: {x y: {directory: /a}}", "x y"),
        ("path: {x: {directory: '{{ secrets.proxy_password }}'}}", "secret"),
    ],
)
def test_what_no_shell_can_be_told_is_refused(reading: Reading, entry: str, what: str) -> None:
    with pytest.raises(DocumentError) as error:
        reading(f"secrets: {{proxy_password: {{}}}}\nuser:\n  shell_env:\n    {entry}\n")
    assert what in "; ".join(f"{problem.what} {problem.fix}" for problem in error.value.problems)


def test_values_are_text_as_written(reading: Reading) -> None:
    text = "user:\n  shell_env:\n    path: {x: {directory: ~/bin}}\n    variables: {A: on, B: 022, http_proxy: 'http://x'}\n"
    items = reading(text)[ALICE].kinds["shell_env"].items
    assert items == {
        "path.x": {"directory": "~/bin"},
        "variables.A": "on",
        "variables.B": "022",
        "variables.http_proxy": "http://x",
    }
