"""gather.sh itself, run for real under every shell that it promises to run under."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pty
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reconciler import agents
from reconciler.execution import program_answers
from reconciler.execution.answer_blocks import blocks_of
from reconciler.execution.gather import Caller, gather
from reconciler.execution.sections import Section
from reconciler.execution.sheet_reader import Known, SheetReader
from reconciler.model.address import Target
from reconciler.model.facts import (
    Account,
    Answer,
    CommandResult,
    CommandText,
    Environment,
    Fact,
    FactSheet,
    FileDigest,
    FileText,
    GoBinary,
    GoBuild,
    Libc,
    Listing,
    PathInfo,
    PathType,
    ProgramPath,
    Session,
    Unread,
)
from reconciler.transports.exchange import Limits
from reconciler.transports.local import LocalTransport
from yardstick import SOON_SECONDS

MACHINE = Target("lt", "main")
NOBODY = 65534
SHELLS = ("dash", "bash", "busybox", "mksh")
IS_ROOT = os.geteuid() == 0
PLAIN_UID = NOBODY if IS_ROOT else os.geteuid()
AWKWARD_NAMES = (
    "a b", " leading", "trailing ", "it's", 'say "hi"', "$HOME", "`id`", "back\\slash", "*?[x]", "-n", "naïve-é", "a:b",
    "a -> b", "' -> 'x", "%s%n", "~", "#", "!", "a;b|c&d", "...", "==> x <==", b"not-utf8-\xff\xfe".decode(errors="surrogateescape"),
)  # fmt: skip


@pytest.fixture(scope="session")
def applets() -> Iterator[Path]:
    """A folder with nothing but busybox's own programs, open to all users as pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="reconcile-applets-") as folder:
        yield _busybox_folder(Path(folder))


def _busybox_folder(folder: Path) -> Path:
    busybox = shutil.which("busybox")
    if not busybox:
        pytest.skip("busybox is not installed")
    for name in subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split():
        (folder / name).symlink_to(busybox)
    folder.chmod(0o755)
    return folder


@pytest.fixture(params=SHELLS)
def door(request: pytest.FixtureRequest) -> LocalTransport:
    """A shell with the rights the tests have."""
    if request.param == "busybox":
        folder = request.getfixturevalue("applets")
        return LocalTransport((str(folder / "sh"),), {"PATH": str(folder)}, limits=Limits(deadline_seconds=60))
    found = shutil.which(request.param)
    if not found:
        pytest.skip(f"{request.param} is not installed")
    return LocalTransport((found,), limits=Limits(deadline_seconds=60))


@pytest.fixture
def plain_door(door: LocalTransport, request: pytest.FixtureRequest) -> LocalTransport:
    """The same shell without root's rights."""
    if not IS_ROOT:
        return door
    return LocalTransport((*_drop_rights(), *door.shell), door.environment, limits=Limits(deadline_seconds=60))


