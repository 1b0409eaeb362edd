"""Who is asked, with whose rights, and what a machine may answer."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes import AnsweringMachine, really_gathered
from reconciler.execution.gather import Caller, Gathered, gather
from reconciler.model.address import Target
from reconciler.model.errors import ReconcileError, UnreachableError
from reconciler.model.facts import (
    NEEDS_ROOT,
    Account,
    AccountState,
    CommandText,
    Environment,
    Fact,
    FileText,
    Libc,
    Listing,
    PathInfo,
    PathType,
    Session,
    Unread,
)
from reconciler.model.transport import Result

MACHINE = Target("lt", "main")
ALICE = Target("lt", "main", "alice")
BOB = Target("lt", "main", "bob")
ALICE_UID, BOB_UID, STAFF_GID = 4242, 4243, 4300
ROOT = Caller(user="root", uid=0, home="/root")
ME = Caller(user="alice", uid=os.geteuid() or 1000, home="/nonexistent", environment={"GOFLAGS": "-v"})

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: files of other users")
as_root_with_setpriv = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root and setpriv: the rights of other users"
)


class Counted(AnsweringMachine):
    """A door that counts, and may change what comes back."""

    def __init__(self, change: Callable[[Result], Result] = lambda result: result) -> None:
        super().__init__(self._gathered)
        self.change = change
        self.runs: list[Result] = []

    def _gathered(self, given: bytes) -> Result:
        self.runs.append(really_gathered(given))
        return self.change(self.runs[-1])


def ask(root: Path | None, questions: dict[Target, set[Fact]], caller: Caller = ROOT) -> Gathered:
    asked = {target: frozenset(facts) for target, facts in questions.items()}
    return gather(Counted(), asked, caller=caller, root=str(root) if root else None)


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A small root file system of two users."""
    for folder in ("etc", "home/alice", "home/bob", "root", "tmp", "opt"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "etc/passwd").write_text(
        "root:x:0:0:root:/root:/bin/sh\n"
        f"alice:x:{ALICE_UID}:{STAFF_GID}:Alice:/home/alice:/bin/bash\n"
        f"bob:x:{BOB_UID}:{STAFF_GID}:Bob:/home/bob:/bin/sh\n"
        "broken line\nhomeless:x:4244:4244:::/bin/sh\n"
    )
    tmp_path.chmod(0o755)
    (tmp_path / "etc/group").write_text(f"root:x:0:\nstaff:x:{STAFF_GID}:alice,bob\n")
    for name, uid in (("alice", ALICE_UID), ("bob", BOB_UID)):
        file = tmp_path / f"home/{name}/.profile"
        file.write_text(f"of {name}")
        if os.geteuid() == 0:
            os.chown(file.parent, uid, STAFF_GID)
            os.chown(file, uid, STAFF_GID)
    return tmp_path


# ── who is asked ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_all_targets_of_a_machine_are_answered_in_one_exchange(machine: Path) -> None:
    door = Counted()
    asked: dict[Target, frozenset[Fact]] = {
        MACHINE: frozenset({FileText("/etc/passwd")}),
        ALICE: frozenset({FileText("~/.profile")}),
        BOB: frozenset({FileText("~/.profile")}),
    }
    found = gather(door, asked, caller=ROOT if os.geteuid() == 0 else ME, root=str(machine))
    assert found.sheets.keys() == asked.keys()
    assert [found.sheets[target].file("~/.profile").data for target in (ALICE, BOB)] == [b"of alice", b"of bob"]
    assert len(door.runs) == 1


def test_no_questions_open_no_door() -> None:
    door = Counted()
    assert gather(door, {}, caller=ME, root=None) == Gathered()
    assert door.runs == []


def test_a_user_who_does_not_exist_is_a_reason(machine: Path) -> None:
    stranger = Target("lt", "main", "stranger")
    found = ask(machine, {MACHINE: set(), stranger: {PathInfo("~/x")}})
    assert found.reasons == {stranger: "there is no user stranger here"}
    assert found.sheets.keys() == {MACHINE}


@as_root
def test_a_user_who_does_not_exist_on_the_running_machine_is_a_reason() -> None:
    stranger = Target("lt", "main", "no-such-user")
    assert ask(None, {stranger: {PathInfo("~/x")}}).reasons == {stranger: "there is no user no-such-user here"}


