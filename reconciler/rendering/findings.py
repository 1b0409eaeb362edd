"""Findings as lines: severity and rule, what, of what, where it is declared, and the ways out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from reconciler.model.plan import Finding, Severity
from reconciler.rendering.layout import Line, Look, Span, Style, indented, listed, prose

_STYLES: Final = {Severity.ERROR: Style.BLOCKED, Severity.WARNING: Style.CHANGE, Severity.NOTE: Style.LATER}
_DETAIL: Final = 4


def finding_lines(findings: Sequence[Finding], look: Look) -> Iterator[Line]:
    """Errors first; within a severity in the order of the rules."""
    order = list(Severity)
    for finding in sorted(findings, key=lambda finding: order.index(finding.severity)):
        yield from _one(finding, look)


def _one(finding: Finding, look: Look) -> Iterator[Line]:
    severity = Span(finding.severity.value, _STYLES[finding.severity])
    head = indented(2, severity, Span(f" {finding.rule}: ", Style.STRONG))
    yield from prose(head, finding.what, look, hang=_DETAIL)
    if finding.addresses:
        yield from prose(indented(_DETAIL, Span("about ", Style.FAINT)), listed([*map(str, finding.addresses)]), look)
    if finding.origins:
        places = listed([f"{origin.file}:{origin.line}" for origin in finding.origins])
        yield from prose(indented(_DETAIL, Span("declared in ", Style.FAINT)), places, look, style=Style.FAINT)
    for number, way in enumerate(finding.ways_out):
        yield from prose(indented(_DETAIL, Span("way out: " if number == 0 else "     or: ", Style.STRONG)), way, look)
