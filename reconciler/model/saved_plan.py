"""A plan as a file: what was desired, rendered, with holes for secrets, and the fingerprint of each change.

Applying it plans again from these very values against the machine as it then is; a change goes ahead only where its
fingerprint is the same. So what is applied is what was shown, and the file holds no secret.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, cast

from reconciler.model.address import Address, Target
from reconciler.model.desired import DesiredItems, DesiredKind, Withheld
from reconciler.model.errors import DocumentError
from reconciler.model.guard import Guard
from reconciler.model.json_object import JsonObject
from reconciler.model.remote import Remote
from reconciler.model.secrets import SecretText
from reconciler.model.tree import Origin
from reconciler.model.values import ABSENT, UNMANAGED, Json, RepoFile

FORMAT: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPlan:
    """`changes` has the fingerprint of each change by id; `unknown` the addresses that were unknown and stay out.

    `remotes` says how machines are reached, `guards` what each machine was when it was planned for: another one that
    answers in its place is not written to.
    """

    tool: str
    root: str | None
    here: Target
    desired: tuple[DesiredItems, ...]
    changes: Mapping[str, str]
    unknown: frozenset[Address] = frozenset()
    remotes: Mapping[Target, Remote] = field(default_factory=dict)
    guards: Mapping[Target, Guard] = field(default_factory=dict)


def to_text(saved: SavedPlan) -> str:
    body: dict[str, Json] = {
        "format": FORMAT,
        "tool": saved.tool,
        "root": saved.root,
        "here": str(saved.here),
        "targets": [_target(items) for items in saved.desired],
        "changes": dict(saved.changes),
        "unknown": cast("Json", sorted(map(str, saved.unknown))),
        "remotes": {str(machine): remote.to_json() for machine, remote in saved.remotes.items()},
        "guards": {str(machine): guard.to_json() for machine, guard in saved.guards.items()},
    }
    return json.dumps({"sha256": _digest(body), **body}, indent=1, ensure_ascii=True) + "\n"


def from_text(text: str, name: str) -> SavedPlan:
    """DocumentError where `text` is no saved plan, or differs from what was written, be it in one blank."""
    try:
        body = JsonObject(json.loads(text), name)
        if body.number("format") != FORMAT:
            raise DocumentError(
                f"{name} has format {body.number('format')}; this version reads {FORMAT}", fix="plan again"
            )
        saved = _read(body)
        if to_text(saved) != text:
            raise DocumentError(
                f"{name} is damaged or was changed by hand", fix="make it anew with `reconcile plan -o FILE`"
            )
    except (ValueError, TypeError, RecursionError):
        raise DocumentError(f"{name} is no saved plan", fix="make one with `reconcile plan -o FILE`") from None
    return saved


def _digest(body: Mapping[str, Json]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _target(items: DesiredItems) -> Json:
    kinds: dict[str, Json] = {
        kind: {
            "items": {name: _value(item) for name, item in entry.items.items()},
            "options": {name: _value(option) for name, option in entry.options.items()},
        }
        for kind, entry in items.kinds.items()
    }
    return {
        "target": str(items.target),
        "kinds": kinds,
        "origins": {
            str(address): [origin.file, origin.line, origin.column] for address, origin in items.origins.items()
        },
        "withheld": {str(address): [held.why, held.blocked, held.fix] for address, held in items.withheld.items()},
        "notes": list(items.notes),
    }


def _read(body: JsonObject) -> SavedPlan:
    changes = body.child("changes")
    return SavedPlan(
        tool=body.text("tool"),
        root=body.text_or_none("root"),
        here=Target.parse(body.text("here")),
        desired=tuple(_read_target(JsonObject(entry, "a target")) for entry in body.list("targets")),
        changes={id_: changes.text(id_) for id_ in _entries(body, "changes")},
        unknown=frozenset(Address.parse(address) for address in body.texts("unknown")),
        remotes={Target.parse(name): Remote.from_json(entry) for name, entry in _entries(body, "remotes").items()},
        guards={Target.parse(name): Guard.from_json(entry) for name, entry in _entries(body, "guards").items()},
    )


def _read_target(body: JsonObject) -> DesiredItems:
    return DesiredItems(
        target=Target.parse(body.text("target")),
        kinds={kind: _read_kind(JsonObject(entry, kind)) for kind, entry in _entries(body, "kinds").items()},
        origins={Address.parse(name): _read_origin(place) for name, place in _entries(body, "origins").items()},
        withheld={Address.parse(name): _read_withheld(held) for name, held in _entries(body, "withheld").items()},
        notes=body.texts("notes"),
    )


def _read_kind(body: JsonObject) -> DesiredKind:
    return DesiredKind(
        items={name: _read_value(item) for name, item in _entries(body, "items").items()},
        options={name: _read_value(option) for name, option in _entries(body, "options").items()},
    )


def _entries(body: JsonObject, key: str) -> dict[str, Json]:
    value = body.raw(key)
    if not isinstance(value, dict):
        raise ValueError(f"{key} is not an object")
    return value


def _read_origin(place: Json) -> Origin:
    match place:
        case [str(file), int(line), int(column)]:
            return Origin(file, line, column)
    raise ValueError("an origin is a file, a line and a column")


def _read_withheld(held: Json) -> Withheld:
    match held:
        case [str(why), bool(blocked), None | str() as fix]:
            return Withheld(why, blocked, fix)
    raise ValueError("what is withheld has a reason, whether it blocks, and a fix")


def _value(value: object) -> Json:
    """Values as JSON; what JSON lacks is a list whose first item says what it is, so lists are wrapped too."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case dict():
            return {key: _value(inner) for key, inner in value.items()}
        case list():
            return ["list", *(_value(inner) for inner in value)]
        case tuple():
            return ["tuple", *(_value(inner) for inner in value)]
        case RepoFile():
            return ["file", value.path, base64.b64encode(value.data).decode()]
        case SecretText():
            return ["secret", cast("Json", value.to_json())]
    if value == ABSENT:
        return ["absent"]
    assert value == UNMANAGED, value
    return ["unmanaged"]


def _read_value(value: Json) -> object:
    match value:
        case dict():
            return {key: _read_value(inner) for key, inner in value.items()}
        case ["list", *inner]:
            return [_read_value(item) for item in inner]
        case ["tuple", *inner]:
            return tuple(_read_value(item) for item in inner)
        case ["file", str(path), str(data)]:
            return RepoFile(path=path, data=base64.b64decode(data, validate=True))
        case ["secret", parts]:
            return SecretText.from_json(parts)
        case ["absent"]:
            return ABSENT
        case ["unmanaged"]:
            return UNMANAGED
        case list():
            raise ValueError("unknown value")
        case _:
            return value
