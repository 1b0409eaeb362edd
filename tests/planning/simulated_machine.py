"""A machine in memory: it answers facts, is planned, and does what the tasks of a plan say as the apply script would."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import posixpath
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import ModuleType

from reconciler.model import facts
from reconciler.model.address import Address, Layer, Target
from reconciler.model.desired import DesiredItems, DesiredKind
from reconciler.model.effects import EffectRecord
from reconciler.model.facts import (
    NEEDS_ROOT,
    AccountState,
    Answer,
    CommandResult,
    Fact,
    FactSheet,
    FileState,
    GoBuild,
    Host,
    PathState,
    PathType,
    Session,
    Unread,
)
from reconciler.model.plan import Change, Plan
from reconciler.model.resource import Resource
from reconciler.model.tasks import (
    MARKER,
    Base,
    MakeDirectory,
    MakeLink,
    Remove,
    RemoveUnpacked,
    RunCommand,
    SetMode,
    Unpack,
    WriteBlob,
    WriteFile,
)
from reconciler.model.tree import Origin
from reconciler.planning.inputs import Inputs, TargetInput
from reconciler.planning.plan import plan

KEY = b"k" * 32
KERNEL_FILES = {
    "fs/binfmt_misc/register": "",
    "fs/binfmt_misc/status": "enabled\n",
    "fs/inotify/max_user_watches": "65536\n",
    "net/core/somaxconn": "128\n",
    "net/ipv4/ip_local_port_range": "32768\t60999\n",
    "vm/max_map_count": "65530\n",
}
"""Below /proc/sys, as the kernel shows them."""
PathTask = WriteFile | WriteBlob | Unpack | MakeDirectory | MakeLink | Remove | RemoveUnpacked | SetMode


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    type: PathType
    mode: int = 0o755
    owner: str = "root"
    group: str = "root"
    data: bytes = b""
    link: str | None = None


class _BarredError(Exception):
    """A link at `path`, the rest of a way behind it, that stands where somebody can write `directory`."""

    def __init__(self, path: str, directory: str) -> None:
        self.path, self.directory = path, directory


class Machine:
    """A WSL distro without systemd, with root and alice. Paths are absolute.

    `secretive` are paths that only root may read or, being directories, look into. `downloads` are what URLs hold; of an
    archive, a file for each name. A program that a task runs, or a fact asks, is played by the module of its name in
    `tests/simulated`, which may keep what it needs in `memory`; `programs` are where the PATH has some.
    """

    def __init__(self, host: Host | None = None) -> None:
        self.life = host or Host(
            user="root",
            uid=0,
            home="/root",
            kernel="6.6.0",
            architecture="x86_64",
            boot="boot-1",
            init_started=100,
            wsl=True,
        )
        self.nodes: dict[str, Node] = {}
        self.secretive: set[str] = set()
        self.accounts = {"root": "/root", "alice": "/home/alice"}
        self.environment: dict[tuple[Session, str], str] = {}
        self.commands: dict[tuple[str, ...], CommandResult] = {}
        self.libc: str | None = "glibc 2.39"
        self.programs = {name: f"/usr/sbin/{name}" for name in ("sysctl", "update-ca-certificates")}
        self.builds: dict[str, GoBuild] = {}
        self.downloads: dict[str, bytes | dict[str, bytes]] = {}
        self.memory: dict[str, dict[str, object]] = {}
        self.ran: list[tuple[str, ...]] = []
        for folder in ("/", "/etc", "/opt", "/root", "/home"):
            self.nodes[folder] = Node(type=PathType.DIRECTORY)
        for name, text in KERNEL_FILES.items():
            self.file(f"/proc/sys/{name}", text)
        self.nodes["/home/alice"] = Node(type=PathType.DIRECTORY, owner="alice", group="alice")

    # ---- made by hand

    def directory(self, path: str, mode: int = 0o755, owner: str | None = None) -> None:
        self._put(path, Node(type=PathType.DIRECTORY, mode=mode), owner)

    def file(self, path: str, data: bytes | str = b"", mode: int = 0o644, owner: str | None = None) -> None:
        content = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
        self._put(path, Node(type=PathType.FILE, mode=mode, data=content), owner)

    def link(self, path: str, target: str) -> None:
        self._put(path, Node(type=PathType.LINK, mode=0o777, link=target))

    def odd(self, path: str, kind: PathType) -> None:
        self._put(path, Node(type=kind))

    def text(self, path: str) -> str:
        return self.nodes[self.walk(path)].data.decode("utf-8", "surrogateescape")

    def _put(self, path: str, node: Node, owner: str | None = None) -> None:
        above = posixpath.dirname(path)
        if above not in self.nodes:
            self.directory(above)
        keeper = owner or ("alice" if path.startswith("/home/alice") else "root")
        self.nodes[path] = replace(node, owner=keeper, group=keeper)

    # ---- asked

    def sheet(self, wanted: Iterable[Fact], user: str = "root", *, elevated: bool = True) -> FactSheet:
        """What the machine tells root, alice in place of root, or one user: just what was asked for."""
        host = self.life
        if user != "root" or not elevated:
            name = "alice" if user == "root" else user
            host = replace(self.life, user=name, uid=1000, home=self.accounts[name])
        return FactSheet(host=host, answers={fact: self._answer(fact, host) for fact in wanted})

    def _answer(self, fact: Fact, host: Host) -> Answer | Unread:  # noqa: C901  # one case a fact
        match fact:
            case facts.PathInfo(path=path):
                return self._state(path, host)
            case facts.FileText(path=path):
                return self._file(path, host)
            case facts.Listing(path=path):
                place = self._state(path, host).followed.path
                names = {
                    name.removeprefix(place + "/").split("/")[0] for name in self.nodes if name.startswith(place + "/")
                }
                return tuple(sorted(names)) if place in self.nodes else None
            case facts.FileDigest(path=path):
                file = self._file(path, host)
                why = Unread(file.unreadable) if file.unreadable else None
                return why if file.data is None else hashlib.sha256(file.data).hexdigest()
            case facts.GoBinary(path=path):
                return self.builds.get(self._state(path, host).followed.path)
            case facts.ProgramPath(name=name):
                return self.programs.get(name)
            case facts.CommandText(argv=argv):
                return Unread("--root") if host.at_rest else self._said(argv, host)
            case facts.Environment(session=session, name=name):
                return Unread("--root") if host.at_rest else self.environment.get((session, name))
            case facts.Account(name=name):
                home = self.accounts.get(name)
                return AccountState(uid=1000, gid=1000, home=home, shell="/bin/sh") if home else None
            case facts.Libc():
                return self.libc

    def _said(self, argv: tuple[str, ...], host: Host) -> CommandResult | None:
        if argv in self.commands:
            return self.commands[argv]
        module = played(argv)
        found: CommandResult | None = module.answer(self, argv, host.user) if hasattr(module, "answer") else None
        return found

    def _file(self, path: str, host: Host) -> FileState:
        state = self._state(path, host)
        end = state.followed
        if end.type is PathType.UNKNOWN:
            return FileState(state=state, unreadable=NEEDS_ROOT)
        if end.type is not PathType.FILE:
            return FileState(state=state)
        if host.uid != 0 and end.path in self.secretive:
            return FileState(state=state, unreadable=NEEDS_ROOT)
        if end.distrusted:
            return FileState(
                state=state, unreadable=f"somebody else than root can write {end.distrusted}: root keeps out"
            )
        return FileState(state=state, data=self.nodes[end.path].data)

    def _state(self, path: str, host: Host) -> PathState:
        whole = host.home + path[1:] if path.startswith("~") else path
        state = self._at(whole, host, follow=False)
        return replace(state, behind=self._at(whole, host)) if state.type is PathType.LINK else state

    def _at(self, path: str, host: Host, *, follow: bool = True) -> PathState:
        """Root follows no link that others can write."""
        try:
            return self._plain(
                self.walk(path, follow=follow, barred=self._others_above if host.uid == 0 else None), host
            )
        except _BarredError as error:
            return PathState(path=error.path, type=PathType.UNKNOWN, distrusted=error.directory)

    def _plain(self, path: str, host: Host) -> PathState:
        hidden = host.uid != 0 and any(path.startswith(folder + "/") for folder in self.secretive)
        node = None if hidden else self.nodes.get(path)
        distrusted = self._others_above(path) if host.uid == 0 else None
        if node is None:
            kind = PathType.UNKNOWN if hidden else PathType.MISSING
            return PathState(path=path, type=kind, distrusted=distrusted)
        return PathState(
            path=path,
            type=node.type,
            mode=node.mode,
            owner=node.owner,
            group=node.group,
            size=len(node.data),
            link=node.link,
            distrusted=distrusted,
        )

    def _others_above(self, path: str) -> str | None:
        return next(filter(self._open_to_others, self._above(path)), None)

    def _above(self, path: str) -> list[str]:
        parts = path.split("/")
        return ["/".join(parts[:count]) or "/" for count in range(1, len(parts))]

    def _open_to_others(self, path: str) -> bool:
        node = self.nodes.get(path)
        return (
            node is not None and node.type is PathType.DIRECTORY and (node.owner != "root" or bool(node.mode & 0o022))
        )

    def walk(self, path: str, *, follow: bool = True, barred: Callable[[str], str | None] | None = None) -> str:
        """Where a path leads: the links above it followed, and with `follow` those at its end; none that is barred."""
        at, ahead, links = "", [part for part in path.split("/") if part], 0
        while ahead:
            part = ahead.pop(0)
            below = posixpath.dirname(at).rstrip("/") if part == ".." else f"{at}/{part}"
            node = self.nodes.get(below or "/")
            if node is None or node.type is not PathType.LINK or not (ahead or follow) or links > 40:
                at = below
                continue
            links += 1
            if barred is not None and (directory := barred(below)):
                raise _BarredError("/".join([below, *ahead]), directory)
            text = node.link or ""
            at, ahead = ("" if text.startswith("/") else at), [*(part for part in text.split("/") if part), *ahead]
        return at or "/"

    # ---- told

    def apply(self, planned: Plan) -> dict[str, str]:
        """Does a plan's changes in order; why which of them went wrong, by id. What needs a failed one is skipped."""
        failed: dict[str, str] = {}
        for change in planned.changes:
            missing = next((need for need in change.needs if need in failed), None)
            if missing is not None:
                failed[change.id] = f"needs {missing}"
                continue
            try:
                self._change(change)
            except AssertionError as error:
                failed[change.id] = str(error)
        return failed

    def _change(self, change: Change) -> None:
        writer = "alice" if change.target.layer is Layer.USER else "root"
        met: set[str] = set()
        for task in change.tasks:
            if isinstance(task, RunCommand):
                self.ran.append(task.words)
                module = played(task.words)
                if hasattr(module, "run"):
                    module.run(self, task.words, task.stdin, writer)
                continue
            self._perform(task, writer, first=task.path not in met)
            met.add(task.path)

    def _perform(self, task: PathTask, writer: str, *, first: bool) -> None:
        path, node = task.path, self.nodes.get(task.path)
        above = posixpath.dirname(path)
        assert self.walk(path, follow=False) == path, f"{path} leads elsewhere"
        assert above in self.nodes, f"{above} is not there"
        assert self.nodes[above].type is PathType.DIRECTORY, f"{above} is no directory"
        if not isinstance(task, MakeDirectory) and first:
            data = node.data if node is not None and task.base.digest is not None else None
            found = Base.of(self._plain(path, self.life), data)
            if node is not None and node.type is PathType.DIRECTORY and task.base.digest is not None:
                found = replace(found, digest=self._archive_in(path))
            assert found == task.base, f"{path} has moved: {found} is not {task.base}"
        self._do(task, node, writer)

    def _do(self, task: PathTask, node: Node | None, writer: str) -> None:
        path = task.path
        match task:
            case WriteFile():
                is_new = node is None or node.type is PathType.LINK
                old = Node(type=PathType.FILE, mode=0o644, owner=writer, group=writer) if is_new else node
                self.nodes[path] = replace(_dressed(old, task), data=task.content)
            case WriteBlob():
                content = self.downloads[task.content.url]
                assert isinstance(content, bytes) and hashlib.sha256(content).hexdigest() == task.content.digest
                old = node or Node(type=PathType.FILE, mode=0o644, owner=writer, group=writer)
                self.nodes[path] = replace(_dressed(old, task), data=content)
            case Unpack():
                self._clear(path, node)
                self._unpack(task, writer)
            case RemoveUnpacked():
                assert node is not None, f"{path} is gone already"
                self._clear(path, node)
                del self.nodes[path]
            case MakeDirectory():
                assert node is None, f"{path} is there already"
                self.nodes[path] = _dressed(Node(type=PathType.DIRECTORY, owner=writer, group=writer), task)
            case MakeLink():
                assert node is None or node.type is PathType.LINK, f"{path} is in the way"
                self.nodes[path] = Node(type=PathType.LINK, mode=0o777, owner=writer, group=writer, link=task.target)
            case Remove():
                assert node is not None, f"{path} is gone already"
                assert not any(name.startswith(path + "/") for name in self.nodes), f"{path} is not empty"
                del self.nodes[path]
            case SetMode():
                assert node is not None, f"{path} is not there"
                self.nodes[path] = _dressed(node, task)

    def _archive_in(self, path: str) -> str | None:
        """The digest in the marker of a directory that was unpacked."""
        marker = self.nodes.get(f"{path}/{MARKER}")
        return marker.data.decode().split()[0] if marker else None

    def _unpack(self, task: Unpack, writer: str) -> None:
        files = self.downloads[task.archive.url]
        assert isinstance(files, dict)
        held = {"/".join(name.split("/")[task.strip :]): data for name, data in files.items()}
        for name, data in {**held, MARKER: task.marker}.items():
            if name:
                self.file(f"{task.path}/{name}", data, owner=writer)
        self.nodes[task.path] = _dressed(Node(type=PathType.DIRECTORY, owner=writer, group=writer), task)

    def _clear(self, path: str, node: Node | None) -> None:
        below = [name for name in self.nodes if name.startswith(path + "/")]
        assert node is None or not below or f"{path}/{MARKER}" in below, f"{path} was not unpacked"
        for name in below:
            del self.nodes[name]

    # ---- planned

    def plan(
        self,
        resources: Mapping[Target, Iterable[Resource]],
        *,
        allow: tuple[str, ...] | None = None,
        effects: Mapping[Address, EffectRecord] | None = None,
        elevated: bool = True,
        key: bytes = KEY,
    ) -> Plan:
        """The plan of resources on this machine. Every item was written on a line of its own, from line 1 on."""
        entries: list[TargetInput] = []
        lines = 0
        for target, several in resources.items():
            mine = tuple(several)
            names = [(resource.kind, name) for resource in mine for name in resource.items]
            places = enumerate(names, start=lines + 1)
            origins = {Address(target, kind, name): Origin("reconcile.yaml", line, 3) for line, (kind, name) in places}
            lines += len(names)
            kinds = {resource.kind: DesiredKind(items=resource.items, options={}) for resource in mine}
            wanted = {fact for resource in mine for fact in resource.wanted_facts()}
            entry = TargetInput(
                target=target,
                desired=DesiredItems(target=target, kinds=kinds, origins=origins),
                resources=mine,
                sheet=self.sheet(wanted, target.user or "root", elevated=elevated),
                effects=effects or {},
            )
            entries.append(entry)
        return plan(Inputs(workstation="lt", targets=tuple(entries), allow=allow), key)


def played(argv: tuple[str, ...]) -> ModuleType | None:
    """The module that plays a program. Behind `env` and its assignments stands the program; a constant script, as in
    `sh -c SCRIPT NAME WORDS`, goes by its name."""
    words = [*argv]
    if words[0] == "env":
        words = next((words[at:] for at in range(1, len(words)) if "=" not in words[at]), ["env"])
    if posixpath.basename(words[0]) == "sh" and "-c" in words and len(words) > words.index("-c") + 2:
        words = words[words.index("-c") + 2 :]
    name = f"simulated.{posixpath.basename(words[0]).replace('-', '_')}"
    return importlib.import_module(name) if importlib.util.find_spec(name) else None


def _dressed(node: Node, task: WriteFile | WriteBlob | Unpack | MakeDirectory | SetMode) -> Node:
    mode = node.mode if task.mode is None else task.mode
    return replace(node, mode=mode, owner=task.owner or node.owner, group=task.group or node.group)
