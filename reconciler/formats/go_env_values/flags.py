"""GOFLAGS: flags for every go command that knows them. Source: cmd/go/internal/base/goflags.go.

A field must be a flag that *some* go command knows, or *every* go command stops. Its value is checked by the commands
that know it. The lists are those of go 1.27.3.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from types import MappingProxyType

from reconciler.formats.go_env_values.fields import quoted_fields, refused_quoting
from reconciler.formats.go_env_values.keys import GO_VERSION


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


SWITCHES = _names(
    "a artifacts asan benchmem cache changed compiled cover deps diff e export failfast find fmt fullpath fuzzcache i"
    " insecure linkshared m modcache modcacherw msan n print r race retracted short t test testcache trimpath vendor"
    " versions w work x"
)
"""Flags that take true or false, and mean true without a value."""

NEED_VALUE = _names(
    "C asmflags bench benchtime blockprofile blockprofilerate buildmode compat compiler count covermode coverpkg"
    " coverprofile cpu cpuprofile debug-actiongraph debug-runtime-trace debug-trace dropexclude dropgodebug dropignore"
    " dropreplace droprequire dropretract droptool dropuse exclude exec fixtool fuzz fuzzminimizetime fuzztime"
    " gccgoflags gcflags go godebug ignore installsuffix ldflags list memprofile memprofilerate mod modfile module"
    " mutexprofile mutexprofilefraction o outputdir overlay p parallel pgo pkgdir replace require retract reuse run"
    " shuffle skip tags timeout toolchain toolexec trace use vet vettool"
)
"""Flags that mean nothing without a value, in every command that knows them."""

MAY_HAVE_VALUE = _names("buildvcs c d f fix json tool u v")

TEST_FLAGS = _names(
    "artifacts bench benchmem benchtime blockprofile blockprofilerate count coverprofile cpu cpuprofile failfast"
    " fullpath fuzz fuzzminimizetime fuzztime list memprofile memprofilerate mutexprofile mutexprofilefraction"
    " outputdir parallel run short shuffle skip timeout trace v"
)
"""Flags that may also be written -test.NAME."""

_BOOLEANS = _names("1 t T TRUE true True 0 f F FALSE false False")
_MODULE_MODES = ("", "mod", "readonly", "vendor")
_COMMAND_LINE_ONLY = MappingProxyType(
    {
        "C": "most go commands fail with it",
        "fixtool": "go fix ignores it",
        "vettool": "go vet ignores it",
    }
)
_KNOWN = SWITCHES | NEED_VALUE | MAY_HAVE_VALUE
_FIELD = re.compile(r"--?(?P<name>[^=-][^=]*)(?:=(?P<value>.*))?", re.DOTALL)


def refused_flags(key: str, value: str) -> str | None:
    if reason := refused_quoting(key, value):
        return reason
    fields = quoted_fields(value)
    for index, field in enumerate(fields):
        if not _FIELD.fullmatch(field):
            return _refused_word(field, fields[index - 1] if index else "")
    return next((reason for name, text in _flags(fields) if (reason := _refused_flag(name, text))), None)


def flags(value: str) -> tuple[tuple[str, str | None], ...]:
    """Names without dashes, and values, of what go can read in `value`; nothing when it cannot be split."""
    return () if refused_quoting("", value) else tuple(_flags(quoted_fields(value)))


def _flags(fields: Iterable[str]) -> Iterator[tuple[str, str | None]]:
    for field in fields:
        if match := _FIELD.fullmatch(field):
            yield match["name"], match["value"]


def _refused_word(word: str, before: str) -> str:
    what = f'"{word}" in GOFLAGS is not a flag, and every go command fails with it'
    flag = _FIELD.fullmatch(before)
    if flag and flag["value"] and flag["value"][0] in ("'", '"'):
        whole = f"{before} {word}".replace(flag["value"][0], "")
        return f"{what}: put the quotes around the whole flag, '{whole}'"
    if flag and flag["value"] is None and flag["name"] in NEED_VALUE:
        return f"{what}: write -{flag['name']}={word}"
    return f"{what}: write -NAME=VALUE"


def _refused_flag(full_name: str, value: str | None) -> str | None:
    name = full_name.removeprefix("test.")
    if name not in (_KNOWN if name == full_name else TEST_FLAGS):
        near = get_close_matches(name, _KNOWN, n=1)
        fix = f"write -{near[0]}" if near else "remove it"
        return f"no command of go {GO_VERSION} has a flag -{full_name}, and every go command fails with it: {fix}"
    return _refused_value(name, value)


def _refused_value(name: str, value: str | None) -> str | None:
    if name in _COMMAND_LINE_ONLY:
        return f"-{name} works on a command line only, and {_COMMAND_LINE_ONLY[name]} in GOFLAGS: remove it"
    if value is None:
        return f"-{name} needs a value in GOFLAGS: write -{name}=VALUE" if name in NEED_VALUE else None
    if name in SWITCHES and value not in _BOOLEANS:
        return f'"-{name}={value}" is neither true nor false, and commands that know -{name} fail: write -{name}'
    if name == "mod" and value not in _MODULE_MODES:
        return f'"-mod={value}" is no module mode, and every build fails with it: write -mod=mod, readonly or vendor'
    if name == "p" and not re.fullmatch(r"0*[1-9][0-9]*", value):
        return f'"-p={value}" is not a number above 0, and every build fails with it: write -p=4'
    return None