def test_a_user_without_a_home_is_a_reason(machine: Path) -> None:
    homeless = Target("lt", "main", "homeless")
    assert ask(machine, {homeless: {PathInfo("~/x")}}).reasons == {homeless: "passwd gives homeless no home directory"}


def test_without_root_another_users_layer_is_not_looked_at() -> None:
    found = ask(None, {ALICE: set(), BOB: {FileText("~/.profile")}}, caller=ME)
    assert found.reasons == {BOB: NEEDS_ROOT}
    assert found.sheets.keys() == {ALICE}


@as_root_with_setpriv
def test_a_users_questions_are_answered_with_that_users_rights(machine: Path) -> None:
    (machine / "etc/secret").write_text("of root")
    (machine / "etc/secret").chmod(0o600)
    (machine / "home/bob/own").write_text("of bob")
    (machine / "home/bob/own").chmod(0o600)
    os.chown(machine / "home/bob/own", BOB_UID, STAFF_GID)
    (machine / "home/alice/to-secret").symlink_to("/etc/secret")
    questions: set[Fact] = {
        FileText("/etc/secret"),
        FileText("/home/bob/own"),
        FileText("~/to-secret"),
        FileText("~/.profile"),
    }
    sheet = ask(machine, {ALICE: questions}).sheets[ALICE]
    assert (sheet.host.user, sheet.host.uid, sheet.host.home) == ("alice", ALICE_UID, "/home/alice")
    assert not sheet.host.elevated
    assert sheet.file("~/.profile").data == b"of alice"
    for path in ("/etc/secret", "/home/bob/own", "~/to-secret"):
        assert (sheet.file(path).data, sheet.file(path).unreadable) == (None, NEEDS_ROOT)


@as_root_with_setpriv
def test_a_user_of_the_running_machine_is_asked_with_his_rights() -> None:
    nobody = Target("lt", "main", "nobody")
    sheet = ask(
        None, {MACHINE: {FileText("/etc/shadow")}, nobody: {FileText("/etc/shadow"), CommandText(("id", "-u"))}}
    )
    assert sheet.sheets[MACHINE].file("/etc/shadow").data
    assert sheet.sheets[nobody].file("/etc/shadow").unreadable == NEEDS_ROOT
    result = sheet.sheets[nobody].command("id", "-u")
    assert result and not isinstance(result, Unread) and int(result.text) == sheet.sheets[nobody].host.uid != 0


@as_root_with_setpriv
def test_what_one_user_breaks_costs_the_others_nothing(machine: Path) -> None:
    asked: dict[Target, frozenset[Fact]] = {
        target: frozenset({FileText("~/.profile"), Listing("~")}) for target in (MACHINE, ALICE, BOB)
    }
    (machine / "root/.profile").write_text("of root")
    whole = gather(Counted(), asked, caller=ROOT, root=str(machine))
    found = gather(Counted(_cut_users), asked, caller=ROOT, root=str(machine))
    assert whole.reasons == {}
    assert found.sheets.keys() == {MACHINE}
    assert "is not an answer" in found.reasons[ALICE]
    assert found.sheets[MACHINE].file("~/.profile").data == b"of root"


def _cut_users(result: Result) -> Result:
    """The first section's answer alone."""
    end = result.stdout.index(b" end\n") + 5
    return Result(code=0, stdout=result.stdout[:end], stderr=b"")


def test_the_callers_own_variables_are_only_the_callers(machine: Path) -> None:
    fact, unset = Environment(Session.PROCESS, "GOFLAGS"), Environment(Session.PROCESS, "UNSET")
    found = ask(None, {ALICE: {fact, unset}, MACHINE: {fact}}, caller=ME).sheets
    assert found[ALICE].variable(Session.PROCESS, "GOFLAGS") == "-v"
    assert found[ALICE].variable(Session.PROCESS, "UNSET") is None
    assert isinstance(found[MACHINE].variable(Session.PROCESS, "GOFLAGS"), Unread)


