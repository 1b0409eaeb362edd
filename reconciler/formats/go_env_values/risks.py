"""Which values make go run a program that the value names, let downloaded source code choose one, or build source code
that nobody has checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from types import MappingProxyType

from reconciler.formats.go_env_values.fields import UnterminatedQuoteError, quoted_fields
from reconciler.formats.go_env_values.flags import flags

_COMMANDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "AR": ("ar", "in builds with gccgo"),
        "CC": ("gcc", "in every build of a package with C"),
        "CXX": ("g++", "in every build of a package with C++"),
        "FC": ("gfortran", "in every build of a package with Fortran"),
        "GCCGO": ("gccgo", "in builds with gccgo"),
        "GOCACHEPROG": ("", "with every build"),
        "PKG_CONFIG": ("pkg-config", "in builds of packages that ask for it"),
    }
)
"""What go runs by default, which is no risk of ours, and when."""

_DATABASES = ("sum.golang.org", "sum.golang.google.cn")
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})
_FLAGS: Mapping[str, str] = MappingProxyType(
    {
        "exec": "starts {} with every go run and go test",
        "modfile": "takes the versions of modules, and what takes their place, from {}",
        "overlay": "puts the source files that {} names into every build",
        "toolexec": "starts {} for every compiler and linker run",
    }
)
_LOADS_CODE = re.compile(
    r"(?<![\w./-])--?(?:B|Xclang|extar|extld|extldflags|fpass-plugin|fplugin|fuse-ld|ld-path|plugin|specs|wrapper)\b"
    r"|-Wl,\S*-plugin\b"
    r"|(?<!\S)@\S+"
)
"""Flags of gcc, clang and the linkers that name a program or a plugin, or a file of further flags."""
_PUBLIC = ("github.com/x/y", "golang.org/x/y", "gopkg.in/x.v1", "google.golang.org/x", "go.uber.org/x", "k8s.io/x")
"""Modules such as everybody builds; go.sum knows those of one program only, and the database knows all."""


def runs_program(key: str, value: str) -> str | None:
    """Why `value` is a risk: what runs code later, and when. None when it is no such value."""
    if not value:
        return None
    if key in _COMMANDS:
        default, when = _COMMANDS[key]
        return None if value == default else f"go starts {_program(value)} {when}"
    if key in _READERS:
        return _READERS[key](value)
    if re.fullmatch(r"CGO_[A-Z]+_ALLOW", key):
        return "the source code of packages may pass such flags to the compiler and linker, which can run programs"
    if re.fullmatch(r"CGO_[A-Z]+FLAGS", key) and (found := _LOADS_CODE.search(value)):
        return f"{found[0]} makes the compiler or linker load a program or plugin in every build with C"
    return None


def _flags_risk(value: str) -> str | None:
    return next((risk for name, text in flags(value) if (risk := _flag_risk(name, text))), None)


def _flag_risk(name: str, value: str | None) -> str | None:
    if name == "insecure" and value not in _FALSE:
        return "-insecure fetches source code without encryption, from whoever answers"
    if not value:
        return None
    if name in _FLAGS:
        return f"-{name} {_FLAGS[name].format(_program(value))}"
    if name == "ldflags" and (found := _LOADS_CODE.search(value)):
        return f"{found[0]} in -ldflags chooses the program that links, or its plugins"
    return None


def _authentication_risk(value: str) -> str | None:
    for command in value.split(";"):
        name, *arguments = command.split() or [""]
        if name == "git" and arguments:
            return f"go asks git in {arguments[0]} for passwords, and git runs the helper that is set up there"
        if name not in ("", "off", "netrc", "git"):
            return f"go starts {_program(command.strip())} with every download over https"
    return None


def _database_risk(value: str) -> str | None:
    name = (value.split() or ["off"])[0]
    if name in _DATABASES:
        return None
    return "what servers send is built " + (
        "unchecked" if name == "off" else f"by the word of {name.partition('+')[0]}"
    )


def _unchecked_risk(value: str) -> str | None:
    """By go's rule: a pattern is held against as many leading elements of a path as it has."""
    for pattern in (entry.strip().replace("[^", "[!").replace("\\", "") for entry in value.split(",")):
        elements = pattern.count("/") + 1
        met = next((path for path in _PUBLIC if fnmatchcase("/".join(path.split("/")[:elements]), pattern)), None)
        if pattern and met:
            return f"{pattern} is also of public code, which is then built without go's database of checksums"
    return None


def _version_control_risk(value: str) -> str | None:
    """Go lets public servers drive git and hg only; whoever allows more trusts the others with hostile answers."""
    for rule in value.split(","):
        pattern, _, programs = (part.strip() for part in rule.partition(":"))
        beyond = {program.strip() for program in programs.split("|")} - {"git", "hg", "off", ""}
        if pattern != "private" and beyond:
            started = "any version control program" if "all" in beyond else " and ".join(sorted(beyond))
            return f"servers of {pattern} may make go start {started}, where its default is git and hg"
    return None


def _encryption_risk(value: str) -> str | None:
    return "such modules are fetched without encryption, from whoever answers"


_READERS: Mapping[str, Callable[[str], str | None]] = MappingProxyType(
    {
        "GOAUTH": _authentication_risk,
        "GOFLAGS": _flags_risk,
        "GOINSECURE": _encryption_risk,
        "GONOSUMDB": _unchecked_risk,
        "GOPRIVATE": _unchecked_risk,
        "GOSUMDB": _database_risk,
        "GOVCS": _version_control_risk,
    }
)


def _program(command: str) -> str:
    """The first word; the others may hold what is nobody's business."""
    try:
        words = quoted_fields(command)
    except UnterminatedQuoteError:
        words = tuple(command.split())
    return words[0] if words else "nothing"
