"""What apply sends to a machine: an archive of tasks and contents, and inside it one more for each user."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from reconciler.execution import journal
from reconciler.execution.blobs import Blob, Supplies, Unavailable
from reconciler.execution.tar_stream import Archive
from reconciler.execution.task_lines import Member, encoded, escaped, parents_of, tasks_of
from reconciler.model import effects, ledger
from reconciler.model.address import Address, Target
from reconciler.model.effects import EffectRecord
from reconciler.model.ledger import RunRecord, RunStamp
from reconciler.model.plan import Change, ItemPlan
from reconciler.model.sizes import size_text
from reconciler.model.states import Effect
from reconciler.model.tasks import BlobTask, Unpack, WriteBlob

MAGIC: Final = "reconcile-apply"
ROOT_USER: Final = "root"
NOTHING: Final[Supplies] = MappingProxyType({})
UNNAMED: Final = RunStamp()
_NOT_FETCHED: Final = Unavailable(why="it was not fetched")


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The changes of one target, in order. `user` None: with the rights of whoever the door leads to.

    `records` are the effects noted by earlier runs that are still worth keeping; one whose item is written now goes.
    `items` are the plan's, which say what the addresses were; `journal` is what earlier runs left.
    """

    target: Target
    user: str | None = None
    changes: tuple[Change, ...] = ()
    records: tuple[EffectRecord, ...] = ()
    items: Mapping[Address, ItemPlan] = field(default_factory=dict)
    journal: tuple[RunRecord, ...] = ()
    ledger_digest: str | None = None
    """Of a ledger that has become large, which the journal was read from."""
    forgets: bool = False
    """Whether the journal and all else that the tool keeps for itself goes, once every change is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one identity does. Changes are numbered through all parts; each part's records begin with its own nonce."""

    number: int
    user: str | None
    changes: Mapping[int, Change]
    records: tuple[EffectRecord, ...]
    items: Mapping[Address, ItemPlan] = field(default_factory=dict)
    journal: tuple[RunRecord, ...] = ()
    ledger_digest: str | None = None
    forgets: bool = False
    nonce: str = field(default_factory=lambda: secrets.token_hex(16))

    @property
    def title(self) -> str:
        return f"as {self.user}" if self.user else "as whoever runs this"


@dataclass(frozen=True, slots=True, kw_only=True)
class WayBack:
    """What the machine does by itself where a change has cut us off: within `seconds` of the run's end, unless somebody
    confirms before; at the latest within `longest_seconds` of its start, then. `watched` are the ids of those changes."""

    parts: tuple[Part, ...]
    watched: frozenset[str]
    seconds: int
    longest_seconds: int


def parts_of(batches: Sequence[Batch]) -> tuple[Part, ...]:
    """One's own part first, perhaps empty; then the users' in order. The batches of one identity make one part."""
    grouped: dict[str | None, list[Batch]] = {None: []}
    for batch in batches:
        grouped.setdefault(None if batch.user == ROOT_USER else batch.user, []).append(batch)
    parts: list[Part] = []
    first = 1
    for user, own in grouped.items():
        changes = [change for batch in own for change in batch.changes]
        parts.append(
            Part(
                number=len(parts),
                user=user,
                changes=dict(enumerate(changes, first)),
                records=tuple(record for batch in own for record in batch.records),
                items={address: item for batch in own for address, item in batch.items.items()},
                journal=next((batch.journal for batch in own), ()),
                ledger_digest=next((batch.ledger_digest for batch in own), None),
                forgets=any(batch.forgets for batch in own),
            )
        )
        first += len(changes)
    return tuple(parts)


def payload(
    parts: Sequence[Part],
    root: str | None,
    supplies: Supplies = NOTHING,
    stamp: RunStamp = UNNAMED,
    way_back: WayBack | None = None,
) -> Archive:
    """The script's whole input. `root` is a root file system at rest to work in."""
    numbers = _numbers(parts)
    own, *others = parts
    inner = {f"u{part.number}": _archive(part, numbers, "." if root else "", supplies, stamp) for part in others}
    users = "".join(
        f"{part.number} u{part.number} {_covered(inner[f'u{part.number}'])} {part.user}\n" for part in others
    )
    watch = b""
    if way_back is not None:
        inner["back"] = back = payload(way_back.parts, root, supplies, stamp.of_way_back())
        watched = " ".join(str(numbers[id_]) for id_ in sorted(way_back.watched))
        digest = hashlib.sha256(b"".join(back.pieces())).hexdigest()
        watch = encoded(f"{way_back.seconds}\n{way_back.longest_seconds}\n{digest}\n{watched}\n")
    return _archive(own, numbers, root or "", supplies, stamp, inner, {"users": encoded(users), "watch": watch})


