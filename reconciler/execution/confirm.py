"""A new connection, after changes that may have cut us off: the machine is told that it could be made, or leads them back.

See `agents/apply/watch.sh` and `agents/confirm.sh`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from reconciler.execution.apply import Applied, Outcome, read
from reconciler.execution.doors import Access
from reconciler.execution.parts import WayBack
from reconciler.execution.session import Rights, new_nonce, no_root, opened, root_said
from reconciler.model.errors import GivenUpError, UnreachableError
from reconciler.model.outcome import Status
from reconciler.model.transport import Result, Transport

AGENT: Final = "confirm"
_PATIENCE_SECONDS: Final = 180.0
"""Beyond the time that the machine waits: it may wait for a lock, and its network may take a while to come back."""
_FIRST_PAUSE_SECONDS: Final = 1.0
_LONGEST_PAUSE_SECONDS: Final = 8.0
"""A server may punish who comes again and again without getting in. Source: sshd_config(5), PerSourcePenalties."""
_IN_DOUBT: Final = (Status.DONE, Status.FAILED, Status.UNKNOWN)


class _Word(StrEnum):
    """What the machine says. See the agent."""

    CONFIRMED = "confirmed"
    GONE = "gone"
    WORKING = "working"
    LEADING_BACK = "leading-back"
    LED_BACK = "led-back"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """The last word of the machine, None: it was not reached; the records of its way back; why it was not reached before."""

    word: _Word | None
    report: bytes = b""
    trouble: str = ""


def confirmed(
    transport: Transport, access: Access, applied: Applied, way_back: WayBack, tell: Callable[[str], None]
) -> Applied:
    """What became of the run, once that is known. `tell` is told when it takes longer than a new connection."""
    answer = _asked(transport, access, applied.watched, way_back, tell)
    if answer.word in (_Word.CONFIRMED, _Word.GONE):
        return applied
    if answer.word is not _Word.LED_BACK:
        why = f"no new connection could be made ({answer.trouble}); the machine was to lead it back by itself"
        return _judged(applied, way_back, dict.fromkeys(way_back.watched, Outcome(status=Status.UNKNOWN, message=why)))
    why = f"no new connection could be made within {way_back.seconds} s"
    why = f"{why} ({answer.trouble})" if answer.trouble else why
    back = read(way_back.parts, Result(code=0, stdout=answer.report, stderr=b""))
    outcomes = {id_: _led_back(back.outcomes[id_], why) for id_ in way_back.watched}
    return replace(_judged(applied, way_back, outcomes), notes=(*applied.notes, *back.notes))


def _led_back(back: Outcome, why: str) -> Outcome:
    if back.status is Status.DONE:
        return Outcome(status=Status.FAILED, message=f"the machine has led it back: {why}")
    return Outcome(status=Status.FAILED, message=f"{why}, and the machine could not lead it back: {back.message}")


def _judged(applied: Applied, way_back: WayBack, outcomes: dict[str, Outcome]) -> Applied:
    known = {id_: outcome for id_, outcome in outcomes.items() if applied.outcomes[id_].status in _IN_DOUBT}
    return replace(applied, outcomes={**applied.outcomes, **known})


def _asked(transport: Transport, access: Access, nonce: str, way_back: WayBack, tell: Callable[[str], None]) -> _Answer:
    """Asks until the machine has the last word, or for long enough."""
    end = time.monotonic() + way_back.seconds + _PATIENCE_SECONDS
    pause, trouble = _FIRST_PAUSE_SECONDS, ""
    while True:
        try:
            word, report = _word(transport, access, nonce)
        except GivenUpError as error:
            return _Answer(word=None, trouble=str(error))
        except UnreachableError as error:
            word, report = None, b""
            if not trouble:
                tell(f"no new connection can be made: {error}")
                tell(f"what may have cut access is led back there after {way_back.seconds} s; waiting for that")
            trouble = trouble or str(error)
        if word not in (None, _Word.WORKING, _Word.LEADING_BACK) or time.monotonic() > end:
            return _Answer(word=word, report=report, trouble=trouble)
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)


def _word(transport: Transport, access: Access, nonce: str) -> tuple[_Word, bytes]:
    transport.renew()
    own = new_nonce()
    exchange = opened(transport, AGENT, access.rights, access.password, own, nonce.encode())
    result = exchange.finish()
    if access.is_root and access.rights is not Rights.OWN and root_said(result, own) is None:
        raise UnreachableError(f"root's rights are gone: {no_root(result, own) or 'nobody says why'}")
    for word in _Word:
        _, found, rest = result.stdout.partition(f"\n{own} {word}\n".encode())
        if found:
            return word, rest
    raise UnreachableError("the machine did not say whether it was told in time")
