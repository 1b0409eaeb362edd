"""What the kinds of VS Code share: where its servers and workspaces keep their files, and which settings run programs.

Source: vscode src/vs/platform/environment/node/userDataPath.ts, src/vs/server/node/serverEnvironmentService.ts;
golang/vscode-go package.json; code-server docs/FAQ.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Final

from reconciler.formats import jsonc
from reconciler.model.claims import Need, Path
from reconciler.model.facts import Fact, FactSheet, FileText, PathInfo, PathType
from reconciler.model.resource import Blocked, Unknown
from reconciler.model.schema import Text
from reconciler.model.secrets import Secret, SecretText
from reconciler.model.states import Risk
from reconciler.model.values import Json
from reconciler.resources.base import distrusted, folder_need, parent_facts

SERVERS: Final[Mapping[str, str]] = {
    "~/.vscode-server": "data/Machine/settings.json",
    "~/.vscode-server-insiders": "data/Machine/settings.json",
    "~/.vscodium-server": "data/Machine/settings.json",
    "~/.vscodium-server-insiders": "data/Machine/settings.json",
    "~/.cursor-server": "data/Machine/settings.json",
    "~/.windsurf-server": "data/Machine/settings.json",
    "~/.local/share/code-server": "Machine/settings.json",
}
"""The folders of the servers that VS Code, VSCodium, the Insiders of both, Cursor, Windsurf and code-server run on a machine
that is reached from elsewhere, each with its machine settings."""
FIRST_SERVER: Final = next(iter(SERVERS))
"""The one that is meant where none is there yet."""

_PROGRAMS: Final = ("bin", "cli")
"""Where a server keeps its programs: the first connection puts them there."""

WORKSPACE: Final = Text(
    pattern=r"^(~/|/)(?!.*(//|/\.{1,2}(/|$)))(?!\.{1,2}(/|$))[^\x00-\x1f\x7f:]*[^/\x00-\x1f\x7f:]$",
    expected="the folder of a workspace: a path that begins with ~/ or /, without .. and without a colon",
    fixed=True,
)

_RUN_PROGRAMS: Final = (
    "*[pP]ath",
    "*[pP]ath.*",
    "*[pP]aths",
    "*[eE]xecutable*",
    "*[cC]ommand*",
    "*[iI]nterpreter*",
    "*[sS]hell*",
    "terminal.integrated.*[pP]rofile*",
    "terminal.integrated.automation*",
    "terminal.integrated.env.*",
    "terminal.external.*",
    "task.allowAutomaticTasks",
    "security.workspace.trust.*",
    "launch",
    "*[aA]utoApprove*",
    "chat.*[hH]ook*",
    "chat.mcp.*",
    "chat.plugin*",
    "chat.agent.sandbox.*",
    "typescript.npm",
    "typescript.tsdk",
    "go.alternateTools*",
    "go.goroot",
    "go.gopath",
    "go.toolsGopath",
    "go.toolsManagement.go",
    "go.toolsEnvVars*",
    "go.testEnvVars*",
    "go.*Flags",
    "go.delveConfig*",
    "go.coverageOptions*",
    "gopls*",
    "mcp",
    "mcp.*",
    "*[rR]untime*",
    "*.execArgv",
    "*.nodeEnv",
    "remote.*",
    "*.server.*",
    "*[lL]inter*",
    "*[fF]ormatTool*",
    "*[lL]intTool*",
)
_TRUST: Final = ("http.proxyStrictSSL", "extensions.verifySignature")
"""Settings that say whether anybody looks who sends what."""


def setting_risks(setting: str, value: object) -> frozenset[Risk]:
    """Of a setting that names a program, what a program is given, or lets programs start by themselves; those of one
    language stand below a key such as `[go]`."""
    if setting.startswith("[") and isinstance(value, dict):
        return frozenset(risk for name, inner in value.items() for risk in setting_risks(str(name), inner))
    if any(fnmatchcase(setting, pattern) for pattern in _RUN_PROGRAMS):
        return frozenset({Risk.RUNS_CODE_LATER})
    return frozenset({Risk.GRANTS_RIGHTS}) if setting in _TRUST and value is not True else frozenset()


def servers_here(sheet: FactSheet) -> tuple[str, ...]:
    """The folders of the servers that are installed, or of the one that is meant where none is."""
    return tuple(folder for folder in SERVERS if is_here(folder, sheet)) or (FIRST_SERVER,)


def is_here(server: str, sheet: FactSheet) -> bool:
    return sheet.path(server).followed.type is PathType.DIRECTORY


def installed_facts(server: str) -> frozenset[Fact]:
    return frozenset(PathInfo(f"{server}/{folder}") for folder in _PROGRAMS)


def is_installed(server: str, sheet: FactSheet) -> bool:
    """Whether a server's programs are there: a folder alone may be of settings that wait for the first connection."""
    return any(is_here(f"{server}/{folder}", sheet) for folder in _PROGRAMS)


def server_facts() -> frozenset[Fact]:
    return frozenset(PathInfo(folder) for folder in SERVERS)


def workspace_needs(folder: str, sheet: FactSheet) -> tuple[Need, ...]:
    """A workspace that is there, or that an item makes; the folder of its settings is made."""
    return (Need(Path(folder), where_it_holds=True), folder_need(f"{folder}/.vscode", sheet))


def file_facts(path: str) -> frozenset[Fact]:
    return frozenset({FileText(path)}) | parent_facts(path)


def text_of(path: str, sheet: FactSheet) -> str:
    """The file's text; empty where there is none."""
    return (sheet.file(path).data or b"").decode("utf-8", "surrogateescape")


def unreadable(path: str, sheet: FactSheet) -> Blocked | Unknown | None:
    """Why nothing can be said of a file, or nothing be written to it: VS Code itself writes none that it flags."""
    file = sheet.file(path)
    refusal = distrusted(file.state)
    if refusal:
        return Blocked(refusal)
    if file.unreadable:
        return Unknown(file.unreadable)
    try:
        jsonc.parse(text_of(path, sheet))
    except jsonc.JsoncError as error:
        return Blocked(f"{path}:{error.line}:{error.column}: {error.what}", fix="mend the file, in VS Code for example")
    return None


def normal(value: Json) -> Json:
    """A value as JSON means it: a number without a fraction is a whole number."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case list():
            return [normal(entry) for entry in value]
        case dict():
            return {key: normal(entry) for key, entry in value.items()}
        case _:
            return value


def encoded(value: object) -> str:
    """A JSON value as the text that a codec takes."""
    return json.dumps(value, ensure_ascii=False)


def holds_secret(value: object) -> bool:
    match value:
        case Secret() | SecretText():
            return True
        case dict():
            return any(holds_secret(entry) for entry in value.values())
        case list() | tuple():
            return any(holds_secret(entry) for entry in value)
        case _:
            return False
