"""What apply sends, for people: readable, with a named hole for whatever tells of a secret."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from reconciler.execution import journal
from reconciler.execution.parts import Part
from reconciler.execution.payload import UNNAMED, effects_of, forget_of, intent_of, numbers_of
from reconciler.execution.task_lines import Member, escaped, tasks_of
from reconciler.model.ledger import RunStamp
from reconciler.model.sizes import size_text
from reconciler.model.tasks import WriteBlob


def payload_shown(
    parts: Sequence[Part],
    root: str | None,
    sizes: Mapping[str, int] = MappingProxyType({}),
    stamp: RunStamp = UNNAMED,
) -> str:
    """The same data for people: all that the script is told, with a named hole for whatever tells of a secret.

    `sizes` are those of the downloads that are here already, by digest.
    """
    numbers = numbers_of(parts)
    lines = [f"# in {root}"] if root else []
    for part in parts:
        if part.changes:
            lines += _part_shown(part, numbers, sizes, stamp)
    return "\n".join([*lines, ""])


def _part_shown(part: Part, numbers: Mapping[str, int], sizes: Mapping[str, int], stamp: RunStamp) -> Iterator[str]:
    lines, members = tasks_of(part.changes, numbers, {}, journal.unkept(part.changes, part.journal))
    yield f"# {part.title}: tasks"
    for line in lines:
        yield f"{line.word} {_holes(line.secrets) or escaped(line.value)}"
    for member in members:
        yield f"# {part.title}: {member.name}"
        yield from _member_shown(member, sizes)
    texts = {
        "intent": intent_of(part, {}, stamp, shown=True),
        "forget": forget_of(part, stamp),
        "effects": effects_of(part),
    }
    for name, text in texts.items():
        if text:
            yield f"# {part.title}: {name}"
            yield from text.splitlines()


def _member_shown(member: Member, sizes: Mapping[str, int]) -> Iterator[str]:
    if member.secrets:
        yield _holes(member.secrets)
        return
    if not isinstance(member.data, bytes):
        download = member.data.content if isinstance(member.data, WriteBlob) else member.data.archive
        size = size_text(sizes[download.digest]) if download.digest in sizes else "not fetched yet"
        yield f"({download.url}, SHA-256 {download.digest}, {size})"
        return
    try:
        text = member.data.decode()
    except UnicodeDecodeError:
        yield f"({len(member.data)} bytes that are no text)"
        return
    yield from text.removesuffix("\n").split("\n") if text else ()
    if text and not text.endswith("\n"):
        yield "(no line end)"


def _holes(names: frozenset[str]) -> str:
    return " ".join(f"«secret {name}»" for name in sorted(names))
