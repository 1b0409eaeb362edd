"""What runs did, address by address, as their journals tell it: what there is to lead back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from reconciler.model import ledger
from reconciler.model.address import Address, Target
from reconciler.model.facts import PathType
from reconciler.model.ledger import ChangeRecord, ItemRecord, PathRecord, RunRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One address that a run gave another value, and the changes by which it did."""

    run: RunRecord
    changes: tuple[ChangeRecord, ...]
    item: ItemRecord

    @property
    def target(self) -> Target:
        return self.item.address.target

    def image(self, record: PathRecord) -> str:
        """Where the bytes lie that stood at a path before."""
        return f"{ledger.folder(self.changes[0].target)}/before/{self.run.generation}/{record.task}"

    def spans(self) -> Mapping[str, tuple[PathRecord, PathRecord]]:
        """By path, the first and the last that was done there."""
        found: dict[str, tuple[PathRecord, PathRecord]] = {}
        for record in (record for change in self.changes for record in change.paths):
            first, _ = found.get(record.path, (record, record))
            found[record.path] = (first, record)
        return found

    def folders(self) -> tuple[str, ...]:
        """The directories that were made, empty."""
        return tuple(
            path
            for path, (first, last) in self.spans().items()
            if first.before.type is PathType.MISSING
            and last.after.type is PathType.DIRECTORY
            and last.after.digest is None
        )


def steps_of_run(run: str, journals: Iterable[tuple[RunRecord, ...]]) -> Mapping[Address, Step]:
    """What the run with that id did."""
    steps = _steps(each for runs in journals for each in runs if each.stamp.id == run)
    return {step.item.address: step for step in steps}


def step_of_address(address: Address, journals: Iterable[tuple[RunRecord, ...]]) -> Mapping[Address, Step]:
    """The latest step of an address."""
    steps = [step for step in _steps(run for runs in journals for run in runs) if step.item.address == address]
    return {address: steps[-1]} if steps else {}


def origins(journals: Iterable[tuple[RunRecord, ...]]) -> Mapping[Address, Step]:
    """Of every address that is ours, a step from the value before us to the one that it was given last."""
    found: dict[Address, Step] = {}
    for runs in journals:
        ours = ledger.held(runs)
        for step in _steps(runs):
            held, known = ours.get(step.item.address), found.get(step.item.address)
            if known is not None:
                found[step.item.address] = replace(known, changes=(*known.changes, *step.changes))
            elif held is not None and step.run.generation == held.origin_generation:
                found[step.item.address] = replace(step, item=replace(held.origin, after=held.last.after))
    return found


def _steps(runs: Iterable[RunRecord]) -> Iterator[Step]:
    for run in runs:
        found: dict[Address, Step] = {}
        for change in run.changes:
            for item in change.items if change.is_done or run.recovered else ():
                known = found.get(item.address, Step(run=run, changes=(), item=item))
                found[item.address] = replace(known, changes=(*known.changes, change))
        yield from found.values()


def last_run(journals: Iterable[Sequence[RunRecord]]) -> RunRecord | None:
    """The latest run that is neither undone nor itself a way back."""
    runs = [run for journal in journals for run in journal]
    undone = {run.stamp.undoes for run in runs if run.stamp.undoes and not run.stamp.by_itself}
    left = [run for run in runs if run.stamp.id not in undone and run.stamp.undoes is None and run.changes]
    return max(left, key=lambda run: (run.stamp.at, run.generation), default=None)
