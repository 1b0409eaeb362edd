"""Settings of VS Code on the machine itself: of its server, and of workspaces.

Manages single settings; keeps comments, order, and every other byte of the file. `machine` is the machine's own
settings.json of each server that is installed (VS Code, VSCodium, the Insiders of both, Cursor, Windsurf, code-server), or of
VS Code's where none is yet: there belong the settings that a window on WSL does not take from Windows, such as go.goroot.
`workspaces` are folders by path; one that is not there is not applicable. A setting that VS Code passes over where it stands is
written, with a remark. A file that VS Code would not write is not written. Secrets are refused: settings are synchronised
and committed. Takes effect at once in open windows.

    user:
      vscode_settings:
        machine: {go.toolsManagement.autoUpdate: false}
        workspaces:
          ~/src/app: {go.buildTags: integration}

Source: vscode src/vs/platform/configuration/common/configurationModels.ts; golang/vscode-go package.json.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, cast

from reconciler.formats import jsonc
from reconciler.model.address import Layer
from reconciler.model.facts import Fact, FactSheet
from reconciler.model.resource import Blocked, Fields, FileEdit, NotApplicable, Observed, Part, Resource, Seen, Want
from reconciler.model.schema import Complaint, Field, FreeJson, KindSchema, MapOf, Record, Text
from reconciler.model.values import UNMANAGED, Absent, Json
from reconciler.resources import vscode, vscode_scopes
from reconciler.resources.base import Base, parent_needs

MACHINE: Final = "machine"
WORKSPACES: Final = "workspaces"
_SEPARATOR: Final = ":"


@dataclass(frozen=True, slots=True)
class SettingsCodec:
    """Members are settings by name, their values as JSON."""

    def members(self, text: str) -> Mapping[str, str]:
        return {name: vscode.encoded(value) for name, value in jsonc.members(text).items()}

    def edit(self, text: str, changes: Mapping[str, str | None]) -> str:
        values = {name: jsonc.ABSENT if value is None else json.loads(value) for name, value in changes.items()}
        return jsonc.edit_settings(text, values)


class VscodeSettings(Base):
    kind: ClassVar[str] = "vscode_settings"
    layers: ClassVar[frozenset[Layer]] = frozenset({Layer.USER})

    @classmethod
    def schema(cls, layer: Layer) -> KindSchema:
        name = Text(pattern=r"^[^\x00-\x1f\x7f]+$", expected="the name of a setting", fixed=True)
        settings = MapOf(of=FreeJson(), keys=name, expected="settings by name")
        workspaces = MapOf(of=settings, keys=vscode.WORKSPACE, expected="workspaces by path")
        fields = {
            MACHINE: Field(schema=settings, description="Settings of the machine, for every window on it."),
            WORKSPACES: Field(schema=workspaces, description="Settings of folders, in their .vscode/settings.json."),
        }
        return KindSchema(
            items=Record(fields=fields, partial=True, expected="machine and workspaces"),
            depth=2,
            depths={WORKSPACES: 3},
            separator=_SEPARATOR,
            description="Settings of VS Code's server and of workspaces on the machine.",
            check=_check,
        )

    def wanted_facts(self) -> frozenset[Fact]:
        folders = {path for name in self.items if (path := _workspace(name)) is not None}
        files = {*_machine_files().values(), *(f"{folder}/.vscode/settings.json" for folder in folders)}
        return frozenset(fact for path in files for fact in vscode.file_facts(path)) | vscode.server_facts()

    def observe(self, sheet: FactSheet) -> Mapping[str, Observed]:
        names = [*self.items] or [f"{MACHINE}:{name}" for name in _inventory(sheet)]
        found = {name: self._seen(name, sheet) for name in names}
        return {name: seen for name, seen in found.items() if seen is not None}

    def _seen(self, name: str, sheet: FactSheet) -> Observed | None:
        """Where several servers disagree, what each has: that is what no document says."""
        files = _files(name, sheet)
        for file in files.values():
            refusal = vscode.unreadable(file, sheet)
            if refusal is not None:
                return refusal
        values = {place: _value(file, name, sheet) for place, file in files.items()}
        first, *others = values.values()
        if all(_same(value, first) for value in others):
            return None if first is jsonc.ABSENT else Seen(fields={"value": vscode.normal(first)})
        each = {place: None if value is jsonc.ABSENT else value for place, value in values.items()}
        return Seen(fields={"value": cast(Json, each)}, notes=("the servers disagree",))

    def want(self, name: str, item: object) -> Want:
        shares = tuple(_machine_files().values()) if _workspace(name) is None else (_workspace_file(name),)
        if isinstance(item, Absent):
            return Want(shares=shares)
        risks = vscode.setting_risks(_setting(name), item)
        return Want(fields={"value": vscode.normal(cast(Json, item))}, shares=shares, risks=risks)

    def write(
        self, name: str, before: Seen | None, after: Fields | Absent, sheet: FactSheet
    ) -> Sequence[Part] | Blocked | NotApplicable:
        try:
            return tuple(_parts(name, after, sheet))
        except jsonc.JsoncError as error:
            place = f"line {error.line}, column {error.column}"
            return Blocked(f"{error.what} ({place})", fix="take that out of the file, in VS Code for example")

    def remarks(self, sheet: FactSheet) -> Sequence[str]:
        local_proxy = self._proxy_is_local(sheet)
        found = []
        for name, item in self.items.items():
            folder, setting = _workspace(name), _setting(name)
            why = vscode_scopes.passed_over(setting, workspace=folder is not None, local_proxy=local_proxy)
            if why and item is not UNMANAGED and not isinstance(item, Absent):
                found.append(f"{setting} has no effect in {folder or 'the settings of the machine'}: {why}")
        return found

    def _proxy_is_local(self, sheet: FactSheet) -> bool:
        """On WSL the server is started with --use-host-proxy, so there it is unless told otherwise."""
        name = f"{MACHINE}{_SEPARATOR}{vscode_scopes.LOCAL_PROXY}"
        declared = self.items.get(name)
        if isinstance(declared, bool):
            return declared
        seen = None if isinstance(declared, Absent) else self._seen(name, sheet)
        value = seen.fields["value"] if isinstance(seen, Seen) else None
        return value if isinstance(value, bool) else sheet.host.wsl


def _parts(name: str, after: Fields | Absent, sheet: FactSheet) -> Iterator[Part]:
    value = None if isinstance(after, Absent) else vscode.encoded(after["value"])
    folder = _workspace(name)
    for file in _files(name, sheet).values():
        edit = FileEdit(path=file, codec=SettingsCodec(), member=_setting(name), value=value, follow=True)
        if edit.codec.edit(text := vscode.text_of(file, sheet), {edit.member: value}) != text:
            needs = vscode.workspace_needs(folder, sheet) if folder else parent_needs(file, sheet)
            yield Part(thing=file, edits=(edit,), needs=() if value is None else needs)


def _machine_files() -> dict[str, str]:
    return {folder: f"{folder}/{below}" for folder, below in vscode.SERVERS.items()}


def _files(name: str, sheet: FactSheet) -> dict[str, str]:
    """The files that an item stands in, by what they belong to."""
    folder = _workspace(name)
    if folder is not None:
        return {folder: _workspace_file(name)}
    every = _machine_files()
    return {server: every[server] for server in vscode.servers_here(sheet)}


def _workspace(name: str) -> str | None:
    """The folder of a workspace's item, None for one of the machine."""
    place, _, rest = name.partition(_SEPARATOR)
    return rest.partition(_SEPARATOR)[0] if place == WORKSPACES else None


