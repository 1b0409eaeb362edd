"""A machine for the apply script: a root file system, a shell, and what a test may do to them.

Most tests work in a root file system below tmp_path (`--root`), as whoever runs pytest. What needs the running system
(`live`: effects, programs, users by name) gets a mount namespace in which /var/lib, /home and /etc/passwd are tmp_path's.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from reconciler import agents
from reconciler.execution.apply import AGENT, Applied, Outcome, apply, read
from reconciler.execution.blobs import Blob, Supplies, Unavailable
from reconciler.execution.parts import Batch, Part, parts_of
from reconciler.execution.payload import NOTHING, payload
from reconciler.execution.session import Rights, begin
from reconciler.model.address import Address, Target
from reconciler.model.facts import PathType
from reconciler.model.outcome import Status
from reconciler.model.plan import Change
from reconciler.model.states import Effect
from reconciler.model.tasks import MARKER, Base, BlobTask, Download, Task, Unpack, WriteBlob, WriteFile
from reconciler.model.transport import Result
from reconciler.transports.exchange import Limits
from reconciler.transports.local import LocalTransport

DISTRO = Target("lt", "main")
MISSING = Base(type=PathType.MISSING)
IS_ROOT = os.geteuid() == 0
SHELLS = {"dash": ("dash",), "bash": ("bash",), "busybox": ("busybox", "ash"), "mksh": ("mksh",)}
ALICE = 1000

as_root = pytest.mark.skipif(not IS_ROOT, reason="acts for other users, makes devices or mounts: needs root")


@dataclass(frozen=True)
class Shell:
    argv: tuple[str, ...]
    path: str


def blob_of(data: bytes) -> Blob:
    file = tempfile.TemporaryFile()  # noqa: SIM115  # a blob is an open file
    file.write(data)
    file.flush()
    return Blob.of(file)  # type: ignore[arg-type]


@dataclass
class Machine:
    """A root file system with a shell to apply changes in it."""

    root: Path
    shell: Shell
    wrap: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    live: bool = False
    supplies: dict[BlobTask, Blob | Unavailable] = field(default_factory=dict)

    def at(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def file(self, path: str, content: bytes, mode: int = 0o644, owner: int | None = None) -> Path:
        place = self.at(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        if owner is not None:
            os.chown(place, owner, owner)
        place.chmod(mode)
        return place

    def base(self, path: str) -> Base:
        """What a plan would have seen."""
        place = self.at(path)
        try:
            found = place.lstat()
        except FileNotFoundError:
            return MISSING
        kinds = {stat.S_IFREG: PathType.FILE, stat.S_IFDIR: PathType.DIRECTORY, stat.S_IFLNK: PathType.LINK}
        kind = kinds.get(stat.S_IFMT(found.st_mode), PathType.FIFO)
        return Base(
            type=kind,
            digest=hashlib.sha256(place.read_bytes()).hexdigest() if kind is PathType.FILE else None,
            mode=None if kind is PathType.LINK else stat.S_IMODE(found.st_mode),
            owner=str(found.st_uid),
            group=str(found.st_gid),
            link=str(place.readlink()) if kind is PathType.LINK else None,
        )

    def write(self, path: str, content: bytes, **how: object) -> WriteFile:
        return WriteFile(**{"path": path, "content": content, "base": self.base(path), **how})  # type: ignore[arg-type]

    @property
    def transport(self) -> LocalTransport:
        environment = {"PATH": self.shell.path, "HOME": "/root", **self.environment}
        return LocalTransport((*self.wrap, *self.shell.argv), environment, limits=Limits(deadline_seconds=30))

    def told(self, data: bytes) -> Result:
        """What the script makes of any input."""
        exchange = begin(self.transport, AGENT, Rights.OWN, "nonce")
        exchange.say(data)
        return exchange.finish()

    def apply(self, *changes: Change) -> Mapping[str, Outcome]:
        return self.apply_batches(Batch(target=DISTRO, changes=changes))

    def apply_batches(self, *batches: Batch) -> Mapping[str, Outcome]:
        return self.applied(*batches).outcomes

    def applied(self, *batches: Batch) -> Applied:
        """With what the machine says beside the changes."""
        return apply(self.transport, batches, root=None if self.live else str(self.root), supplies=self.supplies)

    def blob(self, path: str, data: bytes, **how: object) -> WriteBlob:
        """The bytes wait on the controller."""
        content = Download(url="https://example.com/blob", digest=hashlib.sha256(data).hexdigest())
        task = WriteBlob(**{"path": path, "content": content, "base": self.base(path), **how})  # type: ignore[arg-type]
        self.supplies[task] = blob_of(data)
        return task

    def unpack(self, path: str, archive: bytes, **how: object) -> Unpack:
        content = Download(url="https://example.com/archive", digest=hashlib.sha256(archive).hexdigest())
        task = Unpack(**{"path": path, "archive": content, "base": self.tree_base(path), **how})  # type: ignore[arg-type]
        self.supplies[task] = blob_of(archive)
        return task

    def tree_base(self, path: str) -> Base:
        """What a plan would have seen of a directory that may have been unpacked."""
        marker = self.at(path) / MARKER
        return replace(self.base(path), digest=marker.read_text().split()[0] if marker.is_file() else None)

    def tree(self) -> dict[str, object]:
        """All below the root but for the state folder: content, type, mode, owner, inode."""
        seen: dict[str, object] = {}
        for place in sorted(self.root.rglob("*")):
            name = os.fsencode(place.relative_to(self.root)).decode("latin-1")
            found = place.lstat()
            if not name.startswith("var"):
                content = place.read_bytes() if stat.S_ISREG(found.st_mode) else None
                text = place.readlink() if place.is_symlink() else None
                seen[name] = (content, str(text), found.st_mode, found.st_uid, found.st_gid, found.st_ino)
        return seen

    def leftovers(self) -> list[Path]:
        return [place for place in self.root.rglob("*") if place.name.startswith((".reconcile.", "stage."))]


def change(name: str, *tasks: Task, needs: tuple[str, ...] = (), effect: Effect = Effect.NOW) -> Change:
    address = Address(DISTRO, "files", name)
    digests = {address: f"digest of {name}"}
    return Change(
        id=name,
        target=DISTRO,
        thing=f"thing {name}",
        addresses=(address,),
        tasks=tasks,
        needs=needs,
        effect=effect,
        digests=digests,
    )


def sent_whole(parts: Sequence[Part], root: str | None, supplies: Supplies = NOTHING) -> bytes:
    return b"".join(payload(parts, root, supplies).pieces())


def statuses(found: Mapping[str, Outcome]) -> dict[str, Status]:
    return {name: outcome.status for name, outcome in found.items()}


@pytest.fixture(scope="session")
def applets() -> Iterator[Path]:
    """A folder with busybox's applets and nothing else, which other users can reach, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        busybox = shutil.which("busybox")
        if busybox:
            for applet in subprocess.run(
                [busybox, "--list"], capture_output=True, text=True, check=True
            ).stdout.split():
                (folder / applet).symlink_to(busybox)
        folder.chmod(0o755)
        yield folder


