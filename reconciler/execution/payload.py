"""What apply sends to a machine: an archive of tasks and contents, and inside it one more for each user."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from reconciler.execution import journal
from reconciler.execution.blobs import Blob, Supplies, Unavailable
from reconciler.execution.parts import Part, WayBack, program_seconds
from reconciler.execution.tar_stream import Archive
from reconciler.execution.task_lines import Member, encoded, escaped, parents_of, tasks_of
from reconciler.model import effects, ledger
from reconciler.model.ledger import RunStamp, retention
from reconciler.model.plan import Change
from reconciler.model.states import Effect
from reconciler.model.tasks import BlobTask, Unpack, WriteBlob

MAGIC: Final = "reconcile-apply"
NOTHING: Final[Supplies] = MappingProxyType({})
UNNAMED: Final = RunStamp()
PART_SECONDS: Final = 300
SLOWEST_DISK_BYTES_PER_SECOND: Final = 1024 * 1024
_NOT_FETCHED: Final = Unavailable(why="it was not fetched")


def payload(
    parts: Sequence[Part],
    root: str | None,
    supplies: Supplies = NOTHING,
    stamp: RunStamp = UNNAMED,
    way_back: WayBack | None = None,
) -> Archive:
    """The script's whole input. `root` is a root file system at rest to work in."""
    numbers = numbers_of(parts)
    own, *others = parts
    inner = {f"u{part.number}": _archive(part, numbers, "." if root else "", supplies, stamp) for part in others}
    users = "".join(
        f"{part.number} u{part.number} {_covered(archive)} {_longest_seconds(part, archive)} {part.user}\n"
        for part, archive in zip(others, inner.values(), strict=True)
    )
    watch = b""
    if way_back is not None:
        inner["back"] = back = payload(way_back.parts, root, supplies, stamp.of_way_back())
        watched = " ".join(str(numbers[id_]) for id_ in sorted(way_back.watched))
        digest = hashlib.sha256(b"".join(back.pieces())).hexdigest()
        watch = encoded(f"{way_back.seconds}\n{way_back.longest_seconds}\n{digest}\n{watched}\n")
    return _archive(own, numbers, root or "", supplies, stamp, inner, {"users": encoded(users), "watch": watch})


def _longest_seconds(part: Part, archive: Archive) -> int:
    """Whoever it is done for can hold it up, with a pipe in place of a file: the others wait no longer than so. It is
    enough for honest work: beside what programs may take, for what is sent, and for what is read over there."""
    return PART_SECONDS + program_seconds([part]) + archive.size // SLOWEST_DISK_BYTES_PER_SECOND


def numbers_of(parts: Sequence[Part]) -> dict[str, int]:
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
    lines, members = tasks_of(part.changes, numbers, unavailable, journal.unkept(part.changes, part.journal))
    head = encoded(f"{MAGIC}\n{part.nonce}\n{escaped(root)}\n{escaped(stamp.holder)}\n")
    files: dict[str, bytes | Blob] = {
        "head": head,
        "tasks": encoded("".join(f"{line.word} {escaped(line.value)}\n" for line in lines)),
        "parents": encoded("".join(f"{escaped(path)}\n" for path in parents_of(part.changes.values()))),
        "intent": encoded(intent_of(part, unavailable, stamp)),
        "forget": encoded(forget_of(part, stamp)),
        "effects": encoded(effects_of(part)),
        "released": b"yes\n" if part.released else b"",
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
    return {"ledger": retention.compacted(part.journal, stamp), "ledger.of": f"{part.ledger_digest}\n".encode()}


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
    unkept = journal.unkept(part.changes, part.journal)
    changes = journal.records(part.changes, part.items, unavailable, unkept, shown=shown)
    return f"{number}\n{ledger.line_of(stamp, changes, part.released)}\n"


def forget_of(part: Part, stamp: RunStamp) -> str:
    """The generations of which no bytes need be kept any more."""
    return "".join(f"{number}\n" for number in retention.outdated(part.journal, stamp))


def effects_of(part: Part) -> str:
    """The script's list of records: an old one goes when the change of its number is done, a new one comes then."""
    writers = {str(address): number for number, change in part.changes.items() for address in change.addresses}
    rows = [f"keep {writers.get(record.address, 0)} {effects.line(record)}\n" for record in part.records]
    for number, change in part.changes.items():
        if change.effect is not Effect.NOW:
            for address, digest in change.digests.items():
                rows.append(f"new {number} {effects.fragment(str(address), change.effect, digest)}\n")
    return "".join(rows)
