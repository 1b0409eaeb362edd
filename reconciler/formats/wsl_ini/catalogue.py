"""The keys of both files, and how to find one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final

from reconciler.formats.wsl_ini.keys import Key
from reconciler.formats.wsl_ini.parts import Dialect
from reconciler.formats.wsl_ini.wsl_conf_keys import WSL_CONF_KEYS
from reconciler.formats.wsl_ini.wslconfig_keys import WSLCONFIG_KEYS

KEYS: Final[Mapping[Dialect, Mapping[str, Key]]] = MappingProxyType(
    {
        Dialect.WSL_CONF: MappingProxyType({key.name: key for key in WSL_CONF_KEYS}),
        Dialect.WSLCONFIG: MappingProxyType({key.name: key for key in WSLCONFIG_KEYS}),
    }
)
_SPELLINGS = {
    dialect: {name.lower(): key for key in keys.values() for name in (key.name, *key.aliases)}
    for dialect, keys in KEYS.items()
}
_SECTIONS = {dialect: {key.section.lower(): key.section for key in keys.values()} for dialect, keys in KEYS.items()}
# Longer names are no misspellings, and comparing them takes time.
_LONGEST_MISSPELLING = 64


def find_key(name: str, dialect: Dialect) -> Key | None:
    """The key that WSL takes `section.key` for: an alias leads to its key, case does not matter."""
    return _SPELLINGS[dialect].get(name.lower())


def why_unknown(section: str, key: str, dialect: Dialect) -> str:
    """Why WSL does not know this key in this file, with the nearest name that it knows."""
    homes = [f"[{known.section}]" for known in KEYS[dialect].values() if known.key.lower() == key.lower()]
    name = f"{section}.{key}" if section else key
    if not section:
        return f"{key} stands above every [section]" + _did_you_mean(homes)
    if find_key(name, dialect.other):
        return f"{name} belongs in {dialect.other.value}"
    sections = _SECTIONS[dialect]
    if section.lower() not in sections:
        return f"unknown section [{section}]" + _did_you_mean(homes or _nearest(section, sections.values(), "[{}]"))
    siblings = [known.key for known in KEYS[dialect].values() if known.section.lower() == section.lower()]
    return f"unknown key {name}" + _did_you_mean(homes or _nearest(key, siblings, "{}"))


def _nearest(name: str, candidates: Iterable[str], form: str) -> list[str]:
    if len(name) > _LONGEST_MISSPELLING:
        return []
    by_lower = {candidate.lower(): candidate for candidate in candidates}
    return [form.format(by_lower[match]) for match in get_close_matches(name.lower(), by_lower, n=1)]


def _did_you_mean(suggestions: list[str]) -> str:
    return f"; did you mean {' or '.join(suggestions)}" if suggestions else ""
