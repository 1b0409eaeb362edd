"""What of a file WSL takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from reconciler.formats.wsl_ini.catalogue import find_key
from reconciler.formats.wsl_ini.keys import Value
from reconciler.formats.wsl_ini.messages import Warning_
from reconciler.formats.wsl_ini.parts import Dialect, Malformed, Setting, WarningKind
from reconciler.formats.wsl_ini.scanner import OnMalformed, scan
from reconciler.formats.wsl_ini.values import interpret


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """`settings` are all that were read, unknown ones and duplicates too; `stopped_at` is the editor's line of the
    malformed line that ended the reading; `effective` holds, under the names WSL uses, what is set and valid."""

    settings: tuple[Setting, ...]
    stopped_at: int | None
    warnings: tuple[Warning_, ...]
    effective: Mapping[str, Value]


def parse(text: str, dialect: Dialect) -> Parsed:
    """Never raises: any text means something to WSL."""
    settings: list[Setting] = []
    warnings: list[Warning_] = []
    effective: dict[str, Value] = {}
    first_rows: dict[str, int] = {}
    stopped_at = None
    for statement in scan(text, dialect).statements:
        if isinstance(statement, Malformed):
            warnings.append(Warning_(kind=statement.kind, dialect=dialect, cause=statement))
            stopped_at = statement.row if dialect is Dialect.WSL_CONF else None
        elif isinstance(statement, Setting):
            settings.append(statement)
            warnings += _take(statement, dialect, first_rows, effective)
    return Parsed(
        settings=tuple(settings),
        stopped_at=stopped_at,
        warnings=tuple(warnings),
        effective=MappingProxyType(effective),
    )


def dead_settings(text: str) -> tuple[Setting, ...]:
    """What a wsl.conf says below its first malformed line, where WSL no longer reads, as if the malformed lines were
    commented out; empty when there is none."""
    reached = sum(isinstance(statement, Setting) for statement in scan(text, Dialect.WSL_CONF).statements)
    everything = scan(text, Dialect.WSL_CONF, OnMalformed.REMOVE).statements
    return tuple(statement for statement in everything if isinstance(statement, Setting))[reached:]


def _take(
    setting: Setting, dialect: Dialect, first_rows: dict[str, int], effective: dict[str, Value]
) -> tuple[Warning_, ...]:
    """The first setting of a key counts, even when it is invalid and a later one is not."""
    key = find_key(setting.name, dialect)
    if key is None:
        return (Warning_(kind=WarningKind.UNKNOWN_KEY, dialect=dialect, cause=setting),)
    if earlier_row := first_rows.get(key.name):
        kind = WarningKind.KEY_DUPLICATED
        return (Warning_(kind=kind, dialect=dialect, cause=setting, earlier_row=earlier_row),)
    first_rows[key.name] = setting.row
    reading = interpret(key, setting.value)
    if reading.value is not None:
        effective[key.name] = reading.value
    return tuple(Warning_(kind=kind, dialect=dialect, cause=setting) for kind in reading.warnings)
