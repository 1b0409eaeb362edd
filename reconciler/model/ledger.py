"""The journal of a state folder, as its `ledger` tells it: what each run set out to do, and what of it was done.

One JSON value a line. A run first says all that it is about to do, and later, in lines of their own, what is done; what was
cut off, or is no such line, is passed over. Runs are ordered by their generation, a counter; `at` is for people only. A
secret is never in it: where one stood, or may have, stands `{"$secret": [NAMES]}`, and for a long text `{"$sha256": DIGEST}`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from reconciler.model.address import Address, Target
from reconciler.model.facts import FactSheet, PathType
from reconciler.model.json_object import JsonObject
from reconciler.model.resource import Fields
from reconciler.model.secrets import Secret
from reconciler.model.tasks import Base
from reconciler.model.values import Json

FILE_NAME: Final = "ledger"
TIME_FORMAT: Final = "%Y-%m-%d %H:%M:%S UTC"
_SECRET: Final = "$secret"
_DIGEST: Final = "$sha256"
_LONGEST_TEXT: Final = 400
"""Characters of a value: contents of files are kept as files."""


def folder(target: Target) -> str:
    """The state folder of a target's journal: root's with the distro's, for root writes both."""
    return "/var/lib/reconcile" if target.user in (None, "root") else "~/.local/state/reconcile"