def test_the_callers_home_is_what_the_caller_says(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here")
    name = "alice" if os.geteuid() else "root"
    target, caller = Target("lt", "main", name), Caller(user=name, uid=os.geteuid(), home=str(tmp_path))
    state = ask(None, {target: {PathInfo("~/file")}}, caller).sheets[target].path("~/file")
    assert (state.type, state.path) == (PathType.FILE, str(tmp_path / "file"))


@as_root
def test_under_sudo_the_home_of_root_is_not_the_callers(tmp_path: Path) -> None:
    caller = Caller(user="alice", uid=0, home=str(tmp_path))
    assert ask(None, {MACHINE: set()}, caller).sheets[MACHINE].host.home != str(tmp_path)


def test_the_host_names_this_life_of_the_machine() -> None:
    host = ask(None, {MACHINE: set()}, caller=ROOT if os.geteuid() == 0 else ME).sheets[MACHINE].host
    release = os.uname()
    assert (host.hostname, host.kernel, host.architecture) == (release.nodename, release.release, release.machine)
    assert host.uid == os.geteuid()
    assert host.boot == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert host.init_started == int(Path("/proc/1/stat").read_text().rpartition(")")[2].split()[19])
    assert host.wsl is (Path("/run/WSL").is_dir() or "microsoft" in release.release.lower())
    assert host.systemd is Path("/run/systemd/system").is_dir()
    assert not host.at_rest


# ── root keeps out of what others can write ─────────────────────────────────────────────────────────────────────────


@as_root
def test_root_reads_nothing_below_a_directory_of_somebody_else(machine: Path) -> None:
    questions: set[Fact] = {FileText("/home/alice/.profile"), PathInfo("/home/alice"), Listing("/home/alice")}
    sheet = ask(machine, {MACHINE: questions}).sheets[MACHINE]
    answer = sheet.file("/home/alice/.profile")
    assert answer.state.distrusted == "/home/alice"
    assert (answer.state.type, answer.data) == (PathType.FILE, None)
    assert answer.unreadable and "/home/alice" in answer.unreadable
    assert sheet.path("/home/alice").distrusted is None


@as_root
@pytest.mark.parametrize("mode", [0o775, 0o757, 0o1777])
def test_root_reads_nothing_below_a_directory_that_others_can_write(machine: Path, mode: int) -> None:
    folder = machine / "opt/folder"
    (folder / "below").mkdir(parents=True)
    (folder / "below/file").write_text("canary")
    (folder / "below/canary").touch()
    folder.chmod(mode)
    door = Counted()
    asked: dict[Target, frozenset[Fact]] = {
        MACHINE: frozenset({FileText("/opt/folder/below/file"), Listing("/opt/folder/below")})
    }
    sheet = gather(door, asked, caller=ROOT, root=str(machine)).sheets[MACHINE]
    assert b"canary" not in door.runs[0].stdout
    assert sheet.file("/opt/folder/below/file").data is None
    assert sheet.file("/opt/folder/below/file").state.distrusted == "/opt/folder"
    assert isinstance(sheet.listing("/opt/folder/below"), Unread)
    folder.chmod(0o755)
    assert (
        ask(machine, {MACHINE: {FileText("/opt/folder/below/file")}})
        .sheets[MACHINE]
        .file("/opt/folder/below/file")
        .data
    )


@as_root
def test_only_the_running_kernel_s_directories_are_trusted_whoever_they_belong_to(machine: Path) -> None:
    """In a user namespace they are nobody's: tests/lab/test_distro_kinds.py has one. A root at rest is all files."""
    (machine / "proc/sys/vm").mkdir(parents=True)
    (machine / "proc/sys/vm/overcommit_memory").write_text("0\n")
    os.chown(machine / "proc/sys", ALICE_UID, -1)
    answer = ask(machine, {MACHINE: {FileText("/proc/sys/vm/overcommit_memory")}}).sheets[MACHINE]
    assert answer.file("/proc/sys/vm/overcommit_memory").state.distrusted == "/proc/sys"
    assert answer.file("/proc/sys/vm/overcommit_memory").data is None


@as_root
def test_root_follows_no_link_that_somebody_else_can_set(machine: Path) -> None:
    (machine / "etc/secret").write_text("canary-of-root")
    (machine / "home/alice/link").symlink_to("/etc/secret")
    (machine / "home/alice/way").symlink_to("/etc")
    (machine / "etc/to-alice").symlink_to("/home/alice/.profile")
    (machine / "etc/good").symlink_to("secret")
    door = Counted()
    paths = ("/home/alice/link", "/home/alice/way/secret", "/etc/to-alice", "/etc/good")
    asked: dict[Target, frozenset[Fact]] = {MACHINE: frozenset(map(FileText, paths))}
    sheet = gather(door, asked, caller=ROOT, root=str(machine)).sheets[MACHINE]
    assert [sheet.file(path).data for path in paths] == [None, None, None, b"canary-of-root"]
    assert sheet.file("/home/alice/link").state.link is None
    assert sheet.file("/home/alice/link").state.followed.type is PathType.UNKNOWN
    assert sheet.file("/home/alice/way/secret").state.type is PathType.UNKNOWN
    assert "somebody else than root can write /home/alice" in str(sheet.file("/home/alice/way/secret").unreadable)
    assert sheet.file("/etc/to-alice").state.followed.distrusted == "/home/alice"
    assert door.runs[0].stdout.count(b"canary-of-root") == 1


@as_root
def test_root_reads_its_own_files_beside_those_of_others(machine: Path) -> None:
    os.chown(machine / "etc/group", ALICE_UID, STAFF_GID)
    assert ask(machine, {MACHINE: {FileText("/etc/group")}}).sheets[MACHINE].file("/etc/group").data


# ── a root file system that does not run ────────────────────────────────────────────────────────────────────────────


def test_at_rest_nothing_that_runs_is_asked(machine: Path) -> None:
    command, variable = CommandText(("touch", str(machine / "ran"))), Environment(Session.LOGIN, "PATH")
    process = Environment(Session.PROCESS, "GOFLAGS")
    found = ask(machine, {MACHINE: {command}, ALICE: {variable, process}}, caller=ME if os.geteuid() else ROOT).sheets
    why = Unread("--root: the system does not run")
    assert found[MACHINE].command(*command.argv) == why
    assert found[ALICE].variable(Session.LOGIN, "PATH") == found[ALICE].variable(Session.PROCESS, "GOFLAGS") == why
    assert not (machine / "ran").exists()
    host = found[MACHINE].host
    assert (host.at_rest, host.wsl, host.systemd, host.boot, host.init_started) == (True, True, False, "", 0)


def test_at_rest_accounts_and_owners_are_those_of_the_root(machine: Path) -> None:
    sheet = ask(machine, {MACHINE: {Account("alice"), Account("daemon"), PathInfo("/home/alice")}}).sheets[MACHINE]
    assert sheet.account("alice") == AccountState(uid=ALICE_UID, gid=STAFF_GID, home="/home/alice", shell="/bin/bash")
    assert sheet.account("daemon") is None
    if os.geteuid() == 0:
        assert (sheet.path("/home/alice").owner, sheet.path("/home/alice").group) == ("alice", "staff")


def test_at_rest_a_number_without_a_name_stays_a_number(machine: Path) -> None:
    (machine / "etc/group").write_text("")
    (machine / "etc/passwd").write_text("")
    state = ask(machine, {MACHINE: {PathInfo("/etc/group")}}).sheets[MACHINE].path("/etc/group")
    assert (state.owner, state.group) == (str(os.geteuid()), str((machine / "etc/group").stat().st_gid))


def test_links_of_a_root_stay_inside_it(machine: Path) -> None:
    (machine / "etc/absolute").symlink_to("/etc/group")
    (machine / "etc/up").symlink_to("../../../../../../../../etc/group")
    (machine / "etc/outside").symlink_to("/etc/hostname")
    (machine / "elsewhere").symlink_to("/etc")
    paths = ["/etc/absolute", "/etc/up", "/etc/outside", "/elsewhere/group"]
    sheet = ask(machine, {MACHINE: set(map(FileText, paths))}).sheets[MACHINE]
    group = (machine / "etc/group").read_bytes()
    assert [sheet.file(path).data for path in paths] == [group, group, None, group]
    assert sheet.file("/etc/outside").state.followed.type is PathType.MISSING
    assert sheet.file("/elsewhere/group").state.path == "/etc/group"


def test_a_passwd_that_leads_outside_a_root_names_nobody(machine: Path) -> None:
    (machine / "etc/passwd").unlink()
    (machine / "etc/passwd").symlink_to("/../../../../../../../../etc/passwd-of-the-host")
    assert ask(machine, {MACHINE: {Account("root")}}).sheets[MACHINE].account("root") is None


@pytest.mark.parametrize(
    "line",
    [
        "evil:x:0:0::/home:/bin/sh\tword touch\tword {ran}\trun",
        "evil:x:0:0::/home\tword touch\tword {ran}\trun:/bin/sh",
        "evil:x:0\tword touch\tword {ran}\trun:0::/home:/bin/sh",
        "evil:x:root:root::/home:/bin/sh",
    ],
)
def test_the_passwd_of_a_root_is_data(machine: Path, line: str) -> None:
    evil = Target("lt", "main", "evil")
    (machine / "etc/passwd").write_text(line.format(ran=machine / "ran") + "\n")
    assert ask(machine, {evil: {PathInfo("~/x")}}).reasons == {evil: "there is no user evil here"}
    assert not (machine / "ran").exists()


def test_a_root_that_is_no_directory_is_unreachable(tmp_path: Path) -> None:
    with pytest.raises(UnreachableError, match="no directory to look at"):
        ask(tmp_path / "none", {MACHINE: {Libc()}})


@as_root_with_setpriv
def test_users_of_a_root_below_a_closed_folder_are_answered(machine: Path) -> None:
    machine.parent.chmod(0o700)
    assert ask(machine, {ALICE: {FileText("~/.profile")}}).sheets[ALICE].file("~/.profile").data == b"of alice"


@as_root_with_setpriv
def test_a_root_that_is_closed_to_its_users_is_a_reason(machine: Path) -> None:
    machine.chmod(0o700)
    found = ask(machine, {MACHINE: {FileText("/etc/group")}, ALICE: {FileText("~/.profile")}})
    assert found.reasons == {ALICE: "alice may not look into the root file system"}
    assert found.sheets[MACHINE].file("/etc/group").data


# ── what may be asked, and what may be answered ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "fact",
    [
        FileText("/etc/a\nb"),
        FileText("/etc/a\tb"),
        PathInfo("relative"),
        PathInfo("~alice/x"),
        Listing("~/../../etc\0"),
        Environment(Session.LOGIN, "A B"),
        Environment(Session.LOGIN, "$(id)"),
        Account("-s"),
        Account("a:b"),
        Account(""),
        CommandText(()),
        CommandText(("",)),
        CommandText(("-c", "x")),
        CommandText(("echo", "a\nrun")),
    ],
)
def test_a_question_that_cannot_be_put_safely_is_refused_before_the_door_opens(fact: Fact) -> None:
    door = Counted()
    with pytest.raises(ReconcileError):
        gather(door, {ALICE: frozenset({fact})}, caller=ME, root=None)
    assert door.runs == []


