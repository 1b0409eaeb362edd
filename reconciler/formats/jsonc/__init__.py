"""JSON with comments as VS Code reads it, for its settings.json, launch.json and tasks.json; edits keep the rest.

Beyond JSON there may be comments (`//` to the end of the line, `/* */`), a comma behind the last item, and a byte order
mark. A file of blanks and comments is an empty object. Of several members with one name the last counts. Everything
else that VS Code's own parser flags is refused with its place: VS Code reads such a file somehow, but does not write it.

Edits keep every byte outside of the member they change but its comma and the blanks beside it, the lines it has to
itself with the comments on them when it is removed, and the blanks of an object or list that is or becomes empty. What
is new has the line ends, the indentation and the last comma that the file has.

No library on PyPI does both: those that read this language refuse files that VS Code takes, take what it refuses (JSON5),
or need seconds for a large file; the one that edits in place knows no comma at the end. npm's jsonc-parser, with which
VS Code edits, sets the first of several members though the last counts, loses comments, and leaves a lone comma behind.
"""

from __future__ import annotations

from reconciler.formats.jsonc.entries import edit_entries, entries
from reconciler.formats.jsonc.parts import ABSENT, Absent, Json, JsoncError, equal
from reconciler.formats.jsonc.scanner import scan
from reconciler.formats.jsonc.settings import edit_settings, members, setting, settings

__all__ = [
    "ABSENT",
    "Absent",
    "Json",
    "JsoncError",
    "edit_entries",
    "edit_settings",
    "entries",
    "equal",
    "members",
    "parse",
    "setting",
    "settings",
]


def parse(text: str) -> Json:
    """The value of the whole document."""
    root = scan(text).root
    return {} if root is None else root.value
