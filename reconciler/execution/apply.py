"""Applies changes to one machine in one exchange, and reports of each what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from reconciler.execution.blobs import BlobLostError, Supplies
from reconciler.execution.parts import Batch, Part, WayBack, parts_of, program_seconds
from reconciler.execution.payload import NOTHING, UNNAMED, payload
from reconciler.execution.payload_shown import payload_shown
from reconciler.execution.session import Password, Rights, new_nonce, opened
from reconciler.model.errors import UnreachableError
from reconciler.model.ledger import RunStamp
from reconciler.model.outcome import Status
from reconciler.model.plan import Change
from reconciler.model.transport import SLOWEST_BYTES_PER_SECOND, Exchange, Result, Transport

AGENT: Final = "apply"


_STATUSES: Final = {
    "done": Status.DONE,
    "refused": Status.REFUSED,
    "failed": Status.FAILED,
    "skipped": Status.SKIPPED,
    "untried": Status.NOT_TRIED,
}
"""The words of the script."""

INTERRUPTED: Final = "interrupted"
"""How the script says that a signal was in the way."""
LONGEST_SECONDS: Final = 3600.0
"""Beside what programs may take and what is sent; signs of life tell before whether the machine hangs."""
_FORBIDDEN: Final = ("Permission denied", "Operation not permitted")
"""How the machine says that rights are missing; the script speaks the C locale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`message` says why, in words for people; text from the machine in it may hold any character."""

    status: Status
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What became of each change, by its id, and what else the machine has to say: what it found of earlier runs, edits
    of somebody else that it kept."""

    outcomes: Mapping[str, Outcome]
    notes: tuple[str, ...] = ()
    watched: str = ""
    """The nonce of the run that the machine watches over, see `confirm`; empty: it does not."""


def apply(
    transport: Transport,
    batches: Sequence[Batch],
    *,
    root: str | None = None,
    rights: Rights = Rights.OWN,
    password: Password | None = None,
    supplies: Supplies = NOTHING,
    stamp: RunStamp = UNNAMED,
    way_back: WayBack | None = None,
) -> Applied:
    """`root` is a root file system at rest, as an absolute path.

    `rights` are those that the facts were gathered with. A machine that does not answer, or breaks off, is an outcome.
    """
    parts = parts_of(batches)
    exchange: Exchange | None = None
    try:
        exchange = opened(transport, AGENT, rights, password, new_nonce())
        sent = payload(parts, root, supplies, stamp, way_back)
        exchange.say(sent.pieces())
        exchange.allow(LONGEST_SECONDS + program_seconds(parts) + sent.size / SLOWEST_BYTES_PER_SECOND)
        return read(parts, exchange.finish())
    except UnreachableError as error:
        if exchange is None:
            return _all(parts, Status.UNREACHED, error)
        found = read(parts, Result(code=-1, stdout=error.said, stderr=b""), broken=str(error))
        return found if way_back is None else replace(found, watched=parts[0].nonce)  # for all that is known
    except BlobLostError as error:  # half an input is none: the machine has written nothing
        return _all(parts, Status.NOT_TRIED, error)


def _all(parts: Sequence[Part], status: Status, error: Exception) -> Applied:
    found = Outcome(status=status, message=str(error))
    return Applied(outcomes={change.id: found for part in parts for change in part.changes.values()})


def apply_input_shown(
    batches: Sequence[Batch],
    *,
    root: str | None = None,
    sizes: Mapping[str, int] = MappingProxyType({}),
    stamp: RunStamp = UNNAMED,
) -> str:
    """The data that `apply` sends beside the script, readable, with secrets as named holes; `sizes`: see `payload_shown`."""
    return payload_shown(parts_of(batches), root, sizes, stamp)