def test_dots_in_paths_are_folded(machine: Path) -> None:
    sheet = ask(machine, {MACHINE: {FileText("/etc/../etc//./group"), PathInfo("/..")}}).sheets[MACHINE]
    assert sheet.file("/etc/../etc//./group").state.path == "/etc/group"
    assert sheet.path("/..").path == "/"


def test_noise_around_the_answer_makes_no_difference(machine: Path) -> None:
    def noise(result: Result) -> Result:
        return Result(code=7, stdout=b"Welcome!\n\x1b[2J" + result.stdout + b"\nbye\n", stderr=b"lecture")

    asked: dict[Target, frozenset[Fact]] = {MACHINE: frozenset({FileText("/etc/passwd"), Listing("/")})}
    quiet = gather(Counted(), asked, caller=ROOT, root=str(machine))
    assert gather(Counted(noise), asked, caller=ROOT, root=str(machine)) == quiet


def test_zeros_that_tar_may_have_made_up_are_no_content(machine: Path) -> None:
    def fail(result: Result) -> Result:
        return Result(code=0, stdout=result.stdout.replace(b" tar-code 0\n", b" tar-code 1\n"), stderr=b"File shrank")

    (machine / "etc/zeros").write_bytes(b"abc\0\0")
    asked: dict[Target, frozenset[Fact]] = {MACHINE: frozenset({FileText("/etc/zeros"), FileText("/etc/group")})}
    sure = gather(Counted(), asked, caller=ROOT, root=str(machine)).sheets[MACHINE]
    doubtful = gather(Counted(fail), asked, caller=ROOT, root=str(machine)).sheets[MACHINE]
    assert sure.file("/etc/zeros").data == b"abc\0\0"
    assert (doubtful.file("/etc/zeros").data, doubtful.file("/etc/group")) == (None, sure.file("/etc/group"))
    assert doubtful.file("/etc/zeros").unreadable