def payload_shown(
    parts: Sequence[Part],
    root: str | None,
    sizes: Mapping[str, int] = MappingProxyType({}),
    stamp: RunStamp = UNNAMED,
) -> str:
    """The same data for people: all that the script is told, with a named hole for whatever tells of a secret.

    `sizes` are those of the downloads that are here already, by digest.
    """
    numbers = _numbers(parts)
    lines = [f"# in {root}"] if root else []
    for part in parts:
        if part.changes:
            lines += _part_shown(part, numbers, sizes, stamp)
    return "\n".join([*lines, ""])


def _numbers(parts: Sequence[Part]) -> dict[str, int]:
    return {change.id: number for part in parts for number, change in part.changes.items()}


def _archive(
    part: Part,
    numbers: Mapping[str, int],
    root: str,
    supplies: Supplies,
    stamp: RunStamp,
    inner: Mapping[str, Archive] = MappingProxyType({}),
    outer: Mapping[str, bytes] = MappingProxyType({}),
) -> Archive:
    """Four lines and a digest in front of a tar archive. They stand in it too (`head`), where the manifest covers them.

    The manifest covers all but the archives inside, which have manifests of their own: the `outer` files say their
    digests. It stands at the end: without it, something is missing.
    """
    unavailable = _unavailable(part, supplies)
    lines, members = tasks_of(part.changes, numbers, unavailable, ledger.secret_paths(part.journal))
    head = encoded(f"{MAGIC}\n{part.nonce}\n{escaped(root)}\n{escaped(stamp.holder)}\n")
    files: dict[str, bytes | Blob] = {
        "head": head,
        "tasks": encoded("".join(f"{line.word} {escaped(line.value)}\n" for line in lines)),
        "parents": encoded("".join(f"{escaped(path)}\n" for path in parents_of(part.changes.values()))),
        "intent": encoded(intent_of(part, unavailable, stamp)),
        "forget": encoded(forget_of(part, stamp)),
        "effects": encoded(effects_of(part)),
        "uninstall": b"yes\n" if part.forgets else b"",
        "users": b"",
        "watch": b"",
        **outer,
        **_smaller_ledger(part, stamp),
        **{member.name: _sent(member, supplies) for member in members},
    }
    manifest = encoded("".join(f"{_digest(data)}  {name}\n" for name, data in files.items()))
    return Archive(head=head + encoded(f"{_digest(manifest)}\n"), files={**files, **inner, "manifest": manifest})


def _smaller_ledger(part: Part, stamp: RunStamp) -> Mapping[str, bytes]:
    if part.ledger_digest is None:
        return {}
    return {"ledger": ledger.compacted(part.journal, stamp), "ledger.of": f"{part.ledger_digest}\n".encode()}


def _unavailable(part: Part, supplies: Supplies) -> Mapping[BlobTask, Unavailable]:
    found = {}
    for task in blob_tasks(part.changes.values()):
        supply = supplies.get(task, _NOT_FETCHED)
        if isinstance(supply, Unavailable):
            found[task] = supply
    return found


def blob_tasks(changes: Iterable[Change]) -> Iterator[BlobTask]:
    """The tasks whose bytes the controller sends."""
    for task in (task for change in changes for task in change.tasks):
        match task:
            case WriteBlob(content=download) | Unpack(archive=download) if not download.by_target:
                yield task


def _sent(member: Member, supplies: Supplies) -> bytes | Blob:
    if isinstance(member.data, bytes):
        return member.data
    supply = supplies[member.data]
    assert isinstance(supply, Blob)
    return supply


def _digest(data: bytes | Blob) -> str:
    return data.digest if isinstance(data, Blob) else hashlib.sha256(data).hexdigest()


def _covered(archive: Archive) -> str:
    """The digest that the last line in front of an archive says."""
    return archive.head.rstrip(b"\n").rpartition(b"\n")[2].decode()


def intent_of(part: Part, unavailable: Mapping[BlobTask, Unavailable], stamp: RunStamp, *, shown: bool = False) -> str:
    """The number of the generation, if it is still free, and what the ledger is to say of it."""
    number = max((run.generation for run in part.journal), default=0) + 1
    return f"{number}\n{ledger.line_of(stamp, journal.records(part.changes, part.items, unavailable, shown=shown))}\n"


def forget_of(part: Part, stamp: RunStamp) -> str:
    """The generations of which no bytes need be kept any more."""
    return "".join(f"{number}\n" for number in ledger.outdated(part.journal, stamp))


def effects_of(part: Part) -> str:
    """The script's list of records: an old one goes when the change of its number is done, a new one comes then."""
    writers = {str(address): number for number, change in part.changes.items() for address in change.addresses}
    rows = [f"keep {writers.get(record.address, 0)} {effects.line(record)}\n" for record in part.records]
    for number, change in part.changes.items():
        if change.effect is not Effect.NOW:
            for address, digest in change.digests.items():
                rows.append(f"new {number} {effects.fragment(str(address), change.effect, digest)}\n")
    return "".join(rows)


def _part_shown(part: Part, numbers: Mapping[str, int], sizes: Mapping[str, int], stamp: RunStamp) -> Iterator[str]:
    lines, members = tasks_of(part.changes, numbers, {}, ledger.secret_paths(part.journal))
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
