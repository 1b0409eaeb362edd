"""What a value of the go env file may be: `go env -w` checks a few keys, and go breaks on many values that it took.

    keys       the variables, as data             folders    GOPATH, GOBIN, GOCACHE, GOMODCACHE, GOTMPDIR
    fields     go's way to split words            choices    values out of a short list; GOTOOLCHAIN
    flags      GOFLAGS                            patterns   GOPRIVATE and its kin; GOVCS
    commands   CC, CXX, GOCACHEPROG and the like  network    GOPROXY, GOSUMDB, GOAUTH
    risks      which values run a program

Values are judged alone. Whether GOOS and GOARCH fit together, which experiments GOEXPERIMENT may name, and the regular
expressions of CGO_*_ALLOW and CGO_*_DISALLOW are left to go, which says so itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from types import MappingProxyType

from reconciler.formats.go_env_values.choices import CHOICES, SHAPES, refused_choice, refused_shape, refused_toolchain
from reconciler.formats.go_env_values.commands import refused_command
from reconciler.formats.go_env_values.fields import refused_quoting
from reconciler.formats.go_env_values.flags import refused_flags
from reconciler.formats.go_env_values.folders import FOLDERS, refused_folder, refused_gopath
from reconciler.formats.go_env_values.keys import ENVIRONMENT_KEYS, GO_VERSION, KNOWN_KEYS, UNCHANGEABLE_KEYS
from reconciler.formats.go_env_values.network import refused_authentication, refused_checksum_database, refused_proxy
from reconciler.formats.go_env_values.patterns import refused_module_patterns, refused_version_control
from reconciler.formats.go_env_values.risks import runs_program

__all__ = ["ENVIRONMENT_KEYS", "GO_VERSION", "KNOWN_KEYS", "UNCHANGEABLE_KEYS", "refused_reason", "runs_program"]

Rule = Callable[[str, str], str | None]

_REFUSED_EMPTY = MappingProxyType(
    {
        "GOARCH": "is refused by go",
        "GOOS": "is refused by go",
        "GOPROXY": "hides the default of go, and every download fails",
        "GOSUMDB": "hides the default of go, and every download fails",
        "GOTOOLCHAIN": "hides the default of go, which then never switches to the release that a project asks for",
    }
)
_COMMANDS = ("AR", "CC", "CXX", "FC", "GOCACHEPROG", "PKG_CONFIG")
_FLAGS_OF_CGO = ("CGO_CFLAGS", "CGO_CPPFLAGS", "CGO_CXXFLAGS", "CGO_FFLAGS", "CGO_LDFLAGS")
_QUOTES_ALLOWED = frozenset((*_COMMANDS, *_FLAGS_OF_CGO, "GOAUTH", "GOFLAGS"))

_RULES: Mapping[str, Rule] = MappingProxyType(
    {
        **dict.fromkeys(CHOICES, refused_choice),
        **dict.fromkeys(SHAPES, refused_shape),
        **dict.fromkeys(FOLDERS, refused_folder),
        **dict.fromkeys(_COMMANDS, refused_command),
        **dict.fromkeys(_FLAGS_OF_CGO, refused_quoting),
        **dict.fromkeys(("GOINSECURE", "GONOPROXY", "GONOSUMDB", "GOPRIVATE"), refused_module_patterns),
        "GOAUTH": refused_authentication,
        "GOFLAGS": refused_flags,
        "GOPATH": refused_gopath,
        "GOPROXY": refused_proxy,
        "GOSUMDB": refused_checksum_database,
        "GOTOOLCHAIN": refused_toolchain,
        "GOVCS": refused_version_control,
    }
)
_HOME = re.compile(r"(^|[\s=:,;|]|-[IL])~(?=/|$)")
_PASSWORD = re.compile(r"//\S*@")


def refused_reason(key: str, value: str) -> str | None:
    """Why `key` may not be set to `value`: what is wrong, what it leads to and the fix. None when go can live with it.

    Any line may be removed, so ask about values only. The text quotes the value, of an address without user and
    password: never show it for a secret.
    """
    reason = _refused_key(key) or _refused_text(key, value)
    if reason is None and value and key in _RULES:
        reason = _RULES[key](key, value)
    return None if reason is None else _PASSWORD.sub("//xxxxx@", reason)


def _refused_key(key: str) -> str | None:
    if key in KNOWN_KEYS:
        return None
    if key in UNCHANGEABLE_KEYS:
        return f"{key} cannot be set here; {UNCHANGEABLE_KEYS[key]}"
    if key in ENVIRONMENT_KEYS:
        return f"{key} is read from the process environment only: declare it under shell_env.variables"
    near = get_close_matches(key.upper(), KNOWN_KEYS, n=1)
    fix = f"write {near[0]}" if near else "`go help environment` lists what there is"
    return f"go {GO_VERSION} has no variable {key}: {fix}"


def _refused_text(key: str, value: str) -> str | None:
    if not value and key in _REFUSED_EMPTY:
        return f"an empty {key} {_REFUSED_EMPTY[key]}: write {{absent: true}} for the default"
    if any("\ud800" <= character <= "\udfff" for character in value):
        return f"{key} is not valid UTF-8, and go refuses it: type it again"
    if re.search(r"[\0\v\r\n]", value):
        return f"{key} holds a line end or another control character, and go refuses it: keep it on one line"
    if key not in _QUOTES_ALLOWED and re.fullmatch(r"(['\"]).*\1", value):
        return f"go keeps the quotes of {value} as part of {key}: write {value[1:-1]}"
    written_out = _HOME.sub(r"\1{{ user.home }}", value)
    return None if written_out == value else f'go does not expand ~ in "{value}": write {written_out}'
