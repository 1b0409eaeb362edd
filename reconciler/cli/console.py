"""How text reaches the person: width, colour and what a terminal can show. Data goes to stdout, messages to stderr."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from typing import TextIO, TypedDict

import click

from reconciler.documents.load import lines_of, snippet
from reconciler.documents.repository import ReadingError
from reconciler.model.errors import ReconcileError
from reconciler.model.tree import Origin

NARROWEST = 60
WIDEST = 160


def width() -> int:
    return min(max(shutil.get_terminal_size((100, 24)).columns, NARROWEST), WIDEST)


class Look(TypedDict):
    """What rendering is to know of a stream."""

    width: int
    colour: bool
    unicode: bool


def look(stream: TextIO) -> Look:
    return Look(width=width(), colour=is_colourful(stream), unicode=is_unicode(stream))


def is_colourful(stream: TextIO) -> bool:
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return bool(os.environ.get("FORCE_COLOR")) or stream.isatty()


def is_unicode(stream: TextIO) -> bool:
    return (stream.encoding or "").lower().replace("-", "") in ("utf8", "utf16")


def say(text: str, *, error: bool = False) -> None:
    """Text that rendering made; what the stream's encoding lacks is escaped."""
    stream = sys.stderr if error else sys.stdout
    encoding = stream.encoding or "utf-8"
    safe = text.encode(encoding, "backslashreplace").decode(encoding)
    click.echo(safe, file=stream, color=True)


def report(error: ReconcileError) -> None:
    """An error, each problem with its place, the lines around it and the fix."""
    from reconciler.rendering.problems import problems_text

    texts = error.reader.texts if isinstance(error, ReadingError) else {}

    def lines(origin: Origin) -> Sequence[str]:
        data = texts.get(origin.file)
        return snippet(lines_of(data), origin) if data is not None else ()

    say(problems_text(error.problems, lines, colour=is_colourful(sys.stderr)), error=True)