def shell_named(name: str, applets: Path) -> Shell:
    found = shutil.which(SHELLS[name][0])
    if not found:
        pytest.skip(f"{name} is not installed")
    return Shell((found, *SHELLS[name][1:]), str(applets) if name == "busybox" else agents.PATH)


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest, applets: Path) -> Shell:
    return shell_named(request.param, applets)


@pytest.fixture
def dash(applets: Path) -> Shell:
    return shell_named("dash", applets)


def root_file_system(root: Path) -> Path:
    """With the names root, alice and a group of more than one name for each shell's parsing."""
    for folder in ("etc", "home", "var/lib", "srv"):
        (root / folder).mkdir(parents=True)
    (root / "etc/passwd").write_text(
        f"root:x:0:0:root:/root:/bin/sh\nalice:*:{ALICE}:{ALICE}:Alice, A.:/home/alice:/bin/sh\ntoor:*:0:0::/root:/bin/sh"
    )
    (root / "etc/group").write_text(f"root:x:0:\nalice:x:{ALICE}:alice\ndevelopers:x:4321:alice")
    (root / "home/alice").mkdir()
    if IS_ROOT:
        os.chown(root / "home/alice", ALICE, ALICE)
    for place in (root, root / "etc", root / "home", root / "var", root / "var/lib", root / "srv", root / "home/alice"):
        place.chmod(0o755)
    return root


