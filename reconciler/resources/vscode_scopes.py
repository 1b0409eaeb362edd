"""Settings that VS Code does not take from a settings.json on the machine, though they may stand there.

A setting has a scope. One of the application is the user's own, on the computer with the window; one of the machine stands
in the machine's settings, not in a workspace's. Elsewhere VS Code passes it over without a word. Only what is well known is
told here, for scopes change from version to version, and each extension has its own.

Source: vscode src/vs/platform/configuration/common/configurationRegistry.ts, src/vs/platform/request/common/request.ts.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Final

LOCAL_PROXY: Final = "http.useLocalProxyConfiguration"
"""While this is true, the settings of the proxy are of the application, else of the machine."""

_PROXY: Final = (
    "http.fetchAdditionalSupport",
    "http.noProxy",
    "http.proxy*",
    "http.systemCertificates*",
    "http.webSocketAdditionalSupport",
)
_APPLICATION: Final = (
    "extensions.allowed",
    "extensions.autoCheckUpdates",
    "extensions.autoUpdate",
    "extensions.supportUntrustedWorkspaces",
    "files.hotExit",
    "http.electronFetch",
    "keyboard.dispatch",
    "security.workspace.trust.*",
    "task.allowAutomaticTasks",
    "telemetry.enableTelemetry",
    "telemetry.telemetryLevel",
    "terminal.integrated.inheritEnv",
    "update.*",
    "window.menuBarVisibility",
    "workbench.enableExperiments",
    "workbench.settings.applyToAllProfiles",
)
_MACHINE: Final = ("git.defaultCloneDirectory", "git.path", LOCAL_PROXY, "typescript.npm")


def passed_over(setting: str, *, workspace: bool, local_proxy: bool) -> str | None:
    """Why a setting has no effect where it stands, the machine's settings or a workspace's; None where it has one.

    `local_proxy`: whether `LOCAL_PROXY` is true for the machine.
    """
    if _matches(setting, _APPLICATION):
        return "VS Code takes it from the user's own settings only"
    if _matches(setting, _PROXY):
        if local_proxy:
            return f"VS Code takes it from the user's own settings, unless {LOCAL_PROXY} is false on the machine"
        return "VS Code takes it from the machine's settings only" if workspace else None
    if workspace and _matches(setting, _MACHINE):
        return "VS Code takes it from the machine's settings only"
    return None


def _matches(setting: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(setting, pattern) for pattern in patterns)
