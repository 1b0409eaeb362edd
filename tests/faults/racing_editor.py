"""Somebody who edits a file while the apply script replaces it, and what is left of both."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agents.apply_machine import DISTRO, Machine, change, started
from faults.slow_tools import Marks
from reconciler.execution.apply import Outcome
from reconciler.execution.parts import Batch
from reconciler.model.outcome import Status

PATH, OTHER = "/srv/raced", "/srv/other"
WATCHED = '*"/raced "*'
UNEDITED = b"# edited: ------------\n"
EDITS_AT_MOST = 2
HELD_UP_SECONDS = 0.002
"""Whoever opens a file before the switch and writes to it so long after has written to what is no file any more."""
PATIENCE_SECONDS = 30.0


def text(kind: str, number: int) -> bytes:
    """With a line to edit for each edit there may be."""
    return UNEDITED * EDITS_AT_MOST + f"{kind} content of round {number}\n".encode() * 40


def token_of(number: int, nth: int) -> bytes:
    return f"# edited: {number:10}.{nth}\n".encode()


def edited(content: bytes, nth: int, token: bytes) -> bytes:
    begin = nth * len(UNEDITED)
    return content[:begin] + token + content[begin + len(UNEDITED) :]


Editor = Callable[[Path, int, bytes], None]


def edit_by_rename(place: Path, nth: int, token: bytes) -> None:
    beside = place.parent / ".raced.swp"
    beside.write_bytes(edited(place.read_bytes(), nth, token))
    beside.rename(place)


def edit_in_place(place: Path, nth: int, token: bytes) -> None:
    """One write, so that nobody sees half of it."""
    file = os.open(place, os.O_WRONLY)
    os.pwrite(file, token, nth * len(UNEDITED))
    os.close(file)


@dataclass(frozen=True, slots=True)
class Moment:
    """So long after the script began with the changes, or after the program began that is the nth that may switch."""

    seconds: float
    switch: int | None = None


@dataclass(frozen=True, slots=True)
class Edit:
    token: bytes
    begin: float
    end: float


@dataclass
class Watched:
    """All that a reader saw in a file while something was done: None where there was no file."""

    place: Path
    seen: set[bytes | None] = field(default_factory=set)
    is_over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Watched:
        self.thread = threading.Thread(target=self._watch)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.is_over.set()
        self.thread.join()

    def _watch(self) -> None:
        while not self.is_over.wait(0.001):
            try:
                self.seen.add(self.place.read_bytes())
            except FileNotFoundError:
                self.seen.add(None)


class Heard:
    """The script's records, with the moments in which the changes began and the raced one was told of."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.stdout, self.begin, self.end = b"", 0.0, 0.0
        self.has_begun, self.has_ended = threading.Event(), threading.Event()
        self._process = process
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self.stdout += line
            words = line.split()[1:3]
            if words[:1] == [b"start"]:
                self.begin = time.monotonic()
                self.has_begun.set()
            elif words == [b"change", b"1"]:
                self.end = time.monotonic()
        self.has_begun.set()
        self.has_ended.set()

    def hear_out(self) -> None:
        self._thread.join(PATIENCE_SECONDS)
        self._process.wait(PATIENCE_SECONDS)