@dataclass(repr=False)
class Record:
    """Questions, the data that asked them and the answer, to be tampered with."""

    asked: dict[Target, frozenset[Fact]]
    data: bytes
    stdout: bytes


@pytest.fixture(scope="module")
def recorded() -> Record:
    asked: dict[Target, frozenset[Fact]] = {
        MACHINE: frozenset(
            {
                FileText("/etc/passwd"), FileText("/etc/mtab"), FileText("/proc/sys/kernel/ostype"), Listing("/etc/default"),
                PathInfo("/bin/sh"), Libc(), Account("daemon"), CommandText(("uname", "-s")),
                Environment(Session.LOGIN, "PATH"),
            }
        )
    }  # fmt: skip
    door = Counted()
    gather(door, asked, caller=ME if os.geteuid() else ROOT, root=None)
    return Record(asked, door.asked[0], door.runs[0].stdout)


def tampered(recorded: Record, change: Callable[[bytes], bytes]) -> AnsweringMachine:
    """A machine that answers as another did, tampered with, under the nonce and mark that it is given."""

    def answer(given: bytes) -> Result:
        stdout = change(recorded.stdout)
        for old, new in zip(_secrets(recorded.data), _secrets(given), strict=True):
            stdout = stdout.replace(old, new)
        return Result(code=0, stdout=stdout, stderr=b"\x1b]0;title\x07 last words")

    return AnsweringMachine(answer)