def _drop_rights() -> tuple[str, ...]:
    setpriv = shutil.which("setpriv")
    if not setpriv:
        pytest.skip("setpriv is not installed")
    return (setpriv, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs", "--")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder of the plain user, which pytest's own (closed to others) cannot hold."""
    folder = Path(tempfile.mkdtemp(prefix="reconcile-test-"))
    folder.chmod(0o755)
    if IS_ROOT:
        os.chown(folder, NOBODY, NOBODY)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def ask(door: LocalTransport, *facts: Fact, root: Path | None = None, uid: int | None = None) -> FactSheet:
    caller = Caller(user="someone", uid=os.geteuid() if uid is None else uid, home="/nonexistent")
    return gather(door, {MACHINE: frozenset(facts)}, caller=caller, root=str(root) if root else None).sheets[MACHINE]


# ── files ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_byte_of_a_file_arrives_whatever_its_name(door: LocalTransport, tmp_path: Path) -> None:
    contents = {
        name: f"content of {number}\r\nno end".encode() + bytes(range(256)) for number, name in enumerate(AWKWARD_NAMES)
    }
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    sheet = ask(door, *(FileText(f"/{name}") for name in contents), root=tmp_path)
    assert {name: sheet.file(f"/{name}").data for name in contents} == contents


@pytest.mark.parametrize("data", [b"", b"\n", b"\n\n", b"no end", b"\0", b"\0\0end\0", b"x" * 513, b"x" * 1024 * 1024])
def test_files_keep_their_length(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "file").write_bytes(data)
    assert ask(LocalTransport(), FileText("/file"), root=tmp_path).file("/file").data == data


def test_a_file_over_one_mebibyte_is_not_read(door: LocalTransport, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * (1024 * 1024 + 1))
    narrow = LocalTransport(door.shell, door.environment, limits=Limits(output_bytes=100_000))
    answer = ask(narrow, FileText("/file"), root=tmp_path).file("/file")
    assert (answer.data, answer.unreadable) == (None, "larger than 1 MiB")


def test_state_tells_type_mode_and_size(door: LocalTransport, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "file").chmod(0o4751)
    (tmp_path / "folder").mkdir(mode=0o1750)
    (tmp_path / "folder").chmod(0o1750)
    sheet = ask(
        door, PathInfo("/file"), PathInfo("/folder"), PathInfo("/none/below"), PathInfo("/file/below"), root=tmp_path
    )
    assert (sheet.path("/file").type, sheet.path("/file").mode, sheet.path("/file").size) == (PathType.FILE, 0o4751, 5)
    assert (sheet.path("/folder").type, sheet.path("/folder").mode) == (PathType.DIRECTORY, 0o1750)
    assert sheet.path("/none/below").type is PathType.MISSING
    assert sheet.path("/file/below").type is PathType.MISSING


def test_what_is_no_regular_file_is_never_opened(door: LocalTransport, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("fifo")
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as listener:
        here = Path.cwd()
        os.chdir(tmp_path)  # a socket's path has to be short
        listener.bind("socket")
        os.chdir(here)
        names = {"/fifo": PathType.FIFO, "/link": PathType.LINK, "/socket": PathType.SOCKET}
        started = time.monotonic()
        sheet = ask(door, *(FileText(name) for name in names), root=tmp_path)
    assert {name: sheet.file(name).state.type for name in names} == names
    assert all(sheet.file(name).data is None and sheet.file(name).unreadable is None for name in names)
    assert time.monotonic() - started < 30


def test_devices_are_told_but_not_read(door: LocalTransport) -> None:
    answer = ask(door, FileText("/dev/zero")).file("/dev/zero")
    assert (answer.state.type, answer.data) == (PathType.DEVICE, None)


def test_two_names_of_one_inode_are_both_read(door: LocalTransport, tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"shared")
    (tmp_path / "two").hardlink_to(tmp_path / "one")
    sheet = ask(door, FileText("/one"), FileText("/two"), root=tmp_path)
    assert [sheet.file(name).data for name in ("/one", "/two")] == [b"shared", b"shared"]


@pytest.mark.parametrize(
    "path", ["/proc/sys/kernel/pid_max", "/proc/sys/kernel/ostype", "/proc/filesystems", "/proc/cmdline"]
)
def test_files_of_the_kernel_are_read_whole(door: LocalTransport, path: str) -> None:
    assert ask(door, FileText(path)).file(path).data == Path(path).read_bytes()


def test_a_file_of_the_kernel_that_fails_is_no_empty_one(door: LocalTransport) -> None:
    answer = ask(door, FileText("/proc/self/mem"), FileText("/proc/sys/kernel/ostype"))
    assert answer.file("/proc/self/mem").data is None
    assert "could not be read" in str(answer.file("/proc/self/mem").unreadable)
    assert answer.file("/proc/sys/kernel/ostype").data == b"Linux\n"


def test_several_files_of_the_kernel_are_kept_apart(door: LocalTransport) -> None:
    paths = [f"/proc/sys/kernel/{name}" for name in ("ostype", "osrelease", "version", "pid_max")]
    sheet = ask(door, *map(FileText, [*paths, "/proc/self/mountinfo", "/proc/mounts"]))
    assert {path: sheet.file(path).data for path in paths} == {path: Path(path).read_bytes() for path in paths}
    assert sheet.file("/proc/self/mountinfo").state.path == "/proc/self/mountinfo"
    assert b" / / " in (sheet.file("/proc/self/mountinfo").data or b"")
    assert sheet.file("/proc/mounts").state.followed.path == "/proc/self/mounts"
    assert sheet.file("/proc/mounts").data


def test_a_folder_closed_to_the_asker_hides_what_is_in_it(plain_door: LocalTransport, open_folder: Path) -> None:
    closed = open_folder / "closed"
    closed.mkdir()
    (closed / "file").write_bytes(b"secret")
    (open_folder / "unreadable").write_bytes(b"secret")
    (open_folder / "unreadable").chmod(0)
    closed.chmod(0)
    sheet = ask(
        plain_door,
        FileText(f"{closed}/file"),
        FileText(f"{open_folder}/unreadable"),
        Listing(str(closed)),
        uid=PLAIN_UID,
    )
    closed.chmod(0o700)
    hidden = sheet.file(f"{closed}/file")
    assert (hidden.state.type, hidden.data, hidden.unreadable) == (PathType.UNKNOWN, None, "needs root")
    unreadable = sheet.file(f"{open_folder}/unreadable")
    assert (unreadable.state.type, unreadable.data, unreadable.unreadable) == (PathType.FILE, None, "needs root")
    assert sheet.listing(str(closed)) == Unread("needs root")


# ── links ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_links_are_told_and_followed(door: LocalTransport, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "file").write_bytes(b"here")
    (tmp_path / "way").symlink_to("real")
    (tmp_path / "real" / "again").symlink_to("../way/./file")
    sheet = ask(door, FileText("/way/again"), root=tmp_path)
    answer = sheet.file("/way/again")
    assert (answer.state.path, answer.state.type, answer.state.link) == ("/real/again", PathType.LINK, "../way/./file")
    assert (answer.state.followed.path, answer.data) == ("/real/file", b"here")


@pytest.mark.parametrize("name", AWKWARD_NAMES)
def test_links_with_awkward_texts_lead_where_they_say(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"found")
    (tmp_path / f"to {name}").symlink_to(name)
    answer = ask(LocalTransport(), FileText(f"/to {name}"), root=tmp_path).file(f"/to {name}")
    assert (answer.state.link, answer.data) == (name, b"found")


def test_awkward_links_mean_the_same_to_every_shell(door: LocalTransport, tmp_path: Path) -> None:
    for number, name in enumerate(AWKWARD_NAMES):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_bytes(name.encode(errors="surrogateescape"))
        (tmp_path / str(number)).symlink_to(name)
    sheet = ask(door, *(FileText(f"/{number}/file") for number in range(len(AWKWARD_NAMES))), root=tmp_path)
    found = [sheet.file(f"/{number}/file").data for number in range(len(AWKWARD_NAMES))]
    assert found == [name.encode(errors="surrogateescape") for name in AWKWARD_NAMES]


def test_a_link_to_nowhere_a_loop_and_a_long_chain(door: LocalTransport, tmp_path: Path) -> None:
    (tmp_path / "dangling").symlink_to("gone/away")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "end").write_bytes(b"end")
    for number in range(45):
        (tmp_path / f"link{number}").symlink_to(f"link{number + 1}" if number < 44 else "end")
    sheet = ask(door, *(FileText(f"/{name}") for name in ("dangling", "loop", "link0", "link20")), root=tmp_path)
    assert sheet.file("/dangling").state.followed.type is PathType.MISSING
    assert sheet.file("/dangling").state.followed.path == "/gone/away"
    assert sheet.file("/loop").state.followed.type is PathType.UNKNOWN
    assert sheet.file("/link0").unreadable == "too many symbolic links"
    assert sheet.file("/link20").data == b"end"


def test_a_link_whose_text_has_a_line_end_is_not_followed(door: LocalTransport, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"wrong")
    (tmp_path / "x\ny").write_bytes(b"right")
    for name, text in (("odd", "x\ny"), ("a", "x\n"), ("b", "x\n\n"), ("c", "\nx"), ("plain", "x")):
        (tmp_path / name).symlink_to(text)
    sheet = ask(door, *(FileText(f"/{name}") for name in ("odd", "a", "b", "c", "plain")), root=tmp_path)
    for name in ("/odd", "/a", "/b", "/c"):
        assert sheet.file(name).data is None
        assert sheet.file(name).state.followed.type is PathType.UNKNOWN
    assert sheet.file("/plain").data == b"wrong"


ORACLE = """
import json, os, stat, sys
root, paths = sys.argv[1], json.load(sys.stdin)
if root: os.chroot(root); os.chdir("/")
def see(path):
    try: state = os.lstat(path)
    except FileNotFoundError: return ["missing"]
    except NotADirectoryError: return ["missing"]
    except OSError as error: return ["unknown"]
    row = [stat.S_IFMT(state.st_mode), os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))]
    if not stat.S_ISLNK(state.st_mode): return row + [state.st_mode & 0o7777, state.st_size]
    row.append(os.readlink(path))
    try: end = os.stat(path)
    except (FileNotFoundError, NotADirectoryError): return row + ["missing"]
    except OSError: return row + ["unknown"]
    text = open(path).read() if stat.S_ISREG(end.st_mode) else None
    return row + [stat.S_IFMT(end.st_mode), os.path.realpath(path), text]
json.dump({path: see(path) for path in paths}, sys.stdout)
"""


def oracle(paths: list[str], root: Path | None) -> dict[str, list[object]]:
    """What the kernel itself says, inside `root` if there is one."""
    run = subprocess.run(
        [sys.executable, "-I", "-c", ORACLE, str(root or "")],
        input=json.dumps(paths),
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, list[object]] = json.loads(run.stdout)
    return found


def as_oracle_sees(sheet: FactSheet, path: str) -> list[object]:
    numbers = {PathType.FILE: 0o100000, PathType.DIRECTORY: 0o040000, PathType.LINK: 0o120000}
    state = sheet.path(path)
    if state.type in (PathType.MISSING, PathType.UNKNOWN):
        return [state.type.value]
    if state.type is not PathType.LINK:
        return [numbers[state.type], state.path, state.mode, state.size]
    row: list[object] = [numbers[state.type], state.path, state.link]
    if state.followed.type in (PathType.MISSING, PathType.UNKNOWN):
        return [*row, state.followed.type.value]
    data = sheet.file(path).data
    return [*row, numbers[state.followed.type], state.followed.path, None if data is None else data.decode()]


def random_tree(top: Path, seed: int, root: Path | None) -> list[str]:
    """Folders, files and links to all of them and to nowhere, absolute, relative, with `..`; the paths to ask for.

    They are few: what was asked about one path must not be what another one needs.
    """
    chance = random.Random(seed)
    prefix = "" if root else str(top)
    made: list[str] = []
    folders = [""]
    for number in range(30):
        path = f"{chance.choice(folders)}/{chance.choice('abc')}{number}"
        kind = chance.choice(["folder", "file", "link", "link", "link"])
        if kind == "folder":
            (top / path[1:]).mkdir()
            folders.append(path)
        elif kind == "file":
            (top / path[1:]).write_text(f"content of {number}")
        else:
            (top / path[1:]).symlink_to(link_text(chance, path, [*made, *folders, "/gone/away"], prefix))
        made.append(path)
    asked = [chance.choice(made) for _ in range(8)]
    return sorted(
        {prefix + path + chance.choice(["", "", "", *(f"/{Path(end).name}" for end in made)]) for path in asked}
    )


def link_text(chance: random.Random, link: str, goals: list[str], prefix: str) -> str:
    """A way to one of `goals`: from the root, from where the link is, or through another one and back by `..`."""
    here, goal, through = str(Path(link).parent), chance.choice(goals) or "/", chance.choice(goals) or "/"
    return chance.choice(
        [
            prefix + goal,
            os.path.relpath(goal, here),
            f"./{os.path.relpath(through, here)}/../{os.path.relpath(goal, Path(through).parent)}/",
            f"{prefix}{through}/..//{os.path.relpath(goal, Path(through).parent)}",
            "../" * chance.randrange(9) + goal.lstrip("/") or ".",
        ]
    )


@pytest.mark.parametrize("seed", range(8))
def test_paths_lead_where_the_kernel_says(plain_door: LocalTransport, open_folder: Path, seed: int) -> None:
    paths = random_tree(open_folder, seed, None)
    sheet = ask(plain_door, *map(PathInfo, paths), *map(FileText, paths), uid=PLAIN_UID)
    assert {path: as_oracle_sees(sheet, path) for path in paths} == oracle(paths, None)


@pytest.mark.skipif(not IS_ROOT, reason="only root may chroot, which is what this is compared with")
@pytest.mark.parametrize("seed", range(8))
def test_paths_inside_a_root_lead_where_chroot_says(door: LocalTransport, tmp_path: Path, seed: int) -> None:
    paths = random_tree(tmp_path, seed, tmp_path)
    sheet = ask(door, *map(PathInfo, paths), *map(FileText, paths), root=tmp_path)
    assert {path: as_oracle_sees(sheet, path) for path in paths} == oracle(paths, tmp_path)


# ── directories ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_listings_hold_every_name_sorted(door: LocalTransport, tmp_path: Path) -> None:
    folder = tmp_path / "*"
    folder.mkdir()
    names = [*AWKWARD_NAMES, "line\nend", ".hidden", "..two dots", "zz"]
    for name in names:
        (folder / name).touch()
    (folder / "broken").symlink_to("nowhere")
    sheet = ask(door, Listing("/*"), root=tmp_path)
    assert sheet.listing("/*") == tuple(sorted([*names, "broken"]))


def test_listings_of_what_is_empty_missing_or_no_directory(door: LocalTransport, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("empty")
    (tmp_path / "star").mkdir()
    (tmp_path / "star" / "*").touch()
    sheet = ask(
        door, *(Listing(f"/{name}") for name in ("empty", "file", "link", "none", "star")), Listing("/"), root=tmp_path
    )
    assert [sheet.listing(f"/{name}") for name in ("empty", "file", "link", "none", "star")] == [
        (),
        None,
        (),
        None,
        ("*",),
    ]
    assert sheet.listing("/") == ("empty", "file", "link", "star")


# ── programs and accounts ───────────────────────────────────────────────────────────────────────────────────────────


def test_the_words_of_a_program_are_data(door: LocalTransport) -> None:
    words = [name for name in AWKWARD_NAMES if name.isprintable()]
    command = CommandText(("printf", "[%s]", *words, ""))
    assert ask(door, command).command(*command.argv) == CommandResult(0, "".join(f"[{word}]" for word in [*words, ""]))


def test_programs_read_nothing_and_tell_their_code(door: LocalTransport) -> None:
    cat, fail, none = (
        CommandText(("cat",)),
        CommandText(("sh", "-c", "echo out; echo err >&2; exit 3")),
        CommandText(("no-such",)),
    )
    builtin = CommandText(("put", "x"))
    sheet = ask(door, cat, fail, none, builtin)
    assert sheet.command(*cat.argv) == CommandResult(0, "")
    assert sheet.command(*fail.argv) == CommandResult(3, "out\n")
    assert sheet.command(*none.argv) is None
    assert sheet.command(*builtin.argv) is None


def test_a_program_that_prints_too_much_is_left(door: LocalTransport) -> None:
    endless, long = CommandText(("yes",)), CommandText(("head", "-c", "1048577", "/dev/zero"))
    sheet = ask(door, endless, long)
    assert all(isinstance(sheet.command(*command.argv), Unread) for command in (endless, long))


def test_accounts_are_looked_up_by_name(door: LocalTransport) -> None:
    sheet = ask(door, Account("daemon"), Account("no-such-user"), Account("1"))
    daemon = sheet.account("daemon")
    assert daemon is not None and not isinstance(daemon, Unread) and daemon.uid == 1
    assert sheet.account("no-such-user") is None
    assert sheet.account("1") is None


def test_without_tar_or_timeout_the_answer_says_so(tmp_path: Path) -> None:
    folder = _busybox_folder(tmp_path)
    (folder / "tar").unlink()
    (folder / "timeout").unlink()
    door = LocalTransport((str(folder / "sh"),), {"PATH": str(folder)})
    sheet = ask(door, FileText("/etc/passwd"), CommandText(("true",)), Environment(Session.LOGIN, "PATH"))
    assert sheet.file("/etc/passwd").unreadable == "tar is missing there"
    assert isinstance(sheet.command("true"), Unread)
    assert isinstance(sheet.variable(Session.LOGIN, "PATH"), Unread)


# ── the C library ───────────────────────────────────────────────────────────────────────────────────────────────────

GLIBC = b"\x7fELF\0\0GNU C Library (Debian GLIBC 2.28-10) stable release version 2.28.\nCopyright\0\0"


@pytest.mark.parametrize(
    "place", ["lib/x86_64-linux-gnu", "lib64", "usr/lib/aarch64-linux-gnu", "usr/lib", "usr/lib64"]
)
def test_the_version_of_glibc_is_read_from_its_file(door: LocalTransport, tmp_path: Path, place: str) -> None:
    (tmp_path / place).mkdir(parents=True)
    (tmp_path / place / "libc-2.28.so").write_bytes(GLIBC)
    (tmp_path / place / "libc.so.6").symlink_to("libc-2.28.so")
    assert ask(door, Libc(), root=tmp_path).libc() == "glibc 2.28"


def test_musl_is_known_by_its_loader(door: LocalTransport, tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "ld-musl-x86_64.so.1").write_bytes(b"\x7fELF")
    assert ask(door, Libc(), root=tmp_path).libc() == "musl"
    (tmp_path / "lib" / "libc.so.6").write_bytes(b"\x7fELF of a compatibility layer")
    assert ask(door, Libc(), root=tmp_path).libc() == "musl"
    (tmp_path / "lib" / "libc.so.6").write_bytes(GLIBC)
    assert ask(door, Libc(), root=tmp_path).libc() == "glibc 2.28"


def test_the_c_library_outside_a_root_is_not_taken(door: LocalTransport, tmp_path: Path) -> None:
    assert ask(door, Libc(), root=tmp_path).libc() is None
    outside = next((path for path in Path("/usr/lib").glob("*/libc.so.6")), None) or Path("/lib/libc.so.6")
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "libc.so.6").symlink_to(outside)
    assert ask(door, Libc(), root=tmp_path).libc() is None
    shutil.rmtree(tmp_path / "lib")
    (tmp_path / "lib").symlink_to(outside.parent.parent)
    assert ask(door, Libc(), root=tmp_path).libc() is None


# ── sessions ────────────────────────────────────────────────────────────────────────────────────────────────────────


def ask_as_user(door: LocalTransport, home: Path, shell: str, *facts: Fact) -> FactSheet:
    """As the script asks itself in a child, told who it is."""
    section = Section(user="tester", facts=frozenset(facts))
    told = f"home {home}\tshell {shell}\tuid {PLAIN_UID}\thost\t".encode()
    part = LocalTransport(door.shell, {**(door.environment or {"HOME": "/root"}), "part": "user", "alive": "0"}).start()
    part.say(agents.program("gather"))
    part.say(told + section.encode())
    result = part.finish()
    blocks = blocks_of(result.stdout, section.nonce)
    known = Known(kernel=program_answers.kernel(blocks), accounts={}, environment={})
    return SheetReader(section, blocks, None).sheet(section.facts, known)


def login(door: LocalTransport, home: Path, shell: str, *names: str) -> dict[str, Answer | Unread]:
    sheet = ask_as_user(door, home, shell, *(Environment(Session.LOGIN, name) for name in names))
    return {name: sheet.variable(Session.LOGIN, name) for name in names}


@pytest.mark.parametrize("shell", SHELLS)
def test_a_login_shell_tells_what_it_hands_on(open_folder: Path, shell: str, tmp_path: Path) -> None:
    (open_folder / ".profile").write_text(
        "echo noise; printf 'noise without end'; echo noise >&2\n"
        "export GREETING='it''s \"$x\" `y`\n second line\n'\n"
        'NOT_EXPORTED=1; export EMPTY= UMLAUT=ä; export PATH="$HOME/bin:$PATH"\n'
    )
    found = shutil.which(shell)
    if not found:
        pytest.skip(f"{shell} is not installed")
    if shell == "busybox":  # a shell of that name is started by the link
        (open_folder / "ash").symlink_to(found)
        found = str(open_folder / "ash")
    door = LocalTransport((*_drop_rights(), "/bin/sh")) if IS_ROOT else LocalTransport()
    values = login(door, open_folder, found, "GREETING", "NOT_EXPORTED", "EMPTY", "PATH", "UMLAUT", "HOME", "RUN_MARK")
    assert values == {
        "GREETING": 'its "$x" `y`\n second line\n',
        "NOT_EXPORTED": None,
        "EMPTY": "",
        "PATH": values["PATH"],
        "UMLAUT": "ä",
        "HOME": str(open_folder),
        "RUN_MARK": None,
    }
    assert str(values["PATH"]).startswith(f"{open_folder}/bin:")


def test_something_left_running_by_a_login_shell_does_not_hold_the_answer_up(
    plain_door: LocalTransport, open_folder: Path
) -> None:
    (open_folder / ".profile").write_text("sleep 20 &\nexport FOUND=yes\n")
    started = time.monotonic()
    assert login(plain_door, open_folder, "/bin/sh", "FOUND") == {"FOUND": "yes"}
    assert time.monotonic() - started < SOON_SECONDS


def test_what_hangs_is_given_up(open_folder: Path) -> None:
    (open_folder / ".profile").write_text("trap '' TERM HUP INT\nexport FOUND=yes\nwhile :; do sleep 30; done\n")
    door = LocalTransport((*_drop_rights(), "/bin/sh")) if IS_ROOT else LocalTransport()
    slow = CommandText(("sleep", "30"))
    started = time.monotonic()
    with ThreadPoolExecutor() as threads:
        variables = threads.submit(login, door, open_folder, "/bin/sh", "FOUND")
        sheet = threads.submit(ask, LocalTransport(), slow)
    assert isinstance(variables.result()["FOUND"], Unread)
    assert isinstance(sheet.result().command(*slow.argv), Unread)
    assert time.monotonic() - started < 15


@pytest.mark.parametrize("shell", ["/usr/sbin/nologin", "/bin/false", "/no/such/shell", ""])
def test_a_shell_that_is_none_gives_a_reason(open_folder: Path, shell: str) -> None:
    door = LocalTransport((*_drop_rights(), "/bin/sh")) if IS_ROOT else LocalTransport()
    assert isinstance(login(door, open_folder, shell, "PATH")["PATH"], Unread)


def test_sessions_and_editors_are_looked_for_only_while_something_waits_for_them(
    plain_door: LocalTransport, open_folder: Path
) -> None:
    drop = _drop_rights() if IS_ROOT else ()
    editor = subprocess.Popen([*drop, sys.executable, "-c", "import time; time.sleep(60)", "/x/server-main.js"])
    terminal, handle = pty.fork()
    if terminal == 0:
        os.execvp([*drop, "sleep"][0], [*drop, "sleep", "60"])
    try:
        assert ask_as_user(plain_door, open_folder, "/bin/sh").host.processes == ()
        state = open_folder / ".local/state/reconcile"
        state.mkdir(parents=True)
        (state / "effects.json").write_text("[]")
        time.sleep(0.5)  # until both are what they will be
        processes = ask_as_user(plain_door, open_folder, "/bin/sh").host.processes
    finally:
        editor.kill()
        editor.wait()
        os.kill(terminal, signal.SIGKILL)
        os.waitpid(terminal, 0)
        os.close(handle)
    assert [process.kind for process in processes if process.started >= started_at(os.getpid())] == [
        "editor",
        "terminal",
    ]


def started_at(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19])


