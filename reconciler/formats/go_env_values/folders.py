"""GOPATH, GOBIN, GOCACHE, GOMODCACHE and GOTMPDIR: absolute folders, written out, since go expands nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

FOLDERS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "GOBIN": ("go install fails with it", "/home/you/go/bin"),
        "GOCACHE": ("every build fails with it", "/home/you/.cache/go-build"),
        "GOMODCACHE": ("go refuses it", "/home/you/go/pkg/mod"),
        "GOPATH": ("every go command fails with it", "/home/you/go"),
        "GOTMPDIR": ("go refuses it", "/home/you/tmp"),
    }
)
"""What a relative folder leads to, and an example of a good one."""


def refused_folder(key: str, value: str) -> str | None:
    consequence, example = FOLDERS[key]
    if key == "GOCACHE" and value == "off":
        return f"go has not built without a cache since 1.12; {consequence}: leave GOCACHE out, or write {example}"
    if re.match(r"[A-Za-z]:[\\/]", value):
        return f'"{value}" is a folder of Windows; {consequence} on Linux: write {example}'
    if "$" in value:
        return f'go does not expand $ in "{value}": write {_with_home(value)}'
    if not value.startswith("/"):
        return f'"{value}" is not an absolute path; {consequence}: write {example}'
    if value != value.rstrip():
        return f'"{value}" ends with a blank, which go takes as part of the name: write {value.rstrip()}'
    return None


def refused_gopath(key: str, value: str) -> str | None:
    """GOPATH is a list of folders. Empty entries are skipped, but go needs the first for what it downloads."""
    folders = value.split(":")
    if re.match(r"[A-Za-z]:[\\/]", value):
        return refused_folder(key, value)
    if not folders[0]:
        return f"{key} begins with a colon and so has no first folder, where go puts modules: write /home/you/go"
    return next((reason for folder in folders if folder and (reason := refused_folder(key, folder))), None)


def _with_home(value: str) -> str:
    written = re.sub(r"\$(?:HOME\b|\{HOME\})", "{{ user.home }}", value)
    return "the folder itself" if "$" in written else written
