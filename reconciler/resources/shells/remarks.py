"""What a reader should know of variables and directories that shells are to have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from reconciler.formats.go_env_values import KNOWN_KEYS
from reconciler.model.facts import FactSheet, PathInfo
from reconciler.model.secrets import Secret
from reconciler.resources.shells.start_files import INTERACTIVE_FILES, exports


def for_go_env(place: str, names: Iterable[str]) -> Iterator[str]:
    """Of variables that `place` exports: which of them go reads from its own file wherever it is started."""
    for name in names:
        if name in KNOWN_KEYS and name.startswith(("GO", "CGO_")):
            yield f"{place}{name}: put {name} under go_env, which go reads however it is started: exported it hides that"


def open_directories(first: Mapping[str, str], sheet: FactSheet) -> Iterator[str]:
    """Of those in front of PATH, by item: who writes one chooses what `ls` is."""
    asked = {name: directory for name, directory in first.items() if PathInfo(directory) in sheet.answers}
    for name, directory in asked.items():
        state = sheet.path(directory).followed
        if (state.mode or 0) & 0o002 or state.owner not in (None, "root", sheet.host.user):
            yield f"shell_env {name}: others than you and root can put programs into {directory}, first on PATH"


def overruled(variables: Mapping[str, object], sheet: FactSheet, *, has_paths: bool) -> Iterator[str]:
    """Lines that a terminal reads after ours. Values are not shown: they may be secrets."""
    for export in exports(sheet, {*variables, "PATH"}):
        if export.file not in INTERACTIVE_FILES:
            continue
        if export.name == "PATH":
            if has_paths and export.value is not None and "fish" not in export.file:
                yield f"{export.place} sets PATH anew, without what it held: entries of shell_env are lost {export.where}"
            continue
        item = variables[export.name]
        if export.value is None or export.value != (item.reveal() if isinstance(item, Secret) else item):
            yield f"{export.place} exports {export.name} too: that one counts {export.where}"