@dataclass
class Race:
    machine: Machine
    marks: Marks
    editor: Editor

    def run(self, number: int, moments: Sequence[Moment] = ()) -> Raced:
        """Applies once; the editor edits in each of the moments. The number makes its contents unlike all others."""
        machine, place = self.machine, self.machine.at(PATH)
        old, new = text("old", number), text("new", number)
        machine.file(PATH, old)
        machine.file(OTHER, old)
        planned = (change("raced", machine.write(PATH, new)), change("other", machine.write(OTHER, new)))
        self.marks.forget()
        with Watched(place) as watched:
            process, read = started(machine, Batch(target=DISTRO, changes=planned))
            heard = Heard(process)
            assert heard.has_begun.wait(PATIENCE_SECONDS)
            edits = tuple(self._edits(number, heard, moments))
            heard.hear_out()
        state = machine.at("/var/lib/reconcile").rglob("*")
        return Raced(
            old=old, new=new, edits=edits, outcomes=read(heard.stdout), target=place.read_bytes(),
            kept=tuple(each.read_bytes() for each in state if each.is_file()), seen=frozenset(watched.seen),
            notes=tuple(line.decode() for line in heard.stdout.splitlines() if line.split()[1:2] == [b"note"]),
            begin=heard.begin, end=heard.end,
        )  # fmt: skip

    def _edits(self, number: int, heard: Heard, moments: Sequence[Moment]) -> Iterator[Edit]:
        for nth, moment in enumerate(moments):
            if moment.switch is None:
                time.sleep(max(0.0, heard.begin + moment.seconds - time.monotonic()))
            else:
                while not self.marks.wait_for_switch(moment.switch, 0.02) and not heard.has_ended.is_set():
                    pass  # a change that is refused comes to no switch
                time.sleep(moment.seconds)
            token, before = token_of(number, nth), time.monotonic()
            self.editor(self.machine.at(PATH), nth, token)
            yield Edit(token, before, time.monotonic())


@dataclass(frozen=True, kw_only=True)
class Raced:
    """What is left after a run and its edits. `kept` is what is in the files of the state folder, `notes` what was told
    beside the changes."""

    old: bytes
    new: bytes
    edits: tuple[Edit, ...]
    outcomes: Mapping[str, Outcome]
    notes: tuple[str, ...]
    target: bytes
    kept: tuple[bytes, ...]
    seen: frozenset[bytes | None]
    begin: float
    end: float

    def __repr__(self) -> str:
        edits = [f"{edit.begin - self.begin:.3f} to {edit.end - self.begin:.3f} s" for edit in self.edits]
        head = self.target[: len(UNEDITED) * EDITS_AT_MOST + 30]
        return f"edited at {edits} of {self.end - self.begin:.3f} s, told {self.outcome} {self.notes}, now {head!r}"

    @property
    def outcome(self) -> Outcome:
        return self.outcomes["raced"]

    @property
    def is_held_up(self) -> bool:
        return any(edit.end - edit.begin > HELD_UP_SECONDS for edit in self.edits)

    @property
    def is_in_window(self) -> bool:
        return any(self.begin <= edit.begin and edit.end <= self.end for edit in self.edits)

    @property
    def lost(self) -> list[bytes]:
        kept = (self.target, *self.kept)
        return [edit.token for edit in self.edits if not any(edit.token in content for content in kept)]

    @property
    def is_told(self) -> bool:
        """That the file is not what was to be, or where an edit is kept."""
        is_not_done = self.outcome.status in (Status.REFUSED, Status.FAILED) and bool(self.outcome.message)
        return is_not_done or any(PATH in note for note in self.notes)

    @property
    def is_untold(self) -> bool:
        """An edit is not in the file any more, and whoever applied does not hear of it."""
        return any(edit.token not in self.target for edit in self.edits) and not self.is_told

    @property
    def torn(self) -> set[bytes | None]:
        whole: set[bytes | None] = {self.old, self.new}
        for nth, edit in enumerate(self.edits):
            whole |= {edited(content, nth, edit.token) for content in whole if content is not None}
        return {self.target, *self.seen} - whole

    def check(self) -> None:
        """What holds of every run, whatever the script can keep."""
        assert self.torn == set(), self
        assert self.outcomes["other"].status is Status.DONE, self.outcomes
        assert self.outcome.status is Status.DONE or self.is_told, self
        if self.outcome.status is Status.REFUSED:
            assert self.new[len(UNEDITED) * EDITS_AT_MOST :] not in self.target, f"refused, and yet written: {self}"

    def check_promise(self) -> None:
        """What holds where the bytes that come out of a switch are looked at."""
        assert not self.lost, self
        assert not self.is_untold, self
        if self.outcome.status is Status.DONE:
            assert self.target.endswith(self.new[len(UNEDITED) * EDITS_AT_MOST :]), f"done, and not written: {self}"