def _secrets(data: bytes) -> list[bytes]:
    items = data.split(b"\t")
    return [item.split(b" ")[1] for item in items if item.startswith((b"nonce ", b"mark "))]


def replay(recorded: Record, change: Callable[[bytes], bytes]) -> Gathered | None:
    """None where the answer was refused; anything but that refusal is a defect."""
    door = tampered(recorded, change)
    try:
        return gather(door, recorded.asked, caller=ME if os.geteuid() else ROOT, root=None)
    except UnreachableError as error:
        assert str(error).startswith(("lt/main answered what is not an answer", "lt/main did not start a shell for us"))
        assert "last words" in str(error)
        return None


def test_a_replayed_answer_reads_as_before(recorded: Record) -> None:
    assert replay(recorded, lambda stdout: stdout) is not None


def test_an_answer_that_breaks_off_is_no_answer(recorded: Record) -> None:
    length = recorded.stdout.rindex(b" end\n") + 4
    for end in sorted({*range(0, length, max(1, length // 60)), length - 1}):
        assert replay(recorded, lambda stdout, end=end: stdout[:end]) is None  # type: ignore[misc]


_PIECES = st.lists(
    st.tuples(
        st.integers(0, 2**31),
        st.integers(0, 40),
        st.one_of(st.binary(max_size=20), st.sampled_from([b"\n", b":", b"9" * 30])),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=_PIECES)
def test_a_lying_machine_gets_no_further_than_its_answer(
    recorded: Record, pieces: list[tuple[int, int, bytes]]
) -> None:
    def tamper(stdout: bytes) -> bytes:
        for place, removed, put in pieces:
            start = place % (len(stdout) + 1)
            stdout = stdout[:start] + put + stdout[start + removed :]
        return stdout

    replay(recorded, tamper)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chosen=st.data())
def test_lost_doubled_and_moved_lines_are_survived(recorded: Record, chosen: st.DataObject) -> None:
    lines = recorded.stdout.split(b"\n")
    order = chosen.draw(st.lists(st.integers(0, len(lines) - 1), max_size=6))

    def shuffle(stdout: bytes) -> bytes:
        shuffled = list(lines)
        for number in order:
            line = shuffled.pop(number % len(shuffled))
            for _ in range(number % 3):
                shuffled.insert((number * 7) % (len(shuffled) + 1), line)
        return b"\n".join(shuffled)

    replay(recorded, shuffle)
