"""The rows of a ledger, as JSON, and the records that they tell of."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from reconciler.model.address import Address, Target
from reconciler.model.facts import PathType
from reconciler.model.json_object import JsonObject
from reconciler.model.ledger.records import ChangeRecord, DueRecord, ItemRecord, PathRecord, RunRecord, RunStamp
from reconciler.model.tasks import Base
from reconciler.model.values import Json


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


def rows_of(run: RunRecord) -> str:
    """All that the ledger says of a run."""
    done = [change.number for change in run.changes if change.is_done]
    rows = [f'{{"generation": {run.generation}, {line_of(run.stamp, run.changes, sorted(run.released, key=str))}']
    rows += [json.dumps({"generation": run.generation, "done": done})] if done else []
    rows += [json.dumps({"generation": run.generation, "recovered": True})] if run.recovered else []
    rows += [json.dumps({"generation": run.generation, "ended": True})] if run.ended else []
    return "".join(f"{row}\n" for row in rows)


def _rows(data: bytes) -> Iterator[JsonObject]:
    for line in data.split(b"\n"):
        try:
            if line:
                yield JsonObject(json.loads(line), "the ledger")
        except (ValueError, RecursionError):
            continue


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
