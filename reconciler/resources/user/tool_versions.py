"""Versions of tools for asdf and mise, in ~/.tool-versions.

Manages single tools; other lines and comments stay. Several versions are a list: the first is in use, the others are at
hand. Nothing is installed: `asdf install` or `mise install` does that. Takes effect with the next command. asdf takes this
file wherever a project has none of its own; mise only below the home, and after its own ~/.config/mise/config.toml, which
nothing here edits. What a project's own .tool-versions says goes first: declare that one under `files`.

    user:
      tool_versions:
        golang: 1.27.3
        nodejs: [22.1.0, 20.18.0]

Source: asdf internal/toolversions/toolversions.go; mise src/config/config_file/tool_versions.rs, src/plugins/core/go.rs.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Final

from reconciler.formats import tool_versions
from reconciler.model.address import Layer
from reconciler.model.facts import Fact, FactSheet, FileText, PathInfo, PathType, ProgramPath
from reconciler.model.resource import Blocked, Fields, NotApplicable, Part, Resource, Seen, Want
from reconciler.model.schema import KindSchema, ListOf, MapOf, Text
from reconciler.model.states import Risk
from reconciler.model.values import Absent, Json, Unmanaged
from reconciler.resources.members import MemberKind

_TOOL: Final = Text(pattern=r"^[^\s#{}]*[^\s#{}:]$", expected="a tool's name, as asdf or mise has it", fixed=True)
_VERSION: Final = Text(pattern=r"^[^\s#{}]+$", expected="a version such as 1.27.3, without blanks")
_MISE_CONFIG: Final = "~/.config/mise/config.toml"
_MISE_PLACES: Final = ("~/.local/bin/mise", "~/.local/share/mise")
_ALIASES: Final[Mapping[str, str]] = {"golang": "go", "nodejs": "node"}
"""Names that mise takes for another."""
_GO_SETTINGS: Final[Mapping[str, str]] = {"GOROOT": "set_goroot", "GOBIN": "set_gobin"}


@dataclass(frozen=True, slots=True)
class ToolVersionsCodec:
    def members(self, text: str) -> Mapping[str, str]:
        return tool_versions.members(text)

    def edit(self, text: str, changes: Mapping[str, str | None]) -> str:
        return tool_versions.edit(text, changes)


class ToolVersions(MemberKind):
    kind: ClassVar[str] = "tool_versions"
    layers: ClassVar[frozenset[Layer]] = frozenset({Layer.USER})
    path = "~/.tool-versions"
    codec = ToolVersionsCodec()
    follow = True

    @classmethod
    def schema(cls, layer: Layer) -> KindSchema:
        versions = ListOf(of=_VERSION, expected="a version, or a list of versions", single=True, empty=False)
        return KindSchema(
            items=MapOf(of=versions, keys=_TOOL, expected="tools with their versions"),
            description="Versions of tools for asdf and mise, in ~/.tool-versions.",
        )

    def wanted_facts(self) -> frozenset[Fact]:
        places = {PathInfo(path) for path in _MISE_PLACES}
        return super().wanted_facts() | places | {FileText(_MISE_CONFIG), ProgramPath("mise"), ProgramPath("asdf")}

    def seen(self, text: str, sheet: FactSheet) -> Mapping[str, Seen]:
        found = self.codec.members(text)
        return {name: Seen(fields={"value": _normal(versions.split())}) for name, versions in found.items()}

    def want(self, name: str, item: object) -> Want:
        if isinstance(item, Absent):
            return Want(shares=(self.path,))
        assert isinstance(item, str | tuple)
        versions = [item] if isinstance(item, str) else item
        return Want(fields={"value": _normal(versions)}, shares=(self.path,), risks=_risks(name, versions))

    def member_value(self, name: str, value: object) -> str:
        return " ".join(value) if isinstance(value, list) else str(value)

    def write(
        self, name: str, before: Seen | None, after: Fields | Absent, sheet: FactSheet
    ) -> Sequence[Part] | Blocked | NotApplicable:
        parts = super().write(name, before, after, sheet)
        if isinstance(parts, Blocked | NotApplicable) or isinstance(after, Absent):
            return parts
        installers = {"mise": _has_mise(sheet), "asdf": sheet.program("asdf") is not None}
        here = [name for name, there in installers.items() if there] or list(installers)
        ask = " or ".join(f"`{name} install`" for name in here)
        return tuple(replace(part, asks=(ask,)) for part in parts)

    def remarks(self, sheet: FactSheet) -> Sequence[str]:
        names = [name for name, item in self.items.items() if not isinstance(item, Absent | Unmanaged)]
        return list(_of_mise(names, sheet)) if names and _has_mise(sheet) else ()


def _normal(versions: Sequence[str]) -> Json:
    """One version is text, several are a list."""
    return versions[0] if len(versions) == 1 else list(versions)


def _has_mise(sheet: FactSheet) -> bool:
    there = any(sheet.path(path).followed.type is not PathType.MISSING for path in _MISE_PLACES)
    return there or sheet.program("mise") is not None


def _of_mise(names: Sequence[str], sheet: FactSheet) -> Iterator[str]:
    """What mise makes of the file that asdf does not."""
    config = _config(sheet)
    tools, settings = _table(config, "tools"), _table(_table(config, "settings"), "go")
    known = {_mise_name(name): name for name in names}
    for tool in sorted(known.keys() & {_mise_name(tool) for tool in tools}):
        yield f"{_MISE_CONFIG} names a version of {known[tool]} too: mise takes that one"
    hidden = {name: setting for name, setting in _GO_SETTINGS.items() if settings.get(setting, True) is not False}
    if "go" in known and hidden:
        names_hidden = " and ".join(hidden)
        fixes = " and ".join(f"`mise settings set go.{setting} false`" for setting in hidden.values())
        yield f"mise exports {names_hidden} where it activates {known['go']}, which hides what go_env says of it: {fixes} would keep it from that"


def _config(sheet: FactSheet) -> Mapping[str, object]:
    """mise's own file; nothing of one that is no TOML, or not read."""
    try:
        return tomllib.loads((sheet.file(_MISE_CONFIG).data or b"").decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError):
        return {}


def _table(table: Mapping[str, object], name: str) -> Mapping[str, object]:
    found = table.get(name)
    return found if isinstance(found, dict) else {}


def _mise_name(tool: str) -> str:
    return _ALIASES.get(tool, tool)


def _risks(name: str, versions: Sequence[str]) -> frozenset[Risk]:
    """What is there already under a path, or comes from a place that the name tells, is no version of a known tool."""
    is_elsewhere = "://" in name or any(version.startswith(("path:", "ref:")) for version in versions)
    return frozenset({Risk.RUNS_CODE_LATER}) if is_elsewhere else frozenset()


RESOURCE: Final[type[Resource]] = ToolVersions