def path(target: Target) -> str:
    return f"{folder(target)}/{FILE_NAME}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStamp:
    """Which run it is, the same on every machine of it. `by` is who applied, from where; `undoes` the run it leads back."""

    id: str = "unnamed"
    by: str = "somebody"
    at: str = "an unknown time"
    tool: str = ""
    undoes: str | None = None
    by_itself: bool = False
    """The machine led back what had cut the controller off: a part of that run."""

    @property
    def time(self) -> datetime | None:
        try:
            return datetime.strptime(self.at, TIME_FORMAT)
        except ValueError:
            return None

    @property
    def holder(self) -> str:
        """For whoever finds the machine locked."""
        return f"{self.by} since {self.at}"

    def of_way_back(self) -> RunStamp:
        """What the machine's own way back from a part of this run is called."""
        return replace(self, id=f"back-{self.id}", by="the machine itself", undoes=self.id, by_itself=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRecord:
    """One address before and after, as fields in normal form; None: it was not there. `options` are its kind's."""

    address: Address
    before: Mapping[str, Json] | None
    after: Mapping[str, Json] | None
    options: Mapping[str, Json] = field(default_factory=dict)

    @property
    def holds_secret(self) -> bool:
        """Whether its value before held a secret of some document."""
        return any(is_secret(value) for value in (self.before or {}).values())


@dataclass(frozen=True, slots=True, kw_only=True)
class PathRecord:
    """One path that a task wrote: what stood there, whose bytes are in `before/GENERATION/TASK` if they were `kept`, and
    what was left.

    `secrets` are the names of those in what was left. Of bytes that hold a secret only the hash is kept, in `before`.
    """

    task: int
    path: str
    before: Base
    after: Base
    secrets: tuple[str, ...] = ()
    kept: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class DueRecord:
    """A program that a change runs once its files are written."""

    argv: tuple[str, ...]
    stdin: str
    timeout_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRecord:
    number: int
    id: str
    thing: str
    target: Target
    items: tuple[ItemRecord, ...] = ()
    paths: tuple[PathRecord, ...] = ()
    due: tuple[DueRecord, ...] = ()
    is_done: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    generation: int
    stamp: RunStamp
    changes: tuple[ChangeRecord, ...] = ()
    recovered: bool = False
    """It did not come to its end, and a later run cleared up after it."""
    ended: bool = False
    """It came to its end, and left nothing to clear up."""
    released: frozenset[Address] = frozenset()
    """What a document has declared unmanaged since: it is ours no more."""


def line_of(stamp: RunStamp, changes: Iterable[ChangeRecord], released: Iterable[Address] = ()) -> str:
    """What a run is about to do, as the apply script completes it: without the brace and the generation in front."""
    row: dict[str, Json] = {
        "run": stamp.id,
        "by": stamp.by,
        "at": stamp.at,
        "tool": stamp.tool,
        "undoes": stamp.undoes,
        **({"by_itself": True} if stamp.by_itself else {}),
        "changes": [_change_to_json(change) for change in changes],
    }
    names: list[Json] = [str(address) for address in released]
    if names:
        row["released"] = names
    return json.dumps(row, ensure_ascii=True)[1:]


def read(data: bytes | None) -> tuple[RunRecord, ...]:
    """The runs in order. Of two rows with one generation the later counts."""
    runs: dict[int, RunRecord] = {}
    done: dict[int, set[int]] = {}
    for row in _rows(data or b""):
        try:
            generation = row.number("generation")
            if row.has("run"):
                runs[generation] = _run(generation, row)
                done[generation] = set()
            elif row.has("recovered") and generation in runs:
                runs[generation] = replace(runs[generation], recovered=True)
            elif row.has("ended") and generation in runs:
                runs[generation] = replace(runs[generation], ended=True)
            elif row.has("done") and generation in runs:
                done[generation] |= {number for number in row.list("done") if isinstance(number, int)}
        except (ValueError, TypeError):
            continue
    return tuple(
        replace(run, changes=tuple(replace(each, is_done=each.number in done[number]) for each in run.changes))
        for number, run in sorted(runs.items())
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An address that is ours: some run gave it a value, and it is not back at the one from before us.

    `origin` is the item of the first of those runs, `last` that of the latest; generations are those runs'.
    """

    origin: ItemRecord
    origin_generation: int
    last: ItemRecord
    last_generation: int
    stamp: RunStamp


def held(runs: Iterable[RunRecord]) -> Mapping[Address, Held]:
    """What is ours, by address. Only what was done counts. What was ours once and is led back later is not ours again."""
    found: dict[Address, Held] = {}
    given_up: dict[Address, ItemRecord] = {}
    for run in runs:
        given_up |= {address: found.pop(address).origin for address in run.released if address in found}
        for item in (item for change in run.changes if change.is_done for item in change.items):
            earlier = found.pop(item.address, None)
            origin = earlier.origin if earlier else item
            if not is_same(given_up.get(item.address, origin).before, item.after):
                found[item.address] = Held(
                    origin=origin,
                    origin_generation=earlier.origin_generation if earlier else run.generation,
                    last=item,
                    last_generation=run.generation,
                    stamp=run.stamp,
                )
    return found


def is_same(observed: Mapping[str, Json] | None, desired: Mapping[str, Json] | None) -> bool:
    """Whether an item that was seen so is what is desired: in all fields that the latter names."""
    if observed is None or desired is None:
        return observed is desired
    return all(
        name in observed and _comparable(observed[name]) == _comparable(value) for name, value in desired.items()
    )


def _comparable(value: Json) -> Json:
    return {_DIGEST: _digest(value)} if isinstance(value, str) else value


def unfinished(runs: Iterable[RunRecord]) -> tuple[RunRecord, ...]:
    """The runs that are at work, or were cut short and have not been cleared up after."""
    return tuple(run for run in runs if not run.ended and not run.recovered)


def rows_of(run: RunRecord) -> str:
    """All that the ledger says of a run."""
    done = [change.number for change in run.changes if change.is_done]
    rows = [f'{{"generation": {run.generation}, {line_of(run.stamp, run.changes, sorted(run.released, key=str))}']
    rows += [json.dumps({"generation": run.generation, "done": done})] if done else []
    rows += [json.dumps({"generation": run.generation, "recovered": True})] if run.recovered else []
    rows += [json.dumps({"generation": run.generation, "ended": True})] if run.ended else []
    return "".join(f"{row}\n" for row in rows)


def of_sheet(sheet: FactSheet, target: Target) -> tuple[RunRecord, ...]:
    """The journal of the target that the sheet is of; empty where it may not be read."""
    return read(sheet.file(path(target)).data)


def _rows(data: bytes) -> Iterator[JsonObject]:
    for line in data.split(b"\n"):
        try:
            if line:
                yield JsonObject(json.loads(line), FILE_NAME)
        except (ValueError, RecursionError):
            continue


def told(fields: Fields | None) -> Mapping[str, Json] | None:
    """Fields as the ledger holds them."""
    return None if fields is None else {name: _told(value) for name, value in fields.items()}


def _told(value: Json | Secret) -> Json:
    """A secret of some document is not told; what is just nobody's business, and long texts, by their digest."""
    if isinstance(value, Secret):
        return {_SECRET: [*sorted(value.names)]} if value.names else {_DIGEST: _digest(value.reveal())}
    return {_DIGEST: _digest(value)} if isinstance(value, str) and len(value) > _LONGEST_TEXT else value


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def is_secret(value: Json) -> bool:
    return isinstance(value, dict) and value.keys() == {_SECRET}


def secret_names(value: Json) -> frozenset[str]:
    """Those of the secrets that a value was made of."""
    names = value[_SECRET] if isinstance(value, dict) and value.keys() == {_SECRET} else []
    return frozenset(name for name in names if isinstance(name, str)) if isinstance(names, list) else frozenset()


def is_untold(value: Json) -> bool:
    """Whether a value stands there by its digest only, or not at all, being nobody's business."""
    return is_secret(value) or (isinstance(value, dict) and value.keys() == {_DIGEST})


def _change_to_json(change: ChangeRecord) -> Json:
    return {
        "number": change.number,
        "id": change.id,
        "thing": change.thing,
        "target": str(change.target),
        "items": [
            [str(item.address), _object(item.before), _object(item.after), dict(item.options)] for item in change.items
        ],
        "paths": [
            [record.task, record.path, _before_to_json(record), _base_to_json(record.after), [*record.secrets]]
            for record in change.paths
        ],
        "due": [[[*due.argv], due.stdin, due.timeout_seconds] for due in change.due],
    }


def _object(fields: Mapping[str, Json] | None) -> Json:
    return None if fields is None else dict(fields)


def _run(generation: int, row: JsonObject) -> RunRecord:
    stamp = RunStamp(
        id=row.text("run"),
        by=row.text("by"),
        at=row.text("at"),
        tool=row.text("tool"),
        undoes=row.text_or_none("undoes"),
        by_itself=row.has("by_itself"),
    )
    changes = tuple(_change(JsonObject(change, "a change")) for change in row.list("changes"))
    names = row.list("released") if row.has("released") else []
    released = frozenset(Address.parse(name) for name in names if isinstance(name, str))
    return RunRecord(generation=generation, stamp=stamp, changes=changes, released=released)


def _change(row: JsonObject) -> ChangeRecord:
    return ChangeRecord(
        number=row.number("number"),
        id=row.text("id"),
        thing=row.text("thing"),
        target=Target.parse(row.text("target")),
        items=tuple(_item(item) for item in row.list("items")),
        paths=tuple(_path(record) for record in row.list("paths")),
        due=tuple(_due(due) for due in row.list("due")),
    )


def _item(row: Json) -> ItemRecord:
    match row:
        case [str(address), (None | dict()) as before, (None | dict()) as after, dict(options)]:
            return ItemRecord(address=Address.parse(address), before=before, after=after, options=options)
    raise ValueError("an item is an address, what it was and what it is to be")


def _path(row: Json) -> PathRecord:
    match row:
        case [int(task), str(path), dict(before), dict(after), list(secrets)]:
            names = tuple(str(name) for name in secrets)
            return PathRecord(
                task=task,
                path=path,
                before=_base(before),
                after=_base(after),
                secrets=names,
                kept=before.get("kept") is not False,
            )
    raise ValueError("a path has a task, what stood there and what is to stand there")


def _due(row: Json) -> DueRecord:
    match row:
        case [list(argv), str(stdin), int(seconds)] if all(isinstance(word, str) for word in argv):
            return DueRecord(argv=tuple(map(str, argv)), stdin=stdin, timeout_seconds=seconds)
    raise ValueError("a program has words, an input and a time")


def _before_to_json(record: PathRecord) -> Json:
    return {**_base_to_json(record.before), **({} if record.kept else {"kept": False})}


def _base_to_json(base: Base) -> dict[str, Json]:
    row: dict[str, Json] = {
        "type": base.type.value,
        "digest": base.digest,
        "mode": base.mode,
        "owner": base.owner,
        "group": base.group,
        "link": base.link,
    }
    return {name: value for name, value in row.items() if value is not None}


def _base(value: dict[str, Json]) -> Base:
    row = JsonObject(value, "what stands at a path")
    return Base(
        type=PathType(row.text("type")),
        digest=row.text_or_none("digest"),
        mode=row.number("mode") if row.has("mode") else None,
        owner=row.text_or_none("owner"),
        group=row.text_or_none("group"),
        link=row.text_or_none("link"),
    )