# ── what it costs, and what it never does ───────────────────────────────────────────────────────────────────────────


def traced(door: LocalTransport, calls: str, log: Path, root: Path, *facts: Fact) -> str:
    strace = shutil.which("strace")
    if not strace or subprocess.run([strace, "-o", os.devnull, "true"], capture_output=True).returncode != 0:
        pytest.skip("strace cannot trace here")
    words = [strace, "-f", "-qq", "-e", f"trace={calls}", "-o", str(log)]
    if subprocess.run([*words, "--seccomp-bpf", "true"], capture_output=True).returncode == 0:
        words.append("--seccomp-bpf")  # stops only at the calls asked for
    watched = LocalTransport((*words, *door.shell), door.environment)
    ask(watched, *facts, root=root)
    return log.read_text()


def processes_for(door: LocalTransport, count: int, root: Path, log: Path) -> int:
    root.mkdir()
    (root / "to").symlink_to("folder")
    (root / "folder").mkdir()
    facts: list[Fact] = [Libc()]
    for number in range(count):
        (root / f"folder/file{number}").write_bytes(b"x" * number)
        (root / f"folder/link{number}").symlink_to(f"/to/file{number}")
        (root / f"list{number}").mkdir()
        facts += [
            FileText(f"/to/link{number}"),
            PathInfo(f"/none/{number}"),
            Listing(f"/list{number}"),
            Account(f"u{number}"),
        ]
    calls = traced(door, "clone,clone3,fork,vfork,execve", log, root, *facts)
    return len(re.findall(r"\b(?:clone3?|fork|vfork)\(|\bexecve\(", calls))


