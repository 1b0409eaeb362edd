"""GOPRIVATE and its kin, which are lists of module path patterns, and GOVCS, a list of rules over such patterns.

Patterns are those of Go's path.Match, held against as many leading elements of a module path as the pattern has.
Source: path/match.go, golang.org/x/mod/module MatchPrefixPatterns, cmd/go/internal/vcs parseGOVCS.
"""

from __future__ import annotations

import re
from difflib import get_close_matches

VERSION_CONTROL = ("git", "hg", "svn", "fossil", "bzr", "all", "off")

_MEMBER = r"(?:\\.|[^\\\]\-])"
_WELL_FORMED = re.compile(rf"(?:\[\^?+(?:{_MEMBER}(?:-{_MEMBER})?)++\]|\\.|[^\\\[])*+", re.DOTALL)


def refused_module_patterns(key: str, value: str) -> str | None:
    for pattern in value.split(","):
        if pattern != pattern.strip():
            return f'"{pattern}" in {key} matches nothing, since go keeps the blank: write {_tidied(value)}'
        if reason := _refused_pattern(key, pattern):
            return reason
    return None


def refused_version_control(key: str, value: str) -> str | None:
    seen: set[str] = set()
    for rule in value.strip().split(","):
        pattern, colon, programs = (part.strip() for part in rule.partition(":"))
        if not (pattern and colon and programs):
            return f'"{rule.strip()}" in {key} is not PATTERN:PROGRAMS; fetching fails with it: write *:git|hg'
        if pattern in seen:
            return f'"{pattern}" stands twice in {key}; fetching fails with it: keep one'
        if pattern in (".", "..") or pattern.startswith(("./", "../")):
            return f'"{pattern}" in {key} is a relative path; fetching fails with it: write a module path'
        if reason := _refused_pattern(key, pattern) or _refused_programs(key, programs):
            return reason
        seen.add(pattern)
    return None


def _refused_pattern(key: str, pattern: str) -> str | None:
    if "://" in pattern:
        module = pattern.partition("://")[2]
        return f'"{pattern}" in {key} matches nothing, since module paths have no scheme: write {module}'
    if not _WELL_FORMED.fullmatch(pattern):
        return f'"{pattern}" in {key} is not a valid pattern and matches nothing: close the [ or remove the \\'
    return None


def _refused_programs(key: str, programs: str) -> str | None:
    for program in programs.split("|"):
        if program.strip() not in VERSION_CONTROL:
            near = get_close_matches(program.strip(), VERSION_CONTROL, n=1)
            fix = near[0] if near else f"one of {', '.join(VERSION_CONTROL)}"
            return f'"{program.strip()}" in {key} is no version control program that go knows: write {fix}'
    return None


def _tidied(value: str) -> str:
    return ",".join(pattern.strip() for pattern in value.split(","))