@pytest.fixture
def machine(tmp_path: Path, shell: Shell) -> Machine:
    return Machine(root_file_system(tmp_path / "root"), shell)


@pytest.fixture
def one_machine(tmp_path: Path, dash: Shell) -> Machine:
    return Machine(root_file_system(tmp_path / "root"), dash)


def with_setpriv(shell: Shell, folder: Path) -> Shell:
    """The shell with util-linux's setpriv where its own cannot change the user: busybox's."""
    tried = ["setpriv", "--reuid", "1000", "--clear-groups", "true"]
    if not IS_ROOT or subprocess.run(tried, env={"PATH": shell.path}, capture_output=True).returncode == 0:
        return shell
    return Shell(shell.argv, f"{only('setpriv', folder)}:{shell.path}")


def only(tool: str, folder: Path) -> Path:
    """A folder for PATH with one tool."""
    tools = folder / f"only-{tool}"
    tools.mkdir()
    tools.chmod(0o755)
    (tools / tool).symlink_to(shutil.which(tool, path=agents.PATH) or pytest.skip(f"{tool} is not installed"))
    return tools


def in_namespace(commands: str, *words: object) -> tuple[str, ...]:
    """A wrapper that runs `commands` with $1, $2, … in a mount namespace, then what comes behind it."""
    drop = f"shift {len(words)}; " if words else ""
    tools = "PATH=/usr/sbin:/usr/bin:/sbin:/bin; "
    inner = f'keep=$PATH; {tools}set -e; {commands}; PATH=$keep; set +e; {drop}exec "$@"'
    return ("/usr/bin/unshare", "-m", "--propagation", "private", "/bin/sh", "-c", inner, "sh", *map(str, words))


def live(root: Path, shell: Shell) -> Machine:
    mounts = 'for f in var/lib home etc/passwd; do mount --bind "$1/$f" "/$f"; done'
    return Machine(root_file_system(root), shell, wrap=in_namespace(mounts, root), live=True)


@pytest.fixture
def live_machine(tmp_path: Path, shell: Shell) -> Machine:
    return live(tmp_path / "root", with_setpriv(shell, tmp_path))


@pytest.fixture
def one_live_machine(tmp_path: Path, dash: Shell) -> Machine:
    return live(tmp_path / "root", dash)


def with_shim(machine: Machine, folder: Path, tool: str, script: str) -> None:
    """Puts a program in front of a tool; it knows the tool as `real`, and its last word as `$last`."""
    folder.mkdir(exist_ok=True)
    real = shutil.which(tool, path=agents.PATH)
    lines = ("#!/bin/sh", f'real() {{ {real} "$@"; }}', "for last do :; done", script, "")
    (folder / tool).write_text("\n".join(lines))
    (folder / tool).chmod(0o755)
    machine.shell = Shell(machine.shell.argv, f"{folder}:{machine.shell.path}")


def started(
    machine: Machine,
    *batches: Batch,
    before: Callable[[], object] | None = None,
    parts: tuple[Part, ...] = (),
    sent: bytes = b"",
) -> tuple[subprocess.Popen[bytes], Callable[[bytes], dict[str, Outcome]]]:
    """The running script, and how to read what it printed; `sent` in place of what those batches send."""
    parts = parts or parts_of(batches)
    process = subprocess.Popen(
        [*machine.wrap, *machine.shell.argv, "-c", agents.BOOT],
        env={"PATH": machine.shell.path, "LC_ALL": "C", "HOME": "/root", **machine.environment},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True, preexec_fn=before,
    )  # fmt: skip
    assert process.stdin
    process.stdin.write(agents.program(AGENT) + b"session own 0 nonce 0\n")
    root = None if machine.live else str(machine.root)
    process.stdin.write(sent or sent_whole(parts, root, machine.supplies))
    process.stdin.close()
    process.stdin = None
    return process, lambda stdout: read(parts, subprocess_result(process.returncode, stdout)).outcomes


def subprocess_result(code: int, stdout: bytes) -> Result:
    return Result(code=code, stdout=stdout, stderr=b"")


def wait_for(place: Path) -> None:
    end = time.monotonic() + 10
    while not place.exists():
        assert time.monotonic() < end, f"{place} never came"
        time.sleep(0.01)
