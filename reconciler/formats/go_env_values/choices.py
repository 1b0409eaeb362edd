"""Values out of a short list, and releases of go."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType

from reconciler.formats.go_env_values.keys import ARCHITECTURES, OPERATING_SYSTEMS

_IGNORED = "go ignores it without a word"
_FLOATS = ("hardfloat", "softfloat")

CHOICES: Mapping[str, tuple[tuple[str, ...], str]] = MappingProxyType(
    {
        "CGO_ENABLED": (("0", "1"), _IGNORED),
        "GO111MODULE": (("on", "off", "auto"), "go refuses it"),
        "GO386": (("sse2", "softfloat"), "every build for 386 fails with it"),
        "GOAMD64": (("v1", "v2", "v3", "v4"), "go builds for v1 without a word, or fails"),
        "GOARCH": (ARCHITECTURES, "go refuses it"),
        "GOMIPS": (_FLOATS, "every build for mips fails with it"),
        "GOMIPS64": (_FLOATS, "every build for mips64 fails with it"),
        "GOOS": (OPERATING_SYSTEMS, "go refuses it"),
        "GOPPC64": (("power8", "power9", "power10"), "every build for ppc64 fails with it"),
        "GORISCV64": (("rva20u64", "rva22u64", "rva23u64"), "every build for riscv64 fails with it"),
        "GO_EXTLINK_ENABLED": (("0", "1"), _IGNORED),
    }
)
"""What a value may be, and what another one leads to."""

SHAPES: Mapping[str, tuple[re.Pattern[str], str, str]] = MappingProxyType(
    {
        "GOARM": (
            re.compile(r"[567](,hardfloat)?(,softfloat)?"),
            "5, 6 or 7, with ,softfloat or ,hardfloat behind it if need be; go builds for 7 without a word, or fails",
            "7",
        ),
        "GOARM64": (
            re.compile(r"v(8\.[0-9]|9\.[0-5])(,lse|,crypto)*"),
            "v8.0 to v8.9 or v9.0 to v9.5, with ,lse or ,crypto behind it if need be;"
            " every build for arm64 fails with it",
            "v8.0",
        ),
        "GOFIPS140": (
            re.compile(r"off|latest|inprocess|certified|v1\.[0-9]+\.[0-9]+(-rc[0-9]+|-.{8})?"),
            "off, latest, inprocess, certified or v1.Y.Z; every build fails with it",
            "off",
        ),
        "GOWASM": (
            re.compile(r"(satconv|signext)?(,(satconv|signext)?)*"),
            "a list of satconv and signext; every build for wasm fails with it",
            "satconv,signext",
        ),
    }
)
"""What a whole value looks like, in a pattern and in words with what another one leads to, and an example."""

_MEANT = MappingProxyType(
    {
        "i386": "386",
        "x86": "386",
        "x86_64": "amd64",
        "x64": "amd64",
        "aarch64": "arm64",
        "mac": "darwin",
        "macos": "darwin",
        "win": "windows",
        "wsl": "linux",
    }
)
_TRUE = ("true", "yes", "on", "1")
_FALSE = ("false", "no", "off", "0")
_NUMBER = r"(?:0|[1-9][0-9]*)"
_RELEASE = re.compile(
    rf"go{_NUMBER}(?:\.(?P<minor>{_NUMBER})(?P<release>\.{_NUMBER}|[a-z]+(?:{_NUMBER})?)?)?(?P<suffix>[ \t-].*)?"
)


def refused_choice(key: str, value: str) -> str | None:
    choices, consequence = CHOICES[key]
    if value in choices:
        return None
    return f'"{value}" is not a value of {key}; {consequence}: write {_nearest(value.lower(), choices)}'


def _nearest(value: str, choices: tuple[str, ...]) -> str:
    for words in (_TRUE, _FALSE):
        if value in words and (same := [choice for choice in choices if choice in words]):
            return same[0]
    near = [_MEANT[value]] if _MEANT.get(value) in choices else get_close_matches(value, choices, n=1, cutoff=0.5)
    return near[0] if near else f"one of {', '.join(choices)}"


def refused_shape(key: str, value: str) -> str | None:
    shape, words, example = SHAPES[key]
    return None if shape.fullmatch(value) else f'{key} "{value}" is not {words}: write {example}'


def refused_toolchain(key: str, value: str) -> str | None:
    """`local`, `auto`, `path`, or a release, with `+auto` or `+path` behind it. A wrong one stops every go command."""
    if value in ("auto", "path"):
        return None
    name, plus, mode = value.partition("+")
    if name != "local" and (reason := _refused_release(value, name)):
        return reason
    if plus and mode not in ("auto", "path"):
        return f'"{value}" ends neither in +auto nor in +path; every go command fails with it: write {name}+auto'
    return None


def _refused_release(value: str, name: str) -> str | None:
    release = _RELEASE.fullmatch(name)
    if release is None or not name.startswith("go1") or "/" in name or "\\" in name:
        fix = f"go{value}" if _RELEASE.fullmatch(f"go{name}") else "local, auto, path or a release such as go1.27.3"
        return f'"{value}" names no toolchain; every go command fails with it: write {fix}'
    if release["release"] is None and release["suffix"] is None and _is_at_least_21(release["minor"] or "0"):
        return (
            f'"{name}" is a version of the language, and since 1.21 no release is called so;'
            f" every go command fails with it: write {value.replace(name, name + '.0')}"
        )
    return None


def _is_at_least_21(number: str) -> bool:
    return (len(number), number) >= (2, "21")