def test_the_number_of_processes_does_not_depend_on_the_number_of_files(door: LocalTransport, tmp_path: Path) -> None:
    few = processes_for(door, 5, tmp_path / "few", tmp_path / "few.log")
    many = processes_for(door, 300, tmp_path / "many", tmp_path / "many.log")
    assert few == many


def test_nothing_is_written_anywhere(door: LocalTransport, tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "file").write_bytes(b"x")
    (root / "link").symlink_to("file")
    changing = (
        "mkdir,mkdirat,unlink,unlinkat,rename,renameat,renameat2,rmdir,link,linkat,symlink,symlinkat,chmod,fchmod,"
    )
    changing += "fchmodat,chown,fchown,lchown,fchownat,truncate,ftruncate,mknod,mknodat,utimensat,setxattr,mount"
    facts: list[Fact] = [FileText("/file"), FileText("/link"), Listing("/"), Libc(), Account("root")]
    log = traced(door, f"open,openat,creat,{changing}", tmp_path / "log", root, *facts)
    written = [
        line
        for line in log.splitlines()
        if re.search(rf"O_WRONLY|O_RDWR|O_CREAT|\b({changing.replace(',', '|')})\(", line)
    ]
    assert [line for line in written if '"/dev/null"' not in line and '"/dev/tty"' not in line] == []
    assert log.count("open") > 5


