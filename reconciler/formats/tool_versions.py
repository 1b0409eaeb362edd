"""The file .tool-versions, by which asdf and mise choose versions: a tool and its versions on a line, `#` begins a comment.

Where a tool stands on several lines, asdf takes the first and mise the last: such a tool is seen with the versions of all
of them, and has one line after any change of it.

Source: asdf internal/toolversions/toolversions.go; mise src/config/config_file/tool_versions.rs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from reconciler.formats.lines import body, end, inserted, lines_of

_LINE: Final = re.compile(r"(?P<tool>\s*[^\s#]+)(?P<gap>[ \t]*)(?P<versions>[^#]*?)(?P<rest>\s*(#.*)?)", re.DOTALL)


def members(text: str) -> dict[str, str]:
    """The versions of each tool, parted by single blanks: the first is the one in use, the others are at hand."""
    found: dict[str, dict[str, None]] = {}
    for line in lines_of(text):
        if parts := _parts(line):
            found.setdefault(_tool(parts), {}).update(dict.fromkeys(parts["versions"].split()))
    return {tool: " ".join(versions) for tool, versions in found.items()}


def edit(text: str, changes: Mapping[str, str | None]) -> str:
    """The text with these versions; None takes a tool out. Comments, other tools and their order stay."""
    left = dict(changes)
    kept: list[str] = []
    for line in lines_of(text):
        parts = _parts(line)
        if parts is None or _tool(parts) not in changes:
            kept.append(line)
            continue
        wanted = left.pop(_tool(parts), None)
        if wanted is not None:
            kept.append(line if parts["versions"].split() == wanted.split() else _with_versions(parts, wanted, line))
    edited = "".join(kept)
    return inserted(
        edited, len(kept), [f"{tool} {versions}" for tool, versions in left.items() if versions is not None]
    )


def _parts(line: str) -> re.Match[str] | None:
    return _LINE.fullmatch(body(line))


def _tool(parts: re.Match[str]) -> str:
    return parts["tool"].strip()


def _with_versions(parts: re.Match[str], versions: str, line: str) -> str:
    return f"{parts['tool']}{parts['gap'] or ' '}{versions}{parts['rest']}{end(line)}"
