"""CC, CXX, FC, AR, PKG_CONFIG, GOCACHEPROG and the flags of cgo: a command or flags, split into words by go."""

from __future__ import annotations

from types import MappingProxyType

from reconciler.formats.go_env_values.fields import quoted_fields, refused_quoting

_RELATIVE = MappingProxyType({"CC": "go refuses it", "CXX": "go refuses it", "FC": "every build fails with it"})


def refused_command(key: str, value: str) -> str | None:
    """A program by absolute path, or a bare name that go looks up in PATH; then arguments."""
    if reason := refused_quoting(key, value):
        return reason
    words = quoted_fields(value)
    if not words or not words[0]:
        return f"{key} holds no command: leave it out for the default of go"
    program = words[0]
    if "/" in program and not program.startswith("/"):
        consequence = _RELATIVE.get(key, "go looks for it in whatever folder it runs")
        return f'"{program}" is not an absolute path; {consequence}: write the whole path, or a name that is in PATH'
    return None