def test_the_script_passes_shellcheck() -> None:
    shellcheck = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if not shellcheck:
        pytest.skip("shellcheck is not installed")
    script = Path(__file__).parents[2] / "reconciler/agents/gather.sh"
    run = subprocess.run([shellcheck, "-s", "sh", str(script)], capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (0, "")


# ── digests, Go programs, programs on the PATH ──────────────────────────────────────────────────────────────────────


def test_files_of_any_size_and_name_are_digested(door: LocalTransport, tmp_path: Path) -> None:
    contents = {name: name.encode(errors="surrogateescape") * 99 for name in AWKWARD_NAMES}
    contents["large"] = b"x" * (3 * 1024 * 1024)
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "link").symlink_to("large")
    sheet = ask(door, *(FileDigest(f"/{name}") for name in (*contents, "link", "none")), root=tmp_path)
    assert {name: sheet.digest(f"/{name}") for name in contents} == {
        name: hashlib.sha256(data).hexdigest() for name, data in contents.items()
    }
    assert sheet.digest("/link") == sheet.digest("/large")
    assert sheet.digest("/none") is None


def test_a_digest_that_may_not_be_read_needs_root(plain_door: LocalTransport, open_folder: Path) -> None:
    (open_folder / "secret").write_bytes(b"x")
    (open_folder / "secret").chmod(0)
    sheet = ask(plain_door, FileDigest(f"{open_folder}/secret"), uid=PLAIN_UID)
    assert sheet.digest(f"{open_folder}/secret") == Unread("needs root")