def read(parts: Sequence[Part], result: Result, broken: str | None = None) -> Applied:
    """Reads the script's records. A line that no part of this run could have printed is passed over.

    `broken` says why the machine was not heard out.
    """
    told = {part.number: _Told() for part in parts}
    by_nonce = {part.nonce: part for part in parts}
    for line in result.stdout.decode("utf-8", "surrogateescape").split("\n")[:-1]:
        nonce, _, record = line.partition(" ")
        if nonce in by_nonce:
            _hear(record, by_nonce[nonce], told)
    changes = {number: change for part in parts for number, change in part.changes.items()}
    found = {
        number: told[part.number].outcome(number, told[0], broken or _silence(result))
        for part in parts
        for number in part.changes
    }
    return Applied(
        outcomes={change.id: _explained(_judged(found[number]), changes, found) for number, change in changes.items()},
        notes=tuple(note for part in parts for note in told[part.number].notes),
        watched=parts[0].nonce if told[0].watches else "",
    )


def _judged(outcome: Outcome) -> Outcome:
    """What failed for want of rights alone was refused: nothing is broken, and nothing was written."""
    forbidden = outcome.status in (Status.FAILED, Status.NOT_TRIED) and outcome.message.endswith(_FORBIDDEN)
    return Outcome(status=Status.REFUSED, message=outcome.message) if forbidden else outcome


@dataclass(slots=True)
class _Told:
    """What the records of one part say."""

    changes: dict[int, Outcome] = field(default_factory=dict)
    started: bool = False
    stopped: str | None = None
    busy: bool = False
    trouble: str | None = None
    notes: list[str] = field(default_factory=list)
    watches: bool = False

    def outcome(self, number: int, own: _Told, silence: str) -> Outcome:
        """Of one change of this part; `own` is one's own part, which starts the others; `silence` is why it may be that
        nothing was told."""
        if number in self.changes:
            found = self.changes[number]  # a part that was ended knows of a signal only
            return replace(found, message=self.trouble) if self.trouble and found.message == INTERRUPTED else found
        for told in (self, own):
            if told.stopped is not None:
                return Outcome(status=Status.REFUSED if told.busy else Status.NOT_TRIED, message=told.stopped)
        if self.trouble is not None:
            return Outcome(status=Status.UNKNOWN if self.started else Status.NOT_TRIED, message=self.trouble)
        return Outcome(status=Status.UNKNOWN, message=silence)


def _silence(result: Result) -> str:
    last = result.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
    silence = f"the machine did not tell, it ended with status {result.code}"
    return f"{silence}: {last}" if last else silence


def _hear(record: str, part: Part, told: Mapping[int, _Told]) -> None:
    mine = told[part.number]
    word, _, rest = record.partition(" ")
    number, _, text = rest.partition(" ")
    match word:
        case "start":
            mine.started = True
        case "stop" | "busy":
            mine.stopped, mine.busy = _unescaped(rest), word == "busy"
        case "watch":
            mine.watches = True
        case "note" | "recovered":
            mine.notes.append(_unescaped(rest))
        case "part" if part.user is None and number.isdecimal() and int(number) in told:
            told[int(number)].trouble = _unescaped(text)
        case "change" if number.isdecimal() and int(number) in part.changes:
            status, _, text = text.partition(" ")
            if status in _STATUSES:
                mine.changes.setdefault(int(number), Outcome(status=_STATUSES[status], message=_unescaped(text)))


def _explained(outcome: Outcome, changes: Mapping[int, Change], found: Mapping[int, Outcome]) -> Outcome:
    """A skipped change names the one to blame, which the script knows by number only."""
    if outcome.status is not Status.SKIPPED or not outcome.message.isdecimal() or int(outcome.message) not in changes:
        return outcome
    cause = int(outcome.message)
    verb = "failed" if found[cause].status is Status.FAILED else f"was {found[cause].status}"
    return Outcome(status=Status.SKIPPED, message=f"because {changes[cause].thing} {verb}")


def _unescaped(text: str) -> str:
    return "\\".join(piece.replace("\\n", "\n") for piece in text.split("\\\\"))
