"""Applies changes to one machine in one exchange, and reports of each what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from reconciler import agents
from reconciler.execution.payload import Batch, Part, parts_of, payload, payload_shown
from reconciler.model.outcome import Status
from reconciler.model.plan import Change
from reconciler.model.states import Effect
from reconciler.model.transport import Result, Transport

AGENT: Final = "apply.sh"


_STATUSES: Final = {
    "done": Status.DONE,
    "refused": Status.REFUSED,
    "failed": Status.FAILED,
    "skipped": Status.SKIPPED,
    "untried": Status.NOT_TRIED,
}
"""The words of the script."""

_FORBIDDEN: Final = ("Permission denied", "Operation not permitted")
"""How the machine says that rights are missing; the script speaks the C locale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`message` says why, in words for people; text from the machine in it may hold any character."""

    status: Status
    message: str = ""


def apply(transport: Transport, batches: Sequence[Batch], *, root: str | None = None) -> Mapping[str, Outcome]:
    """What became of each change, by its id. `root` is a root file system at rest, as an absolute path."""
    parts = parts_of(batches)
    result = transport.run(agents.script(AGENT), payload(parts, root))
    return outcomes(parts, result)


def apply_input_shown(batches: Sequence[Batch], *, root: str | None = None) -> str:
    """The data that `apply` sends beside the script, readable, with secrets as named holes."""
    return payload_shown(parts_of(batches), root)


def outcomes(parts: Sequence[Part], result: Result) -> dict[str, Outcome]:
    """Reads the script's records. A line that no part of this run could have printed is passed over."""
    told = {part.number: _Told() for part in parts}
    by_nonce = {part.nonce: part for part in parts}
    for line in result.stdout.decode("utf-8", "surrogateescape").split("\n")[:-1]:
        nonce, _, record = line.partition(" ")
        if nonce in by_nonce:
            _hear(record, by_nonce[nonce], told)
    changes = {number: change for part in parts for number, change in part.changes.items()}
    found = {
        number: told[part.number].outcome(number, change, told[0], result)
        for part in parts
        for number, change in part.changes.items()
    }
    return {change.id: _explained(_judged(found[number]), changes, found) for number, change in changes.items()}


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
    trouble: str | None = None
    note: str = ""

    def outcome(self, number: int, change: Change, own: _Told, result: Result) -> Outcome:
        """Of one change of this part; `own` is one's own part, which starts the others."""
        if number in self.changes:
            told = self.changes[number]
            unnoted = told.status is Status.DONE and change.effect is not Effect.NOW
            return replace(told, message=self.note) if unnoted else told
        if self.stopped is not None:
            return Outcome(status=Status.NOT_TRIED, message=self.stopped)
        if own.stopped is not None:
            return Outcome(status=Status.NOT_TRIED, message=own.stopped)
        if self.trouble is not None:
            return Outcome(status=Status.UNKNOWN if self.started else Status.NOT_TRIED, message=self.trouble)
        last = result.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        silence = f"the machine did not tell, it ended with status {result.code}"
        return Outcome(status=Status.UNKNOWN, message=f"{silence}: {last}" if last else silence)


def _hear(record: str, part: Part, told: Mapping[int, _Told]) -> None:
    mine = told[part.number]
    word, _, rest = record.partition(" ")
    number, _, text = rest.partition(" ")
    match word:
        case "start":
            mine.started = True
        case "stop":
            mine.stopped = _unescaped(rest)
        case "note":
            mine.note = _unescaped(rest)
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