def _workspace_file(name: str) -> str:
    return f"{_workspace(name)}/.vscode/settings.json"


def _setting(name: str) -> str:
    place, _, rest = name.partition(_SEPARATOR)
    return rest.partition(_SEPARATOR)[2] if place == WORKSPACES else rest


def _value(file: str, name: str, sheet: FactSheet) -> Json | jsonc.Absent:
    return jsonc.setting(vscode.text_of(file, sheet), _setting(name))


def _same(one: Json | jsonc.Absent, other: Json | jsonc.Absent) -> bool:
    if isinstance(one, jsonc.Absent) or isinstance(other, jsonc.Absent):
        return one is other
    return jsonc.equal(one, other)


def _inventory(sheet: FactSheet) -> Sequence[str]:
    """The settings of the first server that is here."""
    file = _machine_files()[vscode.servers_here(sheet)[0]]
    return () if vscode.unreadable(file, sheet) else tuple(jsonc.members(vscode.text_of(file, sheet)))


def _check(name: str, fields: Mapping[str, object]) -> tuple[Complaint, ...]:
    if vscode.holds_secret(fields.get("value")):
        what = f"{_setting(name)} would hold a secret, and settings are synchronised and committed"
        return (Complaint(what, fix="have the program that needs it read it from a file or a variable"),)
    return ()


RESOURCE: Final[type[Resource]] = VscodeSettings
