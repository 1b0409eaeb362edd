"""The facts of a target as text: what the machine is, and the derived facts that templates and rules may use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.model.address import Target
from reconciler.model.facts import Host
from reconciler.model.later import NoValue
from reconciler.rendering.layout import BLANK, Line, Look, Span, Style, indented, paint, prose
from reconciler.rendering.visible import cell_width, visible


def facts_text(
    target: Target,
    host: Host,
    derived: Mapping[str, str | NoValue],
    *,
    width: int = 80,
    colour: bool = False,
    unicode: bool = True,
) -> str:
    """`derived` are the derived facts by name: a value, or why there is none."""
    look = Look(width=width, unicode=unicode)
    return paint(_lines(target, host, derived, look), colour=colour, unicode=unicode)


def _lines(target: Target, host: Host, derived: Mapping[str, str | NoValue], look: Look) -> Iterator[Line]:
    yield (Span(str(target), Style.STRONG),)
    yield from _table(_host_rows(host), look)
    if derived:
        yield BLANK
        yield indented(2, Span("derived facts", Style.STRONG))
        yield from _table({f"facts.{name}": value for name, value in derived.items()}, look)


def _host_rows(host: Host) -> dict[str, str | NoValue]:
    rights = "root" if host.elevated else "no root"
    runs = ["at rest" if host.at_rest else "running"]
    runs += [word for word, is_so in (("WSL", host.wsl), ("systemd", host.systemd)) if is_so]
    rows: dict[str, str | NoValue] = {
        "host name": host.hostname,
        "user": f"{host.user} ({host.uid}, {rights})",
        "home": host.home,
        "kernel": f"{host.kernel} {host.architecture}".strip(),
        "state": ", ".join(runs),
    }
    return {name: value for name, value in rows.items() if value}


def _table(rows: Mapping[str, str | NoValue], look: Look) -> Iterator[Line]:
    column = max((cell_width(visible(name)) for name in rows), default=0)
    for name, value in rows.items():
        head = indented(2, Span(name), Span(" " * (column - cell_width(visible(name)) + 2)))
        if isinstance(value, NoValue):
            yield from prose((*head, Span("no value: ", Style.UNKNOWN)), value.why, look)
        else:
            yield from prose(head, value, look)
