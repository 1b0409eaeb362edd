"""Extensions of the VS Code servers on the machine, pinned or not.

Manages which extensions are installed, and in which version where one is declared; a pinned one is not updated by VS Code.
What is there is read from extensions.json, never from the folders, which lie. Every server that is installed gets them
(VS Code, VSCodium, the Insiders of both, Cursor, Windsurf, code-server); before the first connection there is none, and nothing
to do. A VSIX file comes by URL and checksum, for VS Code checks no signature of one. Takes effect after an editor reload.

    user:
      vscode_extensions:
        golang.go: {version: 0.52.2}
        redhat.vscode-yaml: {}
        corp.tools: {version: 1.4.0, vsix: "https://files.example.com/tools-1.4.0.vsix", sha256: 2c26b46b…}
        ms-vscode.go: {absent: true}

Source: vscode src/vs/platform/extensionManagement/node/extensionManagementService.ts, extensionsScannerService.ts;
code-server install.sh.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Final

from reconciler import agents
from reconciler.model.address import Layer
from reconciler.model.facts import Fact, FactSheet, FileState, FileText, PathInfo, PathType, ProgramPath
from reconciler.model.resource import Blocked, Fields, NotApplicable, Observed, Part, Resource, Seen, Unknown, Want
from reconciler.model.schema import Complaint, KindSchema, MapOf, Text, described, record_of
from reconciler.model.states import Effect, Phase, Risk
from reconciler.model.tasks import Base as TaskBase
from reconciler.model.tasks import Download, RunCommand, WriteBlob
from reconciler.model.values import Absent, Json
from reconciler.resources import vscode
from reconciler.resources.base import Base, parent_facts, parent_needs

_CODE_SERVER: Final = "code-server"
_CODE_SERVER_DATA: Final = "~/.local/share/code-server"
_CODE_SERVER_OF_ITS_INSTALLER: Final = "~/.local/bin/code-server"
"""Where its own installer puts it: a folder that the standard PATH does not have."""
_CACHE: Final = "~/.cache/reconcile/vsix"
_SECONDS: Final = 300
ID: Final = Text(
    pattern=r"^[A-Za-z0-9][A-Za-z0-9-]*\.[A-Za-z0-9][A-Za-z0-9-]*$",
    expected="publisher.name of an extension",
    fixed=True,
)
VERSION: Final = Text(pattern=r"^\d+\.\d+\.\d+([-+][0-9A-Za-z.+-]+)?$", expected="a version such as 0.52.2", fixed=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    version: Annotated[str | None, VERSION] = field(
        default=None, metadata=described("The version that it is pinned to; without one any will do.")
    )
    vsix: Annotated[str | None, Text(pattern=r"^(https?|file)://\S+$", expected="a URL", fixed=True)] = field(
        default=None, metadata=described("Where its VSIX file is, for one that no gallery has.")
    )
    sha256: Annotated[str | None, Text(pattern=r"^[0-9a-f]{64}$", expected="64 hexadecimal digits")] = field(
        default=None, metadata=described("The SHA-256 of the VSIX file.")
    )


class VscodeExtensions(Base):
    kind: ClassVar[str] = "vscode_extensions"
    layers: ClassVar[frozenset[Layer]] = frozenset({Layer.USER})

    @classmethod
    def schema(cls, layer: Layer) -> KindSchema:
        return KindSchema(
            items=MapOf(of=record_of(Extension), keys=ID, names=True, expected="extensions by id, or a list of ids"),
            description="Extensions of the VS Code servers on the machine.",
            check=_check,
        )

    def wanted_facts(self) -> frozenset[Fact]:
        files = {fact for item in self.items for fact in (PathInfo(_vsix(item)), *parent_facts(_vsix(item)))}
        lists = {FileText(f"{server}/extensions/extensions.json") for server in vscode.SERVERS}
        programs = {fact for server in vscode.SERVERS for fact in vscode.installed_facts(server)}
        own: set[Fact] = {ProgramPath(_CODE_SERVER), PathInfo(_CODE_SERVER_OF_ITS_INSTALLER)}
        return frozenset({*files, *lists, *programs, *own, *vscode.server_facts()})

    def observe(self, sheet: FactSheet) -> Mapping[str, Observed]:
        servers = _servers(sheet)
        unread = next((why for server in servers if (why := _file(server, sheet).unreadable)), None)
        if unread is not None:
            return {name: Unknown(unread) for name in self.items}
        installed = [_installed(server, sheet) for server in servers]
        names = [*self.items] or sorted({name for each in installed for name in each})
        found = {name: _seen([each.get(name.lower()) for each in installed]) for name in names}
        return {name: seen for name, seen in found.items() if seen is not None}

    def want(self, name: str, item: object) -> Want:
        if isinstance(item, Absent):
            return Want(takes_effect=Effect.EDITOR_RELOAD)
        assert isinstance(item, Extension)
        fields: dict[str, Json] = {"installed": True, **({"version": item.version} if item.version else {})}
        return Want(fields=fields, takes_effect=Effect.EDITOR_RELOAD, risks=frozenset({Risk.RUNS_CODE_LATER}))

    def write(
        self, name: str, before: Seen | None, after: Fields | Absent, sheet: FactSheet
    ) -> Sequence[Part] | Blocked | NotApplicable:
        if sheet.host.at_rest:
            return NotApplicable("no editor's program runs in a root file system at rest")
        servers = _servers(sheet)
        if not servers:
            return NotApplicable("no VS Code server is here yet: connect from the editor once")
        item = self.items[name]
        wrong = [server for server in servers if not _holds(_installed(server, sheet).get(name.lower()), item)]
        return tuple(self._parts(name, item, wrong, sheet))

    def remarks(self, sheet: FactSheet) -> Sequence[str]:
        if not self.items or not vscode.is_here(_CODE_SERVER_DATA, sheet) or _code_server(sheet):
            return ()
        places = f"neither in the PATH nor as {_CODE_SERVER_OF_ITS_INSTALLER}"
        return (f"{_CODE_SERVER_DATA} is left alone: there is no program code-server, {places}",)

    def _parts(self, name: str, item: object, servers: Sequence[str], sheet: FactSheet) -> Iterator[Part]:
        file = sheet.path(_vsix(name))
        if isinstance(item, Extension) and item.vsix and item.sha256:
            download = Download(url=item.vsix, digest=item.sha256)
            blob = WriteBlob(path=file.path, content=download, base=TaskBase.of(file))
            yield Part(thing=file.path, tasks=(blob,), needs=parent_needs(_vsix(name), sheet))
        for server in servers:
            yield Part(
                thing=f"{name} in {server}",
                tasks=(RunCommand(argv=_words(name, item, server, file.path, sheet), timeout_seconds=_SECONDS),),
                phase=Phase.TOOLS,
            )


def _words(name: str, item: object, server: str, vsix: str, sheet: FactSheet) -> tuple[str, ...]:
    folder = sheet.path(server).followed.path
    program = (_code_server(sheet) or folder) if server == _CODE_SERVER_DATA else folder
    version = (item.version or "") if isinstance(item, Extension) else ""
    what = f"{name}@{version}" if version else name
    if isinstance(item, Extension) and item.vsix:
        what = vsix
    action = "install" if isinstance(item, Extension) else "uninstall"
    script = agents.text("vscode_extension.sh")
    return ("sh", "-c", script, "vscode_extension", action, program, f"{folder}/extensions", name, version, what)


def _servers(sheet: FactSheet) -> tuple[str, ...]:
    """The servers whose programs can be told to install something; one without any extension has no list yet."""
    return tuple(
        server
        for server in vscode.servers_here(sheet)
        if (_code_server(sheet) if server == _CODE_SERVER_DATA else vscode.is_installed(server, sheet))
    )


def _code_server(sheet: FactSheet) -> str | None:
    """The program code-server, which is elsewhere than its data."""
    own = sheet.path(_CODE_SERVER_OF_ITS_INSTALLER)
    return sheet.program(_CODE_SERVER) or (own.path if own.followed.type is PathType.FILE else None)


def _file(server: str, sheet: FactSheet) -> FileState:
    return sheet.file(f"{server}/extensions/extensions.json")


def _installed(server: str, sheet: FactSheet) -> dict[str, str]:
    """Versions by id, in lower case; a list that cannot be read names none."""
    try:
        rows = json.loads(_file(server, sheet).data or b"[]")
        return {str(row["identifier"]["id"]).lower(): str(row["version"]) for row in rows}
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}


def _seen(versions: Sequence[str | None]) -> Seen | None:
    """Of an extension, by its version in each server; None: in none of them."""
    if not any(versions):
        return None
    different = set(versions)
    version = versions[0] if len(different) == 1 else ", ".join(sorted(str(each) for each in different))
    return Seen(fields={"installed": all(versions), "version": version})


def _holds(version: str | None, item: object) -> bool:
    if isinstance(item, Extension):
        return version is not None and item.version in (None, version)
    return version is None


def _vsix(name: str) -> str:
    return f"{_CACHE}/{name.lower()}.vsix"


def _check(name: str, fields: Mapping[str, object]) -> tuple[Complaint, ...]:
    if "vsix" in fields and not {"sha256", "version"} <= fields.keys():
        missing = [key for key in ("version", "sha256") if key not in fields]
        what = f"{name} has a VSIX file and no {' and no '.join(missing)}: nothing else tells what it is"
        return (Complaint(what, fix="add  version:  and  sha256:  of the very file you looked at"),)
    if "sha256" in fields and "vsix" not in fields:
        return (Complaint(f"{name} has a checksum and no VSIX file", fix="add  vsix:", field="sha256"),)
    return ()


RESOURCE: Final[type[Resource]] = VscodeExtensions
