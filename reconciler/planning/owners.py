"""Who writes which path: a path that one item owns is nobody else's, and one layer writes a file, not two."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from reconciler.model.address import Address, Target
from reconciler.model.claims import Path
from reconciler.model.desired import DesiredItems
from reconciler.model.errors import DocumentError, Problem
from reconciler.model.facts import FactSheet
from reconciler.model.resource import Resource, Want
from reconciler.model.tree import Origin
from reconciler.model.values import UNMANAGED, Absent
from reconciler.planning.places import above, end, full_path, place


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """An item at one path. `whole`: it owns the path; `gone`: nothing shall be there; `folder`: others may go below."""

    address: Address
    origin: Origin | None
    path: str
    whole: bool
    gone: bool
    folder: bool

    def __str__(self) -> str:
        return f"{self.address} ({self.origin})" if self.origin else str(self.address)


Writers = Mapping[tuple[Target, str], Sequence[Writer]]
Pair = tuple[Address, Address]


def writers(
    desired: DesiredItems, resources: Sequence[Resource], home: str, sheet: FactSheet | None = None
) -> Iterator[Writer]:
    """Every path that an item writes, by its name in the documents and, as far as facts tell, by where links lead."""
    for resource in resources:
        items = {**resource.implied(sheet), **resource.items} if sheet else resource.items
        for name, item in items.items():
            if item is not UNMANAGED:
                address, want = Address(desired.target, resource.kind, name), resource.want(name, item)
                for path, whole, at in _paths(want, home, sheet):
                    yield Writer(
                        address=address,
                        origin=desired.origins.get(address),
                        path=at,
                        whole=whole,
                        gone=isinstance(item, Absent),
                        folder=Path(path) in want.provides,
                    )


def _paths(want: Want, home: str, sheet: FactSheet | None) -> Iterator[tuple[str, bool, str]]:
    for path, whole in (*((path, True) for path in want.owns), *((path, False) for path in want.shares)):
        names = [full_path(path, home)]
        if sheet is not None:
            names.append(place(path, sheet) if whole else end(path, sheet))
        for name in dict.fromkeys(names):
            yield path, whole, name


def check(found: Iterable[Writer]) -> None:
    """DocumentError names all items that cannot both have their way."""
    by_path: dict[tuple[Target, str], list[Writer]] = {}
    for writer in found:
        by_path.setdefault((writer.address.target.machine, writer.path), []).append(writer)
    # Two items that meet under several names of one path are told of once.
    problems = {**dict(_in_the_way(by_path)), **dict(_clashes(by_path))}
    if problems:
        raise DocumentError(problems.values())


def _clashes(found: Writers) -> Iterator[tuple[Pair, Problem]]:
    for (_, path), writers in found.items():
        owner = next((writer for writer in writers if writer.whole), writers[0])
        others = (writer for writer in writers if writer.address != owner.address)
        other = next(
            (writer for writer in others if owner.whole or writer.address.target != owner.address.target), None
        )
        if other is not None:
            first, second = sorted((owner, other), key=writers.index)
            two = "items" if first.address.target == second.address.target else "layers"
            what = f"two {two} would write {path}: {first} and {second}"
            yield (first.address, second.address), Problem(what, second.origin, fix="declare it in one of them only")


def _in_the_way(found: Writers) -> Iterator[tuple[Pair, Problem]]:
    """What shall be there below a path that shall not be there, or that shall be no folder."""
    for (machine, path), writers in found.items():
        below = next((writer for writer in writers if not writer.gone), None)
        for upper in above(path) if below else ():
            for owner in found.get((machine, upper), ()):
                if below and owner.whole and not owner.folder:
                    how = "removes" if owner.gone else "makes no folder of"
                    what = f"{below} would be written below {upper}, which {owner} {how}"
                    yield (below.address, owner.address), Problem(what, below.origin, fix="take one of them out")