def test_a_go_program_tells_what_it_was_built_from(door: LocalTransport, tmp_path: Path) -> None:
    """As Go lays it out; what other text of the kind is in the program makes no difference."""
    noise = b"mod\tdep\t\npath\tno/such\n\0build\t"
    info = b"0w\xaf\x0c\x92t\x08\x02A\xe1\xc1\x07\xe6\xd6\x18\xe6path\texample.com/tool/cmd/x\nmod\texample.com/tool\tv1.2.3\th1:a=\n"
    (tmp_path / "a:tool").write_bytes(
        b"\x7fELF\0" + noise + os.urandom(50_000) + b"\xff Go buildinf:\x08" + info + b"dep\ty\tv9\n"
    )
    (tmp_path / "script").write_text("#!/bin/sh\n")
    facts = (GoBinary("/a:tool"), GoBinary("/script"), GoBinary("/none"))
    sheet = ask(door, *facts, root=tmp_path)
    assert sheet.go_build("/a:tool") == GoBuild(
        package="example.com/tool/cmd/x", module="example.com/tool", version="v1.2.3"
    )
    assert sheet.go_build("/script") is None and sheet.go_build("/none") is None


def test_programs_are_found_on_the_standard_path(door: LocalTransport) -> None:
    names = ("sh", "no-such-program", "it's $HOME")
    sheet = ask(door, *map(ProgramPath, names))
    assert (sheet.program("sh") or "").endswith("/sh")
    assert sheet.program("no-such-program") is None and sheet.program("it's $HOME") is None


def test_programs_of_a_root_at_rest_are_its_own(door: LocalTransport, tmp_path: Path) -> None:
    (tmp_path / "usr/bin").mkdir(parents=True)
    for name in ("tool", "sh"):
        (tmp_path / "usr/bin" / name).write_text("")
        (tmp_path / "usr/bin" / name).chmod(0o755)
    (tmp_path / "usr/bin/link").symlink_to("/nowhere")
    sheet = ask(door, *map(ProgramPath, ("tool", "link", "ls")), root=tmp_path)
    assert [sheet.program(name) for name in ("tool", "link", "ls")] == ["/usr/bin/tool", "/usr/bin/link", None]
